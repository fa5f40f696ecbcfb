"""The complex glued from groups of cells, against the one made breadth first: the same up to numbering."""

from __future__ import annotations

import itertools
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from numba import typeof
from scipy.sparse import csr_array

import specgeo as sg
from specgeo._sparse import SparseMatrix, entries_of
from specgeo.enumeration import _exact, _refine, _run, division, finish, glue, groups
from specgeo.enumeration.begin import begin
from specgeo.geometry.soundness import failures
from specgeo.geometry.vertex_values import vertex_values
from specgeo.testing import random_network

KINDS = ("he", "zero-bias", "integer", "quarter", "duplicated")


def cube(d):
    return sg.Box(-1.0, 1.0, dim=d)


@pytest.fixture
def in_groups(monkeypatch):
    """Glue from a head of so many faces and groups of so many cells; groups with more cells at the end are halved."""

    def set_sizes(faces, cells, most=10**6):
        monkeypatch.setattr(groups, "GLUED_FACES", faces)
        monkeypatch.setattr(groups, "GLUED_LAST", 1)
        for name in ("LEAST_CELLS", "MOST_CELLS"):
            monkeypatch.setattr(groups, name, cells)
        monkeypatch.setattr(groups, "FEWEST", most)
        monkeypatch.setattr(groups, "GROUP_BYTES", 0)

    return set_sizes


def rows(a):
    return [row.tobytes() for row in np.ascontiguousarray(a)]


def places(one, two):
    """Where each item of a list stands in another of the same items, each there once."""
    at = {item: i for i, item in enumerate(two)}
    assert len(at) == len(two) == len(one)
    return np.array([at[item] for item in one])


def corners(cx, cells):
    """What tells each vertex from all others: the cells (by numbers) and the walls of the domain that it lies on."""
    found = [set() for _ in cx.vertices]
    for number, vertices in zip(cells, cx.vertices_of(cx.dim), strict=True):
        for v in vertices:
            found[v].add(int(number))
    for wall, vertices in zip(cx.facet_walls, cx.vertices_of(cx.dim - 1), strict=True):
        if wall >= 0:
            for v in vertices:
                found[v].add(-1 - int(wall))
    return [frozenset(item) for item in found]


def assert_same(one, two):
    """Equal up to numbering, coordinates up to their error bounds."""
    assert one.f_vector == two.f_vector
    signs = [np.hstack((cx.signs.positive, cx.signs.negative)) for cx in (one, two)]
    cells = places(rows(signs[0]), rows(signs[1]))
    vertices = places(corners(one, cells), corners(two, np.arange(two.n_cells)))
    off = np.abs(one.vertices - two.vertices[vertices]).max(axis=1)
    assert (off <= one.vertex_errors + two.vertex_errors[vertices]).all()
    number = vertices
    for k in range(1, one.dim + 1):
        found = [frozenset(number[list(items)].tolist()) for items in one.faces[k - 1]]
        number = places(found, [frozenset(items.tolist()) for items in two.faces[k - 1]])
        if k == one.dim - 1:
            np.testing.assert_array_equal(one.facet_walls, two.facet_walls[number])
    np.testing.assert_array_equal(number, cells)
    np.testing.assert_allclose(one.gradients, two.gradients[cells], rtol=1e-12, atol=1e-14)


def assert_same_bits(one, two):
    for name in ("vertices", "vertex_errors", "facet_walls"):
        a, b = getattr(one, name), getattr(two, name)
        assert a.tobytes() == b.tobytes()
    for a, b in zip(one.faces, two.faces, strict=True):
        assert a.offsets.tobytes() == b.offsets.tobytes() and a.indices.tobytes() == b.indices.tobytes()
    assert one.signs.positive.tobytes() == two.signs.positive.tobytes()
    assert one.signs.negative.tobytes() == two.signs.negative.tobytes()
    counts = [{**cx.certificate.to_dict(), "seconds": None} for cx in (one, two)]
    assert counts[0] == counts[1]


CASES = [  # widths, faces of the head, cells in a group
    ((2, 16, 16, 1), 1, 7),
    ((2, 12, 12, 12, 1), 200, 3),
    ((3, 8, 8, 2), 1, 5),
    ((3, 6, 6, 4, 1), 300, 9),
    ((4, 5, 5, 3, 1), 1, 6),
    ((2, 70, 70, 1), 1, 900),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("widths", "head", "group"), CASES)
def test_glued_is_what_breadth_first_gives(widths, head, group, kind, in_groups):
    net = random_network(widths, 1, kind)
    whole = sg.enumerate_regions(net, cube(widths[0]))
    in_groups(head, group)
    one = sg.enumerate_regions(net, cube(widths[0]), executor=1)
    assert one.certificate.certified
    assert one.certificate.decisions == whole.certificate.decisions  # those on walls between groups count once
    assert one.certificate.exact_zeros == whole.certificate.exact_zeros
    assert_same(one, whole)
    assert_same_bits(one, sg.enumerate_regions(net, cube(widths[0]), executor=2))


@pytest.mark.parametrize("d", [2, 3])
def test_groups_that_are_halved(d, in_groups):
    net = random_network((d, 9, 9, 9, 1), 2)
    whole, seen = sg.enumerate_regions(net, cube(d)), []
    in_groups(1, 25, most=60)
    one = sg.enumerate_regions(net, cube(d), executor=2, progress=lambda text, fraction: seen.append(fraction))
    assert one.certificate.decisions == whole.certificate.decisions
    assert_same(one, whole)
    assert seen == sorted(seen) and seen[-1] == 1.0


@pytest.fixture
def by_blocks(monkeypatch, in_groups):
    """Divide every layer that is first, or wide behind a narrow one, and take its first regions in small groups."""
    monkeypatch.setattr(division, "FEW", 40)
    monkeypatch.setattr(division, "MANY", 30)
    monkeypatch.setattr(division, "FIRST", 15)
    monkeypatch.setattr(groups, "HEAD_CELLS", 12)
    in_groups(1, 5, most=25)


@pytest.mark.parametrize("widths", [(3, 12, 1), (3, 11, 6, 1), (4, 9, 1)])
@pytest.mark.parametrize("kind", ["he", "integer", "duplicated"])
def test_a_first_layer_comes_as_two_blocks(widths, kind, in_groups, monkeypatch):
    net, box = random_network(widths, 3, kind), cube(widths[0])
    whole = sg.enumerate_regions(net, box)
    for name, number in {"MANY_FIRST": 100, "MANY_ALONE": 100, "FIRST_OF_TWO": 40}.items():
        monkeypatch.setattr(division, name, number)
    twice = random_network(widths, 3, kind)
    assert len(division.divided(twice).hidden_widths) == len(widths) - 1
    for faces in (10**6, 1):
        in_groups(faces, 5)
        assert_same(sg.enumerate_regions(twice, box), whole)


@pytest.mark.parametrize(
    ("widths", "divides"),
    [
        ((3, 64, 1), True),
        ((3, 48, 1), False),
        ((3, 64, 64, 1), False),  # its values are asked for behind it, and wait too
        ((3, 90, 90, 1), True),
        ((2, 512, 1), False),
        ((4, 36, 1), True),
        ((5, 24, 1), False),
    ],
)
def test_first_layers_with_many_regions_are_divided(widths, divides):
    net = random_network(widths, 0)
    assert (division.divided(net) is not net) == divides


BLOCKS = [
    ((2, 20, 1), "relu"),
    ((3, 12, 1), "relu"),
    ((3, 10, 6, 1), "relu"),
    ((2, 9, 5, 1), "hard_tanh"),
    ((4, 9, 1), "relu"),
    ((3, 3, 12, 1), "relu"),
    ((2, 4, 14, 5, 1), "leaky_relu"),
    ((2, 3, 4, 12, 1), "hard_tanh"),
    ((4, 3, 12, 3, 1), "relu"),
]


@pytest.mark.parametrize("kind", ["he", "integer", "duplicated"])
@pytest.mark.parametrize(("widths", "activation"), BLOCKS)
def test_a_wide_layer_is_divided(widths, activation, kind, by_blocks, monkeypatch):
    net, box = random_network(widths, 3, kind, activation=activation), cube(widths[0])
    divided = division.divided(net)
    assert len(divided.hidden_widths) > len(net.hidden_widths)
    one = sg.enumerate_regions(net, box, executor=1)
    counts = sg.reduce_regions(net, box, {"f": sg.streaming.FVector()}, executor=2)
    assert counts.n_groups > 1
    monkeypatch.undo()
    whole = sg.enumerate_regions(net, box)
    assert counts["f"] == whole.f_vector
    assert_same(one, whole)
    if np.any(divided.weights[-1]):  # the last layer is not divided: the outputs are the same
        x = np.random.default_rng(0).uniform(-1, 1, (50, widths[0]))
        np.testing.assert_array_equal(divided(x), net(x))


@pytest.mark.parametrize("sparse", [False, True])
def test_matrices_of_blocks_are_sparse_where_they_are_large(sparse, by_blocks, monkeypatch):
    """Behind 6,000 neurons 16 more: arrays that pass on the former would take half a gigabyte."""
    monkeypatch.setattr(division, "LISTED", 1)
    net = random_network((3, 10, 6, 1), 3)
    given = sg.Network([csr_array(w) for w in net.weights], net.biases) if sparse else net
    divided = division.divided(given)
    assert all(isinstance(w, SparseMatrix) for w in divided.weights[:3])
    one = sg.enumerate_regions(given, cube(3), executor=1)
    monkeypatch.undo()
    assert_same(one, sg.enumerate_regions(net, cube(3)))
    rng = np.random.default_rng(0)
    shapes = (6000, 2), (16, 6000), (1, 16)
    wide = sg.Network([rng.normal(size=shape) for shape in shapes], [rng.normal(size=n) for n, _ in shapes])
    blocks = division.divided(wide)
    assert len(blocks.hidden_widths) > 8 and sum(entries_of(w).nbytes for w in blocks.weights) < 10**7
    np.testing.assert_allclose(blocks([[0.1, 0.2]]), wide([[0.1, 0.2]]), rtol=1e-9)


@pytest.mark.parametrize(("widths", "activation"), [((1, 40, 1), "relu"), ((1, 3, 40, 2), "hard_tanh")])
def test_values_at_kinks_behind_a_divided_layer(widths, activation, by_blocks, monkeypatch):
    """On a line the run leaves pre-activations for them: here those of the last block alone."""
    net = random_network(widths, 1, activation=activation)
    one = sg.enumerate_regions(net, cube(1), executor=1)
    monkeypatch.undo()
    assert_same(one, sg.enumerate_regions(net, cube(1)))
    np.testing.assert_allclose(vertex_values(one), net(one.vertices), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("n", "regions"), [(3, 32), (4, 370)])
def test_resonance_arrangements_in_groups(n, regions, by_blocks):
    """Regions of the hyperplanes whose normals are all 0/1 vectors (Kamiya, Takemura and Terao 2011)."""
    normals = np.array([v for v in itertools.product((0.0, 1.0), repeat=n) if any(v)])
    net = sg.Network([normals, np.ones((1, len(normals)))], [np.zeros(len(normals)), [0.0]])
    found = sg.reduce_regions(net, cube(n), {"f": sg.streaming.FVector()})
    assert found["f"][-1] == regions and found.n_groups > 1


def test_on_a_polytope_with_other_activations(in_groups):
    net = random_network((2, 9, 9, 1), 1, activation="hard_tanh")
    domain = sg.Polytope([[1.0, 1.0], [-1.0, 2.0], [0.0, -3.0]], [1.0, 1.0, 1.0])
    whole = sg.enumerate_regions(net, domain)
    in_groups(1, 4)
    one = sg.enumerate_regions(net, domain)
    assert_same(one, whole)
    assert not failures(one, net.layers)
    assert one.reprove()


@pytest.mark.own_groups
@pytest.mark.parametrize(
    ("dims", "glued"),
    [
        ((2, 128, 128, 1), False),  # each block of 64 units goes through all faces, which are few
        ((2, 256, 256, 1), True),
        ((3, 64, 64, 1), False),  # one block, two million faces
        ((3, 66, 66, 1), True),  # two
        ((3, 110, 64, 1), True),  # one, six million
        ((4, 10, 66, 1), False),  # two, but walls are many
        ((1, 400, 400, 1), False),
    ],
)
def test_complexes_are_glued_where_they_are_large_or_layers_wide(dims, glued):
    run = begin(random_network(dims, 0), cube(dims[0]))
    run.layer(1)
    assert groups.enough_faces(run) == glued


def test_processes_give_the_same_bits(in_groups):
    """They have groups of their own making."""
    in_groups(1, 60)
    net = random_network((2, 40, 24, 1), 5)
    one = sg.enumerate_regions(net, cube(2), executor=1)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=_glue_all) as pool:
        assert_same_bits(one, sg.enumerate_regions(net, cube(2), executor=pool))


def _glue_all():
    groups.GLUED_FACES = groups.GLUED_LAST = 1
    groups.GROUP_BYTES, groups.FEWEST = 0, 10**6
    groups.LEAST_CELLS = groups.MOST_CELLS = 60


def test_budgets_and_signs_of_rounded_values(in_groups):
    in_groups(1, 10)
    net = random_network((2, 16, 16, 1), 0)
    with pytest.raises(sg.BudgetError, match="max_cells: more than 300 cells"):
        sg.enumerate_regions(net, cube(2), max_cells=300)
    with pytest.raises(sg.BudgetError, match="max_bytes"):
        sg.enumerate_regions(net, cube(2), max_bytes=400_000)
    assert not sg.enumerate_regions(net, cube(2), exact=False).certificate.certified  # in one piece
    for executor in (0, True, "two"):
        with pytest.raises(sg.InvalidInputError, match="executor: "):
            sg.enumerate_regions(net, cube(2), executor=executor)


def test_kernels_called_without_a_look_at_their_arguments_get_one_type_each(monkeypatch, in_groups):
    seen = {}

    def watched(kernel):
        def call(*args):
            seen.setdefault(kernel.__name__, set()).add(tuple(typeof(one) for one in args))
            return kernel(*args)

        return call

    for module in (_exact, _refine, _run, finish, glue, groups):
        for name, each in list(vars(module).items()):
            if hasattr(getattr(each, "__wrapped__", None), "signatures"):
                monkeypatch.setattr(module, name, watched(each.__wrapped__))
    second = [[1.0, -1.0 - 1e-7, 0.0], [1.0, -1.0, 0.3]]  # crosses zero with a small slope
    flat = sg.Network([[[1.0]] * 3, second, [[1.0, 1.0]]], [[-0.1, -1 / 3, -0.7], [-0.7 / 3 + 1e-7 / 7, -0.1], [0.0]])
    triangle = sg.Polytope([[-1.0, 0.0], [0.0, -1.0], [1.0, 1.0]], [0.0, 0.0, 1.0])
    peak = sg.Network([np.eye(2), [[1.0]]], [[0.0, 0.0], [0.0]], [sg.MaxGroups([[0, 1]])])
    sg.enumerate_regions(flat, sg.Box([0], [1]))
    sg.enumerate_regions(peak, triangle)
    for kind in ("he", "zero-bias"):
        sg.enumerate_regions(random_network([2, 5, 4, 1], 0, kind), triangle, exact=False, max_cells=np.int64(1000))
    in_groups(1, 2, 8)
    for widths in ([2, 6, 5, 4, 1], [3, 5, 4, 1]):
        sg.enumerate_regions(random_network(widths, 0), sg.Box(-1, 1, dim=widths[0]))
    assert {"cut_layer", "settle", "encode", "take", "refine_vertices"} <= set(seen)
    assert {name for name, types in seen.items() if len(types) > 1} == set()
