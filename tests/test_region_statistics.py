"""Statistics of regions: closed forms, all balls by brute force, signs of units by hand and at sampled points."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import specgeo as sg
from specgeo.plotting import new_figure
from specgeo.testing import random_network
from specgeo.theory import region_statistics
from specgeo.theory.inradii import inradii


def cut(dim: int, rows: list[list[float]], shifts: list[float], domain: sg.Box | sg.Polytope) -> sg.PolyhedralComplex:
    """The cells of an arrangement of hyperplanes."""
    return sg.enumerate_regions(sg.Network([rows, np.ones((1, len(rows)))], [shifts, [0.0]]), domain)


@pytest.mark.parametrize("scale", [1.0, 2.0**-200, 2.0**100])
def test_inradii_of_boxes_and_right_triangles(scale: float) -> None:
    box = cut(3, [[0.0, 0.0, 1.0]], [-2 * scale], sg.Box([0, 0, 0], scale * np.array([4.0, 3.0, 3.0])))
    assert np.sort(inradii(box) / scale) == pytest.approx([0.5, 1.0], rel=1e-14)
    triangles = cut(2, [[3.0, -4.0]], [0.0], sg.Box([0, 0], scale * np.array([4.0, 3.0])))
    assert inradii(triangles) / scale == pytest.approx([1.0, 1.0], rel=1e-14)  # sides 3, 4, 5
    line = cut(1, [[1.0]], [-scale], sg.Box([0], [3 * scale]))
    assert np.sort(inradii(line)) / scale == pytest.approx([0.5, 1.0], rel=1e-15)


@pytest.mark.parametrize("dim", [2, 3, 4])
def test_inradius_of_a_regular_simplex(dim: int) -> None:
    """Edge sqrt 2: the distance from the centre of the standard simplex in R^(d+1) to a facet, 1 / sqrt(d (d + 1))."""
    corners = np.linalg.qr(np.eye(dim + 1) - 1.0 / (dim + 1))[0][:, :dim]
    cx = cut(dim, [[1.0] + [0.0] * (dim - 1)], [100.0], sg.Polytope.from_vertices(corners))
    side = np.linalg.norm(corners[0] - corners[1])
    assert inradii(cx)[0] == pytest.approx(side / np.sqrt(2 * dim * (dim + 1)), rel=1e-12)


@pytest.mark.parametrize(("widths", "rng"), [((2, 8, 8, 1), 0), ((2, 20, 1), 1), ((3, 5, 4, 1), 2)])
def test_the_largest_of_all_balls_that_touch_enough_facets(widths: tuple[int, ...], rng: int) -> None:
    dim = widths[0]
    cx = sg.enumerate_regions(random_network(list(widths), rng=rng), sg.Box(-1, 1, dim=dim))
    found = inradii(cx)
    for cell in list(cx)[:60]:
        normals, heights = [], []
        for facet in cell.facets:
            n = cx.facets.normals[facet] * (1 if cx.facets.cells[facet, 0] == cell.number else -1)
            corner = cx.vertices[cx.vertices_of(dim - 1)[facet][0]]
            normals.append(n)
            heights.append(n @ (corner - cell.centroid))
        a, b = np.column_stack((normals, np.ones(len(normals)))), np.array(heights)
        best = 0.0
        for chosen in combinations(range(len(b)), dim + 1):
            part = list(chosen)
            if np.linalg.cond(a[part]) < 1e10:
                ball = np.linalg.solve(a[part], b[part])
                if np.all(a @ ball <= b + 1e-13):
                    best = max(best, ball[-1])
        assert found[cell.number] == pytest.approx(best, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("gap", [1e-3, 1e-9, 1e-13])
def test_slivers(gap: float) -> None:
    cx = cut(2, [[1.0, 0.0], [1.0, 0.0]], [0.0, -gap], sg.Box(-1, 1, dim=2))
    assert inradii(cx).min() == pytest.approx(gap / 2, rel=1e-15 / gap + 1e-9)


def test_units_that_never_switch() -> None:
    first = [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]  # x + 2, x - 2, x - 1, 0, y
    second = [[0.0, 0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0, -1.0], [1.0, 0.0, 0.0, 0.0, -1.0]]
    net = sg.Network([first, second, np.ones((1, 3))], [[2.0, -2.0, -1.0, 0.0, 0.0], [0.0, 0.0, -2.0], [0.0]])
    found = region_statistics(sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1])))
    # x - 1 touches the wall; relu(y) is nowhere negative, -relu(y) nowhere positive
    assert found.unit_states.tolist() == [1, -1, -1, -1, 0, 1, -1, 0]
    assert (found.dead.tolist(), found.always_on.tolist(), found.switching.tolist()) == ([3, 1], [1, 1], [1, 1])
    bent = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]], sg.Activation.clip(-0.5, 3.0))
    assert region_statistics(sg.enumerate_regions(bent, sg.Box([-1], [1]))).unit_states.tolist() == [0, -1]


@pytest.mark.parametrize("rng", range(3))
def test_units_at_sampled_points(rng: int) -> None:
    net = random_network([2, 10, 10, 10, 1], rng=rng)
    found = region_statistics(sg.enumerate_regions(net, sg.Box(-1, 1, dim=2)))
    points = np.random.default_rng(rng).uniform(-1, 1, (20_000, 2))
    z = np.concatenate(net.pre_activations(points), axis=1)
    assert np.all(z[:, found.unit_states == -1] <= 0) and np.all(z[:, found.unit_states == 1] >= 0)
    seen = np.any(z > 0, axis=0) & np.any(z < 0, axis=0)
    assert np.all(found.unit_states[seen] == 0)


@pytest.mark.parametrize("widths", [(1, 6, 6, 1), (2, 8, 8, 1), (3, 6, 4, 1)])
def test_facets_and_neighbours(widths: tuple[int, ...]) -> None:
    cx = sg.enumerate_regions(random_network(list(widths), rng=3), sg.Box(-1, 1, dim=widths[0]))
    found = region_statistics(cx)
    assert found.n_neighbours.tolist() == [len(cell.neighbours) for cell in cx]
    assert found.n_facets.tolist() == [len(cell.facets) for cell in cx]
    assert found.n_neighbours.sum() == 2 * len(found.normals) == 2 * len(found.measures)
    around = np.bincount(cx.faces[-1].owners, cx.facets.measures[cx.faces[-1].indices])
    ratio = found.inradii * around / found.volumes  # between 1 and d, for any convex body
    assert ratio.min() > 1 - 1e-9 and ratio.max() < widths[0] + 1e-9
    first = [min(cx.signs.layers[cx.facets.units[f]]) for f in np.flatnonzero(~cx.facets.is_boundary)]
    assert found.facet_layers.tolist() == first
    angles = []
    for cell in cx:
        rows = cx.facets.normals[[f for f in cell.facets if not cx.facets.is_boundary[f]]]
        angles += [np.arccos(min(1.0, abs(a @ b))) for a, b in combinations(rows, 2)]
    assert np.sort(found.angles) == pytest.approx(np.sort(angles), abs=1e-7)


def test_pictures_of_each_quantity() -> None:
    cx = sg.enumerate_regions(random_network([2, 8, 8, 1], rng=0), sg.Box(-1, 1, dim=2))
    found = region_statistics(cx)
    for quantity in ("inradii", "volumes", "n_facets", "n_neighbours", "angles", "directions", "units"):
        own = new_figure()[1]
        assert found.plot(own, quantity) is own and own.has_data() and own.get_xlabel()
    with pytest.raises(sg.InvalidInputError, match="quantity"):
        found.plot(quantity="colour")
    one = region_statistics(cut(3, [[1.0, 0.0, 0.0]], [5.0], sg.Box(-1, 1, dim=3)))
    assert len(one.normals) == len(one.angles) == 0 and one.plot().has_data()
    with pytest.raises(sg.UnsupportedError, match="angles"):
        one.plot(quantity="directions")
