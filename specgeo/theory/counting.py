"""Bounds on the number of linear regions, beside the exact count.

Notation: n_0 inputs, hidden widths n_1..n_L. All values are exact Python integers. An *upper*
bound holds for every network of that shape; a *lower* bound holds for the best one (some choice of
weights reaches it); an *exact* maximum is both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, prod
from typing import Any, Literal

from specgeo._arguments import checked
from specgeo._tournament import lowered
from specgeo.errors import InvalidInputError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.linear_regions import distinct_affine_maps
from specgeo.geometry.whole_space import WholeSpaceComplex
from specgeo.network import Network
from specgeo.results import Check, Result, axes, format_number, log10

Kind = Literal["upper", "lower", "exact maximum"]


def _shape(input_dim: int, widths: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    sizes = tuple(int(n) for n in widths)
    if int(input_dim) != input_dim or input_dim < 1:
        raise InvalidInputError(f"input_dim: {input_dim} given; a whole number of at least 1 wanted")
    if any(n != m or n < 1 for n, m in zip(sizes, widths, strict=True)):
        raise InvalidInputError(f"widths: {list(widths)} given; whole numbers of at least 1 wanted")
    return int(input_dim), sizes


def zaslavsky(n: int, d: int) -> int:
    """Regions of n hyperplanes in general position in R^d: sum_{j<=d} C(n, j).

    The exact maximum for a network with one hidden layer of n ReLU neurons. Source: Zaslavsky 1975.

    Examples
    --------
    >>> zaslavsky(4, 2)
    11
    """
    _shape(d, (n,))
    return sum(comb(n, j) for j in range(d + 1))


def zaslavsky_bounded(n: int, d: int) -> int:
    """Bounded regions of n hyperplanes in general position in R^d: C(n-1, d). Source: Zaslavsky 1975.

    Examples
    --------
    >>> zaslavsky_bounded(4, 2)
    3
    """
    _shape(d, (n,))
    return comb(n - 1, d)


def s_piece(n: int, d: int, pieces: int) -> int:
    """Regions of one layer of n neurons whose activation has ``pieces`` pieces, exact maximum.

    sum_{j<=d} C(n, j) (s-1)^j: n families of s-1 parallel hyperplanes, otherwise in general
    position. Source: Hu & Zhang 2018; follows from Zaslavsky 1975.

    Examples
    --------
    >>> s_piece(3, 2, 3)
    19
    """
    _shape(d, (n,))
    if pieces < 1:
        raise InvalidInputError(f"pieces: {pieces} given; an activation has at least one piece")
    return sum(comb(n, j) * (pieces - 1) ** j for j in range(d + 1))


def trivial_upper(widths: Sequence[int], pieces: Sequence[int] | None = None) -> int:
    """One region for each activation pattern: 2^N, or prod s_l^{n_l}. Source: Montúfar et al. 2014.

    Examples
    --------
    >>> trivial_upper([3, 3])
    64
    """
    sizes = _shape(1, widths)[1]
    return prod(s**n for s, n in zip(pieces or [2] * len(sizes), sizes, strict=True))


def pascanu_lower(input_dim: int, widths: Sequence[int]) -> int:
    """(prod_{l<L} floor(n_l/n_0)) sum_{j<=n_0} C(n_L, j), reached by some network. Source: Pascanu et al. 2013.

    Examples
    --------
    >>> pascanu_lower(2, [8, 8, 8])
    592
    """
    d, sizes = _shape(input_dim, widths)
    return prod(n // d for n in sizes[:-1]) * zaslavsky(sizes[-1], d) if sizes else 1


def montufar2014_lower(input_dim: int, widths: Sequence[int]) -> int:
    """(prod_{l<L} floor(n_l/n_0)^{n_0}) sum_{j<=n_0} C(n_L, j), for n_l >= n_0. Source: Montúfar et al. 2014, Thm 5.

    Where some n_l < n_0 the formula gives 0, which says nothing.

    Examples
    --------
    >>> montufar2014_lower(2, [8, 8, 8])
    9472
    """
    d, sizes = _shape(input_dim, widths)
    return prod((n // d) ** d for n in sizes[:-1]) * zaslavsky(sizes[-1], d) if sizes else 1


def serra_lower(input_dim: int, widths: Sequence[int]) -> int | None:
    """(prod_{l<L} (floor(n_l/n_0)+1)^{n_0}) sum_{j<=n_0} C(n_L, j), for n_l >= 3 n_0; None elsewhere.

    Source: Serra et al. 2018, Thm 6; for n_0 = 1 it is their exact maximum prod (n_l + 1), Thm 5.

    Examples
    --------
    >>> serra_lower(2, [8, 8, 8]), serra_lower(1, [4, 4, 4]), serra_lower(2, [4])
    (23125, 125, None)
    """
    d, sizes = _shape(input_dim, widths)
    if not sizes or any(n < 3 * d for n in sizes):
        return None
    return int(prod((n // d + 1) ** d for n in sizes[:-1])) * zaslavsky(sizes[-1], d)


def arora_lower(input_dim: int, m: int, w: int, hidden_layers: int) -> int:
    """2 sum_{j<n_0} C(m-1, j) w^{L-1}: first layer 2m, the others w. Source: Arora et al. 2018, Thm 2.11.

    Examples
    --------
    >>> arora_lower(2, 3, 4, 3)
    96
    """
    return _zonotope(input_dim, m, w, hidden_layers) * int(w ** (hidden_layers - 1))


def serra_zonotope_lower(input_dim: int, m: int, w: int, hidden_layers: int) -> int:
    """2 sum_{j<n_0} C(m-1, j) (w+1)^{L-1}: first layer 2m, the others w. Source: Serra et al. 2018, Thm 7.

    Examples
    --------
    >>> serra_zonotope_lower(2, 3, 4, 3)
    150
    """
    return _zonotope(input_dim, m, w, hidden_layers) * int((w + 1) ** (hidden_layers - 1))


def _zonotope(input_dim: int, m: int, w: int, hidden_layers: int) -> int:
    d, _ = _shape(input_dim, (m, w, hidden_layers))
    return 2 * sum(comb(m - 1, j) for j in range(d))


def raghu_upper(input_dim: int, widths: Sequence[int]) -> int:
    """prod_l sum_{j<=n_0} C(n_l, j), on activation patterns. Source: Raghu et al. 2017, Thm 1.

    Examples
    --------
    >>> raghu_upper(2, [6, 6])
    484
    """
    d, sizes = _shape(input_dim, widths)
    return prod(zaslavsky(n, d) for n in sizes)


def montufar2017_upper(input_dim: int, widths: Sequence[int], pieces: Sequence[int] | None = None) -> int:
    """prod_l sum_{j<=d_l} C(n_l, j) (s_l-1)^j, d_l = min(n_0, ..., n_l).

    Source: Montúfar 2017 (two pieces). With s_l pieces: within a region of the layers before, the
    next layer cuts an affine image of dimension at most min(n_0, ..., n_{l-1}) by n_l families of
    s_l - 1 parallel hyperplanes (`s_piece`).

    Examples
    --------
    >>> montufar2017_upper(2, [2, 8]), montufar2017_upper(2, [3], [3])
    (148, 19)
    """
    d, sizes = _shape(input_dim, widths)
    total = 1
    for n, s in zip(sizes, pieces or [2] * len(sizes), strict=True):
        d = min(d, n)
        total *= s_piece(n, d, s)
    return total


def serra_upper(input_dim: int, widths: Sequence[int], ranks: Sequence[int] | None = None) -> int:
    """Sum over (j_1..j_L) of prod C(n_l, j_l), 0 <= j_l <= min(n_0, n_1-j_1, ..., n_{l-1}-j_{l-1}, n_l), for ReLU.

    The sum as a dynamic program over the dimension r of the image: v_{min(r, n_l-j)} += v_r C(n_l, j).
    Tight for one layer. Source: Serra, Tjandraatmadja & Ramalingam 2018, Thm 1.

    Parameters
    ----------
    ranks : sequence of int, optional
        Upper bounds on the ranks of the weight matrices W_1..W_L, which then limit j_l too.

    Examples
    --------
    >>> serra_upper(2, [2, 8]), serra_upper(3, [5, 3, 5])
    (56, 2308)
    """
    d, sizes = _shape(input_dim, widths)
    limits = [max(n, d) for n in sizes] if ranks is None else [int(r) for r in ranks]
    if len(limits) != len(sizes) or any(r < 0 for r in limits):
        raise InvalidInputError(f"ranks: {limits} given; one non-negative whole number for each hidden layer wanted")
    ways = {d: 1}
    for n, rank in zip(sizes, limits, strict=True):
        after: dict[int, int] = {}
        for r, v in ways.items():
            for j in range(min(r, n, rank) + 1):
                left = min(r, n - j)
                after[left] = after.get(left, 0) + v * comb(n, j)
        ways = after
    return sum(ways.values())


def maxout_upper(input_dim: int, widths: Sequence[int], rank: int) -> int:
    """prod_l sum_{j<=d_l} C(n_l k(k-1)/2, j) for maxout units of rank k. Source: Serra et al. 2018, Thm 8.

    Examples
    --------
    >>> maxout_upper(2, [3], 3)
    46
    """
    d, sizes = _shape(input_dim, widths)
    if rank < 1:
        raise InvalidInputError(f"rank: {rank} given; a maxout unit compares at least one function")
    total = 1
    for n in sizes:
        d = min(d, n)
        total *= sum(comb(n * rank * (rank - 1) // 2, j) for j in range(d + 1))
    return total


@dataclass(frozen=True, eq=False)
class RegionBound(Result):
    """One row of a `RegionTable`."""

    name: str
    kind: Kind
    value: int
    source: str


@dataclass(frozen=True, eq=False)
class RegionTable(Result):
    """Every bound for one shape of network, and the exact counts of one network where they are known.

    Attributes
    ----------
    input_dim, widths
        Shape of the network; only layers that bend.
    bounds : tuple of RegionBound
    activation_regions, linear_regions, distinct_maps : int or None
        Cells of the complex; connected regions of one affine map; distinct affine maps: each at most
        the one before. Restricted to the domain, so an upper bound for R^d stays one.
    certified : bool
        False for a complex that was enumerated with ``exact=False``: the counts are then not called exact.
    """

    input_dim: int
    widths: tuple[int, ...]
    bounds: tuple[RegionBound, ...]
    activation_regions: int | None = None
    linear_regions: int | None = None
    distinct_maps: int | None = None
    certified: bool = True

    @property
    def checks(self) -> tuple[Check, ...]:
        """The exact count of activation regions against each upper bound."""
        if self.activation_regions is None:
            return ()
        return tuple(
            Check(f"counting.{b.name}", f"activation regions <= {b.source}", self.activation_regions, b.value)
            for b in self.bounds
            if b.kind == "upper"
        )

    def __str__(self) -> str:
        title = f"linear regions of {self.input_dim} inputs, widths {list(self.widths)}"
        lines = [f"  {b.name:<18} {b.kind:<14} {format_number(b.value):>14}   {b.source}" for b in self.bounds]
        if self.activation_regions is not None:
            counts = (
                (self.activation_regions, "activation regions on its domain"),
                (self.linear_regions, "linear regions"),
                (self.distinct_maps, "distinct affine maps"),
            )
            kind = "exact" if self.certified else "not certified"
            lines += [f"  {'this network':<18} {kind:<14} {n!s:>14}   {what}" for n, what in counts]
        return "\n".join([title, *lines])

    def plot(self, ax: Any = None) -> Any:
        """Base-10 logarithm of each bound as a bar, the exact count as a line."""
        ax = axes(ax)
        colours = {"upper": "C3", "lower": "C0", "exact maximum": "C2"}
        shown = [b for b in self.bounds if b.value > 0]
        for place, bound in enumerate(shown):
            ax.barh(place, log10(bound.value), color=colours[bound.kind], label=bound.kind)
        ax.set_yticks(range(len(shown)), [bound.source for bound in shown], fontsize=8)
        if self.activation_regions:
            ax.axvline(log10(self.activation_regions), color="k", label="this network")
        handles = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))  # one a kind
        ax.legend(handles.values(), handles.keys())
        ax.set_xlabel("log10 (regions)")
        return ax


@checked
def region_bounds(input_dim: int, widths: Sequence[int]) -> RegionTable:
    """All bounds for ReLU networks of one shape.

    Parameters
    ----------
    input_dim : int
    widths : sequence of int
        Hidden widths.

    Returns
    -------
    RegionTable

    Examples
    --------
    >>> print(region_bounds(2, [2, 8]))
    linear regions of 2 inputs, widths [2, 8]
      pascanu            lower                      37   Pascanu et al. 2013
      montufar2014       lower                      37   Montúfar et al. 2014, Thm 5
      serra              upper                      56   Serra et al. 2018, Thm 1
      montufar2017       upper                     148   Montúfar 2017
      raghu              upper                     148   Raghu et al. 2017, Thm 1
      trivial            upper                    1024   Montúfar et al. 2014
    """
    d, sizes = _shape(input_dim, widths)
    rows = [
        RegionBound("pascanu", "lower", pascanu_lower(d, sizes), "Pascanu et al. 2013"),
        RegionBound("montufar2014", "lower", montufar2014_lower(d, sizes), "Montúfar et al. 2014, Thm 5"),
    ]
    lower = serra_lower(d, sizes)
    if lower is not None:
        exact = d == 1
        source = f"Serra et al. 2018, Thm {5 if exact else 6}"
        rows.append(RegionBound("serra lower", "exact maximum" if exact else "lower", lower, source))
    rows += [
        RegionBound("serra", "upper", serra_upper(d, sizes), "Serra et al. 2018, Thm 1"),
        RegionBound("montufar2017", "upper", montufar2017_upper(d, sizes), "Montúfar 2017"),
        RegionBound("raghu", "upper", raghu_upper(d, sizes), "Raghu et al. 2017, Thm 1"),
        RegionBound("trivial", "upper", trivial_upper(sizes), "Montúfar et al. 2014"),
    ]
    return RegionTable(d, sizes, tuple(rows))


@checked
def region_table(net: Network, cx: PolyhedralComplex | WholeSpaceComplex | None = None) -> RegionTable:
    """Every bound that holds for a network, with its exact counts beside them.

    Layers without a breakpoint only lower the dimension and are left out, which keeps upper bounds
    valid. ReLU networks get the full table; other activations (s pieces) the bounds that hold for them.

    Parameters
    ----------
    net : Network
    cx : PolyhedralComplex or WholeSpaceComplex, optional
        Its complex; the exact counts are those on the complex's domain, or all.

    Returns
    -------
    RegionTable

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0]], [[1.0, -2.0]]], [[1.0, 0.0], [0.0]], "hard_tanh")
    >>> print(sg.theory.counting.region_table(net))
    linear regions of 1 inputs, widths [2]
      montufar2017       upper                       5   Montúfar 2017, with Hu & Zhang 2018 for s pieces
      trivial            upper                       9   one region for each pattern
    """
    weights, _, activations, _ = lowered(net.layers)  # maxima as comparisons have no fewer regions
    bending = [(len(w), a) for w, a in zip(weights, activations, strict=False) if len(a.breakpoints)]
    each = [[len(x.slopes) for x in a.each(n)] for n, a in bending]  # pieces of the neurons
    widths, pieces = [n for n, _ in bending], list(map(max, each))
    if all(a.is_relu for _, a in bending):
        table = region_bounds(net.input_dim, widths)
    else:
        general = montufar2017_upper(net.input_dim, widths, pieces)
        rows = (
            RegionBound("montufar2017", "upper", general, "Montúfar 2017, with Hu & Zhang 2018 for s pieces"),
            RegionBound("trivial", "upper", prod(map(prod, each)), "one region for each pattern"),
        )
        table = RegionTable(net.input_dim, tuple(widths), rows)
    if cx is None:
        return table
    known = cx.cone if isinstance(cx, WholeSpaceComplex) else cx  # f and its homogenised form have as many maps
    counts = known.n_cells, known.n_linear_regions, distinct_affine_maps(known)
    certified = bool(getattr(cx.certificate, "certified", False))
    return RegionTable(table.input_dim, table.widths, table.bounds, *counts, certified)
