"""A network restricted to a polyline: a piecewise-linear function of one parameter, in closed form.

Notation: the curve is gamma: [0, 1] -> R^d, z its parameter, and

    c_n = int_0^1 f(gamma(z)) exp(-2 pi i n z) dz.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray, as_floats
from specgeo._double import UNIT_ROUNDOFF
from specgeo.errors import InvalidInputError
from specgeo.network import Network
from specgeo.paths.segments import as_polyline, trace_segment
from specgeo.results import Result, axes

_CHUNK = 1 << 20  # entries of one (modes, intervals) block: 16 MB of complex numbers
_PIECE_ROUNDING = 8  # roundoffs of a term of a Fourier coefficient
_SMALL_ANGLE = 0.5  # below, (sin h - h cos h)/h^2 is taken from its series
# Its coefficients are (-1)^k / (2^k k! (2k + 3)!!); eight terms leave 1e-20 at the limit above.
_ODD_SINC_DIVISORS = (22230464256000, 93405312000, 518918400, 3991680, 45360, 840, 30, 3)


@dataclass(frozen=True, eq=False)
class CurveFunction(Result):
    """A piecewise-linear function on [0, 1], usually a network along a curve.

    Attributes
    ----------
    parameters : ndarray, shape (n,)
        Non-decreasing, from 0 to 1.
    values : ndarray, shape (n, m)
    error : ndarray, shape (m,)
        Proved bound, for every parameter, of the distance to the network along the curve.
    vertices : ndarray, shape (s + 1, d)
        The polyline.
    """

    parameters: FloatArray
    values: FloatArray
    error: FloatArray
    vertices: FloatArray

    @property
    def n_pieces(self) -> int:
        """Number of intervals of the grid; intervals of rounding size occur where kinks coincide."""
        return len(self.parameters) - 1

    @property
    def mean(self) -> FloatArray:
        """int f(gamma(z)) dz for each output, shape (m,)."""
        step = np.diff(self.parameters)
        return np.asarray(step @ (self.values[1:] + self.values[:-1]) / 2)

    @property
    def mean_square(self) -> FloatArray:
        """int f(gamma(z))^2 dz for each output, shape (m,)."""
        left, right = self.values[:-1], self.values[1:]
        return np.asarray(np.diff(self.parameters) @ (left**2 + left * right + right**2) / 3)

    @property
    def variance(self) -> FloatArray:
        """int (f(gamma(z)) - mean)^2 dz for each output, shape (m,), without cancellation."""
        left, right = self.values[:-1] - self.mean, self.values[1:] - self.mean
        return np.asarray(np.diff(self.parameters) @ (left**2 + left * right + right**2) / 3)

    @property
    def coefficient_error(self) -> FloatArray:
        """Bound of the error of a computed Fourier coefficient: `error`, and the rounding of the sum, (m,)."""
        # A piece of length h contributes at most h |f|, with some roundoffs and those of its phase 2 pi n z: at most
        # 2 pi n u, but the piece is then worth |f| / (pi n). The sum adds a roundoff of the whole a piece.
        rounding = (_PIECE_ROUNDING + 1) * UNIT_ROUNDOFF * self.n_pieces
        return np.asarray(self.error + rounding * np.abs(self.values).max(axis=0))

    def __call__(self, z: npt.ArrayLike) -> FloatArray:
        """Values at parameters in [0, 1]: (...) -> (..., m)."""
        at = as_floats(z, "z")
        if np.any((at < 0) | (at > 1)):
            raise InvalidInputError("z: outside [0, 1], the range of the curve parameter")
        columns = [np.interp(at, self.parameters, column) for column in self.values.T]
        return np.asarray(np.stack(columns, axis=-1))

    def fourier_coefficients(self, modes: npt.ArrayLike) -> ComplexArray:
        """Coefficients c_n = int_0^1 f(gamma(z)) exp(-2 pi i n z) dz in closed form.

        Parameters
        ----------
        modes : array_like, shape (...)
            Latent frequencies n in cycles; integers for the series of a closed curve.

        Returns
        -------
        ndarray, shape (..., m), complex

        Notes
        -----
        theory A.9.1: on an interval with midpoint z_m, half phase h = pi n (z_1 - z_0) and ends
        f_0, f_1, the integral is
        (z_1 - z_0) e^(-2 pi i n z_m) [ (f_0 + f_1)/2 sinc h - i (f_1 - f_0)/2 (sin h - h cos h)/h^2 ],
        which needs no slopes, so that intervals of rounding size do no harm. The values differ
        from those of the network by at most `coefficient_error`.

        Examples
        --------
        >>> import specgeo as sg
        >>> from specgeo.theory import restrict_to_polyline
        >>> hat = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
        >>> line = restrict_to_polyline(hat, [[-1.0], [1.0]])
        >>> bool(abs(line.fourier_coefficients(1)[0] + 2 / 3.141592653589793**2) < 1e-15)
        True
        """
        n = as_floats(modes, "modes")
        flat = n.reshape(-1)
        step, middle = np.diff(self.parameters), (self.parameters[1:] + self.parameters[:-1]) / 2
        even = step[:, None] * (self.values[1:] + self.values[:-1]) / 2
        odd = step[:, None] * np.diff(self.values, axis=0) / 2
        out = np.empty((len(flat), self.values.shape[1]), dtype=np.complex128)
        block = max(1, _CHUNK // max(1, len(step)))
        for first in range(0, len(flat), block):
            part = flat[first : first + block, None]
            half = np.pi * part * step
            phase = np.exp(-2j * np.pi * np.remainder(part * middle, 1.0))
            out[first : first + block] = (phase * np.sinc(half / np.pi)) @ even - 1j * ((phase * _odd_sinc(half)) @ odd)
        return out.reshape((*n.shape, out.shape[1]))

    def to_dict(self) -> dict[str, Any]:
        """Plain Python numbers, for JSON."""
        return {
            "n_pieces": self.n_pieces,
            "mean": self.mean.tolist(),
            "mean_square": self.mean_square.tolist(),
            "error": self.error.tolist(),
        }

    def __str__(self) -> str:
        return (
            f"piecewise-linear curve function: {self.n_pieces} pieces, {self.values.shape[1]} outputs, "
            f"proved error {self.error.max():.2g}"
        )

    def plot(self, ax: Any = None, output: int = 0) -> Any:
        """Draw one output against the curve parameter; returns the matplotlib axes."""
        ax = axes(ax)
        ax.plot(self.parameters, self.values[:, output], lw=1.0, label="f along the curve")
        ax.set(xlabel="curve parameter z", ylabel="f(γ(z))", xlim=(0, 1))
        return ax


@checked
def restrict_to_polyline(
    net: Network, vertices: npt.ArrayLike, parameters: npt.ArrayLike | None = None, *, closed: bool = False
) -> CurveFunction:
    """The network along a polyline, exactly up to a proved rounding error.

    Parameters
    ----------
    net : Network
        Any input dimension d.
    vertices : array_like, shape (s + 1, d), or Polyline
        Consecutive vertices.
    parameters : array_like, shape (s + 1,), optional
        Parameter of each vertex (one more at the end when ``closed``), strictly increasing from 0
        to 1; evenly spaced when left out. The parametrisation decides the Fourier coefficients.
    closed : bool
        Append the first vertex at the end.

    Returns
    -------
    CurveFunction

    Raises
    ------
    InvalidInputError
        Fewer than two vertices, wrong shapes, or parameters that do not increase from 0 to 1.

    Notes
    -----
    theory A.8: for a polyline gamma, f o gamma is continuous and piecewise linear, so all its
    Fourier coefficients are closed forms.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.theory import restrict_to_polyline
    >>> net = sg.Network([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    >>> square = restrict_to_polyline(net, [[1, 1], [-1, 1], [-1, -1], [1, -1]], closed=True)
    >>> square.n_pieces, float(square.mean[0])
    (8, 0.75)
    """
    points = as_polyline(vertices, net.input_dim)
    if closed:
        points = np.concatenate((points, points[:1]))
    if parameters is None:
        nodes = np.linspace(0.0, 1.0, len(points))
    else:
        nodes = as_floats(parameters, "parameters", (len(points),))
        if nodes[0] != 0.0 or nodes[-1] != 1.0 or np.any(np.diff(nodes) <= 0):
            raise InvalidInputError("parameters: must increase strictly from 0 to 1; rescale them")
    grids, values, errors = [nodes[:1]], [], []
    for i in range(len(points) - 1):
        trace = trace_segment(net, points[i], points[i + 1])
        inner = nodes[i] + trace.parameters[1:-1] * (nodes[i + 1] - nodes[i])
        grids.append(np.append(np.clip(inner, nodes[i], nodes[i + 1]), nodes[i + 1]))
        values.append(trace.values if i == 0 else trace.values[1:])
        errors.append(trace.error)
    grid, table = np.concatenate(grids), np.concatenate(values)
    # A parameter is rounded by at most 2 u; where the grid is that fine the interpolant may turn by
    # the whole step, so the honest charge is 2 u times the steepest slope of the unrounded curve.
    slope = _steepest(net, points, nodes)
    return CurveFunction(grid, table, np.max(errors, axis=0) + 2 * UNIT_ROUNDOFF * slope, points)


@checked
def lipschitz_bound(net: Network) -> float:
    """Upper bound of the Lipschitz constant of all outputs: product of spectral norms.

    theory A.5 (paper, eq. 7, middle form), times the steepest slope of each activation; rounded up.

    Parameters
    ----------
    net : Network

    Returns
    -------
    float

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.theory.curves import lipschitz_bound
    >>> round(lipschitz_bound(sg.Network([[[3.0, 4.0]], [[2.0]]], [[0.0], [0.0]])), 6)
    10.0
    """
    norms = [np.linalg.norm(weight, 2) for weight in net.weights]
    slopes = [activation.stretch for activation in net.activations]
    return float(np.prod(norms) * np.prod(slopes) * (1 + 1e-10))


def _steepest(net: Network, points: FloatArray, nodes: FloatArray) -> FloatArray:
    """Bound of |d f_i(gamma(z)) / dz| for each output i, shape (m,)."""
    speed = np.max(np.linalg.norm(np.diff(points, axis=0), axis=1) / np.diff(nodes))
    inner = [np.linalg.norm(w, 2) * a.stretch for w, a in zip(net.weights, net.activations, strict=False)]
    return np.asarray(np.linalg.norm(net.weights[-1], axis=1) * np.prod(inner) * speed * (1 + 1e-10))


def _odd_sinc(h: FloatArray) -> FloatArray:
    """(sin h - h cos h) / h^2, odd and bounded; h/3 - h^3/30 + ... near 0."""
    square = np.minimum(np.abs(h), _SMALL_ANGLE) ** 2
    series = np.zeros_like(h)
    for divisor in _ODD_SINC_DIVISORS:
        series = 1.0 / divisor - square * series
    safe = np.where(np.abs(h) < _SMALL_ANGLE, 1.0, h)
    return np.asarray(np.where(np.abs(h) < _SMALL_ANGLE, h * series, (np.sin(safe) - safe * np.cos(safe)) / safe**2))
