"""Speed of spectra of complexes on one core, beside numpy's complex exponentials of the same pairs.

    pytest benchmarks/bench_spectra.py --benchmark-columns=median,rounds

``ratio_numpy`` in ``extra_info`` is the time over that of ``np.exp(-1j * phase)`` for every pair (vertex, k), taken
on a sample of the wavevectors in turns with the candidate: the machine may be shared. f is real, so that
half of a symmetric grid of wavevectors is evaluated; the yardstick counts all of it.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial import Delaunay

import specgeo as sg
from specgeo.geometry import PolyhedralComplex, Ragged

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SAMPLE = 32  # the yardstick is timed on one wavevector in 32


def clock(function: Callable[[], Any]) -> float:
    start = time.process_time()  # one thread throughout: the machine may be shared
    function()
    return time.process_time() - start


def yardstick(points: np.ndarray, k: np.ndarray) -> float:
    """Seconds of numpy's exponentials for every pair, from a sample in blocks that fit the cache."""
    some = k[:: max(1, len(k) // (len(k) // SAMPLE or 1))]

    def run() -> None:
        for block in np.array_split(some, max(1, len(some) // 4)):
            np.exp(-1j * (points @ block.T))

    return clock(run) * len(k) / len(some)


def report(benchmark: Any, run: Callable[[], Any], points: np.ndarray, k: np.ndarray, rounds: int = 3) -> None:
    ratios = []

    def pair() -> None:
        before = yardstick(points, k)
        seconds = clock(run)
        ratios.append(seconds / before)
        times.append(seconds)

    times: list[float] = []
    run()
    benchmark.pedantic(pair, rounds=rounds)
    benchmark.extra_info["seconds"] = float(np.median(times))
    benchmark.extra_info["ratio_numpy"] = float(np.median(ratios))
    print(f"  {np.median(times):.3f} s, {np.median(ratios):.4f} of numpy's exponentials", end=" ")


def grid(n: int, spacing: float) -> np.ndarray:
    """n x n wavevectors without zero, symmetric about it but for the last row and column."""
    axis = np.arange(-(n // 2), n - n // 2) * spacing
    waves = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    return waves[np.any(waves != 0, axis=1)]


@pytest.fixture(scope="module")
def mesh() -> PolyhedralComplex:
    """50 000 triangles with random vertex values: rough, every edge a kink."""
    rng = np.random.default_rng(0)
    points = np.concatenate([[[0, 0], [1, 0], [0, 1], [1, 1]], rng.uniform(0.002, 0.998, (25000, 2))])
    cells = np.sort(Delaunay(points).simplices, axis=1)
    values = rng.normal(size=len(points))
    sides = cells[:, [[1, 2], [0, 2], [0, 1]]]
    edges, number = np.unique(sides.reshape(-1, 2), axis=0, return_inverse=True)
    lists = (
        Ragged(np.arange(len(edges) + 1) * 2, edges.astype(np.int32).ravel()),
        Ragged(np.arange(len(cells) + 1) * 3, number.astype(np.int32).ravel()),
    )
    corners = np.concatenate([points[cells], np.ones((len(cells), 3, 1))], axis=2)
    affine = np.linalg.solve(corners, values[cells][..., None])[..., 0]
    pieces = (np.ascontiguousarray(affine[:, None, :2]), np.ascontiguousarray(affine[:, 2:]))
    return PolyhedralComplex(points, lists, pieces, domain=sg.Box([0, 0], [1, 1]))


@pytest.fixture(scope="module")
def network() -> PolyhedralComplex:
    rng = np.random.default_rng(1)
    widths = (2, 160, 160, 160, 1)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    net = sg.Network(
        [rng.normal(size=s) * np.sqrt(2 / s[1]) for s in shapes], [0.3 * rng.normal(size=s[0]) for s in shapes]
    )
    return sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]))


@pytest.mark.parametrize("method", ["facet", "nufft", "auto"])
def test_mesh_of_50000_triangles_at_128_squared(benchmark: Any, mesh: PolyhedralComplex, method: str) -> None:
    if method == "nufft" and importlib.util.find_spec("finufft") is None:
        pytest.skip("finufft is not installed")
    waves = grid(128, 2 * np.pi)
    report(benchmark, lambda: sg.spectrum(mesh, waves, method=method), mesh.vertices, waves)


def test_building_the_facet_form(benchmark: Any, mesh: PolyhedralComplex) -> None:
    def run() -> None:
        fresh = PolyhedralComplex(mesh.vertices, mesh.faces, mesh.pieces, domain=mesh.domain)
        sg.spectrum(fresh, [1.0, 1.0])  # one wavevector: the form is what takes the time

    report(benchmark, run, mesh.vertices, grid(128, 2 * np.pi))


def test_network_at_256_squared(benchmark: Any, network: PolyhedralComplex) -> None:
    waves = grid(256, np.pi)
    benchmark.extra_info["cells"] = network.n_cells
    report(benchmark, lambda: sg.spectrum(network, waves), network.vertices, waves)


def test_mirror_coefficients_of_a_network(benchmark: Any, network: PolyhedralComplex) -> None:
    modes = np.stack(np.meshgrid(np.arange(128), np.arange(128), indexing="ij"), axis=-1)
    waves = grid(256, np.pi / 2)
    report(benchmark, lambda: sg.fourier_coefficients(network, modes), network.vertices, waves)


@pytest.mark.parametrize("form", ["stable", "expansion"])
def test_ray_of_a_network(benchmark: Any, network: PolyhedralComplex, form: str) -> None:
    u, t = np.array([0.6, 0.8]), np.linspace(5.0, 500.0, 400)
    waves = t[:, None] * u
    expansion = sg.directional_expansion(network, u)
    run = (lambda: sg.ray_spectrum(network, u, t)) if form == "stable" else (lambda: expansion(t))
    report(benchmark, run, network.vertices, waves)


@pytest.mark.parametrize("top", [16, 32])
def test_mirror_modes_in_space(benchmark: Any, top: int) -> None:
    """All modes of a cube, first call: what surrounds the transform included (goals 5 and 9 s)."""
    path = DATA / "HCAS_rect_v6_pra0_tau00_25HU_3000.nnet"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    box = sg.Box([-0.5] * 3, [0.5] * 3)
    modes = np.stack(np.meshgrid(*[np.arange(top + 1)] * 3, indexing="ij"), axis=-1)
    net = sg.read_network(path).component(0)
    sg.fourier_coefficients(sg.enumerate_regions(net, sg.Box([-0.1] * 3, [0.1] * 3)), modes[:9, :9, :9])  # compiles
    cx = sg.enumerate_regions(net, box)
    seconds = clock(lambda: sg.fourier_coefficients(cx, modes))
    again = benchmark.pedantic(lambda: clock(lambda: sg.fourier_coefficients(cx, modes)), rounds=1)
    benchmark.extra_info.update(first=seconds, again=again)
    print(f"  {top + 1}^3 modes, {cx.n_cells:,} cells: first call {seconds:.2f} s, again {again:.2f} s")
