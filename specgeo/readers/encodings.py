"""Positional encodings that are piecewise linear: features on a grid, interpolated, in front of a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, as_floats
from specgeo.activation import Activation
from specgeo.errors import InvalidInputError
from specgeo.network import Network


@checked
def with_encoding(network: Network, knots: npt.ArrayLike, features: npt.ArrayLike, keep: bool = False) -> Network:
    """The network x -> f(phi(x)) of a network f of encoded inputs phi(x), by one more layer.

    phi consists of functions of single coordinates, piecewise linear between knots and constant beyond the first and
    last: tents, triangle waves, or any function known at the knots. A feature is one neuron, whose activation it is.

    Parameters
    ----------
    network : Network
        With p * d inputs, or p * d + d if ``keep``.
    knots : array_like of floats, shape (s,)
        Increasing; those of every coordinate.
    features : array_like of floats, shape (p, s) or (d, p, s)
        Values at the knots of the p features of every coordinate, or of each. Inputs of f are in this order: all
        features of x_0, then those of x_1, ....
    keep : bool
        Whether x itself comes behind the features, as it does in many positional encodings.

    Returns
    -------
    Network
        With d inputs. Its features take the values at the knots up to rounding, as continuous functions.

    Raises
    ------
    InvalidInputError
        Shapes do not fit, or knots do not increase.

    Notes
    -----
    ``np.eye(s)`` are tents, the exact cousins of a grid of learnt features; several resolutions are features on
    the finest knots. The interpolant of g on knots of spacing h differs from g by at most
    h^2 max |g''| / 8 (de Boor, A Practical Guide to Splines, III): for sin(w x) by (w h)^2 / 8. Products of tents over
    several coordinates (bilinear interpolation) are not piecewise linear.

    Examples
    --------
    >>> import numpy as np, specgeo as sg
    >>> knots = np.linspace(0, 1, 5)
    >>> tents = sg.readers.with_encoding(sg.Network([np.eye(5)], [np.zeros(5)]), knots, np.eye(5))
    >>> tents([[0.25], [0.625]])
    array([[0. , 1. , 0. , 0. , 0. ],
           [0. , 0. , 0.5, 0.5, 0. ]])
    """
    at = as_floats(knots, "knots", (None,))
    if len(at) < 2 or np.any(np.diff(at) <= 0.0):
        raise InvalidInputError("knots: must increase strictly, and be two at least; sort them and drop duplicates")
    table = as_floats(features, "features")
    if table.ndim not in (2, 3) or table.shape[-1] != len(at) or 0 in table.shape:
        raise InvalidInputError(
            f"features: shape {table.shape} given; pass (p, {len(at)}) or (d, p, {len(at)}), values at the knots"
        )
    each = table.shape[-2] + bool(keep)
    if network.input_dim % each or (table.ndim == 3 and network.input_dim != each * len(table)):
        raise InvalidInputError(
            f"features: {table.shape[-2]} of each coordinate{' and itself' if keep else ''} do not make the "
            f"{network.input_dim} inputs of the network; give a network of that many inputs"
        )
    d = network.input_dim // each
    rows = np.broadcast_to(table, (d, *table.shape[-2:])).reshape(-1, len(at))
    kinds = [_interpolant(at, values) for values in rows] + [Activation.identity()] * (d if keep else 0)
    owner = np.repeat(np.arange(d), table.shape[-2])
    first = np.eye(d)[np.append(owner, np.arange(d)) if keep else owner]
    weights: list[Any] = [first, *network.weights]
    return Network(weights, [np.zeros(len(first)), *network.biases], [kinds, *network.activations])


def _interpolant(knots: FloatArray, values: FloatArray) -> Activation:
    """Through the values at the knots, constant beyond."""
    with np.errstate(over="ignore"):
        slopes = np.concatenate(([0.0], np.diff(values) / np.diff(knots), [0.0]))
    if not np.all(np.isfinite(slopes)):
        raise InvalidInputError("features: differences over the spacing of the knots overflow; scale them down")
    bends = np.flatnonzero(np.diff(slopes))
    return Activation(knots[bends], np.append(slopes[bends], slopes[-1]), float(values[0]), "encoding")
