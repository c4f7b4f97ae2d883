"""Tiny Qwen2.5-VL folders for tests of generation: one with random weights, others that recite."""

from __future__ import annotations

import importlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from generation_engine import POLICY, dice
from PIL import Image

from longform_worker.data.images import blob_path, store
from longform_worker.engines import make_model
from longform_worker.engines.generate.token_text import byte_level_alphabet
from longform_worker.jobs import ModelJob
from longform_worker.models.loaded import open_processors
from longform_worker.records import read_record
from longform_worker.wire import EngineLink

safetensors: Any = importlib.import_module("safetensors.torch")

RECITED = "语🙂é."
_TEXT = {
    "layers": 2,
    "hidden_size": 64,
    "intermediate_size": 96,
    "heads": 4,
    "key_value_heads": 2,
    "rope_theta": 500.0,
    "max_positions": 512,
}
_VISION = {"layers": 1, "hidden_size": 32, "intermediate_size": 64, "heads": 2, "patch_size": 14, "merge_size": 2}


def make(folder: Path, link: EngineLink) -> Path:
    """A model folder with random weights, large enough that texts vary and that images are seen."""
    rows = folder / "rows.jsonl"
    row = {"prompt": "Describe the slides.", "target": "Slide 1: three red rings. Slide 2: 两个红色的圆环。"}
    rows.write_text("".join(json.dumps({"id": str(number), **row}) + "\n" for number in range(4)))
    job = {
        "output_path": str(folder / "model"),
        "corpus_rows_path": str(rows),
        "vocabulary_size": 330,
        "text": _TEXT,
        "vision": _VISION,
        "initializer_range": 0.25,
        "seed": 5,
        "vision_policy": POLICY,
        "architecture": "ARCHITECTURE_QWEN2_5_VL",
    }
    make_model.run(read_record(ModelJob, job, "model"), link)
    return folder / "model"


def reciting(model: Path, folder: Path, end: str) -> Path:
    """A model that writes RECITED and the token ``end`` after any prompt, one byte a token.

    No block adds anything, so that a token decides alone what follows it: the head's row of a token is
    the embedding of the one before. After the full stop an image placeholder would be likeliest; where
    the turn may not end yet, the text begins again.
    """
    shutil.copytree(model, folder)
    tokenizer, _ = open_processors(folder)
    alphabet = {byte: token for token, byte in byte_level_alphabet().items()}
    chain = [tokenizer.convert_tokens_to_ids(alphabet[byte]) for byte in RECITED.encode()]
    assert len(set(chain)) == len(chain), "a byte that comes twice could not know what follows it"
    ends, pad = tokenizer.convert_tokens_to_ids(end), tokenizer.convert_tokens_to_ids("<|image_pad|>")
    prompt: list[int] = tokenizer.encode("<|im_start|>assistant\n", add_special_tokens=False)

    def edit(weights: dict[str, torch.Tensor]) -> None:
        for name in weights:
            if name.endswith(("self_attn.o_proj.weight", "mlp.down_proj.weight")) and "visual" not in name:
                weights[name].zero_()
        rows = weights["model.embed_tokens.weight"]
        head = weights["lm_head.weight"].zero_()
        for before, after in zip([prompt[-1], *chain[:-1]], chain, strict=True):
            head[after] += 10 * rows[before]
        for after, strength in ((pad, 30), (ends, 20), (chain[0], 10)):
            head[after] += strength * rows[chain[-1]]

    return _edit(folder, edit)


def breaking(model: Path, folder: Path, character: str) -> Path:
    """The model of ``model``, but not a number comes out for prompts with ``character``."""
    shutil.copytree(model, folder)
    tokenizer, _ = open_processors(folder)
    token = tokenizer.convert_tokens_to_ids(character)

    def edit(weights: dict[str, torch.Tensor]) -> None:
        weights["model.embed_tokens.weight"][token] = float("nan")

    return _edit(folder, edit)


def _edit(folder: Path, edit: Callable[[dict[str, torch.Tensor]], None]) -> Path:
    file = folder / "model.safetensors"
    weights: dict[str, torch.Tensor] = safetensors.load_file(file)
    edit(weights)
    safetensors.save_file(weights, file, metadata={"format": "pt"})
    (folder / "manifest.json").unlink()  # it describes the weights as they were made
    return folder


def noise(root: Path, seed: int, width: int = 28, height: int = 28) -> dict[str, Any]:
    """A stored image of random pixels, as a request refers to it."""
    pixels = dice(seed).randbytes(width * height * 3)
    return asdict(store(Image.frombytes("RGB", (width, height), pixels), root / "blobs")[0])


def blob(root: Path, content: bytes, width: int = 28, height: int = 28) -> dict[str, Any]:
    """Stores bytes as they are under their own digest."""
    digest = sha256(content).hexdigest()
    path = blob_path(root / "blobs", digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"sha256": digest, "width": width, "height": height}


def uncompressed(image: Image.Image) -> bytes:
    """A PNG file whose bytes follow the order of its pixels."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=0)
    return buffer.getvalue()
