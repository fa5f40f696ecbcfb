"""Lemma 2 with coefficients: the transform itself, Brion's vertex terms, chains of faces in rationals, closed forms."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import shapely
from scipy.spatial import ConvexHull

import specgeo as sg
from specgeo.fourier import polytope_expansion

CUBE = np.array(list(product([0.0, 1.0], repeat=3)))
FRAME = shapely.box(0, 0, 4, 3).difference(shapely.box(1, 1, 2, 2.5))
STAR = shapely.Polygon([(0, 0), (2, 1), (4, 0), (3, 2), (4, 4), (2, 3), (0, 4), (1, 2)])
L_SOLID = (
    np.array([(x, y, z) for z in (0.0, 1.0) for x, y in ((0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2))]),
    [[0, 5, 4, 3, 2, 1], [6, 7, 8, 9, 10, 11], *([i, (i + 1) % 6, (i + 1) % 6 + 6, i + 6] for i in range(6))],
)
SHAPES = {
    "segment": np.array([[-1.0], [2.5]]),
    "triangle": np.array([[0.0, 0.0], [3.0, 1.0], [1.0, 2.0]]),
    "frame": FRAME,
    "star": STAR,
    "cube": CUBE,
    "octahedron": np.concatenate((np.eye(3), -np.eye(3))) + 5.0,
    "an L": L_SOLID,
    "box": sg.Box([0.0, 1.0, -1.0], [2.0, 2.0, 3.0]),
    "simplex in 5 dimensions": np.concatenate((np.zeros((1, 5)), np.eye(5))),
    "two boxes": [sg.Box([0, 0], [1, 1]), sg.Box([3, 3], [4, 5])],
}


@pytest.mark.parametrize("name", SHAPES)
def test_it_is_the_transform_for_every_t(name: str) -> None:
    shape = SHAPES[name]
    dim = {"segment": 1, "cube": 3, "octahedron": 3, "an L": 3, "box": 3, "simplex in 5 dimensions": 5}.get(name, 2)
    rng = np.random.default_rng(0)
    t = np.array([-7.0, 0.9, 5.0, 60.0, 3e3])
    for u in (rng.normal(size=dim), np.eye(dim)[0], np.ones(dim), np.eye(dim)[-1] - 0.5 * np.eye(dim)[0]):
        expansion = polytope_expansion(shape, u)
        exact = sg.polytope_transform(shape, np.outer(t, u / np.linalg.norm(u)))
        gap = np.abs(expansion(t)[:, 0] - exact)
        volume = sg.fourier.polytope_moments(shape).volume
        assert np.all(gap <= expansion.rounding(t)[:, 0] + 1e-14 * volume * (1 + np.abs(t)))
        assert np.all(expansion.rounding(t)[2:, 0] < 1e-9)


def test_classes_of_a_cube() -> None:
    """A product of (1 - e^{-i t u_j}) / (i t u_j)."""
    facet, edge, vertex = (polytope_expansion(CUBE, u) for u in ([1, 0, 0], [3, 4, 0], [1, 2, 3]))
    assert [[part.n for part in each.classes] for each in (facet, edge, vertex)] == [[1], [2], [3]]
    assert facet[1].coefficients[:, 0] == pytest.approx([-1j, 1j]) and facet[1].supremum == pytest.approx([2.0])
    assert edge[2].coefficients[:, 0] == pytest.approx(np.array([-1, 1, 1, -1]) / (0.6 * 0.8))
    assert edge[2].offsets == pytest.approx([0, 0.6, 0.8, 1.4])
    u = np.array([1, 2, 3]) / 14**0.5  # 1 + 2 = 3: two vertices meet, with opposite signs
    assert vertex[3].offsets == pytest.approx(np.array([0, 1, 2, 4, 5, 6]) / 14**0.5)
    assert np.abs(vertex[3].coefficients[:, 0]) == pytest.approx(np.ones(6) / np.prod(u))
    with pytest.raises(KeyError):
        vertex[1]


def test_vertices_of_simple_polytopes() -> None:
    """Brion: a vertex with edges w_j adds |det w| / prod(i u.w_j) e^{-i t u.v} t^-d."""
    corners = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.5], [0.0, 3.0, 0.0], [0.5, 1.0, 4.0]])
    u = np.array([0.3, -0.5, 0.9]) / np.linalg.norm([0.3, -0.5, 0.9])
    found = polytope_expansion(corners, u)
    assert [part.n for part in found.classes] == [3]
    for v in range(4):
        edges = np.delete(corners, v, axis=0) - corners[v]
        wanted = abs(np.linalg.det(edges)) / np.prod(1j * (edges @ u))
        at = np.argmin(np.abs(found[3].offsets - corners[v] @ u))
        assert found[3].coefficients[at, 0] == pytest.approx(wanted)


def chains(points: list[tuple[int, ...]], face: frozenset[int], dim: int, u: tuple[int, ...]) -> dict:
    """{(power, offset): coefficient} of a simplex, in units of its measure and of i / |u| for each power of 1/t."""
    vertices = sorted(face)
    base = points[vertices[0]]
    rows = [tuple(a - b for a, b in zip(points[v], base, strict=True)) for v in vertices[1:]]
    gram = [[Fraction(sum(a * b for a, b in zip(p, q, strict=True))) for q in rows] for p in rows]
    against = [Fraction(sum(a * b for a, b in zip(p, u, strict=True))) for p in rows]
    offset = Fraction(sum(a * b for a, b in zip(base, u, strict=True)))
    if all(x == 0 for x in against):
        return {(0, offset): Fraction(1)}  # in units of the face's own measure
    # gradients of barycentric coordinates, projected: u_F = sum_i c_i rows_i, gram c = against
    c = solve(gram, against)
    length = sum(x * y for x, y in zip(c, against, strict=True))  # |u_F|^2
    inverse_gram = [solve(gram, [Fraction(int(i == j)) for i in range(len(rows))]) for j in range(len(rows))]
    slopes = [sum(inverse_gram[j][i] * against[i] for i in range(len(rows))) for j in range(len(rows))]
    slopes = [-sum(slopes, Fraction(0)), *slopes]  # u . gradient of the barycentric coordinate of each vertex
    out: dict = {}
    for v, slope in zip(vertices, slopes, strict=True):  # the facet opposite v: u.N |G| / |F| = -dim slope
        weight = -dim * slope / length
        if weight:
            for (power, s), value in chains(points, face - {v}, dim - 1, u).items():
                key = (power + 1, s)
                out[key] = out.get(key, Fraction(0)) + weight * value
    return {key: value for key, value in out.items() if value}


def solve(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    for i in range(len(rows)):
        pivot = next(r for r in range(i, len(rows)) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for r in range(len(rows)):
            if r != i:
                rows[r] = [a - rows[r][i] * b for a, b in zip(rows[r], rows[i], strict=True)]
    return [row[-1] for row in rows]


@pytest.mark.parametrize("u", [(1, 0, 0), (0, 1, 0), (2, 3, 0), (1, 1, 1), (3, -1, 2), (0, -1, 1)])
def test_chains_of_faces_of_a_simplex(u: tuple[int, ...]) -> None:
    """The recursion of Lemma 2's proof, in rationals: each chain stops at the first face orthogonal to u."""
    points = [(0, 0, 0), (2, 0, 0), (0, 3, 0), (0, 0, 1)]
    wanted = chains(points, frozenset(range(4)), 3, u)
    found = polytope_expansion(np.array(points, dtype=float), u)
    length = float(np.linalg.norm(u))
    got = {(part.n, round(float(s) * length, 9)): complex(a) for part in found.classes
           for s, a in zip(part.offsets, part.coefficients[:, 0], strict=True)}  # fmt: skip
    # t u / |u|: a term of power n has |u|^n, and i^n from the divergence theorem; |P| = 1
    expected = {(n, round(float(s), 9)): 1j**n * float(a) * length**n for (n, s), a in wanted.items()}
    assert set(got) == set(expected)
    for key, value in expected.items():
        assert got[key] == pytest.approx(value, abs=1e-12)


def test_walls_that_two_parts_share_are_not_there() -> None:
    parts = [sg.Box([0, 0], [1, 2]), sg.Box([1, 0], [3, 2])]
    both, one = polytope_expansion(parts, [1, 0]), polytope_expansion(sg.Box([0, 0], [3, 2]), [1, 0])
    assert both[1].offsets == pytest.approx([0.0, 3.0]) == one[1].offsets
    assert both[1].coefficients == pytest.approx(one[1].coefficients)


@pytest.mark.parametrize("scale", [1e-60, 1e60])
def test_scales(scale: float) -> None:
    found = polytope_expansion(scale * CUBE, [1, 2, 3])
    wanted = polytope_expansion(CUBE, [1, 2, 3])
    assert found[3].coefficients == pytest.approx(wanted[3].coefficients)
    assert found(5 / scale) / scale**3 == pytest.approx(wanted(5.0))


def test_facet_class_is_the_area() -> None:
    """Supremum of t |F(t u)| along a facet's normal: areas of the facets orthogonal to it."""
    corners = np.random.default_rng(3).normal(size=(8, 3))
    hull = ConvexHull(corners)
    for row, triangle in zip(hull.equations, hull.simplices, strict=True):
        a, b, c = corners[triangle]
        area = np.linalg.norm(np.cross(b - a, c - a)) / 2
        assert polytope_expansion(corners, row[:3])[1].supremum[0] == pytest.approx(area)


def test_refusals() -> None:
    with pytest.raises(sg.InvalidInputError, match="direction"):
        polytope_expansion(CUBE, [0, 0, 0])
    with pytest.raises(sg.UnsupportedError, match="dimension 9"):
        polytope_expansion(sg.Box(0, 1, dim=9), np.ones(9))
