"""Betti numbers against closed forms, against each other by duality, and against gudhi where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from test_level_sets import cube, norm, torus

import specgeo as sg
from specgeo.geometry import FaceLattice, Ragged
from specgeo.geometry.lattice import pulled
from specgeo.geometry.topology import betti_numbers
from specgeo.paths import decision_regions
from specgeo.testing import random_network


def simplicial(points: np.ndarray, triangles: np.ndarray) -> FaceLattice:
    """The lattice of some triangles in space."""
    sides = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]], axis=2).reshape(-1, 2)
    edges, place = np.unique(sides, axis=0, return_inverse=True)
    faces = Ragged.of(edges), Ragged.of(place.reshape(-1, 3)), Ragged.of([])
    return FaceLattice(points, faces)


def test_surfaces_that_are_known() -> None:
    """A sphere, two, a torus of 7 vertices, the projective plane of 6 (over GF(2): 1, 1, 1), a Moebius strip."""
    tetrahedron = np.array([[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]])
    torus7 = np.array([[i, (i + a) % 7, (i + 3) % 7] for i in range(7) for a in (1, 2)])
    plane6 = np.array([[0, 1, 4], [0, 1, 5], [0, 2, 3], [0, 2, 5], [0, 3, 4], [1, 2, 3], [1, 2, 4], [1, 3, 5],
                       [2, 4, 5], [3, 4, 5]])  # fmt: skip
    strip = np.array([[i, (i + 1) % 5, (i + 2) % 5] for i in range(5)])
    points = np.random.default_rng(0).normal(size=(8, 3))
    for triangles, expected in (
        (tetrahedron, (1, 0, 1)), (np.concatenate((tetrahedron, tetrahedron + 4)), (2, 0, 2)), (torus7, (1, 2, 1)),
        (plane6, (1, 1, 1)), (strip, (1, 1, 0)),
    ):  # fmt: skip
        n = int(triangles.max()) + 1
        assert simplicial(points[:n], triangles).betti_numbers == expected


def test_of_nothing_of_points_and_of_a_complex() -> None:
    empty = FaceLattice(np.zeros((0, 2)), (Ragged.of([]), Ragged.of([])))
    assert empty.betti_numbers == (0, 0) and empty.euler_characteristic == 0
    points = FaceLattice(np.zeros((3, 2)), (Ragged.of([]), Ragged.of([])))
    assert betti_numbers(points) == (3, 0)
    for d in (1, 2, 3, 4):
        cx = sg.enumerate_regions(random_network([d, 8, 1], 0), cube(d))
        assert cx.betti_numbers == (1, *[0] * (d - 1))


def test_regions_of_known_shape() -> None:
    ring = decision_regions(torus(), cube(3))
    assert ring.labels.tolist() == [0, 1] and ring.betti_numbers.tolist() == [[1, 1, 0], [1, 1, 1]]
    ball = sg.Network([norm(3).weights[0], [[1.0] * 6]], [np.zeros(6), [-0.5]])
    assert decision_regions(ball, cube(3)).betti_numbers.tolist() == [[1, 0, 0], [1, 0, 1]]
    pierced = sg.Network([norm(3, [1, 1, 0]).weights[0], norm(3, [1, 1, 0]).weights[1]], [np.zeros(6), [0.0]])
    assert decision_regions(pierced, cube(3)).betti_numbers.tolist() == [[1, 1, 0]]  # a cube without an axis
    point = decision_regions(norm(2), cube(2))  # |x| + |y|: the square without its middle
    assert point.betti_numbers.tolist() == [[1, 1]]
    assert decision_regions(norm(1), cube(1)).betti_numbers.tolist() == [[1], [1]]
    nothing = decision_regions(sg.Network([[[1.0, 0.0]], [[1.0], [1.0]]], [[0.0], [0.0, 0.0]]), cube(2))
    assert nothing.betti_numbers.shape == (0, 2)


@pytest.mark.parametrize("widths", [[1, 12, 8, 1], [2, 16, 12, 1], [3, 12, 12, 1]])
def test_open_regions_against_closed_solids(widths: list[int]) -> None:
    """Where a level is a manifold, {f < 0} and {f <= 0} have one topology; every component is connected."""
    for seed in range(4):
        net = sg.testing.random_network(widths, rng=seed, bias=0.5)
        cx = sg.enumerate_regions(net, cube(widths[0]))
        net = net.postcompose([[1.0]], [-float(np.median(cx.means))])
        cx = sg.enumerate_regions(net, cube(widths[0]))
        regions = cx.decision_regions()
        assert np.all(regions.betti_numbers[:, 0] == 1)
        for label in (0, 1):
            total = regions.betti_numbers[regions.labels == label].sum(axis=0)
            assert tuple(total.tolist()) == cx.sublevel_set(above=label == 1).betti_numbers


def test_against_gudhi() -> None:
    gudhi = pytest.importorskip("gudhi", reason="needs gudhi")
    for seed in range(3):
        cx = sg.enumerate_regions(sg.testing.random_network([3, 16, 12, 1], rng=seed, bias=0.5), cube(3))
        value = float(np.median(cx.means))
        for lattice, k in ((cx.level_set(value).lattice, 2), (cx.sublevel_set(value), 3)):
            simplices = lattice.triangulation(k)[0] if k == 3 else pulled(lattice, 2)[0]
            tree = gudhi.SimplexTree()
            tree.insert_batch(np.ascontiguousarray(simplices.T), np.zeros(len(simplices)))
            tree.compute_persistence(homology_coeff_field=2, persistence_dim_max=True)
            found = [*tree.betti_numbers(), 0, 0, 0]
            assert tuple(found[:3]) == lattice.betti_numbers
