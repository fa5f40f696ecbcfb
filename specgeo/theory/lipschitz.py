"""The exact Lipschitz constant of a network on a domain, and the chain of bounds above it.

Notation: g_c is the gradient (Jacobian, m x d) of f on cell c, W_l the weights of layer l = 1..L+1,
s_l the largest absolute slope of the activation of hidden layer l (1 for ReLU). On a convex domain

    L_f = max_c |g_c| <= prod_l s_l |W_l| <= prod_l s_l |W_l|_F <= s |theta|_inf^{L+1} sqrt(d m) prod_{l<=L} n_l,

spectral norms where nothing is said. Source: equation (7) and Proposition 3 of arXiv 1806.08734v3.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

import numpy as np

from specgeo._arguments import checked
from specgeo._cast import FloatArray
from specgeo._double import UNIT_ROUNDOFF
from specgeo._measures import lengths_of
from specgeo._sparse import entries_of
from specgeo.errors import InvalidInputError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.network import Network
from specgeo.results import PAPER, Check, Result, axes

ROUNDING = 64 * UNIT_ROUNDOFF  # of products of a few norms, relative; guards <= where equality holds


def cell_lipschitz(cx: PolyhedralComplex, output: int | None = None) -> FloatArray:
    """Spectral norm of the gradient on each cell, (n_cells,); of one output if ``output`` is given.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> cell_lipschitz(sg.enumerate_regions(net, sg.Box([-1], [1])))
    array([1., 1.])
    """
    if output is not None and not 0 <= output < cx.gradients.shape[1]:
        m = cx.gradients.shape[1]
        raise InvalidInputError(f"output: {output} given for {m} outputs; use 0..{m - 1}")
    gradients = cx.gradients if output is None else cx.gradients[:, [output], :]
    if min(gradients.shape[1:]) == 1:
        return lengths_of(gradients.reshape(len(gradients), -1))
    return np.asarray(np.linalg.norm(gradients, ord=2, axis=(1, 2)))


@checked
def lipschitz_constant(cx: PolyhedralComplex, output: int | None = None) -> float:
    r"""L_f = max over cells of \|g_c\|: exact on a convex domain, in the Euclidean norms.

    Parameters
    ----------
    cx : PolyhedralComplex
    output : int, optional
        One output; the spectral norm of all gradients by default.

    Returns
    -------
    float

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> lipschitz_constant(sg.enumerate_regions(net, sg.Box([-1], [1])))
    1.0
    """
    return float(cell_lipschitz(cx, output).max())


@checked
def spectral_norms(net: Network) -> FloatArray:
    """Largest singular value of each weight matrix, (L+1,).

    The published figures of layer "spectral norms" came from a power iteration on W rather than
    W^T W and are off by orders of magnitude; these are the norms.

    Parameters
    ----------
    net : Network

    Returns
    -------
    ndarray, shape (L + 1,)

    Examples
    --------
    >>> import specgeo as sg
    >>> spectral_norms(sg.Network([[[3.0, 4.0]], [[2.0]]], [[0.0], [0.0]]))
    array([5., 2.])
    """
    return np.array([np.linalg.norm(w, ord=2) for w in net.weights])


def frobenius_norms(net: Network) -> FloatArray:
    """Of each weight matrix, (L+1,).

    Examples
    --------
    >>> import specgeo as sg
    >>> frobenius_norms(sg.Network([[[3.0, 4.0]], [[2.0]]], [[0.0], [0.0]]))
    array([5., 2.])
    """
    return np.array([lengths_of(entries_of(w)) for w in net.weights])


def norm_products(net: Network) -> tuple[float, float, float]:
    """What bounds L_f by the weights: products of spectral norms, of Frobenius norms, and the max-norm form.

    Examples
    --------
    >>> import specgeo as sg
    >>> norm_products(sg.Network([[[3.0, 4.0]], [[2.0]]], [[0.0], [0.0]]))
    (10.0, 10.0, 22.627416997969522)
    """
    slopes = prod(a.stretch for a in net.activations)
    spectral = slopes * float(np.prod(spectral_norms(net)))
    frobenius = slopes * prod(frobenius_norms(net).tolist())
    clip = max(float(np.abs(entries_of(w)).max(initial=0.0)) for w in net.weights)
    widths = [max(n, a.width(n)) for n, a in zip(net.hidden_widths, net.activations, strict=True)]
    return spectral, frobenius, slopes * weight_clip_bound(clip, net.input_dim, widths, net.output_dim)


def weight_clip_bound(clip: float, input_dim: int, widths: tuple[int, ...] | list[int], output_dim: int = 1) -> float:
    """K^{L+1} sqrt(d m) prod n_l: bound on L_f for weights in [-K, K]. Source: Proposition 3.

    Examples
    --------
    >>> round(weight_clip_bound(0.1, 1, [64] * 5), 1)
    1073.7
    """
    with np.errstate(over="ignore"):  # a bound beyond the range of floats is infinite
        product = np.float64(clip) ** (len(widths) + 1) * np.prod(widths, dtype=np.float64)
        return float(product * sqrt(input_dim * output_dim))


@dataclass(frozen=True, eq=False)
class LipschitzChain(Result):
    """L_f and what bounds it, smallest first.

    Attributes
    ----------
    exact : float
        L_f on the domain.
    cell : int
        Where it is reached.
    product_spectral, product_frobenius, max_norm : float
    layer_spectral, layer_frobenius : ndarray, shape (L+1,)
    """

    exact: float
    cell: int
    product_spectral: float
    product_frobenius: float
    max_norm: float
    layer_spectral: FloatArray
    layer_frobenius: FloatArray

    @property
    def checks(self) -> tuple[Check, ...]:
        """The three inequalities of the chain."""
        links = [
            ("product", "L_f <= product of the layers' spectral norms and the activations' largest slopes",
             self.exact, self.product_spectral),
            ("frobenius", "product of spectral norms <= product of Frobenius norms", self.product_spectral,
             self.product_frobenius),
            ("max-norm", "product of Frobenius norms <= |theta|_inf^{L+1} sqrt(d m) prod n_l", self.product_frobenius,
             self.max_norm),
        ]  # fmt: skip
        source = f"equation (7) and Proposition 3, {PAPER}"
        return tuple(
            Check(f"lipschitz.{name}", f"{text} ({source})", a, b, "<=", ROUNDING * max(abs(a), abs(b)))
            for name, text, a, b in links
        )

    def __str__(self) -> str:
        return (
            f"L_f {self.exact:.6g} (cell {self.cell}) <= spectral {self.product_spectral:.6g}"
            f" <= Frobenius {self.product_frobenius:.6g} <= max-norm {self.max_norm:.6g}"
        )

    def plot(self, ax: Any = None) -> Any:
        """The chain as bars on a logarithmic axis."""
        ax = axes(ax)
        names = ["exact", "spectral", "Frobenius", "max-norm"]
        values = [self.exact, self.product_spectral, self.product_frobenius, self.max_norm]
        ax.bar(names[:1], values[:1], color="C2", label="$L_f$, exact")
        ax.bar(names[1:], values[1:], color="C0", label="product of norms of the weights")
        ax.legend()
        ax.set_yscale("log" if self.exact > 0 else "linear")
        ax.set_ylabel("bound on the Lipschitz constant (f per unit length)")
        return ax


@checked
def lipschitz_chain(net: Network, cx: PolyhedralComplex) -> LipschitzChain:
    """The exact constant on the complex's domain and the three bounds above it.

    Parameters
    ----------
    net : Network
    cx : PolyhedralComplex
        Its complex on a convex domain.

    Returns
    -------
    LipschitzChain

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> print(lipschitz_chain(net, sg.enumerate_regions(net, sg.Box([-1], [1]))))
    L_f 1 (cell 0) <= spectral 4.24264 <= Frobenius 4.24264 <= max-norm 12
    """
    norms = cell_lipschitz(cx)
    cell = int(norms.argmax())
    spectral, frobenius, max_norm = norm_products(net)
    return LipschitzChain(
        exact=float(norms[cell]),
        cell=cell,
        product_spectral=spectral,
        product_frobenius=frobenius,
        max_norm=max_norm,
        layer_spectral=spectral_norms(net),
        layer_frobenius=frobenius_norms(net),
    )
