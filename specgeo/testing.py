"""Self-checks of complexes, and random networks of the kinds that break region enumerators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from specgeo._arguments import checked
from specgeo._cast import FloatArray, RNGLike, as_rng
from specgeo._deprecated import renamed_argument
from specgeo.errors import InvalidInputError
from specgeo.geometry.facet_errors import moved_facets
from specgeo.network import Network

if TYPE_CHECKING:
    from specgeo.geometry.complex import PolyhedralComplex

__all__ = ["assert_complex_valid", "random_network"]

TOLERANCE = 1e-9
"""Guards every float comparison of the self-checks, relative to the size of the terms compared."""


@renamed_argument("seed", "rng")
@checked
def random_network(widths: Sequence[int], rng: RNGLike, kind: str = "he") -> Network:
    """A random ReLU network.

    Parameters
    ----------
    widths : sequence of int
        (d, n_1, ..., n_L, m).
    rng : int, SeedSequence, BitGenerator, Generator or None
        For ``numpy.random.default_rng``.
    kind : str
        ``"he"``: layer by layer W ~ N(0, 2 / fan_in), then b ~ N(0, 0.1^2); ``"zero-bias"``: the same
        without biases; ``"integer"``: weights and biases in {-2, ..., 2}; ``"quarter"``: multiples of
        1/4 in [-2, 2]; ``"pruned"``: ``"he"`` with 80 % of the weights of each layer set to zero;
        ``"duplicated"``: ``"he"`` with the second half of the neurons of each hidden layer copied
        from its first half.

    Returns
    -------
    Network

    Examples
    --------
    >>> from specgeo.testing import random_network
    >>> random_network([2, 16, 16, 1], rng=0).hidden_widths
    (16, 16)
    """
    if len(widths) < 2 or any(n < 1 for n in widths):
        raise InvalidInputError(
            f"widths: {list(widths)} given; name inputs, hidden widths and outputs, each at least 1"
        )
    generator = as_rng(rng)
    weights: list[FloatArray] = []
    biases: list[FloatArray] = []
    last = len(widths) - 2
    for layer, (fan_in, n) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        if kind in ("integer", "quarter"):
            top, unit = (2, 1.0) if kind == "integer" else (8, 0.25)
            weight = generator.integers(-top, top + 1, (n, fan_in)) * unit
            bias = generator.integers(-top, top + 1, n) * unit
        elif kind in ("he", "zero-bias", "pruned", "duplicated"):
            weight = generator.normal(0.0, np.sqrt(2.0 / fan_in), (n, fan_in))
            bias = generator.normal(0.0, 0.1, n)
        else:
            raise InvalidInputError(
                f"kind: {kind!r} is not known; use 'he', 'zero-bias', 'integer', 'quarter', 'pruned' or 'duplicated'"
            )
        if kind == "zero-bias":
            bias = np.zeros(n)
        elif kind == "pruned":
            weight = np.where(generator.random(weight.shape) < 0.8, 0.0, weight)
        elif kind == "duplicated" and layer < last:
            copied = n // 2
            weight[n - copied :], bias[n - copied :] = weight[:copied], bias[:copied]
        weights.append(np.asarray(weight, dtype=np.float64))
        biases.append(np.asarray(bias, dtype=np.float64))
    return Network(weights, biases)


@checked
def assert_complex_valid(cx: PolyhedralComplex, net: Network | None = None) -> None:
    r"""Check everything that must hold in the complex of a continuous function on a convex domain.

    Combinatorics (exact): Euler characteristic 1; each facet has one or two cells; each ridge of a
    face lies in exactly two of its facets; no face is unused or listed twice; sign vectors differ
    from cell to cell. Geometry (to rounding): volumes sum to the domain's; each cell is closed
    (sum \|F\| n = 0) and convex. Function: continuous across each facet; gradient jumps parallel to
    the normals; the divergence identity sum c_F \|F\| n n^T = sum_B \|B\| grad f nu^T, whose right side
    vanishes for compactly supported f. With ``net``, signs and values at the centroids.

    Parameters
    ----------
    cx : PolyhedralComplex
    net : Network, optional
        The network that ``cx`` is said to belong to.

    Raises
    ------
    AssertionError
        With the name of the first check that fails.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.testing import assert_complex_valid, random_network
    >>> net = random_network([2, 8, 8, 1], rng=1)
    >>> assert_complex_valid(sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1])), net)
    """
    _check_incidence(cx)
    _check_measures(cx)
    _check_convexity(cx)
    _check_function(cx)
    if net is not None:
        _check_network(cx, net)


def _require(holds: bool | np.bool_, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def _check_incidence(cx: PolyhedralComplex) -> None:
    _require(cx.euler_characteristic == 1, f"Euler characteristic {cx.euler_characteristic}, not 1")
    for k, lists in enumerate(cx.faces, start=1):
        _require(np.all(np.diff(lists.offsets) >= k + 1), f"a {k}-face with fewer than {k + 1} boundary faces")
        used = np.bincount(lists.indices, minlength=cx.f_vector[k - 1])
        _require(np.all(used > 0), f"a {k - 1}-face in no {k}-face")
        if k >= 2:
            doubled = (cx.boundary(k).astype(np.int32) @ cx.boundary(k - 1).astype(np.int32)).data
            _require(np.all(doubled == 2), f"a {k - 2}-face of a {k}-face that is not in two of its {k - 1}-faces")
        _require(_all_different(cx, k), f"two {k}-faces with the same vertices")
    uses = np.bincount(cx.faces[-1].indices, minlength=cx.f_vector[-2])
    _require(np.all(uses <= 2), "a facet of more than two cells")
    if cx.signs is not None and len(cx.signs.layers):
        rows = np.concatenate((cx.signs.positive, cx.signs.negative), axis=1)
        _require(len(np.unique(rows, axis=0)) == cx.n_cells, "two cells with the same sign vector")


def _all_different(cx: PolyhedralComplex, k: int) -> bool:
    """Whether no two k-faces have the same vertices: sums of random words first, vertex lists if two agree."""
    corners = cx.vertices_of(k)
    words = np.random.default_rng(0).integers(0, 2**64, len(cx.vertices), dtype=np.uint64)
    keys = np.add.reduceat(words[corners.indices], corners.offsets[:-1])
    if len(np.unique(keys)) == len(keys):
        return True
    spans = zip(corners.offsets[:-1], corners.offsets[1:], strict=True)
    return len({corners.indices[a:b].tobytes() for a, b in spans}) == len(keys)


def _check_measures(cx: PolyhedralComplex) -> None:
    _require(np.all(np.isfinite(cx.vertices)), "a vertex that is not finite")
    volume = cx.volumes.sum()
    expected = cx.domain.volume if cx.domain is not None else volume
    _require(abs(volume - expected) <= TOLERANCE * expected, f"volumes sum to {volume!r}, the domain has {expected!r}")
    facets = cx.facets
    flow = np.zeros((cx.n_cells, cx.dim))
    area = np.zeros(cx.n_cells)
    vectors = facets.measures[:, None] * facets.normals
    for column, sense in ((0, 1.0), (1, -1.0)):
        rows = np.flatnonzero(facets.cells[:, column] >= 0)
        np.add.at(flow, facets.cells[rows, column], sense * vectors[rows])
        np.add.at(area, facets.cells[rows, column], facets.measures[rows])
    slack = TOLERANCE * area + _coordinate_error(cx) * _diameters(cx, cx.dim) ** max(cx.dim - 2, 0)
    _require(np.all(np.abs(flow).max(1) <= slack), "a cell that is not closed: its facets' area vectors do not cancel")


def _coordinate_error(cx: PolyhedralComplex) -> float:
    """A few ulp of the largest coordinate: what rounding the vertices may move."""
    return float(16.0 * cx.dim * np.finfo(float).eps * np.abs(cx.vertices).max())


def _diameters(cx: PolyhedralComplex, k: int) -> FloatArray:
    """Largest side of the bounding box of each k-face."""
    corners = cx.vertices_of(k)
    points, starts = cx.vertices[corners.indices], corners.offsets[:-1]
    return np.asarray((np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)).max(axis=1))


def _check_convexity(cx: PolyhedralComplex) -> None:
    """Every vertex of a cell lies on the inner side of each of its facets."""
    facets, lists, corners = cx.facets, cx.faces[-1], cx.vertices_of(cx.dim)
    base = cx.vertices[cx._smallest_vertices[cx.dim - 1]]
    cell = np.repeat(np.arange(cx.n_cells), np.diff(lists.offsets))
    sense = np.where(facets.cells[lists.indices, 0] == cell, 1.0, -1.0)
    width, reach = _facet_widths(cx), _diameters(cx, cx.dim)
    error = _coordinate_error(cx)
    for start in range(0, len(cell), 1 << 16):
        part = slice(start, start + (1 << 16))
        length = np.diff(corners.offsets)[cell[part]]
        row = np.repeat(np.arange(len(length)), length)
        items = np.arange(int(length.sum())) + np.repeat(
            corners.offsets[cell[part]] - (np.cumsum(length) - length), length
        )
        facet = lists.indices[part][row]
        away = np.einsum("ij,ij->i", cx.vertices[corners.indices[items]] - base[facet], facets.normals[facet])
        # the normal of a facet of width w is known to error / w
        tilt = error / np.maximum(width[facet], error)
        allowed = TOLERANCE * reach[cell[part]][row] + error + tilt * reach[cell[part]][row]
        _require(np.all(sense[part][row] * away <= allowed), "a cell that is not convex")


def _facet_widths(cx: PolyhedralComplex) -> FloatArray:
    """A lower estimate of the width of each facet: measure / diameter^(d - 2)."""
    if cx.dim == 1:
        return np.full(cx.f_vector[0], np.inf)
    diameter = np.maximum(_diameters(cx, cx.dim - 1), np.finfo(float).tiny)
    return np.asarray(cx.facets.measures / diameter ** (cx.dim - 2) / cx.dim)


def _check_function(cx: PolyhedralComplex) -> None:
    facets = cx.facets
    inner = np.flatnonzero(~facets.is_boundary)
    a, b = facets.cells[inner, 0], facets.cells[inner, 1]
    step = cx.gradients[b] - cx.gradients[a]
    lift = cx.offsets[b] - cx.offsets[a]
    extent = np.abs(cx.vertices).max()
    size = np.abs(cx.gradients).sum(2) * extent + np.abs(cx.offsets)  # (n_cells, m)
    error = TOLERANCE * np.maximum(size[a], size[b])
    corners = cx.vertices_of(cx.dim - 1)
    for start in range(0, len(inner), 1 << 15):
        part = inner[start : start + (1 << 15)]
        length = np.diff(corners.offsets)[part]
        row = start + np.repeat(np.arange(len(part)), length)
        items = np.arange(int(length.sum())) + np.repeat(corners.offsets[part] - (np.cumsum(length) - length), length)
        gap = np.einsum("imj,ij->im", step[row], cx.vertices[corners.indices[items]]) + lift[row]
        _require(np.all(np.abs(gap) <= error[row]), "a jump of the function across a facet")
    tangential = step - facets.jumps[inner][:, :, None] * facets.normals[inner][:, None, :]
    tilt = _coordinate_error(cx) / np.maximum(_facet_widths(cx)[inner], np.finfo(float).tiny)
    slope = np.maximum(np.abs(cx.gradients[a]).sum(2), np.abs(cx.gradients[b]).sum(2))
    allowed = slope * (TOLERANCE + tilt[:, None])
    _require(np.all(np.abs(tangential).max(2) <= allowed), "a gradient jump that is not along the facet's normal")
    _check_divergence(cx)


def _check_divergence(cx: PolyhedralComplex) -> None:
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
    _require(np.all(np.abs(left - right).max((1, 2)) <= allowed), "the divergence identity fails")


def _check_network(cx: PolyhedralComplex, net: Network) -> None:
    """Signs of the units, where they are clear of rounding, and values at the centroids."""
    x = cx.centroids
    signs = None if cx.signs is None else cx.sign_vectors
    a, size, start = x, np.full_like(x, np.abs(cx.vertices).max()), 0
    for weight, bias, activation in zip(net.weights[:-1], net.biases[:-1], net.activations, strict=True):
        z = a @ weight.T + bias
        size = size @ np.abs(weight).T + np.abs(bias)  # of the terms that z is the sum of
        breaks = len(activation.breakpoints)
        if signs is not None and breaks:
            block = signs[:, start : start + len(bias) * breaks].reshape(len(x), len(bias), breaks)
            above = z[:, :, None] - activation.breakpoints
            clear = np.abs(above) > TOLERANCE * (size[:, :, None] + np.abs(activation.breakpoints))
            agree = np.sign(above) == block
            _require(np.all(agree | ~clear), "a sign of a cell differs from the network's at its centroid")
        start += len(bias) * breaks
        a = activation(z)
        size = np.abs(activation.slopes).max() * size + np.abs(activation.intercepts).max()
    size = size @ np.abs(net.weights[-1]).T + np.abs(net.biases[-1])
    piece = np.einsum("imj,ij->im", cx.gradients, x) + cx.offsets
    _require(np.all(np.abs(net(x) - piece) <= TOLERANCE * size), "the affine pieces differ from the network")
