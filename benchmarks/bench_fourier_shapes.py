"""Speed of shape transforms on one core, each beside its yardsticks in the same process.

    pytest benchmarks/bench_fourier_shapes.py --benchmark-columns=median,rounds

``extra_info`` holds the figures: ns per (vertex, k) or evaluations per second; ``ratio_numpy``, the time over that
of numpy's complex exponentials of the same (vertex, k) pairs, in turns (the median of the ratios). Beside coxeter and
finufft, with accuracies: ``specgeo benchmark --set transforms``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import specgeo as sg
from specgeo.benchmark import named_shapes
from specgeo.fourier import divided_difference

ROUNDS = 9
SHAPES = named_shapes()


def directions(n: int, d: int, length: float) -> np.ndarray:
    """n random wavevectors of one length."""
    k = np.random.default_rng(1).normal(size=(n, d))
    return k * (length / np.linalg.norm(k, axis=1))[:, None]


def clock(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def ratio(ours: Callable[[], Any], other: Callable[[], Any]) -> float:
    """Median of the ratios of times taken in turns."""
    ours(), other()
    return float(np.median([clock(ours) / clock(other) for _ in range(ROUNDS)]))


def compare(benchmark: Any, points: np.ndarray, k: np.ndarray) -> None:
    def ours() -> np.ndarray:
        return sg.polytope_transform(points, k)

    ours()
    benchmark.pedantic(ours, rounds=ROUNDS, iterations=1)
    phases = k @ points.T
    info = benchmark.extra_info
    info["ns_per_vertex_and_k"] = round(benchmark.stats.stats.median / phases.size * 1e9, 2)
    info["ratio_numpy"] = round(ratio(ours, lambda: np.exp(-1j * phases)), 3)


@pytest.mark.parametrize("name", [name for name, points in SHAPES.items() if points.shape[1] == 2])
def test_polygon(benchmark: Any, name: str) -> None:
    compare(benchmark, SHAPES[name], directions(20_000, 2, 8.0))


@pytest.mark.parametrize("name", [name for name, points in SHAPES.items() if points.shape[1] == 3])
def test_polyhedron(benchmark: Any, name: str) -> None:
    compare(benchmark, SHAPES[name], directions(5_000, 3, 8.0))


@pytest.mark.parametrize("affine", [False, True], ids=["constant", "affine"])
@pytest.mark.parametrize("length", [0.1, 10.0, 300.0])
@pytest.mark.parametrize("j", [1, 2, 3])
def test_simplices(benchmark: Any, j: int, length: float, affine: bool) -> None:
    g = np.random.default_rng(2)
    d, n_s = max(j, 2), 150
    points, k = g.normal(size=(60, d)), directions(2048, d, length)
    corners = points[np.array([g.permutation(60)[: j + 1] for _ in range(n_s)])]
    values = g.normal(size=(n_s, j + 1, 1)) if affine else None
    sg.simplex_transform(corners, k, values)
    benchmark.pedantic(sg.simplex_transform, args=(corners, k, values), rounds=ROUNDS, iterations=1)
    seconds = benchmark.stats.stats.median / (n_s * len(k))
    benchmark.extra_info.update(ns_per_simplex_and_k=round(seconds * 1e9, 2), per_second=f"{1 / seconds:.2e}")


@pytest.mark.parametrize("nodes", [5, 7, 9])
@pytest.mark.parametrize("spread", [0.3, 3.0, 10.0, 300.0])
def test_divided_difference(benchmark: Any, nodes: int, spread: float) -> None:
    """Scalar recursion, exponentials of the nodes included."""
    phases = np.random.default_rng(3).uniform(0, spread, size=(20_000, nodes))
    result = divided_difference(phases)
    benchmark.pedantic(divided_difference, args=(phases,), rounds=ROUNDS, iterations=1)
    benchmark.extra_info["ns"] = round(benchmark.stats.stats.median / len(phases) * 1e9, 1)
    assert np.all(np.isfinite(result))
