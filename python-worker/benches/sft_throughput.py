"""Target tokens a second of processor time of the training loop and of TRL's SFTTrainer, in turn, in one process.

Usage: python sft_throughput.py REPEATS; prints one JSON line of values by side.

Same: model, rows (their very ids), epochs, rows in an optimizer step, AdamW, float32, no recomputation, one thread,
nothing cut off, loss over the targets alone, normalised by the tokens of the whole step (which the model's class must
be told to take). TRL's defaults are a micro-batch of 8 in random order; its best is the quickest of several
micro-batches of rows sorted by length. Its packing would cut rows, and its padding-free batches need flash attention.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from lengths import LONG_BENCH_WRITE
from longform_worker.engines.train import loop
from longform_worker.engines.train.plan import PlannedRow, plan_rows
from longform_worker.jobs import Precision, TrainingJob
from longform_worker.models.loaded import load_model
from longform_worker.records import read_record
from longform_worker.wire import EngineLink
from tiny_world import import_all, make, training_fields

# The oracle, untyped as it is.
datasets: Any = import_module("datasets")
trl: Any = import_module("trl")
WORDS_A_TOKEN = 20
EXAMPLES_PER_STEP = 24
EPOCHS = 1
TOKENS_PER_PASS = 2_048
MICRO_BATCHES = (1, 2, 4)
TEXT = {
    "layers": 4,
    "hidden_size": 128,
    "intermediate_size": 256,
    "heads": 4,
    "key_value_heads": 2,
    "rope_theta": 10_000.0,
    "max_positions": 4_096,
}
SYLLABLES = [c + v for c in "bdfgklmnprst" for v in "aeiou"]


def rows() -> list[dict[str, Any]]:
    """One row for each required length, with a token for so many words."""
    drawn = random.Random(1)  # noqa: S311
    lengths = [length for length, count in LONG_BENCH_WRITE.items() for _ in range(count)]
    return [
        {
            "id": f"row-{number}",
            "language": "en",
            "prompt": f"Write about {length} words.",
            "target": " ".join(drawn.choices(SYLLABLES, k=max(1, length // WORDS_A_TOKEN))),
            "images": [],
        }
        for number, length in enumerate(lengths)
    ]


class TimedLink(EngineLink):
    """Takes the processor time of the first step's beginning and of the last step's end."""

    def __init__(self) -> None:
        self.begun = self.ended = 0.0
        self.losses: list[float] = []

    def send(self, type_: str, /, **fields: object) -> None:
        """Keeps times and losses."""
        if fields.get("phase") == "PHASE_RUNNING":
            self.begun = time.process_time()
        if type_ == "step":
            self.ended = time.process_time()
            self.losses.append(float(str(fields["loss"])))


def ours(world: Path, planned: list[PlannedRow], out: Path) -> tuple[float, float]:
    """Seconds and the last loss of the training loop."""
    fields = training_fields(
        world,
        out,
        steps=EPOCHS * len(planned) // EXAMPLES_PER_STEP,
        examples_per_step=EXAMPLES_PER_STEP,
        tokens_per_pass=TOKENS_PER_PASS,
        max_tokens=4_096,
        head_chunk_tokens=256,
    )
    link = TimedLink()
    loop.run(read_record(TrainingJob, fields, "training"), link)
    return link.ended - link.begun, link.losses[-1]


class Clock(TrainerCallback):
    """Takes the processor time of the first step's beginning and of the last step's end."""

    begun = ended = loss = 0.0

    def on_epoch_begin(self, *_: object, **__: object) -> None:
        """Before the first batch is drawn."""
        self.begun = self.begun or time.process_time()

    def on_step_end(self, *_: object, **__: object) -> None:
        """After each update."""
        self.ended = time.process_time()

    def on_log(self, *_: object, **given: Any) -> None:  # noqa: ANN401
        """The loss of the last step."""
        self.loss = float(given["logs"].get("loss", self.loss))


def theirs(world: Path, planned: list[PlannedRow], out: Path, micro_batch: int, by_length: bool) -> tuple[float, float]:
    """Seconds and the last loss of TRL's trainer."""
    loaded = load_model(world / "model", Precision.FLOAT32)
    loaded.model.accepts_loss_kwargs = True
    dataset = datasets.Dataset.from_list(
        [
            {
                "input_ids": [int(token) for token in row.ids_T],
                "completion_mask": [0] * row.target_start + [1] * row.target_tokens,
                "length": row.tokens,
            }
            for row in planned
        ]
    )
    config = trl.SFTConfig(
        output_dir=str(out),
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=EXAMPLES_PER_STEP // micro_batch,
        train_sampling_strategy="group_by_length" if by_length else "random",
        max_length=None,
        packing=False,
        completion_only_loss=True,
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        learning_rate=3e-3,
        adam_beta2=0.98,
        weight_decay=0.01,
        lr_scheduler_type="cosine",
        warmup_steps=1,
        max_grad_norm=1.0,
        save_strategy="no",
        report_to="none",
        logging_steps=1,
        disable_tqdm=True,
        seed=7,
    )
    clock = Clock()
    trainer = trl.SFTTrainer(
        model=loaded.model, args=config, train_dataset=dataset, processing_class=loaded.tokenizer, callbacks=[clock]
    )
    trainer.train()
    return clock.ended - clock.begun, clock.loss


def main(repeats: int) -> dict[str, Any]:
    """Measures every side in turn; the micro-batches of TRL's best are told apart."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder)
        corpus = import_all(world, rows())
        make(world / "model", corpus, text=TEXT)
        job = read_record(TrainingJob, training_fields(world, world, max_tokens=4_096), "training")
        planned = plan_rows(corpus, load_model(world / "model", Precision.FLOAT32), job)
        targets = EPOCHS * sum(row.target_tokens for row in planned)
        sides: dict[str, Callable[[Path], tuple[float, float]]] = {
            "ours": lambda out: ours(world, planned, out),
            "TRL defaults, 8 rows": lambda out: theirs(world, planned, out, 8, by_length=False),
        }
        for size in MICRO_BATCHES:
            sides[f"TRL by length, {size} rows"] = lambda out, size=size: theirs(
                world, planned, out, size, by_length=True
            )
        rates: dict[str, list[float]] = {name: [] for name in sides}
        losses: dict[str, float] = {}
        for repeat in range(repeats):
            for number, (name, side) in enumerate(sides.items()):
                seconds, losses[name] = side(world / f"out-{repeat}-{number}")
                rates[name].append(targets / seconds)
        return {
            "settings": f"{WORDS_A_TOKEN} words of the required length a token, {EXAMPLES_PER_STEP} rows a step, ours"
            f" {TOKENS_PER_PASS} tokens a pass, {TEXT['layers']} layers of width {TEXT['hidden_size']}, float32",
            "rates": rates,
            "losses": losses,
            "rows": len(planned),
            "targetTokens": targets // EPOCHS,
            "longestTokens": max(row.tokens for row in planned),
        }


if __name__ == "__main__":
    found = main(int(sys.argv[1]))
    sys.stdout.write(json.dumps(found) + "\n")
