"""Keys and values of all running sequences, one slot each.

Slot b of every tensor belongs to sequence b, and sequence b fills columns 0 up to its own length. Nobody
is padded to a neighbour: a new sequence takes the next slot while the others go on, and the last one moves
into the slot of a sequence that ends. The two passes below are what the model's layers write to in place
of one of the library's caches.
"""

from __future__ import annotations

import torch

_GROWTH_COLUMNS = 64
# Kernels sum what does not fill a vector register in another order. With whole blocks, and nothing but
# zeros behind a sequence's own columns, its sums do not depend on how long its neighbours are.
_BLOCK_COLUMNS = 16


class SlotCache:
    """Tensors of shape [slots, key-value heads, columns, head width] for every layer; they only grow."""

    def __init__(self, layers: int, heads: int, width: int, dtype: torch.dtype, device: torch.device) -> None:
        empty = torch.zeros(0, heads, 0, width, dtype=dtype, device=device)
        self.keys = [empty] * layers
        self.values = [empty] * layers

    def reserve(self, slots: int, columns: int) -> None:
        """Make room for ``slots`` sequences of ``columns`` tokens, in steps that grow with the size."""
        held_slots, _, held_columns, _ = self.keys[0].shape
        if slots <= held_slots and columns <= held_columns:
            return
        if columns > held_columns:
            columns = max(columns, held_columns * 5 // 4)
            columns = _rounded_up(columns, _GROWTH_COLUMNS)
        slots, columns = max(slots, held_slots), max(columns, held_columns)
        for tensors in (self.keys, self.values):
            for layer, held in enumerate(tensors):
                grown = held.new_zeros(slots, held.shape[1], columns, held.shape[3])
                grown[:held_slots, :, :held_columns] = held
                tensors[layer] = grown

    def move(self, source: int, target: int, columns: int) -> None:
        """Copy the first ``columns`` columns of one slot to another."""
        for tensor in (*self.keys, *self.values):
            tensor[target, :, :columns] = tensor[source, :, :columns]

    def clear(self, slot: int) -> None:
        """Zero a slot that holds values that are not numbers: masked or not, they would spread."""
        for tensor in (*self.keys, *self.values):
            tensor[slot] = 0


class PromptPass:
    """Writes prompts of one length into consecutive slots; each prompt attends to itself alone."""

    def __init__(self, cache: SlotCache, first_slot: int) -> None:
        self._cache = cache
        self._first = first_slot

    def update(
        self, keys_BHTD: torch.Tensor, values_BHTD: torch.Tensor, layer: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        slots = slice(self._first, self._first + keys_BHTD.shape[0])
        self._cache.keys[layer][slots, :, : keys_BHTD.shape[2]] = keys_BHTD
        self._cache.values[layer][slots, :, : keys_BHTD.shape[2]] = values_BHTD
        return keys_BHTD, values_BHTD


class DecodePass:
    """Writes one token of every slot behind the slot's own length and attends to ``columns`` columns or a few more."""

    def __init__(self, cache: SlotCache, lengths_B: torch.Tensor, columns: int) -> None:
        self._cache = cache
        self._lengths_B = lengths_B
        self._slots_B = torch.arange(len(lengths_B), device=lengths_B.device)
        self._columns = _rounded_up(columns, _BLOCK_COLUMNS)  # the cache grows in steps of more

    def mask(self) -> torch.Tensor:
        """[B, 1, 1, columns], true where a slot's new token may look: at its own tokens up to itself."""
        columns_T = torch.arange(self._columns, device=self._lengths_B.device)
        return (columns_T <= self._lengths_B[:, None])[:, None, None, :]

    def update(
        self, keys_BH1D: torch.Tensor, values_BH1D: torch.Tensor, layer: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        keys, values = self._cache.keys[layer], self._cache.values[layer]
        keys[self._slots_B, :, self._lengths_B] = keys_BH1D[:, :, 0]
        values[self._slots_B, :, self._lengths_B] = values_BH1D[:, :, 0]
        slots = slice(len(self._slots_B))
        return keys[slots, :, : self._columns], values[slots, :, : self._columns]


def _rounded_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
