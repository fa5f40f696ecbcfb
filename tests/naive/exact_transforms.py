"""Oracle: transforms of a network on its domain in ball arithmetic (python-flint), from exact rational data.

Vertices are the exact ones, affine pieces are multiplied out in Fractions, phases are rational numbers times one
common factor (1, pi, t / |u|), so that equal nodes are told from close ones exactly. Divided differences come from the
recursion itself, in as many bits as it takes: no float enters, no closed form of the package is used. "cut" is summed
over the simplices of the cells, "interior" over the facets with their jumps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import flint
import numpy as np
from naive.rational import compose, pieces_of

BITS = 512


def exact_pieces(cx: Any) -> list[list[tuple[Fraction, ...]]]:
    """Rows (gradient, offset) of each output on each cell."""
    net = cx.layers
    d = cx.dim
    found = []
    for signs in cx.sign_vectors.tolist():
        maps = [(*(Fraction(int(i == j)) for i in range(d)), Fraction(0)) for j in range(d)]
        start = 0
        for weight, bias, activation in zip(net.weights[:-1], net.biases[:-1], net.activations, strict=True):
            breaks, slopes, intercepts = pieces_of(activation)
            rows = compose(weight, bias, maps)
            maps = []
            for row in rows:
                piece = sum(s > 0 for s in signs[start : start + len(breaks)])
                start += len(breaks)
                scaled = [slopes[piece] * a for a in row]
                scaled[-1] += intercepts[piece]
                maps.append(tuple(scaled))
        found.append(compose(net.weights[-1], net.biases[-1], maps))
    return found


def determinant(rows: list[list[Fraction]]) -> Fraction:
    if not rows:
        return Fraction(1)
    return sum(
        ((-1) ** j * x * determinant([r[:j] + r[j + 1 :] for r in rows[1:]]) for j, x in enumerate(rows[0]) if x),
        Fraction(0),
    )


def rational(x: Fraction) -> Any:
    return flint.fmpq(x.numerator, x.denominator)


def ball(x: Fraction) -> Any:
    return flint.arb(rational(x))


def dot(a: Sequence[Fraction], b: Sequence[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=False)), Fraction(0))


class ExactTransform:
    """Transforms of a complex that knows its network and domain; values are lists of acb, one an output."""

    def __init__(self, cx: Any) -> None:
        self.dim, self.cx = cx.dim, cx
        self.points = cx.exact_vertices()
        self.pieces = exact_pieces(cx)
        self.outputs = len(self.pieces[0])
        simplices, owner = cx.triangulation(cx.dim)
        self.cells = []
        for corners, cell in zip(simplices.tolist(), owner.tolist(), strict=True):
            vertices = [self.points[i] for i in corners]
            size = abs(determinant([[x - y for x, y in zip(v, vertices[0], strict=True)] for v in vertices[1:]]))
            values = [[rational(size * (dot(g, v) + g[-1])) for v in vertices] for g in self.pieces[cell]]
            self.cells.append((corners, values))
        self._kinks: list[tuple[list[int], list[tuple[int, Fraction]]]] | None = None

    def kinks(self) -> list[tuple[list[int], list[tuple[int, Fraction]]]]:
        """Facet simplices with, for each output, the sign and the square of (d-1)! c_F |F|."""
        if self._kinks is None:
            self._kinks = []
            lists = self.cx.vertices_of(self.dim)
            simplices, owner = self.cx.triangulation(self.dim - 1)
            for corners, facet in zip(simplices.tolist(), owner.tolist(), strict=True):
                first, second = self.cx.facets.cells[facet].tolist()
                if second < 0:
                    continue
                base = self.points[corners[0]]
                edges = [[x - y for x, y in zip(self.points[i], base, strict=True)] for i in corners[1:]]
                gram = determinant([[dot(a, b) for b in edges] for a in edges])
                weights = []
                for g, h in zip(self.pieces[first], self.pieces[second], strict=True):
                    step = [y - x for x, y in zip(g, h, strict=True)][:-1]
                    members = lists[second].tolist()
                    far = [dot(step, [x - y for x, y in zip(self.points[i], base, strict=True)]) for i in members]
                    side = max(far, key=abs)
                    weights.append(((side > 0) - (side < 0), dot(step, step) * gram))
                self._kinks.append((corners, weights))
        return self._kinks

    def cut(self, k: Sequence[Any], unit: Any = 1, origin: Sequence[Fraction] | None = None) -> list[Any]:
        """f^(unit * k), k rational."""
        return _with_enough_bits(lambda: self._cut(k, unit, origin))

    def interior(self, k: Sequence[Any], unit: Any = 1) -> list[Any]:
        """-mu^(unit * k) / |unit k|^2."""
        return _with_enough_bits(lambda: self._interior(k, unit))

    def coefficient(self, n: Sequence[int], extension: str) -> list[Any]:
        """The Fourier coefficient of a mode on the box."""
        lower = [Fraction(x) for x in self.cx.domain.lower.tolist()]
        sides = [Fraction(x) - y for x, y in zip(self.cx.domain.upper.tolist(), lower, strict=True)]
        volume = math.prod(sides, start=Fraction(1))
        waves = [Fraction(int(a)) / s for a, s in zip(n, sides, strict=True)]
        signs = [(1,) * self.dim] if extension == "periodic" else list(product((1, -1), repeat=self.dim))

        def mean() -> list[Any]:
            factor = flint.arb.pi() * (2 if extension == "periodic" else 1)
            parts = [self._cut([s * w for s, w in zip(sign, waves, strict=True)], factor, lower) for sign in signs]
            return [sum(column, flint.acb(0)) / (len(signs) * ball(volume)) for column in zip(*parts, strict=True)]

        return _with_enough_bits(mean)

    def _phases(
        self, k: Sequence[Any], unit: Any, origin: Sequence[Fraction] | None
    ) -> tuple[list[Any], list[Any], Any]:
        factor = unit() if callable(unit) else flint.arb(unit)
        wave = [rational(Fraction(x)) for x in k]
        shift = [rational(x) for x in origin] if origin is not None else [flint.fmpq(0)] * self.dim
        turns = [
            sum((a * (rational(x) - o) for a, x, o in zip(wave, p, shift, strict=True)), flint.fmpq(0))
            for p in self.points
        ]
        waves = [flint.acb(0, -factor * q) for q in turns]
        return turns, [z.exp() for z in waves], factor

    def _cut(self, k: Sequence[Any], unit: Any, origin: Sequence[Fraction] | None) -> list[Any]:
        turns, waves, factor = self._phases(k, unit, origin)
        total = [flint.acb(0)] * self.outputs
        for corners, values in self.cells:
            for i, corner in enumerate(corners):
                difference = divided_difference([*corners, corner], turns, waves, factor)
                total = [t + v[i] * difference for t, v in zip(total, values, strict=True)]
        return total

    def _interior(self, k: Sequence[Any], unit: Any) -> list[Any]:
        turns, waves, factor = self._phases(k, unit, None)
        total = [flint.acb(0)] * self.outputs
        for corners, weights in self.kinks():
            difference = divided_difference(corners, turns, waves, factor)
            total = [t - s * ball(q).sqrt() * difference for t, (s, q) in zip(total, weights, strict=True)]
        square = factor**2 * ball(sum((Fraction(x) ** 2 for x in k), Fraction(0)))
        return [t / square for t in total]


def divided_difference(nodes: Sequence[int], turns: list[Any], waves: list[Any], factor: Any) -> Any:
    """exp[z_a, ...] at z_a = -i factor turns_a, by the recursion on sorted nodes; equal ones by the derivative."""
    order = sorted(nodes, key=lambda a: turns[a])
    table = [waves[a] for a in order]
    for level in range(1, len(order)):
        row = []
        for i in range(len(order) - level):
            gap = turns[order[i + level]] - turns[order[i]]
            if gap == 0:
                row.append(waves[order[i]] / math.factorial(level))
            else:
                row.append((table[i + 1] - table[i]) * flint.acb(0, 1) / (factor * gap))
        table = row
    return table[0]


def _with_enough_bits(compute: Any) -> list[Any]:
    """Values whose radius is below 1e-70; more bits until they are."""
    before = flint.ctx.prec
    try:
        for bits in (BITS, 4 * BITS, 16 * BITS):
            flint.ctx.prec = bits
            values = compute()
            if all(float(z.real.rad()) < 1e-70 and float(z.imag.rad()) < 1e-70 for z in values):
                return list(values)
    finally:
        flint.ctx.prec = before
    raise AssertionError("the oracle does not settle")


def distance(value: Any, exact: Any) -> float:
    """|value - exact|, rounded up."""
    before = flint.ctx.prec
    flint.ctx.prec = 4 * BITS
    try:
        z = complex(value)
        return float(np.nextafter(float(abs(flint.acb(z.real, z.imag) - exact).upper()), np.inf))
    finally:
        flint.ctx.prec = before


def ray_unit(direction: Sequence[float], t: float) -> Any:
    """The factor t / |direction|, to any precision."""
    square = sum((Fraction(float(x)) ** 2 for x in direction), Fraction(0))
    return lambda: ball(Fraction(float(t))) / ball(square).sqrt()
