"""Opening a model folder: the one place that asks transformers for a model, tokenizer and processor."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import SafetensorError

from longform_worker.jobs import Architecture, Precision
from longform_worker.models.adapter import Adapter, Config, ImageProcessor, Model
from longform_worker.models.folder import check_model_folder, check_weights, refuse_model
from longform_worker.models.qwen2_5_vl import Qwen25VL
from longform_worker.models.qwen2_vl import Qwen2VL
from longform_worker.models.qwen3_vl import Qwen3VL

Library: TypeAlias = Any
AttentionFunction: TypeAlias = Any  # as transformers calls it
Tokenizer: TypeAlias = Any  # a PreTrainedTokenizerFast
# Another family is one more adapter here.
_FAMILIES: tuple[type[Adapter], ...] = (Qwen2VL, Qwen25VL, Qwen3VL)
ADAPTERS: dict[str, type[Adapter]] = {family.model_type: family for family in _FAMILIES}
FAMILIES: dict[Architecture, type[Adapter]] = {family.architecture: family for family in _FAMILIES}
DTYPES = {Precision.FLOAT32: torch.float32, Precision.BFLOAT16: torch.bfloat16}
# The library's own attention under a name for which it makes no masks: those it is given are taken as they are.
FINISHED_MASKS_ATTENTION = "longform_finished_masks"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model folder without its weights: what counts and encodes.

    ``turn_end_id`` ends an answer; generation also stops at any of ``stop_ids``.
    """

    folder: Path
    config: Config
    tokenizer: Tokenizer
    image_processor: ImageProcessor
    adapter: Adapter
    turn_end_id: int
    stop_ids: tuple[int, ...]

    @property
    def window(self) -> int:
        """Most tokens of a sequence that the model was made for."""
        return self.config.text_config.max_position_embeddings


@dataclass(frozen=True, slots=True)
class LoadedModel(ModelFolder):
    """A model folder with its weights in memory."""

    model: Model
    device: torch.device


def open_model_folder(folder: Path) -> ModelFolder:
    """Open what a folder has besides weights.

    Raises EngineFailure (model_refused) naming the file when the folder lacks a part or is of another family.
    """
    kind = check_model_folder(folder).get("model_type")
    if kind not in ADAPTERS:
        raise refuse_model(folder / "config.json", f'a "model_type" out of {", ".join(ADAPTERS)}', repr(kind))
    tokenizer, image_processor = open_processors(folder)
    try:
        config: Config = transformers_library().AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise refuse_model(folder / "config.json", f"a config of {kind}", str(error)) from error
    _check_config(folder, config)
    turn_end_id, stop_ids = _stops(folder, config, tokenizer)
    return ModelFolder(
        folder=folder,
        config=config,
        tokenizer=tokenizer,
        image_processor=image_processor,
        adapter=ADAPTERS[kind](config, image_processor),
        turn_end_id=turn_end_id,
        stop_ids=stop_ids,
    )


def load_model(folder: Path, precision: Precision, text_attention: str = "sdpa") -> LoadedModel:
    """Open a folder in evaluation mode, on this rank's GPU where there is one.

    ``text_attention`` is the attention of the language model, by a name that transformers knows.
    Raises EngineFailure (model_refused) naming the file when the folder lacks a part, is of another
    family, or holds other weights than its config describes.
    """
    opened = open_model_folder(folder)
    check_weights(folder)
    try:
        model, report = getattr(transformers_library(), opened.adapter.model_class).from_pretrained(
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
    device = _device()
    parts = {name: getattr(opened, name) for name in ModelFolder.__dataclass_fields__}
    return LoadedModel(**parts, model=model.to(device).eval(), device=device)


def transformers_library() -> Library:
    """transformers, untyped as it is, without progress bars: they would fill the log with torn lines."""
    library: Any = importlib.import_module("transformers")
    library.utils.logging.disable_progress_bar()
    return library


def finished_masks_attention() -> str:
    """The name of an attention of the language model that takes masks as they are given; for ``load_model``."""
    return register_attention(FINISHED_MASKS_ATTENTION, library_attention())


def library_attention() -> AttentionFunction:
    """The function that transformers computes attention with under the name "sdpa"."""
    return importlib.import_module("transformers.integrations.sdpa_attention").sdpa_attention_forward


def register_attention(name: str, function: AttentionFunction) -> str:
    """Make a function of attention known to transformers, which then makes no masks for it; returns the name."""
    transformers_library().AttentionInterface.register(name, function)
    return name


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


def _check_config(folder: Path, config: Config) -> None:
    """Refuse what would fail late or with a misleading message."""
    text, vision = config.text_config, config.vision_config
    layers: list[str] = getattr(text, "layer_types", None) or []
    if set(layers) - {"full_attention"}:
        raise refuse_model(folder / "config.json", "full attention in every layer", "layers with a sliding window")
    # Qwen2-VL calls the width that its vision tower gives out "hidden_size".
    given: int = getattr(vision, "out_hidden_size", vision.hidden_size)
    if given != text.hidden_size:
        expected = f"image tokens as wide as the language model's {text.hidden_size}"
        raise refuse_model(folder / "config.json", expected, f"a vision tower that gives {given}")


def _stops(folder: Path, config: Config, tokenizer: Tokenizer) -> tuple[int, tuple[int, ...]]:
    """The turn's end and all ids that end generation; a model that would never stop is refused."""
    generation: Any = transformers_library().GenerationConfig
    file = folder / "generation_config.json"
    try:
        settings = generation.from_pretrained(folder) if file.is_file() else generation.from_model_config(config)
    except (OSError, ValueError) as error:
        raise refuse_model(file, "settings of generation", str(error)) from error
    configured: int | list[int] | None = settings.eos_token_id
    stop_ids = tuple(configured) if isinstance(configured, list) else () if configured is None else (configured,)
    turn_end_id: int | None = tokenizer.eos_token_id
    if turn_end_id is None or turn_end_id not in stop_ids:
        expected = f"eos_token_id with the tokenizer's end of turn ({turn_end_id})"
        raise refuse_model(file, expected, str(list(stop_ids)))
    return turn_end_id, stop_ids


def _device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")
