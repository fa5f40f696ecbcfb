"""Maxima over groups of pre-activations: max-pooling, maxout, envelopes of affine functions."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from naive.compare import assert_same_complex
from naive.rational import n_linear_regions, rational_complex

import specgeo as sg
from specgeo import check as program
from specgeo._running_error import values_with_error
from specgeo._tournament import lowered
from specgeo.enumeration import groups
from specgeo.geometry.point_signs import PointSigns
from specgeo.paths.segments import trace_segment
from specgeo.testing import assert_complex_valid
from specgeo.theory.differences import difference

PLANE = sg.Box([-1, -1], [1, 1])
GRID = [-1.0, -0.5, 0.0, 0.5, 1.0]


def envelope(rows: Any, constants: Any) -> sg.Network:
    """max over i of rows[i] x + constants[i]."""
    return sg.Network([rows, [[1.0]]], [constants, [0.0]], [sg.MaxGroups([range(len(constants))])])


def tangents(slopes: list[float]) -> sg.Network:
    """The largest tangent of x^2 + y^2 with a gradient on a grid."""
    rows = np.array(list(product(slopes, repeat=2)))
    return envelope(rows, -(rows**2).sum(axis=1) / 4)


def norm(d: int) -> sg.Network:
    return envelope(np.vstack((np.eye(d), -np.eye(d))), np.zeros(2 * d))


CASES = {
    "max(x, -x, y, -y)": (norm(2), (5, 8, 4)),
    "max(0, x, y)": (envelope([[0, 0], [1, 0], [0, 1]], [0, 0, 0]), (7, 9, 3)),
    "one that never wins": (envelope([[1, 0], [0, 1], [0.5, 0.5]], [0, 0, 0]), (4, 5, 2)),
    "twins": (envelope([[1, 0], [1, 0], [-1, 0]], [0, 0, 0]), (6, 7, 2)),
    "three that meet in a line": (envelope([[0, 0], [1, 0], [2, 0]], [0, 0, 0]), (6, 7, 2)),
    "four that meet in two points": (
        envelope([[0, 0], [1, 0], [0, 1], [1, 1]], [0, -0.5, -0.5, -0.75]),
        (10, 13, 4),
    ),
    "constant losers": (envelope([[1, 0], [0, 0], [0, 0]], [0, -5, -6]), (4, 4, 1)),
    "tangents 3 x 3": (tangents(GRID[::2]), (16, 24, 9)),
    "tangents 5 x 5": (tangents(GRID), (36, 60, 25)),
    "in space": (norm(3), (9, 20, 18, 6)),
    "in four dimensions": (norm(4), (17, 48, 56, 32, 8)),
    "on a line": (envelope([[1], [-1], [0]], [0, 0, 0.5]), (4, 3)),
}


@pytest.mark.parametrize("name", CASES)
def test_envelopes_with_known_counts(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net, counts = CASES[name]
    d = net.input_dim
    cx = sg.enumerate_regions(net, sg.Box([-1] * d, [1] * d))
    assert cx.f_vector == counts and cx.n_linear_regions == counts[-1]
    assert_complex_valid(cx, net)
    if len(net.biases[0]) < 10 and d < 4:
        assert_same_complex(cx, rational_complex(net, [-1.0] * d, [1.0] * d))
    cx.save(tmp_path / "cx.npz")
    assert cx.reprove().proved and program.main([str(tmp_path / "cx.npz")]) == 0, capsys.readouterr().out
    assert np.array_equal(net.activation_pattern(cx.centroids), cx.patterns)


@pytest.mark.parametrize("seed", range(30))
def test_random_envelopes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d, m = int(rng.integers(1, 4)), int(rng.integers(2, 8))
    net = envelope(rng.integers(-8, 9, (m, d)) / 4, rng.integers(-8, 9, m) / 8)
    cx, truth = sg.enumerate_regions(net, sg.Box([-1] * d, [1] * d)), rational_complex(net, [-1.0] * d, [1.0] * d)
    assert_same_complex(cx, truth)
    assert cx.n_linear_regions == n_linear_regions(truth) and cx.reprove().proved


def deep(seed: int, d: int = 2) -> sg.Network:
    """Maxima over groups that share members, ReLUs and pass-through units, maxima again; weights in quarters."""
    rng = np.random.default_rng(seed)
    kinds = [sg.MaxGroups([[0, 1, 2], [2, 3], [4]]), [["relu", "identity", "hard_tanh"][k] for k in (0, 1, 2, 0)],
             sg.MaxGroups([[0, 1, 2, 3], [3]])]  # fmt: skip
    shapes = [(5, d), (4, 3), (4, 4), (1, 2)]
    weights = [rng.integers(-4, 5, shape) / 4 for shape in shapes]
    return sg.Network(weights, [rng.integers(-4, 5, n) / 4 * (rng.random() < 0.8) for n, _ in shapes], kinds)


@pytest.mark.parametrize("seed", range(20))
def test_networks_with_maxima_are_those_of_the_rational_twin(seed: int) -> None:
    d = 1 + seed % 3
    net = deep(seed, d)
    cx = sg.enumerate_regions(net, sg.Box([-1] * d, [1] * d))
    assert_same_complex(cx, rational_complex(net, [-1.0] * d, [1.0] * d))
    assert_complex_valid(cx, net)
    assert cx.reprove().proved


@pytest.mark.parametrize("seed", range(4))
def test_pooling_against_its_comparisons(seed: int) -> None:
    """Comparisons as layers cut more; the function and its linear regions are the same."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(8, 2)), rng.normal(size=(6, 4))
    biases = [rng.normal(size=8), rng.normal(size=6), np.zeros(1)]
    last, pairs = rng.normal(size=(1, 6)), [[0, 1], [2, 3], [4, 5], [6, 7]]
    pooled = sg.Network([first, second, last], biases, [sg.MaxGroups(pairs), "relu"])
    plain = lowered(pooled.layers)
    other = sg.Network(plain.weights, plain.biases, plain.activations)
    cx, more = (sg.enumerate_regions(net, PLANE) for net in (pooled, other))
    x = rng.uniform(-1, 1, (200, 2))
    np.testing.assert_allclose(cx(x), more(x), atol=1e-13)
    z = x @ first.T + biases[0]
    expected = np.maximum(z.reshape(-1, 4, 2).max(axis=2) @ second.T + biases[1], 0) @ last.T
    np.testing.assert_allclose(pooled(x), expected, atol=1e-13)
    assert cx.n_linear_regions == more.n_linear_regions and cx.n_cells <= more.n_cells
    assert abs(cx.volumes.sum() - 4.0) < 1e-12
    step = 2.0**-24
    slopes = np.stack([(pooled(x + step * e) - pooled(x - step * e)) / (2 * step) for e in np.eye(2)], axis=-1)
    same = (pooled.activation_pattern(x + step) == pooled.activation_pattern(x - step)).all(axis=1)
    np.testing.assert_allclose(pooled.gradient(x)[same], slopes[same], atol=1e-6)


def test_files_and_damage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = deep(3)
    net.save(tmp_path / "net.npz")
    back, x = sg.read_network(tmp_path / "net.npz"), np.random.default_rng(0).normal(size=(50, 2))
    assert np.array_equal(back(x), net(x)) and repr(back) == repr(net)
    cx = sg.enumerate_regions(net, PLANE)
    cx.save(tmp_path / "cx.npz")
    loaded = sg.load_complex(tmp_path / "cx.npz")
    assert loaded.layers is not None and np.array_equal(sg.Network(*loaded.layers)(x), net(x))
    assert loaded.reprove().proved and program.main([str(tmp_path / "cx.npz")]) == 0
    with np.load(tmp_path / "cx.npz") as file:
        arrays = dict(file)
    words = arrays["signs_positive"].copy(), arrays["signs_negative"].copy()
    words[0][0], words[1][0] = words[0][0] & ~np.uint64(7), words[1][0] | np.uint64(7)  # nobody wins the first group
    damage: dict[str, dict[str, Any]] = {
        "other members": {"members_0": arrays["members_0"][::-1]},
        "members that are not there": {"members_0": arrays["members_0"] + 1},
        "other sizes": {"sizes_0": arrays["sizes_0"][::-1]},
        "a group of none": {"sizes_0": np.array([3, 2, 1, 0])},
        "no winner": {"signs_positive": words[0], "signs_negative": words[1]},
        "another weight": {"weight_0": arrays["weight_0"] * np.array([1.0, 1.5])},
    }
    for name, changed in damage.items():
        np.savez(tmp_path / "bad.npz", **{**arrays, **changed})
        assert program.main([str(tmp_path / "bad.npz")]) != 0, name
        try:
            assert not sg.load_complex(tmp_path / "bad.npz").reprove().proved, name
        except sg.ReadError:
            pass
    capsys.readouterr()


def test_the_first_of_equal_members_wins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file in which the second twin wins is not proved: the same cell could be listed twice."""
    cx = sg.enumerate_regions(CASES["twins"][0], PLANE)
    assert sorted(map(tuple, cx.sign_vectors.tolist())) == [(-1, -1, 1), (1, 0, -1)]
    signs = cx.signs
    assert signs is not None
    for first, second in ((0, 1), (-1, 1), (1, 1), (1, -1)):
        rows = [(first, second, -1) if row[0] == 1 else row for row in cx.sign_vectors.tolist()]
        words = [[[sum(1 << u for u, s in enumerate(row) if s == sign)] for row in rows] for sign in (1, -1)]
        positive, negative = np.array(words, dtype=np.uint64)
        other = replace(cx, signs=signs._replace(positive=positive, negative=negative))
        other.save(tmp_path / "other.npz")
        assert not other.reprove().proved and program.main([str(tmp_path / "other.npz")]) == 1
    capsys.readouterr()


def test_bounds_hold() -> None:
    net, x = deep(7), np.random.default_rng(1).uniform(-1, 1, (60, 2))
    values, error = values_with_error(net, x)
    truth = sg.enumerate_regions(net, PLANE)
    assert np.all(np.abs(values - truth(x)) <= error + 1e-13)
    points = PointSigns(net.layers)
    signs, (above, below) = points.exact(x), points.decided(x)
    assert np.all(signs[above] == 1) and np.all(signs[below] == -1) and (above | below).mean() > 0.9
    np.testing.assert_array_equal(truth.locate(x) >= 0, True)
    trace = trace_segment(net, x[0], x[1])
    on = x[0] + trace.parameters[:, None] * (x[1] - x[0])
    assert np.all(np.abs(trace.values - net(on)) <= trace.error + 1e-12)


def test_what_is_made_of_it() -> None:
    net = deep(9)
    cx, x = sg.enumerate_regions(net, PLANE), np.random.default_rng(0).uniform(-1, 1, (50, 2))
    np.testing.assert_allclose(difference(net, net)(x), 0.0, atol=1e-12)
    assert all(check.holds for check in sg.theory.counting.region_table(net, cx).checks)
    assert np.linalg.norm(net.gradient(x), axis=2).max() <= sg.theory.curves.lipschitz_bound(net)
    level = float(np.median(net(x)))
    direct, through = sg.level_set(net, PLANE, level), cx.level_set(level)
    assert abs(direct.measures.sum() - through.measures.sum()) < 1e-9
    assert sg.theory.region_counts(cx).r4 == cx.n_linear_regions
    sums = sg.reduce_regions(net, PLANE, {"n": sg.streaming.FVector()})
    assert tuple(sums["n"]) == cx.f_vector


def test_on_the_whole_plane(tmp_path: Path) -> None:
    """Four cones around the origin; a residual block beside."""
    cx = sg.enumerate_regions(norm(2), sg.WholeSpace(2))
    assert cx.f_vector == (1, 4, 4) and cx.reprove().proved
    cx.save(tmp_path / "cx.npz")
    again = type(cx).load(tmp_path / "cx.npz")
    assert again.f_vector == cx.f_vector and again.reprove().proved
    skip = sg.Network([[[1.0], [-2.0]], [[1.0, 1.0]]], [[0.0, 1.0], [0.0]], [["identity", "relu"]])
    line = sg.enumerate_regions(skip, sg.WholeSpace(1))
    assert line.f_vector == (1, 2) and np.array_equal(line.vertices, [[0.5]]) and line.reprove().proved
    clip = sg.Network([[[1.0], [-2.0]], [[1.0, 1.0]]], [[0.0, 1.0], [0.0]], [["identity", "hard_tanh"]])
    assert sg.enumerate_regions(clip, sg.WholeSpace(1)).f_vector == (2, 3)


def test_glued_from_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of cells are taken from behind the last maxima: they put nothing together."""
    rng = np.random.default_rng(5)
    kinds = [sg.MaxGroups([[0, 1, 2], [3, 4], [5], [6, 7]]), "relu", "relu"]
    shapes = [(8, 2), (10, 4), (8, 10), (1, 8)]
    net = sg.Network([rng.normal(size=s) for s in shapes], [rng.normal(size=s[0]) for s in shapes], kinds)
    whole = sg.enumerate_regions(net, PLANE)
    monkeypatch.setattr(groups, "GLUED_FACES", 20)
    monkeypatch.setattr(groups, "MOST_CELLS", 8)
    parts = sg.enumerate_regions(net, PLANE)
    assert parts.f_vector == whole.f_vector and parts.reprove().proved
    assert np.array_equal(np.unique(parts.patterns, axis=0), np.unique(whole.patterns, axis=0))


@pytest.mark.parametrize("wrong", [[], [[]], [[0, 0]], [[-1]], [[0.5]], 3, [[True]]])
def test_groups_that_are_none(wrong: Any) -> None:
    with pytest.raises(sg.InvalidInputError, match="groups"):
        sg.MaxGroups(wrong)


def test_groups_and_weights_that_do_not_fit() -> None:
    with pytest.raises(sg.InvalidInputError, match="activation.0.*there are 2"):
        sg.Network([np.eye(2), [[1.0]]], [[0.0, 0.0], [0.0]], [sg.MaxGroups([[0, 2]])])
    with pytest.raises(sg.InvalidInputError, match="weights.1"):
        sg.Network([np.eye(2), [[1.0, 1.0]]], [[0.0, 0.0], [0.0]], [sg.MaxGroups([[0, 1]])])
