"""Derivatives of a complex's transform: by the wavevector, by its vertices and its vertex values.

Notation as in `specgeo.fourier.forms`. The derivative by k of an exponential sum has the densities
times -i x, which are affine or quadratic on each simplex, so the closed forms stay closed:

    grad f^ = -i int x f e^{-ik.x}                               (volume form)
    grad f^ = grad N / |k|^2 - 2 k N / |k|^4,  N = |k|^2 f^      (facet form)
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Literal

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray, as_whole
from specgeo.errors import InvalidInputError
from specgeo.fourier.forms import ComplexForms, FacetForm, Term, forms_of
from specgeo.fourier.gradients import MeshPullback, mesh_pullback
from specgeo.fourier.simplex import as_wavevectors, polynomial_sum, simplices_sum
from specgeo.fourier.spectra import TARGET, facet_bound
from specgeo.geometry.complex import PolyhedralComplex


@checked
def spectrum_gradient(
    cx: PolyhedralComplex, k: npt.ArrayLike, boundary: Literal["cut", "interior"] = "cut"
) -> ComplexArray:
    r"""Gradient :math:`\partial \hat f / \partial k` of the transform, finite and accurate at every wavevector.

    Parameters
    ----------
    cx : PolyhedralComplex
    k : array_like of floats, shape (..., d)
    boundary : {"cut", "interior"}
        As in `spectrum`.

    Returns
    -------
    ndarray of complex128, shape (..., m, d)

    Raises
    ------
    InvalidInputError
        As `spectrum`.

    Notes
    -----
    At k = 0 it is -i times the first moments of f. The facet form is taken where its error bound,
    times the radius of the domain plus 2 / \|k\|, is below 2e-13 of int \|f\| times that radius.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.fourier.derivatives import spectrum_gradient
    >>> net = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    >>> ramp = sg.enumerate_regions(net, sg.Box([0], [1]))
    >>> spectrum_gradient(ramp, [0.0]).imag.round(6)            # -int x^2
    array([[-0.333333]])
    """
    forms = forms_of(cx)
    flat, batch = as_wavevectors(k, forms.dim, float(np.abs(cx.vertices).max()))
    gradient = np.zeros((len(flat), forms.n_outputs, forms.dim), dtype=np.complex128)
    far = _far(forms, flat, boundary)
    if np.any(far):
        gradient[far] = _facet_gradient(forms.facets, np.ascontiguousarray(flat[far]), boundary)
    if not np.all(far):
        gradient[~far] = moments(forms.volume.cells, np.ascontiguousarray(flat[~far]))
    return gradient.reshape(*batch, forms.n_outputs, forms.dim)


@checked
def spectrum_pullback(
    cx: PolyhedralComplex, k: npt.ArrayLike, cotangent: npt.ArrayLike, output: int = 0
) -> MeshPullback:
    r"""Reverse-mode derivatives of one output's transform by the vertices, the vertex values and k.

    Parameters
    ----------
    cx : PolyhedralComplex
    k : array_like of floats, shape (n_k, d)
    cotangent : array_like of complex numbers, shape (n_k,)
        c with dL = Re sum conj(c) d f^ for the real loss L in question.
    output : int
        Which output of f.

    Returns
    -------
    MeshPullback
        ``points`` (n_v, d) and ``values`` (n_v,), one row for each of ``cx.vertices``: derivatives of
        the transform of the continuous function that is affine on the pulling triangulation's
        simplices. A network moves vertices and values together, by the chain rule.

    Raises
    ------
    InvalidInputError
        Shapes that do not fit, or no such output.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.fourier.derivatives import spectrum_pullback
    >>> net = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    >>> ramp = sg.enumerate_regions(net, sg.Box([0], [1]))
    >>> spectrum_pullback(ramp, [[0.0]], [1.0]).values.tolist()      # int lambda_i
    [0.5, 0.5]
    """
    forms = forms_of(cx)
    if as_whole(output, "output") >= forms.n_outputs:
        raise InvalidInputError(f"output: {output} given, 0..{forms.n_outputs - 1} wanted")
    simplices, owner = cx.triangulation(cx.dim)
    corners = cx.vertices[simplices]
    values = np.zeros(len(cx.vertices))
    values[simplices] = cx.values(owner, corners)[:, :, output]
    return mesh_pullback(cx.vertices, simplices, values, k, cotangent)


def moments(term: Term, k: FloatArray) -> ComplexArray:
    """Derivative by k of a term: the same sum with the densities times -i x, (n_k, m, D)."""
    corners = term.points[term.simplices]  # (n_s, j + 1, D)
    if term.weights is not None:
        m = term.weights.shape[1]
        affine = term.weights[:, None, :, None] * corners[:, :, None, :]
        density = np.ascontiguousarray(affine.reshape(*corners.shape[:2], -1))
        sums = simplices_sum(term.points, term.simplices, term.measures, k, None, density)
    else:
        assert term.values is not None
        m, nodes = term.values.shape[2], corners.shape[1]
        products = term.values[:, :, None, :, None] * corners[:, None, :, None, :]  # f_p x_q
        pairs = list(combinations_with_replacement(range(nodes), 2))
        bernstein = np.stack([(products[:, p, q] + products[:, q, p]) / 2 for p, q in pairs], axis=1)
        density = np.ascontiguousarray(bernstein.reshape(len(corners), len(pairs), -1))
        group = np.zeros(len(corners), dtype=np.int64)
        sums = polynomial_sum(term.points, term.simplices, term.measures, k, density, 2, group, 1)[0]
    return -1j * sums.reshape(len(k), m, corners.shape[2])


def _far(forms: ComplexForms, k: FloatArray, boundary: Literal["cut", "interior"]) -> npt.NDArray[np.bool_]:
    """Where the facet form is accurate enough."""
    length = np.linalg.norm(k, axis=1)
    if boundary == "interior":
        if np.any(length == 0):
            raise InvalidInputError(
                "k: contains the zero wavevector, where the interior spectrum is not defined; leave it out"
            )
        return np.ones(len(k), dtype=bool)
    radius = float(np.abs(forms.cx.vertices).max())
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        bound = facet_bound(forms, k, boundary) * (radius + 2 / length)[:, None]
        return np.asarray(np.all(bound <= TARGET * radius * forms.norm, axis=1))


def _facet_gradient(form: FacetForm, k: FloatArray, boundary: str) -> ComplexArray:
    change = moments(form.kinks, k)
    if boundary != "interior":
        change += moments(form.flux, k)
    if boundary == "cut":
        for j, term in form.axis_terms:
            change[:, :, j] += 1j * term.sum(k)
            change += 1j * k[:, j, None, None] * moments(term, k)
    squared = np.einsum("kd,kd->k", k, k)[:, None, None]
    value = form.numerator(k, boundary)[:, :, None]
    return np.asarray(change / squared - 2 * k[:, None, :] * (value / squared) / squared)
