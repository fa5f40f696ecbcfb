"""C_n from cells against the coefficients that gradient jumps give, and against polytopes one by one."""

from __future__ import annotations

import numpy as np
import pytest

import specgeo as sg
from specgeo.fourier import polytope_expansion
from specgeo.theory import clamp_to_support, class_bounds
from tests.theory_cases import random_network, tent


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("way", ["axis", "generic", "normal"])
def test_jumps_of_facets_give_the_same_coefficients(d: int, way: str) -> None:
    net = clamp_to_support(random_network(d, (4, 3), "integer", seed=1), sg.Box(-1, 1, dim=d), 4.0)
    cx = sg.enumerate_regions(net, sg.Box(-1, 1, dim=d))
    inner = np.flatnonzero(~cx.facets.is_boundary)
    heaviest = inner[np.argmax(np.abs(cx.facets.jumps[inner, 0]) * cx.facets.measures[inner])]
    u = {"axis": np.eye(d)[0], "generic": np.sqrt(np.arange(2.0, d + 2)), "normal": cx.facets.normals[heaviest]}[way]
    found, expansion = class_bounds(cx, u), sg.directional_expansion(cx, u)
    assert found.codimensions[-1] == d and all(check.holds for check in found.checks)
    for n, exact, cells in zip(found.codimensions, found.exact, found.by_cells, strict=True):
        supremum = expansion[n].supremum[0] if n in [part.n for part in expansion.classes] else 0.0
        assert exact == pytest.approx(supremum, rel=1e-7, abs=1e-9 * cells)
    assert np.all(found.exact <= found.by_cells * (1 + 1e-12))


def test_each_cell_is_a_polytope() -> None:
    cx = sg.enumerate_regions(random_network(2, (4, 3), seed=2), sg.Box(-1, 1, dim=2))
    for u in ([1.0, 0.0], [0.3, 0.8]):
        found = class_bounds(cx, u)
        unit = np.array(u) / np.linalg.norm(u)
        parts = [polytope_expansion(cell.vertices, u) for cell in cx]
        for n, cells, largest in zip(found.codimensions, found.by_cells, found.shape_factor, strict=True):
            sizes = [sum(p.supremum[0] for p in part.classes if p.n == n) for part in parts]
            assert largest == pytest.approx(max(sizes))
            assert cells == pytest.approx(np.abs(cx.gradients[:, 0] @ unit) @ sizes)
        assert found.paper == pytest.approx(found.lipschitz * cx.n_cells * found.shape_factor)


def test_the_constant_is_not_uniform() -> None:
    """Near a facet's normal the factor grows like 1 / angle; the exact class, and f^, do not exceed J / t^2."""
    _, cx = tent(2)
    factors = [class_bounds(cx, [1.0, 1.0 + angle]).shape_factor[-1] for angle in (1e-2, 1e-4, 1e-6)]
    assert np.array(factors[1:]) / factors[0] == pytest.approx([1e2, 1e4], rel=0.1)


def test_what_neighbours_share_cancels() -> None:
    """A facet on which f does not bend is in the cells' bound, and not in C_n."""
    flat = sg.Network([[[1.0, 0.0]], [[0.0]]], [[0.0], [1.0]])
    kink = sg.Network([[[1.0, 0.0], [-1.0, 0.0]], [[1.0, -1.0]]], [[0.0, 0.0], [0.0]])  # x, in two cells
    box = sg.Box([-1, -1], [1, 1])
    found = class_bounds(sg.enumerate_regions(kink, box), [1.0, 0.0])
    assert (found.codimensions.tolist(), found.exact.tolist(), found.by_cells.tolist()) == ([1], [4.0], [8.0])
    assert class_bounds(sg.enumerate_regions(flat, box), [1.0, 0.0]).exact.tolist() == [0.0]


def test_refusals() -> None:
    _, cx = tent(2)
    with pytest.raises(sg.InvalidInputError, match="direction"):
        class_bounds(cx, [0.0, 0.0])
    with pytest.raises(sg.InvalidInputError, match="output"):
        class_bounds(cx, [1.0, 0.0], 1)
