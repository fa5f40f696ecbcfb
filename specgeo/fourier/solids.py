"""Closed polyhedra as arrays for the edge form: shared edges, faces with frames and triangles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._measures import rounded_measures, unit_scale
from specgeo.errors import InvalidInputError
from specgeo.fourier.triangulation import triangulate_rings

WARPED = 1e-6  # a face further from flat than this, in units of its size, is refused
SMALL_FACE = 0.2  # k_f |face| / perimeter below which a face is summed over triangles: the edge form loses eps / that
SMALL_ERROR = 1.0  # or else perimeter / (k_f^2 |P|), in units of eps the error that the edge form adds to the solid's


class Solid(NamedTuple):
    """A closed polyhedron, less its points, for `specgeo.fourier.boundary.polyhedron_sum`."""

    edges: IntArray  # (n_e, 2); where four faces meet an edge comes twice, and so on
    side_faces: IntArray  # (n_e, 2) faces around each edge
    conormals: FloatArray  # (n_e, 2, 2) outward conormal times edge length, for each of these, in the face's axes
    frames: FloatArray  # (n_f, 3, 3) two in-plane axes and the outward normal
    limits: FloatArray  # (n_f,) k_f^2 below which a face is summed over its triangles
    triangle_offsets: IntArray  # (n_f + 1,)
    triangles: IntArray  # (n_t, 3)
    areas: FloatArray  # (n_t,)


def face_triangles(points: FloatArray, faces: Sequence[IntArray]) -> list[IntArray]:
    """Triangles of each face, oriented like it; convex faces are fanned from their smallest vertex."""
    result = []
    for face in faces:
        turned = np.roll(face, -int(np.argmin(face)))
        if len(turned) == 3:
            result.append(turned[None, :])
            continue
        u, v, _ = _frame(points[turned])
        rest = points[turned] - points[turned[0]]
        plane = np.ascontiguousarray(rest * unit_scale(rest) @ np.stack([u, v], axis=1))
        local = triangulate_rings([plane])
        e, f = plane[local[:, 1]] - plane[local[:, 0]], plane[local[:, 2]] - plane[local[:, 0]]
        clockwise = e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0] < 0.0
        local[clockwise] = local[clockwise][:, [0, 2, 1]]
        result.append(turned[local])
    return result


def warp(corners: FloatArray) -> float:
    """Largest distance of a face's vertex from the plane of the face."""
    if len(corners) == 3:
        return 0.0
    rest = corners - corners[0]
    return float(np.abs((rest - rest.mean(axis=0)) @ _frame(corners)[2]).max())


def check_flat(points: FloatArray, faces: Sequence[IntArray]) -> None:
    """Refuse faces that are not meant to be flat."""
    for number, face in enumerate(faces):
        distance = warp(points[face])
        if distance > WARPED * float(np.ptp(points[face], axis=0).max()):
            raise InvalidInputError(
                f"polytope: face {number} is not flat (off by {distance:.1e}); split it into triangles"
            )


def make_solid(points: FloatArray, faces: Sequence[IntArray], triangles: Sequence[IntArray], volume: float) -> Solid:
    """Arrays of a closed polyhedron whose faces are counter-clockwise seen from outside."""
    edges: dict[tuple[int, int], list[tuple[int, FloatArray]]] = {}
    frames, perimeters = [], []
    areas = [rounded_measures(points[t]) for t in triangles]
    for f, face in enumerate(faces):
        frame = _frame(points[face])
        frames.append(frame)
        steps = points[np.roll(face, -1)] - points[face]
        conormals = np.cross(steps, frame[2]) @ frame[:2].T
        for a, b, conormal in zip(face, np.roll(face, -1), conormals, strict=True):
            edges.setdefault((min(int(a), int(b)), max(int(a), int(b))), []).append((f, conormal))
        perimeters.append(float(np.linalg.norm(steps, axis=1).sum()))
    sides = [side for around in edges.values() for side in around]  # an even number at each edge: it is closed
    return Solid(
        np.array([edge for edge, around in edges.items() for _ in around[::2]], dtype=np.int64),
        np.array([f for f, _ in sides], dtype=np.int64).reshape(-1, 2),
        np.array([conormal for _, conormal in sides]).reshape(-1, 2, 2),
        np.array(frames),
        _limits(np.array(perimeters), np.array([area.sum() for area in areas]), np.array(frames)[:, 2], volume),
        np.cumsum([0, *(len(t) for t in triangles)], dtype=np.int64),
        np.ascontiguousarray(np.concatenate(triangles)),
        np.concatenate(areas),
    )


def _limits(perimeters: FloatArray, areas: FloatArray, normals: FloatArray, volume: float) -> FloatArray:
    """k_f^2 below which the edge form of a face is not good enough.

    It loses eps perimeter / (k_f |face|) of the face's own transform, and adds eps perimeter / k_f^2 to that of
    the solid. Either may be small: small faces of a large solid need not be right by themselves. Faces of nearly
    one normal are bad together, so their second errors are counted together, as independent ones.
    """
    with np.errstate(over="ignore"):  # faces of no area are always summed over their triangles
        own = (SMALL_FACE * perimeters / np.maximum(areas, 1e-300)) ** 2
    _, group = np.unique(np.round(3.0 * normals), axis=0, return_inverse=True)
    together = np.sqrt(np.bincount(group.ravel(), weights=perimeters**2))[group.ravel()]
    return np.asarray(np.minimum(own, together / (SMALL_ERROR * abs(volume))))


def check_closed(points: FloatArray, faces: Sequence[IntArray]) -> None:
    """Every directed edge must occur as often as its reverse."""
    count: dict[tuple[int, int], int] = {}
    for face in faces:
        for a, b in zip(face, np.roll(face, -1), strict=True):
            key, sign = ((int(a), int(b)), 1) if a < b else ((int(b), int(a)), -1)
            count[key] = count.get(key, 0) + sign
    loose = [edge for edge, balance in count.items() if balance != 0]
    if loose:
        twice = len(points) - len(np.unique(points, axis=0))
        hint = (
            f"; {twice} points repeat others, as in STL files: merge them (trimesh: merge_vertices(); numpy:"
            " points, number = np.unique(points, axis=0, return_inverse=True), faces = number[faces])"
        )
        raise InvalidInputError(
            f"polytope: the surface is not closed or not oriented alike at edge {loose[0]} and {len(loose) - 1} others;"
            f" every edge must be run through once in each direction{hint if twice else ''}"
        )


def _frame(corners: FloatArray) -> FloatArray:
    """Rows u, v, n: an orthonormal frame with n the normal of the (counter-clockwise) polygon."""
    rest = corners - corners[0]
    rest = rest * unit_scale(rest)
    normal = np.cross(rest[1:-1], rest[2:]).sum(axis=0)
    size = float(np.linalg.norm(normal))
    if size == 0.0:
        normal, size = _any_normal(rest), 1.0
    n = normal / size
    u = np.cross(n, np.eye(3)[np.argmin(np.abs(n))])
    u /= np.linalg.norm(u)
    return np.stack([u, np.cross(n, u), n])


def _any_normal(rest: FloatArray) -> FloatArray:
    """A unit vector orthogonal to a degenerate face."""
    return np.asarray(np.linalg.svd(rest)[2][-1])
