r"""Theorem 1's numerators C_n along a direction, exactly, against the paper's bound O(L_f N_f) with its constant.

By Lemma 1 the part of f^ that gradients make, all of it where f vanishes on the boundary of the domain, is a sum over
the cells, and Lemma 2 writes the transform of each cell along u as sum_n t^-n D_n(t):

    -(i / t) sum_P (u.g_P) 1_P^(t u) = sum_n t^-(n+1) C_n(t),     C_n = -i sum_P (u.g_P) D_n^P.

All are sums of e^{-i t s_q}; |.| is the sum of the moduli of their coefficients, what each is at most over t. Then

    |C_n| <= sum_P |u.g_P| |D_n^P| <= L_f N max_P |D_n^P|,

whose last factor the paper leaves in the O: it depends on u, and grows without limit near directions orthogonal to
faces. Terms that neighbours share cancel in C_n, since f is continuous; the bounds do not see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import FloatArray
from specgeo._measures import lengths_of
from specgeo.fourier.partial_fractions import Bins, Offsets
from specgeo.fourier.rays import as_direction
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.results import PAPER, Check, Result, axes
from specgeo.theory.variation import checked_output

_ROUNDING = 1e-12  # relative, of sums of positive terms


@dataclass(frozen=True, eq=False)
class ClassBounds(Result):
    r"""C_n along a direction and its bounds, for each class n that some cell has; arrays have shape (q,).

    Attributes
    ----------
    direction : (d,)
        u.
    codimensions : (q,)
        n: some face of codimension n is orthogonal to u; the class decays as t^-(n+1).
    exact : (q,)
        \|C_n\|, the sum of the moduli of its coefficients; 0 where all cancel.
    by_cells : (q,)
        sum_P \|u.g_P\| \|D_n^P\|.
    paper : (q,)
        L_f N max_P \|D_n^P\|.
    shape_factor : (q,)
        max_P \|D_n^P\|, what O(L_f N_f) leaves out.
    lipschitz : float
        L_f, the largest \|g_P\|.
    n_cells : int
        N.
    """

    direction: FloatArray
    codimensions: npt.NDArray[np.int64]
    exact: FloatArray
    by_cells: FloatArray
    paper: FloatArray
    shape_factor: FloatArray
    lipschitz: float
    n_cells: int

    @property
    def ratio(self) -> FloatArray:
        """exact / paper: what is left of the paper's bound."""
        return np.asarray(self.exact / np.where(self.paper > 0, self.paper, 1.0))

    @property
    def checks(self) -> tuple[Check, ...]:
        """Each class against both bounds."""
        found = []
        for n, exact, cells, paper in zip(self.codimensions, self.exact, self.by_cells, self.paper, strict=True):
            pairs = (("cells", exact, cells, "sum_P |u.g_P| |D_n^P|"), ("paper", cells, paper, "L_f N max_P |D_n^P|"))
            for name, value, bound, words in pairs:
                left = f"|C_{n}|" if name == "cells" else "sum_P |u.g_P| |D_n^P|"
                statement = f"{left} <= {words}, n = {n} (Theorem 1, {PAPER})"
                found.append(Check(f"decay.class.{name}", statement, float(value), float(bound), "<=",
                                   _ROUNDING * float(bound)))  # fmt: skip
        return tuple(found)

    def __str__(self) -> str:
        head = f"direction {np.round(self.direction, 6).tolist()}: L_f = {self.lipschitz:.6g}, N = {self.n_cells}"
        rows = [
            f"  t^-{n + 1}: |C_{n}| = {exact:.6g} <= {cells:.6g} <= {paper:.6g} = L_f N {shape:.6g}; ratio {ratio:.3g}"
            for n, exact, cells, paper, shape, ratio in zip(
                self.codimensions, self.exact, self.by_cells, self.paper, self.shape_factor, self.ratio, strict=True
            )
        ]
        return "\n".join([head, *rows])

    def plot(self, ax: Any = None) -> Any:
        """Three bars for each class, on a logarithmic axis."""
        ax = axes(ax)
        at = np.arange(len(self.codimensions))
        for shift, values, words, color in (
            (-0.25, self.exact, "exact", "#0072B2"),
            (0.0, self.by_cells, "cell by cell", "#56B4E9"),
            (0.25, self.paper, r"$L_f N \max|D_n|$", "#E69F00"),
        ):
            ax.bar(at + shift, values, 0.25, label=words, color=color)
        ax.set(xticks=at, xticklabels=[f"$C_{n}$" for n in self.codimensions], yscale="log")
        positive = self.exact[self.exact > 0]
        ax.set(xlabel="class", ylabel="sum of moduli", ylim=(positive.min() / 10 if len(positive) else None, None))
        ax.legend()
        return ax


@checked
@within_memory
def class_bounds(cx: PolyhedralComplex, direction: npt.ArrayLike, output: int = 0) -> ClassBounds:
    r"""Theorem 1's C_n along a direction, exactly, beside the paper's bound with its constant.

    Source: Theorem 1 and Lemma 2 of arXiv 1806.08734v3, where C_n = O(L_f N_f) (theory A.4).

    Parameters
    ----------
    cx : PolyhedralComplex
        C_n are those of the transform itself where f vanishes on the boundary of the domain (`clamp_to_support`), of
        its gradient part otherwise.
    direction : array_like of floats, shape (d,)
        Any non-zero vector.
    output : int

    Returns
    -------
    ClassBounds

    Raises
    ------
    InvalidInputError
        ``direction`` is zero or has the wrong length; no such output.

    Examples
    --------
    The tent: 2 = \|u.g\| \|D_1\| of each cell, and the middle term is shared.

    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> print(sg.theory.class_bounds(sg.enumerate_regions(net, sg.Box([-1], [1])), [1.0]))
    direction [1.0]: L_f = 1, N = 2
      t^-2: |C_1| = 4 <= 4 <= 4 = L_f N 2; ratio 1
    """
    output, d = checked_output(cx, output), cx.dim
    u = as_direction(direction, d)
    simplices, owner = cx.triangulation(d)
    weights = factorial(d) * cx.simplex_measures(d)[:, None]
    places = cx.vertices @ u
    offsets = Offsets(places, float(np.linalg.norm(cx.vertices, axis=1).max()))
    bins, slopes = offsets.number(places)[simplices], cx.gradients[:, output] @ u
    total = Bins(offsets.values, d, 1)
    total.add_differences(bins, weights * slopes[owner, None], 0, -1j)
    pairs, own = np.unique(owner[:, None] * len(offsets.values) + bins, return_inverse=True)
    cell, offset = np.divmod(pairs, len(offsets.values))
    each = Bins(offsets.values[offset], d, 1)
    each.add_differences(own.reshape(bins.shape), weights, 0, 1.0)
    moduli = np.abs(each.sums()[0][1:, :, 0])
    shapes = np.stack([np.bincount(cell, row, minlength=cx.n_cells).astype(np.float64) for row in moduli])
    classes = np.flatnonzero(np.any(shapes > 0, axis=1))
    exact = np.abs(total.sums()[0][1:, :, 0]).sum(axis=1)
    lipschitz = float(lengths_of(cx.gradients[:, output]).max())
    largest = shapes[classes].max(axis=1)
    return ClassBounds(
        u, classes + 1, exact[classes], shapes[classes] @ np.abs(slopes), lipschitz * cx.n_cells * largest, largest,
        lipschitz, cx.n_cells,
    )  # fmt: skip
