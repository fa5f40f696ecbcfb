r"""Spectra of a network along straight paths between data points, in any input dimension, in closed form.

Notation: gamma(z) = p + z (q - p), z in [0, 1]. The path is run there and back, so that no jump at a seam is counted:

    a_n = int_0^1 f(gamma(z)) cos(pi n z) dz,     int f(gamma)^2 dz = a_0^2 + 2 sum_{n >= 1} a_n^2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, as_floats
from specgeo._xarray import dataset
from specgeo.errors import InvalidInputError
from specgeo.network import Network
from specgeo.results import Result, axes
from specgeo.theory.curves import restrict_to_polyline


@dataclass(frozen=True, eq=False)
class PathSpectrum(Result):
    """Cosine coefficients of a network along paths.

    Attributes
    ----------
    modes : (q,)
        n, half oscillations along a path: n pi / length radians per unit length.
    coefficients : (p, q, m)
        a_n of each path.
    errors : (p, m)
        Proved bound on the error of each coefficient of a path.
    mean_squares : (p, m)
        int f(gamma(z))^2 dz of each path: what all a_n^2 sum to, those with n >= 1 twice.
    lengths : (p,)
    """

    modes: FloatArray
    coefficients: FloatArray
    errors: FloatArray
    mean_squares: FloatArray
    lengths: FloatArray

    @property
    def power(self) -> FloatArray:
        """Mean over the paths of a_n^2, (q, m)."""
        return np.asarray((self.coefficients**2).mean(axis=0))

    def __str__(self) -> str:
        return f"spectra along {len(self.lengths)} paths, {len(self.modes)} modes, proved error {self.errors.max():.2g}"

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` over the paths, the modes and the outputs."""
        data = {
            "coefficients": (("path", "mode", "output"), self.coefficients),
            "errors": (("path", "output"), self.errors),
            "mean_squares": (("path", "output"), self.mean_squares),
            "length": ("path", self.lengths),
        }
        return dataset(data, {"mode": self.modes})

    def plot(self, ax: Any = None, output: int = 0) -> Any:
        """Root mean square of a_n over the paths against n."""
        ax = axes(ax)
        some = self.modes > 0
        ax.loglog(self.modes[some], np.sqrt(self.power[some, output]), ".-")
        ax.set(xlabel="half oscillations along the path, n", ylabel=r"root mean square of $a_n$")
        return ax


@checked
def path_spectrum(net: Network, start: npt.ArrayLike, stop: npt.ArrayLike, modes: npt.ArrayLike) -> PathSpectrum:
    """Spectra of a network along straight paths between pairs of points.

    Source: Fridovich-Keil, Gontijo-Lopes and Roelofs 2022, where predictions along paths between images are sampled;
    here the coefficients are closed forms of the piecewise-linear restriction, with its proved error.

    Parameters
    ----------
    net : Network
        Any input dimension d; m outputs.
    start, stop : array_like, shape (p, d) or (d,)
        Ends of each path.
    modes : array_like of ints, shape (q,)
        n >= 0.

    Returns
    -------
    PathSpectrum

    Raises
    ------
    InvalidInputError
        The shapes differ, or a mode is negative or no whole number.

    Examples
    --------
    >>> import specgeo as sg
    >>> hat = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> sg.theory.path_spectrum(hat, [-1.0], [1.0], [0, 2]).coefficients.round(9)[0, :, 0]   # 1/2, -2/pi^2
    array([ 0.5       , -0.20264237])
    """
    ends = [np.atleast_2d(as_floats(x, name)) for x, name in ((start, "start"), (stop, "stop"))]
    if ends[0].shape != ends[1].shape or ends[0].ndim != 2 or ends[0].shape[1] != net.input_dim or len(ends[0]) == 0:
        raise InvalidInputError(
            f"start, stop: shapes {ends[0].shape} and {ends[1].shape} given; "
            f"rows of {net.input_dim} numbers wanted, as many of each"
        )
    n = as_floats(modes, "modes", (None,))
    if np.any(n < 0) or np.any(n != np.rint(n)):
        raise InvalidInputError("modes: whole numbers n >= 0 wanted")
    rows = [restrict_to_polyline(net, np.stack(pair)) for pair in zip(*ends, strict=True)]
    return PathSpectrum(
        n,
        np.stack([row.fourier_coefficients(n / 2).real for row in rows]),
        np.stack([row.coefficient_error for row in rows]),
        np.stack([row.mean_square for row in rows]),
        np.linalg.norm(ends[1] - ends[0], axis=1),
    )
