"""A folder that all ranks write together: each its own files, the manifest last by rank 0."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from longform_worker.engines.train.backend.ranks import Ranks
from longform_worker.models.folder import FileRecord, publishing, settle
from longform_worker.models.tensors import write_tensors

PIECE_BYTES = 2 << 30


class Share:
    """What one rank writes into a folder that is not published yet; ``files`` are those it has settled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, FileRecord] = {}
        self.keys: dict[str, str] = {}  # the file of every tensor

    def write(self, tensors: dict[str, Tensor], name: str) -> None:
        """One file of tensors, on the disk when this returns."""
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        write_tensors(tensors, file)
        self.files[name] = settle(file)
        self.keys.update(dict.fromkeys(tensors, name))


class Pieces:
    """Tensors written as files of about ``PIECE_BYTES``, so that no more of them are in memory at one time."""

    def __init__(self, share: Share, stem: str) -> None:
        self._share = share
        self._stem = stem
        self._tensors: dict[str, Tensor] = {}
        self._written = 0

    def add(self, key: str, tensor: Tensor) -> None:
        """A tensor more."""
        self._tensors[key] = tensor
        if sum(one.nbytes for one in self._tensors.values()) >= PIECE_BYTES:
            self.close()

    def close(self) -> None:
        """Write what is left."""
        if self._tensors:
            self._share.write(self._tensors, f"{self._stem}-{self._written:05d}.safetensors")
            self._written += 1
            self._tensors = {}


@contextmanager
def publishing_together(ranks: Ranks, target: Path, facts: dict[str, Any]) -> Generator[Share]:
    """The share of this rank; ``target`` is there once rank 0 has left the block, for which the others have to wait.

    ``facts`` go into the manifest, those of rank 0. The folder lies on a file system that all ranks see.
    """
    if not ranks.leads:
        share = Share(Path(ranks.from_leader(None)))
        yield share
        ranks.collect(share.files)
    else:
        settled: dict[str, FileRecord] = {}
        with publishing(target, facts, settled) as folder:
            share = Share(Path(ranks.from_leader(str(folder))))
            yield share
            for files in ranks.collect(share.files):
                settled.update(files)
