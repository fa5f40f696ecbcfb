"""Comparison of a complex with its rational truth, face by face."""

from __future__ import annotations

from typing import Any

import numpy as np
from naive.rational import Truth
from scipy.spatial import cKDTree

from specgeo.geometry.complex import PolyhedralComplex


def ragged_sets(lists: Any) -> list[frozenset[int]]:
    """The lists as sets."""
    return [frozenset(items.tolist()) for items in lists]


def assert_same_complex(cx: PolyhedralComplex, truth: Truth, coordinates: float = 1e-12) -> None:
    """Same f-vector, same sign vectors, same faces (as vertex sets), vertices right to rounding."""
    assert cx.f_vector == truth.f_vector
    assert {tuple(row) for row in cx.sign_vectors.tolist()} == truth.sign_vectors
    exact = np.array([[float(x) for x in p] for p in truth.vertices])
    distance, match = cKDTree(exact).query(cx.vertices)
    assert distance.max() <= coordinates * max(1.0, np.abs(exact).max())
    assert len(set(match.tolist())) == len(exact)
    for k in range(cx.dim + 1):
        faces = [frozenset(match[list(face)].tolist()) for face in ragged_sets(cx.vertices_of(k))]
        assert set(faces) == truth.faces[k], f"{k}-faces differ"
    cell_of = {signs: vertices for vertices, signs, _ in truth.cells}
    maps_of = {signs: maps for _, signs, maps in truth.cells}
    sign_rows = cx.sign_vectors.tolist()
    for i, face in enumerate(ragged_sets(cx.vertices_of(cx.dim))):
        signs = tuple(sign_rows[i])
        assert frozenset(match[list(face)].tolist()) == cell_of[signs]
        rows = np.array([[float(a) for a in row] for row in maps_of[signs]])
        size = 1.0 + np.abs(rows).max()
        np.testing.assert_allclose(cx.gradients[i], rows[:, :-1], rtol=0, atol=1e-11 * size)
        np.testing.assert_allclose(cx.offsets[i], rows[:, -1], rtol=0, atol=1e-11 * size)
