"""What must hold in the complex of a continuous piecewise-linear function on a convex domain, checked in floats.

`specgeo.geometry.reproof` proves a complex; this is faster, needs no network, and looks at measures, convexity and the
function too. Each check gives pairs of what holds and what it means that it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from specgeo._cast import FloatArray
from specgeo._codec import Layers
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.facet_errors import moved_facets
from specgeo.layer_activations import MaxGroups

TOLERANCE = 1e-9
"""Guards every float comparison of the self-checks, relative to the size of the terms compared."""

Findings = Iterator[tuple[Any, str]]


def failures(cx: PolyhedralComplex, layers: Layers | None = None) -> list[str]:
    """What does not hold in a complex: an empty list if it is sound.

    Combinatorics (exact): Euler characteristic 1; each facet has one or two cells; each ridge of a
    face lies in exactly two of its facets; no face is unused or listed twice; sign vectors differ
    from cell to cell. Geometry (to rounding): volumes sum to the domain's; each cell is closed
    (sum |F| n = 0) and convex. Function: continuous across each facet; gradient jumps parallel to
    the normals; the divergence identity sum c_F |F| n n^T = sum_B |B| grad f nu^T, whose right side
    vanishes for compactly supported f. With ``layers``, signs and values of this network at the centroids.

    A check rests on those before it: the list ends with the first of them that fails.
    """
    checks: list[Callable[[PolyhedralComplex], Findings]] = [_incidence, _measures, _convexity, _function, _divergence]
    if layers is not None:
        checks.append(lambda same: _network(same, layers))
    for check in checks:
        found = dict.fromkeys(what for holds, what in check(cx) if not holds)
        if found:
            return list(found)
    return []


def _incidence(cx: PolyhedralComplex) -> Findings:
    yield cx.euler_characteristic == 1, f"Euler characteristic {cx.euler_characteristic}, not 1"
    for k, lists in enumerate(cx.faces, start=1):
        yield np.all(lists.lengths >= k + 1), f"a {k}-face with fewer than {k + 1} boundary faces"
        used = np.bincount(lists.indices, minlength=cx.f_vector[k - 1])
        yield np.all(used > 0), f"a {k - 1}-face in no {k}-face"
        if k >= 2:
            doubled = (cx.boundary(k).astype(np.int32) @ cx.boundary(k - 1).astype(np.int32)).data
            yield np.all(doubled == 2), f"a {k - 2}-face of a {k}-face that is not in two of its {k - 1}-faces"
        yield _all_different(cx, k), f"two {k}-faces with the same vertices"
    uses = np.bincount(cx.faces[-1].indices, minlength=cx.f_vector[-2])
    yield np.all(uses <= 2), "a facet of more than two cells"
    if cx.signs is not None and len(cx.signs.layers):
        rows = np.concatenate((cx.signs.positive, cx.signs.negative), axis=1)
        yield len(np.unique(rows, axis=0)) == cx.n_cells, "two cells with the same sign vector"
    yield np.all(np.isfinite(cx.vertices)), "a vertex that is not finite"


def _all_different(cx: PolyhedralComplex, k: int) -> bool:
    """Whether no two k-faces have the same vertices: sums of random words first, vertex lists if two agree."""
    corners = cx.vertices_of(k)
    words = np.random.default_rng(0).integers(0, 2**64, len(cx.vertices), dtype=np.uint64)
    keys = np.add.reduceat(words[corners.indices], corners.offsets[:-1])
    return len(np.unique(keys)) == len(keys) or len({items.tobytes() for items in corners}) == len(keys)


def _measures(cx: PolyhedralComplex) -> Findings:
    volume = cx.volumes.sum()
    expected = cx.domain.volume if cx.domain is not None else volume
    yield abs(volume - expected) <= TOLERANCE * expected, f"volumes sum to {volume!r}, the domain has {expected!r}"
    facets = cx.facets
    flow, area = np.zeros((cx.n_cells, cx.dim)), np.zeros(cx.n_cells)
    vectors = facets.measures[:, None] * facets.normals
    for column, sense in ((0, 1.0), (1, -1.0)):
        rows = np.flatnonzero(facets.cells[:, column] >= 0)
        np.add.at(flow, facets.cells[rows, column], sense * vectors[rows])
        np.add.at(area, facets.cells[rows, column], facets.measures[rows])
    slack = TOLERANCE * area + _coordinate_error(cx) * _diameters(cx, cx.dim) ** max(cx.dim - 2, 0)
    closed = np.all(np.abs(flow).max(1) <= slack)
    yield closed, "a cell that is not closed: its facets' area vectors do not cancel"


def _coordinate_error(cx: PolyhedralComplex) -> float:
    """A few ulp of the largest coordinate: what rounding the vertices may move."""
    return float(16.0 * cx.dim * np.finfo(float).eps * np.abs(cx.vertices).max())


def _diameters(cx: PolyhedralComplex, k: int) -> FloatArray:
    """Largest side of the bounding box of each k-face."""
    corners = cx.vertices_of(k)
    points, starts = cx.vertices[corners.indices], corners.offsets[:-1]
    return np.asarray((np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)).max(axis=1))


def _convexity(cx: PolyhedralComplex) -> Findings:
    """Every vertex of a cell lies on the inner side of each of its facets."""
    facets, lists, corners = cx.facets, cx.faces[-1], cx.vertices_of(cx.dim)
    base = cx.vertices[cx.smallest_vertices[cx.dim - 1]]
    cell = lists.owners
    sense = np.where(facets.cells[lists.indices, 0] == cell, 1.0, -1.0)
    width, reach = _facet_widths(cx), _diameters(cx, cx.dim)
    error = _coordinate_error(cx)
    for start in range(0, len(cell), 1 << 16):
        part = slice(start, start + (1 << 16))
        own = corners.take(cell[part])
        row, facet = own.owners, lists.indices[part][own.owners]
        away = np.einsum("ij,ij->i", cx.vertices[own.indices] - base[facet], facets.normals[facet])
        # the normal of a facet of width w is known to error / w
        tilt = error / np.maximum(width[facet], error)
        allowed = TOLERANCE * reach[cell[part]][row] + error + tilt * reach[cell[part]][row]
        yield np.all(sense[part][row] * away <= allowed), "a cell that is not convex"


def _facet_widths(cx: PolyhedralComplex) -> FloatArray:
    """A lower estimate of the width of each facet: measure / diameter^(d - 2)."""
    if cx.dim == 1:
        return np.full(cx.f_vector[0], np.inf)
    diameter = np.maximum(_diameters(cx, cx.dim - 1), np.finfo(float).tiny)
    return np.asarray(cx.facets.measures / diameter ** (cx.dim - 2) / cx.dim)


def _function(cx: PolyhedralComplex) -> Findings:
    facets = cx.facets
    inner = np.flatnonzero(~facets.is_boundary)
    a, b = facets.cells[inner].T
    step, lift = cx.gradients[b] - cx.gradients[a], cx.offsets[b] - cx.offsets[a]
    extent = np.abs(cx.vertices).max()
    size = np.abs(cx.gradients).sum(2) * extent + np.abs(cx.offsets)  # (n_cells, m)
    error = TOLERANCE * np.maximum(size[a], size[b])
    corners = cx.vertices_of(cx.dim - 1)
    for start in range(0, len(inner), 1 << 15):
        own = corners.take(inner[start : start + (1 << 15)])
        row = start + own.owners
        gap = np.einsum("imj,ij->im", step[row], cx.vertices[own.indices]) + lift[row]
        yield np.all(np.abs(gap) <= error[row]), "a jump of the function across a facet"
    tangential = step - facets.jumps[inner][:, :, None] * facets.normals[inner][:, None, :]
    tilt = _coordinate_error(cx) / np.maximum(_facet_widths(cx)[inner], np.finfo(float).tiny)
    slope = np.maximum(np.abs(cx.gradients[a]).sum(2), np.abs(cx.gradients[b]).sum(2))
    allowed = slope * (TOLERANCE + tilt[:, None])
    yield np.all(np.abs(tangential).max(2) <= allowed), "a gradient jump that is not along the facet's normal"


def _divergence(cx: PolyhedralComplex) -> Findings:
    """sum_F c_F |F| n n^T = sum_B |B| grad f nu^T."""
    facets = cx.facets
    inner, outer = ~facets.is_boundary, facets.is_boundary
    weights = facets.jumps[inner] * facets.measures[inner, None]
    n = facets.normals[inner]
    left = np.einsum("im,ij,ik->mjk", weights, n, n)
    flux = cx.gradients[facets.cells[outer, 0]] * facets.measures[outer, None, None]
    right = np.einsum("imj,ik->mjk", flux, facets.normals[outer])
    slope = np.abs(cx.gradients).sum(2).max(0)
    size = slope * facets.measures.sum() + np.abs(weights).sum(0)
    moved = moved_facets(cx)
    steep = np.abs(cx.gradients[facets.cells[outer, 0]]).sum(2)
    allowed = TOLERANCE * size + moved[inner] @ np.abs(facets.jumps[inner]) + moved[outer] @ steep
    yield np.all(np.abs(left - right).max((1, 2)) <= allowed), "the divergence identity fails"


def _network(cx: PolyhedralComplex, layers: Layers) -> Findings:
    """Signs of the units, where they are clear of rounding, and values at the centroids."""
    a = cx.centroids
    signs = None if cx.signs is None else cx.sign_vectors
    size, start = np.full_like(a, np.abs(cx.vertices).max()), 0
    for weight, bias, activation in zip(layers.weights[:-1], layers.biases[:-1], layers.activations, strict=True):
        z = a @ weight.T + bias
        size = size @ np.abs(weight).T + np.abs(bias)  # of the terms that z is the sum of
        units = activation.units(len(bias))
        stop = start + len(units.owners)
        if signs is not None and isinstance(activation, MaxGroups):
            gap = (activation(z)[:, activation.owners] - z[:, activation.members])[:, activation.competing]
            clear = gap > TOLERANCE * (size.max(axis=1, keepdims=True))
            wins = np.where(signs[:, start:stop] > 0, gap, 0.0) <= TOLERANCE * size.max(axis=1, keepdims=True)
            agree = (signs[:, start:stop] < 0) | ~clear
            yield np.all(agree & wins), "a winner of a cell is not the largest at its centroid"
        elif signs is not None:
            above = z[:, units.owners] - units.thresholds
            clear = np.abs(above) > TOLERANCE * (size[:, units.owners] + np.abs(units.thresholds))
            agree = np.sign(above) == signs[:, start:stop]
            yield np.all(agree | ~clear), "a sign of a cell differs from the network's at its centroid"
        start = stop
        a = activation(z)
        size = activation.spread(size.T).T + activation.shift
    size = size @ np.abs(layers.weights[-1]).T + np.abs(layers.biases[-1])
    values = a @ layers.weights[-1].T + layers.biases[-1]
    yield np.all(np.abs(values - cx.means) <= TOLERANCE * size), "the affine pieces differ from the network"
