"""Figures that commands alone draw: amplitudes on a plane grid, and a slice with its points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from specgeo._cast import ComplexArray, FloatArray
from specgeo._figures import CLASSES, new_figure, vertex_values
from specgeo.plotting import class_map, region_map

if TYPE_CHECKING:
    from specgeo.geometry.complex import PolyhedralComplex
    from specgeo.paths import DecisionRegions


def amplitude_map(ticks: Sequence[FloatArray], values: ComplexArray, title: str) -> Any:
    """Amplitudes over the plane of wavevectors, logarithmic colours over at most eight decades."""
    from matplotlib.colors import LogNorm

    axes = new_figure(6.4, 5.4)[1]
    heights = np.abs(values).reshape(len(ticks[0]), len(ticks[1])).T
    top = float(heights.max()) or 1.0
    low = max(float(np.min(heights[heights > 0.0], initial=top)), 1e-8 * top)
    drawn = axes.pcolormesh(
        *ticks, np.maximum(heights, low), norm=LogNorm(min(low, 0.5 * top), top), cmap="cividis", shading="nearest",
        rasterized=True,
    )  # fmt: skip
    axes.figure.colorbar(drawn, ax=axes, label=r"$|\hat f(k)|$", fraction=0.046, pad=0.03)
    axes.set(xlabel="$k_0$  (radians per unit length)", ylabel="$k_1$", aspect="equal", title=title)
    return axes


def slice_figure(
    cx: PolyhedralComplex, regions: DecisionRegions, places: FloatArray, names: Sequence[str], color: str, output: int
) -> Any:
    """Regions, classes with their boundary, and the points the slice goes through."""
    if cx.dim == 1:
        return _line(cx, regions, places, names)
    from matplotlib.collections import LineCollection

    axes = new_figure(7.2, 5.2)[1]
    ends = cx.vertices[cx.faces[0].indices.reshape(-1, 2)]
    labels = ("t_0", "t_1")
    if color == "class":
        class_map(regions.complex, regions.cell_component, regions.labels, names=labels, ax=axes)
        width = float(np.clip(20.0 / np.sqrt(len(ends)), 0.1, 0.6))
        axes.add_collection(LineCollection(list(ends), colors="white", linewidths=width, alpha=0.6))
    else:
        region_map(cx, color="gradient" if color == "gradient" else "value", output=output, names=labels, ax=axes)
    first, second = regions.complex.facets.cells.T
    owner = regions.cell_component
    walls = np.flatnonzero((second >= 0) & (owner[first] != owner[second]))
    bounds = regions.complex.vertices[regions.complex.faces[0].indices.reshape(-1, 2)[walls]]
    axes.add_collection(LineCollection(list(bounds), colors="black", linewidths=1.6))
    axes.plot(*places.T, "o", color="white", mec="black", ms=6, zorder=5)
    for place, name in zip(places, names, strict=True):
        axes.annotate(
            name, place, (6, 5), textcoords="offset points", zorder=6,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
        )  # fmt: skip
    lines = "white: regions" if color == "class" else axes.get_title()
    axes.set_title(f"{lines}; black: decision boundary", fontsize="medium")
    return axes


def _line(cx: PolyhedralComplex, regions: DecisionRegions, places: FloatArray, names: Sequence[str]) -> Any:
    """All outputs along the line, the class below them, the points as marks."""
    axes = new_figure(7.2, 4.2)[1]
    order = np.argsort(cx.vertices[:, 0])
    n = cx.offsets.shape[1]
    for output in range(n):
        label = "f" if n == 1 else f"output {output}"
        line = cx.vertices[order, 0], vertex_values(cx, output)[order]
        axes.plot(*line, color=CLASSES[output % len(CLASSES)], lw=1.2, marker="o", ms=2.2, mew=0, label=label)
    bounds = np.sort(regions.complex.vertices[:, 0])
    cells = regions.complex.vertices_of(1)
    for cell, component in enumerate(regions.cell_component.tolist()):
        low, high = np.sort(regions.complex.vertices[cells[cell], 0])
        shade = CLASSES[int(regions.labels[component]) % len(CLASSES)] if component >= 0 else "0.5"
        axes.axvspan(low, high, ymax=0.05, color=shade, lw=0)
    for at, x in enumerate(_class_changes(regions)):
        axes.axvline(x, color="black", lw=1.2, ls="--", label="decision boundary" if at == 0 else None)
    for place, name in zip(places[:, 0], names, strict=True):
        axes.axvline(place, color="0.6", lw=0.8)
        axes.annotate(name, (place, 1.0), (3, -12), xycoords=("data", "axes fraction"), textcoords="offset points")
    axes.set(xlabel="$t_0$", xlim=(bounds[0], bounds[-1]), ylabel="outputs", title="colours at the foot: the class")
    axes.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return axes


def _class_changes(regions: DecisionRegions) -> list[float]:
    """Where neighbouring intervals of a line belong to different components."""
    cells, owner = regions.complex.vertices_of(1), regions.cell_component
    spans = sorted((*np.sort(regions.complex.vertices[cells[i], 0]).tolist(), int(owner[i])) for i in range(len(owner)))
    return [right[0] for left, right in zip(spans, spans[1:], strict=False) if left[2] != right[2]]
