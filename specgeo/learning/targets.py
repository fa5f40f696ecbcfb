"""Targets of training, and the loss against them in closed form: the mean of (f - target)^2 over the domain."""

from __future__ import annotations

from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._cast import IntArray
from specgeo.domain import Box
from specgeo.enumeration import enumerate_regions
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier.series import mode_wavevectors
from specgeo.fourier.spectra import spectrum
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.vertex_values import vertex_values
from specgeo.network import Network
from specgeo.theory.differences import difference
from specgeo.theory.sines import Sines as Sines


def mean_squared_error(cx: PolyhedralComplex, target: Any, output: int = 0) -> float:
    r"""Mean of (f - target)^2 over the domain, exactly.

    Parameters
    ----------
    cx : PolyhedralComplex
        On a `Box`.
    target : Sines, Network or PolyhedralComplex
        A complex in two dimensions or more must know its network.
    output : int
        Of f; a target that is a network has its output 0 taken.

    Returns
    -------
    float

    Raises
    ------
    UnsupportedError
        Another kind of target; in two dimensions or more, networks of different activations (`difference`).

    Notes
    -----
    Closed forms: f^2 on each simplex; f times a sine is the imaginary part of a transform; two functions of one
    variable are affine between the kinks of both, and in two dimensions or more f - target is a network, enumerated
    itself. Rounding: a few units of roundoff of the means of f^2 and target^2.

    Examples
    --------
    >>> import numpy as np, specgeo as sg
    >>> from specgeo.learning.targets import Sines, mean_squared_error
    >>> ramp = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    >>> cx = sg.enumerate_regions(ramp, sg.Box([0], [1]))
    >>> round(mean_squared_error(cx, Sines([2 * np.pi])), 12) == round(1 / 3 + 1 / 2 + 1 / np.pi, 12)
    True
    """
    if isinstance(target, Network) and cx.dim == 1 and target.input_dim == 1:
        target = enumerate_regions(target, cx.domain)
    if isinstance(target, PolyhedralComplex) and cx.dim == target.dim == 1:
        return _between_kinks(cx, target, output)
    if isinstance(target, (Network, PolyhedralComplex)):
        ours, other = (_network_of(part) for part in (cx, target))
        if ours.input_dim != other.input_dim:
            raise InvalidInputError(f"target: {other.input_dim} inputs, the network has {ours.input_dim}")
        gap = enumerate_regions(difference(ours.component(output), other.component(0)), cx.domain)
        return float(gap.integrate(2)[0] / cx.domain.volume)
    if not isinstance(target, Sines):
        raise UnsupportedError(f"target: a {type(target).__name__} given; pass Sines, a Network or a complex")
    if not isinstance(cx.domain, Box) or target.wavevectors.shape[1] != cx.dim:
        raise InvalidInputError("target: its wavevectors and the domain, which must be a Box, differ in dimension")
    volume = cx.domain.volume
    transform = np.asarray(spectrum(cx, target.wavevectors))[:, output]
    # int f sin(k.x + phi) = Im(e^{i phi} conj f^(k))
    cross = np.imag(np.exp(1j * target.phases) * np.conj(transform)) @ target.amplitudes
    return float(cx.integrate(2)[output] / volume - 2.0 * cross / volume + target.mean_square(cx.domain))


def _between_kinks(cx: PolyhedralComplex, other: PolyhedralComplex, output: int) -> float:
    lines = [(c.vertices[:, 0], vertex_values(c)[:, i]) for c, i in ((cx, output), (other, 0))]
    lines = [(x[order], f[order]) for x, f in lines for order in [np.argsort(x, kind="stable")]]
    x = np.union1d(lines[0][0], lines[1][0])
    gap = np.interp(x, *lines[0]) - np.interp(x, *lines[1])
    squares = (gap[:-1] ** 2 + gap[:-1] * gap[1:] + gap[1:] ** 2) / 3.0
    return float(np.diff(x) @ squares / (x[-1] - x[0]))


def _network_of(source: Network | PolyhedralComplex) -> Network:
    layers = source.layers
    if layers is None:
        raise UnsupportedError("target: a complex without its network in two dimensions or more; pass the Network")
    return Network(*layers)


def sine_coefficients(
    target: Sines, box: Box, modes: IntArray, extension: Literal["mirror", "periodic"]
) -> npt.NDArray[np.float64 | np.complex128]:
    """Fourier coefficients of sines on a box, in the conventions of `fourier_coefficients`: (n_modes,)."""
    waves = mode_wavevectors(modes, box, extension)
    signs = np.array(list(product((1.0, -1.0), repeat=box.dim))) if extension == "mirror" else np.ones((1, box.dim))
    half, total = 0.5 * (box.upper - box.lower), np.zeros(len(modes), np.complex128)
    for k, amplitude, phase in zip(target.wavevectors, target.amplitudes, target.phases, strict=True):
        shift = k @ box.lower + phase  # of the sine, in coordinates relative to the lower corner
        for sign in signs:
            for conjugate in (1.0, -1.0):
                w = conjugate * k - sign * waves
                means = np.sinc(w * half / np.pi).prod(axis=1) * np.exp(1j * (w @ half))
                total += amplitude * conjugate / 2j * np.exp(1j * conjugate * shift) * means / len(signs)
    return total.real if extension == "mirror" else total
