"""`class_map`: decision regions in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import IntArray, as_indices
from specgeo._display import counted
from specgeo._figures import CLASSES, as_colors, axes_for, edge_color, frame, polygons
from specgeo.errors import InvalidInputError, UnsupportedError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from specgeo.geometry.complex import PolyhedralComplex

MOST_NUMBERS = 40  # components whose numbers are written


@checked
def class_map(
    cx: PolyhedralComplex,
    component: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    cmap: Sequence[str] = CLASSES,
    edges: bool | str = True,
    title: str | None = None,
    names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    ax: Any = None,
) -> Axes:
    """Components of decision regions in the plane: one colour a class, a shade and a number a component.

    Parameters
    ----------
    cx : PolyhedralComplex of dimension 2
    component : array_like of int, shape (n_cells,)
        Component of each cell, -1 for none.
    labels : array_like of int, shape (n_components,)
        Class of each component.
    cmap : sequence of colours
        Class c has colour c modulo their number.
    edges : bool or str
        Draw the boundaries of the components; a colour for them.
    title : str, optional
    names : sequence of str, optional
        Of the axes.
    class_names : sequence of str, optional
        For the legend; "class 0" and so on otherwise.
    ax : matplotlib Axes, optional
        As in `region_map`.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import specgeo as sg
    >>> regions = sg.paths.decision_regions(sg.Network([[[1.0, 0.5]]], [[0.25]]), sg.Box([-1, -1], [1, 1]))
    >>> axes = sg.plotting.class_map(regions.complex, regions.cell_component, regions.labels)  # doctest: +SKIP
    """
    if cx.dim != 2:
        raise UnsupportedError(f"cx: has dimension {cx.dim}; a map of classes needs 2, slice it first")
    classes = as_indices(labels, "labels", 2**31)
    titles = [f"class {c}" for c in range(max(classes, default=0) + 1)] if class_names is None else list(class_names)
    if len(titles) <= max(classes, default=0) or not all(isinstance(title, str) for title in titles):
        raise InvalidInputError(f"class_names: {class_names!r:.80} given; pass a list of words, one a class")
    owner = _owners(component, cx.n_cells, len(classes))
    cmap, tint = as_colors(cmap, "cmap"), edge_color(edges, "black")
    axes = axes_for(ax, 7.2, 5.0)
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    base = np.array([to_rgb(cmap[int(c) % len(cmap)]) for c in classes]).reshape(-1, 3)
    order = np.argsort(classes, kind="stable")
    rank = np.empty_like(order)  # within its class
    rank[order] = np.arange(len(order)) - np.searchsorted(classes[order], classes[order])
    pale = np.array([0.0, 0.4, 0.65])[rank % 3][:, None]  # neighbours in rank differ
    colors = np.vstack([base * (1 - pale) + pale, [[0.5] * 3]])[owner]
    # cells of one component meet without seams: no blending at their edges
    axes.add_collection(
        PolyCollection(polygons(cx), facecolors=colors, edgecolors=colors, linewidths=0.3, antialiaseds=False,
                       rasterized=True)
    )  # fmt: skip
    if edges:
        first, second = cx.facets.cells.T
        walls = np.flatnonzero((second >= 0) & (owner[first] != owner[second]))
        ends = cx.vertices[cx.faces[0].indices.reshape(-1, 2)[walls]]
        axes.add_collection(LineCollection(list(ends), colors=tint, lw=0.8))
    sizes = np.bincount(owner[owner >= 0], cx.volumes[owner >= 0], len(classes))
    if len(classes) > len(np.unique(classes)):  # components are numbered as in the result, where they can be read
        for number in np.argsort(-sizes)[:MOST_NUMBERS].tolist():
            if sizes[number] > 2e-3 * sizes.sum():
                cells = np.flatnonzero(owner == number)
                spot = cx.centroids[cells[np.argmax(cx.volumes[cells])]]
                axes.text(*spot, str(number), ha="center", va="center", fontsize="x-small", clip_on=True)
    keys = [
        Patch(
            facecolor=cmap[int(c) % len(cmap)],
            label=f"{titles[int(c)]}: {counted(int((classes == c).sum()), 'component')}",
        )
        for c in np.unique(classes)
    ]
    keys += [Patch(facecolor="0.5", label="tie")] if np.any(owner < 0) else []
    axes.legend(handles=keys, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize="small")
    found = f"{counted(len(classes), 'component')} (numbered; shades tell those of a class apart)"
    frame(axes, cx, names, title, found if len(classes) > len(keys) else "decision regions")
    return cast("Axes", axes)


def _owners(component: npt.ArrayLike, n_cells: int, n_components: int) -> IntArray:
    """Component of each cell, -1 for none."""
    given = np.asarray(component)
    if given.dtype.kind not in "iu" or given.shape != (n_cells,) or np.any((given < -1) | (given >= n_components)):
        raise InvalidInputError(
            f"component: pass one number for each of the {n_cells} cells, from 0 to {n_components - 1}, or -1 for none"
        )
    return given.astype(np.int64)
