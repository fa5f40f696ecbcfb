"""Oracle: transforms of shapes in ball arithmetic (python-flint) from the exact values of the input floats.

Convex hulls by trying every d points against all the others in rational numbers, rings by signed triangles; each
simplex by the corner entry of the exponential of Opitz's bidiagonal matrix, in balls. Nothing is shared with the
library, and every result carries its own proved radius.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import acb, acb_mat, arb, ctx, fmpq, fmpq_mat

BITS = 360
Simplices = list[tuple[fmpq, list[list[fmpq]]]]  # signed volume and corners of each


def exact(number: float) -> fmpq:
    """A float as the rational number that it is."""
    return fmpq(*float(number).as_integer_ratio())


def exact_points(points: npt.ArrayLike) -> list[list[fmpq]]:
    return [[exact(x) for x in row] for row in np.asarray(points, dtype=float).tolist()]


def signed_volume(corners: Sequence[Sequence[fmpq]]) -> fmpq:
    rows = [[x - y for x, y in zip(p, corners[0], strict=True)] for p in corners[1:]]
    return fmpq_mat(rows).det() / math.factorial(len(rows))


def hull_simplices(points: npt.ArrayLike) -> Simplices:
    """Cones from the first point over a triangulation of the hull's facets, each found by brute force."""
    p = exact_points(points)
    d = len(p[0])
    if d == 1:
        low, high = min(p), max(p)
        return [(high[0] - low[0], [low, high])]
    result: Simplices = []
    seen: set[frozenset[int]] = set()
    for facet in itertools.combinations(range(len(p)), d):
        volumes = [signed_volume([*(p[i] for i in facet), q]) for q in p]
        if (all(v >= 0 for v in volumes) or all(v <= 0 for v in volumes)) and any(v != 0 for v in volumes):
            on = frozenset(i for i, v in enumerate(volumes) if v == 0)
            if on in seen or 0 in on:
                continue
            seen.add(on)
            for part in _split([p[i] for i in sorted(on)], d - 1):
                corners = [p[0], *part]
                result.append((abs(signed_volume(corners)), corners))
    return result


def _split(points: list[list[fmpq]], dim: int) -> list[list[list[fmpq]]]:
    """Simplices of the hull of points that span ``dim`` dimensions, seen along axes that keep them."""
    if len(points) == dim + 1:
        return [points]
    for axes in itertools.combinations(range(len(points[0])), dim):
        flat = [[q[a] for a in axes] for q in points]
        if fmpq_mat([[x - y for x, y in zip(q, flat[0], strict=True)] for q in flat[1:]]).rank() == dim:
            break
    if dim == 1:
        return [[min(zip(flat, points, strict=True))[1], max(zip(flat, points, strict=True))[1]]]
    seen: set[frozenset[int]] = set()
    result = []
    for facet in itertools.combinations(range(len(flat)), dim):
        volumes = [signed_volume([*(flat[i] for i in facet), q]) for q in flat]
        if (all(v >= 0 for v in volumes) or all(v <= 0 for v in volumes)) and any(v != 0 for v in volumes):
            on = frozenset(i for i, v in enumerate(volumes) if v == 0)
            if on not in seen and 0 not in on:
                seen.add(on)
                result += [[points[0], *part] for part in _split([points[i] for i in sorted(on)], dim - 1)]
    return result


def ring_simplices(rings: Sequence[npt.ArrayLike]) -> Simplices:
    """Signed triangles from the first point of the first ring to every edge; interiors on the left."""
    result: Simplices = []
    apex = exact_points(rings[0])[0]
    for ring in rings:
        p = exact_points(ring)
        for a, b in zip(p, [*p[1:], p[0]], strict=True):
            corners = [apex, a, b]
            result.append((signed_volume(corners), corners))
    return result


def face_simplices(points: npt.ArrayLike, triangles: Sequence[Sequence[int]]) -> Simplices:
    """Signed tetrahedra from the first vertex to the triangles of a closed surface."""
    p = exact_points(points)
    parts = [[p[0], *(p[i] for i in t)] for t in triangles]
    return [(signed_volume(c), c) for c in parts]


def total_volume(simplices: Simplices) -> fmpq:
    return sum((v for v, _ in simplices), fmpq(0))


def transform(simplices: Simplices, k: npt.ArrayLike) -> acb:
    """sum of d! vol exp[-i k.v_0, ..., -i k.v_d], a ball divided by the volume of all."""
    wave = [exact(x) for x in np.atleast_1d(np.asarray(k, dtype=float)).tolist()]
    whole = total_volume(simplices)
    before = ctx.prec
    ctx.prec = BITS
    try:
        total = acb(0)
        for volume, corners in simplices:
            if volume == 0:
                continue
            phases = [sum((a * b for a, b in zip(wave, v, strict=True)), fmpq(0)) for v in corners]
            total += arb(volume / whole) * mean_exponential(phases)
        return total
    finally:
        ctx.prec = before


def mean_exponential(phases: Sequence[fmpq]) -> acb:
    """Mean of exp(-i t) over a simplex with these vertex phases, n! exp[-i t_0, ..., -i t_n]."""
    n = len(phases)
    centre = phases[0]
    matrix = acb_mat(n, n)
    for i, t in enumerate(phases):
        matrix[i, i] = acb(0, -arb(t - centre))
        if i + 1 < n:
            matrix[i, i + 1] = acb(1)
    corner = matrix.exp()[0, n - 1]
    angle = arb(centre)
    return corner * acb(angle.cos(), -angle.sin()) * math.factorial(n - 1)


def relative_error(got: Any, volume: fmpq, wanted: acb) -> float:
    """|got - volume wanted| / volume, rounded up to the radius of the ball."""
    value = complex(got)
    before = ctx.prec
    ctx.prec = BITS
    try:
        difference = acb(arb(exact(value.real) / volume), arb(exact(value.imag) / volume)) - wanted
        return float(abs(difference).upper())
    finally:
        ctx.prec = before


def as_fraction(number: fmpq) -> Fraction:
    return Fraction(int(number.p), int(number.q))
