"""What can be said about a request before an engine sees it."""

from __future__ import annotations

from collections.abc import Mapping

from longform_worker.failure import EngineFailure
from longform_worker.jobs import GenerateRequest, GenerationJob, Sampling
from longform_worker.records import read_record

_SEED_LIMIT = 1 << 64


def read_request(fields: Mapping[str, object], job: GenerationJob) -> GenerateRequest:
    """The request in a message's fields, checked against its job; raises EngineFailure for this request alone."""
    request = read_record(GenerateRequest, fields, "")
    _check_sampling(request.sampling)
    _check_images(request, job)
    if any("\ud800" <= character <= "\udfff" for character in request.prompt):
        raise _refused("prompt", "text", "half of a surrogate pair")
    return request


def check_window(prompt_tokens: int, sampling: Sampling, window: int) -> None:
    """Refuse a request whose prompt and longest answer do not fit the job's ``max_tokens`` together."""
    if prompt_tokens + sampling.max_tokens > window:
        raise EngineFailure(
            "spec_refused",
            f"{prompt_tokens} prompt tokens and up to {sampling.max_tokens} written ones exceed max_tokens {window}"
            " of the generation; ask for fewer, use fewer or smaller images, or raise that limit.",
            field_path="sampling.max_tokens",
            expected=f"at most {max(window - prompt_tokens, 0)}",
            found=sampling.max_tokens,
            prompt_tokens=prompt_tokens,
            window=window,
        )


def _check_sampling(sampling: Sampling) -> None:
    limits = [
        ("temperature", sampling.temperature >= 0, "at least 0", sampling.temperature),
        ("top_p", 0 < sampling.top_p <= 1, "above 0 and at most 1", sampling.top_p),
        ("max_tokens", sampling.max_tokens >= 1, "at least 1", sampling.max_tokens),
        ("min_tokens", sampling.min_tokens <= sampling.max_tokens, "at most max_tokens", sampling.min_tokens),
        ("seed", sampling.seed < _SEED_LIMIT, "below 2^64", sampling.seed),
    ]
    for name, holds, expected, found in limits:
        if not holds:
            raise _refused(f"sampling.{name}", expected, found)


def _check_images(request: GenerateRequest, job: GenerationJob) -> None:
    policy = job.vision_policy
    if len(request.images) > policy.max_images:
        raise _refused("images", f"at most vision_policy.max_images = {policy.max_images} images", len(request.images))
    for place, image in enumerate(request.images):
        grid, pixels = policy.grid_multiple, image.width * image.height
        fits = pixels > 0 and policy.min_pixels <= pixels <= policy.max_pixels
        if not fits or image.width % grid or image.height % grid:
            expected = f"sides that are multiples of {grid} and {policy.min_pixels} to {policy.max_pixels} pixels"
            raise _refused(f"images.{place}", expected, f"{image.width}x{image.height}")


def _refused(path: str, expected: str, found: object) -> EngineFailure:
    return EngineFailure(
        "spec_refused",
        f"{path} must be {expected}, found {found}.",
        field_path=path,
        expected=expected,
        found=found,
    )
