"""Counts known in closed form, and reference counts of random networks."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import network_zoo as zoo
import numpy as np
import pytest

import specgeo as sg
from specgeo.benchmark import arrangements
from specgeo.testing import assert_complex_valid, random_network


def checked(net: sg.Network, lower: object, upper: object) -> sg.PolyhedralComplex:
    cx = sg.enumerate_regions(net, sg.Box(lower, upper))
    assert_complex_valid(cx, net)
    assert cx.certificate.certified
    return cx


@pytest.mark.parametrize(("n", "d"), [(1, 1), (6, 1), (2, 2), (9, 2), (3, 3), (7, 3), (5, 4), (6, 5)])
def test_generic_hyperplanes_reach_zaslavskys_bound(n: int, d: int) -> None:
    rng = np.random.default_rng(10 * n + d)
    normals, offsets = rng.normal(size=(n, d)), rng.normal(size=n)
    points = [np.linalg.solve(normals[list(s)], -offsets[list(s)]) for s in combinations(range(n), d)]
    reach = 2.0 + 2.0 * np.abs(points).max()  # every vertex of the arrangement lies inside
    cx = checked(zoo.one_layer(normals, offsets), [-reach] * d, [reach] * d)
    assert cx.n_cells == zoo.zaslavsky(n, d)


@pytest.mark.parametrize(("n", "d"), [(1, 2), (7, 2), (4, 3), (9, 3), (6, 4)])
def test_central_arrangement_of_generic_planes(n: int, d: int) -> None:
    rng = np.random.default_rng(n + d)
    cx = checked(zoo.one_layer(rng.normal(size=(n, d)), np.zeros(n)), [-1.0] * d, [1.0] * d)
    assert cx.n_cells == zoo.central(n, d)
    assert np.count_nonzero(np.all(np.abs(cx.vertices) < 1e-13, axis=1)) == (n >= d)


@pytest.mark.parametrize(
    ("normals", "regions"), [pytest.param(*rest, id=name) for name, *rest in arrangements.CENTRAL]
)
def test_arrangements_of_groups_and_subsets(normals: Any, regions: int) -> None:
    """All planes of one meet in the origin, and many in each face: nothing about them is generic."""
    rows = normals()
    net, box = zoo.one_layer(rows, np.zeros(len(rows))), sg.Box(-1.0, 1.0, dim=rows.shape[1])
    cx = checked(net, box.lower, box.upper) if regions < 1000 else sg.enumerate_regions(net, box)
    assert cx.n_cells == regions and cx.certificate.certified
    assert sum((-1) ** k * n for k, n in enumerate(cx.f_vector)) == 1


@pytest.mark.parametrize(("name", "n", "shifts", "regions"), zoo.DIFFERENCE_ARRANGEMENTS)
def test_difference_arrangements(name: str, n: int, shifts: list[int], regions: int) -> None:
    cx = checked(zoo.differences(n, shifts), [-8.0] * n, [8.0] * n)
    assert cx.n_cells == regions, name


@pytest.mark.parametrize("depth", [1, 2, 5, 10, 16])
def test_sawtooth_has_2_to_the_depth_pieces(depth: int) -> None:
    cx = checked(zoo.sawtooth(depth), [0.0], [1.0])
    pieces = 2**depth
    assert cx.f_vector == (pieces + 1, pieces)
    assert cx.n_linear_regions == pieces
    np.testing.assert_array_equal(np.sort(cx.vertices[:, 0]), np.arange(pieces + 1) / pieces)
    np.testing.assert_array_equal(np.abs(cx.gradients), 2.0**depth)


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_diamonds(activation: str) -> None:
    cx = checked(zoo.diamonds([0.25, 0.5, 0.75], activation=activation), [-1.0, -1.0], [1.0, 1.0])
    assert cx.f_vector == (9 + 12, 12 + 4 + 4 * 6 - 4, 16)
    assert cx.n_linear_regions == 4 * 3 + 1  # zero inside the smallest diamond


def test_grid_of_parallel_lines() -> None:
    normals = [[1, 0]] * 5 + [[0, 1]] * 3
    offsets = [-0.5, -0.25, 0, 0.25, 0.5, -0.5, 0, 0.5]
    cx = checked(zoo.one_layer(normals, offsets), [-1, -1], [1, 1])
    assert cx.f_vector == (7 * 5, 7 * 4 + 6 * 5, 6 * 4)


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_tent(d: int) -> None:
    cx = checked(zoo.tent(d), [-1.5] * d, [1.5] * d)
    assert cx.n_cells == 2 * 2**d
    assert cx.n_linear_regions == 2**d + (2 if d == 1 else 1)
    facets = cx.facets
    outer_gradient = np.einsum("i,ij,ik->jk", facets.jumps[:, 0] * facets.measures, facets.normals, facets.normals)
    np.testing.assert_allclose(outer_gradient, 0.0, atol=1e-12)  # compact support


@pytest.mark.parametrize("seed", range(6))
def test_max_min_lattice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    affine = rng.integers(-3, 4, (2, 2, 3)).astype(float)
    net = zoo.max_min(affine)
    cx = checked(net, [-2, -2], [2, 2])
    x = rng.uniform(-2, 2, (500, 2))
    values = np.einsum("ijk,nk->nij", affine, np.column_stack((x, np.ones(500)))).min(axis=2).max(axis=1)
    np.testing.assert_allclose(cx(x)[:, 0], values, atol=1e-12)


def test_two_neurons_on_the_same_line_share_their_facets() -> None:
    cx = checked(zoo.one_layer([[1, 1], [-3, -3], [1, -1]], [0, 0, 0.5]), [-1, -1], [1, 1])
    facets = cx.facets
    lists = [units.tolist() for units in facets.units]
    inner = [units for units, outside in zip(lists, facets.is_boundary, strict=True) if not outside]
    assert sorted(inner) == [[0, 1], [0, 1], [2], [2]]
    assert all(not units for units, outside in zip(lists, facets.is_boundary, strict=True) if outside)


@pytest.mark.parametrize(
    ("widths", "cells", "vertices"),
    [
        ([2, 16, 16, 1], 412, 444),
        ([2, 32, 32, 1], 1780, 1844),
        ([2, 64, 64, 1], 6671, 6797),
        ([2, 64, 64, 64, 1], 14353, 14533),
        ([3, 16, 16, 1], 3524, 4011),
        ([3, 32, 32, 1], 40141, 42330),
        ([4, 16, 16, 1], 25009, 31139),
        ([5, 12, 12, 1], 36269, 56232),
    ],
)
def test_random_networks_have_their_reference_counts(widths: list[int], cells: int, vertices: int) -> None:
    cx = sg.enumerate_regions(random_network(widths, 0), sg.Box([-1] * widths[0], [1] * widths[0]))
    assert (cx.n_cells, cx.f_vector[0], cx.euler_characteristic) == (cells, vertices, 1)
    if widths[0] <= 4:
        np.testing.assert_allclose(cx.volumes.sum(), 2.0 ** widths[0], rtol=1e-12)
