"""Speed of the enumeration as ratios to a yardstick measured in the same run.

Yardstick and medians are those of `specgeo.benchmark`; the networks that it compares engines on are left to it
(``specgeo benchmark --set table``). Run on one core:

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 pytest benchmarks/bench_enumeration.py -s
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import specgeo as sg
from specgeo.benchmark import forward_pass, interleaved
from specgeo.testing import random_network

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def box(dim: int, half: float = 1.0) -> sg.Box:
    return sg.Box([-half] * dim, [half] * dim)


def yardsticks(network: sg.Network, domain: sg.Box) -> tuple[float, Any, float]:
    cx = sg.enumerate_regions(network, domain)
    seconds, yard = interleaved(
        [lambda: sg.enumerate_regions(network, domain), forward_pass(network, cx.vertices)]
    )
    return seconds / yard, cx, seconds


@pytest.mark.parametrize(
    ("widths", "goal"),
    [([2, 64, 64, 64, 1], 2.0), ([2, 128, 128, 128, 1], 2.0), ([2, 256, 256, 1], 2.0)],
    ids=str,
)
def test_full_complex_against_forward_pass(widths: list[int], goal: float) -> None:
    ratio, cx, seconds = yardsticks(random_network(widths, 0), box(2))
    print(f"\n{widths}: {cx.n_cells} cells, {1e3 * seconds:.1f} ms, {ratio:.2f} yardsticks (goal {goal})")


def test_regions_per_second_on_a_small_network() -> None:
    network = random_network([2, 32, 32, 1], 0)
    cx = sg.enumerate_regions(network, box(2))
    (seconds,) = interleaved([lambda: sg.enumerate_regions(network, box(2))])
    rate = cx.n_cells / seconds / 1e6
    print(f"\n2-32-32-1: {cx.n_cells} cells in {1e3 * seconds:.2f} ms, {rate:.2f} million regions/s (goal 1.5)")


def test_hcas_against_forward_pass() -> None:
    path = DATA / "HCAS_rect_v6_pra0_tau00_25HU_3000.nnet"
    if not path.exists():
        pytest.skip("reference networks are not here")
    network = sg.read_network(path, normalized=True)
    ratio, cx, seconds = yardsticks(network, box(3, 0.5))
    print(f"\nHCAS: f = {cx.f_vector}, {seconds:.2f} s, {ratio:.1f} yardsticks (goal 15)")


@pytest.mark.parametrize("widths", [[2, 64, 64, 64, 1], [3, 32, 32, 1]], ids=str)
def test_price_of_the_certificate(widths: list[int]) -> None:
    network, domain = random_network(widths, 0), box(widths[0])
    certified, plain = interleaved(
        [lambda: sg.enumerate_regions(network, domain), lambda: sg.enumerate_regions(network, domain, exact=False)]
    )
    print(f"\n{widths}: certified {1e3 * certified:.1f} ms, float only {1e3 * plain:.1f} ms, {certified / plain:.2f}")


def degenerate_networks() -> dict[str, tuple[sg.Network, int]]:
    """Name -> network and dimension."""
    sawtooth_weights = [np.array([[1.0], [1.0]])] + [np.array([[2.0, -4.0]] * 2)] * 15 + [np.array([[2.0, -4.0]])]
    sawtooth_biases = [np.array([0.0, -0.5])] * 16 + [np.zeros(1)]
    twice = random_network([2, 32, 32, 1], 0)
    weights = [np.vstack([twice.weights[0]] * 2), np.hstack([twice.weights[1]] * 2), twice.weights[2]]
    biases = [np.concatenate([twice.biases[0]] * 2), twice.biases[1], twice.biases[2]]
    return {
        "zero bias 2-64-64-64-1": (random_network([2, 64, 64, 64, 1], 0, kind="zero-bias"), 2),
        "zero bias 3-32-32-1": (random_network([3, 32, 32, 1], 0, kind="zero-bias"), 3),
        "integer 2-16-16-16-1": (random_network([2, 16, 16, 16, 1], 0, kind="integer"), 2),
        "integer 3-16-16-16-1": (random_network([3, 16, 16, 16, 1], 0, kind="integer"), 3),
        "pruned 2-64-64-1": (random_network([2, 64, 64, 1], 0, kind="pruned"), 2),
        "duplicated 2-64-32-1": (sg.Network(weights, biases), 2),
        "sawtooth 16": (sg.Network(sawtooth_weights, sawtooth_biases), 1),
    }


def generic_network(vertices: int, dim: int) -> tuple[sg.Network, int]:
    """The narrowest generic network of two hidden layers with at least so many vertices (or of width 1024)."""
    for width in (4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 1024):
        network = random_network([dim, width, width, 1], 1)
        found = sg.enumerate_regions(network, box(dim)).f_vector[0]
        if found >= vertices or width == 1024:
            return network, found
    raise AssertionError


@pytest.mark.parametrize("name", list(degenerate_networks()))
def test_degenerate_networks(name: str) -> None:
    """Against the float-only time of a generic network with as many vertices (scaled by their ratio)."""
    network, dim = degenerate_networks()[name]
    domain = sg.Box([0.0], [1.0]) if dim == 1 else box(dim)
    cx = sg.enumerate_regions(network, domain)
    generic, found = generic_network(cx.f_vector[0], dim)
    mine, plain = interleaved(
        [lambda: sg.enumerate_regions(network, domain), lambda: sg.enumerate_regions(generic, box(dim), exact=False)]
    )
    ratio = mine / plain * found / cx.f_vector[0]
    assert cx.certificate.certified
    print(f"\n{name}: f = {cx.f_vector}, {1e3 * mine:.2f} ms, {ratio:.2f} of float-only generic (goal 3)")
    print(f"  {cx.certificate}")


def test_acas_slice() -> None:
    path = DATA / "ACASXU_run2a_1_1_batch_2000.nnet"
    if not path.exists():
        pytest.skip("reference networks are not here")
    network = sg.read_network(path, normalized=True)
    plane = network.restrict(sg.AffineSlice(np.zeros(5), np.eye(2, 5)))
    ratio, cx, seconds = yardsticks(plane, box(2, 0.5))
    print(f"\nACAS Xu 1_1: f = {cx.f_vector}, {seconds:.2f} s, {ratio:.1f} yardsticks")
    print(f"  {cx.certificate}")
