"""Points of floats in integers: the dimension they span, orientations and measures of simplices, nothing rounded.

A float is an integer times a power of two, so differences, determinants and Gram determinants of
points are integers too, up to one such power. Floats answer first wherever their error bound lets
them; integers are left with what is flat or nearly so.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo.errors import DomainError

Rows = list[list[int]]

_CERTAIN = 1e-12
"""Singular values and determinants of edges of unit size are this right, generously, up to some dozen dimensions."""


def integers(points: FloatArray) -> tuple[Rows, int]:
    """Integers n and an exponent e with points = n 2^e."""
    mantissas, exponents = np.frexp(points)
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    least = int(exponents[whole != 0].min(initial=1 << 20))
    least = 0 if least == 1 << 20 else least
    shifts = np.where(whole != 0, exponents - least, 0)
    rows = [[n << s for n, s in zip(*row, strict=True)] for row in zip(whole.tolist(), shifts.tolist(), strict=True)]
    return rows, least - 53


def edges(rows: Rows) -> Rows:
    """Differences to the first point."""
    return [[x - y for x, y in zip(row, rows[0], strict=True)] for row in rows[1:]]


def determinant(matrix: Rows) -> int:
    """Of a square matrix of integers, by Bareiss' elimination: every division goes up."""
    rows, sign, last = [list(row) for row in matrix], 1, 1
    n = len(rows)
    for c in range(n):
        pivot = next((r for r in range(c, n) if rows[r][c] != 0), None)
        if pivot is None:
            return 0
        if pivot != c:
            rows[c], rows[pivot], sign = rows[pivot], rows[c], -sign
        for r in range(c + 1, n):
            rows[r] = [(x * rows[c][c] - rows[r][c] * y) // last for x, y in zip(rows[r], rows[c], strict=True)]
        last = rows[c][c]
    return sign * last


def unit_axes(points: FloatArray) -> tuple[FloatArray, IntArray]:
    """Points with each axis divided by 2^exponent so that its largest coordinate is in [1/2, 1), and the exponents."""
    _, exponents = np.frexp(np.abs(points).max(axis=0))
    return np.ldexp(points, -exponents), exponents.astype(np.int64)


def affine_rank(points: FloatArray) -> int:
    """Dimension of the affine hull of points (n, d), decided exactly."""
    n, d = points.shape
    if n < 2:
        return 0
    if n > d:
        unit, _ = unit_axes(points)
        steps = unit[1:] - unit[0]
        sizes = np.abs(steps).max(axis=0)
        if np.all(sizes > 0.0) and np.linalg.svd(steps / sizes, compute_uv=False)[-1] > _CERTAIN * math.sqrt(n * d):
            return int(d)
    basis: list[tuple[int, list[int]]] = []  # pivot column and row, reduced by those before
    for row in edges(integers(points)[0]):
        for column, other in basis:
            if row[column] != 0:
                row = [x * other[column] - row[column] * y for x, y in zip(row, other, strict=True)]
        shared = math.gcd(*row)
        if shared:
            row = [x // shared for x in row]
            sizes = [abs(x) for x in row]
            basis.append((sizes.index(max(sizes)), row))
            if len(basis) == d:
                break
    return len(basis)


def check_volume(points: FloatArray, name: str) -> None:
    """Refuse points that span no volume."""
    n, d = points.shape
    rank = affine_rank(points) if n and d else 0
    if d == 0 or rank < d:
        what = ("one point", "a line", "a plane")[rank] if rank < 3 else f"a flat of dimension {rank}"
        raise DomainError(
            f"{name}: {n} points that span {what if n else 'nothing'} have no volume in dimension {d}; it needs {d + 1}"
            " or more that do not lie in a hyperplane"
        )


def orientations(corners: FloatArray) -> IntArray:
    """Signs of det(v_1 - v_0, ..., v_d - v_0) of d-simplices (n_s, d + 1, d), decided exactly."""
    scale = np.abs(corners).max(axis=1, keepdims=True)
    unit = np.ldexp(corners, -np.frexp(scale)[1])
    steps = unit[:, 1:] - unit[:, :1]
    size = np.linalg.norm(steps, axis=2).prod(axis=1)
    value = np.linalg.det(steps)
    signs = np.where(np.abs(value) > _CERTAIN * size, np.sign(value), 0.0).astype(np.int64)
    for s in np.flatnonzero(signs == 0):
        exact = determinant(edges(integers(corners[s])[0]))
        signs[s] = (exact > 0) - (exact < 0)
    return signs


def simplex_measure(corners: FloatArray) -> tuple[float, int]:
    """j-dimensional measure m 2^e of one simplex (j + 1, d), m in [1/2, 1] or 0, right to the last bit of m."""
    rows, exponent = integers(corners)
    rows = edges(rows)
    j = len(rows)
    if j == len(corners[0]):
        square = determinant(rows) ** 2
    else:
        square = determinant([[sum(x * y for x, y in zip(a, b, strict=True)) for b in rows] for a in rows])
    if square == 0:
        return 0.0, 0
    shift = max(0, 160 - square.bit_length()) // 2 + 1
    root = Fraction(math.isqrt(square << 2 * shift), math.factorial(j))
    bits = root.numerator.bit_length() - root.denominator.bit_length()
    mantissa, extra = math.frexp(float(root / Fraction(2) ** bits))
    return mantissa, extra + bits - shift + exponent * j


def inverse(matrix: Rows) -> list[list[Fraction]]:
    """Of a regular matrix of integers, by Gauss and Jordan."""
    n = len(matrix)
    rows = [[Fraction(x) for x in row] + [Fraction(i == j) for j in range(n)] for i, row in enumerate(matrix)]
    for c in range(n):
        pivot = next(r for r in range(c, n) if rows[r][c] != 0)
        rows[c], rows[pivot] = rows[pivot], rows[c]
        rows[c] = [x / rows[c][c] for x in rows[c]]
        for r in range(n):
            if r != c and rows[r][c] != 0:
                factor = rows[r][c]
                rows[r] = [x - factor * y for x, y in zip(rows[r], rows[c], strict=True)]
    return [row[n:] for row in rows]


def dual_edges(corners: FloatArray) -> FloatArray:
    """Gradients of the barycentric coordinates but the first of a simplex (j + 1, d) within its span, rounded once."""
    rows, exponent = integers(corners)
    rows = edges(rows)
    gram = [[sum(x * y for x, y in zip(a, b, strict=True)) for b in rows] for a in rows]
    dual = [[sum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*rows, strict=True)]
            for row in inverse(gram)]  # fmt: skip
    unit = Fraction(2) ** -exponent
    return np.array([[as_float(x * unit) for x in row] for row in dual])


def as_float(number: Fraction) -> float:
    """The nearest float; infinite beyond the largest."""
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number)


def affine_coordinates(points: FloatArray) -> FloatArray:
    """Coordinates (n, d) of points that span the space, in the frame of d + 1 of them that span a large simplex.

    Right to the last bits however thin the hull; the frame has the orientation of the space.
    """
    exact = edges(integers(points)[0])
    d = len(points[0])
    chosen, rest, last = [], [list(row) for row in exact], 1
    for _ in range(d):  # complete pivoting, so that no coordinate is large
        index, column = max(
            ((i, a) for i in range(len(rest)) for a in range(d)), key=lambda place: abs(rest[place[0]][place[1]])
        )
        chosen.append(index)
        lead = rest[index]
        rest = [[(x * lead[column] - row[column] * y) // last for x, y in zip(row, lead, strict=True)] for row in rest]
        last = lead[column]
    frame = [exact[i] for i in chosen]
    if determinant(frame) < 0:
        frame = [[-x for x in frame[0]], *frame[1:]]
    columns = list(zip(*inverse(frame), strict=True))
    return np.array([[float(sum(x * y for x, y in zip(row, c, strict=True))) for c in columns]
                     for row in [[0] * d, *exact]])  # fmt: skip
