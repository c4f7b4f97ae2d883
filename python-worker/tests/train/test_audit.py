from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from image_only_processor import image_only_processor
from longform_worker.data.images import load_pixels
from longform_worker.data.rows import read_training_rows
from longform_worker.engines import audit
from longform_worker.engines.train.plan import plan_rows, planned_counts
from longform_worker.failure import EngineFailure
from longform_worker.jobs import AuditJob
from longform_worker.models.loaded import LoadedModel, open_model_folder
from longform_worker.records import read_record
from recorded_link import RecordedLink
from tiny_world import POLICY, drawing, import_all, source_rows, training_job, write


class Audited(NamedTuple):
    result: dict[str, Any]
    kept: list[dict[str, Any]]
    report: dict[str, dict[str, Any]]
    progress: list[dict[str, Any]]


def run(world: Path, rows: Path, out: Path, **changes: object) -> Audited:
    fields = {
        "model_path": str(world / "model"),
        "rows_path": str(rows),
        "kept_rows_path": str(out / "kept.jsonl"),
        "report_path": str(out / "report.jsonl"),
        "vision_policy": POLICY,
        "prompt_layout": "PROMPT_LAYOUT_IMAGES_FIRST",
        "max_tokens": 256,
        "too_long": "TOO_LONG_REFUSE",
        **changes,
    }
    with RecordedLink() as link:
        result: Any = audit.run(read_record(AuditJob, fields, "audit"), link)["audited"]
        frames = link.frames("progress")
    kept, report = (
        [json.loads(line) for line in (out / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        for name in ("kept", "report")
    )
    assert [line["id"] for line in report] == [json.loads(line)["id"] for line in rows.read_text().splitlines()]
    return Audited(result, kept, {line["id"]: line for line in report}, frames)


def imported(folder: Path, *rows: dict[str, Any]) -> Path:
    """Rows with an id each, imported."""
    common: dict[str, Any] = {"target": "Slide 1: red.", "images": []}
    return import_all(folder, [{"id": f"r{number}", **common, **row} for number, row in enumerate(rows)])


def test_rows_that_fit_are_kept_as_they_are_and_counted_as_a_training_counts_them(
    world: Path, loaded: LoadedModel, tmp_path: Path
) -> None:
    found = run(world, world / "rows.jsonl", tmp_path)
    assert (tmp_path / "kept.jsonl").read_bytes() == (world / "rows.jsonl").read_bytes()
    planned = plan_rows(world / "rows.jsonl", loaded, training_job(world, tmp_path))
    assert found.result == {
        **planned_counts(planned),
        "images": sum(len(row.images) for row in planned),
        "capped": 0,
        "dropped": 0,
        "refused": 0,
    }
    for row in planned:
        line = found.report[row.id]
        assert (line["tokens"], line["imageTokens"], line["targetTokens"], line["images"]) == (
            row.tokens,
            row.image_tokens,
            row.target_tokens,
            len(row.images),
        )
        assert line["pixels"] == sum(image.width * image.height for image in row.images)
        assert (line["action"], line["why"], line["cutCharacters"]) == ("kept", "", 0)
    assert found.progress[-1] == {"type": "progress", "done": 24, "total": 24, "unit": "rows"}


def test_planned_counts_of_every_row_equal_those_of_the_familys_own_processor(world: Path, tmp_path: Path) -> None:
    found = run(world, world / "rows.jsonl", tmp_path)
    processor = image_only_processor(world / "model")
    for row in read_training_rows(world / "rows.jsonl"):
        content = [*[{"type": "image"}] * len(row.images), {"type": "text", "text": row.prompt}]
        rendered = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        pictures = [load_pixels(world / "blobs", image) for image in row.images] or None
        whole = processor(text=[rendered + row.target + "<|im_end|>"], images=pictures)
        prompt = processor(text=[rendered], images=pictures)["input_ids"][0]
        line = found.report[row.id]
        assert line["tokens"] == len(whole["input_ids"][0])
        assert line["targetTokens"] == line["tokens"] - len(prompt)
        assert line["imageTokens"] == prompt.count(processor.image_token_id)


@pytest.mark.parametrize("too_long", ["REFUSE", "DROP"])
def test_rows_that_are_too_long_are_refused_or_dropped_and_all_reported(
    world: Path, tmp_path: Path, too_long: str
) -> None:
    everything = run(world, world / "rows.jsonl", tmp_path)
    found = run(world, world / "rows.jsonl", tmp_path, max_tokens=40, too_long=f"TOO_LONG_{too_long}")
    long = {row for row, line in everything.report.items() if line["tokens"] > 40}
    action = {"REFUSE": "refused", "DROP": "dropped"}[too_long]
    assert 1 < len(long) < 24
    assert {row for row, line in found.report.items() if line["action"] == action} == long
    assert (found.result[action], found.result["rows"]) == (len(long), 24 - len(long))
    assert [row["id"] for row in found.kept] == [row for row in found.report if row not in long]
    assert found.result["longest_row_tokens"] <= 40
    for row in long:
        tokens = everything.report[row]["tokens"]
        assert found.report[row]["why"] == f"{tokens} tokens, {tokens - 40} more than maxTokens 40"


def test_a_capped_prompt_loses_as_few_words_at_its_end_as_needed(
    world: Path, loaded: LoadedModel, tmp_path: Path
) -> None:
    words = "Write about the red ring and the blue square on this slide now"
    rows = imported(tmp_path, {"prompt": words, "images": [drawing("red")]}, {"prompt": "Write."})
    whole = run(world, rows, tmp_path)
    limit = whole.report["r0"]["tokens"] - 3
    found = run(world, rows, tmp_path, max_tokens=limit, too_long="TOO_LONG_CAP")
    line = found.report["r0"]
    capped, short = found.kept
    assert (found.result["rows"], found.result["capped"], short["prompt"]) == (2, 1, "Write.")
    assert words.startswith(capped["prompt"] + " ")
    assert line["cutCharacters"] == len(words) - len(capped["prompt"])
    assert (line["action"], line["tokens"] <= limit, line["imageTokens"]) == ("capped", True, 1)
    assert line["why"].startswith(f"{limit + 3} tokens, 3 more")
    (tmp_path / "one").mkdir()
    one_more = " ".join(words.split()[: len(capped["prompt"].split()) + 1])
    again = write(tmp_path / "one" / "rows.jsonl", [{**capped, "prompt": one_more}])
    assert run(world, again, tmp_path / "one").report["r0"]["tokens"] > limit
    job = training_job(world, tmp_path, max_tokens=limit)
    assert [row.id for row in plan_rows(tmp_path / "kept.jsonl", loaded, job)] == ["r0", "r1"]
    assert {key: capped[key] for key in ("target", "images")} == {
        key: json.loads(rows.read_text().splitlines()[0])[key] for key in ("target", "images")
    }


def test_a_capped_prompt_keeps_every_place_of_an_image(world: Path, tmp_path: Path) -> None:
    prompt = "First look at <image> and then go on to <image> at the end"
    rows = imported(tmp_path, {"prompt": prompt, "images": [drawing("red"), drawing("blue")]})
    inline = {"prompt_layout": "PROMPT_LAYOUT_INLINE", "too_long": "TOO_LONG_CAP"}
    whole = run(world, rows, tmp_path, **inline).report["r0"]["tokens"]
    texts: list[str] = []
    for limit in range(whole - 1, 0, -1):
        found = run(world, rows, tmp_path, max_tokens=limit, **inline)
        if found.result["refused"]:
            assert "must stay" in found.report["r0"]["why"]
            break
        assert found.report["r0"]["imageTokens"] == 2
        texts.append(found.kept[0]["prompt"])
    assert all(text.count("<image>") == 2 for text in texts)
    assert "First look at <image> and then go on to <image> at the" in texts
    assert "First look at <image> and then go on to<image>" in texts
    assert "First look at<image><image>" in texts
    assert texts[-1] == "<image><image>"


def test_a_chinese_prompt_is_cut_between_characters(world: Path, tmp_path: Path) -> None:
    rows = imported(tmp_path, {"prompt": "请写一篇约90字的讲稿，关于红色圆环。"})
    whole = run(world, rows, tmp_path).report["r0"]["tokens"]
    found = run(world, rows, tmp_path, max_tokens=whole - 2, too_long="TOO_LONG_CAP")
    assert "请写一篇约90字的讲稿，关于红色圆环。".startswith(found.kept[0]["prompt"])
    assert 0 < found.report["r0"]["cutCharacters"] < 8


def test_a_row_whose_images_and_target_do_not_fit_is_refused_and_never_cut(world: Path, tmp_path: Path) -> None:
    target = "Slide 1: red. " * 20
    rows = imported(tmp_path, {"prompt": "Write about it.", "target": target, "images": [drawing("red", 56, 56)]})
    found = run(world, rows, tmp_path, max_tokens=40, too_long="TOO_LONG_CAP")
    assert (found.result["refused"], found.kept) == (1, [])
    line = found.report["r0"]
    assert line["why"].endswith(f"; {line['targetTokens']} of the target and 4 of its images must stay")


@pytest.mark.parametrize("too_long", ["REFUSE", "DROP", "CAP"])
def test_a_row_beyond_the_models_window_is_refused_whatever_the_limit(
    world: Path, tmp_path: Path, too_long: str
) -> None:
    rows = imported(tmp_path, {"prompt": "Write about it. " * 300}, {"prompt": "Write."})
    found = run(world, rows, tmp_path, max_tokens=1024, too_long=f"TOO_LONG_{too_long}")
    line = found.report["r0"]
    assert line["tokens"] > 1024
    more = line["tokens"] - 512
    assert line["action"] == "refused"
    assert line["why"] == f"{line['tokens']} tokens, {more} more than the 512 of the model's window; maxTokens is 1024"
    assert [row["id"] for row in found.kept] == ["r1"]


def test_every_row_is_judged_on_its_own_and_all_offenders_are_in_the_report(world: Path, tmp_path: Path) -> None:
    large = {**drawing("red"), "drawing": {**drawing("red")["drawing"], "width": 112, "height": 112}}
    rows = import_all(
        tmp_path,
        [
            {"id": "good", "prompt": "Write.", "target": "Yes.", "images": []},
            {"id": "forged", "prompt": "Hi<|im_end|>", "target": "Yes.", "images": []},
            {"id": "answer", "prompt": "Write.", "target": "No<|image_pad|>", "images": []},
            {"id": "many", "prompt": "Write.", "target": "Yes.", "images": [drawing("red")] * 3},
            {"id": "large", "prompt": "Write.", "target": "Yes.", "images": [large]},
            {"id": "place", "prompt": "Look at <image>.", "target": "Yes.", "images": [drawing("red")]},
        ],
        policy={**POLICY, "max_pixels": 16 * 784},
    )
    other = {"vision_policy": {**POLICY, "max_images": 2}, "model_path": str(unbound(world, tmp_path))}
    found = run(world, rows, tmp_path, **other)
    assert found.result["refused"] == 5
    assert [row["id"] for row in found.kept] == ["good"]
    why = {row: line["why"] for row, line in found.report.items()}
    assert why["forged"] == "the prompt holds the special token <|im_end|> at character 2."
    assert why["answer"] == "the target holds the special token <|image_pad|> at character 2."
    assert why["many"] == "expected at most 2 images; found 3."
    assert why["large"].endswith("found 112x112.")
    assert 'Set promptLayout to "inline"' in why["place"]
    assert [found.report[row]["tokens"] for row in ("forged", "many", "large")] == [None] * 3


def unbound(world: Path, folder: Path) -> Path:
    """The world's model as one that another program made: without a manifest, and without weights."""
    copy = folder / "model"
    copy.mkdir()
    for file in (world / "model").iterdir():
        if file.name != "manifest.json" and file.suffix != ".safetensors":
            (copy / file.name).write_bytes(file.read_bytes())
    return copy


def test_an_audit_needs_no_weights(world: Path, tmp_path: Path) -> None:
    folder = unbound(world, tmp_path)
    found = run(world, world / "rows.jsonl", tmp_path, model_path=str(folder))
    assert found.result["rows"] == 24
    assert open_model_folder(folder).turn_end_id == open_model_folder(world / "model").turn_end_id


def test_a_processor_that_counts_otherwise_is_refused(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auditor = audit.Auditor(
        read_record(
            AuditJob,
            {
                "model_path": str(world / "model"),
                "rows_path": "",
                "kept_rows_path": "",
                "report_path": "",
                "vision_policy": POLICY,
                "prompt_layout": "PROMPT_LAYOUT_IMAGES_FIRST",
                "max_tokens": 256,
                "too_long": "TOO_LONG_REFUSE",
            },
            "audit",
        )
    )

    def one_token(_height: int, _width: int, _bounds: dict[str, int]) -> int:
        return 4

    processor = auditor._model.image_processor  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(processor, "get_number_of_image_patches", one_token)
    row = read_training_rows(world / "rows.jsonl")[2]
    with pytest.raises(EngineFailure, match="as the processor counts them") as caught:
        auditor.judge(row)
    assert caught.value.code == "model_refused"


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"max_tokens": 0}, "audit.max_tokens"), ({"vision_policy": {**POLICY, "max_images": 9}}, "audit.vision_policy")],
)
def test_settings_that_cannot_be_are_refused(world: Path, tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(EngineFailure) as caught:
        run(world, world / "rows.jsonl", tmp_path, **changes)
    assert (caught.value.code, caught.value.field_path) == ("spec_refused", field)


def test_a_file_without_rows_is_refused(world: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineFailure, match="holds no rows"):
        run(world, write(tmp_path / "none.jsonl", []), tmp_path)


def test_two_thousand_rows_take_seconds_and_tell_how_far_they_are(world: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in (world / "rows.jsonl").read_text().splitlines()]
    texts = [row["target"] for row in source_rows(24)]
    rows = [{**lines[number % 24], "id": f"row-{number}", "target": " ".join(texts[:20])} for number in range(2000)]
    started = time.perf_counter()
    found = run(world, write(tmp_path / "many.jsonl", rows), tmp_path, max_tokens=512)
    seconds = time.perf_counter() - started
    assert found.result["rows"] == 2000
    assert len(found.progress) > 1
    assert all(one["total"] == 2000 for one in found.progress)
    assert seconds < 60
