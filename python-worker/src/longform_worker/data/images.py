"""The one way an image enters: decoded under limits, brought to its final size once, stored by content.

A stored image is an RGB PNG file at its final size, named by the SHA-256 of its bytes:
``<blob_root>/<first two digits>/<digest>``. Nothing that reads it later has anything left to resize.
"""

from __future__ import annotations

import ctypes
import hashlib
import io
import math
import os
import re
import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from longform_worker.data.draw import Place
from longform_worker.failure import EngineFailure, spec_name
from longform_worker.jobs import ImageReference, ResizeRule, VisionPolicy

MAX_SOURCE_PIXELS = 100_000_000
MAX_ASPECT_RATIO = 200  # the processors of Qwen's models refuse more
# Formats whose decoders are part of Pillow itself; EPS, for one, would start a program.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")
# Pillow checks pictures inside pictures (icons, frames) against this; above it, it warns, and `decode` raises.
Image.MAX_IMAGE_PIXELS = MAX_SOURCE_PIXELS


def check_policy(policy: VisionPolicy, path: str) -> None:
    """Refuse a policy that no image can meet (spec_refused, naming the field)."""
    grid = policy.grid_multiple
    problems = [
        ("grid_multiple", grid >= 1, "at least 1", grid),
        ("min_pixels", policy.min_pixels >= 1, "at least 1", policy.min_pixels),
        ("max_pixels", policy.max_pixels >= grid * grid, f"at least gridMultiple² = {grid * grid}", policy.max_pixels),
        (
            "max_pixels",
            policy.max_pixels >= policy.min_pixels,
            f"at least minPixels = {policy.min_pixels}",
            policy.max_pixels,
        ),
        ("background", bool(_COLOUR.match(policy.background)), 'a colour like "#ffffff"', policy.background),
    ]
    for field, holds, expected, found in problems:
        if not holds:
            field_path = f"{path}.{field}"
            raise EngineFailure(
                "spec_refused",
                f"{spec_name(field_path)} must be {expected}; found {found}.",
                field_path=field_path,
                expected=expected,
                found=str(found),
            )


def final_size(width: int, height: int, policy: VisionPolicy) -> tuple[int, int]:
    """Width and height in pixels that an image of ``width`` x ``height`` gets under ``policy``.

    Keeping the aspect ratio follows ``smart_resize`` of Qwen2-VL (transformers,
    models/qwen2_vl/image_processing_qwen2_vl.py), so that those processors leave the result as it is.
    Raises ValueError with what is expected when no allowed size exists.
    """
    grid = policy.grid_multiple
    if policy.resize is ResizeRule.SQUARE:
        side = math.isqrt(policy.max_pixels) // grid * grid
        new_width = new_height = side
    else:
        if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
            raise ValueError(f"at most {MAX_ASPECT_RATIO} times as long as it is short")
        new_width, new_height = round(width / grid) * grid, round(height / grid) * grid
        if new_width * new_height > policy.max_pixels:
            shrink = math.sqrt(width * height / policy.max_pixels)
            new_width = max(grid, math.floor(width / shrink / grid) * grid)
            new_height = max(grid, math.floor(height / shrink / grid) * grid)
        elif new_width * new_height < policy.min_pixels:
            grow = math.sqrt(policy.min_pixels / (width * height))
            new_width = math.ceil(width * grow / grid) * grid
            new_height = math.ceil(height * grow / grid) * grid
    if not policy.min_pixels <= new_width * new_height <= policy.max_pixels:
        raise ValueError(
            f"of a shape that fits {policy.min_pixels} to {policy.max_pixels} pixels in multiples of {grid}"
            f" ({new_width}x{new_height} does not)"
        )
    return new_width, new_height


def fits(image: ImageReference, policy: VisionPolicy) -> bool:
    """Whether a stored image has a size that this policy gives."""
    return (
        policy.min_pixels <= image.width * image.height <= policy.max_pixels
        and image.width % policy.grid_multiple == 0
        and image.height % policy.grid_multiple == 0
        and (policy.resize is not ResizeRule.SQUARE or image.width == image.height)
    )


def decode(path: Path, place: Place) -> Image.Image:
    """The first frame of an image file, upright, with its pixels loaded.

    The size in the header is checked before anything is decoded. Raises EngineFailure (data_refused).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_SOURCE_PIXELS:
                    raise Image.DecompressionBombError(f"{image.width}x{image.height} pixels")
                image.load()
                return ImageOps.exif_transpose(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise place.refuse(f"at most {MAX_SOURCE_PIXELS} pixels", f"{path}: {error}") from error
    except FileNotFoundError as error:
        raise place.refuse("an existing file", f"no file {path}") from error
    except UnidentifiedImageError as error:
        raise place.refuse(f"an image file ({', '.join(FORMATS)})", f"{path}, which is none of these") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:  # Pillow's decoders raise all of these
        raise place.refuse("an image file that can be decoded", f"{path}: {error}") from error


def flatten(image: Image.Image, background: str, place: Place) -> Image.Image:
    """The image as 8-bit RGB, transparent pixels over ``background``."""
    if image.mode.startswith("I"):
        image = _eight_bits(image, place)
    elif image.mode == "F":
        raise place.refuse("of whole-number pixels", "floating-point pixels, whose white is not defined")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        layer = image.convert("RGBA")
        base = Image.new("RGBA", layer.size, background)
        return Image.alpha_composite(base, layer).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image, place: Place) -> Image.Image:
    """16-bit grey scaled to 8 bits; Pillow's own conversion clips at 255 instead."""
    wide = image.convert("I")
    extrema = wide.getextrema()
    low, high = extrema
    if not (isinstance(low, int | float) and isinstance(high, int | float)) or low < 0 or high > 65535:
        raise place.refuse("of 8 or 16 bits a channel", f"values from {low} to {high}")
    return wide.point(lambda value: value * (1 / 257) + 0).convert("L")


def fit(image: Image.Image, policy: VisionPolicy, place: Place) -> Image.Image:
    """The image as RGB at the size ``policy`` gives it; raises EngineFailure (data_refused)."""
    flat = flatten(image, policy.background, place)
    try:
        size = final_size(flat.width, flat.height, policy)
    except ValueError as error:
        raise place.refuse(str(error), f"{flat.width}x{flat.height} pixels") from error
    return flat if size == flat.size else flat.resize(size, Image.Resampling.BICUBIC)


def blob_path(blob_root: Path, sha256: str) -> Path:
    """Where the file with this digest lies."""
    return blob_root / sha256[:2] / sha256


def store(image: Image.Image, blob_root: Path) -> tuple[ImageReference, bool]:
    """Store an image; returns its reference and whether it was new.

    The same pixels give the same bytes. A file that is there but damaged is written anew, so a crash
    before ``settle`` costs no more than storing again.
    """
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=6)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    reference = ImageReference(sha256=digest, width=image.width, height=image.height)
    target = blob_path(blob_root, digest)
    if target.exists() and target.read_bytes() == content:
        return reference, False
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{digest}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    temporary.chmod(0o444)
    temporary.replace(target)
    return reference, True


def settle(blob_root: Path) -> None:
    """Bring all stored images to the disk; to be called before anything that refers to them is published.

    One call for the whole file system, because syncing thousands of small files one by one takes longer
    than drawing them.
    """
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:  # not Linux
        os.sync()
        return
    blob_root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(blob_root, os.O_RDONLY)
    try:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(blob_root))
    finally:
        os.close(descriptor)


def load_pixels(blob_root: Path, reference: ImageReference) -> Image.Image:
    """A stored image as 8-bit RGB; its digest and size are checked. Raises EngineFailure (data_refused)."""
    path = blob_path(blob_root, reference.sha256)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise _blob_refused(path, "a stored image", "no such file") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != reference.sha256:
        raise _blob_refused(path, f"content with SHA-256 {reference.sha256}", digest)
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        image.load()
        if image.mode != "RGB" or image.size != (reference.width, reference.height):
            expected = f"RGB, {reference.width}x{reference.height} pixels"
            raise _blob_refused(path, expected, f"{image.mode}, {image.width}x{image.height} pixels")
        return image


def _blob_refused(path: Path, expected: str, found: str) -> EngineFailure:
    return EngineFailure(
        "data_refused",
        f"{path} must be {expected}; found {found}. Import the data set again.",
        file=str(path),
        expected=expected,
        found=found,
    )
