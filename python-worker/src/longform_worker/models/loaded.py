"""Opening a model folder: the one place that asks transformers for a model, tokenizer and processor."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import SafetensorError

from longform_worker.jobs import Precision
from longform_worker.models.folder import check_model_folder, refuse_model
from longform_worker.models.qwen2_5_vl import ImageProcessor, Model, Qwen25VL

Library: TypeAlias = Any
Tokenizer: TypeAlias = Any  # a PreTrainedTokenizerFast
# Architectures by the model_type of config.json; another one is one more adapter and one more line.
ADAPTERS = {"qwen2_5_vl": (Qwen25VL, "Qwen2_5_VLForConditionalGeneration")}
DTYPES = {Precision.FLOAT32: torch.float32, Precision.BFLOAT16: torch.bfloat16}


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model folder, opened. ``turn_end_id`` ends an answer; generation also stops at any of ``stop_ids``."""

    folder: Path
    model: Model
    tokenizer: Tokenizer
    image_processor: ImageProcessor
    adapter: Qwen25VL
    turn_end_id: int
    stop_ids: tuple[int, ...]
    device: torch.device


def load_model(folder: Path, precision: Precision, text_attention: str = "sdpa") -> LoadedModel:
    """Open a folder in evaluation mode, on this rank's GPU where there is one.

    ``text_attention`` is the attention of the language model, by a name that transformers knows.

    Raises EngineFailure (model_refused) naming the file when the folder lacks a part, is of another
    architecture, or holds other weights than its config describes.
    """
    config = check_model_folder(folder)
    kind = config.get("model_type")
    if kind not in ADAPTERS:
        raise refuse_model(folder / "config.json", f'a "model_type" out of {", ".join(ADAPTERS)}', repr(kind))
    adapter_class, model_class = ADAPTERS[kind]
    transformers = transformers_library()
    tokenizer, image_processor = open_processors(folder)
    try:
        model, report = getattr(transformers, model_class).from_pretrained(
            folder,
            dtype=DTYPES[precision],
            attn_implementation={"text_config": text_attention, "vision_config": "sdpa"},
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise refuse_model(folder, "weights that fit config.json", str(error)) from error
    wrong = [*report["missing_keys"], *report["unexpected_keys"], *report["mismatched_keys"]]
    if wrong:
        found = f"missing, extra or misshapen: {sorted(map(str, wrong))[:5]}"
        raise refuse_model(folder, "weights that fit config.json", found)
    if set(model.config.text_config.layer_types) != {"full_attention"}:
        raise refuse_model(folder / "config.json", "full attention in every layer", "layers with a sliding window")
    turn_end_id, stop_ids = _stops(folder, model, tokenizer)
    device = _device()
    return LoadedModel(
        folder=folder,
        model=model.to(device).eval(),
        tokenizer=tokenizer,
        image_processor=image_processor,
        adapter=adapter_class(model.config, image_processor),
        turn_end_id=turn_end_id,
        stop_ids=stop_ids,
        device=device,
    )


def transformers_library() -> Library:
    """transformers, untyped as it is, without progress bars: they would fill the log with torn lines."""
    library: Any = importlib.import_module("transformers")
    library.utils.logging.disable_progress_bar()
    return library


def open_processors(folder: Path) -> tuple[Tokenizer, ImageProcessor]:
    """The folder's tokenizer and image processor (the Pillow one, which needs no torchvision)."""
    transformers = transformers_library()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        image_processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil", local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise refuse_model(folder, "a tokenizer and an image processor that open", str(error)) from error
    if not tokenizer.chat_template:
        raise refuse_model(folder / "chat_template.jinja", "a chat template", "none")
    return tokenizer, image_processor


def _stops(folder: Path, model: Model, tokenizer: Tokenizer) -> tuple[int, tuple[int, ...]]:
    """The turn's end and all ids that end generation; a model that would never stop is refused."""
    configured: int | list[int] | None = model.generation_config.eos_token_id
    stop_ids = tuple(configured) if isinstance(configured, list) else () if configured is None else (configured,)
    turn_end_id: int | None = tokenizer.eos_token_id
    if turn_end_id is None or turn_end_id not in stop_ids:
        expected = f"eos_token_id with the tokenizer's end of turn ({turn_end_id})"
        raise refuse_model(folder / "generation_config.json", expected, str(list(stop_ids)))
    return turn_end_id, stop_ids


def _device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")
