"""Fetching: a model or dataset of a hub comes into the standard local cache of this machine, or is there already."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from longform_worker.failure import EngineFailure, FailureCode
from longform_worker.jobs import FetchJob, RepositoryKind
from longform_worker.wire import EngineLink

PROGRESS_SECONDS = 0.5
REQUEST_SECONDS = 30
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
# Never pickles: neither weights (*.bin, *.pt) nor anything else that runs when it is read.
_PATTERNS = {
    RepositoryKind.MODEL: ["*.json", "*.safetensors", "*.jinja", "*.txt", "tokenizer.model"],
    RepositoryKind.DATASET: ["*.parquet", "*.json*", "README.md"],
}
_NEEDED = {RepositoryKind.MODEL: ".safetensors", RepositoryKind.DATASET: ".parquet"}


def run(job: FetchJob, link: EngineLink) -> dict[str, object]:
    """Fetch a repository. Raises EngineFailure: spec_refused for the token's variable or a repository's name,
    model_refused or data_refused for what the hub does not give, environment_missing when there is no way to it,
    disk_full before a download that would not fit.
    """
    token = _token(job)
    link.phase("loading")
    hub = _Hub(job, token)
    folder = hub.complete_in_cache()
    if folder is None:
        try:
            listing = hub.listing()
            link.phase("running")
            folder = _download(hub, listing, link)
        except _Unreachable as error:
            folder = hub.from_cache(error)
            # Whoever asked for a branch should know that it may have moved since.
            sys.stdout.write(f"offline: revision {job.revision} stands for commit {folder.name} of the local cache\n")
    return {"fetched": {"path": str(folder), "commit": folder.name, "bytes": _size_of(folder)}}


def _token(job: FetchJob) -> str | None:
    if not job.token_variable:
        return None
    token = os.environ.get(job.token_variable, "").strip()
    if not token:
        expected = f"a token in the environment variable {job.token_variable}"
        found = f"no {job.token_variable} where the worker runs"
        raise EngineFailure(
            "spec_refused",
            f"tokenVariable must name {expected}; found {found}.",
            field_path="fetch.token_variable",
            expected=expected,
            found=found,
        )
    return token


class _Unreachable(Exception):
    """No answer from the hub that says anything about the repository."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """The files to have: names and sizes in bytes."""

    commit: str
    sizes: dict[str, int]


class _Hub:
    """huggingface_hub, typed, for one repository."""

    def __init__(self, job: FetchJob, token: str | None) -> None:
        # Engines are started offline so that none fetches anything by itself. The library reads this when imported.
        os.environ.pop("HF_HUB_OFFLINE", None)
        os.environ.pop("TRANSFORMERS_OFFLINE", None)
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
        os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
        self._library: Any = importlib.import_module("huggingface_hub")
        self._errors: Any = importlib.import_module("huggingface_hub.errors")
        constants: Any = importlib.import_module("huggingface_hub.constants")
        self.job = job
        self._api: Any = self._library.HfApi(token=token or False)
        self._endpoint: str = constants.ENDPOINT
        kind = "model" if job.holds is RepositoryKind.MODEL else "dataset"
        self._place = {"repo_id": job.repository, "repo_type": kind}
        self.cache = Path(constants.HF_HUB_CACHE).expanduser().absolute()
        self.folder = self.cache / f"{kind}s--{job.repository.replace('/', '--')}"

    def complete_in_cache(self) -> Path | None:
        """The snapshot of a full commit when the cache is known to hold every file of it."""
        if not _COMMIT.match(self.job.revision):
            return None
        try:
            self._library.get_cached_repo_tree(**self._place, revision=self.job.revision)
            return self._snapshot(local=True)
        except (self._errors.CachedRepoTreeNotFoundError, self._errors.LocalEntryNotFoundError):
            return None

    def from_cache(self, reason: _Unreachable) -> Path:
        """The snapshot that the cache has for the revision."""
        job = self.job
        try:
            return self._snapshot(local=True)
        except self._errors.LocalEntryNotFoundError as error:
            part = isinstance(error, self._errors.IncompleteSnapshotError)
            cached = "only in part in the local cache" if part else "not in the local cache"
            what = f"the repository {job.repository} at revision {job.revision}"
            raise EngineFailure(
                "environment_missing",
                f"{what} is {cached}, and the hub cannot be reached: {reason}.",
                repository=job.repository,
                revision=job.revision,
                endpoint=self._endpoint,
                cache=self.cache,
                hint="Connect this machine to the hub, or fill the cache on one that is and set HF_HOME to it.",
            ) from reason

    def listing(self) -> _Listing:
        """What the revision stands for now. Raises _Unreachable, or EngineFailure for what the hub refuses."""
        with self._asking():
            info: Any = self._api.repo_info(
                **self._place, revision=self.job.revision, files_metadata=True, timeout=REQUEST_SECONDS
            )
        siblings: list[Any] = info.siblings or []
        every: dict[str, int] = {file.rfilename: file.size or 0 for file in siblings}
        patterns = _PATTERNS[self.job.holds]
        sizes = {name: size for name, size in every.items() if any(fnmatch(name, pattern) for pattern in patterns)}
        needed = _NEEDED[self.job.holds]
        if not any(name.endswith(needed) for name in sizes):
            hint = 'The hub converts datasets itself: try revision "refs/convert/parquet".'
            raise self._refused(
                f"files that end in {needed}",
                ", ".join(list(every)[:10]) or "no files",
                hint if needed == ".parquet" else "Pickled weights are never read; convert them to safetensors first.",
            )
        return _Listing(info.sha, sizes)

    def download(self) -> Path:
        """Brings what is missing into the cache. Raises as ``listing`` does."""
        with self._asking():
            return self._snapshot(local=False)

    def _snapshot(self, *, local: bool) -> Path:
        job = self.job
        patterns = _PATTERNS[job.holds]
        place: dict[str, Any] = {**self._place, "revision": job.revision, "allow_patterns": patterns}
        return Path(self._api.snapshot_download(**place, local_files_only=local))

    @contextmanager
    def _asking(self) -> Generator[None]:
        """Turns the library's errors into ours."""
        errors = self._errors
        job = self.job
        try:
            yield
        except errors.GatedRepoError as error:
            hint = f"Accept its terms at {self._endpoint}/{job.repository}, and name a token of that account."
            raise self._refused("access to the repository", "a gate that the token does not open", hint) from error
        except errors.RepositoryNotFoundError as error:
            hint = "Check the name; a private repository needs tokenVariable."
            found = (
                "no such repository, or none that this token may see" if job.token_variable else "no such repository"
            )
            raise self._refused("a repository of the hub", found, hint) from error
        except errors.RevisionNotFoundError as error:
            raise self._refused("a commit, tag or branch of the repository", f"no revision {job.revision}") from error
        except errors.HfHubHTTPError as error:
            status: int = error.response.status_code
            if status in (401, 403):
                hint = f"The token in {job.token_variable} is refused." if job.token_variable else "Set tokenVariable."
                raise self._refused("access to the repository", f"HTTP {status}", hint) from error
            if status < 500 and status not in (408, 429):
                raise self._refused("an answer", f"HTTP {status}: {_line(error)}") from error
            raise _Unreachable(f"HTTP {status} of {self._endpoint}") from error
        except (errors.HTTPError, errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as error:
            raise _Unreachable(_line(error)) from error
        except errors.HFValidationError as error:
            raise EngineFailure("spec_refused", _line(error), field_path="fetch.repository") from error

    def _refused(self, expected: str, found: str, hint: str = "") -> EngineFailure:
        job = self.job
        code: FailureCode = "model_refused" if job.holds is RepositoryKind.MODEL else "data_refused"
        advice = {"hint": hint} if hint else {}
        where = f"{job.repository} at revision {job.revision}"
        facts = {"repository": job.repository, "revision": job.revision, **advice}
        return EngineFailure.mismatch(code, where, expected, found, **facts)


def _download(hub: _Hub, listing: _Listing, link: EngineLink) -> Path:
    snapshot = hub.folder / "snapshots" / listing.commit
    missing = sum(size for name, size in listing.sizes.items() if not (snapshot / name).exists())
    total = sum(listing.sizes.values())
    _check_disk(hub, missing)
    ended = threading.Event()
    already = _size_of(hub.folder / "blobs")

    def tell() -> None:
        while not ended.wait(PROGRESS_SECONDS):
            arrived = _size_of(hub.folder / "blobs") - already
            link.send("progress", done=min(total, max(0, total - missing + arrived)), total=total, unit="bytes")

    teller = threading.Thread(target=tell, name="fetch progress")
    teller.start()
    try:
        folder = hub.download()
    finally:
        ended.set()
        teller.join()
    link.send("progress", done=total, total=total, unit="bytes")
    return folder


def _check_disk(hub: _Hub, needed: int) -> None:
    place = next(folder for folder in (hub.cache, *hub.cache.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise EngineFailure(
            "disk_full",
            f"{hub.job.repository} needs {needed} bytes more in {hub.cache}, which has {free} free.",
            file=hub.cache,
            expected=f"{needed} bytes free",
            found=f"{free} bytes free",
            repository=hub.job.repository,
            hint="Free some space, or set HF_HOME to a folder of a larger disk.",
        )


def _size_of(folder: Path) -> int:
    """Bytes of all files below a folder, links followed; files that go meanwhile count nothing."""
    size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                size += (Path(path) / name).stat().st_size
            except FileNotFoundError:
                continue
    return size


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
