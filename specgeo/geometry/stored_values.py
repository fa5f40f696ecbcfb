"""The numbers stored with a complex against the exact ones: coordinates, walls, affine pieces.

Promises. A coordinate of vertex v differs from the exact one by at most ``vertex_errors[v]``. A boundary facet lies in
the wall ``facet_walls`` of the domain, other facets have none. An entry of the affine map of a cell differs from the
exact one by at most `piece_bounds`: it is evaluated by products and sums in some order (backwards through the layers,
or by `specgeo.geometry._fold`), and each of its terms, a product of weights, slopes and a bias along a path through
the network, takes part in no more than K roundings, so that it is off by K u of itself, u the unit roundoff. The
bound is twice that, for what is of second order; a factor allows for its own evaluation, of positive terms only. Where
that overflows it is repeated in extended precision: its range is wider.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._codec import Layers
from specgeo._sparse import converted
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.integer_network import IntegerNetwork, Integers
from specgeo.geometry.structure import require, require_network, stated_errors
from specgeo.layer_activations import MaxGroups

_SPARE = 2.0**22  # times the smallest normal number stands for what underflows
_CELLS_A_CHUNK = 512


def check_coordinates(cx: PolyhedralComplex, top: Integers, bottom: Integers) -> float:
    """Each coordinate is within its stated error of the exact one; returns the largest error."""
    largest = 0.0
    errors = stated_errors(cx).tolist()
    for v, (x, tops, d) in enumerate(zip(cx.vertices.tolist(), top.tolist(), bottom.tolist(), strict=True)):
        for stored, n in zip(x, tops, strict=True):
            p, q = stored.as_integer_ratio()
            gap = abs(p * d - n * q), q * d
            largest = max(largest, _quotient(*gap))
            off = f"a stored coordinate is off by {_quotient(*gap):.3g}, more than its stated error"
            require(_at_most(*gap, errors[v]), f"vertex {v}: {off}")
    return largest


def _at_most(top: int, bottom: int, bound: float) -> bool:
    """top / bottom <= bound; no infinite bound counts."""
    if not math.isfinite(bound):
        return False
    p, q = bound.as_integer_ratio()
    return top * q <= p * bottom


def _quotient(top: int, bottom: int) -> float:
    try:
        return top / bottom
    except OverflowError:
        return math.inf


def check_walls(cx: PolyhedralComplex, on_wall: npt.NDArray[np.bool_], outer: npt.NDArray[np.bool_]) -> None:
    """Boundary facets have a wall and lie in it, others have none; ``on_wall`` is (n_0, walls)."""
    walls = cx.facet_walls
    if walls is None:
        return
    wrong = np.flatnonzero((walls >= 0) != outer)
    require(len(wrong) == 0, f"facet {wrong[:1]}: has a wall and two cells, or no wall and one")
    corners = cx.vertices_of(cx.dim - 1)
    together = np.logical_and.reduceat(on_wall[corners.indices], corners.offsets[:-1], axis=0)
    wrong = np.flatnonzero(outer & ~together[np.arange(len(walls)), walls])
    require(len(wrong) == 0, f"facet {wrong[:1]}: not in the wall that it is said to be in")


def check_pieces(cx: PolyhedralComplex, network: IntegerNetwork) -> None:
    """Each entry of the affine pieces is within its bound of the exact one."""
    layers, signs = require_network(cx, "a proof")
    pieces = signs.neuron_pieces(layers.activations)
    stored = np.concatenate((cx.gradients, cx.offsets[:, :, None]), axis=2)
    for start in range(0, cx.n_cells, _CELLS_A_CHUNK):
        part = [piece[start : start + _CELLS_A_CHUNK] for piece in pieces]
        exact, exponent = network.affine_pieces(part)
        bounds = piece_bounds(layers, part)
        one = 1 << exponent
        for i, (numbers, tops, limits) in enumerate(
            zip(stored[start : start + _CELLS_A_CHUNK], exact, bounds, strict=True)
        ):
            for number, n, bound in zip(numbers.flat, tops.flat, limits.flat, strict=True):
                p, q = number.as_integer_ratio()
                near = _at_most(abs(p * one - n * q), q * one, float(bound))
                require(near, f"cell {start + i}: its affine piece is not within a finite bound of the network's")


def piece_bounds(layers: Layers, pieces: list[IntArray]) -> FloatArray:
    """Bounds (n_cells, m, d + 1) on the errors of gradients and offsets, inf or NaN where products overflow.

    The expression of the map with all numbers replaced by their absolute values, times K eps with K = 2 + the sum of
    2 n + 4 over hidden layers of n neurons, and of 2 q for q maxima.
    """
    found = _piece_bounds(layers, pieces, np.float64)
    open_cells = np.flatnonzero(~np.isfinite(found).all(axis=(1, 2)))
    if len(open_cells):  # what overflows may be in the range of long doubles
        found[open_cells] = _piece_bounds(layers, [p[open_cells] for p in pieces], np.longdouble)
    return found


def _piece_bounds(layers: Layers, pieces: list[IntArray], wide: Any) -> FloatArray:
    """The same, computed in a ``wide`` type, of positive terms only: its own rounding is (K + 8) eps at most."""
    weights, biases = ([converted(x, lambda w: np.abs(np.asarray(w, wide))) for x in part] for part in layers[:2])
    tiny = _SPARE * wide(np.finfo(float).tiny)
    n, m = len(pieces[0]) if pieces else 1, len(biases[-1])
    rows: Any = np.broadcast_to(np.asarray(weights[-1]), (n, *weights[-1].shape))
    offsets: Any = np.broadcast_to(biases[-1], (n, m))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for weight, bias, activation, piece in reversed(
            list(zip(weights[:-1], biases[:-1], layers.activations, pieces, strict=True))
        ):
            chosen = np.broadcast_to(piece, (n, activation.width(len(bias))))
            shifts = (np.abs(activation.intercepts)[chosen] + tiny).astype(wide)
            offsets = offsets + (rows @ shifts[:, :, None])[:, :, 0]
            rows = (rows * np.abs(activation.slopes)[chosen][:, None, :] + tiny).astype(wide)
            rows = activation.scatter(rows, chosen, len(bias))
            offsets = offsets + rows @ bias + tiny
            rows = (rows.reshape(n * m, -1) @ weight).reshape(n, m, -1) + tiny
        roundings = 2 + sum(2 * len(bias) + 4 for bias in biases[:-1])
        roundings += sum(2 * len(a.sizes) for a in layers.activations if isinstance(a, MaxGroups))
        own = 1 + 2 * (roundings + 8) * float(np.finfo(wide).eps)
        bounds = own * np.finfo(float).eps * roundings * np.concatenate((rows, offsets[:, :, None]), axis=2)
        return np.asarray(bounds.astype(float))


def not_covered(cx: PolyhedralComplex) -> tuple[str, ...]:
    """What is stored and says nothing about network and domain that could be proved."""
    names = ["certificate: the account of decisions and times"] if cx.certificate is not None else []
    if cx.layers is not None and any(activation.name != "max" for activation in cx.layers.activations):
        names.append("layers: the names of activations")
    return (*names, *(f"notes: {name}" for name in cx.notes))
