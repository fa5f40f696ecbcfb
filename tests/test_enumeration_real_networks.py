"""Reference complexes of real networks of other projects; skipped where their files are absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import specgeo as sg
from specgeo.testing import assert_complex_valid


def checked(net: sg.Network, lower: list[float], upper: list[float]) -> sg.PolyhedralComplex:
    cx = sg.enumerate_regions(net, sg.Box(lower, upper))
    assert_complex_valid(cx, net)
    assert cx.certificate.certified
    return cx


def test_spiky_network(real_networks: Path) -> None:
    net = sg.read_network(real_networks / "spiky_nnet.nnet")
    cx = checked(net, [-200.0], [200.0])
    assert (cx.n_cells, cx.n_linear_regions) == (16, 12)
    order = np.argsort(cx.centroids[:, 0])
    slopes = [-2, -2, 6, -10, -6, 2, 4, 4, -4, -4, -2, 6, 10, -6, 2, 2]
    np.testing.assert_array_equal(cx.gradients[order, 0, 0], slopes)
    breakpoints = [5, 18.75, 25, 30, 31.25, 40, 45, 50, 55, 60, 68.75, 70, 75, 81.25, 95]
    np.testing.assert_array_equal(np.sort(cx.vertices[:, 0])[1:-1], breakpoints)


def test_small_network(real_networks: Path) -> None:
    net = sg.read_network(real_networks / "small_nnet.nnet")
    cx = checked(net, [-10.0], [10.0])
    assert -1.5 in cx.vertices[:, 0]
    assert cx.n_linear_regions == 2
    assert np.sort(np.abs(cx.gradients.ravel())).tolist() == [0.0, 24.0]


def test_collision_avoidance_slice(real_networks: Path) -> None:
    net = sg.read_network(real_networks / "ACASXU_run2a_1_1_batch_2000.nnet")
    plane = sg.AffineSlice(np.zeros(5), np.eye(5)[:2])
    net = net.restrict(plane)
    cx = checked(net, [-0.5, -0.5], [0.5, 0.5])
    assert cx.f_vector == (51369, 102373, 51005)


def test_horizontal_collision_avoidance(real_networks: Path) -> None:
    net = sg.read_network(real_networks / "HCAS_rect_v6_pra0_tau00_25HU_3000.nnet")
    cx = checked(net, [-0.5] * 3, [0.5] * 3)
    assert cx.f_vector == (117686, 346444, 339975, 111216)
