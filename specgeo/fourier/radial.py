"""`radial_spectrum`: averages of the power over shells |k| = t, and the Porod constants they tend to.

Notation. sigma_{d-1} is the area of the unit sphere S^{d-1} in R^d (2, 2 pi, 4 pi for d = 1, 2, 3).

    S(t)    = mean over |u| = 1 of |f^(t u)|^2
    E(t)    = sigma_{d-1} t^{d-1} S(t)                 int_0^inf E dt = (2 pi)^d int f^2
    zeta(t) = t^{d-1} int over |u| = 1 of |f^(t u)|    the paper's radial amplitude

|f^(t u)|^2 is the transform of the autocorrelation, whose support lies in a ball of radius D, the
diameter of the domain: as a function of u it has angular frequencies up to about t D, so equispaced
angles (times Gauss-Legendre in cos(theta), for d = 3) integrate it to rounding once there are more
nodes than that. |f^| has kinks where f^ = 0: zeta comes with an estimate, not a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gamma, pi
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import roots_legendre

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import FloatArray, as_floats, as_indices
from specgeo._display import Shown
from specgeo._double import UNIT_ROUNDOFF
from specgeo._limits import check_time
from specgeo._xarray import dataset
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier.forms import TINY, ComplexForms, forms_of, require_range
from specgeo.fourier.spectra import evaluate
from specgeo.geometry.complex import PolyhedralComplex

MAX_DIRECTIONS = 1 << 22  # of one shell: half a gigabyte of values for one output
_BATCH = 1 << 18  # wavevectors evaluated at once


@dataclass(frozen=True, eq=False)
class RadialSpectrum(Shown):
    """Shell averages; every field but ``t`` has the shape of ``t`` with the outputs appended, (..., m).

    Attributes
    ----------
    t : (...)
        Shell radii |k|.
    power, power_error
        S(t), the mean of |f^|^2 over the shell, and a bound on its error.
    energy, energy_error
        E(t), per unit of t.
    amplitude, amplitude_error
        zeta(t), and an estimate: the largest distance to four rules that take a quarter of the
        directions each (rounding in dimension 1).
    n_directions : int
        Directions per shell used for the largest radius.
    """

    t: FloatArray
    power: FloatArray
    power_error: FloatArray
    energy: FloatArray
    energy_error: FloatArray
    amplitude: FloatArray
    amplitude_error: FloatArray
    n_directions: int

    def __len__(self) -> int:
        """Number of radii."""
        return self.t.size

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` over the radii, in the shape of ``t``, and the outputs."""
        axes = (*(("radius",) if self.t.ndim == 1 else (f"radius_{i}" for i in range(self.t.ndim))), "output")
        names = ("power", "power_error", "energy", "energy_error", "amplitude", "amplitude_error")
        return dataset({name: (axes, getattr(self, name)) for name in names}, {"t": (axes[:-1], self.t)})

    def plot(self, ax: Any = None, *, output: int = 0, **options: Any) -> Any:
        """Root of the power over the radius (`specgeo.plotting.spectrum_plot` has the options); the matplotlib Axes."""
        from specgeo.plotting import spectrum_plot

        label = r"root mean square of $|\hat f(k)|$"
        root = np.sqrt(self.power[..., as_indices([output], "output", self.power.shape[-1])[0]]).ravel()
        return spectrum_plot(self.t.ravel(), root, ax=ax, **{"amplitude": label, "label": "exact", **options})


@dataclass(frozen=True, eq=False)
class PorodConstants(Shown):
    """Leading coefficients of the shell energy for large t (windowed means), each (m,).

    ``kinks``: E(t) t^4 -> kinks = 2 (2 pi)^{d-1} sum_F c_F^2 |F|, for a function that is continuous
    across the domain's boundary (or for the interior spectrum). ``walls``: E(t) t^2 -> walls =
    2 (2 pi)^{d-1} int over the boundary of f^2, for one that is cut there; zero where it is not.
    Division by the area ``sphere`` of the unit sphere gives those of S(t) t^{d+3} and S(t) t^{d+1}.
    """

    kinks: FloatArray
    walls: FloatArray
    sphere: float


@checked
@within_memory
def radial_spectrum(
    cx: PolyhedralComplex, t: npt.ArrayLike, boundary: Literal["cut", "interior"] = "cut"
) -> RadialSpectrum:
    r"""Shell averages of the power spectrum.

    Parameters
    ----------
    cx : PolyhedralComplex
        In dimension 1, 2 or 3.
    t : array_like of floats, shape (...)
        Shell radii \|k\| >= 0 (> 0 for "interior"), radians per unit length.
    boundary : {"cut", "interior"}
        As in `spectrum`.

    Returns
    -------
    RadialSpectrum

    Raises
    ------
    UnsupportedError
        Dimension above 3.
    InvalidInputError
        A negative radius, or one whose shell takes more than `MAX_DIRECTIONS` directions.

    Notes
    -----
    A shell takes about t D directions in 2-D and (t D)^2 in 3-D, D the diameter of the domain.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> tent = sg.enumerate_regions(net, sg.Box([-1], [1]))
    >>> sg.radial_spectrum(tent, [2.0]).power.round(4)       # sinc(1)^4
    array([[0.5014]])
    """
    forms = forms_of(cx)
    if forms.dim > 3:
        raise UnsupportedError("cx: shell averages are for dimension 1 to 3; use spectrum on directions of your own")
    radii = as_floats(t, "t")
    if np.any(radii < 0):
        raise InvalidInputError("t: negative radii given; shell radii are lengths |k| >= 0")
    flat = radii.ravel()
    rows = np.zeros((len(flat), 4, forms.n_outputs))
    diameter = float(np.linalg.norm(np.ptp(cx.vertices, axis=0)))
    centred = ComplexForms(cx, (cx.vertices.max(axis=0) + cx.vertices.min(axis=0)) / 2)
    order = np.argsort(flat)
    largest, start = 1, 0
    while start < len(flat):
        check_time()
        # shells of similar radius share a rule and one evaluation
        stop = start + 1
        while stop < len(flat) and flat[order[stop]] <= 1.25 * flat[order[start]] + 1 / diameter:
            stop += 1
        directions, weights, coarse = sphere_rule(forms.dim, float(flat[order[stop - 1]]) * diameter)
        stop = min(stop, start + max(1, _BATCH // len(directions)))
        rows[order[start:stop]] = _shells(centred, flat[order[start:stop]], directions, weights, coarse, boundary)
        largest, start = max(largest, len(directions)), stop
    shape = (*radii.shape, forms.n_outputs)
    power, power_error, mean, mean_error = (rows[:, i].reshape(shape) for i in range(4))
    shell = (sphere_area(forms.dim) * radii ** (forms.dim - 1))[..., None]
    return RadialSpectrum(
        radii, power, power_error, shell * power, shell * power_error, shell * mean, shell * mean_error, largest
    )


def _shells(
    forms: ComplexForms,
    radii: FloatArray,
    directions: FloatArray,
    weights: FloatArray,
    coarse: FloatArray,
    boundary: Literal["cut", "interior"],
) -> FloatArray:
    """Mean power, its error, mean modulus, its error, for each radius: (n, 4, m)."""
    waves = (radii[:, None, None] * directions).reshape(-1, forms.dim)
    values, errors = evaluate(forms, waves, boundary, "auto")
    shape = (len(radii), len(directions), forms.n_outputs)
    moduli: FloatArray = np.abs(values).reshape(shape)
    bounds = errors.reshape(shape)
    with np.errstate(over="ignore", invalid="ignore"):
        power = np.einsum("u,tum->tm", weights, moduli**2)
        rounding = np.einsum("u,tum->tm", weights, (2 * moduli + bounds) * bounds) + TINY
        rounding += rule_rounding(forms.dim, power, (moduli**2).max(axis=1))
    require_range("its power", power, rounding)
    mean = np.einsum("u,tum->tm", weights, moduli)
    others = np.einsum("ru,tum->trm", coarse, moduli)
    mean_error = np.abs(mean[:, None] - others).max(axis=1) + np.einsum("u,tum->tm", weights, bounds)
    return np.stack([power, rounding, mean, mean_error], axis=1)


def rule_rounding(dim: int, power: FloatArray, largest: FloatArray) -> FloatArray:
    """Rounding of a mean over directions: of its weights, and where a few directions have it all."""
    # one direction, no rule: the square is rounded
    return np.asarray(8 * UNIT_ROUNDOFF * power if dim == 1 else 3e-14 * power + 1e-15 * largest)


def sphere_area(dim: int) -> float:
    """Area of the unit sphere in R^dim: 2, 2 pi, 4 pi, ..."""
    return float(2 * pi ** (dim / 2) / gamma(dim / 2))


def sphere_rule(
    dim: int, bandwidth: float, margin: float = 12.0, name: str = "t"
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Directions (n, dim) on half the sphere, weights (n,) of sum 1, and those (4, n) of four rules on a quarter each.

    Integrates even functions of angular frequency up to ``bandwidth`` to rounding: the margin
    covers the tail of the Bessel functions beyond it (`specgeo.fourier.orientation` bounds it).
    """
    if dim == 1:
        return np.ones((1, 1)), np.ones(1), np.ones((4, 1))
    degree = bandwidth + margin * max(bandwidth, 1.0) ** (1 / 3) + 24
    needed = degree ** (dim - 1) / 2
    if needed > MAX_DIRECTIONS:
        raise InvalidInputError(
            f"{name}: a shell takes {needed:.1e} directions, {MAX_DIRECTIONS} are allowed; give smaller radii, "
            "or take means of spectrum over directions of your own"
        )
    count = 4 * int(np.ceil(degree / 8))  # even functions of period pi: angles on the half circle
    if dim == 2:
        angles = np.arange(count) * (pi / count)
        directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return directions, np.full(count, 1 / count), np.tile(np.eye(4) * 4 / count, count // 4)
    heights, gauss = roots_legendre(count)
    upper = heights > 0
    heights, gauss = heights[upper], gauss[upper]
    turns = 2 * count
    angles = np.arange(turns) * (2 * pi / turns)
    radius = np.sqrt((1 - heights) * (1 + heights))[:, None]
    directions = np.stack(
        np.broadcast_arrays(radius * np.cos(angles), radius * np.sin(angles), heights[:, None]), axis=2
    )
    weights = np.broadcast_to(gauss[:, None] / turns, (len(heights), turns))
    coarse = np.zeros((2, 2, len(heights), turns))
    for start in (0, 1):
        every = _interpolatory(heights[start::2]) * 2 / turns
        for turn in (0, 1):
            coarse[start, turn, start::2, turn::2] = every[:, None]
    return directions.reshape(-1, 3), weights.ravel(), coarse.reshape(4, -1)


def _interpolatory(heights: FloatArray) -> FloatArray:
    """Weights of sum 1 that integrate even polynomials over [-1, 1]; positive for every other of Gauss's nodes."""
    basis = np.polynomial.legendre.legvander(heights, 2 * len(heights) - 2)[:, ::2]
    return np.asarray(np.linalg.solve(basis.T, np.eye(len(heights))[0]))


@checked
@within_memory
def porod_constants(cx: PolyhedralComplex, boundary: Literal["cut", "interior"] = "cut") -> PorodConstants:
    r"""Exact constants of the Porod laws E(t) t^4 and E(t) t^2, from the facets.

    Parameters
    ----------
    cx : PolyhedralComplex
        Any dimension.
    boundary : {"cut", "interior"}
        "cut": facets on the boundary of the domain count with the jump -d_nu f to zero outside.

    Returns
    -------
    PorodConstants
        With a jump at the boundary ("cut", f not zero there) the walls' law t^-2 leads, and ``kinks``
        is the contribution of the jumps in the gradient alone.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.fourier.radial import porod_constants
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> tent = sg.enumerate_regions(net, sg.Box([-1], [1]))
    >>> porod_constants(tent).kinks                            # 2 (1 + 4 + 1)
    array([12.])
    """
    form = forms_of(cx).facets
    factor = 2 * (2 * pi) ** (cx.dim - 1)
    assert form.kinks.weights is not None and form.flux.weights is not None and form.trace.values is not None
    kinks = _square_sum(form.kinks.measures, form.kinks.weights)
    walls = np.zeros_like(kinks)
    if boundary == "cut":
        kinks = kinks + _square_sum(form.flux.measures, form.flux.weights)
        values, nodes = form.trace.values, form.trace.simplices.shape[1]
        size = form.trace.measures / (nodes * (nodes + 1))
        walls = _square_sum(size, values.sum(axis=1)) + sum(_square_sum(size, values[:, i]) for i in range(nodes))
    require_range("a Porod constant", factor * kinks, factor * walls)
    return PorodConstants(factor * kinks, factor * walls, sphere_area(cx.dim))


def _square_sum(measures: FloatArray, values: FloatArray) -> FloatArray:
    """Sum of measures (n,) times squares of values (n, m), refused where only squares leave the range of floats."""
    scale = np.abs(values).max(axis=0, initial=0.0)
    safe = np.where(scale > 0, scale, 1.0)
    with np.errstate(over="ignore"):
        result = np.asarray(measures @ (values / safe) ** 2 * scale * scale)
    return np.where((result < np.finfo(float).tiny) & (scale > 0) & (len(measures) > 0), np.nan, result)
