"""`torch_spectrum`: exact Fourier coefficients of a torch module, with gradients by its parameters.

With c_n = (1/|Omega|) int f w_n, where w_n is the product of cosines ("mirror") or e^{-ik.(x - a)}, and f continuous in
parameters and x, d c_n / d theta = (1/|Omega|) sum over cells of int (d_theta f) w_n: kinks move without a term of
their own. On each simplex d_theta f is affine, so that the pull of a loss is a sum over simplex corners v of
q_v d_theta f(v), q_v = |Omega|^-1 Re sum_n conj(loss_n) int lambda_v w_n: one backward pass, no Jacobian.
"""

from __future__ import annotations

from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, IntArray, as_instance
from specgeo._measures import rounded_measures
from specgeo.domain import Box
from specgeo.enumeration import enumerate_regions
from specgeo.errors import InvalidInputError, MissingDependencyError, UnsupportedError
from specgeo.fourier.series import as_modes, fourier_coefficients, mode_wavevectors
from specgeo.fourier.simplex import polynomial_sum
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.learning.modules import reader_of
from specgeo.network import Network
from specgeo.theory.parameters import CellDerivatives


@checked
def torch_spectrum(
    module: Any,
    domain: Box,
    modes: npt.ArrayLike,
    extension: Literal["mirror", "periodic"] = "mirror",
    *,
    output: int = 0,
    max_cells: int | None = None,
) -> Any:
    """Exact Fourier coefficients of a torch module as a tensor that can be differentiated by its parameters.

    Parameters
    ----------
    module : torch.nn.Module
        A Sequential of Linear layers and activations (Flatten, Dropout and Identity too), in evaluation mode; its
        parameters must be those of its layers (no batch normalisation, pruning or parametrisation).
    domain : Box
    modes : array_like of ints, shape (n, d), or (n,) on a line
    extension : {"mirror", "periodic"}
        As in `fourier_coefficients`.
    output : int
    max_cells : int, optional

    Returns
    -------
    torch.Tensor, shape (n,)
        float64 for "mirror", complex128 for "periodic", on the CPU. A penalty on a band is
        ``torch_spectrum(module, box, band).abs().square().sum()``.

    Raises
    ------
    MissingDependencyError
        torch is not installed.
    UnsupportedError
        The parameters are not simply those of Linear layers.

    Notes
    -----
    The gradient is exact where the combinatorics are stable (`specgeo.theory.spectral_gradient`), in float64, rounded
    once to the type of each parameter. The first call compares the module with its network, which takes many times
    longer than the next ones. Source: equation (9) and Proposition 1 of arXiv 1806.08734v3, made exact.

    Examples
    --------
    ::

        penalty = specgeo.torch_spectrum(model, specgeo.Box([0], [1]), range(40, 60)).square().sum()
        (loss + penalty).backward()
    """
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError("torch_spectrum: needs torch; install it first") from error
    as_instance(domain, "domain", Box)
    if not isinstance(module, torch.nn.Module):
        raise InvalidInputError(f"module: a {type(module).__name__} given; pass a torch module")
    given = np.asarray(modes)
    numbers = as_modes(given[:, None] if given.ndim == 1 and domain.dim == 1 else given, domain.dim)
    reader = reader_of(module)
    network, layers = reader(module), reader.layers(module)
    if layers is None:
        raise UnsupportedError("module: its parameters are not simply those of Linear layers; pass a plain Sequential")
    cx = enumerate_regions(network, domain, max_cells=max_cells)
    values = np.asarray(fourier_coefficients(cx, numbers, extension))[:, output]
    parameters = [p for layer in layers for p in (layer.weight, layer.bias) if p is not None]
    flags = [flag for layer in layers for flag in (True, layer.bias is not None)]

    class Exact(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, *_: Any) -> Any:
            return torch.from_numpy(np.ascontiguousarray(values))

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, pull: Any) -> Any:
            parts = coefficient_pullback(network, cx, numbers, extension, pull.detach().numpy(), output)
            wanted = [part for part, flag in zip(parts, flags, strict=True) if flag]
            return tuple(torch.from_numpy(g).to(p) for g, p in zip(wanted, parameters, strict=True))

    return Exact.apply(*parameters)


def coefficient_pullback(
    net: Network,
    cx: PolyhedralComplex,
    modes: IntArray,
    extension: Literal["mirror", "periodic"],
    cotangent: npt.NDArray[np.float64 | np.complex128],
    output: int = 0,
) -> list[FloatArray]:
    """dL / d theta for dL = Re sum_n conj(cotangent_n) dc_n: arrays shaped like W_1, b_1, W_2, ..."""
    box = as_instance(cx.domain, "cx.domain", Box)
    waves = mode_wavevectors(modes, box, extension)
    signs = np.array([(1.0, *rest) for rest in product((1.0, -1.0), repeat=box.dim - 1)])
    if extension == "periodic":
        signs = np.ones((1, box.dim))
    weights = np.tile(np.conj(cotangent), len(signs)) / (len(signs) * box.volume)
    simplices, cells = cx.triangulation(cx.dim)
    corners = cx.vertices - box.lower
    k = np.ascontiguousarray((signs[:, None] * waves).reshape(-1, box.dim))
    nodes, n = simplices.shape[1], len(simplices)
    measures = rounded_measures(cx.vertices[simplices])
    hats = np.ascontiguousarray(np.broadcast_to(np.eye(nodes), (n, nodes, nodes)))
    pulls = np.empty((n, nodes))
    step = max(1, (1 << 20) // max(1, len(k) * nodes))
    for start in range(0, n, step):
        part = np.ascontiguousarray(simplices[start : start + step], dtype=np.int64)
        groups = np.arange(len(part), dtype=np.int64)
        moments = polynomial_sum(corners, part, np.ones(len(part)), k, hats[: len(part)], 1, groups, len(part))
        pulls[start : start + step] = np.einsum("k,ski->si", weights, moments).real
    pulls *= measures[:, None]
    # sum over corners of q f(v; theta): backwards through the layers, with the pattern of the cell
    derivatives = CellDerivatives(net, cx, output)
    rows, q, a = np.repeat(cells, nodes), pulls.ravel(), cx.vertices[simplices].reshape(-1, cx.dim)
    result: list[FloatArray] = []
    for layer, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        u = derivatives.rows[layer][rows] * q[:, None]
        result += [u.T @ a, u.sum(axis=0)]
        if layer < len(net.activations):
            a = derivatives.activated(layer, rows, a @ weight.T + bias)
    return result
