from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from longform_worker.data.draw import Place
from longform_worker.data.images import (
    blob_path,
    check_policy,
    decode,
    final_size,
    fit,
    fits,
    load_pixels,
    store,
)
from longform_worker.failure import EngineFailure
from longform_worker.jobs import ImageReference, ResizeRule, VisionPolicy

PLACE = Place("rows.jsonl", "a7", 2)


def policy(**changes: Any) -> VisionPolicy:
    fields: dict[str, Any] = {
        "resize": ResizeRule.KEEP_ASPECT,
        "min_pixels": 28 * 28,
        "max_pixels": 28 * 28 * 16,
        "grid_multiple": 28,
        "background": "#00ff00",
        "max_images": 4,
    }
    return VisionPolicy(**{**fields, **changes})


def pixel(image: Image.Image, x: int = 0, y: int = 0) -> tuple[int, ...]:
    value = image.getpixel((x, y))
    assert isinstance(value, tuple)
    return value


def opened(tmp_path: Path, image: Image.Image, name: str = "image.png", **options: Any) -> Image.Image:
    image.save(tmp_path / name, **options)
    return decode(tmp_path / name, PLACE)


def test_sizes_equal_those_of_the_models_own_processor() -> None:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

    generator = random.Random(3)
    for _ in range(2_000):
        width, height = generator.randint(1, 900), generator.randint(1, 900)
        low = 784 * generator.randint(1, 9)
        rule = policy(min_pixels=low, max_pixels=low * generator.randint(2, 40))
        if max(width, height) > 200 * min(width, height):
            continue
        try:
            found = final_size(width, height, rule)
        except ValueError:
            continue  # no allowed size; the processor would go out of bounds
        expected = smart_resize(height, width, 28, rule.min_pixels, rule.max_pixels)
        assert found == expected[::-1]
        assert final_size(*found, rule) == found, "a stored image has nothing left to resize"
        assert fits(ImageReference(sha256="", width=found[0], height=found[1]), rule)


def test_the_square_rule_gives_the_largest_square_within_the_bound() -> None:
    rule = policy(resize=ResizeRule.SQUARE, max_pixels=100 * 100)
    assert final_size(1_000, 20, rule) == (84, 84)


def test_a_narrow_image_that_cannot_stay_within_bounds_is_refused() -> None:
    with pytest.raises(EngineFailure) as caught:
        fit(Image.new("RGB", (10, 1_900)), policy(max_pixels=28 * 28 * 2), PLACE)
    assert caught.value.code == "data_refused"
    assert caught.value.facts["found"] == "10x1900 pixels"
    assert caught.value.facts["row"] == "a7"


def test_more_than_200_times_as_long_as_short_is_refused() -> None:
    with pytest.raises(EngineFailure, match="at most 200 times"):
        fit(Image.new("RGB", (2_010, 10)), policy(), PLACE)


def test_transparent_pixels_show_the_background(tmp_path: Path) -> None:
    half = Image.new("RGBA", (56, 28), (255, 0, 0, 128))
    half.putpixel((0, 0), (0, 0, 0, 0))
    shown = fit(opened(tmp_path, half), policy(), PLACE)
    assert shown.mode == "RGB"
    assert pixel(shown) == (0, 255, 0)
    assert pixel(shown, 50, 10) == (128, 127, 0)


def test_a_palette_with_a_transparent_entry_shows_the_background(tmp_path: Path) -> None:
    image = Image.new("P", (28, 28), 1)
    image.putpalette([10, 20, 30, 40, 50, 60])
    assert pixel(fit(opened(tmp_path, image, transparency=1), policy(), PLACE)) == (0, 255, 0)
    assert pixel(fit(opened(tmp_path, image), policy(), PLACE)) == (40, 50, 60)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    image = Image.new("I;16", (28, 28), 257 * 100)
    assert pixel(fit(opened(tmp_path, image), policy(), PLACE)) == (100, 100, 100)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "CMYK", "YCbCr", "HSV"])
def test_every_common_mode_becomes_rgb_at_the_final_size(tmp_path: Path, mode: str) -> None:
    name = "image.tiff" if mode in ("CMYK", "YCbCr") else "image.png"
    image = Image.new(mode, (60, 60)) if mode != "HSV" else Image.new("RGB", (60, 60))
    shown = fit(opened(tmp_path, image, name), policy(), PLACE)
    assert (shown.mode, shown.size) == ("RGB", (56, 56))


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineFailure, match="floating-point"):
        fit(opened(tmp_path, Image.new("F", (28, 28), 0.5), "image.tiff"), policy(), PLACE)


def test_a_photograph_is_turned_upright_before_it_is_resized(tmp_path: Path) -> None:
    image = Image.new("RGB", (56, 28), "#0000ff")
    image.paste((255, 0, 0), (0, 0, 28, 28))
    exif = Image.Exif()
    exif[274] = 6  # turned by a quarter clockwise when shown
    shown = fit(opened(tmp_path, image, "image.jpg", exif=exif, quality=95), policy(), PLACE)
    assert shown.size == (28, 56)
    assert pixel(shown, 14, 10)[0] > 200
    assert pixel(shown, 14, 45)[2] > 200


def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (28, 28), colour) for colour in ("#ff0000", "#0000ff")]
    shown = opened(tmp_path, frames[0], "image.gif", save_all=True, append_images=frames[1:])
    assert pixel(fit(shown, policy(), PLACE)) == (255, 0, 0)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"no pixels")


@pytest.mark.parametrize("side", [10_001, 60_000])
def test_too_many_pixels_in_the_header_are_refused_before_decoding(tmp_path: Path, side: int) -> None:
    file = tmp_path / "bomb.png"
    file.write_bytes(png_header(side, side))
    with pytest.raises(EngineFailure) as caught:
        decode(file, PLACE)
    assert caught.value.facts["expected"] == "at most 100000000 pixels"


def test_as_many_pixels_as_the_limit_allows_are_decoded(tmp_path: Path) -> None:
    assert opened(tmp_path, Image.new("1", (10_000, 10_000))).size == (10_000, 10_000)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no file"),
        (b"", "none of these"),
        (b"just text, no image", "none of these"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "none of these"),
        (png_header(28, 28), "image.png"),
    ],
)
def test_what_is_no_image_is_refused_with_its_row(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "image.png").write_bytes(content)
    with pytest.raises(EngineFailure, match=words) as caught:
        decode(tmp_path / "image.png", PLACE)
    assert caught.value.code == "data_refused"
    assert caught.value.facts["file"] == "rows.jsonl"
    assert (caught.value.facts["row"], caught.value.facts["image"]) == ("a7", "2")


def test_a_file_cut_in_the_middle_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 50).save(buffer, format="PNG")
    (tmp_path / "cut.png").write_bytes(buffer.getvalue()[:2_000])
    with pytest.raises(EngineFailure, match="can be decoded"):
        decode(tmp_path / "cut.png", PLACE)


def test_a_stored_image_comes_back_and_is_stored_once(tmp_path: Path) -> None:
    image = Image.effect_noise((28, 56), 50).convert("RGB")
    reference, new = store(image, tmp_path)
    assert new
    assert store(image, tmp_path) == (reference, False)
    assert load_pixels(tmp_path, reference).tobytes() == image.tobytes()
    assert blob_path(tmp_path, reference.sha256).stat().st_mode & 0o777 == 0o444


def test_a_damaged_blob_is_refused_when_read_and_replaced_when_stored(tmp_path: Path) -> None:
    image = Image.new("RGB", (28, 28), "#123456")
    reference, _ = store(image, tmp_path)
    path = blob_path(tmp_path, reference.sha256)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EngineFailure, match="Import the data set again") as caught:
        load_pixels(tmp_path, reference)
    assert caught.value.facts["file"] == str(path)
    assert store(image, tmp_path) == (reference, True)
    assert load_pixels(tmp_path, reference).tobytes() == image.tobytes()


def test_a_reference_with_another_size_is_refused(tmp_path: Path) -> None:
    reference, _ = store(Image.new("RGB", (28, 28)), tmp_path)
    wrong = ImageReference(sha256=reference.sha256, width=56, height=28)
    with pytest.raises(EngineFailure, match="56x28"):
        load_pixels(tmp_path, wrong)


@pytest.mark.parametrize(
    ("changes", "field", "name"),
    [
        ({"grid_multiple": 0}, "grid_multiple", "gridMultiple"),
        ({"min_pixels": 0}, "min_pixels", "minPixels"),
        ({"max_pixels": 100}, "max_pixels", "maxPixels"),
        ({"min_pixels": 100_000}, "max_pixels", "maxPixels"),
        ({"background": "white"}, "background", "background"),
    ],
)
def test_a_policy_that_no_image_can_meet_is_refused(changes: dict[str, Any], field: str, name: str) -> None:
    with pytest.raises(EngineFailure) as caught:
        check_policy(policy(**changes), "import.vision_policy")
    assert caught.value.field_path == f"import.vision_policy.{field}"
    assert caught.value.detail.startswith(f"visionPolicy.{name} must be ")
