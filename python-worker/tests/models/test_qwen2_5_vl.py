from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from test_make_model import image_only_processor

from longform_worker.data.images import load_pixels
from longform_worker.data.prompt import PromptEncoder
from longform_worker.data.rows import read_training_rows
from longform_worker.failure import EngineFailure
from longform_worker.jobs import ImageReference, ModelPart, PromptLayout
from longform_worker.models.loaded import LoadedModel

IMAGE = ImageReference(sha256="0" * 64, width=56, height=28)


def test_patches_equal_the_processors_own(loaded: LoadedModel) -> None:
    for width, height in ((28, 28), (56, 28), (28, 84), (84, 56)):
        image = Image.effect_noise((width, height), 90).convert("RGB")
        image.putpixel((3, 2), (255, 0, 7))
        expected = loaded.image_processor(images=[image], do_resize=False, return_tensors="pt")
        found = loaded.adapter.patches(image)
        assert torch.equal(found.values, expected["pixel_values"])
        assert list(found.grid) == expected["image_grid_thw"][0].tolist()


def test_stored_images_have_nothing_left_to_resize(world: Path, loaded: LoadedModel) -> None:
    for row in read_training_rows(world / "rows.jsonl"):
        for reference in row.images:
            image = load_pixels(world / "blobs", reference)
            expected = loaded.image_processor(images=[image], return_tensors="pt")
            assert torch.equal(loaded.adapter.patches(image).values, expected["pixel_values"])


@pytest.mark.parametrize("layout", list(PromptLayout))
def test_rows_have_the_ids_counts_and_positions_of_the_models_own_processor(
    world: Path, loaded: LoadedModel, layout: PromptLayout
) -> None:
    processor = image_only_processor(world / "model")
    encoder = PromptEncoder(loaded, layout)
    for row in read_training_rows(world / "rows.jsonl"):
        text = {"type": "text", "text": row.prompt}
        images = [{"type": "image"}] * len(row.images)
        content = [*images, text] if layout is PromptLayout.IMAGES_FIRST else [text, *images]
        rendered = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        pictures = [load_pixels(world / "blobs", image) for image in row.images] or None
        expected = processor(text=[rendered + row.target + "<|im_end|>"], images=pictures, return_tensors="pt")
        found = encoder.row(row)
        assert found.ids == expected["input_ids"][0].tolist()
        assert found.image_tokens == (expected["input_ids"] == loaded.adapter.image_token_id).sum()
        assert loaded.tokenizer.decode(found.ids[found.target_start :]) == row.target + "<|im_end|>"
        grids = [loaded.adapter.grid(image.width, image.height) for image in row.images]
        positions, _ = loaded.model.model.get_rope_index(
            expected["input_ids"],
            mm_token_type_ids=(expected["input_ids"] == loaded.adapter.image_token_id).int(),
            image_grid_thw=expected.get("image_grid_thw"),
        )
        assert torch.equal(loaded.adapter.positions(found.ids, grids), positions[:, 0])


def test_every_weight_belongs_to_one_part(loaded: LoadedModel) -> None:
    parts = {name: loaded.adapter.part_of(name) for name, _ in loaded.model.named_parameters()}
    assert parts["model.visual.merger.mlp.0.weight"] is ModelPart.MERGER
    assert parts["model.visual.patch_embed.proj.weight"] is ModelPart.VISION
    assert parts["lm_head.weight"] is ModelPart.LANGUAGE
    assert parts["model.language_model.embed_tokens.weight"] is ModelPart.LANGUAGE


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


def test_hidden_states_equal_those_of_the_model_called_plainly(loaded: LoadedModel) -> None:
    images = [Image.effect_noise(size, 90).convert("RGB") for size in ((28, 28), (140, 168), (56, 28), (28, 28))]
    patches = [loaded.adapter.patches(image) for image in images]
    references = [ImageReference(sha256="0" * 64, width=image.width, height=image.height) for image in images]
    prompt = PromptEncoder(loaded, PromptLayout.IMAGES_FIRST).prompt("Write", references, "a")
    ids_BT = torch.tensor([prompt.ids])
    values = torch.cat([patch.values for patch in patches])
    grids_I3 = torch.tensor([patch.grid for patch in patches])
    positions = loaded.adapter.positions(prompt.ids, [patch.grid for patch in patches])
    with torch.no_grad():
        plain = loaded.model.model(
            input_ids=ids_BT,
            mm_token_type_ids=(ids_BT == loaded.adapter.image_token_id).int(),
            pixel_values=values,
            image_grid_thw=grids_I3,
        ).last_hidden_state
        found = loaded.model.model(
            input_ids=ids_BT,
            position_ids=positions[:, None],
            pixel_values=values,
            image_grid_thw=grids_I3,
            **loaded.adapter.vision_layout(loaded.model, grids_I3),
        ).last_hidden_state
    torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-6)
