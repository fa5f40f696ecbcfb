"""The complex on all of R^d: closed forms, finite boxes that hold all vertices, rational arithmetic, translations."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from naive.rational import rational_complex
from network_zoo import diamonds, differences, one_layer, tent

import specgeo as sg
from specgeo.geometry.homogeneous import homogenised
from specgeo.testing import random_network


def whole(net: sg.Network, **options: Any) -> sg.WholeSpaceComplex:
    cx = sg.enumerate_regions(net, sg.WholeSpace(net.input_dim), **options)
    assert cx.euler_characteristic == (-1) ** cx.dim
    assert cx.certificate.certified
    return cx


def faces_inside(cx: sg.PolyhedralComplex) -> tuple[int, ...]:
    """Number of faces of each dimension that lie in no wall of the domain."""
    from specgeo.geometry.topology import closure

    walls = closure(cx, cx.facet_walls >= 0, cx.dim - 1)
    return tuple(int(np.count_nonzero(~each)) for each in walls)


def agrees_with_a_box(net: sg.Network, cx: sg.WholeSpaceComplex) -> None:
    """Every face has a point that stands for it; a box with all of these meets every face in its interior."""
    inside = cx.on(cx.bounding_box())
    assert faces_inside(inside) == cx.f_vector
    assert {tuple(row) for row in inside.sign_vectors.tolist()} == {tuple(row) for row in cx.sign_vectors.tolist()}


@pytest.mark.parametrize(("widths", "n"), [([2, 16, 16, 1], 450), ([2, 32, 32, 1], 2034), ([3, 16, 16, 1], 4297)])
def test_published_counts(widths: list[int], n: int) -> None:
    net = random_network(widths, 0)
    cx = whole(net)
    assert cx.n_cells == n
    agrees_with_a_box(net, cx)


@pytest.mark.parametrize(("n", "d"), [(1, 1), (4, 1), (3, 2), (7, 2), (4, 3), (6, 3), (5, 4)])
def test_general_position(n: int, d: int) -> None:
    """Zaslavsky and Buck: faces, bounded faces, and the central arrangement at infinity."""
    rng = np.random.default_rng(n + 10 * d)
    cx = whole(one_layer(rng.normal(size=(n, d)), rng.normal(size=n)))
    assert cx.f_vector == tuple(comb(n, d - k) * sum(comb(n - d + k, i) for i in range(k + 1)) for k in range(d + 1))
    assert cx.bounded_f_vector == tuple(comb(n, d - k) * (comb(n - d + k - 1, k) if k else 1) for k in range(d + 1))
    assert cx.n_cells == sg.theory.counting.zaslavsky(n, d)
    assert cx.is_bounded().sum() == sg.theory.counting.zaslavsky_bounded(n, d)
    spheres = [comb(n, d - j) * 2 * sum(comb(n - d + j - 1, i) for i in range(j)) for j in range(1, d + 1)]
    assert cx.f_vector_at_infinity == tuple(spheres)
    assert np.array_equal(np.isinf(cx.volumes), ~cx.is_bounded())


@pytest.mark.parametrize(
    ("net", "f", "bounded", "lineality"),
    [
        (one_layer([[1, 2]] * 3, [0, 1, 5]), (0, 3, 4), (0, 0, 0), 1),  # parallel
        (one_layer([[1, 0], [1, 0], [2, 0], [-1, 0]], [0, 0, 0, 0]), (0, 1, 2), (0, 0, 0), 1),  # one line, four times
        (one_layer([[1, 0], [0, 1], [1, 1], [1, -1]], [0, 0, 0, 0]), (1, 8, 8), (1, 0, 0), 0),  # concurrent
        (one_layer([[1, 0], [1, 0], [0, 1], [0, 1]], [0, 1, 0, 1]), (4, 12, 9), (4, 4, 1), 0),  # two by two
        (one_layer([[1, 0], [0, 1], [1, 1], [2, 2]], [0, 0, -1, -2]), (3, 9, 7), (3, 3, 1), 0),  # duplicated
        (one_layer([[0, 0], [0, 0]], [1, -1]), (0, 0, 1), (0, 0, 0), 2),  # nothing bends
        (one_layer([[1, 0, 0], [0, 1, 0]], [0, 0]), (0, 1, 4, 4), (0, 0, 0, 0), 1),
        (one_layer([[1, 1, 0], [2, 2, 0]], [0, 1]), (0, 0, 2, 3), (0, 0, 0, 0), 2),
        (sg.Network([[[1.0, 2.0]]], [[3.0]]), (0, 0, 1), (0, 0, 0), 2),  # no hidden layer
        (tent(2), (5, 12, 8), (5, 8, 4), 0),
        (diamonds([0.5, 1.0]), (9, 20, 12), (9, 16, 8), 0),
    ],
)
def test_degenerate(net: sg.Network, f: tuple[int, ...], bounded: tuple[int, ...], lineality: int) -> None:
    cx = whole(net)
    assert (cx.f_vector, cx.bounded_f_vector, cx.lineality_dim) == (f, bounded, lineality)
    agrees_with_a_box(net, cx)
    assert cx.lineality.shape == (lineality, cx.dim)
    np.testing.assert_allclose(cx.rays @ cx.lineality.T, 0.0, atol=1e-12)
    np.testing.assert_allclose(cx.points @ cx.lineality.T, 0.0, atol=1e-12)
    assert np.array_equal(cx.locate(cx.interior_points), np.arange(cx.n_cells))
    assert cx.reprove().proved


def test_coxeter_complexes_and_resonance_arrangements() -> None:
    """Central arrangements: all faces but the origin are cones of directions, and known numbers of them."""
    for n, at_infinity in ((3, (26, 72, 48)), (4, (80, 464, 768, 384))):  # Weyl groups B3, B4
        pairs = [sign * np.eye(n)[j] + np.eye(n)[i] for i, j in combinations(range(n), 2) for sign in (1, -1)]
        cx = whole(one_layer([*np.eye(n), *pairs], [0] * n * n))
        assert cx.f_vector_at_infinity == at_infinity and cx.f_vector == (1, *at_infinity)
    for n, regions in ((2, 6), (3, 32), (4, 370)):
        normals = np.array(list(product([0, 1], repeat=n))[1:])
        assert whole(one_layer(normals, [0] * len(normals))).n_cells == regions


def test_braid_arrangement_has_its_line() -> None:
    cx = whole(differences(4, [0]))
    assert (cx.n_cells, cx.lineality_dim, cx.f_vector_at_infinity) == (24, 1, (0, 14, 36, 24))
    np.testing.assert_allclose(np.abs(cx.lineality), 0.5, atol=1e-12)


BENT = sg.Activation([-0.5, 0.25, 3.0], [0.5, 2.0, 0.1, -1.0], intercept=0.3)


@pytest.mark.parametrize(
    ("widths", "kind", "activation"),
    [
        *product(
            [[1, 4, 3, 2], [2, 4, 3, 1], [3, 3, 2, 1]],
            ["integer", "quarter", "zero-bias"],
            ["relu", "leaky_relu", "abs", "hard_tanh", "identity"],
        ),
        *product([[1, 4, 3, 2], [2, 4, 3, 1]], ["integer", "quarter"], [BENT]),  # those in space are slow in rationals
    ],
)
def test_small_networks_in_rationals(widths: list[int], kind: str, activation: str | sg.Activation) -> None:
    """Faces in the interior of a large box, found one by one in rational arithmetic."""
    net = random_network(widths, 5, kind, activation=activation)
    cx = whole(net)
    box = cx.bounding_box()
    truth = rational_complex(net, box.lower, box.upper)
    walls = [Fraction(float(v)) for v in (*box.lower, *box.upper)]
    d = cx.dim

    def inner(face: frozenset[int]) -> bool:
        points = [truth.vertices[i] for i in face]
        return not any(all(p[w % d] == at for p in points) for w, at in enumerate(walls))

    assert cx.f_vector == tuple(sum(map(inner, faces)) for faces in truth.faces)
    assert {tuple(row) for row in cx.sign_vectors.tolist()} == truth.sign_vectors
    maps = {signs: maps for _, signs, maps in truth.cells}
    for row, gradient, offset in zip(cx.sign_vectors.tolist(), cx.gradients, cx.offsets, strict=True):
        exact = np.array([[float(a) for a in each] for each in maps[tuple(row)]])
        np.testing.assert_allclose(np.column_stack((gradient, offset)), exact, atol=1e-11 * (1 + np.abs(exact).max()))
    if cx.lineality_dim == 0:
        inside = {p for p in truth.vertices if not any(p[w % d] == at for w, at in enumerate(walls))}
        assert set(cx.exact_vertices()) == inside
        assert cx.reprove().proved


@pytest.mark.parametrize("name", ["hard_tanh", "leaky_relu", "abs", "identity", "bent", "line"])
def test_the_homogenised_network_is_homogeneous(name: str) -> None:
    kinds = {"bent": sg.Activation([-0.5, 0.25], [0.5, 2.0, -1.0], 0.3), "line": sg.Activation([], [3.0], 2.0)}
    net = random_network([3, 5, 4, 2], 1, activation=kinds.get(name, name))
    deep, x = sg.Network(*homogenised(net.layers)), np.random.default_rng(0).normal(size=(50, 3))
    for x0 in (1.0, 0.25, 3.0):
        y = deep(np.column_stack((np.full(50, x0), x)))
        np.testing.assert_allclose(y, x0 * net(x / x0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("factor", [2.0**-60, 1.0, 2.0**40])
def test_far_and_near(factor: float) -> None:
    """x -> f(factor (x - shift)) has the same complex, which no fixed box would show."""
    net = random_network([2, 6, 5, 1], 3, "quarter")
    near = whole(net)
    far = whole(net.precompose(np.eye(2) / factor, [-1024.0, 4096.0]))
    assert far.f_vector == near.f_vector and far.bounded_f_vector == near.bounded_f_vector
    key = np.lexsort(near.sign_vectors.T), np.lexsort(far.sign_vectors.T)
    assert np.array_equal(near.sign_vectors[key[0]], far.sign_vectors[key[1]])
    exact = sorted(far.exact_vertices())
    shifted = [((p[0] + 1024) * Fraction(factor), (p[1] - 4096) * Fraction(factor)) for p in near.exact_vertices()]
    assert exact == sorted(shifted)


def test_faces_are_spanned_by_points_and_rays() -> None:
    net = random_network([3, 6, 5, 2], 2)
    cx = whole(net)
    rng = np.random.default_rng(0)
    for cell in range(cx.n_cells):
        corners, rays = cx.vertices[cx.vertices_of(3)[cell]], cx.rays[cx.rays_of(3)[cell]]
        weights = rng.dirichlet(np.ones(len(corners)), 3)
        x = weights @ corners + 100.0 * rng.random((3, len(rays))) @ rays
        assert np.all(cx.locate(x) == cell)
        assert bool(len(rays)) != cx.is_bounded()[cell]
    exact = np.array([[float(c) for c in p] for p in cx.exact_vertices()])
    assert np.all(np.abs(cx.vertices - exact) <= cx.vertex_errors[:, None])
    assert np.all(cx.boundary(3).sum(axis=0) == 2)  # no facet has one cell
    assert np.array_equal(cx.boundary(3).T.nonzero()[1].reshape(-1, 2), cx.facet_cells)
    assert np.all((cx.boundary(2) @ cx.boundary(1)).data == 2)  # edges of a polygon meet in vertices
    edges = np.diff(cx.vertices_of(1).offsets), np.diff(cx.rays_of(1).offsets)
    assert np.all(edges[0] + edges[1] == 2)


def test_values_and_location() -> None:
    net = random_network([2, 8, 6, 3], 4, activation="hard_tanh")
    cx = whole(net)
    x = np.random.default_rng(0).normal(size=(5, 40, 2)) * 10.0 ** np.arange(-3, 2)[:, None, None]
    np.testing.assert_allclose(cx(x), net(x), atol=1e-11)
    box = cx.on(sg.Box([-3, -3], [3, 3]))
    inside = x[np.all(np.abs(x) <= 3, axis=-1)]
    assert np.array_equal(cx.sign_vectors[cx.locate(inside)], box.sign_vectors[box.locate(inside)])
    far = np.array([[1e300, -1e300], [1e308, 5e-324], [-1e200, 1e-200]])
    signs = cx.sign_vectors[cx.locate(far)]
    for point, row in zip(far.tolist(), signs, strict=True):
        z = [sum(Fraction(w) * Fraction(c) for w, c in zip(r, point, strict=True)) for r in net.weights[0].tolist()]
        z = [v + Fraction(b) for v, b in zip(z, net.biases[0].tolist(), strict=True)]
        assert [(v > t) - (v < t) for v in z for t in (-1, 1)] == row[:16].tolist()


def test_a_point_that_no_power_of_two_scales() -> None:
    """Of (1e300, -1e-300) the second coordinate decides, and underflows where the first is below one."""
    cx = whole(one_layer(np.eye(2), [0, 0]))
    assert cx.sign_vectors[cx.locate([[1e300, -1e-300], [1e300, 1e-300]])].tolist() == [[1, -1], [1, 1]]


def test_measures_and_neighbours() -> None:
    cx = whole(random_network([2, 10, 6, 1], 1))
    box = cx.on(cx.bounding_box())
    own = sorted(cx.volumes[cx.is_bounded()])
    walls = np.zeros(box.n_cells, bool)
    walls[box.facet_cells[box.facet_walls >= 0, 0]] = True
    np.testing.assert_allclose(own, sorted(box.volumes[~walls]), rtol=1e-9)
    assert cx.face_measures(0).tolist() == [1.0] * cx.f_vector[0]
    lengths = cx.face_measures(1)
    assert np.array_equal(np.isinf(lengths), ~cx.is_bounded(1))
    jump = cx.gradients[cx.facet_cells[:, 1], 0] - cx.gradients[cx.facet_cells[:, 0], 0]
    across = jump[:, 0] * cx.facet_normals[:, 1] - jump[:, 1] * cx.facet_normals[:, 0]
    np.testing.assert_allclose(across, 0.0, atol=1e-9)
    side = np.einsum("ij,ij->i", cx.interior_points[cx.facet_cells[:, 1]] - cx.interior_points[cx.facet_cells[:, 0]],
                     cx.facet_normals)
    assert np.all(side > 0)
    graph = cx.dual_graph()
    assert graph.nnz == 2 * cx.f_vector[1] and np.all((graph != graph.T).data == 0)
    assert cx[3].neighbours.tolist() == sorted(graph.indices[graph.indptr[3] : graph.indptr[4]].tolist())


def test_linear_regions_and_bounds() -> None:
    net = tent(2)
    cx = whole(net)
    assert (cx.n_cells, cx.n_linear_regions) == (8, 5)  # outside is one
    table = sg.theory.counting.region_table(net, cx)
    assert (table.activation_regions, table.linear_regions, table.distinct_maps) == (8, 5, 5)
    for n, d in combinations(range(1, 6), 2):
        net = random_network([n, d, 4, 1], 0)
        table = sg.theory.counting.region_table(net, whole(net))
        assert table.checks and all(check.holds for check in table.checks)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_files(tmp_path: Path, suffix: str) -> None:
    if suffix == ".h5":
        pytest.importorskip("h5py")
    net = random_network([2, 5, 4, 1], 0, activation="hard_tanh")
    cx, path = whole(net), tmp_path / f"space{suffix}"
    cx.save(path)
    back = sg.WholeSpaceComplex.load(path)
    assert back.f_vector == cx.f_vector and back.reprove().proved
    assert np.array_equal(back.vertices, cx.vertices) and np.array_equal(back.gradients, cx.gradients)
    assert np.array_equal(back.sign_vectors, cx.sign_vectors)
    cx.save(tmp_path / "space.npz")
    sg.check.prove(sg.check.Complex(str(tmp_path / "space.npz")))
    with pytest.raises(sg.ReadError, match=r"WholeSpaceComplex\.load"):
        sg.load_complex(path)
    other = tmp_path / "box.npz"
    cx.on(sg.Box([-1, -1], [1, 1])).save(other)
    with pytest.raises(sg.ReadError, match="bounded domain"):
        sg.WholeSpaceComplex.load(other)
    name, data = "metadata_space_bias_0", dict(np.load(tmp_path / "space.npz"))
    for forged in (data[name] + 1.0, data[name][:2], data[name][None]):
        np.savez(tmp_path / "forged.npz", **data | {name: forged})
        with pytest.raises(sg.ReadError, match="homogenised|corrupt"):
            sg.WholeSpaceComplex.load(tmp_path / "forged.npz")


def test_refusals() -> None:
    net = random_network([2, 4, 1], 0)
    space = sg.WholeSpace(2)
    cx = whole(net)
    with pytest.raises(sg.DomainError, match="make them equal"):
        sg.enumerate_regions(net, sg.WholeSpace(3))
    with pytest.raises(sg.UnsupportedError, match="exact"):
        sg.enumerate_regions(net, space, exact=False)
    with pytest.raises(sg.UnsupportedError, match="at most 11"):
        sg.enumerate_regions(random_network([12, 2, 1], 0), sg.WholeSpace(12))
    with pytest.raises(sg.BudgetError, match="max_cells"):
        sg.enumerate_regions(net, space, max_cells=3)
    for refused in (lambda: sg.level_set(net, space), lambda: sg.verify(net, space),
                    lambda: sg.reduce_regions(net, space, {"f": sg.streaming.FVector()})):
        with pytest.raises(sg.DomainError, match="bounded domain"):
            refused()
    for name in ("centroids", "level_set", "integrate", "export", "facets"):
        with pytest.raises(sg.DomainError, match=r"cx\.on\("):
            getattr(cx, name)
        assert not hasattr(cx, name)
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = cx.colour
    with pytest.raises(sg.InvalidInputError, match=r"WholeSpaceComplex given; .*cx\.on\("):
        sg.spectrum(cx, [[1.0, 0.0]])
    for wrong in (0, -1, 1.5, "2", None):
        with pytest.raises(sg.SpecgeoError, match="dim"):
            sg.WholeSpace(wrong)  # type: ignore[arg-type]
    assert repr(space) == "WholeSpace(2)" and space.volume == np.inf


def test_neurons_with_activations_of_their_own(tmp_path):
    """Pass-through beside ReLU keeps the form of the network; mixtures are written with hinges."""
    rng = np.random.default_rng(3)
    kinds = ["relu", "identity", "abs", "hard_tanh", sg.Activation([-0.5, 0.25, 1.0], [2.0, -1.0, 0.0, 0.5], 0.25)]
    for seed in range(6):
        each = [[kinds[k] for k in rng.integers(0, 3 if seed < 3 else 5, 5)] for _ in range(2)]
        base = sg.testing.random_network([2, 5, 5, 1], seed)
        net = sg.Network(base.weights, base.biases, each)
        cx = sg.enumerate_regions(net, sg.WholeSpace(2))
        box = cx.bounding_box()
        far = sg.enumerate_regions(net, sg.Box(box.lower * 4, box.upper * 4))
        assert cx.n_cells == far.n_cells and cx.reprove().proved
        assert sorted(map(bytes, cx.patterns)) == sorted(map(bytes, far.patterns))
        x = rng.normal(size=(40, 2)) * 3
        np.testing.assert_allclose(cx(x), net(x), atol=1e-9)
        cx.save(tmp_path / "a.npz")
        assert sg.WholeSpaceComplex.load(tmp_path / "a.npz").f_vector == cx.f_vector


def test_maxima():
    space = sg.WholeSpace(2)
    norm = sg.Network([[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1]]], [[0] * 4, [0]], [sg.MaxGroups([range(4)])])
    assert sg.enumerate_regions(norm, space).f_vector == (1, 4, 4)
    line = sg.Network([[[1, 0], [2, 0], [3, 0]], [[1]]], [[0, 0, 1], [0]], [sg.MaxGroups([range(3)])])
    cx = sg.enumerate_regions(line, space)  # max(x, 2 x, 3 x + 1) = max(x, 3 x + 1): one line
    assert cx.f_vector == (0, 1, 2) and cx.lineality_dim == 1
    for seed in range(4):
        base = sg.testing.random_network([2, 6, 3, 1], seed)
        widths = [base.weights[0], base.weights[1][:, :3], base.weights[2]]
        net = sg.Network(widths, base.biases, [sg.MaxGroups([[0, 1], [2, 3, 4], [5]]), "relu"])
        cx = sg.enumerate_regions(net, space)
        box = cx.bounding_box()
        far = sg.enumerate_regions(net, sg.Box(box.lower * 4, box.upper * 4))
        assert cx.n_cells == far.n_cells and cx.reprove().proved
        assert sorted(map(bytes, cx.patterns)) == sorted(map(bytes, far.patterns))
