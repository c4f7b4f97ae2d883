"""An audit: every row of an import counted as a training would count it, and judged on its own.

Needs tokenizer, template, processor and config of the model, and none of its weights.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from longform_worker.data.images import check_policy
from longform_worker.data.prompt import IMAGE_PLACE, PromptEncoder, RowTokens
from longform_worker.data.rows import TrainingRow, count_rows, read_rows, training_row, write_rows
from longform_worker.engines.train.plan import check_images
from longform_worker.failure import EngineFailure
from longform_worker.jobs import AuditJob, PromptLayout, TooLong
from longform_worker.models.folder import check_vision_policy, refuse_model
from longform_worker.models.loaded import open_model_folder
from longform_worker.wire import EngineLink

PROGRESS_SECONDS = 0.25
# Where a prompt may end: behind a word, or behind a character of a script that puts no spaces between words.
_SPACELESS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(f"[{_SPACELESS}]|[^\\s{_SPACELESS}]+")


@dataclass(slots=True)
class AuditCounts:
    """The fields of ``AuditResult``."""

    rows: int = 0
    images: int = 0
    tokens: int = 0
    image_tokens: int = 0
    target_tokens: int = 0
    longest_row_tokens: int = 0
    capped: int = 0
    dropped: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit found of a row. ``encoded`` is None for a row that cannot be counted."""

    row: TrainingRow
    encoded: RowTokens | None
    action: str
    why: str = ""
    cut_characters: int = 0

    def line(self) -> dict[str, object]:
        """The row's line of the report; tokens that could not be counted are null."""
        encoded = self.encoded
        return {
            "id": self.row.id,
            "tokens": encoded and len(encoded.ids),
            "imageTokens": encoded and encoded.image_tokens,
            "targetTokens": encoded and len(encoded.ids) - encoded.target_start,
            "images": len(self.row.images),
            "pixels": sum(image.width * image.height for image in self.row.images),
            "action": self.action,
            "why": self.why,
            "cutCharacters": self.cut_characters,
        }


def run(job: AuditJob, link: EngineLink) -> dict[str, object]:
    """Audit the rows of a job. Raises EngineFailure: spec_refused for settings, model_refused for the folder,
    data_refused for a file that does not hold rows; what is wrong with one row ends in the report."""
    check_policy(job.vision_policy, "audit.vision_policy")
    check_vision_policy(Path(job.model_path), job.vision_policy, "audit.vision_policy")
    if job.max_tokens < 1:
        raise EngineFailure(
            "spec_refused",
            f"maxTokens must be at least 1; found {job.max_tokens}.",
            field_path="audit.max_tokens",
            expected="at least 1",
            found=job.max_tokens,
        )
    link.phase("loading")
    auditor = Auditor(job)
    link.phase("planning")
    total = count_rows(Path(job.rows_path))
    if total == 0:
        raise EngineFailure(
            "data_refused",
            f"{job.rows_path} holds no rows; a training needs at least one.",
            file=job.rows_path,
            expected="at least one row",
            found="none",
        )
    link.phase("running")
    counts, report = AuditCounts(), list[dict[str, object]]()
    write_rows(Path(job.kept_rows_path), _kept(job, auditor, counts, report, link, total))
    write_rows(Path(job.report_path), report)
    link.send("progress", done=total, total=total, unit="rows")
    return {"audited": {name: getattr(counts, name) for name in AuditCounts.__dataclass_fields__}}


def _kept(
    job: AuditJob,
    auditor: Auditor,
    counts: AuditCounts,
    report: list[dict[str, object]],
    link: EngineLink,
    total: int,
) -> Iterator[Mapping[str, Any]]:
    """The rows to train on, as they were but for prompts that were shortened; every row is counted and reported."""
    told = time.monotonic()
    for fields in read_rows(Path(job.rows_path)):
        verdict = auditor.judge(training_row(Path(job.rows_path), fields))
        report.append(verdict.line())
        counts.dropped += verdict.action == "dropped"
        counts.refused += verdict.action == "refused"
        if verdict.encoded is not None and verdict.action in ("kept", "capped"):
            _count(counts, verdict, verdict.encoded)
            yield {**fields, "prompt": verdict.row.prompt}
        if time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            link.send("progress", done=len(report), total=total, unit="rows")


def _count(counts: AuditCounts, verdict: Verdict, encoded: RowTokens) -> None:
    counts.rows += 1
    counts.images += len(verdict.row.images)
    counts.tokens += len(encoded.ids)
    counts.image_tokens += encoded.image_tokens
    counts.target_tokens += len(encoded.ids) - encoded.target_start
    counts.longest_row_tokens = max(counts.longest_row_tokens, len(encoded.ids))
    counts.capped += verdict.action == "capped"


class Auditor:
    """Judges rows one by one for one job."""

    def __init__(self, job: AuditJob) -> None:
        self._job = job
        self._model = open_model_folder(Path(job.model_path))
        self._encoder = PromptEncoder(self._model, job.prompt_layout)
        self._processors_count = cache(self._count_of_processor)

    def judge(self, row: TrainingRow) -> Verdict:
        """Count a row and say what happens to it. Raises EngineFailure for what is wrong with more than this row."""
        try:
            check_images(Path(self._job.rows_path), row, self._job.vision_policy)
            encoded = self._encoder.row(row)
        except EngineFailure as failure:
            if failure.code != "data_refused":
                raise
            return Verdict(row, None, "refused", failure.detail.removeprefix(f"Row {row.id}").lstrip(":, "))
        self._compare(row, encoded)
        limit, window = self._job.max_tokens, self._model.window
        if window < min(len(encoded.ids), limit):
            more = f"{len(encoded.ids) - window} more than the {window} of the model's window"
            return Verdict(row, encoded, "refused", f"{len(encoded.ids)} tokens, {more}; maxTokens is {limit}")
        if len(encoded.ids) <= limit:
            return Verdict(row, encoded, "kept")
        why = f"{len(encoded.ids)} tokens, {len(encoded.ids) - limit} more than maxTokens {limit}"
        match self._job.too_long:
            case TooLong.REFUSE:
                return Verdict(row, encoded, "refused", why)
            case TooLong.DROP:
                return Verdict(row, encoded, "dropped", why)
            case TooLong.CAP:
                return self._cap(row, encoded, why)

    def _cap(self, row: TrainingRow, encoded: RowTokens, why: str) -> Verdict:
        """The row with as many words of its prompt as fit, counted from the start; images and target stay whole."""
        prompt = _Words(row.prompt, inline=self._job.prompt_layout is PromptLayout.INLINE)
        target = encoded.ids[encoded.target_start :]
        fitting: Verdict | None = None
        fewest, most = prompt.fewest, prompt.count - 1
        while fewest <= most:
            middle = (fewest + most) // 2
            text = prompt.first(middle)
            tokens = self._encoder.prompt(text, row.images, row.id)
            if len(tokens.ids) + len(target) <= self._job.max_tokens:
                shorter = RowTokens(tokens.ids + target, len(tokens.ids), tokens.image_tokens)
                fitting = Verdict(replace(row, prompt=text), shorter, "capped", why, len(row.prompt) - len(text))
                fewest = middle + 1
            else:
                most = middle - 1
        if fitting is not None:
            return fitting
        kept = f"{len(target)} of the target and {encoded.image_tokens} of its images must stay"
        return Verdict(row, encoded, "refused", f"{why}; {kept}")

    def _compare(self, row: TrainingRow, encoded: RowTokens) -> None:
        """Hold the counts of a row's images to those of the family's own processor."""
        expected = sum(self._processors_count(image.width, image.height) for image in row.images)
        if encoded.image_tokens != expected:
            file = self._model.folder / "preprocessor_config.json"
            sizes = ", ".join(f"{image.width}x{image.height}" for image in row.images)
            detail = f"{expected} image tokens for {sizes} pixels, as the processor counts them"
            raise refuse_model(file, detail, f"{encoded.image_tokens}")

    def _count_of_processor(self, width: int, height: int) -> int:
        policy, processor = self._job.vision_policy, self._model.image_processor
        bounds = {"min_pixels": policy.min_pixels, "max_pixels": policy.max_pixels}
        patches: int = processor.get_number_of_image_patches(height, width, bounds)
        return patches // processor.merge_size**2


class _Words:
    """A prompt that can be cut behind any of its words; places of images are no words and stay."""

    def __init__(self, prompt: str, *, inline: bool) -> None:
        self._texts = prompt.split(IMAGE_PLACE) if inline else [prompt]
        ends = [(place, match.end()) for place, text in enumerate(self._texts) for match in _WORD.finditer(text)]
        self._ends = [(0, 0), *ends]
        self.count = len(ends)
        # A prompt must not be empty; places of images are enough.
        self.fewest = 0 if len(self._texts) > 1 else 1

    def first(self, words: int) -> str:
        """The prompt with its first words alone."""
        last, end = self._ends[words]
        cut = [text if place < last else text[:end] if place == last else "" for place, text in enumerate(self._texts)]
        return IMAGE_PLACE.join(cut)
