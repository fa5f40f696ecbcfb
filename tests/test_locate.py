"""Point location against exact signs: points go astray by no bit."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import network_zoo as zoo
import numpy as np
import pytest

import specgeo as sg
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.point_signs import PointSigns, inside
from specgeo.testing import random_network

E = 2.0**-52


def exact_signs(net: sg.Network, point: list[float]) -> list[int]:
    """Signs of all units at a point, in Fractions."""
    a, signs = [Fraction(v) for v in point], []
    for weight, bias, activation in zip(net.weights[:-1], net.biases[:-1], net.activations, strict=True):
        z = [
            sum((Fraction(w) * v for w, v in zip(row, a, strict=True) if w and v), Fraction(b))
            for row, b in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
        breaks = [Fraction(t) for t in activation.breakpoints.tolist()]
        slopes = [Fraction(t) for t in activation.slopes.tolist()]
        a = []
        for v in z:
            signs += [(v > t) - (v < t) for t in breaks]
            value = slopes[0] * v + Fraction(activation.intercept)
            for i, t in enumerate(breaks):
                value += (slopes[i + 1] - slopes[i]) * max(v - t, Fraction(0))
            a.append(value)
    return signs


def assert_right(cx: PolyhedralComplex, net: sg.Network, points: np.ndarray) -> None:
    """Each point lies in the closed cell it was given, and in no earlier one."""
    found = cx.locate(points)
    assert found.shape == (len(points),)
    cells = cx.sign_vectors
    for point, cell in zip(points.tolist(), found.tolist(), strict=True):
        assert cell >= 0
        signs = np.array(exact_signs(net, point), dtype=np.int8)
        fits = np.flatnonzero(np.all((signs == 0) | (signs == cells), axis=1))
        assert fits[0] == cell


def neighbours(points: np.ndarray, box: sg.Box) -> np.ndarray:
    """The points and those one bit away, inside the box."""
    around = [points]
    for axis in range(points.shape[1]):
        for to in (-np.inf, np.inf):
            moved = points.copy()
            moved[:, axis] = np.nextafter(moved[:, axis], to)
            around.append(moved)
    return np.clip(np.concatenate(around), box.lower, box.upper)


SLIVERS = sg.Network(
    [[[1 + E, -2 + 4 * E], [1 + 2 * E, 0], [2, -2 + 4 * E], [-2 + 2 * E, 0]], [[1.0, 2.0, 3.0, 4.0]]],
    [[0, 1 + 2 * E, 1 - 2 * E, 1 - E], [0.5]],
)


def concurrent(seed: int) -> sg.Network:
    """Five lines through (0.3, 0.3), up to the rounding of their biases."""
    w = np.random.default_rng(seed).normal(size=(5, 2))
    return sg.Network([w, [[1.0, -2.0, 3.0, 0.5, 1.0]]], [-w @ [0.3, 0.3], [0.0]])


@pytest.mark.parametrize("net", [SLIVERS, *(concurrent(seed) for seed in (1, 2, 3))], ids=["slivers", "1", "2", "3"])
def test_slivers_mislead_nobody(net: sg.Network) -> None:
    box = sg.Box([-1, -1], [1, 1])
    cx = sg.enumerate_regions(net, box)
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (20000, 2))
    assert np.all(cx.locate(x) >= 0)
    assert np.allclose(cx(x), net(x), rtol=0, atol=1e-13)
    assert_right(cx, net, x[:400])
    assert_right(cx, net, neighbours(cx.vertices, box))
    assert_right(cx, net, np.clip(0.3 + rng.normal(size=(200, 2)) * 1e-16, -1, 1))


def test_a_triangle_holds_what_it_holds() -> None:
    rng = np.random.default_rng(2)
    triangle = sg.Polytope([[0.3, 0.7], [-1, 0.1], [0.2, -1]], [1, 0.3, 0.2])
    net = concurrent(1)
    cx = sg.enumerate_regions(net, triangle)
    a, b = triangle.A, triangle.b
    x = rng.uniform(-2, 3, (20000, 2))
    # and points on its sides, up to rounding
    corners = triangle.vertices
    share = rng.random((3000, 1))
    side = rng.integers(0, 3, 3000)
    near = np.concatenate((x, corners[side] * share + corners[(side + 1) % 3] * (1 - share), corners))
    found = cx.locate(near)
    rows = [([Fraction(v) for v in row], Fraction(c)) for row, c in zip(a.tolist(), b.tolist(), strict=True)]
    for point, cell in zip(near.tolist(), found.tolist(), strict=True):
        inside = all(sum((w * Fraction(v) for w, v in zip(r, point, strict=True)), Fraction(0)) <= c for r, c in rows)
        assert (cell >= 0) == inside
    on_sides = found[20000:]
    assert 0 < np.count_nonzero(on_sides >= 0) < len(on_sides)
    assert_right(cx, net, near[20000:][on_sides >= 0][:300])


@pytest.mark.parametrize("name", sorted(zoo.FAILURES))
def test_degenerate_networks(name: str) -> None:
    net, _ = zoo.FAILURES[name]
    box = sg.Box(*zoo.failure_box(name))
    cx = sg.enumerate_regions(net, box)
    rng = np.random.default_rng(0)
    some = cx.vertices[rng.permutation(len(cx.vertices))[:40]]
    ends = cx.vertices[cx.faces[0].indices.reshape(-1, 2)[rng.permutation(cx.f_vector[1])[:60]]]
    assert_right(cx, net, neighbours(np.concatenate((some, ends.mean(axis=1))), box))
    grid = np.stack(np.meshgrid(*2 * [np.linspace(*(c[0] for c in zoo.failure_box(name)), 9)]), -1).reshape(-1, 2)
    assert_right(cx, net, grid)


@pytest.mark.parametrize("widths", [[1, 9, 7, 1], [2, 7, 6, 1], [3, 5, 4, 1], [4, 4, 1]])
@pytest.mark.parametrize("kind", ["he", "zero-bias", "integer", "duplicated", "pruned"])
def test_points_on_faces_of_every_dimension(widths: list[int], kind: str) -> None:
    net, d = random_network(widths, 3, kind), widths[0]
    box = sg.Box([-1.0] * d, [1.0] * d)
    cx = sg.enumerate_regions(net, box)
    corners = cx.vertices_of(d)
    rng = np.random.default_rng(1)
    points = [cx.vertices[:60], rng.integers(-8, 9, (60, d)) / 8.0, rng.uniform(-1, 1, (60, d))]
    for cell in rng.integers(0, cx.n_cells, 40):
        own = corners[cell]
        points.append(cx.vertices[own[:2]].mean(axis=0)[None])
    assert_right(cx, net, neighbours(np.concatenate(points), box)[:700])


@pytest.mark.parametrize(
    "activation", ["hard_tanh", "leaky_relu", "abs", sg.Activation([0.1, 0.3], [1.0, 0.0, 0.7], 0.1)]
)
def test_points_on_the_breakpoints_of_other_activations(activation) -> None:
    base = random_network([2, 5, 4, 1], 5, "quarter")
    net = sg.Network(base.weights, base.biases, activation)
    box = sg.Box([-2, -2], [2, 2])
    cx = sg.enumerate_regions(net, box)
    rng = np.random.default_rng(1)
    assert_right(cx, net, neighbours(np.concatenate((cx.vertices[:80], rng.integers(-16, 17, (80, 2)) / 8.0)), box))


def test_the_boundary_of_a_box_is_exact() -> None:
    net = random_network([2, 6, 1], 0)
    cx = sg.enumerate_regions(net, sg.Box([-0.7, 0.1], [1.948, 1e9]))
    x = np.array([[-0.7, 0.1], [1.948, 1e9], [np.nextafter(-0.7, -1), 1.0], [0.0, np.nextafter(1e9, 2e9)]])
    assert (cx.locate(x) >= 0).tolist() == [True, True, False, False]
    assert np.isnan(cx(x)).ravel().tolist() == [False, False, True, True]


def test_walls_hit_at_every_scale() -> None:
    """A kink at t is met exactly at t, and by its neighbours on their own sides, for t of any size."""
    for t in (0.1, 1 / 3, 1e-300, 5e-324, 2.0**52 + 1, 1e15 / 7):
        net = sg.Network([[[1.0]], [[1.0]]], [[-t], [0.0]])
        cx = sg.enumerate_regions(net, sg.Box([-1.0], [1e16]))
        x = np.array([[np.nextafter(t, -1)], [t], [np.nextafter(t, 1e300)]])
        left, at, right = cx.locate(x).tolist()
        assert left != right and at == min(left, right)
        assert cx.patterns[[left, right], 0].tolist() == [False, True]


def test_without_layers_and_with_affine_layers() -> None:
    flat = sg.enumerate_regions(sg.Network([[[2.0, 1.0]]], [[0.0]]), sg.Box([0, 0], [1, 1]))
    assert flat.locate([[0.0, 0.0], [0.5, 0.5], [1.5, 0.0]]).tolist() == [0, 0, -1]
    affine = sg.Network([[[2.0, 1.0]], [[1.0], [-1.0]], [[1.0, 1.0]]], [[0.1], [0.2, 0.3], [0.0]], ["identity", "relu"])
    box = sg.Box([-1, -1], [1, 1])
    cx = sg.enumerate_regions(affine, box)
    assert_right(cx, affine, neighbours(cx.vertices, box))


def test_bare_complexes_go_by_their_vertices() -> None:
    """Without network the vertices have to do: right away from walls."""
    net = random_network([2, 8, 6, 1], 1)
    cx = sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]))
    bare = PolyhedralComplex(cx.vertices, cx.faces, (cx.gradients, cx.offsets))
    x = np.random.default_rng(0).uniform(-1, 1, (500, 2))
    assert np.array_equal(bare.locate(x), cx.locate(x))
    assert bare.locate([[1.5, 0.0]]).tolist() == [-1]


@pytest.mark.filterwarnings("error")
def test_vertices_of_unknown_errors_and_no_points_at_all() -> None:
    """Without exact positions the errors of some vertices are infinite; none of that is the user's business."""
    base = random_network([2, 5, 3, 2], 33, "duplicated")
    net = sg.Network(base.weights, base.biases, "hard_tanh")
    triangle = sg.Polytope([[-1, 0], [0, -1], [0.7, 0.7]], [0.3, 0.3, 0.9])
    cx = sg.enumerate_regions(net, triangle, exact=False)
    assert np.isinf(cx.vertex_errors).any()
    x = np.random.default_rng(0).uniform(-0.3, 0.4, (50, 2))
    assert np.allclose(cx(x), net(x), rtol=0, atol=1e-12)
    for known in (True, False):
        cx = sg.enumerate_regions(net, triangle, exact=known)
        for shape in ((0, 2), (3, 0, 2)):
            assert cx.locate(np.zeros(shape)).shape == shape[:-1] and cx(np.zeros(shape)).shape == shape


def test_sides_of_polytopes_are_exact_where_floats_err() -> None:
    """Points within rounding of an oblique wall in 24 dimensions: the float sum has the wrong sign at many."""
    rng = np.random.default_rng(0)
    wall, bound, d = rng.uniform(0.1, 1.0, 24), 0.9, 24
    polytope = SimpleNamespace(A=np.vstack((-np.eye(d), wall)), b=np.array([0.0] * d + [bound]))
    x = rng.uniform(0.0, 0.06, (2000, d))
    x[:, -1] = (bound - x[:, :-1] @ wall[:-1]) / wall[-1]
    x = x[x[:, -1] >= 0]
    sums = [sum(Fraction(a) * Fraction(b) for a, b in zip(wall.tolist(), p, strict=True)) for p in x.tolist()]
    exact = np.array([total <= Fraction(bound) for total in sums])
    rounded = (x @ -polytope.A.T + polytope.b)[:, -1]
    assert np.count_nonzero((rounded > 0) & ~exact) > 3 and np.count_nonzero((rounded < 0) & exact) > 3
    assert np.array_equal(inside(polytope, x), exact)
    triangle = sg.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    on, beyond = [[0.5, 0.5], [0.25, 0.75], [0.0, 1.0]], [[np.nextafter(0.5, 1), 0.5], [-5e-324, 0.0]]
    assert inside(triangle, np.array(on + beyond)).tolist() == [True] * 3 + [False] * 2


def test_intercepts_of_more_digits_than_weights_are_not_cut_off() -> None:
    lifted = sg.Activation([0.0], [0.0, 1.0], 2.0**-60)
    net = sg.Network([[[1.0]], [[1.0]], [[1.0]]], [[0.0], [0.0], [0.0]], [lifted, "relu"])
    signs = PointSigns(net.layers)
    assert signs.exact(np.array([[-1.0], [1.0]])).tolist() == [[-1, 1], [1, 1]]
