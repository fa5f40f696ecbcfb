"""Affine maps of cells modulo primes: what is equal or zero exactly, decided by many small residues.

Weights are binary64, so every coefficient of a cell's affine map is a dyadic rational N / 2^s. Modulo an odd prime
it is a number that sums and products give; matrix products of floats do not round as long as the prime is small
(`prime_limit`). A number whose residue is not zero is not zero. A number with residue zero modulo primes whose
product exceeds |N| *is* zero (Chinese remainder theorem), and |N| is known to be below 2^bits from the sizes of
the weights alone. No tolerance, no large integers, and most numbers are settled by the first prime.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._codec import Layers
from specgeo._limits import check_time
from specgeo._sparse import Matrix, converted, entries_of
from specgeo.errors import UnsupportedError

_CHUNK = 1 << 21  # entries of the widest layer's maps at a time
_primes: dict[int, list[int]] = {}  # found so far below each limit, descending


def prime_limit(terms: int) -> int:
    """Primes below this: a sum of so many products of residues, each at most p / 2 + 2, stays below 2^53."""
    return min(1 << 25, int(2**27 / math.sqrt(terms + 1)))


@cache
def _divisors() -> IntArray:
    """Odd numbers up to the root of the largest limit."""
    return np.arange(3, 1 << 13, 2)


def primes_below(limit: int) -> Iterator[int]:
    """Odd primes below the limit (at most 2^26), descending."""
    found = _primes.setdefault(limit, [])
    for i in count():
        if i == len(found):
            q = (found[-1] if found else limit) - 1
            q -= q % 2 == 0
            while q > 1 and np.any(q % _divisors()[: (math.isqrt(q) - 1) // 2] == 0):
                q -= 2
            if q < 3:
                raise UnsupportedError("network: its weights span too many binary digits for its width; scale them")
            found.append(q)
        yield found[i]


def reduced(x: FloatArray, p: int) -> FloatArray:
    """Residues of integers |x| < 2^53, of size at most p / 2 + 2, exactly."""
    return np.asarray(x - p * np.rint(x * (1.0 / p)))


def residues(array: npt.ArrayLike, p: int) -> FloatArray:
    """Residues of floats, which are dyadic rationals: m 2^e is m times the e-th power of 2 modulo p."""
    mantissa, exponent = np.frexp(np.asarray(array, dtype=np.float64))
    whole = np.ldexp(mantissa, 53).astype(np.int64) % p
    exponents, place = np.unique(exponent, return_inverse=True)
    powers = np.array([pow(2, e - 53, p) for e in exponents.tolist()], dtype=np.int64)
    return reduced((whole * powers[place].reshape(whole.shape) % p).astype(np.float64), p)


def _fraction_bits(array: Matrix) -> int:
    """Smallest s >= 0 such that all entries times 2^s are integers."""
    array = entries_of(array)
    mantissa, exponent = np.frexp(array[array != 0.0])
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    _, lowest = np.frexp((whole & -whole).astype(np.float64))  # 1 + number of trailing zeros
    return max(0, int((54 - lowest - exponent).max(initial=0)))


def _size_bits(array: Matrix, terms: int = 1) -> int:
    """A sum of ``terms`` entries is below 2 to this power, in absolute value."""
    array = entries_of(array)
    return int(np.frexp(array[array != 0.0])[1].max(initial=0)) + (terms - 1).bit_length()


class CellMaps:
    """The affine maps of all layers on the cells, modulo primes.

    Parameters
    ----------
    layers : Layers
    pieces : list of int arrays (n_cells, n_l)
        Piece of the activation of each neuron on each cell.

    Attributes
    ----------
    bits : list of int
        For each layer, the output last: its coefficients are N / 2^s with one s and |N| < 2^bits.
    """

    def __init__(self, layers: Layers, pieces: Sequence[IntArray]) -> None:
        self._weights, self._biases, self._activations = layers
        self._pieces = pieces
        self.n_cells = len(pieces[0]) if pieces else 1
        self._limit = prime_limit(max(w.shape[1] for w in self._weights))
        self._intercepts = [a.exact_intercepts for a in self._activations]
        self.bits = self._count_bits()

    def _count_bits(self) -> list[int]:
        size, shift, bits = 1, 0, []  # of the coefficients of the layer's input: below 2^size, multiples of 2^-shift
        for layer, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            size = max(size + _size_bits(weight, weight.shape[1]), _size_bits(bias)) + 1
            shift = max(shift + _fraction_bits(weight), _fraction_bits(bias))
            if layer < len(self._activations):
                activation, constants = self._activations[layer], self._intercepts[layer]
                # units are z - t: with room for the breakpoints
                size = max(size, _size_bits(activation.breakpoints)) + 1
                shift = max(shift, _fraction_bits(activation.breakpoints))
            bits.append(max(0, size) + shift)
            if layer < len(self._activations):
                largest = max((math.ceil(abs(c)).bit_length() for c in constants), default=0)
                size = max(size + _size_bits(activation.slopes), largest) + 1
                shift = max(
                    shift + _fraction_bits(activation.slopes), *(c.denominator.bit_length() - 1 for c in constants)
                )
        return bits

    def primes(self) -> Iterator[int]:
        """Primes that keep the products of layers exact."""
        return primes_below(self._limit)

    def chunks(self, cells: IntArray) -> Iterator[slice]:
        """Slices of cells whose maps fit into the cache, roughly."""
        width = max(w.shape[0] for w in self._weights) * (self._weights[0].shape[1] + 1)
        step = max(1, _CHUNK // width)
        return (slice(start, min(start + step, len(cells))) for start in range(0, len(cells), step))

    def layers(self, cells: IntArray, p: int) -> Iterator[FloatArray]:
        """Residues (n_l, n_cells, d + 1) of z_1, ..., z_L and f as affine maps, the constants last."""
        d = self._weights[0].shape[1]
        a = np.zeros((d, len(cells), d + 1))
        a[np.arange(d), :, np.arange(d)] = 1.0
        for layer, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            own = converted(weight, partial(residues, p=p))
            z = (own @ a.reshape(len(a), -1)).reshape(len(weight), len(cells), d + 1)
            z[:, :, d] += residues(bias, p)[:, None]
            z = reduced(z, p)
            yield z
            if layer < len(self._activations):
                slopes = residues(self._activations[layer].slopes, p)
                constants = np.array([c.numerator * pow(c.denominator, -1, p) % p for c in self._intercepts[layer]])
                activation = self._activations[layer]
                width = activation.width(len(weight))
                piece = np.broadcast_to(self._pieces[layer][cells].T, (width, len(cells)))
                a = slopes[piece][:, :, None] * activation.select(z, piece)
                if constants.any():
                    a[:, :, d] += reduced(constants.astype(np.float64), p)[piece]
                a = reduced(a, p)

    def outputs(self, cells: IntArray, p: int) -> IntArray:
        """Residues (n, m (d + 1)) of the affine pieces of the network, from 0 to p - 1."""
        parts = []
        for part in self.chunks(cells):
            check_time()
            *_, f = self.layers(cells[part], p)
            parts.append(np.swapaxes(f, 0, 1).reshape(f.shape[1], -1))
        return np.concatenate(parts).astype(np.int64) % p


def vanishing(
    values: Callable[[IntArray, int], npt.NDArray[Any]], n: int, bits: int, primes: Iterator[int]
) -> npt.NDArray[np.bool_]:
    """Which of n rows of numbers N / 2^s, |N| < 2^bits, are zero: ``values(rows, p)`` gives their residues."""
    left, known = np.arange(n), 0
    for p in primes:
        if len(left) == 0 or known > bits:
            break
        left = left[~np.any(values(left, p), axis=1)]
        known += p.bit_length() - 1
    zero = np.zeros(n, dtype=np.bool_)
    zero[left] = True
    return zero


def classes(values: Callable[[IntArray, int], IntArray], n: int, bits: int, primes: Iterator[int]) -> IntArray:
    """Labels (n,) of equal rows of numbers N / 2^s, |N| < 2^bits, from their residues (0 to p - 1)."""
    label, left, known = np.zeros(n, dtype=np.int64), np.arange(n), 0
    for p in primes:
        if len(left) < 2 or known > bits + 1:  # a difference is below 2^(bits + 1)
            break
        keys = np.column_stack((label[left], values(left, p)))
        _, same, size = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
        same = same.reshape(-1)
        label[left] = label.max() + 1 + same
        left = left[size[same] > 1]
        known += p.bit_length() - 1
    return np.asarray(np.unique(label, return_inverse=True)[1].reshape(-1))
