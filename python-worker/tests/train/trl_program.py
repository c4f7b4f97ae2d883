"""One optimizer step of TRL's SFTTrainer on rows with images, for the test that compares ours with it.

Usage: python trl_program.py MODEL ROWS.json; prints loss and gradient norm by way of accumulation as JSON.
ROWS.json: objects with "prompt", "target" and "images", paths of PNG files.
"""

# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    ProcessorMixin,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
)
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer


class ImageOnlyProcessor(Qwen2_5_VLProcessor):
    """The processor without its part for videos, which needs torchvision."""

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: Any = None, **_: Any) -> None:
        for name in ("image", "video"):
            token = f"<|{name}_pad|>"
            setattr(self, f"{name}_token", token)
            setattr(self, f"{name}_token_id", tokenizer.convert_tokens_to_ids(token))
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)


def step(folder: str, rows: list[dict[str, Any]], batch: int, *, count_tokens: bool) -> tuple[float, float]:
    """Loss and gradient norm of a step over all rows, ``batch`` of them at a time."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    # The newline behind the last turn is a target to TRL and none to us.
    tokenizer.chat_template = tokenizer.chat_template.replace(
        "<|im_end|>\n{% endfor -%}",
        "<|im_end|>{{ '' if loop.last and message.role == 'assistant' else '\n' }}{% endfor -%}",
    )
    processor = ImageOnlyProcessor(AutoImageProcessor.from_pretrained(folder, backend="pil"), tokenizer)
    processor.chat_template = tokenizer.chat_template
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    model.accepts_loss_kwargs = count_tokens
    data = Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": row["prompt"]}],
                "completion": [{"role": "assistant", "content": row["target"]}],
                "images": [Image.open(path) for path in row["images"]],
            }
            for row in rows
        ]
    )
    with tempfile.TemporaryDirectory() as out:
        arguments = SFTConfig(
            output_dir=out,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=len(rows) // batch,
            max_steps=1,
            learning_rate=1e-3,
            max_length=None,
            bf16=False,
            use_cpu=True,
            gradient_checkpointing=False,
            report_to="none",
            logging_steps=1,
            save_strategy="no",
            disable_tqdm=True,
        )
        trainer = SFTTrainer(model=model, args=arguments, train_dataset=data, processing_class=processor)
        trainer.train()
    first = trainer.state.log_history[0]
    return first["loss"], first["grad_norm"]


if __name__ == "__main__":
    folder, rows = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    found = {
        "4x1": step(folder, rows, 4, count_tokens=True),
        "2x2": step(folder, rows, 2, count_tokens=True),
        "1x4": step(folder, rows, 1, count_tokens=True),
        # Without the count it takes the mean of the examples' means.
        "by example": step(folder, rows, 1, count_tokens=False),
    }
    sys.stdout.write("RESULT " + json.dumps(found) + "\n")
    sys.stdout.flush()
    os._exit(0)
