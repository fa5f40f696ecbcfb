"""Decay of the transform of a polytope along a direction: Lemma 2 with its coefficients."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._double import UNIT_ROUNDOFF
from specgeo.errors import UnsupportedError
from specgeo.fourier.partial_fractions import Bins, Offsets
from specgeo.fourier.polytope import powers_of_two, shapes_of_one_dimension
from specgeo.fourier.rays import DirectionalExpansion, as_direction

MAX_BOX = 8  # dimensions: a box has d! simplices


@checked
@within_memory
def polytope_expansion(polytope: Any, direction: npt.ArrayLike) -> DirectionalExpansion:
    r"""Transform of a polytope along a direction, F(t u), in powers of 1/t: Lemma 2 with its coefficients.

    F(t u) = sum_n t^-n sum_q a_{n,q} e^{-i t s_q}, exact for t != 0: n = d for generic vertices, n = 1 where a facet is
    orthogonal to u, n between for faces of codimension n orthogonal to u.

    Source: Lemma 2 of Rahaman et al. 2019 (Diaz, Le and Robins 2016), whose D_n is the sum over q; the coefficients by
    divided differences in place of chains of faces (theory A.3).

    Parameters
    ----------
    polytope : shape
        As in `polytope_transform`; boxes up to dimension 8.
    direction : array_like of floats, shape (d,)
        Any non-zero vector; u is its unit vector.

    Returns
    -------
    DirectionalExpansion
        With one output. ``expansion[n]`` is the class n: ``offsets`` s_q, ``coefficients`` a_{n,q} (q, 1),
        ``supremum`` and ``mean_square`` of the sum; KeyError where no face of codimension n counts.

    Raises
    ------
    InvalidInputError, DomainError
        As in `polytope_transform`; ``direction`` is zero or has the wrong length.
    UnsupportedError
        A box above dimension 8.

    Notes
    -----
    Two vertices have the same offset when they agree to 16 roundoffs of the largest vertex: a face is orthogonal to u
    or it is not. Coefficients that vanish by cancellation are left out: D_n is O(1), not Theta(1), and it is bounded
    for each direction, not over all of them.

    Examples
    --------
    A square along a side's normal and along a diagonal:

    >>> import specgeo as sg
    >>> square = [[0, 0], [1, 0], [1, 1], [0, 1]]
    >>> normal = sg.fourier.polytope_expansion(square, [1.0, 0.0])                 # i (e^{-i t} - 1) / t
    >>> normal.decay_exponent, normal[1].offsets, normal[1].coefficients[:, 0].imag.round(12)
    (1, array([0., 1.]), array([-1.,  1.]))
    >>> sg.fourier.polytope_expansion(square, [1.0, 1.0]).decay_exponent
    2
    """
    shapes = shapes_of_one_dimension(polytope)
    dim = shapes[0].dim
    if dim > MAX_BOX and any(shape.box is not None for shape in shapes):
        raise UnsupportedError(f"polytope: a box of dimension {dim}; not supported above {MAX_BOX}")
    unit = as_direction(direction, dim)
    places = [np.ldexp(shape.triangulated[0], shape.exponents) for shape in shapes]
    radius = max(float(np.linalg.norm(points, axis=1).max()) for points in places)
    offsets = Offsets(np.concatenate([points @ unit for points in places]), radius)
    bins, slack = Bins(offsets.values, dim, 1), np.zeros(1)
    for shape, points in zip(shapes, places, strict=True):
        _, simplices, volumes = shape.triangulated
        scale = shape.exponents.sum()
        weights = factorial(dim) * powers_of_two(volumes, scale)
        bins.add_differences(offsets.number(points @ unit)[simplices], weights[:, None], 0, 1.0)
        slack += powers_of_two(shape.sum_error(), scale)
    classes, left_out = bins.classes(0)
    left_out[0] += slack
    offset_error = offsets.merged + (dim + 4) * UNIT_ROUNDOFF * radius
    return DirectionalExpansion(unit, classes, 1, offset_error, left_out, "cut", None)
