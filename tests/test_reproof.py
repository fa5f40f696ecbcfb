"""The independent re-proof: accepts right complexes, refutes damaged ones, gives exact vertices."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import network_zoo as zoo
import numpy as np
import pytest
from damaged_complexes import DAMAGE
from naive.rational import rational_complex

import specgeo as sg
from specgeo.geometry import integer_network
from specgeo.geometry.arrays import Ragged
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.stored_values import piece_bounds
from specgeo.testing import random_network


def complex_of(net: sg.Network, lower: Any = None, upper: Any = None) -> PolyhedralComplex:
    d = net.input_dim
    box = sg.Box([-1.0] * d if lower is None else lower, [1.0] * d if upper is None else upper)
    return sg.enumerate_regions(net, box)


@pytest.mark.parametrize("kind", ["he", "zero-bias", "integer", "quarter", "pruned", "duplicated"])
@pytest.mark.parametrize("widths", [[1, 8, 8, 1], [2, 8, 8, 2], [3, 5, 4, 1], [4, 5, 3, 1]])
def test_right_complexes_are_proved(widths: list[int], kind: str) -> None:
    cx = complex_of(random_network(widths, 1, kind))
    result = cx.reprove()
    assert result.proved, result.failure
    assert bool(result)
    assert result.n_vertices == len(cx.vertices)
    assert result.largest_error < 1e-13


@pytest.mark.parametrize("name", list(zoo.FAILURES))
def test_degenerate_complexes_are_proved(name: str) -> None:
    result = complex_of(zoo.FAILURES[name][0], *zoo.failure_box(name)).reprove()
    assert result.proved, result.failure


@pytest.mark.parametrize("activation", ["leaky_relu", "abs", "hard_tanh"])
def test_other_activations_are_proved(activation: str) -> None:
    net = random_network([2, 5, 4, 1], 2)
    assert complex_of(sg.Network(net.weights, net.biases, activation)).reprove()


def test_polytopes_are_proved() -> None:
    triangle = sg.Polytope([[-1, 0], [0, -1], [1, 1], [1, 1]], [0, 0, 1, 3])
    assert sg.enumerate_regions(random_network([2, 8, 5, 1], 3), triangle).reprove()


def test_networks_of_extreme_scale_are_proved() -> None:
    net = random_network([2, 4, 3, 1], 2)
    scaled = sg.Network(
        [net.weights[0] * 1e100, net.weights[1] * 1e-90, net.weights[2]], [b * 1e100 for b in net.biases]
    )
    assert complex_of(scaled).reprove()


def test_pure_python_products_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    cx = complex_of(random_network([2, 6, 5, 1], 4))
    exact = cx.exact_vertices()
    monkeypatch.setattr(integer_network, "fmpz_mat", None)
    assert cx.exact_vertices() == exact
    assert cx.reprove()


def test_loaded_complexes_are_proved(tmp_path: Path) -> None:
    cx = complex_of(random_network([2, 6, 5, 1], 4))
    cx.save(tmp_path / "cx.npz")
    assert sg.load_complex(tmp_path / "cx.npz").reprove()


@pytest.mark.parametrize(("widths", "kind"), [([1, 5, 4, 1], "he"), ([2, 5, 4, 1], "integer"), ([3, 4, 3, 1], "he")])
def test_exact_vertices_equal_the_rational_twin(widths: list[int], kind: str) -> None:
    net = random_network(widths, 2, kind)
    cx = complex_of(net)
    truth = rational_complex(net, [-1] * widths[0], [1] * widths[0])
    assert set(cx.exact_vertices()) == set(truth.vertices)
    some = cx.exact_vertices([3, 0])
    assert some == [cx.exact_vertices()[3], cx.exact_vertices()[0]]
    assert all(isinstance(value, Fraction) for point in some for value in point)


def test_exact_vertex_that_no_float_holds() -> None:
    cx = complex_of(zoo.one_layer([[3, 0], [0, 3]], [-1, -1]))
    assert (Fraction(1, 3), Fraction(1, 3)) in cx.exact_vertices()


def test_exact_vertices_refuse_what_they_cannot_do() -> None:
    cx = complex_of(random_network([2, 4, 1], 0))
    with pytest.raises(sg.InvalidInputError, match="ids"):
        cx.exact_vertices([len(cx.vertices)])
    with pytest.raises(sg.InvalidInputError, match="ids"):
        cx.exact_vertices([0.5])
    bare = PolyhedralComplex(cx.vertices, cx.faces, (cx.gradients, cx.offsets))
    with pytest.raises(sg.UnsupportedError, match="network"):
        bare.exact_vertices()
    with pytest.raises(sg.UnsupportedError, match="network"):
        bare.reprove()
    with pytest.raises(sg.UnsupportedError, match="domain"):
        replace(cx, domain=None).reprove()


# damage


@pytest.fixture(scope="module")
def sound() -> PolyhedralComplex:
    cx = complex_of(random_network([2, 6, 5, 1], 1))
    assert cx.reprove()
    return cx


def refuted(cx: PolyhedralComplex) -> str:
    result = cx.reprove()
    assert not result.proved
    assert result.failure
    return result.failure


def drop(lists: Ragged, which: int) -> Ragged:
    return lists.take(np.delete(np.arange(len(lists)), which))


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_refused_by_the_check_meant_to(name: str) -> None:
    make, message, _ = DAMAGE[name]
    assert re.search(message, refuted(make()))


NONSENSE: dict[str, tuple[str, Callable[[PolyhedralComplex], PolyhedralComplex]]] = {
    "huge vertex": ("off by", lambda cx: replace(cx, vertices=cx.vertices * 1e308)),
    "NaN vertex": ("NaN or infinite", lambda cx: replace(cx, vertices=cx.vertices * np.nan)),
    "integer vertices": ("no rows of coordinates", lambda cx: replace(cx, vertices=cx.vertices.astype(int))),
    "no faces": ("not one list for each dimension", lambda cx: replace(cx, faces=())),
    "faces that are none": ("cannot be worked with", lambda cx: replace(cx, faces=(None, None))),
    "indices out of range": (
        "names faces that do not exist",
        lambda cx: replace(cx, faces=(cx.faces[0], replace(cx.faces[1], indices=cx.faces[1].indices + 99))),
    ),
    "infinite gradient": ("NaN or infinite", lambda cx: replace(cx, pieces=(cx.gradients + np.inf, cx.offsets))),
    "pieces of another shape": (
        "affine pieces and cells differ",
        lambda cx: replace(cx, pieces=(cx.gradients[0], cx.offsets[0])),
    ),
    "signs of another shape": (
        "signs: differ from the cells",
        lambda cx: replace(cx, signs=cx.signs._replace(positive=cx.signs.positive[1:])),
    ),
    "other units": (
        "units listed",
        lambda cx: replace(cx, signs=cx.signs._replace(neurons=cx.signs.neurons[::-1].copy())),
    ),
    "infinite bias": (
        "layers do not fit",
        lambda cx: with_network(cx, biases=[b + np.inf for b in cx.layers.biases]),
    ),
    "fewer biases": (
        "weights and activations differ in number",
        lambda cx: with_network(cx, biases=cx.layers.biases[:1]),
    ),
    "words for weights": ("layers do not fit|differ in number", lambda cx: with_network(cx, weights="abc")),
    "huge weights": ("", lambda cx: with_network(cx, weights=[w * 1e300 for w in cx.layers.weights])),
    "other outputs": (
        "differs from the affine pieces in its outputs",
        lambda cx: with_network(
            cx, weights=[*cx.layers.weights[:-1], np.ones((2, 5))], biases=[*map(np.ones, (6, 5, 2))]
        ),
    ),
    "infinite errors": (
        "off by 0, more than|off by",
        lambda cx: replace(cx, vertex_errors=cx.vertex_errors + np.inf),
    ),
    "negative errors": (
        "vertex_errors: not a number",
        lambda cx: replace(cx, vertex_errors=cx.vertex_errors - 1.0),
    ),
    "walls beyond": (
        "walls that do not exist",
        lambda cx: replace(cx, facet_walls=cx.facet_walls + 99),
    ),
    "another certificate": ("cannot be worked with", lambda cx: replace(cx, certificate="trust me")),
    "domain of dimension 3": (
        "differs from the vertices in dimension",
        lambda cx: replace(cx, domain=sg.Box([-1] * 3, [1] * 3)),
    ),
    "lists of wide numbers": (
        "no lists of 2-faces",
        lambda cx: replace(cx, faces=(cx.faces[0], replace(cx.faces[1], indices=cx.faces[1].indices.astype(np.int64)))),
    ),
    "no cells": (
        "no 2-faces",
        lambda cx: replace(cx, faces=(cx.faces[0], Ragged(np.zeros(1, np.int64), np.zeros(0, np.int32)))),
    ),
    "labels of another type": (
        "labels and units differ",
        lambda cx: replace(cx, signs=cx.signs._replace(breakpoints=cx.signs.breakpoints + 0.0)),
    ),
}


def with_network(cx: PolyhedralComplex, **changed: Any) -> PolyhedralComplex:
    return replace(cx, layers=cx.layers._replace(**changed))


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_not_proved_and_raises_nothing(sound: PolyhedralComplex, name: str) -> None:
    message, change = NONSENSE[name]
    assert re.search(message, refuted(change(sound)))


def test_other_networks_need_other_affine_pieces(sound: PolyhedralComplex) -> None:
    """The output layer decides no sign: only the affine pieces show it."""
    for name in ("weights", "biases"):
        *others, last = (array.copy() for array in getattr(sound.layers, name))
        last.flat[0] += 1e-9
        assert "affine piece" in refuted(with_network(sound, **{name: [*others, last]}))


def test_without_stated_errors_coordinates_are_right_to_nine_digits(sound: PolyhedralComplex) -> None:
    bare = replace(sound, vertex_errors=None, facet_walls=None)
    assert bare.reprove()
    assert replace(bare, vertices=sound.vertices + 5e-10).reprove()
    assert "off by" in refuted(replace(bare, vertices=sound.vertices + 5e-9))


def test_affine_pieces_are_far_within_their_bounds() -> None:
    """Wide layers, other activations, cancelling weights: the largest error is between 1e-4 and 1/4 of the bound."""
    worst = 0.0
    for seed, activation in enumerate(["relu", "leaky_relu", "hard_tanh", "abs"]):
        base = random_network([2, 24, 24, 2], seed)
        net = sg.Network([w * (1 + 1e6 * (i == 1)) for i, w in enumerate(base.weights)], base.biases, activation)
        cx = sg.enumerate_regions(net, sg.Box([-0.2, -0.2], [0.2, 0.2]))
        pieces = cx.signs.neuron_pieces(net.activations)
        exact, e = integer_network.IntegerNetwork(cx.layers).affine_pieces(pieces)
        bounds = piece_bounds(cx.layers, pieces)
        stored = np.concatenate((cx.gradients, cx.offsets[:, :, None]), axis=2)
        for x, n, bound in zip(stored.flat, exact.flat, bounds.flat, strict=True):
            worst = max(worst, float(abs(Fraction(x) - Fraction(n, 1 << e)) / Fraction(bound)))
    assert 1e-4 < worst < 0.25


def test_a_missing_cell_is_noticed(sound: PolyhedralComplex) -> None:
    signs = sound.signs
    assert signs is not None
    for cell in range(sound.n_cells):
        fewer = signs._replace(
            positive=np.delete(signs.positive, cell, axis=0), negative=np.delete(signs.negative, cell, axis=0)
        )
        pieces = (np.delete(sound.gradients, cell, axis=0), np.delete(sound.offsets, cell, axis=0))
        refuted(replace(sound, faces=(*sound.faces[:-1], drop(sound.faces[-1], cell)), signs=fewer, pieces=pieces))


def test_every_wrong_sign_is_noticed(sound: PolyhedralComplex) -> None:
    signs = sound.signs
    assert signs is not None
    for cell in range(0, sound.n_cells, 7):
        for unit in range(len(signs.layers)):
            positive, negative = signs.positive.copy(), signs.negative.copy()
            positive[cell, 0] ^= np.uint64(1 << unit)
            negative[cell, 0] ^= np.uint64(1 << unit)
            refuted(replace(sound, signs=signs._replace(positive=positive, negative=negative)))


def test_a_moved_vertex_is_noticed(sound: PolyhedralComplex) -> None:
    moved = sound.vertices.copy()
    moved[-1, 0] += 1e-6
    assert "off by" in refuted(replace(sound, vertices=moved))


def test_swapped_boundaries_are_noticed(sound: PolyhedralComplex) -> None:
    cells = sound.faces[-1]
    changed = cells.indices.copy()
    changed[[0, -1]] = changed[[-1, 0]]
    refuted(replace(sound, faces=(*sound.faces[:-1], Ragged(cells.offsets, changed))))


def test_another_network_is_noticed(sound: PolyhedralComplex) -> None:
    for layer in (0, 1):
        biases = [b.copy() for b in sound.layers.biases]
        biases[layer][0] += 0.5
        refuted(replace(with_network(sound, biases=biases), vertex_errors=None, facet_walls=None))


def test_a_larger_domain_is_noticed(sound: PolyhedralComplex) -> None:
    refuted(replace(sound, domain=sg.Box([-1.5, -1.0], [1.0, 1.0])))


def test_the_complex_of_rounded_signs_is_refuted() -> None:
    """Four planes through one point: float signs alone cut slivers there."""
    net = zoo.FAILURES["e zero bias"][0]
    try:
        cx = sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]), exact=False)
    except sg.SpecgeoError:
        return
    right = sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]))
    assert cx.reprove().proved == (cx.f_vector == right.f_vector)


def test_the_complex_of_fewer_layers_is_refuted() -> None:
    net = random_network([2, 4, 4, 1], 3)
    short = complex_of(sg.Network([net.weights[0], np.ones((1, 4))], [net.biases[0], [0.0]]))
    true = complex_of(net)
    claimed = replace(short, layers=true.layers)
    assert short.f_vector != true.f_vector
    assert "units" in claimed.reprove().failure


def test_a_face_without_boundary_is_refuted() -> None:
    diamonds = sg.Network([np.eye(3), [[1.0, 1.0, 1.0]], [[1.0]]], [np.zeros(3), [-0.5], [0.0]], "abs")
    cx = complex_of(diamonds)
    facets, cells = cx.faces[1], cx.faces[2]
    phantom = len(facets.offsets) - 1
    first, second = cx.facets.cells[np.flatnonzero((cx.facets.cells >= 0).all(axis=1))[0]]
    lists = [items.tolist() for items in cells]
    for cell in (first, second):
        lists[cell].append(phantom)
    damaged = replace(
        cx,
        faces=(
            cx.faces[0],
            Ragged(np.append(facets.offsets, facets.offsets[-1]), facets.indices),
            Ragged.of(lists),
        ),
        facet_walls=None,
    )
    assert "boundary" in damaged.reprove().failure


def test_exact_vertices_of_polytopes_whose_rows_agree_up_to_rounding() -> None:
    rows, bounds = [[1.2667246736191144], [-1.0], [3.8001740208573436]], [0.814346709972229, 1.0, 2.443040129916687]
    polytope = sg.Polytope(rows, bounds)
    cx = sg.enumerate_regions(sg.Network([[[1.0]], [[1.0]]], [[0.25], [0.0]]), polytope)
    points = sorted(p[0] for p in cx.exact_vertices())
    walls = [Fraction(b) / Fraction(a[0]) for a, b in zip(rows, bounds, strict=True)]
    assert points == [walls[1], Fraction(-1, 4), min(walls[0], walls[2])]
    assert cx.reprove()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_polytopes_with_nearly_redundant_rows_are_proved(dim: int) -> None:
    rng = np.random.default_rng(dim)
    for seed in range(6):
        a = rng.normal(size=(2 * dim + 3, dim))
        a = np.vstack([a, -a.sum(axis=0), a[:3] * 3.0, np.eye(dim), -np.eye(dim)])
        b = np.abs(rng.normal(size=len(a))) + 0.2
        b[2 * dim + 4 : 2 * dim + 7] = b[:3] * 3.0 * (1.0 + 2e-16)
        cx = sg.enumerate_regions(random_network([dim, 4, 3, 1], seed), sg.Polytope(a, b))
        result = cx.reprove()
        assert result.proved, (seed, result.failure)
