"""What the arrays of a complex must satisfy before anything is computed from them: types, shapes, ranges, orders.

No kernel reads beyond an array of a complex that passes. Whether the numbers are right is another question, which
`specgeo.geometry.reproof` answers.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from specgeo._cast import FloatArray
from specgeo._codec import Layers
from specgeo._sparse import SparseMatrix, entries_of
from specgeo.errors import SpecgeoError, UnsupportedError
from specgeo.geometry.arrays import Patterns
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.walls import domain_rows
from specgeo.layer_activations import MaxGroups

COORDINATE_TOLERANCE = 1e-9
"""Error of the vertices, relative to the largest coordinate, where a complex does not state their errors."""


def require(holds: bool | np.bool_, what: str) -> None:
    """Raise unless it holds."""
    if not holds:
        raise SpecgeoError(what)


def require_network(cx: PolyhedralComplex, what: str) -> tuple[Layers, Patterns]:
    """Network and signs of the complex, or an error that says what needs them."""
    if cx.layers is None or cx.signs is None:
        raise UnsupportedError(f"cx: {what} needs the network and signs of the complex; enumerate it again")
    return cx.layers, cx.signs


def check_structure(cx: PolyhedralComplex) -> None:
    """Raise `SpecgeoError`, saying what is wrong, unless all arrays of the complex fit together."""
    require(_is(cx.vertices, np.float64, (None, None)) and cx.vertices.shape[1] > 0, "vertices: no rows of coordinates")
    require(len(cx.faces) == cx.dim, "faces: not one list for each dimension")
    below = len(cx.vertices)
    for k, lists in enumerate(cx.faces, start=1):
        below = _check_lists(k, lists, below)
    n, m = cx.f_vector, cx.offsets.shape[-1] if cx.offsets.ndim else -1
    pieces = _is(cx.gradients, np.float64, (n[-1], m, cx.dim)) and _is(cx.offsets, np.float64, (n[-1], m))
    require(pieces, "gradients, offsets: affine pieces and cells differ in number")
    finite = all(np.all(np.isfinite(array)) for array in (cx.vertices, cx.gradients, cx.offsets))
    require(finite, "vertices, gradients, offsets: NaN or infinite numbers")
    if cx.signs is not None:
        _check_signs(cx.signs, n[-1])
    require(cx.domain is None or cx.domain.dim == cx.dim, "domain: differs from the vertices in dimension")
    _check_beside(cx)
    if cx.certificate is not None:
        _check_certificate(cx.certificate)


def _is(array: Any, dtype: Any, shape: tuple[int | None, ...]) -> bool:
    fits = isinstance(array, np.ndarray) and array.dtype == dtype and array.ndim == len(shape)
    return fits and all(a in (None, b) for a, b in zip(shape, array.shape, strict=True))


def _check_lists(k: int, lists: Any, n_below: int) -> int:
    """Boundary lists of the k-faces; returns their number."""
    offsets, indices = lists.offsets, lists.indices
    require(_is(offsets, np.int64, (None,)) and _is(indices, np.int32, (None,)), f"faces: no lists of {k}-faces")
    require(len(offsets) > 1, f"faces: no {k}-faces")
    # a difference of two offsets may wrap around, a comparison does not
    inside = offsets[0] == 0 and offsets[-1] == len(indices) and np.all((offsets >= 0) & (offsets <= len(indices)))
    require(inside and np.all(np.diff(offsets) >= 2), f"faces: boundary lists of {k}-faces overlap or are too short")
    require(k > 1 or np.all(np.diff(offsets) == 2), "faces: an edge without two ends")
    named = np.all((indices >= 0) & (indices < n_below))
    require(named, f"faces: the boundary of a {k}-face names faces that do not exist")
    return len(offsets) - 1


def _check_signs(signs: Patterns, n_cells: int) -> None:
    units = len(signs.layers)
    for words in (signs.positive, signs.negative):
        require(_is(words, np.uint64, (n_cells, (units + 63) // 64)), "signs: differ from the cells in number")
        if units % 64:
            require(not np.any(words[:, -1] >> np.uint64(units % 64)), "signs: of more units than there are")
    for labels in (signs.layers, signs.neurons, signs.breakpoints):
        require(_is(labels, np.int64, (units,)) and np.all(labels >= 0), "signs: labels and units differ in number")


def _check_beside(cx: PolyhedralComplex) -> None:
    walls, errors = cx.facet_walls, cx.vertex_errors
    if errors is not None:
        fits = _is(errors, np.float64, (len(cx.vertices),)) and np.all(errors >= 0.0)  # no NaN
        require(fits, "vertex_errors: not a number, 0 or more, for each vertex")
    if walls is not None:
        rows = 2 * cx.dim if hasattr(cx.domain, "lower") else len(getattr(cx.domain, "A", ()))
        fits = _is(walls, np.int64, (cx.f_vector[-2],)) and np.all((walls >= -1) & (walls < rows))
        require(fits, "facet_walls: facets on walls that do not exist")
    if cx.layers is not None:
        _check_layers(cx.layers, cx)


def _check_layers(layers: Layers, cx: PolyhedralComplex) -> None:
    weights, biases, activations = layers
    require(len(weights) == len(biases) == len(activations) + 1, "network: weights and activations differ in number")
    n = cx.dim
    for weight, bias, activation in zip(weights, biases, (*activations, None), strict=True):
        listed = isinstance(weight, SparseMatrix)
        fits = weight.shape[1:] == (n,) if listed else _is(weight, np.float64, (None, n))
        fits = fits and _is(bias, np.float64, (len(weight),))
        finite = fits and np.all(np.isfinite(entries_of(weight))) and np.all(np.isfinite(bias))
        require(finite, "network: layers do not fit together")
        n = len(bias)
        if isinstance(activation, MaxGroups):
            require(activation.members.max() < n, "network: a group names neurons that do not exist")
        if activation is not None:
            n = activation.width(n)
    require(n == cx.offsets.shape[1], "network: differs from the affine pieces in its outputs")
    if cx.signs is None:
        return
    units = []
    for layer, (bias, activation) in enumerate(zip(biases[:-1], activations, strict=True)):
        own = activation.units(len(bias))
        units += [(layer, i, t) for i, t in zip(own.owners.tolist(), own.breakpoints.tolist(), strict=True)]
    labels = zip(cx.signs.layers.tolist(), cx.signs.neurons.tolist(), cx.signs.breakpoints.tolist(), strict=True)
    require(list(labels) == units, "signs: the units listed are not those of the network")


def _check_certificate(certificate: Any) -> None:
    """Counts that are counts. What they count, the work of the enumeration, cannot be seen in its result."""
    c = certificate
    counts = (c.float_filter, c.refined_filter, c.exact, c.exact_zeros, c.exact_positions, c.refined_positions)
    fits = type(c.certified) is bool and all(type(n) is int and n >= 0 for n in counts) and c.exact_zeros <= c.exact
    margin = type(c.smallest_margin) is float and c.smallest_margin >= (1.0 if c.certified else 0.0)
    times = type(c.seconds) is dict and all(type(t) in (int, float) and t >= 0.0 for t in c.seconds.values())
    require(fits and margin and times, "certificate: holds no counts of decisions")


def stated_errors(cx: PolyhedralComplex) -> FloatArray:
    """For each vertex the error that the complex states, or `COORDINATE_TOLERANCE` where it states none."""
    errors = cx.vertex_errors
    if errors is None:
        return np.full(len(cx.vertices), COORDINATE_TOLERANCE * np.abs(cx.vertices).max(initial=0.0))
    return np.asarray(errors)


def check_inside(cx: PolyhedralComplex) -> None:
    """Raise unless each vertex is in the domain, up to its stated error: exactly, where floats leave it open."""
    if cx.domain is None:
        return
    x, rows, errors = cx.vertices, domain_rows(cx.domain), stated_errors(cx)
    with np.errstate(over="ignore", invalid="ignore"):
        if hasattr(cx.domain, "lower"):
            outside = np.concatenate((x < cx.domain.lower, x > cx.domain.upper), axis=1)
        else:
            size = np.abs(x) @ np.abs(rows[:, :-1]).T + np.abs(rows[:, -1])
            outside = ~(x @ rows[:, :-1].T + rows[:, -1] > 4.0 * (cx.dim + 2) * np.finfo(float).eps * size)
    for v, row in np.argwhere(outside).tolist():
        *a, b = map(Fraction, rows[row].tolist())
        value = b + sum(f * Fraction(c) for f, c in zip(a, x[v].tolist(), strict=True))
        slack = sum(map(abs, a)) * Fraction(float(errors[v])) if np.isfinite(errors[v]) else abs(value)
        require(value >= -slack, f"vertices: vertex {v} is outside the domain, by more than its error")
