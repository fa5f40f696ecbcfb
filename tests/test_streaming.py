"""Sums over groups of regions, against the complex that holds them all."""

from __future__ import annotations

import os
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import specgeo as sg
from specgeo.enumeration import groups
from specgeo.enumeration.groups import Head
from specgeo.streaming import FourierCoefficients, FVector, Jumps, Lipschitz, Spectrum, Volumes, reduce
from specgeo.streaming.groups import Worker
from specgeo.testing import random_network

KINDS = ("he", "zero-bias", "integer", "quarter", "duplicated")
CASES = [  # widths, cells of the head, cells in a group
    ((2, 16, 16, 1), 10, 7),
    ((3, 8, 8, 2), 20, 5),
    ((2, 12, 12, 12, 1), 60, 3),
    ((4, 5, 5, 3, 1), 10, 6),
    ((1, 20, 20, 20, 1), 10, 4),
]


def cube(d):
    return sg.Box(-1.0, 1.0, dim=d)


@pytest.fixture
def small(monkeypatch):
    """Small heads and groups, for small networks."""

    def set_sizes(head, group, most=1000):
        sizes = {"HEAD_CELLS": head, "LEAST_CELLS": group, "MOST_CELLS": group, "FEWEST": most}
        for name, value in (sizes | ({"GROUP_BYTES": 0} if most != 1000 else {})).items():
            monkeypatch.setattr(groups, name, value)

    return set_sizes


def flat(result):
    """All arrays and numbers of a result, in order."""
    if isinstance(result, dict):
        return [x for value in result.values() for x in flat(value)]
    return [x for value in result for x in flat(value)] if isinstance(result, tuple) else [np.asarray(result)]


def assert_same_bits(one, two):
    for a, b in zip(flat(one.results), flat(two.results), strict=True):
        assert a.dtype == b.dtype and a.tobytes() == b.tobytes()
    assert one.certificate == two.certificate


def all_reducers(d):
    reducers = {"faces": FVector(), "sizes": Volumes(), "slopes": Lipschitz(), "jumps": Jumps()}
    k = np.random.default_rng(0).normal(size=(3, d)) * 5.0
    return reducers | ({"spectrum": Spectrum(k)} if d <= 3 else {})


def check(found, cx):
    """What was found in groups is what the whole complex has."""
    d = cx.dim
    assert found["faces"] == cx.f_vector
    sizes = found["sizes"]
    assert sizes["cells"] == cx.n_cells == sizes["histogram"].sum()
    assert sizes["volume"] == pytest.approx(cx.domain.volume, rel=1e-12)
    assert sizes["mean_square"] == pytest.approx((cx.volumes**2).mean(), rel=1e-10)
    np.testing.assert_allclose(found["slopes"]["outputs"], np.linalg.norm(cx.gradients, axis=2).max(axis=0), rtol=1e-10)
    assert found["slopes"]["all"] == pytest.approx(np.linalg.norm(cx.gradients, 2, axis=(1, 2)).max(), rel=1e-10)
    inner = ~cx.facets.is_boundary
    jumps, measures, normals = cx.facets.jumps[inner], cx.facets.measures[inner], cx.facets.normals[inner]
    weights = np.abs(jumps) * measures[:, None]
    close = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(found["jumps"]["variation"], weights.sum(axis=0), **close)
    np.testing.assert_allclose(found["jumps"]["square"], (jumps**2).T @ measures, **close)
    np.testing.assert_allclose(
        found["jumps"]["hessian"], np.einsum("fm,fi,fj->mij", weights, normals, normals), **close
    )
    if d <= 3:
        values, errors = found["spectrum"]
        whole, bounds = sg.spectrum(cx, all_reducers(d)["spectrum"].k, return_error=True)
        assert (np.abs(values - whole) <= errors + bounds).all()
        assert errors.max() < 1e-7  # positions of integer networks have radii of up to 1e-9
    assert found.certificate.certified and found.certificate.decisions > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("widths", "head", "group"), CASES)
def test_groups_give_what_the_whole_complex_has(widths, head, group, kind, small):
    small(head, group)
    net, box = random_network(widths, 0, kind), cube(widths[0])
    one = sg.reduce_regions(net, box, all_reducers(widths[0]))
    check(one, sg.enumerate_regions(net, box))
    assert_same_bits(one, sg.reduce_regions(net, box, all_reducers(widths[0]), executor=2))


@pytest.mark.own_groups
def test_the_whole_is_one_group_where_it_is_small():
    net = random_network((2, 10, 10, 1), 3)
    found = sg.reduce_regions(net, cube(2), {"faces": FVector()})
    assert found.n_groups == 1
    assert found["faces"] == sg.enumerate_regions(net, cube(2)).f_vector
    affine = sg.Network([[[1.0, 2.0]]], [[0.5]])
    assert sg.reduce_regions(affine, cube(2), {"faces": FVector()})["faces"] == (4, 4, 1)


@pytest.mark.parametrize("head", [1, 10])
def test_behind_an_affine_layer(head, small):
    small(head, 4)
    net = random_network((2, 6, 6, 1), 1).precompose([[0.3, 0.7], [-0.7, 0.3]], [0.1, 0.0])
    check(sg.reduce_regions(net, cube(2), all_reducers(2)), sg.enumerate_regions(net, cube(2)))


@pytest.mark.parametrize("seed", range(4))
def test_jumps_across_walls_beside_cells_that_no_vertex_tells(seed, small):
    """Each neuron bends twice within 2^-199: normals on both sides of a wall may point the same way."""
    small(10, 3)
    net = random_network((2, 7, 3, 1), seed, activation=sg.Activation([-0.5, 0.5], [0.0, 1.0, 0.25], 0.1))
    first = net.weights[0] * 2.0**200, net.biases[0] * 2.0**200
    steep = sg.Network([first[0], *net.weights[1:]], [first[1], *net.biases[1:]], net.activations)
    cx = sg.enumerate_regions(steep, cube(2))
    found = sg.reduce_regions(steep, cube(2), {"jumps": Jumps()})
    inner = ~cx.facets.is_boundary
    variation = np.abs(cx.facets.jumps[inner]).T @ cx.facets.measures[inner]
    assert found.n_groups > 3
    np.testing.assert_allclose(found["jumps"]["variation"], variation, rtol=1e-9)


@pytest.mark.parametrize("exponent", [-540, 500])
def test_slopes_whose_squares_leave_the_range_of_floats(exponent, small):
    small(10, 5)
    net, steep = random_network((2, 8, 8, 2), 0), 2.0**exponent
    scaled = net.postcompose(np.eye(2) * steep)
    asked = {"slopes": Lipschitz(), "jumps": Jumps()}
    one, two = (sg.reduce_regions(n, cube(2), asked) for n in (net, scaled))
    assert two["slopes"]["outputs"] == pytest.approx(steep * one["slopes"]["outputs"], rel=1e-12)
    assert two["slopes"]["all"] == pytest.approx(steep * one["slopes"]["all"], rel=1e-12)
    assert two["jumps"]["variation"] == pytest.approx(steep * one["jumps"]["variation"], rel=1e-12)
    steeper = net.postcompose(np.eye(2) * 2.0**600)
    with pytest.raises(sg.DomainError, match="network: sums over its jumps are beyond the range of floats; scale"):
        sg.reduce_regions(steeper, cube(2), asked)


@pytest.mark.parametrize("extension", ["mirror", "periodic"])
def test_fourier_coefficients(extension, small):
    small(10, 5)
    net, box = random_network((2, 9, 9, 2), 6), sg.Box([-1.0, 0.25], [0.5, 2.0])
    modes = np.stack(np.meshgrid([0, 1, 5], [-2, 0, 3]), axis=-1)
    values, errors = sg.reduce_regions(net, box, {"series": FourierCoefficients(modes, extension)})["series"]
    whole = sg.fourier_coefficients(sg.enumerate_regions(net, box), modes, extension, return_error=True)
    assert values.shape == errors.shape == (3, 3, 2)
    assert (np.abs(values - whole[0]) <= errors + whole[1]).all() and errors.max() < 1e-9
    triangle = sg.Polytope([[1.0, 1.0], [-1.0, 2.0], [0.0, -3.0]], [1.0, 1.0, 1.0])
    with pytest.raises(sg.DomainError, match="domain: not a Box"):
        sg.reduce_regions(net, triangle, {"series": FourierCoefficients(modes, extension)})


def test_on_a_polytope_with_other_activations(small):
    small(10, 4)
    net = random_network((2, 9, 9, 1), 1, activation="hard_tanh")
    domain = sg.Polytope([[1.0, 1.0], [-1.0, 2.0], [0.0, -3.0]], [1.0, 1.0, 1.0])
    check(sg.reduce_regions(net, domain, all_reducers(2)), sg.enumerate_regions(net, domain))


@pytest.mark.parametrize("d", [2, 3])
def test_a_group_that_is_too_large_comes_in_parts(d, small):
    small(30, 25, most=60)
    net = random_network((d, 9, 9, 9, 1), 2)
    box, seen = cube(d), []
    found = sg.reduce_regions(net, box, all_reducers(d), progress=lambda text, fraction: seen.append(fraction))
    head = Head(net, box)
    assert sum(1 for number in range(len(head.groups)) for _ in Worker(head).groups(number)) > len(head.groups)
    check(found, sg.enumerate_regions(net, box))
    assert seen == sorted(seen) and seen[-1] == 1.0


@pytest.mark.parametrize("kind", ["he", "integer"])
def test_groups_make_the_pieces_of_a_shared_face_in_the_same_order(kind, small):
    """The n-th piece inside a face of the head is the n-th in every group that has the face."""
    small(30, 5)
    head = Head(random_network((3, 9, 7, 1), 4, kind), cube(3))
    places = defaultdict(list)  # of the pieces of each dimension, in each face of the head, in each group that has it
    worker = Worker(head)
    for number in range(len(head.groups)):
        for group in worker.groups(number):
            faces, vertices = worker.run.carriers()
            cx, dims = group.complex, worker.run.dimensions()
            for k in range(3):
                carriers = vertices if k == 0 else faces[dims == k]
                points = cx.vertices if k == 0 else np.array([cx.vertices[v].mean(axis=0) for v in cx.vertices_of(k)])
                for carrier in np.unique(carriers).tolist():
                    places[k, carrier].append(points[carriers == carrier])
    shared = [found for found in places.values() if len(found) > 1]
    assert len(shared) > 100 and max(len(found[0]) for found in shared) > 3
    for first, *others in shared:
        for other in others:
            np.testing.assert_allclose(first, other, atol=1e-12)


WIDE = random_network((2, 48, 48, 24, 1), 5)  # some ten groups with the sizes that groups have


@pytest.fixture(scope="module")
def wide():
    found = sg.reduce_regions(WIDE, cube(2), all_reducers(2))
    assert found.n_groups > 8
    return found


@pytest.mark.own_groups
def test_processes_give_the_same_bits(wide):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert_same_bits(wide, sg.reduce_regions(WIDE, cube(2), all_reducers(2), executor=pool))
        with pytest.raises(sg.InvalidInputError, match="reducers: .*sent to other processes"):
            sg.reduce_regions(WIDE, cube(2), {"mine": Unsendable()}, executor=pool)
    with ThreadPoolExecutor(2) as pool:
        assert_same_bits(wide, sg.reduce_regions(WIDE, cube(2), all_reducers(2), executor=pool))
    with pytest.raises(sg.InvalidInputError, match="executor: it takes no work"):
        sg.reduce_regions(WIDE, cube(2), {"faces": FVector()}, executor=pool)


class Unsendable(FVector):
    def __reduce__(self):
        raise TypeError("stays here")


class Deadly(FVector):
    """Kills its process at the third group, unless it is the caller's or another has died already."""

    def __init__(self, mark):
        self.mark, self.home = str(mark), os.getpid()

    def update(self, group):
        if group.number == 3 and os.getpid() != self.home and not os.path.exists(self.mark):
            Path(self.mark).touch()
            os._exit(1)
        return super().update(group)


def test_a_process_that_dies_is_told(tmp_path, wide):
    reducers, path = {"faces": Deadly(tmp_path / "dead")}, tmp_path / "sums.npz"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with pytest.raises(sg.SpecgeoError, match="executor: a worker died"):
            sg.reduce_regions(WIDE, cube(2), reducers, executor=pool, checkpoint=path)
    assert sg.reduce_regions(WIDE, cube(2), reducers, checkpoint=path)["faces"] == wide["faces"]


@pytest.mark.own_groups
def test_on_a_dask_cluster_one_of_whose_workers_is_killed(tmp_path, wide):
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:
            reducers = all_reducers(2) | {"deadly": Deadly(tmp_path / "dead")}
            found = sg.reduce_regions(WIDE, cube(2), reducers, executor=client.get_executor())
    assert (tmp_path / "dead").exists()
    assert found["deadly"] == wide["faces"]
    assert found["jumps"]["variation"].tobytes() == wide["jumps"]["variation"].tobytes()


class Stop(Exception):
    pass


class Counting(FVector):
    """Faces, and how many groups were looked at in this process; raises after so many."""

    seen, most = 0, 10**9

    def update(self, group):
        if Counting.seen >= Counting.most:
            raise Stop
        Counting.seen += 1
        return super().update(group)


@pytest.mark.parametrize("executor", [None, 2])
def test_a_stopped_run_goes_on(executor, small, tmp_path, monkeypatch):
    small(10, 5)
    net, path = random_network((2, 16, 16, 1), 0), tmp_path / "sums.npz"
    reducers = all_reducers(2) | {"count": Counting()}
    whole = sg.reduce_regions(net, cube(2), reducers)
    monkeypatch.setattr(reduce, "_EVERY", 0.0)
    monkeypatch.setattr(Counting, "seen", 0)
    monkeypatch.setattr(Counting, "most", 12)
    with pytest.raises(Stop):
        sg.reduce_regions(net, cube(2), reducers, executor=executor, checkpoint=path)
    monkeypatch.setattr(Counting, "most", 10**9)
    before = Counting.seen
    again = sg.reduce_regions(net, cube(2), reducers, executor=executor, checkpoint=path)
    assert_same_bits(whole, again)
    assert 0 < whole.n_groups - (Counting.seen - before) <= 12
    before = Counting.seen
    assert_same_bits(whole, sg.reduce_regions(net, cube(2), reducers, checkpoint=path))  # all is there
    assert Counting.seen == before


def test_a_damaged_or_foreign_checkpoint_is_refused(small, tmp_path):
    small(10, 5)
    net, path = random_network((2, 8, 8, 1), 0), tmp_path / "sums.npz"
    sg.reduce_regions(net, cube(2), all_reducers(2), checkpoint=path)
    other = Spectrum(np.random.default_rng(1).normal(size=(3, 2)))
    for call in (
        (random_network((2, 8, 8, 1), 1), cube(2), all_reducers(2)),
        (net, sg.Box([-1.0, -1.0], [1.0, 1.5]), all_reducers(2)),
        (net, cube(2), all_reducers(2) | {"spectrum": other}),
        (net, cube(2), {"faces": FVector()}),
    ):
        with pytest.raises(sg.InvalidInputError, match="checkpoint: .* belongs to another"):
            sg.reduce_regions(*call, checkpoint=path)
    contents = path.read_bytes()
    for damaged in (contents[: len(contents) // 2], b"", b"no archive"):
        path.write_bytes(damaged)
        with pytest.raises(sg.ReadError, match="checkpoint"):
            sg.reduce_regions(net, cube(2), all_reducers(2), checkpoint=path)
    with np.load(_written(path, contents)) as archive:
        arrays = dict(archive)
    arrays["faces/faces"] = arrays["faces/faces"] + 1
    np.savez(path, **arrays)
    with pytest.raises(sg.ReadError, match="damaged"):
        sg.reduce_regions(net, cube(2), all_reducers(2), checkpoint=path)


def _written(path, contents):
    path.write_bytes(contents)
    return path


def test_the_budget_is_kept(small):
    small(10, 5)
    net = random_network((2, 16, 16, 1), 0)
    with pytest.raises(sg.BudgetError, match="max_bytes"):
        sg.reduce_regions(net, cube(2), {"faces": FVector()}, max_bytes=10**5)
    found = sg.reduce_regions(net, cube(2), {"faces": FVector()}, max_bytes=10**8)
    assert found["faces"] == sg.enumerate_regions(net, cube(2)).f_vector


class Corners:
    """How many vertices each cell has; and a group, kept against the rules."""

    def __init__(self):
        self.kept = []

    def start(self):
        return {"corners": np.zeros(0, np.int64)}

    def update(self, group):
        self.kept.append(group)
        return {"corners": np.array([len(v) for v in group.complex.vertices_of(group.complex.dim)])}

    def merge(self, a, b):
        return {"corners": np.concatenate((a["corners"], b["corners"]))}

    def finish(self, total):
        return np.bincount(total["corners"])


def test_a_reducer_of_ones_own(small):
    small(10, 5)
    net, mine = random_network((2, 16, 16, 1), 0), Corners()
    found = sg.reduce_regions(net, cube(2), {"corners": mine})["corners"]
    cx = sg.enumerate_regions(net, cube(2))
    np.testing.assert_array_equal(found, np.bincount([len(v) for v in cx.vertices_of(2)]))
    assert mine.kept[0].complex.n_cells > 0  # what was asked for stays
    with pytest.raises(sg.InvalidInputError, match="within update"):
        mine.kept[0].owned  # noqa: B018


def test_wrong_reducers_and_executors_are_named():
    net = random_network((2, 4, 1), 0)
    for reducers in ({}, {"a/b": FVector()}, {"": FVector()}, {"f": FVector}, {"f": 3}, {3: FVector()}):
        with pytest.raises(sg.InvalidInputError, match="reducers: "):
            sg.reduce_regions(net, cube(2), reducers)
    for executor in (0, -1, True, "two", 10**9):
        with pytest.raises(sg.InvalidInputError, match="executor: "):
            sg.reduce_regions(net, cube(2), {"f": FVector()}, executor=executor)
    with pytest.raises(sg.InvalidInputError, match="bins: "):
        Volumes([1.0, 0.0])
