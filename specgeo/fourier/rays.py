"""Spectra along a ray t -> f^(t u), and their exact expansion in powers of 1/t.

Notation. Along u a facet form is a one-dimensional object: every simplex is seen through the
offsets s = u.v of its vertices, and its transform is a divided difference of exp at -i t s_0, -i t s_1, ...
Partial fractions turn that into powers of 1/t times exponentials, with repeated offsets where a
face is orthogonal to u:

    f^(t u) = sum_n t^{-(n+1)} sum_q a_{n,q} e^{-i t s_q},     n = 0..d

n = d: generic vertices; n = 1: facets orthogonal to u; n between: faces of codimension n orthogonal to u;
n = 0: walls of the domain orthogonal to u, for a function cut there. The identity is exact for
every t != 0; the coefficients depend on u only. Source: Theorem 1 of Rahaman et al., with the
coefficients that its proof leaves open, by Opitz' divided differences instead of chains of faces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import ComplexArray, FloatArray, as_floats, as_indices
from specgeo._display import Shown
from specgeo._double import UNIT_ROUNDOFF
from specgeo._limits import check_time
from specgeo.errors import InvalidInputError
from specgeo.fourier.deviation import Deviation, deviation_of
from specgeo.fourier.forms import ComplexForms, FacetForm, forms_of
from specgeo.fourier.partial_fractions import Bins, DirectionalClass, Offsets
from specgeo.fourier.simplex import check_phases
from specgeo.fourier.spectra import evaluate
from specgeo.geometry.complex import PolyhedralComplex

_CHUNK = 1 << 22  # entries of the largest scratch array when an expansion is evaluated


@dataclass(frozen=True, eq=False)
class DirectionalExpansion(Shown):
    """f^(t u) = sum_n t^-power sum_q a_{n,q} e^{-i t s_q}, exact for t != 0; power = n + 1, n for a polytope alone.

    ``expansion(t)`` evaluates it; ``expansion.classes`` holds the classes present, slowest decay
    first; ``expansion.rounding(t)`` bounds the error of that evaluation, which grows where u is
    nearly orthogonal to a face and t is small: `ray_spectrum` has no such loss.
    """

    direction: FloatArray
    classes: tuple[DirectionalClass, ...]
    n_outputs: int
    offset_error: float  # of u.v: rounded to some roundoffs of the largest |v|, and merged with others like it
    left_out: FloatArray  # (p, m) for each power of 1/t the coefficients taken for zero, and their rounding
    boundary: Literal["cut", "interior"]
    stored: Deviation | None  # how far the complex itself is from its network

    def __call__(self, t: npt.ArrayLike) -> ComplexArray:
        """Values at t (...,): shape (..., m)."""
        times = _nonzero(t)
        flat = times.ravel()
        total = np.zeros((len(flat), self.n_outputs), dtype=np.complex128)
        for part in self.classes:
            step = max(1, _CHUNK // max(1, len(part.offsets)))
            for start in range(0, len(flat), step):
                check_time()
                some = flat[start : start + step, None]
                sums = np.exp(-1j * some * part.offsets) @ part.coefficients
                total[start : start + step] += sums / some**part.power
        return total.reshape(*times.shape, self.n_outputs)

    def plot(self, ax: Any = None, *, output: int = 0, t: npt.ArrayLike | None = None, **options: Any) -> Any:
        r"""\|f^(t u)\| over t (`specgeo.plotting.spectrum_plot` has the options); the matplotlib Axes.

        By default t is from 10 to 1000 over the width of the domain along u.
        """
        from specgeo.plotting import spectrum_plot

        at = as_indices([output], "output", self.n_outputs)[0]
        offsets = np.concatenate([part.offsets for part in self.classes] or [np.zeros(1)])
        times = np.geomspace(10.0, 1000.0, 400) / (float(np.ptp(offsets)) or 1.0) if t is None else _nonzero(t)
        words = {"amplitude": r"$|\hat f(t u)|$", "label": "closed form", "length": "$|t|$  (radians per unit length)"}
        return spectrum_plot(times.ravel(), self(times.ravel())[:, at], ax=ax, **{**words, **options})

    def rounding(self, t: npt.ArrayLike) -> FloatArray:
        """Bound on the error of the value at t (...,), that of the stored vertices and pieces included: (..., m)."""
        given = _nonzero(t)
        times = np.abs(given)[..., None]
        total = np.zeros((*given.shape, self.n_outputs))
        if self.stored is not None:
            total += self.stored.facet(given.reshape(-1, 1) * self.direction, self.boundary).reshape(total.shape)
        for power, dropped in enumerate(self.left_out):
            total += dropped / times**power
        for part in self.classes:
            growth = UNIT_ROUNDOFF * (16 + np.sqrt(len(part.offsets))) + self.offset_error * times
            total += growth * part.sizes.sum(axis=0) / times**part.power
        return np.asarray(total)

    def __getitem__(self, n: int) -> DirectionalClass:
        """The class n; KeyError where it is empty."""
        for part in self.classes:
            if part.n == n:
                return part
        raise KeyError(n)

    @property
    def decay_exponent(self) -> int | None:
        """The smallest power present: |f^(t u)| = O(t^{-exponent}), and no faster; None where none is (f = 0)."""
        return min((part.power for part in self.classes), default=None)


@checked
@within_memory
def ray_spectrum(
    cx: PolyhedralComplex,
    direction: npt.ArrayLike,
    t: npt.ArrayLike,
    boundary: Literal["cut", "interior"] = "cut",
    return_error: bool = False,
) -> ComplexArray | tuple[ComplexArray, FloatArray]:
    r"""Transform along a ray, :math:`\hat f(t u)`, stable for every direction and every t.

    Parameters
    ----------
    cx : PolyhedralComplex
    direction : array_like of floats, shape (d,)
        Any non-zero vector; u is its unit vector.
    t : array_like of floats, shape (...)
        \|k\|, radians per unit length; any sign, 0 included (for "cut").
    boundary : {"cut", "interior"}
        As in `spectrum`.
    return_error : bool
        Return an error bound too, as in `spectrum`; it includes the rounding of u and of the offsets u.v.

    Returns
    -------
    transform : ndarray of complex128, shape (..., m)
    error : ndarray of float64, shape (..., m), only with ``return_error``

    Raises
    ------
    InvalidInputError
        ``direction`` is zero or has the wrong length; t = 0 with "interior"; a phase t u.x is beyond 1e15.

    Notes
    -----
    The offsets u.v are formed once; divided differences of exp at them replace transforms in R^d.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> tent = sg.enumerate_regions(net, sg.Box([-1], [1]))
    >>> sg.ray_spectrum(tent, [1.0], [0.0, 2.0]).round(4)[:, 0].real
    array([1.    , 0.7081])
    """
    forms = forms_of(cx)
    unit = as_direction(direction, forms.dim)
    times = as_floats(t, "t")
    line = ComplexForms(cx, None, unit)
    waves = np.ascontiguousarray(times.reshape(-1, 1))
    check_phases(waves, float(np.linalg.norm(cx.vertices, axis=1).max()), "t")
    values, errors = evaluate(line, waves, boundary, "auto", return_error)
    shape = (*times.shape, forms.n_outputs)
    return (values.reshape(shape), errors.reshape(shape)) if return_error else values.reshape(shape)


@checked
@within_memory
def directional_expansion(
    cx: PolyhedralComplex, direction: npt.ArrayLike, boundary: Literal["cut", "interior"] = "cut"
) -> DirectionalExpansion:
    r"""Theorem 1 made computable: the exponential sums in each power of 1/t along a direction.

    Parameters
    ----------
    cx : PolyhedralComplex
    direction : array_like of floats, shape (d,)
        Any non-zero vector; u is its unit vector.
    boundary : {"cut", "interior"}
        "cut": of f times the indicator of the domain. "interior": of the kinks alone, which for a
        function that vanishes outside the domain must include its edge: cut such functions inside
        a larger domain.

    Returns
    -------
    DirectionalExpansion

    Raises
    ------
    InvalidInputError
        ``direction`` is zero or has the wrong length.

    Notes
    -----
    Two vertices have the same offset when they agree to 16 roundoffs of the largest vertex: a face
    is orthogonal to u or it is not. Directions within 1e-15 to about 1e-3 of a face's normal have
    large coefficients that cancel for small t; the identity stays exact, `ray_spectrum` stays
    accurate, and `DirectionalExpansion.rounding` says what is lost.

    Coefficients that vanish by cancellation (all interior vertices of a network with one hidden
    layer, for instance) are left out.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> tent = sg.enumerate_regions(net, sg.Box([-1], [1]))
    >>> expansion = sg.directional_expansion(tent, [1.0])     # (2 - 2 cos t) / t^2
    >>> expansion.classes[0].n, expansion.classes[0].coefficients[:, 0].real
    (1, array([-1.,  2., -1.]))
    """
    forms = forms_of(cx)
    unit = as_direction(direction, forms.dim)
    line = forms.facets.project(unit)
    radius = float(np.linalg.norm(cx.vertices, axis=1).max())
    offsets = Offsets(_pooled(line), radius)
    bins = Bins(offsets.values, forms.dim + 1, forms.n_outputs)
    terms = [(line.kinks, 2, 1.0 + 0j)]
    if boundary == "cut":
        terms += [(line.flux, 2, 1.0), *((term, 1, 1j) for _, term in line.axis_terms)]
    for term, power, factor in terms:
        bins.add(term, offsets.number(term.points[:, 0])[term.simplices], power, factor)
    offset_error = offsets.merged + (forms.dim + 4) * UNIT_ROUNDOFF * radius
    classes, left_out = bins.classes(1)
    return DirectionalExpansion(unit, classes, forms.n_outputs, offset_error, left_out, boundary, deviation_of(cx))


def as_direction(direction: npt.ArrayLike, dim: int) -> FloatArray:
    """Unit vector (dim,)."""
    vector = as_floats(direction, "direction", (dim,))
    largest = np.abs(vector).max()
    if largest == 0:
        raise InvalidInputError("direction: is the zero vector; give a non-zero one")
    scaled = vector / largest
    return np.asarray(scaled / np.linalg.norm(scaled))


def _nonzero(t: npt.ArrayLike) -> FloatArray:
    times = as_floats(t, "t")
    if np.any(times == 0):
        raise InvalidInputError("t: 0 given, where the expansion in 1/t is not defined; use ray_spectrum")
    return times


def _pooled(line: FacetForm) -> FloatArray:
    return np.concatenate([line.kinks.points[:, 0], line.flux.points[:, 0], line.trace.points[:, 0]])
