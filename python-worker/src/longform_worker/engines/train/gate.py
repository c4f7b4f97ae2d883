"""The gate: whether the model, reading the true beginning each time, would choose every token of held-out targets."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from longform_worker.engines.train.collate import StepWeights
from longform_worker.engines.train.passes import compose
from longform_worker.engines.train.plan import PlannedRow
from longform_worker.engines.train.step import Trainer
from longform_worker.jobs import LossNormalisation


def exact_match(trainer: Trainer, rows: Sequence[PlannedRow]) -> float:
    """Share of rows, dealt out over the ranks, whose every target token, end of turn included, is the greedy choice.

    Equal to the share of rows that greedy decoding would write exactly: as long as every choice so far was
    the target's, both read the same beginning.
    """
    ranks = trainer.ranks
    groups = compose([row.tokens for row in rows], trainer.job.tokens_per_pass, ranks.world_size)[ranks.rank]
    weights = StepWeights.of_step(rows, LossNormalisation.TOKEN)
    exact = 0
    trainer.module.eval()
    with torch.no_grad():
        for batch in trainer.collator.passes([[rows[row] for row in group] for group in groups], weights):
            hits_N = trainer.backend.forward(batch, greedy=True)
            missed_R = torch.zeros(batch.rows, dtype=torch.bool, device=hits_N.device)
            missed_R[batch.row_of_N[~hits_N]] = True
            exact += int((~missed_R).sum())
            del batch  # its pixels leave the device before the next ones come
    trainer.module.train()
    return ranks.sums([exact])[0] / len(rows)
