"""Gradient descent frequency by frequency: what each mode of the residual adds to the gradient, and how it decays.

For the loss L = sum over the wavevectors k given of |h(k)|^2, h = f^ - target^, with the exact derivatives of f^:

    dL/d theta = sum_k 2 Re( conj h(k) d_theta f^(k) ),
    gradient flow: d h(k) / dt = - sum_theta d_theta f^(k) dL/d theta.

Over a set with k and -k this is -2 sum_k' K(k, k') h(k'), K the Fourier NTK (`specgeo.theory.fourier_ntk`). Source:
equation (9) and the decomposition of the loss gradient in the paper's second version, made exact.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray, as_complexes
from specgeo.errors import InvalidInputError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.network import Network
from specgeo.theory.parameters import spectral_gradient


def _derivatives(
    net: Network, cx: PolyhedralComplex, k: npt.ArrayLike, residual: npt.ArrayLike, output: int
) -> tuple[ComplexArray, ComplexArray]:
    gradient, h = spectral_gradient(net, cx, k, output), as_complexes(residual, "residual")
    if h.shape != (len(gradient),):
        raise InvalidInputError(f"residual: shape {h.shape} given for {len(gradient)} wavevectors; pass one for each")
    return gradient, h


@checked
def loss_gradient_by_frequency(
    net: Network, cx: PolyhedralComplex, k: npt.ArrayLike, residual: npt.ArrayLike, output: int = 0
) -> FloatArray:
    r"""What each wavevector adds to the gradient of sum_k \|h(k)\|^2: 2 Re(conj h(k) d_theta f^(k)).

    Parameters
    ----------
    net : Network
    cx : PolyhedralComplex
        Its complex.
    k : array_like, shape (n, d)
    residual : array_like of complex numbers, shape (n,)
        h(k), transform of f less that of the target.
    output : int

    Returns
    -------
    ndarray, shape (n, p)
        Parameters in the order of `specgeo.theory.parameter_vector`; the sum over n is the gradient.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.learning import loss_gradient_by_frequency
    >>> net = sg.Network([[[1.0]], [[2.0]]], [[0.0], [0.0]])            # 2 relu(x)
    >>> cx = sg.enumerate_regions(net, sg.Box([-1], [1]))
    >>> loss_gradient_by_frequency(net, cx, [[0.0]], [0.5])
    array([[1. , 2. , 0.5, 2. ]])
    """
    gradient, h = _derivatives(net, cx, k, residual, output)
    return 2.0 * (np.conj(h)[:, None] * gradient).real


@checked
def residual_rate(
    net: Network, cx: PolyhedralComplex, k: npt.ArrayLike, residual: npt.ArrayLike, output: int = 0
) -> ComplexArray:
    r"""d h(k) / dt under gradient flow on sum_k \|h(k)\|^2.

    Parameters
    ----------
    net : Network
    cx : PolyhedralComplex
        Its complex.
    k : array_like, shape (n, d)
    residual : array_like of complex numbers, shape (n,)
        h(k), transform of f less that of the target.
    output : int

    Returns
    -------
    ndarray of complex128, shape (n,)

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.learning import residual_rate
    >>> net = sg.Network([[[1.0]], [[2.0]]], [[0.0], [0.0]])
    >>> residual_rate(net, sg.enumerate_regions(net, sg.Box([-1], [1])), [[0.0]], [0.5]).real
    array([-9.25])
    """
    gradient, h = _derivatives(net, cx, k, residual, output)
    return np.asarray(-gradient @ (2.0 * (np.conj(h)[:, None] * gradient).real.sum(axis=0)))
