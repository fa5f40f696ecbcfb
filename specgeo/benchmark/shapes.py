"""Convex shapes whose transforms are compared, and wavevectors for them."""

from __future__ import annotations

import itertools

import numpy as np

from specgeo._cast import FloatArray

PHI = (1 + 5**0.5) / 2


def ngon(n: int) -> FloatArray:
    """A regular polygon with corners on the unit circle."""
    turn = 2 * np.pi * np.arange(n) / n
    return np.column_stack((np.cos(turn), np.sin(turn)))


def dodecahedron() -> FloatArray:
    """The regular one, with corners on the sphere of radius sqrt(3)."""
    corners = [list(s) for s in itertools.product((-1.0, 1.0), repeat=3)]
    for a, b in itertools.product((-1 / PHI, 1 / PHI), (-PHI, PHI)):
        corners += [[0, a, b], [a, b, 0], [b, 0, a]]
    return np.array(corners, dtype=float)


def on_sphere(n: int) -> FloatArray:
    """n random points of a sphere, so that all are vertices of their hull."""
    points = np.random.default_rng(0).normal(size=(n, 3))
    return np.asarray(points / np.linalg.norm(points, axis=1)[:, None])


POLYGONS = {"square": ngon(4), "hexagon": ngon(6), "100-gon": ngon(100)}
SOLIDS = {
    "cube": np.array(list(itertools.product((-1.0, 1.0), repeat=3))),
    "dodecahedron": dodecahedron(),
    "hull of 50": on_sphere(50),
}


def named_shapes() -> dict[str, FloatArray]:
    """The vertices of three polygons and three polyhedra: square, hexagon, 100-gon, cube, dodecahedron, a hull of 50.

    Returns
    -------
    dict of str to ndarray, shape (n, d)

    Examples
    --------
    >>> from specgeo.benchmark import named_shapes
    >>> {name: points.shape for name, points in named_shapes().items()}["dodecahedron"]
    (20, 3)
    """
    return {**POLYGONS, **SOLIDS}


def wavevectors(points: FloatArray, normals: FloatArray, n: int) -> dict[str, FloatArray]:
    """n wavevectors of each kind that transforms go wrong at, lengths in units of 1 / radius.

    ``usual``: 0.1 to 30; ``small``: 1e-6 to 1e-2; ``large``: 1000; ``normals``: off a face's normal by a part in 10^7.
    """
    rng = np.random.default_rng(2)
    dim, radius = points.shape[1], float(np.linalg.norm(points, axis=1).max())
    ways = rng.normal(size=(3, n, dim))
    ways /= np.linalg.norm(ways, axis=2)[:, :, None]
    lengths = np.exp(rng.uniform(np.log([[0.1], [1e-6]]), np.log([[30.0], [1e-2]]), (2, n))) / radius
    near = normals[rng.integers(len(normals), size=n)] + 1e-7 * rng.normal(size=(n, dim))
    return {
        "usual": lengths[0][:, None] * ways[0],
        "small": lengths[1][:, None] * ways[1],
        "large": 1000.0 / radius * ways[2],
        "normals": 8.0 / radius * near,
    }
