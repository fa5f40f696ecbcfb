"""What a complex is stored in: lists of varying length, and the signs of units, packed into bits."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._budget import afford
from specgeo._cast import IntArray
from specgeo.layer_activations import LayerActivation, MaxGroups

AT_ONCE = 1 << 14  # rows of arrays

Flags = npt.NDArray[np.bool_]
Signs = npt.NDArray[np.int8]
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ragged:
    """Lists of integers of varying length: ``lists[i]`` is list i, a view of ``indices[offsets[i]:offsets[i + 1]]``.

    Parameters
    ----------
    offsets : (n + 1,) int64
    indices : (offsets[-1],) int32

    Examples
    --------
    >>> from specgeo.geometry.arrays import Ragged
    >>> lists = Ragged.of([[0, 1], [], [4, 2, 3]])
    >>> lists
    Ragged(3 lists of 5: [0, 1], [], [4, 2, 3])
    >>> lists[2], len(lists), [len(items) for items in lists]
    (array([4, 2, 3], dtype=int32), 3, [2, 0, 3])
    """

    offsets: IntArray
    indices: npt.NDArray[np.int32]

    @classmethod
    def of(cls, lists: Iterable[Sequence[int]]) -> Ragged:
        """The same from sequences of integers."""
        rows = [np.asarray(items, dtype=np.int32) for items in lists]
        ends = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return cls(ends, np.concatenate([np.empty(0, np.int32), *rows]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> npt.NDArray[np.int32]:
        at, n = operator.index(i), len(self)
        if not -n <= at < n:
            raise IndexError(f"list {at} of {n}")
        at %= n
        return self.indices[self.offsets[at] : self.offsets[at + 1]]

    def __iter__(self) -> Iterator[npt.NDArray[np.int32]]:
        return (self.indices[a:b] for a, b in pairwise(self.offsets.tolist()))

    def __repr__(self) -> str:
        shown = [str(self[i].tolist()) for i in range(min(len(self), 3))] + ["..."] * (len(self) > 3)
        return f"Ragged({len(self):,} lists of {len(self.indices):,}: {', '.join(shown)})"

    @property
    def lengths(self) -> IntArray:
        """Number of items of each list."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> IntArray:
        """The list that each item belongs to: 0 0 0 1 1 2 ..."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.lengths)

    def take(self, which: npt.NDArray[np.integer]) -> Ragged:
        """Some of the lists, in the order given."""
        starts = self.offsets[which]
        lengths = self.offsets[1:][which] - starts
        return Ragged(np.concatenate(([0], np.cumsum(lengths))), self.indices[spans(starts, lengths)])


def spans(starts: IntArray, lengths: IntArray) -> IntArray:
    """The integers from each start on, so many as its length, one span after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - lengths), lengths))


def parts(n: int) -> Iterator[slice]:
    """0 .. n - 1 in slices of `AT_ONCE`, for work whose temporaries are to stay in the cache."""
    return (slice(start, min(start + AT_ONCE, n)) for start in range(0, n, AT_ONCE))


def packed(flags: Flags) -> Words:
    """Rows of flags as words of 64 bits: bit u of a row is flag u, bit u % 64 of word u // 64."""
    n_words = (flags.shape[1] + 63) // 64
    out = np.zeros((len(flags), 8 * n_words), np.uint8)
    bits = np.packbits(flags, axis=1, bitorder="little")
    out[:, : bits.shape[1]] = bits
    return np.asarray(out.view("<u8").astype(np.uint64, copy=False).reshape(len(flags), n_words))


def unpacked(words: Words, n: int) -> Flags:
    """The first n flags of each row."""
    afford(3.0 * n * len(words), f"cx: signs of {n:,} units on {len(words):,} cells", "shrink the domain")
    if words.shape[1] == 0:
        return np.zeros((len(words), n), dtype=np.bool_)
    little = np.ascontiguousarray(words.astype("<u8", copy=False)).view(np.uint8)
    return np.unpackbits(little, axis=1, count=n, bitorder="little").view(np.bool_)


class Patterns(NamedTuple):
    """Signs of the units on each cell, `packed`.

    A *unit* is a neuron together with one breakpoint t of its activation (ReLU: one unit a
    neuron); its sign is that of z - t. A cell on which it vanishes has neither bit. Where outputs are maxima over
    groups, units are the members of groups of two and more, group after group: positive is the one that wins on the
    cell, the first of equal ones, and negative are those that lose. ``neurons`` then has the group, ``breakpoints`` the
    place in it.
    """

    positive: Words  # (n_cells, n_words)
    negative: Words  # (n_cells, n_words)
    layers: IntArray  # (n_units,) hidden layer of each unit, from 0
    neurons: IntArray  # (n_units,) neuron within the layer
    breakpoints: IntArray  # (n_units,) which breakpoint of the activation

    def __repr__(self) -> str:
        return f"Patterns({len(self.positive):,} cells, {len(self.layers):,} units)"

    def take(self, cells: npt.NDArray[np.integer] | slice) -> Patterns:
        """The signs on some cells."""
        return self._replace(positive=self.positive[cells], negative=self.negative[cells])

    def vectors(self) -> Signs:
        """Signs -1, 0, 1 of the units on each cell, (n_cells, n_units)."""
        n = len(self.layers)
        return np.asarray(unpacked(self.positive, n).view(np.int8) - unpacked(self.negative, n).view(np.int8))

    def differences(self, pairs: IntArray) -> Words:
        """`packed` flags of the units whose signs differ on the two cells of each pair (n, 2)."""
        a, b = pairs.T
        return np.asarray((self.positive[a] ^ self.positive[b]) | (self.negative[a] ^ self.negative[b]))

    def opposites(self, pairs: IntArray) -> Words:
        """`packed` flags of the units that have opposite signs on the two cells of each pair (n, 2)."""
        a, b = pairs.T
        return np.asarray((self.positive[a] & self.negative[b]) | (self.negative[a] & self.positive[b]))

    def of_maxima(self, activations: Sequence[LayerActivation]) -> Flags:
        """Which units are members of groups whose maximum is taken: positive is the one that wins."""
        maxima = np.array([isinstance(activation, MaxGroups) for activation in activations], dtype=np.bool_)
        return np.asarray(maxima[self.layers])

    def neuron_pieces(self, activations: Sequence[LayerActivation]) -> list[IntArray]:
        """For each layer the piece that each neuron is on, (n_cells, n_l): an index into the slopes of the activation.

        (n_cells, 1) for an affine layer: it has no units, and one piece whatever its width.
        """
        positive = unpacked(self.positive, len(self.layers))
        pieces, start = [], 0
        for layer, activation in enumerate(activations):
            stop = start + int(np.count_nonzero(self.layers == layer))
            pieces.append(activation.pieces_of(positive[:, start:stop]))
            start = stop
        return pieces
