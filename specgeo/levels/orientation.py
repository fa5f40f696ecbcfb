"""Normals of the faces of a hypersurface, and the order of the corners around each that goes with its normal.

Normals are gradients; floats with a proved error, or integers. In the plane a segment runs with its normal to the
right, so that polygons run counter-clockwise around what their normals point out of; in space the corners of a polygon
run counter-clockwise as seen from the tip of its normal. Where the rounded corners of a small face cannot tell, the
neighbours do: two faces that meet in a ridge of no other face, with different sides, run through it in opposite senses.
Where no neighbour does either, the sense of the rounded corners stands, unproved; normals and lattice do not use it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._codec import Layers
from specgeo.geometry.arrays import Flags, Patterns, Ragged
from specgeo.geometry.integer_network import IntegerNetwork
from specgeo.geometry.linear_regions import gradient_error
from specgeo.geometry.pieces import affine_pieces
from specgeo.geometry.stored_values import piece_bounds

Corners = npt.NDArray[np.int32]

_SURE = 2.0**-20
"""Guards gradients in floats: where their proved error is a larger part of them, they are computed in integers."""
_ROUNDING = 2.0**-46
"""Of the square of its girth (in the plane, of its length): more than what rounding does to the area of a face."""


def unit_gradients(layers: Layers, signs: Patterns, cells: IntArray, rows: FloatArray) -> FloatArray:
    """Unit vectors (n, d) along the gradients of rows . f on cells (n,), rows (n, m) of -1, 0 and 1.

    Each within `_SURE` of the exact one, by proof, and usually within some roundings. Zero where the gradient is.
    """
    if len(cells) == 0:
        return np.zeros((0, layers.weights[0].shape[1]))
    own, at = np.unique(cells, return_inverse=True)
    some = signs.take(own)
    pieces = [np.broadcast_to(p, (len(own), p.shape[1])) for p in some.neuron_pieces(layers.activations)]
    gradients, size = affine_pieces(layers, some)[0][at], np.abs(rows)
    vectors = np.einsum("nm,nmd->nd", rows, gradients)
    allowed = _SURE * np.abs(vectors).max(axis=1) - 2.0**-52 * np.einsum("nm,nmd->n", size, np.abs(gradients))
    unsure = np.flatnonzero(~(size @ gradient_error(layers).sum(axis=1) <= allowed))
    if len(unsure):  # not proved by the sizes of the weights: by those on the cell
        bounds = piece_bounds(layers, [piece[at[unsure]] for piece in pieces])[:, :, :-1]
        unsure = unsure[~(np.einsum("nm,nmd->n", size[unsure], bounds) <= allowed[unsure])]
    if len(unsure):
        exact, _ = IntegerNetwork(layers).affine_pieces([piece[at[unsure]] for piece in pieces])
        whole = rows[unsure].astype(np.int64).astype(object)
        for i, row in zip(unsure.tolist(), (whole[:, :, None] * exact[:, :, :-1]).sum(axis=1).tolist(), strict=True):
            largest = max(map(abs, row)) or 1
            vectors[i] = [n / largest for n in row]
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    vectors /= np.where(largest > 0, largest, 1.0)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1.0)) + 0.0


def oriented(
    vertices: FloatArray, errors: FloatArray, rings: Ragged, normals: FloatArray, ridges: Ragged, sides: IntArray
) -> Ragged:
    """The corners of faces in the order that goes with their normals.

    Parameters
    ----------
    vertices, errors : (n_0, d), (n_0,)
        Corners, and bounds on the errors of their coordinates; d = 2 or 3.
    rings : Ragged
        Corners in order around each face, in either sense.
    normals : (n, d)
    ridges : Ragged
        The ridges of each face.
    sides : (n, 2)
        What is behind and before each face.
    """
    along, doubt = _areas(vertices, errors, rings)
    agreement = np.einsum("nd,nd->n", along, normals)
    turned, known = agreement < 0, np.abs(agreement) > doubt
    if not known.all():
        _follow(rings, ridges, sides[:, 0] != sides[:, 1], turned, known)
    first, last, owner = rings.offsets[:-1], rings.offsets[1:] - 1, rings.owners
    backwards = (first + last)[owner] - np.arange(len(owner))
    return Ragged(rings.offsets, np.where(turned[owner], rings.indices[backwards], rings.indices))


def _areas(vertices: FloatArray, errors: FloatArray, rings: Ragged) -> tuple[FloatArray, FloatArray]:
    """Vectors (n, d) normal to faces as their rings run, as long as these are large, and bounds on their errors."""
    corners, first, owner = vertices[rings.indices], rings.offsets[:-1], rings.owners
    error = np.maximum.reduceat(errors[rings.indices], first)
    if vertices.shape[1] == 2:
        steps = corners[1::2] - corners[::2]
        length = np.linalg.norm(steps, axis=1)
        return np.stack((steps[:, 1], -steps[:, 0]), axis=1), 4.0 * error + _ROUNDING * length
    after = np.arange(1, len(owner) + 1)
    after[rings.offsets[1:] - 1] = first
    arms = corners - corners[first][owner]
    girth = np.add.reduceat(np.linalg.norm(arms[after] - arms, axis=1), first)
    reach = girth + 4.0 * error
    doubt = 8.0 * rings.lengths * error * reach + _ROUNDING * reach**2
    return np.add.reduceat(np.cross(arms, arms[after]), first), doubt


def _follow(rings: Ragged, ridges: Ragged, separating: Flags, turned: Flags, known: Flags) -> None:
    """Let faces follow neighbours whose sense is known, in place, as far as that leads."""
    faces_of: dict[int, list[int]] = {}
    for face, ridge in zip(ridges.owners.tolist(), ridges.indices.tolist(), strict=True):
        faces_of.setdefault(ridge, []).append(face)
    left = np.flatnonzero(~known & separating).tolist()
    while left:
        later = []
        for face in left:
            for ridge in ridges[face].tolist():
                others = [other for other in faces_of[ridge] if other != face]
                if len(others) == 1 and known[others[0]] and separating[others[0]]:
                    turned[face] = turned[others[0]] ^ _clash(rings[face], rings[others[0]])
                    known[face] = True
                    break
            else:
                later.append(face)
        if len(later) == len(left):
            return
        left = later


def _clash(ring: Corners, other: Corners) -> bool:
    """Whether two rings run through the edge that they share in one sense; of segments, whether both begin or end."""
    if len(ring) == 2:
        return bool(ring[0] == other[0] or ring[1] == other[1])
    steps = set(zip(ring.tolist(), np.roll(ring, -1).tolist(), strict=True))
    return not steps.isdisjoint(zip(other.tolist(), np.roll(other, -1).tolist(), strict=True))
