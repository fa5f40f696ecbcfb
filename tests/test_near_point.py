"""Cells near a point: closed cases, and exact counts are never below those at the vertices."""

from __future__ import annotations

import numpy as np
import pytest

import specgeo as sg
from specgeo.testing import random_network
from specgeo.theory.near_point import local_complexity


def test_lines_that_cross_and_lines_that_touch() -> None:
    net = sg.Network([[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [[1.0, 1.0, 1.0]]], [[0.0, 0.0, -1.0], [0.0]])
    assert local_complexity(net, [0.0, 0.0], 0.5).n_cells == 4
    found = local_complexity(net, [0.0, 0.0], 1.0)  # x = 1 touches a vertex, which is not within
    assert (found.n_cells, found.crossing.tolist(), found.crossing_at_vertices.tolist()) == (4, [2], [2])


@pytest.mark.parametrize("rng", range(4))
def test_vertices_see_all_of_the_first_layer_and_less_of_the_others(rng: int) -> None:
    net = random_network([3, 8, 8, 8, 1], rng=rng)
    found = local_complexity(net, [0.1, 0.2, -0.1], 0.75)
    assert found.crossing[0] == found.crossing_at_vertices[0]
    assert np.all(found.crossing >= found.crossing_at_vertices)
    plane = local_complexity(net, [0.1, 0.2, -0.1], 0.75, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert plane.n_cells <= found.n_cells and np.all(plane.crossing <= found.crossing)


def test_refusals() -> None:
    net = random_network([2, 3, 1], rng=0)
    with pytest.raises(sg.InvalidInputError, match="radius"):
        local_complexity(net, [0.0, 0.0], 0.0)
