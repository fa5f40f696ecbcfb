"""What is measured: networks on boxes, by themselves and in named sets, with their counts where they are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from specgeo._arguments import check, checked
from specgeo.benchmark import _degenerate, arrangements
from specgeo.benchmark.structured import STRUCTURED
from specgeo.domain import Box
from specgeo.errors import DomainError
from specgeo.network import Network
from specgeo.testing import random_network

NetworkSet = Literal["quick", "table", "growth", "arrangements", "structured"]


@dataclass(frozen=True, eq=False)
class Case:
    """A network on a box.

    Parameters
    ----------
    name : str
    network : Network
    domain : Box
    cells : int, optional
        The number of activation regions, where it is known from elsewhere; otherwise that of specgeo, which is proved,
        serves in its place.
    vertices : int, optional
        Those of the complex, corners of the box among them, likewise.
    family : str, optional
        Cases of one family differ in size alone: their times are fitted by a power of their cells.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.benchmark import Case
    >>> net = sg.testing.random_network([2, 8, 1], rng=0)
    >>> Case("mine", net, sg.Box(-1, 1, dim=2)).dim
    2
    """

    name: str
    network: Network
    domain: Box
    cells: int | None = None
    vertices: int | None = None
    family: str | None = None

    def __post_init__(self) -> None:
        hints = (str, Network, Box, int | None, int | None, str | None)
        for one, hint in zip(fields(self), hints, strict=True):
            check(getattr(self, one.name), one.name, hint)
        if self.network.input_dim != self.domain.dim:
            inputs = self.network.input_dim
            raise DomainError(f"domain: has dimension {self.domain.dim}; the network has {inputs} inputs")

    @property
    def dim(self) -> int:
        """Inputs of the network."""
        return self.domain.dim


# Cells of random_network(widths, 0) on [-1, 1]^d: by a recursive splitter (in rational numbers up to 2-32-32 and
# 3-16-16), from sign vectors of another program, and by a sum over vertices that needs no cells.
TABLE: dict[tuple[int, ...], int] = {
    (2, 16, 16): 412, (2, 32, 32): 1_780, (2, 64, 64): 6_671, (2, 64, 64, 64): 14_353, (2, 128, 128, 128): 56_887,
    (2, 256, 256): 119_787, (3, 16, 16): 3_524, (3, 32, 32): 40_141, (3, 64, 64): 283_433, (4, 16, 16): 25_009,
    (4, 24, 24): 183_795, (5, 12, 12): 36_269, (5, 16, 16): 118_561,
}  # fmt: skip
QUICK = ((2, 16, 16), (2, 32, 32), (2, 64, 64), (3, 16, 16), (3, 32, 32), (4, 16, 16))
WIDTHS = {2: (16, 32, 64, 128, 256), 3: (8, 16, 32, 64), 4: (8, 12, 16, 24), 5: (8, 12, 16)}


@checked
def named_cases(name: NetworkSet) -> list[Case]:
    """A set of networks, small ones first within each dimension.

    Parameters
    ----------
    name : {"quick", "table", "growth", "arrangements", "structured"}
        ``"table"``: thirteen networks that enumerators have been compared on, `specgeo.testing.random_network` with
        seed 0 on [-1, 1]^d, whose counts are known; ``"quick"``: six of them that take seconds; ``"growth"``: networks
        d-n-n for n in a geometric row and d = 2 to 5; ``"arrangements"``: planes through the origin whose regions
        combinatorics counts (resonance and threshold arrangements, Weyl groups): nothing about them is generic;
        ``"structured"``: networks of the plane with residual blocks, with a maximum over all values at the end (the
        regions of a classifier, those of its classes apart), and with maxima over pairs.

    Returns
    -------
    list of Case

    Examples
    --------
    >>> from specgeo.benchmark import named_cases
    >>> [(case.name, case.cells) for case in named_cases("quick")][:2]
    [('2-16-16', 412), ('2-32-32', 1780)]
    """
    if name == "arrangements":
        return [_central(*found) for found in arrangements.CENTRAL]
    if name == "growth":
        return [_random((d, n, n)) for d, widths in WIDTHS.items() for n in widths]
    if name == "structured":
        return [Case(name, network(), Box(-1, 1, dim=2)) for name, network in STRUCTURED]
    return [_random(widths) for widths in (QUICK if name == "quick" else TABLE)]


def _random(widths: tuple[int, ...]) -> Case:
    dim = widths[0]
    network = random_network([*widths, 1], 0)
    family = f"{dim}-n-n" if len(widths) == 3 else None
    return Case("-".join(map(str, widths)), network, Box(-1, 1, dim=dim), TABLE.get(widths), family=family)


def _central(name: str, normals: Callable[[], np.ndarray], regions: int) -> Case:
    """One hidden layer whose zero sets are the planes."""
    rows = normals()
    layers = [rows, np.ones((1, len(rows)))], [np.zeros(len(rows)), np.zeros(1)]
    return Case(name, Network(*layers), Box(-1, 1, dim=rows.shape[1]), regions)


def degenerate_cases(seeds: Iterable[int] = _degenerate.SEEDS) -> list[Case]:
    """The networks 2-6-5 with dyadic weights on [-1, 1]^2, with their exact counts."""
    cells, vertices = ([*map(int, words.split())] for words in (_degenerate.CELLS, _degenerate.VERTICES))
    box, first = Box(-1, 1, dim=2), _degenerate.SEEDS[0]
    return [
        Case(f"seed {seed}", _degenerate.quarter_network(seed), box, cells[seed - first], vertices[seed - first])
        for seed in seeds
    ]


def parts_of(case: Case, shares: Iterable[float] = (0.25, 0.5)) -> list[Case]:
    """The network on smaller boxes with the same centre, and on its own: a family to see how time grows."""
    low, high = case.domain.lower, case.domain.upper
    middle, half = (low + high) / 2, (high - low) / 2
    boxes = {f"{case.name} x {share:g}": Box(middle - share * half, middle + share * half) for share in shares}
    smaller = [Case(name, case.network, box, family=case.name) for name, box in boxes.items()]
    return [*smaller, Case(case.name, case.network, case.domain, case.cells, case.vertices, case.name)]
