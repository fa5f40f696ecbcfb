"""What derives from a complex: faces, facets, triangulations, measures, regions, point location, exports."""

from __future__ import annotations

from itertools import product
from math import factorial

import network_zoo as zoo
import networkx
import numpy as np
import pytest
import shapely
from naive.rational import n_linear_regions, rational_complex

import specgeo as sg
from specgeo._measures import rounded_measures, signed_volumes
from specgeo.geometry.arrays import Ragged
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.soundness import failures
from specgeo.testing import assert_complex_valid, random_network


def grid_complex(axes: list[list[float]]) -> PolyhedralComplex:
    """The cubical complex of a grid, with the function 0: built without the enumerator."""
    d = len(axes)
    faces: list[dict[tuple[tuple[int, int], ...], int]] = [{} for _ in range(d + 1)]
    for f in product(*[[(0, i) for i in range(len(a))] + [(1, i) for i in range(len(a) - 1)] for a in axes]):
        found = faces[sum(kind for kind, _ in f)]
        found[f] = len(found)
    vertices = np.array([[axes[j][f[j][1]] for j in range(d)] for f in faces[0]], dtype=float)
    lists = []
    for k in range(1, d + 1):
        lists.append(
            Ragged.of(
                [
                    [faces[k - 1][(*f[:j], (0, f[j][1] + s), *f[j + 1 :])] for j in range(d) if f[j][0] for s in (0, 1)]
                    for f in faces[k]
                ]
            )
        )
    n = len(faces[d])
    return PolyhedralComplex(vertices, tuple(lists), (np.zeros((n, 1, d)), np.zeros((n, 1))))


def example(widths: list[int], seed: int = 0, kind: str = "he") -> tuple[PolyhedralComplex, sg.Network]:
    net = random_network(widths, seed, kind)
    d = widths[0]
    return sg.enumerate_regions(net, sg.Box([-1.0] * d, [1.0] * d)), net


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_grid_measures(d: int) -> None:
    axes = [[0.0, 1.0, 3.0], *[[0.0, 2.0, 3.0]] * (d - 1)]
    cx = grid_complex(axes)
    sides = [np.diff(a) for a in axes]
    expected = np.array([np.prod(s) for s in product(*sides)])
    np.testing.assert_allclose(cx.volumes, expected, rtol=1e-14)
    middles = [(np.array(a)[1:] + np.array(a)[:-1]) / 2 for a in axes]
    np.testing.assert_allclose(cx.centroids, np.array(list(product(*middles))), rtol=1e-14)
    assert cx.euler_characteristic == 1
    assert_complex_valid(cx)
    for k in range(d + 1):
        simplices, owner = cx.triangulation(k)
        assert simplices.shape == (cx.f_vector[k] * factorial(k), k + 1)  # pulling a cube
        assert np.all(np.diff(owner) >= 0)
    assert np.all(np.abs(cx.facets.normals).sum(axis=1) == 1.0)
    assert np.count_nonzero(cx.facets.is_boundary) == 2 * d * 2 ** (d - 1)


@pytest.mark.parametrize("widths", [[1, 6, 1], [2, 6, 5, 1], [3, 5, 4, 1], [4, 5, 3, 1]])
def test_triangulation_is_conforming(widths: list[int]) -> None:
    cx, _ = example(widths)
    d = cx.dim
    for k in range(1, d + 1):
        simplices, owner = cx.triangulation(k)
        below = {tuple(sorted(s)) for s in cx.triangulation(k - 1)[0].tolist()}
        corners = cx.vertices_of(k)
        boundary: dict[tuple[int, ...], int] = {}
        for simplex, face in zip(simplices.tolist(), owner.tolist(), strict=True):
            assert set(simplex) <= set(corners[face].tolist())
            assert simplex[0] == min(simplex) or k == 1
            for i in range(k + 1):
                key = (face, *sorted(simplex[:i] + simplex[i + 1 :]))
                boundary[key] = boundary.get(key, 0) + 1
        assert max(boundary.values()) <= 2
        lists = cx.faces[k - 1]
        facets_below = cx.triangulation(k - 1)
        for face in range(cx.f_vector[k]):  # what is on the outside of a face is its triangulated boundary
            outer = {key[1:] for key, count in boundary.items() if key[0] == face and count == 1}
            parts = set(lists[face].tolist())
            expected = {
                tuple(sorted(s)) for s, o in zip(*map(np.ndarray.tolist, facets_below), strict=True) if o in parts
            }
            assert outer == expected
            assert outer <= below


@pytest.mark.parametrize("widths", [[1, 6, 1], [2, 6, 5, 1], [3, 5, 4, 1], [4, 5, 3, 1]])
def test_triangulation_is_oriented(widths: list[int]) -> None:
    """Cells have positive volumes; facets are counter-clockwise round their normals, det(n, sides) > 0."""
    cx, _ = example(widths)
    d = cx.dim
    simplices, owner = cx.triangulation(d)
    volumes = signed_volumes(cx.vertices[simplices])
    assert np.all(volumes > 0)
    np.testing.assert_array_equal(volumes, cx.simplex_measures(d))
    np.testing.assert_array_equal(np.bincount(owner, volumes), cx.volumes)
    if d == 1:
        return
    simplices, owner = cx.triangulation(d - 1)
    corners, normals = cx.vertices[simplices], cx.facets.normals[owner]
    sides = corners[:, 1:] - corners[:, :1]
    turned = np.linalg.det(np.concatenate((normals[:, None], sides), axis=1)) / factorial(d - 1)
    np.testing.assert_allclose(turned, cx.simplex_measures(d - 1), rtol=1e-9)
    first, second = cx.facets.cells[owner].T
    middle = corners.mean(axis=1)
    assert np.all(np.einsum("ij,ij->i", middle - cx.centroids[first], normals) > 0)
    inner = second >= 0
    assert np.all(np.einsum("ij,ij->i", cx.centroids[second[inner]] - middle[inner], normals[inner]) > 0)


def test_values_of_pieces_wherever_the_points_lie() -> None:
    cx, net = example([2, 6, 4, 2])
    np.testing.assert_allclose(cx.means, net(cx.centroids), atol=1e-12)
    simplices, owner = cx.triangulation(2)
    np.testing.assert_allclose(cx.values(owner, cx.vertices[simplices]), net(cx.vertices)[simplices], atol=1e-12)
    integrals = cx.values(owner, cx.vertices[simplices]).mean(axis=1) * cx.simplex_measures(2)[:, None]
    for output in (0, 1):
        sums = np.bincount(owner, integrals[:, output])
        np.testing.assert_allclose(sums, cx.means[:, output] * cx.volumes, atol=1e-12)
    for cells, x in (([0, 99], np.ones((2, 2))), ([0], np.ones((2, 2))), ([0], np.ones(2)), ([-1], [[0, 0]])):
        with pytest.raises(sg.InvalidInputError, match="cells|x: shape"):
            cx.values(cells, x)


def test_incidence_matrices() -> None:
    cx, _ = example([3, 6, 4, 1])
    for k in (1, 2, 3):
        matrix = cx.boundary(k)
        assert matrix.shape == (cx.f_vector[k], cx.f_vector[k - 1])
        assert matrix.nnz == len(cx.faces[k - 1].indices)
    cells = np.zeros((cx.f_vector[2], 2), dtype=int)
    for facet, column in enumerate(cx.boundary(3).toarray().T):
        found = np.flatnonzero(column).tolist()
        cells[facet] = found if len(found) == 2 else [*found, -1]
    np.testing.assert_array_equal(cells, cx.facets.cells)
    with pytest.raises(sg.InvalidInputError, match="k: 4"):
        cx.boundary(4)
    with pytest.raises(sg.InvalidInputError, match="k: 0"):
        cx.boundary(0)


@pytest.mark.parametrize("widths", [[1, 8, 6, 2], [2, 8, 6, 2], [3, 6, 4, 2], [4, 5, 3, 1]])
def test_facets(widths: list[int]) -> None:
    cx, _ = example(widths)
    facets = cx.facets
    inner = np.flatnonzero(~facets.is_boundary)
    np.testing.assert_allclose((facets.normals**2).sum(axis=1), 1.0, rtol=1e-14)
    between = cx.centroids[facets.cells[inner, 1]] - cx.centroids[facets.cells[inner, 0]]
    assert np.all((between * facets.normals[inner]).sum(axis=1) > 0)
    outer = facets.is_boundary
    corners = cx.vertices_of(cx.dim - 1)
    middle = np.add.reduceat(cx.vertices[corners.indices], corners.offsets[:-1]) / np.diff(corners.offsets)[:, None]
    np.testing.assert_allclose((middle[outer] * facets.normals[outer]).sum(axis=1), 1.0, rtol=1e-12)
    assert np.all(facets.jumps[outer] == 0.0)
    step = cx.gradients[facets.cells[inner, 1]] - cx.gradients[facets.cells[inner, 0]]
    np.testing.assert_allclose(facets.jumps[inner][:, :, None] * facets.normals[inner][:, None], step, atol=1e-7)


def test_lists_of_varying_length() -> None:
    rows = [[3, 1, 2], [], [7], [5, 6]]
    lists = Ragged.of(rows)
    assert [items.tolist() for items in lists] == rows and len(lists) == 4
    assert lists[0].tolist() == [3, 1, 2] and lists[-1].tolist() == [5, 6] and lists[np.int64(1)].size == 0
    assert lists.lengths.tolist() == [3, 0, 1, 2] and lists.owners.tolist() == [0, 0, 0, 2, 3, 3]
    assert [items.tolist() for items in lists.take(np.array([2, 0, 2]))] == [[7], [3, 1, 2], [7]]
    assert len(lists.take(np.empty(0, np.int64))) == 0
    assert repr(lists) == "Ragged(4 lists of 6: [3, 1, 2], [], [7], ...)"
    for wrong in (4, -5):
        with pytest.raises(IndexError):
            lists[wrong]
    with pytest.raises(TypeError):
        _, _ = lists[0], lists["offsets"]
    cx, _ = example([2, 6, 4, 1])
    assert set(cx.vertices_of(2)[0].tolist()) == set(cx.faces[0].take(cx.faces[1][0]).indices.tolist())


def test_units_of_facets_across_word_boundaries() -> None:
    cx, _ = example([2, 70, 66, 1])
    facets, signs = cx.facets, cx.sign_vectors
    assert signs.shape == (cx.n_cells, 136)
    for facet, units in enumerate(facets.units):
        first, second = facets.cells[facet]
        expected = [] if second < 0 else np.flatnonzero(signs[first] != signs[second]).tolist()
        assert units.tolist() == expected


def test_sliver_volumes_are_right() -> None:
    delta = 2.0**-40
    points = np.array([[1.0, 1.0], [1.0 + delta, 1.0 + delta], [2.0, 2.0 + 2 * delta]])
    exact = delta * delta  # (delta (1 + 2 delta) - delta) / 2
    assert rounded_measures(points[None])[0] == pytest.approx(exact, rel=1e-12)
    assert rounded_measures(points[None] * 2.0**500)[0] == pytest.approx(exact * 2.0**1000, rel=1e-12)


@pytest.mark.parametrize(("k", "d"), [(1, 2), (1, 3), (2, 3), (2, 4), (3, 4), (3, 5)])
def test_simplex_measures_in_higher_space(k: int, d: int) -> None:
    rng = np.random.default_rng(k + 10 * d)
    points = rng.normal(size=(k + 1, d))
    sides = points[1:] - points[0]
    gram = np.sqrt(np.linalg.det(sides @ sides.T)) / factorial(k)
    assert rounded_measures(points[None])[0] == pytest.approx(gram, rel=1e-12)


@pytest.mark.parametrize("widths", [[1, 12, 8, 1], [2, 12, 8, 2], [3, 8, 6, 1], [4, 6, 4, 1]])
@pytest.mark.parametrize("kind", ["he", "zero-bias", "integer"])
def test_locate_and_evaluate(widths: list[int], kind: str) -> None:
    cx, net = example(widths, 1, kind)
    d = cx.dim
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (40, 50, d))
    assert cx.locate(x).shape == (40, 50)
    np.testing.assert_allclose(cx(x), net(x), atol=1e-12)
    np.testing.assert_array_equal(cx.locate(cx.centroids), np.arange(cx.n_cells))
    corners = cx.vertices_of(d)
    at_vertex = cx.locate(cx.vertices)
    for vertex, cell in enumerate(at_vertex.tolist()):
        assert vertex in corners[cell]
    outside = x[0] + np.where(rng.random((50, 1)) < 0.5, -2.5, 2.5)
    assert np.all(cx.locate(outside) == -1)
    assert np.all(np.isnan(cx(outside)))
    assert cx.locate(np.nextafter([1.0] * d, 2.0)) == -1
    assert cx.locate([1.0] * d) >= 0
    assert cx.locate(np.empty((0, d))).shape == (0,)


def test_locate_refuses_points_of_the_wrong_dimension() -> None:
    cx, _ = example([2, 4, 1])
    with pytest.raises(sg.InvalidInputError, match="x: shape"):
        cx.locate([0.0, 0.0, 0.0])


@pytest.mark.parametrize("kind", ["integer", "quarter", "pruned", "duplicated", "zero-bias"])
@pytest.mark.parametrize("widths", [[1, 6, 5, 1], [2, 5, 4, 2], [3, 4, 3, 1]])
def test_linear_regions_are_exact(widths: list[int], kind: str) -> None:
    for seed in range(4):
        cx, net = example(widths, seed, kind)
        d = cx.dim
        assert cx.n_linear_regions == n_linear_regions(rational_complex(net, [-1] * d, [1] * d))
        labels = cx.linear_regions
        assert set(labels.tolist()) == set(range(cx.n_linear_regions))
        assert np.all(np.diff(np.unique(labels, return_index=True)[1]) > 0)


def test_linear_regions_see_jumps_far_below_rounding() -> None:
    """Two neurons on one line whose gradient jumps cancel up to the last bit of a weight."""
    ulp = 2.0**-52
    for last, pieces in ((1.0, 1), (1.0 + ulp, 2)):
        net = sg.Network([[[1.0], [-1.0]], [[1e6, -1e6 * last]]], [[0.0, 0.0], [0.0]])
        joined = sg.Network([[[1.0], [-1.0], [1.0]], [[1.0, -1.0, ulp if pieces == 2 else 0.0]]], [[0.0] * 3, [0.0]])
        for network in (net, joined):
            assert sg.enumerate_regions(network, sg.Box([-1], [1])).n_linear_regions == pieces


def test_linear_regions_without_a_network_compare_floats() -> None:
    cx, _ = example([2, 6, 4, 1], 3, "pruned")
    bare = PolyhedralComplex(cx.vertices, cx.faces, (cx.gradients, cx.offsets))
    assert bare.n_linear_regions == cx.n_linear_regions
    with pytest.raises(sg.UnsupportedError, match="without signs"):
        _ = bare.patterns


def test_patterns_match_the_network() -> None:
    cx, net = example([2, 9, 7, 1])
    z1 = cx.centroids @ net.weights[0].T + net.biases[0]
    z2 = np.maximum(z1, 0) @ net.weights[1].T + net.biases[1]
    np.testing.assert_array_equal(cx.patterns, np.hstack((z1, z2)) > 0)


def test_exact_vertices_of_none_one_and_some() -> None:
    cx, _ = example([2, 4, 1])
    assert cx.exact_vertices([]) == []
    assert cx.exact_vertices(2) == [cx.exact_vertices()[2]]
    for ids in ("a", [0.5], [-1], [cx.f_vector[0]], [[0], [0, 1]]):
        with pytest.raises(sg.InvalidInputError, match="ids: .* given; pass a list of integers"):
            cx.exact_vertices(ids)


def test_dual_graph_and_networkx() -> None:
    cx, _ = example([2, 8, 6, 1])
    graph = cx.dual_graph()
    assert graph.nnz == 2 * np.count_nonzero(~cx.facets.is_boundary)
    assert (graph != graph.T).nnz == 0
    nx = cx.to_networkx()
    assert networkx.is_connected(nx)
    assert nx.number_of_edges() == graph.nnz // 2
    a, b, data = next(iter(nx.edges(data=True)))
    assert graph[a, b] == data["facet"] + 1
    assert sum(v for _, v in nx.nodes(data="volume")) == pytest.approx(4.0)


def test_shapely_polygons_tile_the_box() -> None:
    cx, _ = example([2, 16, 16, 1])
    polygons = cx.to_shapely()
    assert all(shapely.is_valid(polygons))
    np.testing.assert_allclose(shapely.area(polygons), cx.volumes, rtol=1e-10, atol=1e-15)
    assert shapely.union_all(polygons, grid_size=1e-12).area == pytest.approx(4.0)
    with pytest.raises(sg.UnsupportedError, match="dimension 3"):
        example([3, 3, 1])[0].to_shapely()


def test_self_checks_notice_damage() -> None:
    cx, net = example([2, 6, 4, 1])
    assert failures(cx, net.layers) == []
    parts = (cx.faces, (cx.gradients, cx.offsets), cx.signs, cx.domain)
    moved = cx.vertices.copy()
    moved[-1] += 0.05
    with pytest.raises(AssertionError):
        assert_complex_valid(PolyhedralComplex(moved, *parts))
    bent = cx.gradients.copy()
    bent[0] += 1e-3
    with pytest.raises(AssertionError, match="jump"):
        assert_complex_valid(PolyhedralComplex(cx.vertices, cx.faces, (bent, cx.offsets), cx.signs, cx.domain))
    fewer = (*cx.faces[:-1], Ragged.of(list(cx.faces[-1])[:-1]))
    with pytest.raises(AssertionError):
        assert_complex_valid(
            PolyhedralComplex(cx.vertices, fewer, (cx.gradients[:-1], cx.offsets[:-1]), None, cx.domain)
        )
    other = sg.Network(net.weights, [b + 0.01 for b in net.biases])
    with pytest.raises(AssertionError):
        assert_complex_valid(cx, other)
    assert_complex_valid(cx, net)


def test_random_networks_follow_their_recipe() -> None:
    net = random_network([2, 3, 1], 0)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(net.weights[0], rng.normal(0, 1.0, (3, 2)))
    np.testing.assert_array_equal(net.biases[0], rng.normal(0, 0.1, 3))
    np.testing.assert_array_equal(net.weights[1], rng.normal(0, np.sqrt(2 / 3), (1, 3)))
    pruned = random_network([2, 100, 100, 1], 0, "pruned")
    assert 0.15 < np.count_nonzero(pruned.weights[1]) / 10_000 < 0.25
    with pytest.raises(sg.InvalidInputError, match="kind"):
        random_network([2, 3, 1], 0, "nonsense")
    with pytest.raises(sg.InvalidInputError, match="widths"):
        random_network([2], 0)


def test_facet_forms_of_the_tent() -> None:
    cx = sg.enumerate_regions(zoo.tent(2), sg.Box([-2, -2], [2, 2]))
    facets = cx.facets
    bends = np.abs(facets.jumps[:, 0]) > 0
    # the kinks: four sides of the diamond (jump sqrt 2) and four half axes inside it (jump -2)
    assert np.sort(np.round(facets.jumps[bends, 0], 12)).tolist() == [-2.0] * 4 + [round(2**0.5, 12)] * 4
