"""Attention over rows that lie one behind the other in a single sequence: each row sees itself alone.

No mask exists: the function below runs the library's own attention for each row's slice, so the cost is the sum
of the squares of the rows' lengths, on every device and without a further library.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from longform_worker.engines.train.collate import Pass
from longform_worker.models.adapter import Model
from longform_worker.models.loaded import LoadedModel, library_attention, register_attention

ROWS_ATTENTION = "longform_rows"
_ATTEND = library_attention()


def rows_attention() -> str:
    """The name under which transformers finds this attention; for ``load_model``."""
    return register_attention(ROWS_ATTENTION, _attend_by_rows)


def hidden_states(loaded: LoadedModel, model: Model, batch: Pass) -> Tensor:
    """Last hidden states [S, width] before the head. ``model`` is the loaded one, or what wraps its layers.

    The cache is off in the call itself, because the text config's own setting would win otherwise, and with a cache
    rows would see each other.
    """
    attention: str = model.config.text_config._attn_implementation
    if attention != ROWS_ATTENTION:
        raise ValueError(f"a packed pass needs a model loaded with {ROWS_ATTENTION}; this one has {attention}")
    output = model.model(
        input_ids=batch.ids_S[None],
        position_ids=batch.rotary_3S[:, None],
        pixel_values=batch.patches_PV,
        image_grid_thw=batch.grids_I3,
        use_cache=False,
        row_ends=batch.row_ends,
        **({} if batch.grids_I3 is None else loaded.adapter.vision_layout(batch.grids_I3)),
    )
    hidden_1SH: Tensor = output.last_hidden_state
    return hidden_1SH[0]


def _attend_by_rows(
    module: Any,  # noqa: ANN401
    query_1HSD: Tensor,
    key_1HSD: Tensor,
    value_1HSD: Tensor,
    attention_mask: Tensor | None,
    *,
    row_ends: tuple[int, ...] | None = None,
    sliding_window: int | None = None,
    **settings: Any,  # noqa: ANN401
) -> tuple[Tensor, None]:
    if row_ends is None or attention_mask is not None or key_1HSD.shape[2] != row_ends[-1]:
        raise ValueError(f"{ROWS_ATTENTION} takes one packed sequence with the ends of its rows, and no mask or cache")
    if sliding_window is not None:
        raise ValueError(f"{ROWS_ATTENTION} knows no sliding windows")
    pieces = [
        _ATTEND(
            module,
            query_1HSD[:, :, start:end],
            key_1HSD[:, :, start:end],
            value_1HSD[:, :, start:end],
            None,
            **settings,
        )[0]
        for start, end in pairwise((0, *row_ends))
    ]
    return torch.cat(pieces, dim=1), None
