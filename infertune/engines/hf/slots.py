"""The keys and values of a running batch: one slot per row, every row at its own length, nothing ever shifted."""

from typing import Any

import torch
from torch import Tensor
from transformers import Cache

_STEP_TOKENS = 64
"""Attention is computed over a multiple of this many positions, and the buffers grow by it."""


class SlotCache(Cache):  # type: ignore[misc]  # transformers is untyped to us
    """A transformers cache whose rows are slots that fill, empty and copy independently.

    A slot's tokens begin at its position 0. Before a forward pass, `place` says which slots the rows of the batch
    belong to and at which positions their new tokens go; attention must be masked with the mask it returns.

    Attributes:
        n_slots: Number of slots.
        n_positions: Positions allocated per slot; grows when needed.
    """

    def __init__(self, n_slots: int) -> None:
        super().__init__(layers=[])
        self.n_slots = n_slots
        self.n_positions = 0
        self._keys: list[Tensor] = []  # per layer [slots, heads, positions, head width]
        self._values: list[Tensor] = []
        self._slots: Tensor | None = None
        self._positions = torch.empty(0, dtype=torch.int64)
        self._visible = 0

    def place(self, positions: Tensor, slots: Tensor | None = None) -> Tensor:
        """Prepare a forward pass and return its attention mask.

        Args:
            positions: int64 ``[rows, tokens]``, where each new token goes in its slot.
            slots: int64 ``[rows]``, the slot of each row, repeats allowed; None for slots 0, 1, ... in order.

        Returns:
            bool ``[rows, 1, tokens, visible positions]``, true where a token may look.
        """
        self._positions, self._slots = positions, slots
        visible = -(-(int(positions.max()) + 1) // _STEP_TOKENS) * _STEP_TOKENS
        if visible > self.n_positions:
            self._grow(visible)
        self._visible = visible
        seen = torch.arange(visible, device=positions.device)
        return (seen <= positions[:, :, None])[:, None]

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write the new keys and values of one layer and return all that its rows may look at."""
        while len(self._keys) <= layer_idx:
            self._keys.append(self._empty(key_states))
            self._values.append(self._empty(value_states))
        return self._write(self._keys[layer_idx], key_states), self._write(self._values[layer_idx], value_states)

    def copy(self, source: int, targets: list[int], n_tokens: int) -> None:
        """Copy the first tokens of one slot to others."""
        for buffer in (*self._keys, *self._values):
            for target in targets:  # a view each: writing through an index refuses to read the tensor it writes to
                buffer[target, :, :n_tokens] = buffer[source, :, :n_tokens]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Return 0: no length is common to the rows, so positions and mask are always given explicitly."""
        return 0

    def _write(self, buffer: Tensor, new: Tensor) -> Tensor:
        rows = len(new)
        slots = torch.arange(rows, device=new.device) if self._slots is None else self._slots
        buffer.transpose(1, 2)[slots[:, None], self._positions] = new.transpose(1, 2)
        visible = buffer[:, :, : self._visible]
        return visible[:rows] if self._slots is None else visible.index_select(0, self._slots)

    def _empty(self, like: Tensor) -> Tensor:
        # Zeros, since masked positions are multiplied by 0 and so must be finite.
        return like.new_zeros((self.n_slots, like.shape[1], self.n_positions, like.shape[3]))

    def _grow(self, n_positions: int) -> None:
        extra = n_positions - self.n_positions
        for buffers in (self._keys, self._values):
            for layer, buffer in enumerate(buffers):
                buffers[layer] = torch.nn.functional.pad(buffer, (0, 0, 0, extra))
        self.n_positions = n_positions
