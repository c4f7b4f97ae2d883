"""A model and rows for the benches that train, made from the tiny world of the tests.

Usage: python bench_world.py FOLDER; writes FOLDER/rows.source.jsonl, FOLDER/model and FOLDER/bare.json, the job of a
training that is run without an agent. Its settings are those of bench/step-overhead.ts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tiny_world import import_all, make, source_rows, training_fields

TEXT = {
    "layers": 4,
    "hidden_size": 128,
    "intermediate_size": 256,
    "heads": 4,
    "key_value_heads": 2,
    "rope_theta": 500.0,
    "max_positions": 4_096,
}
ROWS = 300
STEPS = 24


def main(folder: Path) -> None:
    """Makes the world and the job."""
    corpus = import_all(folder, source_rows(ROWS))
    make(folder / "model", corpus, text=TEXT)
    job = training_fields(folder, folder / "bare", steps=STEPS, examples_per_step=32, tokens_per_pass=2_048)
    (folder / "bare.json").write_text(json.dumps(job))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.write("{}\n")
