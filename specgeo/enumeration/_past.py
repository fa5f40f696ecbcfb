"""What the complexes done so far leave to later layers: a stack of sign patterns and ancestry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from specgeo._cast import IntArray
from specgeo.enumeration._layers import N_WORDS, History, Layers
from specgeo.enumeration._layout import padded
from specgeo.enumeration._memory import Loans
from specgeo.enumeration._scalars import Ids, Words

_FEW = 1 << 14  # cells that there is room for to begin with


class Past:
    """Grows by `push`, layer by layer; `history` is what the kernels see of it.

    A group of cells has a past of its own: `fork` keeps the complexes before the one that it was taken from, and each
    group's rows go on top of them.
    """

    def __init__(self, layers: Layers, loans: Loans) -> None:
        signs, parents, starts, at_first = loans.take(_stack, len(layers.meta) + 2)
        starts[...] = at_first
        self.history = History(layers, signs, starts[0], parents, starts[1])

    def fork(self, layer: int) -> Past:
        """A copy of what is before complex ``layer``."""
        h = self.history
        past = Past(h.layers, Loans(kept=False))
        past.history = h._replace(
            signs=h.signs[: h.sign_start[layer]].copy(),
            sign_start=h.sign_start.copy(),
            parents=h.parents[: h.parent_start[layer]].copy(),
            parent_start=h.parent_start.copy(),
        )
        return past

    @property
    def n_layers(self) -> int:
        """Layers that have been pushed."""
        return int(np.count_nonzero(self.history.parent_start > 1))

    def push(
        self, layer: int, signs: Words, parents: Ids, afford: Callable[[int], None] = lambda n_bytes: None
    ) -> None:
        """Put complex ``layer`` on top of those before it: rows of signs (n_c, 2 n_words), and the cells' parents.

        Where it takes memory, the bytes go to ``afford`` before.
        """
        h = self.history
        begin, first = int(h.sign_start[layer]), int(h.parent_start[layer])
        end, last = begin + signs.size, first + len(parents)
        if end > len(h.signs) or last > len(h.parents):
            afford(16 * end * (end > len(h.signs)) + 8 * last * (last > len(h.parents)))
            self.history = h = h._replace(
                signs=h.signs if end <= len(h.signs) else padded(h.signs[:begin], _room(begin, end)),
                parents=h.parents if last <= len(h.parents) else padded(h.parents[:first], _room(first, last)),
            )
        h.signs[begin:end], h.parents[first:last] = signs.reshape(-1), parents
        h.sign_start[layer + 1], h.parent_start[layer + 1] = end, last

    def signs(self, layer: int) -> Words:
        """Signs of the units of a layer on the cells of the complex after it, (n_c, 2 n_words)."""
        h = self.history
        rows: Words = h.signs[h.sign_start[layer] : h.sign_start[layer + 1]]
        n_cells = int(h.parent_start[layer + 1] - h.parent_start[layer])
        return rows.reshape(n_cells, 2 * int(h.layers.meta[layer - 1, N_WORDS]))

    def parents(self, layer: int) -> Ids:
        """The cell of complex ``layer`` - 1 that contains each cell of complex ``layer``."""
        h = self.history
        found: Ids = h.parents[h.parent_start[layer] : h.parent_start[layer + 1]]
        return found


def _stack(n: int) -> tuple[Words, Ids, IntArray, IntArray]:
    """Room for few signs and parents of complexes, and for where those of n - 1 of them begin; and this at first."""
    parents, at_first = np.empty(_FEW, np.int32), np.zeros((2, n), np.int64)
    parents[0], at_first[1, 1:] = 0, 1  # complex 0: one cell, its own parent
    return np.empty(_FEW, np.uint64), parents, np.empty((2, n), np.int64), at_first


def _room(used: int, wanted: int) -> int:
    """Length of an array that is to hold ``wanted`` items; twice that after the first layer."""
    return wanted if used <= 1 else 2 * wanted
