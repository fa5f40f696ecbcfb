"""Transforms in ball arithmetic: what the transforms of shapes and complexes are measured against.

Floats are rational numbers, so that phases k.v are exact, and equal ones are told from close ones exactly. A simplex
has the transform n! |S| dd[-ik.v_0, .., -ik.v_n] (Hermite and Genocchi), with density sum_j f_j dd[.., -ik.v_j];
divided differences come from their recursion, in as many bits as it takes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from specgeo._cast import ComplexArray, FloatArray
from specgeo.errors import MissingDependencyError

BITS = 768


def require_balls() -> None:
    """Raise unless python-flint is installed."""
    try:
        import flint  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError("references need python-flint: pip install 'specgeo[exact]'") from error


def transforms_of_simplices(simplices: FloatArray, k: FloatArray, pieces: FloatArray | None = None) -> ComplexArray:
    """Sum over simplices (n_s, d + 1, d) of int f exp(-i k.x), shape (n_k,).

    f is 1, or affine on each: ``pieces`` are gradients and offsets, (n_s, d + 1).
    """
    import flint

    rational = [[[_rational(x) for x in corner] for corner in simplex] for simplex in simplices.tolist()]
    sizes = [abs(_determinant([[x - y for x, y in zip(v, s[0], strict=True)] for v in s[1:]])) for s in rational]
    heights = None
    if pieces is not None:
        rows = [[_rational(x) for x in row] for row in pieces.tolist()]
        heights = [[_dot(row, v) + row[-1] for v in simplex] for row, simplex in zip(rows, rational, strict=True)]
    before = flint.ctx.prec
    flint.ctx.prec = BITS
    try:
        found = [_sum(rational, sizes, heights, [_rational(x) for x in wave]) for wave in k.tolist()]
        return np.array([complex(total) for total in found])
    finally:
        flint.ctx.prec = before


def _sum(simplices: list[Any], sizes: list[Any], heights: list[Any] | None, wave: list[Any]) -> Any:
    import flint

    total = flint.acb(0)
    for at, (simplex, size) in enumerate(zip(simplices, sizes, strict=True)):
        phases = [_dot(wave, v) for v in simplex]
        if heights is None:
            part = divided_difference(phases)
        else:
            terms = zip(heights[at], phases, strict=True)
            part = sum((divided_difference([*phases, p]) * f for f, p in terms if f), flint.acb(0))
        total += part * size
    return total


def divided_difference(phases: Sequence[Any]) -> Any:
    """That of exp at the nodes -i phases, rational numbers."""
    import flint

    theta = sorted(phases)
    level = [flint.acb(0, -t).exp() for t in theta]
    values = list(level)
    for m in range(1, len(theta)):
        level = [
            values[i] / math.factorial(m) if theta[i] == theta[i + m]
            else (level[i + 1] - level[i]) / flint.acb(0, theta[i] - theta[i + m])
            for i in range(len(theta) - m)
        ]  # fmt: skip
    return level[0]


def _dot(row: list[Any], point: list[Any]) -> Any:
    """That of rational numbers; what a row has beyond the point's coordinates does not count."""
    import flint

    return sum((a * x for a, x in zip(row, point, strict=False)), flint.fmpq(0))


def _rational(x: float) -> Any:
    import flint

    return flint.fmpq(*Fraction(x).as_integer_ratio())


def _determinant(rows: list[list[Any]]) -> Any:
    if len(rows) == 1:
        return rows[0][0]
    minors = ([row[:j] + row[j + 1 :] for row in rows[1:]] for j in range(len(rows)))
    return sum((-1) ** j * x * _determinant(minor) for j, (x, minor) in enumerate(zip(rows[0], minors, strict=True)))
