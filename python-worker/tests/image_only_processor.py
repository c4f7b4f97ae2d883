"""The processor that transformers has for a model family, without its video part, which would need torchvision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import transformers


def library() -> Any:
    """transformers without its types, which do not hold."""
    return transformers


def image_only_processor(folder: Path) -> Any:
    """The processor of a model folder; its class is the one that the folder names."""
    name = json.loads((folder / "preprocessor_config.json").read_text())["processor_class"]
    family: Any = getattr(transformers, name)

    class ImageOnlyProcessor(family):
        def __init__(self, image_processor: Any, tokenizer: Any) -> None:
            for token in ("image_pad", "video_pad", "vision_start", "vision_end"):
                field = token.removesuffix("_pad")
                setattr(self, f"{field}_token", f"<|{token}|>")
                setattr(self, f"{field}_token_id", tokenizer.convert_tokens_to_ids(f"<|{token}|>"))
            library().ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=tokenizer.chat_template)

    return ImageOnlyProcessor(
        library().AutoImageProcessor.from_pretrained(folder, backend="pil"),
        library().AutoTokenizer.from_pretrained(folder),
    )
