"""Generation with Hugging Face transformers: continuous batching over one cache with a slot per sequence.

Every step first reads the prompts that wait, those of one length together, then writes one token of every
sequence. Requests thus enter and leave between any two tokens, no prompt is ever padded, and what a
sequence sees and draws is its own alone. The last bit of a matrix product can depend on the number of its
rows, and a choice between two tokens can hang on that bit. On x86 processors in float32 it was measured
not to, for at least 16 rows and whole blocks of attended columns, and a test holds us to it; on a
GPU, or in bfloat16, equal seeds give equal texts almost always.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch.nn.functional import pad

from longform_worker.data.images import check_policy, load_pixels
from longform_worker.data.prompt import PromptEncoder
from longform_worker.engines.generate.engine import Finish, Prompt, Written
from longform_worker.engines.generate.sampler import RowSettings, Sampler
from longform_worker.engines.generate.slot_cache import DecodePass, PromptPass, SlotCache
from longform_worker.engines.generate.token_text import TokenText, token_bytes
from longform_worker.failure import EngineFailure
from longform_worker.jobs import GenerateRequest, GenerationJob, ImageReference
from longform_worker.models.adapter import Features, Patches
from longform_worker.models.folder import check_vision_policy
from longform_worker.models.loaded import LoadedModel, finished_masks_attention, load_model

# Prompt tokens read in one pass: bounds the activations, and the time for which other texts stand still.
PROMPT_PASS_TOKENS = 8192
# Rows of a product at the least. On processors, kernels for few rows sum in another order: MKL's for up to 3 rows,
# those of AMX for up to 15. Accelerators promise nothing of the kind, and there a free slot costs memory.
LEAST_ROWS = 16


@dataclass(frozen=True, slots=True)
class PreparedPrompt(Prompt):
    """A prompt ready for the model: token ids, rotary positions [3, tokens], and the images' patches."""

    ids: list[int]
    positions: torch.Tensor
    images: list[Patches]


@dataclass(slots=True, eq=False)
class _Sequence:
    """A request being written. ``length`` counts its tokens in the cache, ``last`` is the one to be read next."""

    request: GenerateRequest
    prompt: PreparedPrompt
    text: TokenText
    draws: random.Random
    length: int = 0
    last: int = -1
    written: int = 0
    shift: int = field(init=False)

    def __post_init__(self) -> None:
        # Positions go on behind the largest of the prompt, which images make smaller than its token count.
        self.shift = int(self.prompt.positions.max()) + 1 - self.prompt.tokens


class TransformersEngine:
    """Decodes with one model in this process, on this rank's GPU where there is one."""

    def __init__(self, job: GenerationJob) -> None:
        check_policy(job.vision_policy, "generation.vision_policy")
        check_vision_policy(Path(job.model_path), job.vision_policy, "generation.vision_policy")
        self._job = job
        self._loaded = loaded = load_model(Path(job.model_path), job.precision, finished_masks_attention())
        self._encoder = PromptEncoder(loaded, job.prompt_layout)
        text_config = loaded.model.config.text_config
        _check_window(loaded, job.max_tokens)
        self._cache = SlotCache(
            layers=text_config.num_hidden_layers,
            heads=text_config.num_key_value_heads,
            width=loaded.adapter.head_width,
            dtype=loaded.model.dtype,
            device=loaded.device,
        )
        names: list[str | None] = loaded.tokenizer.convert_ids_to_tokens(list(range(len(loaded.tokenizer))))
        special = frozenset(i for i, token in loaded.tokenizer.added_tokens_decoder.items() if token.special)
        self._bytes = token_bytes(names, special)
        self._stops = frozenset(loaded.stop_ids)
        # A head may be wider than the vocabulary; the ids beyond are nobody's.
        nobody = range(len(names), text_config.vocab_size)
        forbidden = {*special, *nobody, loaded.adapter.image_token_id} - self._stops
        self._sampler = Sampler(text_config.vocab_size, forbidden, self._stops, loaded.device)
        self._least_rows = LEAST_ROWS if loaded.device.type == "cpu" else 1
        self._entering: list[_Sequence] = []
        self._running: list[_Sequence] = []  # the sequence at place b has slot b
        self._settings: RowSettings | None = None  # of the running sequences, until they change

    def room(self) -> int:
        return self._job.max_batch_sequences - len(self._running) - len(self._entering)

    def prepare(self, request: GenerateRequest) -> PreparedPrompt:
        encoded = self._encoder.prompt(request.prompt, request.images, request.request_id)
        images = [self._patches(place, image) for place, image in enumerate(request.images)]
        positions_3T = self._loaded.adapter.positions(encoded.ids, [image.grid for image in images])
        return PreparedPrompt(len(encoded.ids), encoded.sha256(), encoded.ids, positions_3T, images)

    def admit(self, request: GenerateRequest, prompt: PreparedPrompt) -> None:
        # random.Random draws the same numbers for a seed in every version of Python, and uses all of the seed.
        draws = random.Random(request.sampling.seed)  # noqa: S311
        self._entering.append(_Sequence(request, prompt, TokenText(self._bytes), draws))

    @torch.inference_mode()
    def drop(self, request_id: str) -> None:
        self._entering = [one for one in self._entering if one.request.request_id != request_id]
        for slot, one in enumerate(self._running):
            if one.request.request_id == request_id:
                self._leave(slot)
                return

    @torch.inference_mode()
    def step(self) -> list[Written]:
        written: list[Written] = []
        if self._entering:
            written += self._read_prompts(self._next_prompts())
        if self._running:
            written += self._write_tokens()
        return written

    def _patches(self, place: int, image: ImageReference) -> Patches:
        try:
            return self._loaded.adapter.patches(load_pixels(Path(self._job.blob_root), image))
        except EngineFailure as failure:
            failure.field_path = f"images.{place}"
            raise
        except (OSError, ValueError, SyntaxError, EOFError) as error:  # Pillow's decoders raise all of these
            raise EngineFailure(
                "data_refused",
                f"image {place} ({image.sha256}) does not decode: {error}",
                field_path=f"images.{place}",
                sha256=image.sha256,
            ) from error

    def _next_prompts(self) -> list[_Sequence]:
        """Takes the oldest entering sequence and others with as many prompt tokens, as many as one pass may read."""
        tokens = self._entering[0].prompt.tokens
        most = max(1, PROMPT_PASS_TOKENS // tokens)
        group = [one for one in self._entering if one.prompt.tokens == tokens][:most]
        self._entering = [one for one in self._entering if one not in group]
        return group

    def _read_prompts(self, group: list[_Sequence]) -> list[Written]:
        first, tokens, device = len(self._running), group[0].prompt.tokens, self._loaded.device
        self._cache.reserve(first + len(group), tokens + 1)
        logits_BV = self._logits(
            torch.tensor([one.prompt.ids for one in group], device=device),
            torch.stack([one.prompt.positions for one in group], dim=1).to(device),
            PromptPass(self._cache, first),
            None,
            [image for one in group for image in one.prompt.images],
        )
        for one in group:
            one.length = tokens
        self._running += group
        self._settings = None
        return self._choose(first, logits_BV, RowSettings([one.request.sampling for one in group], device))

    def _write_tokens(self) -> list[Written]:
        running, device = self._running, self._loaded.device
        idle = [0] * (self._least_rows - len(running))  # rows that read a token in a free slot, for nobody
        lengths = [one.length for one in running] + idle
        columns = max(lengths) + 1
        self._cache.reserve(len(lengths), columns)
        lengths_B = torch.tensor(lengths, device=device)
        shifts_B = torch.tensor([one.shift for one in running] + idle, device=device)
        decode = DecodePass(self._cache, lengths_B, columns)
        logits_BV = self._logits(
            torch.tensor([one.last for one in running] + idle, device=device)[:, None],
            (lengths_B + shifts_B)[None, :, None].expand(3, -1, 1),
            decode,
            decode.mask(),
        )[: len(running)]
        for one in running:
            one.length += 1
        if self._settings is None:
            self._settings = RowSettings([one.request.sampling for one in running], device)
        return self._choose(0, logits_BV, self._settings)

    def _logits(
        self,
        ids_BT: torch.Tensor,
        positions_3BT: torch.Tensor,
        cache: PromptPass | DecodePass,
        mask_B11T: torch.Tensor | None,
        images: Sequence[Patches] = (),
    ) -> torch.Tensor:
        """Logits behind the last token of every row; without a mask a row is a prompt, read causally."""
        model = self._loaded.model
        output = model.model(
            input_ids=ids_BT,
            position_ids=positions_3BT,
            mm_encoder_outputs={"image": self._features(images)} if images else None,
            attention_mask=mask_B11T,  # a finished one: nothing is derived from the cache
            past_key_values=cache,
            use_cache=True,
        )
        last_BD: torch.Tensor = output.last_hidden_state[:, -1]
        rows = len(last_BD)
        logits_BV: torch.Tensor = model.lm_head(pad(last_BD, (0, 0, 0, max(0, self._least_rows - rows))))
        return logits_BV[:rows]

    def _features(self, images: Sequence[Patches]) -> Features:
        """What the vision tower makes of images, one after another."""
        merged = self._loaded.adapter.merge_size**2
        enough = sum(image.grid.rows * image.grid.columns for image in images) >= self._least_rows * merged
        seen = [*images, *([] if enough else [images[0]] * self._least_rows)]
        device = self._loaded.device
        features: Features = self._loaded.model.model.get_image_features(
            torch.cat([image.values for image in seen]).to(device),
            torch.tensor([image.grid for image in seen], device=device),
            return_dict=True,
        )
        return self._loaded.adapter.first_features(features, len(images))

    def _choose(self, first: int, logits_BV: torch.Tensor, settings: RowSettings) -> list[Written]:
        """Writes the next token of the sequences from slot ``first`` on; those that end give up their slots."""
        rows = self._running[first:]
        draws = [rows[row].draws.random() for row in settings.drawn]
        unfinished = [row for row, one in enumerate(rows) if one.written < one.request.sampling.min_tokens]
        tokens = self._sampler.choose(logits_BV, settings, draws, unfinished)
        written = [self._append(one, token) for one, token in zip(rows, tokens, strict=True)]
        for row in reversed(range(len(rows))):  # from the end, so that a move brings no row that is still to come
            if written[row].failure is not None:
                self._cache.clear(first + row)
            if written[row].finish is not None:
                self._leave(first + row)
        return written

    def _append(self, one: _Sequence, token: int | None) -> Written:
        request_id, sampling = one.request.request_id, one.request.sampling
        if token is None:
            failure = EngineFailure(
                "model_refused",
                f"the logits after token {one.written} are not finite numbers; the model's weights are broken.",
                file=self._loaded.folder,
                token=one.written,
            )
            return Written(request_id, "", one.written, "FINISH_REASON_ERROR", failure)
        one.last = token
        one.written += 1
        finish: Finish | None = None
        if token in self._stops:
            finish = "FINISH_REASON_STOP"
        elif one.written == sampling.max_tokens:
            finish = "FINISH_REASON_LENGTH"
        return Written(request_id, one.text.write(token), one.written, finish)

    def _leave(self, slot: int) -> None:
        """Frees a slot; the last running sequence moves into it."""
        last = self._running.pop()
        if slot < len(self._running):
            self._cache.move(len(self._running), slot, last.length)
            self._running[slot] = last
        self._settings = None


def _check_window(loaded: LoadedModel, max_tokens: int) -> None:
    most: int = loaded.model.config.text_config.max_position_embeddings
    if max_tokens > most:
        raise EngineFailure(
            "spec_refused",
            f"maxTokens {max_tokens} is beyond the {most} positions that {loaded.folder} was made for.",
            field_path="generation.max_tokens",
            expected=f"at most {most}",
            found=max_tokens,
        )
