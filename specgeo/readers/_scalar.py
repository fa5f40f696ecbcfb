"""Piecewise-affine functions of one real variable in exact arithmetic, with jumps: what masks and selections make.

``where(x > 0, x, a * x)``, ``x * (x > 0)`` or ``x - sign(x) * c`` are activations written out in comparisons. Each of
their steps is such a function of one x; the last one is an `Activation` if it is continuous.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo.activation import Activation

Line = tuple[Fraction, Fraction]  # slope, value at 0
_MOST = 100  # pieces
_MOST_KINDS = 1024  # functions that differ, of the entries of an array


@dataclass(frozen=True)
class Scalar:
    """Affine between cuts, with values of its own at them."""

    cuts: tuple[Fraction, ...]
    lines: tuple[Line, ...]  # one more
    values: tuple[Fraction, ...]

    @classmethod
    def line(cls, slope: float, intercept: float) -> Scalar:
        """slope * x + intercept."""
        return cls((), ((Fraction(slope), Fraction(intercept)),), ())

    def at(self, cuts: list[Fraction]) -> Scalar:
        """The same function with more cuts."""
        if len(cuts) > _MOST:
            raise ValueError("it has too many pieces")
        values, lines = [], [self._line(cuts[0] - 1)] if cuts else [self.lines[0]]
        for cut, after in zip(cuts, [*cuts[1:], cuts[-1] + 2] if cuts else [], strict=True):
            values.append(self(cut))
            lines.append(self._line((cut + after) / 2))
        return Scalar(tuple(cuts), tuple(lines), tuple(values))

    def _line(self, x: Fraction) -> Line:
        return self.lines[sum(cut < x for cut in self.cuts)]

    def __call__(self, x: Fraction) -> Fraction:
        """The value at x."""
        if x in self.cuts:
            return self.values[self.cuts.index(x)]
        slope, intercept = self._line(x)
        return slope * x + intercept

    def __add__(self, other: Scalar) -> Scalar:
        """The sum."""
        return _merged(lambda a, b: a + b, lambda f, g: (f[0] + g[0], f[1] + g[1]), self, other)

    def __neg__(self) -> Scalar:
        """The negative."""
        return self * Scalar.line(0.0, -1.0)

    def __mul__(self, other: Scalar) -> Scalar:
        """The product, where one factor is constant on each piece."""

        def lines(f: Line, g: Line) -> Line:
            if f[0] and g[0]:
                raise ValueError("it is a product of two functions that vary")
            return (f[1] * g[0] + f[0] * g[1], f[1] * g[1])

        return _merged(lambda a, b: a * b, lines, self, other)

    def above(self, other: Scalar, equal: bool = False) -> Scalar:
        """1 where it is larger than the other, 0 elsewhere; ``equal``: or equal."""
        f, g = _aligned(self, other, crossings=True)
        values = tuple(Fraction(a >= b if equal else a > b) for a, b in zip(f.values, g.values, strict=True))
        lines = []
        for x, a, b in zip(_inside(f.cuts), f.lines, g.lines, strict=True):
            difference = (a[0] - b[0]) * x + a[1] - b[1]
            lines.append((Fraction(0), Fraction(difference >= 0 if equal else difference > 0)))
        return Scalar(f.cuts, tuple(lines), values)

    def where(self, yes: Scalar, no: Scalar) -> Scalar:
        """``yes`` where this function is not 0, else ``no``."""
        mask = self.above(Scalar.line(0.0, 0.0)) + Scalar.line(0.0, 0.0).above(self)
        return mask * yes + (Scalar.line(0.0, 1.0) + -mask) * no

    def maximum(self, other: Scalar) -> Scalar:
        """The larger of two."""
        return self.above(other).where(self, other)

    def after(self, inner: Scalar) -> Scalar:
        """self(inner(x))."""
        cuts = {(cut - b) / a for a, b in inner.lines if a for cut in self.cuts}
        inside = inner.at(sorted({*inner.cuts, *cuts}))  # between its cuts no value of it is one of self's
        lines = []
        for x, (a, b) in zip(_inside(inside.cuts), inside.lines, strict=True):
            slope, start = self._line(a * x + b) if a else (Fraction(0), self(b))
            lines.append((slope * a, slope * b + start))
        return Scalar(inside.cuts, tuple(lines), tuple(self(value) for value in inside.values))

    def activation(self) -> Activation:
        """The function as an `Activation`; ValueError where it jumps, or bends at no float64."""
        cuts, lines = [], [self.lines[0]]
        for cut, value, (left, right) in zip(self.cuts, self.values, pairwise(self.lines), strict=True):
            if not left[0] * cut + left[1] == value == right[0] * cut + right[1]:
                raise ValueError(f"it jumps at {float(cut):g}")
            if left != right:
                cuts.append(cut)
                lines.append(right)
        slopes = [slope for slope, _ in lines]
        if any(Fraction(float(x)) != x for x in (*cuts, *slopes, lines[0][1])):
            raise ValueError("it bends at a point, or with a slope, that is no float64")
        if cuts == [0] and slopes == [0, 1] and lines[0][1] == 0:
            return Activation.relu()
        return Activation(np.array(cuts, float), np.array(slopes, float), float(lines[0][1]))


@dataclass(frozen=True, eq=False)
class Scalars:
    """A function for each entry of an array, of a few different ones."""

    kinds: tuple[Scalar, ...]
    which: IntArray

    @classmethod
    def identity(cls, n: int) -> Scalars:
        """The entry itself."""
        return cls((Scalar.line(1.0, 0.0),), np.zeros(n, np.int64))

    @classmethod
    def constants(cls, values: FloatArray) -> Scalars:
        """A constant for each entry; ValueError where one is not finite, or too many differ."""
        different, which = np.unique(values, return_inverse=True)
        if len(different) > _MOST_KINDS or not np.all(np.isfinite(different)):
            raise ValueError("a constant is not finite, or too many of them differ")
        return cls(tuple(Scalar.line(0.0, float(value)) for value in different), which.reshape(-1))

    @classmethod
    def combined(cls, combine: Callable[..., Scalar], parts: Sequence[Scalars]) -> Scalars:
        """``combine`` of the functions of each entry."""
        shape = tuple(len(part.kinds) for part in parts)
        keys, which = np.unique(np.ravel_multi_index([part.which for part in parts], shape), return_inverse=True)
        if len(keys) > _MOST_KINDS:
            raise ValueError("too many entries have functions of their own")
        each = zip(*np.unravel_index(keys, shape), strict=True)
        kinds = tuple(combine(*(part.kinds[i] for part, i in zip(parts, at, strict=True))) for at in each)
        return cls(kinds, which.reshape(-1))

    def activations(self) -> list[Activation]:
        """The functions as activations."""
        kinds = [kind.activation() for kind in self.kinds]
        return [kinds[i] for i in self.which] if len(kinds) > 1 else kinds


def _inside(cuts: tuple[Fraction, ...]) -> list[Fraction]:
    """A point of each piece."""
    if not cuts:
        return [Fraction(0)]
    return [cuts[0] - 1, *((a + b) / 2 for a, b in pairwise(cuts)), cuts[-1] + 1]


def _aligned(f: Scalar, g: Scalar, crossings: bool = False) -> tuple[Scalar, Scalar]:
    """Both with the same cuts, those where their lines cross among them."""
    cuts = sorted({*f.cuts, *g.cuts})
    f, g = f.at(cuts), g.at(cuts)
    if crossings:
        more = {(b[1] - a[1]) / (a[0] - b[0]) for a, b in zip(f.lines, g.lines, strict=True) if a[0] != b[0]}
        cuts = sorted({*cuts, *more})
        f, g = f.at(cuts), g.at(cuts)
    return f, g


def _merged(
    values: Callable[[Fraction, Fraction], Fraction], lines: Callable[[Line, Line], Line], f: Scalar, g: Scalar
) -> Scalar:
    f, g = _aligned(f, g)
    return Scalar(f.cuts, tuple(map(lines, f.lines, g.lines)), tuple(map(values, f.values, g.values)))
