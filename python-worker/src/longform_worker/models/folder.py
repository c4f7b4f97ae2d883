"""Model folders and checkpoints on disk: checked before use, published whole, hashed by content.

A folder is written as ``<path>.partial-<pid>``, gets ``manifest.json`` last, and is then renamed. A
folder without a manifest was not written by Longform (or, for a checkpoint, is not complete).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

from longform_worker.failure import EngineFailure, spec_name
from longform_worker.jobs import VisionPolicy

if TYPE_CHECKING:
    from hashlib import _Hash as Digest  # pyright: ignore[reportPrivateUsage]

MANIFEST = "manifest.json"
FileRecord: TypeAlias = dict[str, object]  # "bytes" and "sha256"
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_SMALL = (".json", ".jinja", ".txt", ".model")
_LICENCES = ("LICENSE", "NOTICE")
_CHUNK_BYTES = 1 << 22


def check_model_folder(folder: Path) -> dict[str, Any]:
    """The config of a folder that has what a model needs besides weights: config and tokenizer.

    Files that a manifest names must be there with the size it gives. Raises EngineFailure (model_refused).
    """
    if not folder.is_dir():
        raise refuse_model(folder, "an existing folder", "no folder")
    config = _read_json(folder / "config.json")
    if not (folder / "tokenizer.json").is_file():
        raise refuse_model(folder / "tokenizer.json", "the model's tokenizer", "no such file")
    for name, facts in read_manifest(folder).get("files", {}).items():
        file = folder / name
        size = file.stat().st_size if file.is_file() else None
        if size != facts["bytes"]:
            raise refuse_model(file, f"{facts['bytes']} bytes, as {MANIFEST} says", f"{size or 'no'} bytes")
    return config


def check_weights(folder: Path) -> None:
    """Refuse a folder without weights as safetensors (model_refused)."""
    if any(folder.glob("*.safetensors")):
        return
    pickled = sorted(file.name for file in folder.iterdir() if file.suffix in _PICKLED)
    if pickled:
        raise refuse_model(folder / pickled[0], "weights as safetensors", "pickled weights, which can run code")
    raise refuse_model(folder / "model.safetensors", "weights as safetensors", "no such file")


def small_files(folder: Path) -> list[Path]:
    """What a model's folder has besides weights, by name: config, tokenizer, template, processor, and its licence."""
    return [
        file
        for file in sorted(folder.iterdir())
        if file.is_file()
        and (file.suffix in _SMALL or file.stem in _LICENCES)
        and file.name != MANIFEST
        and not file.name.endswith(".index.json")
    ]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The folder's manifest; empty for a folder that Longform did not write."""
    return _read_json(folder / MANIFEST) if (folder / MANIFEST).is_file() else {}


def check_vision_policy(folder: Path, policy: VisionPolicy, field_path: str) -> None:
    """Refuse a policy other than the one the folder's model was made with (spec_refused, naming both)."""
    recorded: object = read_manifest(folder).get("vision_policy")
    asked = policy_record(policy)
    if recorded is not None and recorded != asked:
        raise EngineFailure(
            "spec_refused",
            f"{spec_name(field_path)} is {json.dumps(asked)}, but {folder} was made with {json.dumps(recorded)}."
            " Pixels must be equal everywhere: use the model's policy, or start from another model.",
            field_path=field_path,
            expected=json.dumps(recorded),
            found=json.dumps(asked),
        )


def policy_record(policy: VisionPolicy) -> dict[str, object]:
    """A policy as a manifest records it."""
    return {name: str(value) if isinstance(value, str) else value for name, value in asdict(policy).items()}


@contextmanager
def publishing(folder: Path, facts: dict[str, Any], settled: Mapping[str, FileRecord] | None = None) -> Generator[Path]:
    """A fresh folder to write into that becomes ``folder`` when the block ends without an exception.

    ``facts`` is read at that time, so the block may add to it; it goes into the manifest beside the
    bytes and SHA-256 of every file. ``settled`` holds those of files that other processes write and settle. An older
    folder of the same name gives way.
    """
    partial = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        files = dict(settled or {})
        for file in sorted(partial.rglob("*")):
            name = str(file.relative_to(partial))
            if file.is_file() and name not in files:
                files[name] = settle(file)
        manifest = partial / MANIFEST
        manifest.write_text(json.dumps({"format": 1, "files": files, **facts}, indent=1) + "\n", encoding="utf-8")
        settle(manifest)
        for inner in (*(path for path in partial.rglob("*") if path.is_dir()), partial):
            _sync_folder(inner)
        if folder.exists():
            replaced = folder.with_name(f"{folder.name}.replaced-{os.getpid()}")
            folder.rename(replaced)
            partial.rename(folder)
            shutil.rmtree(replaced)
        else:
            partial.rename(folder)
        _sync_folder(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def clear_unpublished(parent: Path, names: str) -> None:
    """Remove what processes that were killed while they published folders of these names (a pattern) have left.

    A folder that had given way to one that never came to its place is put back.
    """
    for replaced in parent.glob(f"{names}.replaced-*"):
        folder = replaced.with_name(replaced.name.rpartition(".replaced-")[0])
        if not folder.exists():
            replaced.rename(folder)
    for state in ("partial", "replaced"):
        for leftover in parent.glob(f"{names}.{state}-*"):
            shutil.rmtree(leftover, ignore_errors=True)


def settle(file: Path) -> FileRecord:
    """Bring a file to the disk; its size and SHA-256 as a manifest has them."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return {"bytes": file.stat().st_size, "sha256": file_sha256(file)}


def weights_sha256(folder: Path) -> str:
    """SHA-256 over all tensors of a folder's safetensors, however they are split into files.

    For each tensor in the order of names: the line "name dtype shape\\n" (shape comma-separated), then its bytes.
    """
    places: dict[str, tuple[Path, int, dict[str, Any]]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as stream:
            header_bytes = int.from_bytes(stream.read(8), "little")
            header: dict[str, dict[str, Any]] = json.loads(stream.read(header_bytes))
        for name, entry in header.items():
            if name != "__metadata__":
                places[name] = (file, 8 + header_bytes, entry)
    digest = hashlib.sha256()
    for name in sorted(places):
        file, base, entry = places[name]
        start, end = entry["data_offsets"]
        digest.update(f"{name} {entry['dtype']} {','.join(map(str, entry['shape']))}\n".encode())
        with file.open("rb") as stream:
            stream.seek(base + start)
            _feed(digest, stream, end - start)
    return digest.hexdigest()


def file_sha256(file: Path) -> str:
    """SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        _feed(digest, stream, file.stat().st_size)
    return digest.hexdigest()


def refuse_model(file: Path, expected: str, found: str) -> EngineFailure:
    """A model_refused failure that names the file."""
    return EngineFailure.mismatch("model_refused", file, expected, found, file=file)


def _feed(digest: Digest, stream: BinaryIO, count: int) -> None:
    while count > 0:
        chunk = stream.read(min(count, _CHUNK_BYTES))
        if not chunk:
            raise EOFError(f"a file ends {count} bytes early")
        digest.update(chunk)
        count -= len(chunk)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content: object = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise refuse_model(file, "a JSON file", "no such file") from error
    except (OSError, ValueError) as error:
        raise refuse_model(file, "a JSON file", str(error)) from error
    if not isinstance(content, dict):
        raise refuse_model(file, "a JSON object", type(content).__name__)
    return cast("dict[str, Any]", content)
