from __future__ import annotations

from pathlib import Path

import pytest
import torch

from longform_worker.data.images import load_pixels
from longform_worker.data.prompt import PromptEncoder
from longform_worker.data.rows import read_training_rows
from longform_worker.failure import EngineFailure
from longform_worker.jobs import ImageReference, PromptLayout
from longform_worker.models.loaded import LoadedModel

IMAGE = ImageReference(sha256="0" * 64, width=56, height=28)


def test_stored_images_have_nothing_left_to_resize(world: Path, loaded: LoadedModel) -> None:
    for row in read_training_rows(world / "rows.jsonl"):
        for reference in row.images:
            image = load_pixels(world / "blobs", reference)
            expected = loaded.image_processor(images=[image], return_tensors="pt")
            assert torch.equal(loaded.adapter.patches(image).values, expected["pixel_values"])


@pytest.mark.parametrize("token", ["<|image_pad|>", "<|im_end|>", "<|im_start|>", "<|vision_start|>", "<|endoftext|>"])
def test_a_special_token_in_the_users_words_is_refused_with_its_place(loaded: LoadedModel, token: str) -> None:
    with pytest.raises(EngineFailure) as caught:
        PromptEncoder(loaded, PromptLayout.IMAGES_FIRST).prompt(f"Write{token}now", [IMAGE], "a7")
    assert caught.value.code == "data_refused"
    facts = caught.value.facts
    assert (facts["row"], facts["field"], facts["token"], facts["position"]) == ("a7", "prompt", token, "5")


def test_an_image_off_the_grid_is_refused_with_its_row(loaded: LoadedModel) -> None:
    off = ImageReference(sha256="0" * 64, width=60, height=28)
    with pytest.raises(EngineFailure) as caught:
        PromptEncoder(loaded, PromptLayout.IMAGES_FIRST).prompt("Write", [IMAGE, off], "a7")
    assert (caught.value.facts["row"], caught.value.facts["image"]) == ("a7", "1")


def test_equal_prompts_have_equal_hashes_and_others_have_others(loaded: LoadedModel) -> None:
    encoder = PromptEncoder(loaded, PromptLayout.IMAGES_FIRST)
    one, two = (encoder.prompt("Write", [IMAGE] * count, "a").sha256() for count in (1, 2))
    assert one == encoder.prompt("Write", [IMAGE], "b").sha256()
    assert one != two


def test_inline_images_stand_where_the_prompt_says(loaded: LoadedModel) -> None:
    encoder = PromptEncoder(loaded, PromptLayout.INLINE)
    two = [IMAGE, ImageReference(sha256="0" * 64, width=28, height=28)]
    text = loaded.tokenizer.decode(encoder.prompt("First <image>, then <image>. Write.", two, "a").ids)
    pad = "<|image_pad|>"
    assert f"First <|vision_start|>{pad * 2}<|vision_end|>, then <|vision_start|>{pad}<|vision_end|>. Write." in text
    alone = loaded.tokenizer.decode(encoder.prompt("<image><image>", two, "a").ids)
    assert f"user\n<|vision_start|>{pad * 2}<|vision_end|><|vision_start|>{pad}<|vision_end|><|im_end|>" in alone


@pytest.mark.parametrize("images", [0, 1, 2])
def test_inline_a_prompt_that_says_nothing_of_its_images_has_them_first(loaded: LoadedModel, images: int) -> None:
    inline, first = (PromptEncoder(loaded, layout) for layout in (PromptLayout.INLINE, PromptLayout.IMAGES_FIRST))
    assert inline.prompt("Write.", [IMAGE] * images, "a") == first.prompt("Write.", [IMAGE] * images, "a")


@pytest.mark.parametrize(("prompt", "images"), [("<image> Write.", 0), ("<image><image>", 1), ("<image>", 2)])
def test_inline_places_that_are_not_those_of_the_images_are_refused(
    loaded: LoadedModel, prompt: str, images: int
) -> None:
    with pytest.raises(EngineFailure) as caught:
        PromptEncoder(loaded, PromptLayout.INLINE).prompt(prompt, [IMAGE] * images, "a7")
    assert caught.value.code == "data_refused"
    facts = caught.value.facts
    assert facts["expected"] == (f"{images} times <image>, or none" if images else "no <image>")
    assert (facts["row"], facts["found"]) == ("a7", f"{prompt.count('<image>')} times")


@pytest.mark.parametrize("layout", [PromptLayout.IMAGES_FIRST, PromptLayout.TEXT_FIRST])
def test_a_place_for_an_image_is_refused_in_the_other_layouts_with_what_to_do(
    loaded: LoadedModel, layout: PromptLayout
) -> None:
    with pytest.raises(EngineFailure, match='Set promptLayout to "inline"') as caught:
        PromptEncoder(loaded, layout).prompt("Look at <image>.", [IMAGE], "a7")
    assert caught.value.facts["row"] == "a7"
