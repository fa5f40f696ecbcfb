"""Volumes, centroids and normals of simplices and of faces.

Every measure is the sum of absolute simplex measures of the pulling triangulation: no term cancels
another. Each is within 1e-14 of the exact measure of its float64 vertices, relatively, however thin:
plain floats measure what is not thin, `specgeo._measures` the rest.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._measures import rounded_measures

if TYPE_CHECKING:
    from specgeo.geometry.complex import PolyhedralComplex

_CHUNK = 1 << 18  # simplices at a time: the temporaries stay in cache
_THIN = 0.1
"""Share of the product of its sides below which a simplex's determinant has lost digits that are wanted."""
_TINY = 1e-290  # measures below this may have lost digits to underflow


def _plain_measures(sides: FloatArray) -> FloatArray:
    """k-volumes times k! of simplices from their sides (n, k, d)."""
    _, k, d = sides.shape
    if k == 1:
        return np.asarray(np.linalg.norm(sides[:, 0], axis=1))
    if k == 2 and d == 2:
        return np.asarray(np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0]))
    if k == 2 and d == 3:
        return np.asarray(np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1))
    if k == d:
        return np.asarray(np.abs(np.linalg.det(sides)))
    r = np.linalg.qr(np.swapaxes(sides, 1, 2), mode="r")
    return np.asarray(np.abs(np.prod(np.diagonal(r, axis1=1, axis2=2), axis=1)))


def _simplex_measures(points: FloatArray) -> FloatArray:
    """k-volumes of simplices with vertices ``points`` (n, k + 1, d)."""
    k = points.shape[1] - 1
    if k == 0:
        return np.ones(len(points))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        sides = points[:, 1:] - points[:, :1]
        plain = _plain_measures(sides)
        product = np.linalg.norm(sides, axis=2).prod(axis=1)
        thin = ~((plain >= _THIN * product) & (plain > _TINY) & (product < np.inf))
        result = plain / math.factorial(k)
        result[thin] = rounded_measures(points[thin])
    return np.asarray(result)


def lengths_of(vectors: FloatArray) -> FloatArray:
    """Euclidean lengths along the last axis, without overflow or underflow."""
    scale = np.abs(vectors).max(-1, initial=0.0)
    safe = np.where(scale > 0, scale, 1.0)
    return np.asarray(scale * np.sqrt(((vectors / safe[..., None]) ** 2).sum(-1)))


def simplex_measures(vertices: FloatArray, simplices: IntArray) -> FloatArray:
    """k-volumes (n_s,) of the simplices (n_s, k + 1) with these vertices (n_0, d)."""
    out = np.empty(len(simplices))
    for start in range(0, len(simplices), _CHUNK):
        part = slice(start, start + _CHUNK)
        out[part] = _simplex_measures(vertices[simplices[part]])
    return out


def _measures_of(cx: PolyhedralComplex, k: int) -> FloatArray:
    """Measures of the simplices of the triangulation of the k-faces, computed once."""
    measures: FloatArray = cx._once(
        "simplex measures", k, lambda c, j: simplex_measures(c.vertices, c.triangulation(j)[0])
    )
    return measures


def face_measures(cx: PolyhedralComplex, k: int) -> FloatArray:
    """k-volumes of the k-faces, (n_k,); a vertex has measure 1."""
    _, owner = cx.triangulation(k)
    measures = np.bincount(owner, _measures_of(cx, k), minlength=cx.f_vector[k])
    return measures.astype(np.float64, copy=False)


def face_centroids(cx: PolyhedralComplex, k: int) -> FloatArray:
    """Centres of mass of the k-faces, (n_k, d); a face of rounded measure zero has the mean of its vertices."""
    simplices, owner = cx.triangulation(k)
    n = cx.f_vector[k]
    weights = _measures_of(cx, k)
    count = np.bincount(owner, minlength=n)
    total = np.bincount(owner, weights, minlength=n)
    scale = np.where(total > 0, total, 1.0)[owner]
    # relative weights: a face of measure 1e-300 is averaged like any other
    weights = np.where(total[owner] > 0, weights / scale, 1.0 / np.maximum(count, 1)[owner])
    base = cx.vertices[cx._smallest_vertices[k]]
    centre = np.empty((n, cx.dim))
    for axis in range(cx.dim):
        # offsets from the apex, so that small faces far from the origin keep their digits
        offset = (cx.vertices[simplices, axis] - base[owner, axis, None]).sum(1)
        centre[:, axis] = np.bincount(owner, weights * offset / (k + 1), minlength=n) + base[:, axis]
    return centre


def simplex_normals(points: FloatArray) -> FloatArray:
    """Normals of (d-1)-simplices (n, d, d) in R^d, of length (d-1)! times their measure (any d >= 2)."""
    d = points.shape[2]
    sides = points[:, 1:] - points[:, :1]
    if d == 2:
        return np.stack((sides[:, 0, 1], -sides[:, 0, 0]), axis=1)
    if d == 3:
        return np.asarray(np.cross(sides[:, 0], sides[:, 1]))
    q, r = np.linalg.qr(np.swapaxes(sides, 1, 2), mode="complete")
    size = np.abs(np.prod(np.diagonal(r, axis1=1, axis2=2), axis=1))
    return np.asarray(q[:, :, -1] * size[:, None])
