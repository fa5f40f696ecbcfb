"""Edges of nearest-neighbour functions against brute-force neighbours, their transform against quadrature."""

from __future__ import annotations

import numpy as np
import pytest

import specgeo as sg
from specgeo._cast import FloatArray
from specgeo.theory import neighbour_edges

BOX = sg.Box([-1, -1], [1, 1])


def mean_label(points: FloatArray, labels: FloatArray, k: int, x: FloatArray) -> FloatArray:
    """Brute force."""
    distance = ((x[:, None] - points) ** 2).sum(axis=2)
    return np.asarray(labels[np.argsort(distance, axis=1)[:, :k]].mean(axis=1))


def samples(n: int = 30) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(3)
    return rng.uniform(-1, 1, (n, 2)), rng.integers(0, 3, n).astype(float)


@pytest.mark.parametrize("k", [1, 2, 5, 29])
def test_the_function_jumps_where_the_edges_say(k: int) -> None:
    points, labels = samples()
    edges = neighbour_edges(points, labels, BOX, k)
    middles = (edges.starts + edges.stops) / 2
    step = 1e-9 * edges.normals
    beyond, before = (mean_label(points, labels, k, middles + side * step) for side in (1, -1))
    long = edges.lengths > 1e-6  # a step beside a shorter edge may leave its two cells
    assert long.sum() > 4
    np.testing.assert_allclose((beyond - before)[long], edges.jumps[long], atol=1e-12)


@pytest.mark.parametrize("k", [1, 3])
def test_no_jump_is_missed(k: int) -> None:
    """Along random lines: the jumps of the edges that a line crosses are the change of the function."""
    points, labels = samples()
    edges = neighbour_edges(points, labels, BOX, k)
    rng = np.random.default_rng(5)
    for start, stop in zip(rng.uniform(-1, 1, (40, 2)), rng.uniform(-1, 1, (40, 2)), strict=True):
        normal = np.array([start[1] - stop[1], stop[0] - start[0]])
        ends = np.sign((edges.starts - start) @ normal) != np.sign((edges.stops - start) @ normal)
        sides = [np.einsum("ed,ed->e", edges.normals, x - edges.starts) for x in (start, stop)]
        crossed = ends & (np.sign(sides[0]) != np.sign(sides[1]))
        change = (edges.jumps * np.sign(sides[1]))[crossed].sum()
        values = mean_label(points, labels, k, np.stack((start, stop)))
        assert change == pytest.approx(values[1] - values[0], abs=1e-12)


def test_transform_against_quadrature() -> None:
    """Of the function cut to the box: the edges' part and the walls' part, the latter sampled."""
    points, labels = samples(8)
    wave = np.array([[2.0, 1.0], [-3.0, 0.5]])
    n = 1000
    line = (np.arange(n) + 0.5) * 2 / n - 1
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    whole = (mean_label(points, labels, 2, grid) * np.exp(-1j * (wave @ grid.T))).sum(axis=1) * (2 / n) ** 2
    walls = np.zeros(2, dtype=complex)
    for axis in (0, 1):
        for side in (-1.0, 1.0):
            place = np.insert(line[:, None], axis, side, axis=1)
            trace = (mean_label(points, labels, 2, place) * np.exp(-1j * (wave @ place.T))).sum(axis=1) * 2 / n
            walls += 1j * side * wave[:, axis] * trace / (wave**2).sum(axis=1)
    edges = neighbour_edges(points, labels, BOX, 2)
    np.testing.assert_allclose(edges.spectrum(wave) + walls, whole, atol=2e-3)


def test_shells_of_one_edge() -> None:
    """Two samples: |f^| = 2 |cos a| |sinc(t sin a)| / t at the angle a to the edge's normal."""
    edges = neighbour_edges([[-0.5, 0.0], [0.5, 0.0]], [0.0, 1.0], BOX)
    assert edges.tail_constant == pytest.approx(8 * np.pi)
    t = np.linspace(200, 220, 41)
    energy, amplitude = edges.shells(t)
    assert np.mean(energy * t**2) == pytest.approx(edges.tail_constant, rel=0.01)
    angle = (np.arange(20000) + 0.5) * 2 * np.pi / 20000
    modulus = np.abs(np.cos(angle) * np.sinc(t[0] * np.sin(angle) / np.pi) * 2 / t[0])
    assert amplitude[0] == pytest.approx(t[0] * modulus.mean() * 2 * np.pi, rel=5e-3)


def test_refusals() -> None:
    for points, k, word in (([[0, 0], [0, 0]], 1, "coincide"), ([[0, 0], [1, 0]], 2, "n_neighbours")):
        with pytest.raises(sg.InvalidInputError, match=word):
            neighbour_edges(points, [0.0, 1.0], BOX, k)
    with pytest.raises(sg.InvalidInputError, match="dimension 2"):
        neighbour_edges([[0, 0], [1, 0]], [0.0, 1.0], sg.Box([0], [1]))
    with pytest.raises(sg.InvalidInputError, match="zero"):
        neighbour_edges([[0, 0], [1, 0]], [0.0, 1.0], BOX).spectrum([[0.0, 0.0]])


def test_no_edges_where_all_agree() -> None:
    edges = neighbour_edges([[0, 0], [1, 0]], [1.0, 1.0], BOX)
    assert len(edges.jumps) == 0 and edges.tail_constant == 0
    assert edges.spectrum([[1.0, 2.0]])[0] == 0 and edges.shells([3.0])[0][0] == 0
