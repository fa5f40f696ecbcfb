"""Measures of many simplices at once, against those of a few: the same bits, slivers and all."""

from __future__ import annotations

import numpy as np
import pytest

from specgeo._measures import rounded_measures, signed_volumes
from specgeo.geometry import measures as many


@pytest.mark.parametrize(("dim", "j"), [(2, 1), (2, 2), (3, 1), (3, 2), (3, 3)])
def test_one_loop_gives_the_bits_of_the_functions_on_arrays(dim, j, monkeypatch):
    monkeypatch.setattr(many, "FEW", 1)
    rng = np.random.default_rng(dim + 10 * j)
    corners = rng.uniform(-1, 1, (700, j + 1, dim))
    corners[:20] = 1.0 + 1e-9 * corners[:20]  # small, far from the origin
    corners[20:40, -1] = corners[20:40, :-1].mean(axis=1) + 1e-13 * corners[20:40, -1]  # slivers
    corners[40:50, 1] = corners[40:50, 0]  # flat
    corners[50:55] *= 1e-60
    corners[55:60] *= 1e70
    corners[60:80] = np.rint(4 * corners[60:80])  # of whole numbers, some of them flat
    simplices = np.arange(700 * (j + 1)).reshape(700, j + 1)
    found = many.measures(corners.reshape(-1, dim), simplices)
    wanted = (signed_volumes if j == dim else rounded_measures)(corners)
    assert np.array_equal(found, wanted)
    raw = np.empty(700)
    many._measure(corners.reshape(-1, dim), simplices, raw)
    assert np.all(np.isfinite(raw[80:])) and np.all(np.isnan(raw[40:60]))
