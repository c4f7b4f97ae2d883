"""Each family of models against transformers' own code for it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from PIL import Image

from image_only_processor import image_only_processor, library
from longform_worker.data.images import load_pixels
from longform_worker.data.prompt import PromptEncoder
from longform_worker.data.rows import TrainingRow, read_training_rows
from longform_worker.engines.generate.transformers_engine import TransformersEngine
from longform_worker.engines.train.attention import hidden_states, rows_attention
from longform_worker.engines.train.collate import Collator, Filler, StepWeights
from longform_worker.engines.train.plan import PlannedRow, plan_rows
from longform_worker.jobs import (
    AdapterLayers,
    GenerateRequest,
    GenerationJob,
    LossNormalisation,
    ModelPart,
    Precision,
    PromptLayout,
)
from longform_worker.models.folder import MANIFEST
from longform_worker.models.loaded import LoadedModel, load_model, open_model_folder
from longform_worker.records import read_record
from tiny_world import POLICY, import_all, make, source_rows, training_job

PATCH_SIZES = {"QWEN2_VL": 14, "QWEN2_5_VL": 14, "QWEN3_VL": 16}


class Family(NamedTuple):
    name: str
    folder: Path
    policy: dict[str, Any]
    loaded: LoadedModel
    planned: list[PlannedRow]

    @property
    def rows(self) -> list[TrainingRow]:
        return read_training_rows(self.folder / "rows.jsonl")


@pytest.fixture(scope="module", params=list(PATCH_SIZES))
def family(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Family:
    name: str = request.param
    folder = tmp_path_factory.mktemp(name)
    grid = 2 * PATCH_SIZES[name]
    policy = {**POLICY, "grid_multiple": grid, "min_pixels": grid**2, "max_pixels": 30 * grid**2}
    rows = source_rows(12)
    rows[3]["images"][0]["drawing"] |= {"width": 5 * grid, "height": 6 * grid}  # more than one window of attention
    import_all(folder, rows, policy=policy)
    make(
        folder / "model",
        folder / "rows.jsonl",
        architecture=f"ARCHITECTURE_{name}",
        vision_policy=policy,
        vision={
            "layers": 3,
            "hidden_size": 32,
            "intermediate_size": 64,
            "heads": 2,
            "patch_size": PATCH_SIZES[name],
            "merge_size": 2,
        },
    )
    if name == "QWEN2_5_VL":  # as in released models, some layers look at windows
        config = json.loads((folder / "model" / "config.json").read_text())
        config["vision_config"]["fullatt_block_indexes"] = [1]
        (folder / "model" / "config.json").write_text(json.dumps(config))
        (folder / "model" / MANIFEST).unlink()
    loaded = load_model(folder / "model", Precision.FLOAT32, rows_attention())
    job = training_job(folder, folder / "out", vision_policy=policy)
    return Family(name, folder, policy, loaded, plan_rows(folder / "rows.jsonl", loaded, job))


def test_the_config_says_which_family_a_folder_is(family: Family) -> None:
    opened = open_model_folder(family.folder / "model")
    assert opened.adapter.model_type == family.name.lower()
    assert opened.adapter.grid_multiple == family.policy["grid_multiple"]
    assert opened.config.model_type == family.name.lower()


def test_patches_equal_the_processors_own(family: Family) -> None:
    grid = family.policy["grid_multiple"]
    for columns, rows in ((1, 1), (2, 1), (1, 3), (3, 2)):
        image = Image.effect_noise((columns * grid, rows * grid), 90).convert("RGB")
        image.putpixel((3, 2), (255, 0, 7))
        expected = family.loaded.image_processor(images=[image], do_resize=False, return_tensors="pt")
        found = family.loaded.adapter.patches(image)
        assert torch.equal(found.values, expected["pixel_values"])
        assert list(found.grid) == expected["image_grid_thw"][0].tolist()


def laid_out(row: TrainingRow, layout: PromptLayout) -> tuple[TrainingRow, list[dict[str, str]]]:
    """A row for a layout, and the content of its message as the family's own template takes it."""
    text, images = {"type": "text", "text": row.prompt}, [{"type": "image"}] * len(row.images)
    if layout is PromptLayout.IMAGES_FIRST:
        return row, [*images, text]
    if layout is PromptLayout.TEXT_FIRST:
        return row, [text, *images]
    prompt = "Look:" + "".join(f" {place} <image>;" for place in range(len(row.images))) + row.prompt
    content = [
        {"type": "image"} if piece == "<image>" else {"type": "text", "text": piece}
        for piece in re.split("(<image>)", prompt)
    ]
    return replace(row, prompt=prompt), content


@pytest.mark.parametrize("layout", list(PromptLayout))
def test_rows_have_the_ids_counts_and_positions_of_the_familys_own_processor(
    family: Family, layout: PromptLayout
) -> None:
    loaded = family.loaded
    processor = image_only_processor(family.folder / "model")
    encoder = PromptEncoder(loaded, layout)
    for plain in family.rows:
        row, content = laid_out(plain, layout)
        rendered = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        pictures = [load_pixels(family.folder / "blobs", image) for image in row.images] or None
        expected = processor(text=[rendered + row.target + "<|im_end|>"], images=pictures, return_tensors="pt")
        found = encoder.row(row)
        assert found.ids == expected["input_ids"][0].tolist()
        is_image = expected["input_ids"] == loaded.adapter.image_token_id
        assert found.image_tokens == is_image.sum()
        assert loaded.tokenizer.decode(found.ids[found.target_start :]) == row.target + "<|im_end|>"
        grids = [loaded.adapter.grid(image.width, image.height) for image in row.images]
        positions, _ = loaded.model.model.get_rope_index(
            expected["input_ids"],
            mm_token_type_ids=is_image.int(),
            image_grid_thw=expected.get("image_grid_thw"),
        )
        assert torch.equal(loaded.adapter.positions(found.ids, grids), positions[:, 0])


def test_hidden_states_of_a_packed_pass_equal_those_of_the_familys_own_model(family: Family) -> None:
    loaded, planned = family.loaded, family.planned[:6]
    plain = load_model(family.folder / "model", Precision.FLOAT32)
    collator = Collator(loaded, family.folder / "blobs")
    weights = StepWeights.of_step(planned, LossNormalisation.TOKEN)
    (packed,) = collator.passes([planned], weights)
    with torch.no_grad():
        found = hidden_states(loaded, loaded.model, packed)
        start = 0
        for row, batch in zip(planned, collator.passes([[row] for row in planned], weights), strict=True):
            expected = plain.model.model(
                input_ids=row.ids_T[None],
                mm_token_type_ids=(row.ids_T == loaded.adapter.image_token_id).int()[None],
                pixel_values=batch.patches_PV,
                image_grid_thw=batch.grids_I3,
            ).last_hidden_state[0]
            torch.testing.assert_close(found[start : start + row.tokens], expected, rtol=1e-4, atol=2e-5)
            start += row.tokens


def test_a_filler_row_reaches_every_weight_and_moves_none(family: Family) -> None:
    loaded = family.loaded
    collator = Collator(loaded, family.folder / "blobs", Filler.of_training(loaded, family.planned))
    (batch,) = collator.passes([[]], StepWeights.of_step(family.planned, LossNormalisation.TOKEN))
    loaded.model.zero_grad(set_to_none=True)
    hidden_NH = hidden_states(loaded, loaded.model, batch)[batch.positions_N]
    loaded.model.lm_head(hidden_NH).sum().backward()
    for name, weight in loaded.model.named_parameters():
        assert weight.grad is not None, name
        assert not weight.grad.any(), name
    loaded.model.zero_grad(set_to_none=True)


def test_every_weight_belongs_to_one_part(family: Family) -> None:
    adapter = family.loaded.adapter
    parts = {name: adapter.part_of(name) for name, _ in family.loaded.model.named_parameters()}
    assert parts["model.visual.patch_embed.proj.weight"] is ModelPart.VISION
    assert parts["lm_head.weight"] is ModelPart.LANGUAGE
    assert parts["model.language_model.embed_tokens.weight"] is ModelPart.LANGUAGE
    merging = {name.split(".")[2] for name, part in parts.items() if part is ModelPart.MERGER}
    assert merging == ({"merger", "deepstack_merger_list"} if family.name == "QWEN3_VL" else {"merger"})


def test_linear_layers_are_named_by_part_and_kind_and_the_head_is_none(family: Family) -> None:
    model, adapter = family.loaded.model, family.loaded.adapter
    by_kind = {(part, kind): adapter.linear_layers(model, part, kind) for part in ModelPart for kind in AdapterLayers}
    linear = {name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    assert {name for part in ModelPart for name in by_kind[part, AdapterLayers.ALL]} == linear - {"lm_head"}
    for part in ModelPart:
        attention, rest = by_kind[part, AdapterLayers.ATTENTION], by_kind[part, AdapterLayers.FEED_FORWARD]
        assert sorted(attention + rest) == sorted(by_kind[part, AdapterLayers.ALL])
    assert len(by_kind[ModelPart.LANGUAGE, AdapterLayers.ATTENTION]) == 2 * 4
    assert len(by_kind[ModelPart.LANGUAGE, AdapterLayers.FEED_FORWARD]) == 2 * 3
    assert len(by_kind[ModelPart.VISION, AdapterLayers.ATTENTION]) == 3 * 2
    assert not by_kind[ModelPart.MERGER, AdapterLayers.ATTENTION]


def test_a_saved_folder_reopens_and_writes_what_the_familys_own_model_writes(family: Family, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    family.loaded.model.save_pretrained(saved)
    for file in (family.folder / "model").iterdir():
        if file.name not in ("config.json", MANIFEST) and file.suffix != ".safetensors":
            (saved / file.name).write_bytes(file.read_bytes())
    row = family.rows[3]
    fields = {
        "engine": "ENGINE_KIND_TRANSFORMERS",
        "model_path": str(saved),
        "blob_root": str(family.folder / "blobs"),
        "vision_policy": family.policy,
        "prompt_layout": "PROMPT_LAYOUT_IMAGES_FIRST",
        "precision": "PRECISION_FLOAT32",
        "max_batch_sequences": 2,
        "max_tokens": 256,
    }
    engine = TransformersEngine(read_record(GenerationJob, fields, "generation"))
    sampling = {"temperature": 0.0, "top_p": 1.0, "top_k": 0, "max_tokens": 12, "min_tokens": 12, "seed": 1}
    for number, images in enumerate((row.images, row.images[:1])):
        request = {"job_id": "job", "request_id": str(number), "prompt": row.prompt, "images": images}
        made = replace(
            read_record(GenerateRequest, {**request, "images": [], "sampling": sampling}, "request"), images=images
        )
        engine.admit(made, engine.prepare(made))
    texts = {"0": "", "1": ""}
    while engine.room() < 2:
        for written in engine.step():
            assert written.failure is None
            texts[written.request_id] += written.text
    for number, images in enumerate((row.images, row.images[:1])):
        assert texts[str(number)] == own_text(saved, family, replace(row, images=images))


def own_text(folder: Path, family: Family, row: TrainingRow) -> str:
    """Twelve tokens that the library's own model and processor write, greedily."""
    processor = image_only_processor(folder)
    model = library().AutoModelForImageTextToText.from_pretrained(folder)
    content = [*[{"type": "image"}] * len(row.images), {"type": "text", "text": row.prompt}]
    rendered = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    pictures = [load_pixels(family.folder / "blobs", image) for image in row.images]
    inputs = processor(text=[rendered], images=pictures, return_tensors="pt")
    tokenizer = processor.tokenizer
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    special = [number for number, token in tokenizer.added_tokens_decoder.items() if token.special]
    nobody = list(range(len(names), model.config.text_config.vocab_size))
    written = model.generate(**inputs, max_new_tokens=12, do_sample=False, suppress_tokens=[*special, *nobody])
    return tokenizer.decode(written[0, inputs["input_ids"].shape[1] :])
