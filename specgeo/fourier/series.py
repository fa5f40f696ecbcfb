"""Fourier series on a box: exact coefficients, partial sums and the energy that a partial sum leaves out.

Notation. The box is a <= x <= b with sides s = b - a, and c_n are the coefficients of

    "mirror"     the even extension, of period 2 s:  k_j = pi n_j / s_j,   c_n real and even in each n_j
    "periodic"   the periodic one, of period s:      k_j = 2 pi n_j / s_j, c_n complex, c_{-n} = conj c_n

    f(x) = sum over n in Z^d of c_n e^{i k_n.(x - a)}

The mirror extension is continuous, so its coefficients decay like those of a function without
boundary. Phases are taken in coordinates of the box, in which k is a whole number: they are as good at n = 10^6 as
at n = 1. No geometry is reflected: c_n is the mean of the transform over the reflections of k,
(1/|Omega|) int f(x) prod_j cos(k_j (x_j - a_j)) dx. In that mean the traces on the boundary cancel in pairs, and
what is left are the kinks and the fluxes through the walls (whose mirror jump is -2 d_nu f).
Source: theory of the mirror torus, closed form in 1-D a_n = 2 c_n.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import FloatArray, IntArray, as_complexes, as_points
from specgeo._display import Shown
from specgeo._double import UNIT_ROUNDOFF
from specgeo._progress import Tell, reported
from specgeo.domain import Box
from specgeo.errors import DomainError, InvalidInputError
from specgeo.fourier.deviation import deviation_of
from specgeo.fourier.forms import TINY, ComplexForms, forms_of, require_range
from specgeo.fourier.line import line_coefficients
from specgeo.fourier.spectra import METHODS, evaluate, volume_bound
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.vertex_values import line_values

Extension = Literal["mirror", "periodic"]
MAX_MODE = 1e13
_CHUNK = 1 << 22  # entries of the largest scratch array of a partial sum


@checked
@within_memory
@reported
def fourier_coefficients(
    cx: PolyhedralComplex,
    modes: npt.ArrayLike,
    extension: Extension = "mirror",
    return_error: bool = False,
    method: METHODS = "auto",
    progress: Callable[[str, float], None] | bool | None = None,
    executor: Any = None,
) -> npt.NDArray[np.float64 | np.complex128] | tuple[npt.NDArray[np.float64 | np.complex128], FloatArray]:
    r"""Exact Fourier coefficients of a piecewise-linear function on a box.

    Parameters
    ----------
    cx : PolyhedralComplex
        On a `Box` domain with lower corner a and sides s.
    modes : array_like of ints, shape (..., d)
        Multi-indices n.
    extension : {"mirror", "periodic"}
        "mirror": even extension, wavevectors :math:`k_j = \pi n_j / s_j`. "periodic": the function
        repeated as it is (with a jump at the walls unless it matches), :math:`k_j = 2\pi n_j / s_j`.
    return_error : bool
        Return an error bound too, as `spectrum` does.
    method : {"auto", "facet", "volume", "moments", "nufft"}
        As in `spectrum`.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.
    executor : int or concurrent.futures.Executor, optional
        As in `spectrum`: who does the work, without a change of any bit.

    Returns
    -------
    coefficients : ndarray, shape (..., m)
        c_n with :math:`f(x) = \sum_{n \in Z^d} c_n e^{i k_n\cdot(x - a)}`: float64 for "mirror",
        complex128 for "periodic". Phases are relative to the lower corner, as in a DFT of samples
        a + s j / N.
    error : ndarray of float64, shape (..., m), only with ``return_error``

    Raises
    ------
    DomainError
        The domain of ``cx`` is not a `Box`.
    InvalidInputError
        ``modes`` are not integers, or their last axis is not d long.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    >>> ramp = sg.enumerate_regions(net, sg.Box([0], [1]))            # x on [0, 1]
    >>> sg.fourier_coefficients(ramp, [[0], [1], [2]]).round(6)[:, 0] + 0.0  # 1/2, -2/pi^2, 0
    array([ 0.5     , -0.202642,  0.      ])
    """
    box, forms = box_forms(cx)
    tell = progress if callable(progress) else None
    on_a_line = _on_a_line(cx, box, modes, extension) if method == "auto" else None
    if on_a_line is not None and not return_error:
        return on_a_line
    coefficients, errors = coefficients_on(box, forms, modes, extension, method, return_error, tell, executor)
    if on_a_line is not None:
        coefficients, errors = on_a_line, errors + np.abs(on_a_line - coefficients)
    return (coefficients, errors) if return_error else coefficients


def _on_a_line(
    cx: PolyhedralComplex, box: Box, modes: npt.ArrayLike, extension: Extension
) -> npt.NDArray[np.float64 | np.complex128] | None:
    """Coefficients from values that the enumeration has left, without the pieces; None where it has left none."""
    values = line_values(cx)
    if values is None or not np.all(np.isfinite(values)):
        return None
    numbers, order = as_modes(modes, 1), np.argsort(cx.vertices[:, 0], kind="stable")
    ends = float(box.lower[0]), float(box.upper[0])
    found = line_coefficients(cx.vertices[order, 0], values[order], *ends, numbers.reshape(-1), extension)
    require_range("its series", np.abs(found))
    return found.reshape(*numbers.shape[:-1], -1)


def coefficients_on(
    box: Box,
    forms: ComplexForms,
    modes: npt.ArrayLike,
    extension: Extension,
    method: str,
    return_error: bool,
    tell: Tell | None = None,
    executor: Any = None,
) -> tuple[npt.NDArray[np.float64 | np.complex128], FloatArray]:
    """What the pieces of a complex, all of a box or some of it, add to its coefficients, and bounds: (..., m) each."""
    numbers = as_modes(modes, box.dim)
    flat = numbers.reshape(-1, box.dim)
    values: npt.NDArray[np.float64 | np.complex128]
    if extension == "mirror":
        values, errors = _mirror(forms, box, flat, method, return_error, tell, executor)
    else:
        waves = mode_wavevectors(flat, box, extension)
        values, errors = evaluate(forms, waves, "cut", method, return_error, tell, executor)
    shape = (*numbers.shape[:-1], forms.n_outputs)
    coefficients = (values / box.volume).reshape(shape)
    errors = errors + 2 * (box.dim + 1) * UNIT_ROUNDOFF * np.abs(values)  # the volume's sides and product are rounded
    return coefficients, (errors / box.volume).reshape(shape)


@checked
def mode_wavevectors(modes: npt.ArrayLike, domain: Box, extension: Extension = "mirror") -> FloatArray:
    """Wavevectors (..., d) of Fourier modes (..., d): pi n / s ("mirror") or 2 pi n / s ("periodic").

    Parameters
    ----------
    modes : array_like of ints, shape (..., d)
    domain : Box
    extension : {"mirror", "periodic"}

    Returns
    -------
    ndarray, shape (..., d)

    Examples
    --------
    >>> import specgeo as sg
    >>> sg.fourier.mode_wavevectors([[1, 2]], sg.Box([0, 0], [1, 2]), "periodic").round(3)
    array([[6.283, 6.283]])
    """
    turns = np.pi if extension == "mirror" else 2 * np.pi
    return np.ascontiguousarray(as_modes(modes, domain.dim) * (turns / (domain.upper - domain.lower)))


@checked
@within_memory
def partial_sum(
    coefficients: npt.ArrayLike,
    modes: npt.ArrayLike,
    x: npt.ArrayLike,
    domain: Box,
    extension: Extension = "mirror",
) -> FloatArray:
    r"""Values at x of the partial Fourier series over some modes.

    Parameters
    ----------
    coefficients : array_like, shape (n_modes, m)
        From `fourier_coefficients`.
    modes : array_like of ints, shape (n_modes, d)
        For "mirror" each orbit under reflections once (for instance all n >= 0): its other members
        are counted in. For "periodic" each pair n, -n once: the other is counted in.
    x : array_like of floats, shape (..., d)
    domain : Box
    extension : {"mirror", "periodic"}

    Returns
    -------
    ndarray of float64, shape (..., m)

    Raises
    ------
    InvalidInputError
        Shapes do not fit, or a mode occurs twice.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.fourier.series import partial_sum
    >>> partial_sum([[0.5], [-0.25]], [[0], [1]], [[0.0], [1.0]], sg.Box([0], [1]))
    array([[0.],
           [1.]])
    """
    if not isinstance(domain, Box):
        raise InvalidInputError(f"domain: a {type(domain).__name__} given, a Box wanted")
    numbers = as_modes(modes, domain.dim).reshape(-1, domain.dim)
    points = as_points(x, "x", domain.dim)
    given = as_complexes(coefficients, "coefficients")
    if given.ndim != 2 or len(given) != len(numbers):
        raise InvalidInputError(f"coefficients: shape {given.shape} given, ({len(numbers)}, m) wanted, one row a mode")
    wavevectors = mode_wavevectors(numbers, domain, extension)
    orbit = _orbit_sizes(_distinct_orbits(numbers, extension), extension)
    flat = points.reshape(-1, domain.dim) - domain.lower
    total = np.zeros((len(flat), given.shape[1]))
    step = max(1, _CHUNK // max(1, len(flat)))
    for start in range(0, len(numbers), step):
        rows = slice(start, start + step)
        if extension == "mirror":
            waves = np.prod(np.cos(flat[:, None, :] * wavevectors[None, rows]), axis=2)
            total += (waves * orbit[rows]) @ given[rows].real
        else:
            total += np.real((np.exp(1j * (flat @ wavevectors[rows].T)) * orbit[rows]) @ given[rows])
    return total.reshape(*points.shape[:-1], given.shape[1])


@dataclass(frozen=True, eq=False)
class Energy(Shown):
    """Mean square of f on its box, split by Parseval's identity; each field has shape (m,).

    ``tail`` = ``total`` - ``captured`` is the exact energy of all modes not summed: the squared
    L2 error of the partial sum over the box, divided by its volume. ``error`` bounds its rounding.
    """

    total: FloatArray
    captured: FloatArray
    tail: FloatArray
    error: FloatArray


@checked
@within_memory
def tail_energy(cx: PolyhedralComplex, modes: npt.ArrayLike, extension: Extension = "mirror") -> Energy:
    r"""Energy outside a set of Fourier modes, without an infinite sum (Parseval).

    Parameters
    ----------
    cx : PolyhedralComplex
        On a `Box`.
    modes : array_like of ints, shape (..., d)
        The modes summed. The set is closed under reflections ("mirror") or n -> -n ("periodic");
        repetitions count once.
    extension : {"mirror", "periodic"}

    Returns
    -------
    Energy
        total = (1/\|Omega\|) int f^2, captured = sum \|c_n\|^2, tail = total - captured, each (m,).

    Raises
    ------
    DomainError, InvalidInputError
        As `fourier_coefficients`.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.fourier.series import tail_energy
    >>> net = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    >>> ramp = sg.enumerate_regions(net, sg.Box([0], [1]))
    >>> tail_energy(ramp, [[0], [1]]).tail.round(6)      # 1/3 - 1/4 - 8/pi^4
    array([0.001205])
    """
    box, forms = box_forms(cx)
    flat = as_modes(modes, box.dim).reshape(-1, box.dim)
    orbits = np.unique(_representatives(flat, extension), axis=0)
    given, error = fourier_coefficients(cx, orbits, extension, return_error=True)
    weights = _orbit_sizes(orbits, extension)
    moduli = np.abs(given)
    with np.errstate(over="ignore", invalid="ignore"):
        total = mean_square(forms) / box.volume
        captured = weights @ moduli**2
        rounding = weights @ ((2 * moduli + error) * error) + (len(weights) + 8) * UNIT_ROUNDOFF * captured
        rounding += 16 * UNIT_ROUNDOFF * (1 + np.sqrt(cx.n_cells) + box.dim) * total + len(weights) * TINY
        # f^2 is off by 2 |f| times what f is off by: pieces, vertices, vertex values
        values = forms.volume.cells.values
        assert values is not None
        largest = np.abs(values).max(axis=(0, 1))
        rounding += 2.01 * largest * (deviation_of(cx).cells + volume_bound(forms)) / box.volume
    require_range("its energy", total, captured, rounding)
    return Energy(total, captured, total - captured, np.asarray(rounding))


def mean_square(forms: ComplexForms) -> FloatArray:
    """Integral of f^2 over the domain, (m,): exact on each simplex, |S| ((sum f_i)^2 + sum f_i^2) / ((d+1)(d+2))."""
    cells = forms.volume.cells
    assert cells.values is not None
    d = cells.simplices.shape[1] - 1
    squares = cells.values.sum(axis=1) ** 2 + (cells.values**2).sum(axis=1)
    return np.asarray(cells.measures @ squares / ((d + 1) * (d + 2)))


def as_modes(modes: npt.ArrayLike, dim: int) -> IntArray:
    """Multi-indices as int64 (..., dim)."""
    numbers = as_points(modes, "modes", dim)
    if np.any(numbers != np.rint(numbers)):
        raise InvalidInputError("modes: whole numbers wanted; for other wavevectors use spectrum")
    if np.any(np.abs(numbers) > MAX_MODE):
        raise InvalidInputError(f"modes: whole numbers up to {MAX_MODE:.0e} wanted; beyond, floats resolve no phase")
    return numbers.astype(np.int64)


def box_forms(cx: PolyhedralComplex) -> tuple[Box, ComplexForms]:
    """The box that a series needs as the domain of a complex, and the forms of its pieces."""
    forms_of(cx)
    if not isinstance(cx.domain, Box):
        raise DomainError("cx: its domain is not a Box; Fourier series are for boxes, use spectrum instead")
    return cx.domain, forms_of(cx, cx.domain)


def _mirror(
    forms: ComplexForms, box: Box, modes: IntArray, method: str, bounds: bool, tell: Tell | None, executor: Any
) -> tuple[FloatArray, FloatArray]:
    """Means over the reflections of k; half of them suffice, f being real."""
    positive, place = np.unique(np.abs(modes), axis=0, return_inverse=True)
    wavevectors = mode_wavevectors(positive, box, "mirror")
    signs = np.array([(1.0, *rest) for rest in product((1.0, -1.0), repeat=box.dim - 1)])
    reflected = (wavevectors[:, None, :] * signs).reshape(-1, box.dim)
    values, errors = evaluate(forms, reflected, "mirror", method, bounds, tell, executor)
    shape = (len(positive), len(signs), forms.n_outputs)
    means, errors = values.real.reshape(shape).mean(axis=1), errors.reshape(shape).mean(axis=1)
    return means[place.ravel()], errors[place.ravel()]


def _representatives(modes: IntArray, extension: Extension) -> IntArray:
    """One member of each orbit: |n| ("mirror"), or the one of n, -n whose first non-zero entry is positive."""
    if extension == "mirror":
        return np.abs(modes)
    sign = np.ones(len(modes), dtype=np.int64)
    for column in modes.T[::-1]:
        sign = np.where(column != 0, np.sign(column), sign)
    return modes * sign[:, None]


def _distinct_orbits(modes: IntArray, extension: Extension) -> IntArray:
    orbits = _representatives(modes, extension)
    if len(np.unique(orbits, axis=0)) < len(orbits):
        raise InvalidInputError(
            "modes: a mode and its mirror image (or negative) both occur; give one of them, the other is counted in"
        )
    return orbits


def _orbit_sizes(orbits: IntArray, extension: Extension) -> FloatArray:
    """Number of modes in each orbit."""
    if extension == "mirror":
        return np.asarray(2.0 ** np.count_nonzero(orbits, axis=1))
    return np.where(np.any(orbits != 0, axis=1), 2.0, 1.0)
