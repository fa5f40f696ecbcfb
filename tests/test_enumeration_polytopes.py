"""Polytope domains against rational truth."""

from __future__ import annotations

import pytest
from naive.compare import assert_same_complex
from naive.rational import rational_complex

import specgeo as sg
from specgeo.testing import assert_complex_valid, random_network

HEXAGON = [([1, 0], 1), ([-1, 0], 1), ([0, 1], 1), ([0, -1], 1), ([1, 1], 1.5), ([-1, -1], 1.5)]
OCTAHEDRON = [([a, b, c], 1) for a in (1, -1) for b in (1, -1) for c in (1, -1)]


@pytest.mark.parametrize("kind", ["he", "integer", "zero-bias"])
@pytest.mark.parametrize(("halfspaces", "widths"), [(HEXAGON, [2, 5, 4, 1]), (OCTAHEDRON, [3, 4, 3, 1])])
def test_polytope_domains(halfspaces: list[tuple[list[float], float]], widths: list[int], kind: str) -> None:
    net = random_network(widths, 1, kind)
    d = widths[0]
    polytope = sg.Polytope([a for a, _ in halfspaces], [b for _, b in halfspaces])
    cx = sg.enumerate_regions(net, polytope)
    truth = rational_complex(net, [-2.0] * d, [2.0] * d, halfspaces)
    assert_same_complex(cx, truth)
    assert_complex_valid(cx, net)
