"""What the maps of a layer say of a cell as a whole."""

from __future__ import annotations

import numpy as np
import pytest

from specgeo import Activation
from specgeo._jit import kernel
from specgeo.enumeration._layers import BIAS, Layers, N, flatten
from specgeo.enumeration._layout import Frame, Scratch, frame_of, scratch_of
from specgeo.enumeration._maps import DOUBT, INPUT, SIZE, STEEP, STEPS, Maps, _reach, row_factors


@kernel
def reach_once(layers: Layers, layer: int, maps: Maps, cell: int, frame: Frame, scratch: Scratch) -> float:
    _reach(layers, layer, maps, cell, frame, scratch)
    return row_factors(maps, cell, 5, frame.reach)[0]


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 7, 8, 9, 20, 64])
def test_reach_is_the_largest_of_all_rows(n: int, dim: int) -> None:
    rng = np.random.default_rng(n)
    layers = flatten(
        [np.ones((5, dim)), rng.normal(size=(n, 5))], [np.zeros(5), rng.normal(size=n)], [Activation.relu()] * 2
    )
    frame, scratch = frame_of(np.linspace(1.0, 2.0, dim), True), scratch_of(max(n, 5), dim)
    start = int(layers.meta[1, BIAS])
    norms, biases = (part[start : start + int(layers.meta[1, N])] for part in (layers.norms, layers.biases))
    clean = rng.normal(size=(dim + 2, n))
    clean[dim + 1] = 1e-9 * np.abs(clean[dim + 1])
    for bad in [None, *np.ndindex(dim + 2, n)]:  # a number that is none must not be lost, wherever it is
        rows = clean.copy()
        if bad is not None:
            rows[bad] = np.nan
        maps = Maps(np.stack([np.ones_like(rows), rows]), np.zeros((2, 6)))
        maps.trust[1, [STEPS, INPUT]] = 3.0, 4.0
        f = reach_once(layers, 2, maps, 1, frame, scratch)
        size, steep, doubt = maps.trust[1, [SIZE, STEEP, DOUBT]]
        if bad is not None:
            assert np.isnan(size) and np.isnan(doubt) and np.isnan(steep)
            continue
        off = rows[dim + 1] + norms * f + np.abs(biases) * f / 4.0
        sizes = np.abs(rows[dim]) + frame.extent @ np.abs(rows[:dim]) + off
        for found, largest in [(doubt, off.max()), (size, sizes.max()), (steep, np.abs(rows[:dim]).sum(axis=0).max())]:
            assert largest * (1.0 - 1e-12) <= found <= largest * (1.0 + 1e-6)
