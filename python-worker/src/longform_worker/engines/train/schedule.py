"""The learning rate of a step."""

from __future__ import annotations

import math

from longform_worker.jobs import Schedule, ScheduleKind


def learning_rate(step: int, steps: int, peak: float, schedule: Schedule) -> float:
    """Learning rate of ``step`` (1 to ``steps``): a straight warm-up to the peak, then the schedule's shape.

    The last step has exactly ``peak * final_fraction`` unless the kind is constant.
    """
    warmup_steps = round(schedule.warmup_fraction * steps)
    if step <= warmup_steps:
        return peak * step / warmup_steps
    done = (step - warmup_steps) / (steps - warmup_steps)
    match schedule.kind:
        case ScheduleKind.CONSTANT:
            return peak
        case ScheduleKind.LINEAR:
            falling = 1 - done
        case ScheduleKind.COSINE:
            falling = (1 + math.cos(math.pi * done)) / 2
    return peak * (schedule.final_fraction + (1 - schedule.final_fraction) * falling)
