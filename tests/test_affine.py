"""Folding of affine maps against Fractions: what is folded is exact, and what can be folded is."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from specgeo import _affine
from specgeo._affine import Affine, Monomial, fold

N = 7


def dense(one: Affine | Monomial) -> Affine:
    return one.dense() if isinstance(one, Monomial) else one


def exactly(one: Affine | Monomial) -> list[list[Fraction]]:
    """Matrix and offset side by side."""
    matrix, offset = dense(one)
    return [[Fraction(v) for v in (*row, c)] for row, c in zip(matrix.tolist(), offset.tolist(), strict=True)]


def product(outer: Affine | Monomial, inner: Affine | Monomial) -> list[list[Fraction]]:
    a, b = exactly(outer), exactly(inner)
    columns = list(zip(*b, strict=True))
    rows = [[sum(x * y for x, y in zip(row[:-1], column, strict=True)) for column in columns] for row in a]
    return [[*row[:-1], row[-1] + whole[-1]] for row, whole in zip(rows, a, strict=True)]


ENTRIES = {
    "normal": lambda rng, size: rng.normal(size=size),
    "single": lambda rng, size: rng.normal(size=size).astype(np.float32).astype(np.float64),
    "integers": lambda rng, size: rng.integers(-9, 10, size).astype(float),
    "sparse": lambda rng, size: rng.normal(size=size) * (rng.random(size) < 0.1),
    "powers": lambda rng, size: rng.choice([-1.0, 1.0], size) * 2.0 ** rng.integers(-30, 30, size),
    "extreme": lambda rng, size: rng.choice([0.0, 1.0, 1e-300, 1e300, 5e-324], size),
}


def some_map(rng: np.random.Generator, kind: str, form: str) -> Affine | Monomial:
    offset = ENTRIES[kind](rng, N) * rng.integers(0, 2)
    if form == "dense":
        return Affine(ENTRIES[kind](rng, (N, N)), offset)
    return Monomial(rng.permutation(N), ENTRIES[kind](rng, N), offset)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("outer", ["dense", "monomial"])
@pytest.mark.parametrize("inner", ["dense", "monomial"])
def test_folded_maps_are_exact(outer, inner, large, monkeypatch):
    """Both proofs, the second one also where it decides all."""
    if large:
        monkeypatch.setattr(_affine, "_WORK", 1 << 6)
    rng, folded = np.random.default_rng(0), 0
    for _ in range(20):
        for kind in ENTRIES:
            for other in ("integers", kind):
                a, b = some_map(rng, kind, outer), some_map(rng, other, inner)
                found = fold(a, b)
                if found is not None:
                    assert exactly(found) == product(a, b)
                    folded += 1
    assert folded > 20


@pytest.mark.parametrize("shape", [(3, 5, 4), (1, 1, 1), (6, 2, 9)])
def test_integers_are_folded_whatever_their_number(shape, monkeypatch):
    m, n, p = shape
    rng = np.random.default_rng(1)
    a = Affine(rng.integers(-99, 99, (m, n)) / 8.0, rng.integers(-99, 99, m) / 4.0)
    b = Affine(rng.integers(-99, 99, (n, p)) * 0.5, rng.integers(-99, 99, n) * 2.0)
    for work in (1 << 25, 0):  # by terms, and by bit lengths
        monkeypatch.setattr(_affine, "_WORK", work)
        found = fold(a, b)
        assert found is not None and exactly(found) == product(a, b)


@pytest.mark.parametrize(("first", "last", "exact"), [(2.0**52, 2.0**52 - 2.0**30, True), (2.0**53 - 1.0, 2.0, False)])
def test_bit_lengths_at_their_limit(first, last, exact, monkeypatch):
    """2^53 is a float, 2^53 + 1 is not: by the glance at one row, and without it."""
    outer = Affine(np.array([[first, last]]), np.zeros(1))
    for glance in (64, 0):
        monkeypatch.setattr(_affine, "_WORK", 0)
        monkeypatch.setattr(_affine, "_GLANCE", glance)
        assert (fold(outer, Affine(np.ones((2, 1)), np.zeros(2))) is not None) == exact


@pytest.mark.parametrize(("offset", "exact"), [(2.0**52, True), (2.0**53, False)])
def test_bit_lengths_count_the_offset(offset, exact, monkeypatch):
    """2^53 + 3 is no float, though 3 is one."""
    monkeypatch.setattr(_affine, "_WORK", 0)
    monkeypatch.setattr(_affine, "_GLANCE", 0)
    found = fold(Affine(np.ones((1, 2)), np.array([offset])), Affine(np.ones((2, 1)), np.array([1.0, 2.0])))
    assert (found is not None) == exact


def test_permutations_fold_into_any_numbers():
    rng = np.random.default_rng(2)
    tiny = Affine(np.array([[5e-324, 1e308], [0.1, -0.0]]), np.array([1e-310, 0.3]))
    swap = Monomial(np.array([1, 0]), np.ones(2), np.zeros(2))
    for found, wanted in ((fold(tiny, swap), tiny.matrix[:, ::-1]), (fold(swap, tiny), tiny.matrix[::-1])):
        assert found is not None and found.matrix.tobytes() == np.ascontiguousarray(wanted).tobytes()
    order, other = rng.permutation(9), rng.permutation(9)
    both = fold(*(Monomial(o, np.ones(9), np.zeros(9)) for o in (order, other)))
    x = rng.normal(size=9)
    assert isinstance(both, Monomial) and x[both.order].tolist() == x[other][order].tolist()


def test_large_matrices_are_decided_without_all_their_products():
    """Dense numbers, integers and scalings of a thousand inputs; a loop over all products takes half a minute."""
    rng = np.random.default_rng(3)
    n = 1024
    normal = [Affine(rng.normal(size=(n, n)), rng.normal(size=n)) for _ in range(2)]
    whole = [Affine(rng.integers(-99, 99, (n, n)).astype(float), np.zeros(n)) for _ in range(2)]
    assert fold(*normal) is None
    found = fold(*whole)
    doubled = fold(normal[0], Affine(2.0 * np.eye(n), np.zeros(n)))
    assert isinstance(found, Affine) and isinstance(doubled, Affine)
    exact = whole[0].matrix[:3].astype(np.int64) @ whole[1].matrix.astype(np.int64)
    np.testing.assert_array_equal(found.matrix[:3], exact)
    np.testing.assert_array_equal(doubled.matrix, 2.0 * normal[0].matrix)
