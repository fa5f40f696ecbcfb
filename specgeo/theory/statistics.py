"""Statistics of the activation regions: sizes, shapes, neighbours, directions of facets, units that never switch."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._budget import afford, within_memory
from specgeo._cast import FloatArray, IntArray
from specgeo._display import counted
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.geometry.arrays import spans
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.results import Result, axes
from specgeo.theory.inradii import inradii

Quantity = Literal["inradii", "volumes", "n_facets", "n_neighbours", "angles", "directions", "units"]


@dataclass(frozen=True, eq=False)
class RegionStatistics(Result):
    """Arrays over activation regions (n), facets between them (q), pairs of facets (p) and units (u).

    Attributes
    ----------
    volumes : (n,)
    inradii : (n,)
        Radius of the largest ball in each region.
    n_facets : (n,)
        Facets of each region, those on the boundary of the domain included.
    n_neighbours : (n,)
        Regions beyond its facets: facets that are not on the boundary of the domain.
    normals : (q, d)
        Unit normals of the facets between regions.
    measures : (q,)
        Their (d-1)-volumes.
    facet_layers : (q,)
        First hidden layer with a unit that switches there.
    angles : (p,)
        In radians, 0 to pi/2: between the hyperplanes of each pair of facets of a region that are not on the boundary.
    unit_layers : (u,)
        Hidden layer of each unit (of each neuron, for ReLU).
    unit_states : (u,)
        -1: never positive on the domain (dead, for ReLU); 1: never negative, and positive somewhere (always on);
        0: it switches. Decided exactly.
    """

    volumes: FloatArray
    inradii: FloatArray
    n_facets: IntArray
    n_neighbours: IntArray
    normals: FloatArray
    measures: FloatArray
    facet_layers: IntArray
    angles: FloatArray
    unit_layers: IntArray
    unit_states: npt.NDArray[np.int8]

    def _units(self, state: int) -> IntArray:
        layers = np.unique(self.unit_layers)
        found = self.unit_layers[self.unit_states == state]
        return np.asarray((found[:, None] == layers).sum(axis=0))

    @property
    def dead(self) -> IntArray:
        """Units of each layer that are nowhere positive on the domain, (L,); layers without units are left out."""
        return self._units(-1)

    @property
    def always_on(self) -> IntArray:
        """Units of each layer that are nowhere negative on the domain, and not dead, (L,)."""
        return self._units(1)

    @property
    def switching(self) -> IntArray:
        """Units of each layer that take both signs on the domain, (L,)."""
        return self._units(0)

    def __str__(self) -> str:
        rows = [f"{counted(len(self.volumes), 'region')}:       least      median        most"]
        for name in ("volumes", "inradii", "n_facets", "n_neighbours"):
            numbers = [f"{f(getattr(self, name)):11.4g}" for f in (np.min, np.median, np.max)]
            rows.append(f"  {name:12}{' '.join(numbers)}")
        for layer, dead, on, rest in zip(
            np.unique(self.unit_layers), self.dead, self.always_on, self.switching, strict=True
        ):
            rows.append(f"  layer {layer}: {rest} units switch, {dead} dead, {on} always on")
        return "\n".join(rows)

    def plot(self, ax: Any = None, quantity: Quantity = "inradii") -> Any:
        """A histogram: of "directions" (two inputs) by length, of "angles" beside those of uniform directions."""
        ax = axes(ax)
        if quantity == "units":
            return self._plot_units(ax)
        if quantity == "directions":
            return self._plot_directions(ax)
        if quantity == "angles":
            return self._plot_angles(ax)
        words = {
            "inradii": "inradius",
            "volumes": "volume",
            "n_facets": "facets of a region",
            "n_neighbours": "neighbours of a region",
        }
        if quantity not in words:
            raise InvalidInputError(f"quantity: {quantity!r} given; one of {', '.join(get_args(Quantity))} wanted")
        values = getattr(self, quantity)
        if values.dtype.kind == "f":
            some = values[values > 0]
            low, high = some.min(), some.max()
            ax.hist(some, bins=np.geomspace(low, high if high > low else 2 * low, 31), color="#0072B2")
            ax.set_xscale("log")
        else:
            at, heights = np.unique(values, return_counts=True)
            ax.bar(at, heights, color="#0072B2")
        ax.set(xlabel=words[quantity], ylabel="regions")
        return ax

    def _plot_units(self, ax: Any) -> Any:
        at, bottom = np.unique(self.unit_layers), np.zeros(len(self.dead))
        for words, numbers, color in (
            ("switch", self.switching, "#0072B2"),
            ("always on", self.always_on, "#E69F00"),
            ("dead", self.dead, "#999999"),
        ):
            ax.bar(at, numbers, bottom=bottom, label=words, color=color)
            bottom = bottom + numbers
        ax.set(xlabel="hidden layer", ylabel="units", xticks=at, ylim=(0, 1.25 * bottom.max(initial=1.0)))
        ax.yaxis.get_major_locator().set_params(integer=True)
        ax.legend(ncols=3, loc="upper center", columnspacing=1.0, handlelength=1.0)
        return ax

    def _plot_directions(self, ax: Any) -> Any:
        if self.normals.shape[1] != 2:
            raise UnsupportedError(
                f"quantity: directions in {self.normals.shape[1]} dimensions have no histogram; plot 'angles'"
            )
        degrees = np.degrees(np.arctan2(self.normals[:, 1], self.normals[:, 0])) % 180.0
        layers = np.unique(self.facet_layers)
        parts = [self.facet_layers == layer for layer in layers]
        ax.hist(
            [degrees[part] for part in parts],
            bins=np.linspace(0, 180, 37),
            weights=[self.measures[part] for part in parts],
            stacked=True,
            label=[f"layer {layer}" for layer in layers],
        )
        ax.set(xlabel="direction of the normal (degrees, mod 180)", ylabel="length of facets", xticks=range(0, 181, 30))
        ax.legend()
        return ax

    def _plot_angles(self, ax: Any) -> Any:
        d = self.normals.shape[1]
        bins = np.linspace(0, pi / 2, 31)
        ax.hist(np.degrees(self.angles), bins=np.degrees(bins), density=True, color="#0072B2", label="regions")
        middle = (bins[1:] + bins[:-1]) / 2
        law = np.sin(middle) ** (d - 2) if d > 1 else np.zeros_like(middle)
        if d > 1:
            ax.plot(np.degrees(middle), law / law.mean() / 90.0, color="#D55E00", label="uniform directions")
        ax.set(xlabel="angle of two facets (degrees)", ylabel="density", ylim=(0, 1.25 * ax.get_ylim()[1]))
        ax.legend(ncols=2, loc="upper center")
        return ax


@checked
@within_memory
def region_statistics(cx: PolyhedralComplex) -> RegionStatistics:
    """Sizes, inradii, facets, neighbours of all activation regions, directions of facets, dead and always-on units.

    Sources: Zhang and Wu 2020 (arXiv 2001.01072: inspheres, directions, surrounding regions) and Hanin and Rolnick
    2019 (volumes), who look at regions of sampled points; here all regions of the domain are looked at.

    Parameters
    ----------
    cx : PolyhedralComplex

    Returns
    -------
    RegionStatistics

    Raises
    ------
    UnsupportedError
        The complex was built without signs.

    Notes
    -----
    Facets, neighbours and states of units are exact: they come from the signs of the complex. Volumes are those of the
    stored vertices, to rounding. An inradius is that of a ball found by a linear program over the hyperplanes of the
    facets, and as good as their normals: facets shorter than 1e-9 of their region have poor ones. Each takes
    0.1 to 0.8 ms in two or three dimensions.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], [[1.0, 1.0, 1.0]]], [[-1.0, 0.0, -5.0], [0.0]])
    >>> print(sg.theory.region_statistics(sg.enumerate_regions(net, sg.Box([0, -1], [3, 1]))))
    3 regions:       least      median        most
      volumes             0.5         1.5           4
      inradii          0.2929         0.5           1
      n_facets              3           4           4
      n_neighbours          1           1           2
      layer 0: 2 units switch, 1 dead, 0 always on
    """
    facets, lists = cx.facets, cx.faces[-1]
    signs = cx.known_signs
    inner = ~facets.is_boundary
    n_facets = np.diff(lists.offsets)
    n_neighbours = np.bincount(lists.owners[inner[lists.indices]], minlength=cx.n_cells)
    first = facets.units.indices[facets.units.offsets[:-1][inner]]
    vectors = cx.sign_vectors
    positive, negative = (vectors > 0).any(axis=0), (vectors < 0).any(axis=0)
    states = np.where(positive, np.where(negative, 0, 1), -1).astype(np.int8)
    return RegionStatistics(
        cx.volumes,
        inradii(cx),
        n_facets,
        n_neighbours,
        facets.normals[inner],
        facets.measures[inner],
        signs.layers[first],
        _angles(cx),
        signs.layers,
        states,
    )


def _angles(cx: PolyhedralComplex) -> FloatArray:
    """Angles between the hyperplanes of pairs of facets of a cell that are not on the boundary."""
    facets, lists = cx.facets, cx.faces[-1]
    here = ~facets.is_boundary[lists.indices]
    facet, owner = lists.indices[here], lists.owners[here]
    counts = np.bincount(owner, minlength=cx.n_cells)
    later = np.repeat(np.cumsum(counts), counts) - np.arange(len(facet)) - 1  # facets of the cell after this one
    afford(8.0 * (2 * cx.dim + 4) * float(later.sum()), f"cx: {later.sum():,} pairs of facets", "shrink the domain")
    a = facets.normals[facet[np.repeat(np.arange(len(facet)), later)]]
    b = facets.normals[facet[spans(np.arange(len(facet)) + 1, later)]]
    # |a - b| and |a + b| for unit vectors: accurate for small angles, where the cosine is not
    return np.asarray(2 * np.arctan2(*np.sort([np.linalg.norm(a - b, axis=1), np.linalg.norm(a + b, axis=1)], axis=0)))
