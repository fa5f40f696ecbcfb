r"""How fast spectra of piecewise-linear functions decay: bounds with every constant explicit.

Notation: f is affine on the N cells of a bounded convex domain Omega; interior facets F have unit normal
n_F, gradient jump c_F = (g_1 - g_0).n_F and measure |F|; boundary facets B have outward normal nu, cell
gradient g_B and measure |B|. k = |k| u. J(u) is
the directional variation, sum_F |c_F| (u.n_F)^2 |F| (see `variation`). Bounds, valid at every k != 0:

    cut       |f^(k)| <= |k|^-2 [J(u) + sum_B |u.g_B| |u.nu| |B|] + |k|^-1 sum_B |u.nu| int_B |f|
    interior  |f_int^(k)| <= |k|^-2 sum_F |c_F| |F|
    compact   |f^(k)| <= min(int |f|, J(u) / |k|^2)  where f = 0 on the boundary, whose facets count with c_B = -d_nu f
    cells     |gradient part| <= 2 L_f N shadow_u(Omega) / |k|^2,  J(u) <= L_f (N-1) Per(Omega)  (compact: L_f N Per)
    lines     J(u) <= 2 L_f X(u),   X(u) = sum_F |u.n_F| |F|: facets met by lines along u, integrated

"gradient part" is f^ less the boundary traces i |k|^-2 sum_B (k.nu) int_B f e^{-ik.x}. These replace
the O(L_f N_f / k^2) of Theorem 1 of arXiv 1806.08734v3, whose constants are not uniform in k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray, RNGLike, as_points, as_rng
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.network import Network
from specgeo.results import PAPER, RADIANS, Check, Result, axes
from specgeo.theory.lipschitz import lipschitz_constant
from specgeo.theory.variation import (
    VANISHING,
    boundary_sums,
    checked_output,
    crossings,
    directional_variation,
    integral_of_modulus,
    is_compact,
    perimeter,
    shadow,
    total_variation,
)

__all__ = [
    "DecayReport", "cut_bound", "decay_report", "gradient_bound", "path_norm", "sample_wavevectors",
]  # fmt: skip

ROUNDING = 1e-12  # relative, of the bounds themselves: sums of up to 10^6 positive terms with margin


def _split(k: npt.ArrayLike, cx: PolyhedralComplex) -> tuple[FloatArray, FloatArray]:
    wavevectors = as_points(k, "k", cx.dim)
    length = np.linalg.norm(wavevectors, axis=-1)
    if np.any(length == 0):
        raise InvalidInputError("k: contains the zero wavevector, where decay bounds say nothing; leave it out")
    return length, wavevectors / length[..., None]


def gradient_bound(cx: PolyhedralComplex, k: npt.ArrayLike, output: int = 0) -> FloatArray:
    """|k|^-2 [J(u) + sum_B |u.g_B| |u.nu| |B|]: bound on the gradient part of f^(k), (..., d) -> (...)."""
    length, u = _split(k, cx)
    normals, gradients, measures, _ = boundary_sums(cx, checked_output(cx, output))
    flux = np.abs((u @ gradients.T) * (u @ normals.T)) @ measures
    return np.asarray((directional_variation(cx, u, output) + flux) / length**2)


@checked
def cut_bound(cx: PolyhedralComplex, k: npt.ArrayLike, output: int = 0) -> FloatArray:
    r"""Bound on \|f^(k)\| of f times the indicator of the domain, for every k != 0: (..., d) -> (...).

    \|k\|^-2 [J(u) + sum_B \|u.g_B\| \|u.nu\| \|B\|] + \|k\|^-1 sum_B \|u.nu\| int_B \|f\|. Hypotheses: f continuous
    and affine on the cells. Source: divergence theorem twice; the explicit form of Theorem 1.

    Parameters
    ----------
    cx : PolyhedralComplex
    k : array_like, shape (..., d)
        Wavevectors, angular.
    output : int

    Returns
    -------
    ndarray, shape (...)

    Examples
    --------
    Equality for the tent where sin(k/2)^2 = 1:

    >>> import numpy as np, specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> tent = sg.enumerate_regions(net, sg.Box([-2], [2]))
    >>> k = [[np.pi]]
    >>> bool(np.isclose(abs(sg.spectrum(tent, k)[0, 0]), cut_bound(tent, k)[0]))
    True
    """
    length, u = _split(k, cx)
    normals, _, _, traces = boundary_sums(cx, checked_output(cx, output))
    return np.asarray(gradient_bound(cx, k, output) + np.abs(u @ normals.T) @ traces / length)


def sample_wavevectors(cx: PolyhedralComplex, n: int = 400, rng: RNGLike = 0, decades: float = 3.0) -> FloatArray:
    """Wavevectors that try the bounds: isotropic ones, facet normals and axes, log-uniform lengths, (n, d).

    Lengths run over ``decades`` decades from half a period per diameter of the domain.
    """
    generator = as_rng(rng)
    directions = generator.standard_normal((n, cx.dim))
    normals = cx.facets.normals
    third = n // 3
    directions[:third] = normals[generator.integers(0, len(normals), third)]
    directions[third : third + min(cx.dim, n - third)] = np.eye(cx.dim)[: max(0, n - third)]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    diameter = float(np.linalg.norm(np.ptp(cx.vertices, axis=0)))
    return np.asarray(directions * (np.pi / diameter * 10 ** generator.uniform(0, decades, (n, 1))))


@dataclass(frozen=True, eq=False)
class DecayReport(Result):
    """Exact spectra against every decay bound.

    Attributes
    ----------
    wavevectors : (n, d)
    magnitude, error, bound : (n,)
        |f^(k)| of the cut function, its error bound, and `cut_bound`.
    compact : bool
        Whether f vanishes on the boundary.
    lipschitz, n_cells, perimeter, variation
        L_f, N, Per, sum |c_F| |F| (boundary facets included where compact).
    paper_constant : float
        Smallest C with |gradient part| <= C L_f N / |k|^2 at these k; it is at most 2 max shadow,
        and Per where f has compact support.
    checks : tuple of Check
    """

    wavevectors: FloatArray
    magnitude: FloatArray
    error: FloatArray
    bound: FloatArray
    compact: bool
    lipschitz: float
    n_cells: int
    perimeter: float
    variation: float
    paper_constant: float
    checks: tuple[Check, ...]

    def __str__(self) -> str:
        head = (
            f"decay at {len(self.wavevectors)} wavevectors: L_f {self.lipschitz:.5g}, N {self.n_cells}, "
            f"Per {self.perimeter:.5g}, sum |c||F| {self.variation:.5g}, paper's C >= {self.paper_constant:.3g}"
        )
        return "\n".join([head, *map(str, self.checks)])

    def plot(self, ax: Any = None) -> Any:
        """|f^| and its bound against |k|."""
        ax = axes(ax)
        length = np.linalg.norm(self.wavevectors, axis=1)
        ax.loglog(length, self.bound, ".", color="0.7", label="bound")
        ax.loglog(length, np.maximum(self.magnitude, 1e-300), ".", color="C0", label="exact")
        ax.set_ylim(bottom=max(self.magnitude.min(), self.bound.min() * 1e-8))
        ax.set_xlabel(RADIANS)
        ax.set_ylabel("|f^(k)|")
        ax.legend()
        return ax


def path_norm(net: Network, output: int = 0) -> float:
    """sum_j |a_j| |w_j| of a network f = sum_j a_j sigma(w_j.x + b_j) + b with one hidden layer.

    On the unit cube sum |c_F| |F| <= sqrt(2) times it: a hyperplane section of the unit cube has at
    most (d-1)-volume sqrt(2) (Ball 1986). In d = 1 the factor is 1.

    Raises
    ------
    UnsupportedError
        The network has not exactly one hidden ReLU layer.

    Examples
    --------
    >>> import specgeo as sg
    >>> path_norm(sg.Network([[[3.0, 4.0]], [[2.0]]], [[-1.0], [0.0]]))
    10.0
    """
    if len(net.weights) != 2 or not net.activations[0].is_relu:
        raise UnsupportedError("net: the path norm is for one hidden ReLU layer; use total_variation(cx)")
    if not 0 <= output < net.output_dim:
        raise InvalidInputError(f"output: {output} given for {net.output_dim} outputs; use 0..{net.output_dim - 1}")
    return float(np.abs(net.weights[1][output]) @ np.linalg.norm(net.weights[0], axis=1))


def _worst(
    claim: str, statement: str, k: FloatArray, measured: FloatArray, error: FloatArray, bound: FloatArray
) -> Check:
    """The check at the wavevector that comes closest to the bound."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(bound > 0, measured / bound, np.where(measured <= error, 0.0, np.inf))
    over = np.where(bound > 0, (measured - error) / np.where(bound > 0, bound, 1.0), ratio)
    i = int(np.argmax(over))
    details = {"k": k[i], "wavevectors": len(k), "largest_ratio": float(ratio.max()), "median_ratio": np.median(ratio)}
    tolerance = float(error[i] + ROUNDING * bound[i])
    return Check(claim, statement, float(measured[i]), float(bound[i]), "<=", tolerance, details)


def _column(evaluated: tuple[ComplexArray, FloatArray], output: int) -> tuple[FloatArray, FloatArray]:
    values, errors = evaluated
    return np.asarray(np.abs(values[:, output])), np.asarray(errors[:, output])


def mirror_check(
    cx: PolyhedralComplex, k: FloatArray, magnitude: FloatArray, error: FloatArray, output: int = 0
) -> Check:
    """|c_n| |k|^2 |Omega| <= sum |c_F| |F| + sum_B |d_nu f| |B| for modes of the mirror series, and their errors."""
    scale = np.einsum("ij,ij->i", k, k) * float(cx.domain.volume)
    bound = np.full(len(k), total_variation(cx, output, "mirror"))
    statement = "mirror series: |c_n| |k|^2 |Omega| <= sum |c_F| |F| + sum_B |d_nu f| |B|"
    return _worst("decay.mirror", statement, k, magnitude * scale, error * scale, bound)


@checked
def decay_report(cx: PolyhedralComplex, k: npt.ArrayLike | None = None, output: int = 0) -> DecayReport:
    """Every decay bound at the given wavevectors.

    Parameters
    ----------
    cx : PolyhedralComplex
    k : array_like, shape (n, d), optional
        Non-zero wavevectors; default `sample_wavevectors`.
    output : int

    Returns
    -------
    DecayReport

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> report = decay_report(sg.enumerate_regions(net, sg.Box([-2], [2])))
    >>> report.compact, all(check.holds for check in report.checks)
    (True, True)
    """
    from specgeo.fourier.forms import forms_of
    from specgeo.fourier.spectra import evaluate

    output = checked_output(cx, output)
    kv = sample_wavevectors(cx) if k is None else as_points(k, "k", cx.dim).reshape(-1, cx.dim)
    length, u = _split(kv, cx)
    forms = forms_of(cx)
    full, full_error = _column(evaluate(forms, kv, "cut", "auto"), output)
    inner, inner_error = _column(evaluate(forms, kv, "interior", "facet"), output)
    part, part_error = _column(evaluate(forms, kv, "mirror", "facet"), output)
    compact, n = is_compact(cx, output), cx.n_cells
    lf, per = lipschitz_constant(cx, output), perimeter(cx)
    interior = total_variation(cx, output)
    bound = cut_bound(cx, kv, output)
    shadows = shadow(cx, u)
    checks = [
        _worst("decay.cut", f"|f^(k)| <= |k|^-2 [J + boundary flux] + |k|^-1 boundary trace (Theorem 1, {PAPER}, "
               "with explicit constants)", kv, full, full_error, bound),
        _worst("decay.gradient", "gradient part <= |k|^-2 [J(u) + boundary flux]", kv, part, part_error,
               gradient_bound(cx, kv, output)),
        _worst("decay.interior", "kinks inside the domain: |f_int^(k)| <= |k|^-2 sum |c_F| |F|", kv, inner,
               inner_error, interior / length**2),
        _worst("decay.cells", f"gradient part <= 2 L_f N shadow / |k|^2 (the paper's O(L_f N_f / k^2), {PAPER})", kv,
               part, part_error, 2 * lf * n * shadows / length**2),
        _worst("decay.variation", "J(u) <= L_f (N - 1) Per", kv, directional_variation(cx, u, output),
               np.zeros(len(kv)), np.full(len(kv), lf * (n - 1) * per)),
        _worst("decay.lines", "J(u) <= 2 L_f times the facets met by lines along u", kv,
               directional_variation(cx, u, output), np.zeros(len(kv)), 2 * lf * crossings(cx, u)),
    ]  # fmt: skip
    if compact:
        j = directional_variation(cx, u, output, "zero")
        simple = np.minimum(integral_of_modulus(cx, output), j / length**2)
        checks += [
            _worst("decay.compact", "compact support: |f^(k)| <= min(int |f|, J(u) / |k|^2)", kv, full,
                   full_error + VANISHING * np.abs(bound), simple),
            _worst("decay.compact-variation", "compact support: J(u) <= L_f N Per", kv, j, np.zeros(len(kv)),
                   np.full(len(kv), lf * n * per)),
        ]  # fmt: skip
    constant = float((part * length**2).max() / (lf * n)) if lf > 0 else 0.0
    variation = total_variation(cx, output, "zero" if compact else "interior")
    return DecayReport(kv, full, full_error, bound, compact, lf, n, per, variation, constant, tuple(checks))
