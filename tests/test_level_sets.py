"""Level sets against closed forms, rationals, the divergence theorem and Mayer and Vietoris; degenerate ones first."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from naive.rational import rational_complex

import specgeo as sg
from specgeo.enumeration._layout import CARRIER, Size
from specgeo.geometry import Ragged
from specgeo.levels.level import cut_at_level, sublevel_set
from specgeo.levels.orientation import oriented
from specgeo.paths import decision_boundary
from specgeo.testing import random_network


def norm(dim: int, signs: list[int] | None = None) -> sg.Network:
    """|x_1| + ... + |x_d|, or with other signs."""
    rows = np.kron(np.eye(dim), [[1.0], [-1.0]])
    return sg.Network([rows, np.repeat([signs or [1] * dim], 2, axis=1)], [np.zeros(2 * dim), [0.0]])


def torus() -> sg.Network:
    """||x| + |y| - 1/2| + |z| - 1/4: a ring with 16 vertices and 16 quadrilaterals."""
    across = np.array([[1, 1, 1, 1, 0, 0], [-1, -1, -1, -1, 0, 0], [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]], dtype=float)
    rows = np.kron(np.eye(3), [[1.0], [-1.0]])
    return sg.Network([rows, across, np.ones((1, 4))], [np.zeros(6), [-0.5, 0.5, 0.0, 0.0], [-0.25]])


def cube(dim: int) -> sg.Box:
    return sg.Box(-1, 1, dim=dim)


ALONG_X = sg.Network([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]])  # relu(x)
RIDGE = sg.Network([[[1.0, 0.0], [-1.0, 0.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])  # |x|
KNOWN = [
    # network, value, faces of each dimension, Betti numbers
    (norm(3), 0.0, (1, 0, 0, 0), (1, 0, 0)),
    (norm(3), 0.5, (6, 12, 8, 0), (1, 0, 1)),
    (norm(3), 1.0, (6, 12, 8, 0), (1, 0, 1)),
    (norm(3), 1.5, (24, 36, 8, 0), (1, 5, 0)),
    (norm(3), 2.0, (12, 24, 8, 0), (1, 5, 0)),
    (norm(3), 3.0, (8, 0, 0, 0), (8, 0, 0)),
    (torus(), 0.0, (16, 32, 16, 0), (1, 2, 1)),
    (norm(2), 0.5, (4, 4, 0), (1, 1)),
    (norm(2), 1.0, (4, 4, 0), (1, 1)),
    (norm(2), 1.5, (8, 4, 0), (4, 0)),
    (norm(2, [1, -1]), 0.0, (5, 4, 0), (1, 0)),
    (norm(2, [1, -1]), 0.25, (6, 4, 0), (2, 0)),
    (RIDGE, 0.0, (2, 1, 0), (1, 0)),
    (ALONG_X, 0.0, (4, 4, 1), (1, 0)),
    (ALONG_X, 1.0, (2, 1, 0), (1, 0)),
    (norm(1), 0.0, (1, 0), (1,)),
    (norm(1), 0.25, (2, 0), (2,)),
    (norm(1), 2.0, (0, 0), (0,)),
    (norm(2), 9.0, (0, 0, 0), (0, 0)),
]


@pytest.mark.parametrize(("net", "value", "faces", "betti"), KNOWN)
def test_known_sets(net: sg.Network, value: float, faces: tuple[int, ...], betti: tuple[int, ...]) -> None:
    d = net.input_dim
    level = sg.level_set(net, cube(d), value)
    assert level.lattice.f_vector == faces and level.betti_numbers == betti
    assert level.euler_characteristic == sum((-1) ** k * n for k, n in enumerate(faces))
    assert np.all(level.vertex_errors <= 1e-12) and np.all(net(level.vertices) == value)
    assert len(level) == len(level.faces) == len(level.normals) == len(level.measures)
    assert repr(level).startswith("LevelSet(f = ") and level.measure >= 0


def test_a_flat_piece_is_bounded_by_faces_and_named() -> None:
    level = sg.level_set(ALONG_X, cube(2))
    assert level.flat_measure == 2.0 and "1 flat cell" in repr(level)
    assert level.sides.tolist() == [[0, 1]] and level.normals.tolist() == [[1.0, 0.0]] and level.measure == 2.0
    assert np.all(level.vertices[level.faces[0], 0] == 0.0)
    below = sg.level_set(ALONG_X, cube(2), closed="below")  # the flat half belongs to both solids
    above = sg.level_set(ALONG_X, cube(2), closed="above")
    assert below.measure == 6.0 and above.measure == 8.0 and below.watertight and above.watertight
    assert below.flat_measure == 0.0


def test_what_touches_and_what_crosses() -> None:
    ridge = sg.level_set(RIDGE, cube(2))
    assert ridge.sides.tolist() == [[1, 1]] and ridge.watertight
    wall = sg.level_set(sg.Network([[[1.0, 0.0]]], [[0.0]]), cube(2), 1.0)
    assert wall.sides.tolist() == [[-1, 0]] and wall.on_wall.tolist() == [True]
    axis = sg.level_set(norm(3, [1, 1, 0]), cube(3))
    assert len(axis) == 0 and [len(ids) for ids in axis.strays] == [0, 2] and axis.betti_numbers == (1, 0, 0)
    crossing = sg.level_set(norm(2, [1, -1]), cube(2))
    assert sorted(crossing.ridge_degrees.tolist()) == [1, 1, 1, 1, 4] and not crossing.watertight
    half = sg.Network([[[1, 0], [-1, 0], [0, 1]], [[1, 1, 1]]], [[0, 0, 0], [0]])  # |x| + relu(y): a half line
    assert sorted(sg.level_set(half, cube(2)).ridge_degrees.tolist()) == [1, 1]
    assert not sg.level_set(half, cube(2)).watertight  # it ends inside


def exact_faces(net: sg.Network, d: int, value: float) -> tuple[list, list[set]]:
    """Vertices of the set in Fractions and its faces by dimension as sets of them; value may be subtracted exactly."""
    shifted = [*net.biases[:-1], net.biases[-1] - value]
    deeper = sg.Network([*net.weights, [[1.0]]], [*shifted, [0.0]], [*net.activations, "abs"])
    truth = rational_complex(deeper, [-1.0] * d, [1.0] * d)
    zero = {}
    for corners, _, maps in truth.cells:
        for v in corners:
            zero[v] = sum((a * x for a, x in zip(maps[0], truth.vertices[v], strict=False)), maps[0][-1]) == 0
    found = [{frozenset(truth.vertices[v] for v in f) for f in k if all(zero[v] for v in f)} for k in truth.faces]
    return sorted({p for f in found[0] for p in f}), found


KINDS = ["integer", "zero-bias", "duplicated", "pruned", "quarter"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("widths", [[1, 5, 4, 1], [2, 4, 3, 1], [3, 3, 2, 1]])
def test_against_fractions(widths: list[int], kind: str) -> None:
    """At zero and at the value of a vertex of the complex, where a level is degenerate."""
    d = widths[0]
    for seed in range(3):
        net = random_network(widths, seed, kind)
        cx = sg.enumerate_regions(net, cube(d))
        values = [0.0, *(v for v in net(cx.vertices)[:, 0].tolist() if Fraction(v).denominator < 99)]
        for value in values[:2]:
            level = cx.level_set(value)
            points, faces = exact_faces(net, d, value)
            assert level.lattice.f_vector == tuple(map(len, faces)), (seed, value)
            if not points:
                continue
            exact = np.array([[float(x) for x in p] for p in points])
            nearest = np.abs(level.vertices[:, None] - exact).max(axis=2)
            place = nearest.argmin(axis=1)
            assert len(set(place.tolist())) == len(points)
            assert np.all(nearest.min(axis=1) <= level.vertex_errors + 1e-16)
            for k in range(d + 1):
                found = {frozenset(points[place[v]] for v in face) for face in level.lattice.vertices_of(k)}
                assert found == faces[k]


def enclosed(level: sg.LevelSet) -> float:
    """Volume within a closed surface: (1/d) times the sum of measure, normal . corner."""
    corner = level.vertices[[int(face[0]) for face in level.faces]]
    return float(np.sum(level.measures * np.einsum("ij,ij->i", corner, level.normals)) / level.dim)


def turned(level: sg.LevelSet) -> float:
    """The same from the order of the corners alone (d = 2, 3)."""
    total = 0.0
    for face in level.faces:
        p = level.vertices[face]
        if level.dim == 2:
            total += float(p[0, 0] * p[1, 1] - p[0, 1] * p[1, 0]) / 2
        else:
            total += sum(float(np.linalg.det(p[[0, i, i + 1]])) for i in range(1, len(p) - 1)) / 6
    return total


@pytest.mark.parametrize(("widths", "kind"), [
    ([1, 12, 8, 1], "he"), ([2, 12, 8, 1], "he"), ([3, 12, 8, 1], "he"), ([4, 6, 4, 1], "he"),
    ([2, 6, 6, 1], "duplicated"), ([3, 6, 5, 1], "integer"), ([3, 6, 4, 1], "zero-bias"),
])  # fmt: skip
def test_closed_surfaces_enclose_their_solids(widths: list[int], kind: str) -> None:
    d = widths[0]
    for seed in range(3):
        net = random_network(widths, seed, kind)
        cx = sg.enumerate_regions(net, cube(d))
        value = float(np.median(cx.means))
        level = cx.level_set(value)
        solids = {word: cx.sublevel_set(value, above=word == "above") for word in ("below", "above")}
        total = sum(solid.volumes.sum() for solid in solids.values())
        assert total == pytest.approx(2.0**d + level.flat_measure)
        for word, solid in solids.items():
            surface = cx.level_set(value, closed=word)
            assert enclosed(surface) == pytest.approx(solid.volumes.sum(), abs=1e-12)
            if d in (2, 3):
                assert turned(surface) == pytest.approx(solid.volumes.sum(), abs=1e-12)
            assert np.all(surface.ridge_degrees % 2 == 0)
        np.testing.assert_allclose(np.linalg.norm(level.normals, axis=1), 1.0, atol=1e-15)
        # Mayer and Vietoris for a convex domain: the solids meet in the level
        if min(solid.f_vector[0] for solid in solids.values()):
            both = np.add(*(solid.betti_numbers for solid in solids.values()))
            assert level.betti_numbers == (both[0] - 1, *both[1:])
        alternating = sum((-1) ** k * b for k, b in enumerate(level.betti_numbers))
        assert alternating == level.euler_characteristic
        assert np.abs(net(level.vertices) - value).max(initial=0.0) <= 1e-13


def test_a_generic_level_is_watertight_and_goes_up_the_gradient() -> None:
    net = random_network([3, 24, 16, 1], 5)
    cx = sg.enumerate_regions(net, cube(3))
    value = float(np.median(cx.means))
    level = cx.level_set(value)
    assert level.watertight and level.sides.tolist() == [[-1, 1]] * len(level) and len(level) > 500
    centres = np.array([level.vertices[face].mean(axis=0) for face in level.faces])
    step = 1e-6 * level.normals
    assert np.mean(net(centres + step)[:, 0] > value) > 0.99 and np.mean(net(centres - step)[:, 0] < value) > 0.99
    trimesh = pytest.importorskip("trimesh")
    solid = cx.level_set(value, closed="below")
    triangles = [(f[0], f[i], f[i + 1]) for f in solid.faces for i in range(1, len(f) - 1)]
    mesh = trimesh.Trimesh(solid.vertices, triangles, process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(cx.sublevel_set(value).volumes.sum(), rel=1e-12)
    assert mesh.euler_number == solid.euler_characteristic


def test_a_value_that_no_bias_can_take() -> None:
    """0.1 - 1e-20 is no float: the value is a breakpoint, and the level at a large bias is still exact."""
    net = sg.Network([[[1.0, 0.0]], [[1.0]]], [[0.0], [1e-20]])
    level = sg.level_set(net, cube(2), 0.1)
    assert level.lattice.f_vector == (2, 1, 0) and level.vertices[0, 0] == pytest.approx(0.1)
    high = sg.Network([[[1.0]], [[1.0]]], [[2.0], [2.0**60]])
    assert len(sg.level_set(high, cube(1), 2.0**60)) == 0  # relu(x + 2) > 0 there, though floats do not see it
    assert sg.level_set(high, cube(1), 2.0**60 + 1024).lattice.f_vector == (0, 0)


def test_gradients_that_cancel_have_exact_normals() -> None:
    """f = (a + b) x - a x - b x + tiny . y: what floats leave of the gradient is rounding."""
    a, b = 0.1, 0.7
    exact = Fraction(a) + Fraction(b) - Fraction(a + b)  # of x, not zero
    net = sg.Network([[[a, 0], [b, 0], [a + b, 0], [0, 2.0**-56]], [[1, 1, -1, 1]]], [[1, 1, 2, 0.0], [0.0]])
    level = sg.level_set(net, cube(2), 2.0**-60)
    top = np.array([float(exact), 2.0**-56])  # where y is positive; elsewhere x alone counts
    np.testing.assert_allclose(level.normals, [top / np.linalg.norm(top), [1.0, 0.0]], rtol=1e-14)


def test_small_faces_follow_their_neighbours() -> None:
    """With errors of their corners so large that one face alone knows its sense, the others come out the same."""
    surface = sg.level_set(torus(), cube(3))
    rings = [face if i % 2 else face[::-1] for i, face in enumerate(surface.faces)]
    errors = np.full(len(surface.vertices), 10.0)
    errors[surface.faces[3]] = 0.0
    ridges = surface.lattice.faces[1].take(surface.facets)
    found = oriented(surface.vertices, errors, Ragged.of(rings), surface.normals, ridges, surface.sides)
    for a, b in zip(found, surface.faces, strict=True):
        assert a.tolist() in [np.roll(b, n).tolist() for n in range(len(b))]
    ring = sg.level_set(norm(2), cube(2), 0.5)
    errors = np.full(4, 10.0)
    errors[ring.faces[0]] = 0.0
    lists = Ragged.of([face[::-1] for face in ring.faces])
    found = oriented(ring.vertices, errors, lists, ring.normals, ring.lattice.faces[0].take(ring.facets), ring.sides)
    assert [a.tolist() for a in found] == [a.tolist() for a in ring.faces]


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "abs", "hard_tanh"])
def test_cells_that_cannot_reach_the_value_are_dropped(activation: str) -> None:
    """The same set as from the whole complex, from fewer cells; values that are met nowhere included."""
    for d, widths in ((1, [1, 9, 7, 6, 1]), (2, [2, 9, 7, 6, 1]), (3, [3, 7, 6, 4, 1])):
        net = random_network(widths, 1, activation=activation, bias=0.5)
        f = net(np.random.default_rng(0).uniform(-1, 1, (200, d)))[:, 0]
        dropped = 0
        for value in (*np.quantile(f, [0.02, 0.5, 0.99]).tolist(), float(f.max()) + 100.0):
            found, whole = (cut_at_level(net, cube(d), value, 0, reaching=reaching) for reaching in ("level", None))
            dropped += whole.complex.n_cells - found.complex.n_cells
            sets = []
            for made in (found, whole):
                flags = made.vanishing(0)
                keys = [tuple(x) for x in np.round(made.complex.vertices, 8).tolist()]
                lists = [made.complex.vertices_of(k) for k in range(d + 1)]
                sets.append([{frozenset(keys[v] for v in ids) for ids in of.take(np.flatnonzero(zero))}
                             for of, zero in zip(lists, flags, strict=True)])  # fmt: skip
            assert sets[0] == sets[1]
        assert dropped > whole.complex.n_cells  # of four times as many
    far = sg.level_set(net, cube(3), 1e6)
    assert far.lattice.f_vector == (0, 0, 0, 0) and far.betti_numbers == (0, 0, 0) and far.watertight


@pytest.mark.parametrize("side", ["below", "above"])
def test_solids_without_the_cells_beyond_them(side: str) -> None:
    """The same closed surfaces and sublevel sets as from the whole complex, from fewer cells."""
    dropped = {"surface": 0, "solid": 0}
    for d, widths in ((1, [1, 9, 7, 6, 1]), (2, [2, 9, 7, 6, 1]), (3, [3, 7, 6, 4, 1])):
        net = random_network(widths, 1, bias=0.5)
        f = net(np.random.default_rng(0).uniform(-1, 1, (200, d)))[:, 0]
        for value in (*np.quantile(f, [0.02, 0.5, 0.99]).tolist(), float(f.max()) + 100.0, float(f.min()) - 100.0):
            whole = cut_at_level(net, cube(d), value, 0)
            few = cut_at_level(net, cube(d), value, 0, reaching=side)
            shell = cut_at_level(net, cube(d), value, 0, reaching=f"surface {side}")
            dropped["solid"] += whole.complex.n_cells - few.complex.n_cells
            dropped["surface"] += whole.complex.n_cells - shell.complex.n_cells
            solids = [sublevel_set(made, side == "above") for made in (whole, few)]
            assert solids[0].f_vector == solids[1].f_vector and solids[0].betti_numbers == solids[1].betti_numbers
            assert solids[0].volumes.sum() == pytest.approx(solids[1].volumes.sum(), rel=1e-12)
            surface = sg.level_set(net, cube(d), value, closed=side)
            keys = [tuple(x) for x in np.round(surface.vertices, 8).tolist()]
            found = {frozenset(keys[v] for v in face) for face in surface.faces}
            solid = solids[0]
            outer = np.flatnonzero((solid.facet_cells[:, 1] < 0) & (solid.facet_cells[:, 0] >= 0))
            keys = [tuple(x) for x in np.round(solid.vertices, 8).tolist()]
            assert found == {frozenset(keys[v] for v in ids) for ids in solid.vertices_of(d - 1).take(outer)}
            assert surface.watertight
    assert dropped["solid"] > 100 and dropped["surface"] > 300


def test_levels_of_numbers_beyond_the_range_of_floats() -> None:
    """Bounds that overflow drop nothing."""
    weights = [[[1e200], [-1e200]], [[1e200, -1e200], [1e200, 1e200]], [[1e-200, -1e-200]]]
    huge = sg.Network(weights, [[0, 0], [0, 0], [0]])
    level = sg.level_set(huge, cube(1), 0.0)
    assert level.flat_measure == pytest.approx(1.0)  # 0 for x > 0, where both units are 1e400 x


def test_a_public_surface_of_28_thousand_polygons(real_networks: Path) -> None:
    """The zero set of a signed distance function whose complex has 1.4 million cells: a sphere, topologically."""
    arrays = np.load(real_networks / "fox.npz")
    weights, biases = ([arrays[k] for k in arrays if k.endswith(f"dense.{kind}")] for kind in "Ab")
    net = sg.Network([w.T for w in weights], [b.ravel() for b in biases])
    level = sg.level_set(net, cube(3))
    assert level.lattice.f_vector == (28_314, 56_628, 28_316, 0) and level.betti_numbers == (1, 0, 1)
    assert level.watertight and np.abs(net(level.vertices)).max() <= 1e-14 and level.certificate.certified


@pytest.mark.parametrize("kind", ["integer", "duplicated", "quarter"])
@pytest.mark.parametrize("widths", [[1, 5, 3], [2, 4, 3, 1], [2, 3, 3, 4], [3, 3, 3]])
def test_decision_boundaries(widths: list[int], kind: str) -> None:
    """What the regions leave: the same interfaces; of one output, its zero set."""
    d = widths[0]
    for seed in range(2):
        net = random_network(widths, seed, kind)
        boundary = decision_boundary(net, cube(d))
        regions = sg.paths.decision_regions(net, cube(d))
        between = boundary.measures[(boundary.sides[:, 0] != boundary.sides[:, 1]) & ~boundary.on_wall]
        assert between.sum() + boundary.measures[boundary.sides[:, 0] == boundary.sides[:, 1]].sum() == pytest.approx(
            boundary.measures[~boundary.on_wall].sum()
        )
        assert boundary.flat_measure == pytest.approx(regions.tie_measure)
        if regions.tie_measure == 0.0:
            expected = sum(
                regions.complex.face_measures(d - 1)[
                    [a >= 0 <= b and regions.labels[a] != regions.labels[b] for a, b in sides_of(regions)]
                ]
            )
            assert between.sum() == pytest.approx(expected)
        if net.output_dim == 1:
            level = sg.level_set(net, cube(d))
            assert level.lattice.f_vector == boundary.lattice.f_vector
        for face, normal, (a, b) in zip(boundary.faces, boundary.normals, boundary.sides.tolist(), strict=True):
            gap = Gap(net, boundary.vertices[face].mean(axis=0), normal)
            if 0 <= a < b:
                assert gap.before(b, a) and gap.behind(a, b)
        assert np.all(regions.locate(boundary.vertices[:0]) == -1) and "dimension" in repr(boundary)


class Gap:
    """Outputs a small step before and behind a face."""

    def __init__(self, net: sg.Network, centre: np.ndarray, normal: np.ndarray) -> None:
        self.up, self.down = (self.all_outputs(net, centre + s * 2.0**-30 * normal) for s in (1, -1))

    @staticmethod
    def all_outputs(net: sg.Network, x: np.ndarray) -> np.ndarray:
        return net(x) if net.output_dim > 1 else np.append(0.0, net(x))

    def before(self, winner: int, loser: int) -> bool:
        return bool(self.up[winner] > self.up[loser])

    def behind(self, winner: int, loser: int) -> bool:
        return bool(self.down[winner] > self.down[loser])


def sides_of(regions: sg.paths.DecisionRegions) -> list[list[int]]:
    cells = regions.complex.facet_cells
    return np.where(cells >= 0, regions.cell_component[cells], -1).tolist()


def test_ties_of_three_classes() -> None:
    """The largest of x, y and 0: three half lines in one point; and a maximum that only touches the others."""
    net = sg.Network([[[1, 0], [0, 1], [0, 0]]], [[0, 0, 0]])
    boundary = sg.enumerate_regions(net, cube(2)).decision_boundary()
    assert boundary.lattice.f_vector == (4, 3, 0) and sorted(boundary.sides.tolist()) == [[0, 1], [0, 2], [1, 2]]
    assert sorted(boundary.ridge_degrees.tolist()) == [1, 1, 1, 3] and boundary.betti_numbers == (1, 0)
    cone = sg.Network([norm(2).weights[0], [[1, 1, 1, 1], [0] * 4]], [np.zeros(4), [0, 0]])
    point = decision_boundary(cone, cube(2))
    assert point.lattice.f_vector == (1, 0, 0) and len(point.strays[0]) == 1
    alone = decision_boundary(sg.Network([[[1.0]], [[1], [1], [1]]], [[0.0], [2, 1, 0]]), cube(1))
    assert alone.lattice.f_vector == (0, 0) and alone.watertight
    same = decision_boundary(sg.Network([[[1.0]], [[1], [1]]], [[0.0], [2, 2]]), cube(1))
    assert same.flat_measure == 2.0 and len(same) == 0


def test_of_a_complex_with_its_slice() -> None:
    net = random_network([4, 8, 2], 1).restrict(sg.AffineSlice.axes([1, 3], [0.0] * 4))
    cx = sg.enumerate_regions(net, cube(2))
    level = cx.level_set(0.25, 1)
    direct = sg.level_set(net, cube(2), 0.25, 1)
    assert np.array_equal(level.vertices, direct.vertices) and level.notes == direct.notes != {}
    assert cx.decision_regions().complex.notes == cx.notes and "f[1] = 0.25" in repr(level)
    pytest.importorskip("matplotlib")
    assert level.plot().get_xlabel() == "$x_{1}$"


def test_refusals() -> None:
    cx = sg.enumerate_regions(norm(2), cube(2))
    bare = sg.PolyhedralComplex(cx.vertices, cx.faces, (cx.gradients, cx.offsets))
    for call in (bare.level_set, bare.sublevel_set, bare.decision_boundary, bare.decision_regions):
        with pytest.raises(sg.UnsupportedError, match="needs the network"):
            call()
    with pytest.raises(sg.InvalidInputError, match=r"^output: 1 given; the network has outputs 0 to 0"):
        cx.level_set(output=1)
    with pytest.raises(sg.InvalidInputError, match=r"^closed: 'up' given; pass 'below' or 'above' or None"):
        cx.level_set(closed="up")
    with pytest.raises(sg.InvalidInputError, match=r"^value: "):
        cx.level_set(float("nan"))
    with pytest.raises(sg.BudgetError, match="max_cells"):
        sg.level_set(norm(2), cube(2), 0.5, max_cells=3)


@pytest.mark.parametrize("wanted", ["level", "below", "surface above"])
def test_what_is_kept_of_a_run_is_no_group(wanted: str) -> None:
    """Decisions are counted by carrier: numbers that extraction leaves would lie beyond the table of a whole run."""
    from specgeo.enumeration.enumerate import _run_through
    from specgeo.levels.cut import deepened

    net = deepened(random_network([3, 12, 12, 1], 2), sg.Activation.relu())
    run, _ = _run_through(net, sg.Box(-1, 1, dim=3), True, None, None, None, wanted)
    whole, _ = _run_through(net, sg.Box(-1, 1, dim=3), True, None, None, None)
    vertices, faces, cells = (int(run.state.sizes[size]) for size in (Size.VERTICES, Size.FACES, Size.CELLS))
    assert cells < whole.state.sizes[Size.CELLS]
    assert (run.state.vplanes[:vertices, -1] == -1).all() and (run.state.faces[:faces, CARRIER] == -1).all()
    assert len(run.state.counts) == 1 and run.state.counts[0] == 1
