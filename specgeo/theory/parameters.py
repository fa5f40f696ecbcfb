r"""Derivatives of a network and of its spectrum with respect to the parameters, exactly.

Notation: theta = (W_1, b_1, ..., W_{L+1}, b_{L+1}), matrices row by row. On a cell f is affine in x and so is each
d_theta f = u_{l,i} a_{l-1,j}(x) (weights) or u_{l,i} (biases): a_l are the activations as affine functions,
u_l = d f / d z_l. f is continuous in (theta, x), so with G = d_theta f

    d_theta f^(k) = sum over cells of  int_cell G e^{-ik.x}                                        (cells)
      = i |k|^-2 sum_F (k.n) int_F (G_0 - G_1) e^{-ik.x} + |k|^-4 sum_F (k.n) (k.(grad G_0 - grad G_1)) F^(k)   (facets)

G jumps across facets that move with theta; boundary facets have G_1 = 0. This is the exact form behind
equation (9) and Proposition 1 of arXiv 1806.08734v3.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray, IntArray, as_floats, as_points
from specgeo._limits import check_time
from specgeo._measures import rounded_measures
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier.simplex import simplices_sum
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.network import Network
from specgeo.theory.variation import checked_output

_ENTRIES = 1 << 22  # of the largest array of derivatives held at once


@checked
def parameter_vector(net: Network) -> FloatArray:
    """All weights and biases as one vector (p,): W_1 row by row, b_1, W_2, ...

    Parameters
    ----------
    net : Network

    Returns
    -------
    ndarray, shape (p,)

    Examples
    --------
    >>> import specgeo as sg
    >>> parameter_vector(sg.Network([[[1.0, 2.0]], [[3.0]]], [[4.0], [5.0]]))
    array([1., 2., 4., 3., 5.])
    """
    return np.concatenate([np.ravel(part) for pair in zip(net.weights, net.biases, strict=True) for part in pair])


@checked
def with_parameters(net: Network, theta: npt.ArrayLike) -> Network:
    """The network of the same shape and activations with parameters ``theta`` (p,).

    Parameters
    ----------
    net : Network
    theta : array_like, shape (p,)
        In the order of `parameter_vector`.

    Returns
    -------
    Network

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0, 2.0]], [[3.0]]], [[4.0], [5.0]])
    >>> with_parameters(net, [0, 0, 0, 0, 7.0])([1.0, 1.0])
    array([7.])
    """
    values = as_floats(theta, "theta", (len(parameter_vector(net)),))
    weights, biases, start = [], [], 0
    for weight, bias in zip(net.weights, net.biases, strict=True):
        stop = start + weight.size
        weights.append(values[start:stop].reshape(weight.shape))
        biases.append(values[stop : stop + bias.size])
        start = stop + bias.size
    return Network(weights, biases, net.activations)


class CellDerivatives:
    """d f / d theta on the cells of a network's complex, as affine functions of x.

    Parameters
    ----------
    net : Network
    cx : PolyhedralComplex
        Enumerated from ``net`` (its sign patterns are used).
    output : int
    """

    def __init__(self, net: Network, cx: PolyhedralComplex, output: int = 0) -> None:
        output = checked_output(cx, output)
        if cx.signs is None or cx.dim != net.input_dim or cx.gradients.shape[1] != net.output_dim:
            raise InvalidInputError("cx: not the complex of this network; pass enumerate_regions(net, domain)")
        self.net = net
        if len(cx.signs.layers) != net.n_units:
            raise InvalidInputError("cx: has other units than this network; pass enumerate_regions(net, domain)")
        pieces = cx.signs.neuron_pieces(net.activations)
        hidden = list(zip(net.hidden_widths, net.activations, pieces, strict=True))
        self._pieces = [np.broadcast_to(piece, (cx.n_cells, a.width(n))) for n, a, piece in hidden]
        # u_l = d f / d z_l on each cell, (n_cells, n_l), last layer first; of a maximum the winner has all of it
        self.rows = [np.broadcast_to(np.eye(net.output_dim)[output], (cx.n_cells, net.output_dim))]
        for weight, (n, activation, _), piece in zip(net.weights[:0:-1], hidden[::-1], self._pieces[::-1], strict=True):
            after = (self.rows[0] @ weight) * activation.slopes[piece]
            self.rows.insert(0, activation.scatter(after[:, None, :], piece, n)[:, 0])

    def activated(self, layer: int, cells: IntArray, z: FloatArray) -> FloatArray:
        """Outputs (n, width) of a hidden layer at its pre-activations z (n, n_l), by the pieces of the cells."""
        activation, piece = self.net.activations[layer], self._pieces[layer][cells]
        chosen = activation.select(z.T, piece.T).T
        return np.asarray(activation.slopes[piece] * chosen + activation.intercepts[piece])

    def __call__(self, cells: IntArray, x: FloatArray) -> FloatArray:
        """Derivatives at points x (n, d), each by the affine piece of its cell: (n, p)."""
        parts: list[FloatArray] = []
        a = x
        for layer, (weight, bias) in enumerate(zip(self.net.weights, self.net.biases, strict=True)):
            u = self.rows[layer][cells]
            parts += [(u[:, :, None] * a[:, None, :]).reshape(len(x), u.shape[1] * a.shape[1]), u]
            if layer < len(self._pieces):
                a = self.activated(layer, cells, a @ weight.T + bias)
        return np.concatenate(parts, axis=1)

    def slope(self, cells: IntArray, x: FloatArray, direction: FloatArray) -> FloatArray:
        """Derivative of the affine pieces along ``direction`` (n, d) or (d,): (n, p)."""
        return self(cells, x + direction) - self(cells, x)


def facet_jumps(net: Network, cx: PolyhedralComplex, output: int = 0) -> FloatArray:
    """Jumps G_1 - G_0 of d_theta f at the vertices of a one-dimensional complex, (n_inner, p), in facet order.

    At a kink x_j of slope jump c_j the jump is -c_j d_theta x_j: how fast the kink moves, times its size.
    """
    if cx.dim != 1:
        raise InvalidInputError("cx: one input dimension wanted; restrict the network to a segment first")
    derivatives = CellDerivatives(net, cx, output)
    inner = np.flatnonzero(cx.facets.cells[:, 1] >= 0)
    cells = cx.facets.cells[inner]
    jumps = derivatives(cells[:, 1], cx.vertices[inner]) - derivatives(cells[:, 0], cx.vertices[inner])
    return jumps * cx.facets.normals[inner]


@checked
def spectral_gradient(
    net: Network,
    cx: PolyhedralComplex,
    k: npt.ArrayLike,
    output: int = 0,
    boundary: Literal["cut", "interior"] = "cut",
    method: Literal["cells", "facets"] = "cells",
) -> ComplexArray:
    """Derivatives d f^(k) / d theta for every parameter, in closed form and any dimension.

    Parameters
    ----------
    net : Network
    cx : PolyhedralComplex
        Its complex.
    k : array_like, shape (n, d)
    output : int
    boundary : {"cut", "interior"}
        As in `specgeo.spectrum`; "interior" in one dimension only, where the walls' share cannot jump.
    method : {"cells", "facets"}
        The two forms at the head of this module; "facets" needs k != 0.

    Returns
    -------
    ndarray of complex128, shape (n, p)
        Parameters in the order of `parameter_vector`.

    Raises
    ------
    InvalidInputError
        The complex is not the network's; k = 0 where it is not allowed.
    UnsupportedError
        "interior" in two dimensions or more: where kinks slide along the walls the walls' share has
        further terms; use "cut".

    Notes
    -----
    Exact where the combinatorics are stable: a neuron that vanishes identically on a cell counts as
    being left of its breakpoint there (a one-sided derivative).

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0]], [[2.0]]], [[0.0], [0.0]])            # 2 relu(x)
    >>> cx = sg.enumerate_regions(net, sg.Box([-1], [1]))
    >>> spectral_gradient(net, cx, [[0.0]]).real                        # of int f = w_2 w_1 / 2
    array([[1. , 2. , 0.5, 2. ]])
    """
    wave = np.ascontiguousarray(as_points(k, "k", cx.dim).reshape(-1, cx.dim))
    squared = (wave**2).sum(axis=1)[:, None]
    if boundary not in ("cut", "interior") or method not in ("cells", "facets"):
        raise InvalidInputError(f"boundary, method: {boundary!r}, {method!r} given; see the docstring for the choices")
    if np.any(squared == 0) and (boundary == "interior" or method == "facets"):
        raise InvalidInputError("k: contains the zero wavevector; leave it out, or use boundary='cut', method='cells'")
    if boundary == "interior" and cx.dim > 1:
        raise UnsupportedError("boundary: 'interior' is for one input dimension; use 'cut'")
    derivatives = CellDerivatives(net, cx, output)
    total = _by_cells(derivatives, cx, wave) if method == "cells" else _by_facets(derivatives, cx, wave)
    if boundary == "interior":
        total -= _boundary_terms(derivatives, cx, wave) / squared
    return total


def _by_cells(derivatives: CellDerivatives, cx: PolyhedralComplex, k: FloatArray) -> ComplexArray:
    simplices, owner = cx.triangulation(cx.dim)
    p = len(parameter_vector(derivatives.net))
    total = np.zeros((len(k), p), dtype=np.complex128)
    step = max(1, _ENTRIES // (p * (cx.dim + 1)))
    for start in range(0, len(simplices), step):
        check_time()
        part, cells = simplices[start : start + step], owner[start : start + step]
        corners = np.repeat(cells, cx.dim + 1)
        values = derivatives(corners, cx.vertices[part].reshape(-1, cx.dim)).reshape(len(part), cx.dim + 1, p)
        total += _sum(cx, part, k, None, values)
    return total


def _sum(
    cx: PolyhedralComplex, simplices: IntArray, k: FloatArray, weights: FloatArray | None, values: FloatArray | None
) -> ComplexArray:
    simplices = np.ascontiguousarray(simplices, dtype=np.int64)
    measures = rounded_measures(cx.vertices[simplices])
    if weights is not None:
        weights = np.ascontiguousarray(weights)
    if values is not None:
        values = np.ascontiguousarray(values)
    result: ComplexArray = simplices_sum(cx.vertices, simplices, measures, k, weights, values)
    return result


def facet_values(
    derivatives: CellDerivatives, cx: PolyhedralComplex, simplices: IntArray, cells: IntArray
) -> FloatArray:
    """d_theta f at the vertices of facet simplices from the side of the given cells, (n, d, p); 0 outside."""
    n, nodes = simplices.shape
    values = derivatives(np.repeat(np.maximum(cells, 0), nodes), cx.vertices[simplices].reshape(-1, cx.dim))
    return np.asarray(values.reshape(n, nodes, values.shape[1]) * (cells >= 0)[:, None, None])


def _by_facets(derivatives: CellDerivatives, cx: PolyhedralComplex, k: FloatArray) -> ComplexArray:
    d = cx.dim
    simplices, owner = cx.triangulation(d - 1)
    first, second = cx.facets.cells[owner, 0], cx.facets.cells[owner, 1]
    normals = cx.facets.normals[owner]
    squared = (k**2).sum(axis=1)[:, None]
    sides = [facet_values(derivatives, cx, simplices, c) for c in (first, second)]
    steps = sides[0] - sides[1]
    base = cx.vertices[simplices[:, 0]]
    inside = (second >= 0)[:, None]
    flux = np.zeros((len(k), steps.shape[2]), dtype=np.complex128)
    bend = np.zeros_like(flux)
    for j in range(d):
        flux += k[:, j, None] * _sum(cx, simplices, k, None, steps * normals[:, j, None, None])
        axis = np.eye(d)[j]
        slopes = derivatives.slope(first, base, axis) - derivatives.slope(np.maximum(second, 0), base, axis) * inside
        for i in range(d):
            bend += (k[:, i] * k[:, j])[:, None] * _sum(cx, simplices, k, slopes * normals[:, i, None], None)
    return np.asarray(1j * flux / squared + bend / squared**2)


def _boundary_terms(derivatives: CellDerivatives, cx: PolyhedralComplex, k: FloatArray) -> ComplexArray:
    """d/d theta of the two wall terms of Green's identity in d = 1, which the interior spectrum leaves out."""
    rim = np.flatnonzero(cx.facets.is_boundary)
    cells, normals, ends = cx.facets.cells[rim, 0], cx.facets.normals[rim], cx.vertices[rim]
    slopes = derivatives.slope(cells, ends, normals)
    phases = np.exp(-1j * k @ ends.T)
    return np.asarray(phases @ slopes + (1j * k * phases) @ (derivatives(cells, ends) * normals))
