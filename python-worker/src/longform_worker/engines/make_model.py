"""A new vision-language model: random weights of a given shape, a byte-level BPE trained on the rows' own texts.

For small experiments that start from nothing. The folder opens in plain transformers
(``AutoModelForImageTextToText.from_pretrained``) like one from a hub.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from longform_worker.data.images import check_policy
from longform_worker.data.rows import read_rows
from longform_worker.failure import EngineFailure
from longform_worker.jobs import ModelJob
from longform_worker.models.folder import policy_record, publishing, weights_sha256
from longform_worker.wire import EngineLink

Library: TypeAlias = Any
Tokenizer: TypeAlias = Any
Config: TypeAlias = Any

TEMPORAL_PATCH_SIZE = 2
# Special tokens of all families in the order of their ids; the ones for video are part of the architecture.
SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
# ChatML without a system prompt of its own; images stand where the message's content has them.
CHAT_TEMPLATE = """{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% if message.content is string -%}
{{ message.content }}
{%- else -%}
{%- for part in message.content -%}
{%- if part.type == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>
{%- elif part.type == 'text' -%}{{ part.text }}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}
"""
# GPT-4's pre-split (as Qwen's) but for Chinese characters, which come in pairs: in a small corpus whole
# phrases would else become one token, and a fact inside it could not be told from another.
PRE_SPLIT = (
    r"[\p{Han}]{1,2}|(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}&&[^\p{Han}]]+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def run(job: ModelJob, link: EngineLink) -> dict[str, object]:
    """Make the model of a job. Raises EngineFailure: spec_refused for a shape that cannot be, data_refused for rows."""
    check_policy(job.vision_policy, "model.vision_policy")
    _check_shape(job)
    link.phase("loading")
    torch: Any = importlib.import_module("torch")
    loaded: Any = importlib.import_module("longform_worker.models.loaded")
    transformers = loaded.transformers_library()
    family = loaded.FAMILIES[job.architecture]
    link.phase("running")
    tokenizer = _train_tokenizer(transformers, Path(job.corpus_rows_path), job.vocabulary_size)
    config = _config(family, transformers, job, tokenizer)
    torch.manual_seed(job.seed)
    model = getattr(transformers, family.model_class)(config)
    model.generation_config = transformers.GenerationConfig(
        do_sample=False,
        eos_token_id=[tokenizer.convert_tokens_to_ids(name) for name in ("<|im_end|>", "<|endoftext|>")],
        pad_token_id=tokenizer.convert_tokens_to_ids("<|endoftext|>"),
    )
    link.phase("saving")
    facts: dict[str, Any] = {"kind": "model", "vision_policy": policy_record(job.vision_policy)}
    with publishing(Path(job.output_path), facts) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        _write_processor(folder, job, family)
        facts["weights_sha256"] = weights_sha256(folder)
    made = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "vocabulary_size": len(tokenizer),
        "weights_sha256": facts["weights_sha256"],
    }
    return {"made": made}


def _train_tokenizer(transformers: Library, corpus: Path, vocabulary_size: int) -> Tokenizer:
    """Byte-level BPE over the corpus; decoding gives back every byte. Special tokens come after the merges."""
    tokenizers: Any = importlib.import_module("tokenizers")
    byte_level = tokenizers.pre_tokenizers.ByteLevel
    alphabet: list[str] = byte_level.alphabet()
    least = len(alphabet) + len(SPECIAL_TOKENS)
    if vocabulary_size < least:
        raise _refused("vocabulary_size", f"at least {least}, all bytes and special tokens", vocabulary_size)
    backend = tokenizers.Tokenizer(tokenizers.models.BPE())
    backend.normalizer = tokenizers.normalizers.NFC()
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Split(tokenizers.Regex(PRE_SPLIT), behavior="isolated"),
            byte_level(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary_size - len(SPECIAL_TOKENS), initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(_texts(corpus), trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        additional_special_tokens=list(SPECIAL_TOKENS),
        eos_token="<|im_end|>",  # noqa: S106
        pad_token="<|endoftext|>",  # noqa: S106
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
    )


def _texts(corpus: Path) -> Iterator[str]:
    empty = True
    for row in read_rows(corpus):
        empty = False
        for name in ("prompt", "target"):
            text = row.get(name)
            if not isinstance(text, str):
                raise EngineFailure(
                    "data_refused",
                    f'{corpus}, row {row["id"]}: "{name}" must be text, found {text!r}.',
                    file=corpus,
                    row=row["id"],
                    expected="text",
                    found=repr(text)[:80],
                )
            yield text
    if empty:
        raise EngineFailure(
            "data_refused", f"{corpus} holds no rows.", file=corpus, expected="at least one row", found="none"
        )
    yield "user\nassistant\nsystem\n"  # the template's own words


def _config(family: type[Any], transformers: Library, job: ModelJob, tokenizer: Tokenizer) -> Config:
    adapter: Any = importlib.import_module("longform_worker.models.adapter")
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL_TOKENS}
    new = adapter.NewModel(job, ids, _rounded_up(len(tokenizer), 64), TEMPORAL_PATCH_SIZE)
    config = family.new_config(transformers, new)
    config.initializer_range = job.initializer_range  # given to the constructor it would be dropped
    return config


def _write_processor(folder: Path, job: ModelJob, family: type[Any]) -> None:
    """The processor's file in the form hub folders have, so that every version and engine reads it."""
    processor = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": family.processor_class,
        "do_convert_rgb": True,
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "rescale_factor": 1 / 255,
        "image_mean": family.image_mean,
        "image_std": family.image_std,
        "resample": 3,
        "size": {"shortest_edge": job.vision_policy.min_pixels, "longest_edge": job.vision_policy.max_pixels},
        "min_pixels": job.vision_policy.min_pixels,
        "max_pixels": job.vision_policy.max_pixels,
        "patch_size": job.vision.patch_size,
        "temporal_patch_size": TEMPORAL_PATCH_SIZE,
        "merge_size": job.vision.merge_size,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n", encoding="utf-8")


def _check_shape(job: ModelJob) -> None:
    """Refuse what the architecture cannot be, before libraries are loaded; they would fail without a field's name."""
    text, vision = job.text, job.vision
    at_least_one = {
        f"{part}.{name}": getattr(record, name)
        for part, record in (("text", text), ("vision", vision))
        for name in record.__dataclass_fields__
    }
    for field, value in at_least_one.items():
        if value < 1:
            raise _refused(field, "at least 1", value)
    if not 0 < job.initializer_range <= 1:
        raise _refused("initializer_range", "above 0 and at most 1", job.initializer_range)
    if text.hidden_size % (2 * text.heads):
        raise _refused("text.hidden_size", f"an even multiple of text.heads = {text.heads}", text.hidden_size)
    if text.heads % text.key_value_heads:
        raise _refused("text.key_value_heads", f"a divisor of text.heads = {text.heads}", text.key_value_heads)
    if vision.hidden_size % (4 * vision.heads):
        raise _refused("vision.hidden_size", f"a multiple of 4 x vision.heads = {4 * vision.heads}", vision.hidden_size)
    grid = vision.patch_size * vision.merge_size
    if job.vision_policy.grid_multiple % grid:
        found = job.vision_policy.grid_multiple
        raise _refused("vision_policy.grid_multiple", f"a multiple of patch_size x merge_size = {grid}", found)


def _rounded_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _refused(field: str, expected: str, found: object) -> EngineFailure:
    return EngineFailure(
        "spec_refused",
        f"model.{field} must be {expected}; found {found}.",
        field_path=f"model.{field}",
        expected=expected,
        found=found,
    )
