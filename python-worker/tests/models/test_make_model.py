from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from image_only_processor import image_only_processor, library
from longform_worker.engines import make_model
from longform_worker.failure import EngineFailure
from longform_worker.jobs import Architecture
from longform_worker.models.folder import read_manifest, weights_sha256
from recorded_link import RecordedLink
from tiny_world import make, model_job, source_rows, verify_files, write

WORDS = "Slide 1: red. 第2页：红色圆环。é🙂\n"


def test_the_folder_opens_in_plain_transformers_and_writes(world: Path) -> None:
    folder = world / "model"
    transformers = library()
    model, report = transformers.Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    processor = image_only_processor(folder)
    content = [{"type": "image"}, {"type": "text", "text": "Write."}]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    assert text == (
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>Write.<|im_end|>\n<|im_start|>assistant\n"
    )
    inputs = processor(text=[text], images=[Image.new("RGB", (56, 28), "#ff0000")], return_tensors="pt")
    assert (inputs["input_ids"] == model.config.image_token_id).sum() == 2
    written = model.generate(**inputs, max_new_tokens=3)
    assert written.shape[1] > inputs["input_ids"].shape[1]
    assert isinstance(processor.image_processor, transformers.Qwen2VLImageProcessorPil)


def test_the_turns_end_ends_generation_and_is_not_padding(world: Path) -> None:
    transformers = library()
    tokenizer = transformers.AutoTokenizer.from_pretrained(world / "model")
    generation = transformers.GenerationConfig.from_pretrained(world / "model")
    ends = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    assert generation.eos_token_id == ends
    assert tokenizer.eos_token_id == ends[0]
    assert tokenizer.pad_token_id != tokenizer.eos_token_id


def test_the_tokenizer_gives_back_every_byte(world: Path) -> None:
    tokenizer = library().AutoTokenizer.from_pretrained(world / "model")
    for text in (WORDS, "  two  spaces ", "\x00\x7f", "𠀀漢字かな한글"):
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_words_become_one_token_and_chinese_at_most_pairs(world: Path) -> None:
    tokenizer = library().AutoTokenizer.from_pretrained(world / "model")
    tokens = [tokenizer.decode([token]) for token in tokenizer.encode("Slide 1: green.\n第2页：红色圆环。")]
    assert tokens == ["Slide", " ", "1", ":", " green", ".", "\n", "第", "2", "页", "：", "红色", "圆环", "。"]


def test_equal_seeds_give_equal_weights_and_others_give_others(world: Path, tmp_path: Path) -> None:
    rows = world / "rows.jsonl"
    state = torch.random.get_rng_state()
    again = make(tmp_path / "again", rows)
    other = make(tmp_path / "other", rows, seed=6)
    assert torch.equal(torch.random.get_rng_state(), state) or state.numel() > 0
    recorded = read_manifest(world / "model")["weights_sha256"]
    assert again["weights_sha256"] == recorded == weights_sha256(tmp_path / "again")
    assert other["weights_sha256"] != recorded
    assert (tmp_path / "again" / "tokenizer.json").read_bytes() == (world / "model" / "tokenizer.json").read_bytes()


def test_the_manifest_is_complete_and_names_the_policy(world: Path) -> None:
    folder = world / "model"
    manifest = read_manifest(folder)
    assert set(manifest["files"]) == {file.name for file in folder.iterdir()} - {"manifest.json"}
    assert verify_files(folder)
    assert manifest["vision_policy"]["max_pixels"] == 4 * 784
    assert not list(folder.parent.glob("model.*"))


def test_initial_weights_have_the_range_asked_for_in_every_part(world: Path, tmp_path: Path) -> None:
    make(tmp_path / "wide", world / "rows.jsonl", initializer_range=0.5)
    config = json.loads((tmp_path / "wide" / "config.json").read_text())
    ranges = [part["initializer_range"] for part in (config, config["text_config"], config["vision_config"])]
    assert ranges == [0.5, 0.5, 0.5]
    model = library().Qwen2_5_VLForConditionalGeneration.from_pretrained(tmp_path / "wide")
    for weight in (model.lm_head.weight, model.model.visual.blocks[0].attn.qkv.weight):
        assert weight.std().item() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"vocabulary_size": 200}, "vocabulary_size"),
        ({"initializer_range": 0.0}, "initializer_range"),
        ({"text.hidden_size": 65}, "text.hidden_size"),
        ({"text.key_value_heads": 3}, "text.key_value_heads"),
        ({"text.layers": 0}, "text.layers"),
        ({"vision.hidden_size": 30}, "vision.hidden_size"),
        ({"vision.patch_size": 16}, "vision_policy.grid_multiple"),
        ({"architecture": Architecture.QWEN2_VL, "vision.intermediate_size": 65}, "vision.intermediate_size"),
    ],
)
def test_a_shape_that_cannot_be_is_refused_by_its_field(
    world: Path, tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    from dataclasses import replace

    job = model_job(tmp_path / "model", world / "rows.jsonl")
    for path, value in changes.items():
        part, _, name = path.rpartition(".")
        job = replace(job, **({part: replace(getattr(job, part), **{name: value})} if part else {name: value}))
    with RecordedLink() as link, pytest.raises(EngineFailure) as caught:
        make_model.run(job, link)
    assert caught.value.code == "spec_refused"
    assert caught.value.field_path == f"model.{field}"
    assert not (tmp_path / "model").exists()


def test_a_corpus_without_rows_is_refused(tmp_path: Path) -> None:
    with RecordedLink() as link, pytest.raises(EngineFailure, match="no rows"):
        make_model.run(model_job(tmp_path / "model", write(tmp_path / "rows.jsonl", [])), link)


def test_a_row_without_target_is_refused_by_its_id(tmp_path: Path) -> None:
    rows = source_rows(3)
    del rows[1]["target"]
    with RecordedLink() as link, pytest.raises(EngineFailure, match="row-1") as caught:
        make_model.run(model_job(tmp_path / "model", write(tmp_path / "rows.jsonl", rows)), link)
    assert caught.value.facts["row"] == "row-1"
