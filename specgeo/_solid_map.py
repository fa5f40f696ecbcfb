"""`solid_map`: complexes in space, cut open or exploded; `shape_plot`: boxes and polytopes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray
from specgeo._figures import (
    as_color,
    as_colormap,
    axes_for,
    counted,
    edge_color,
    input_labels,
    labels_of,
    new_figure,
    titled,
)
from specgeo.domain import as_domain
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.geometry.export import of_one_length, polygon_rings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from specgeo.geometry.complex import PolyhedralComplex


def axes_in_space(ax: Any) -> Any:
    """The axes in space given, or those of a new figure."""
    if ax is None:
        figure = new_figure(7.2, 5.8)[0]
        figure.clear()
        return figure.add_subplot(projection="3d")
    if not hasattr(ax, "add_collection3d"):
        raise InvalidInputError(f'ax: a {type(ax).__name__} given; pass matplotlib Axes with projection="3d", or None')
    return ax


def facet_polygons(cx: PolyhedralComplex) -> list[FloatArray]:
    """Corners of each facet of a complex in space, in order around it."""
    return [cx.vertices[ring] for ring in polygon_rings(cx)]


@checked
def solid_map(
    cx: PolyhedralComplex,
    *,
    output: int = 0,
    explode: float = 0.0,
    cut: bool = True,
    edges: bool | str = True,
    cmap: str = "cividis",
    title: str | None = None,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Axes:
    """The cells of a complex in space, coloured by the function on their walls.

    Parameters
    ----------
    cx : PolyhedralComplex of dimension 3
    output : int
        Which output of the network.
    explode : float
        Move each cell away from the middle by this share of its distance; 0.3 shows some dozens of cells well.
    cut : bool
        Leave out the cells in the quarter towards the viewer, so that the inside shows.
    edges : bool or str
        Draw the edges of the cells; a colour for them.
    cmap : str
        Colours of the values: means over the corners of a wall.
    title : str, optional
        The output and the number of cells by default.
    names : sequence of str, optional
        Names of the three inputs.
    ax : matplotlib Axes in space, optional
        A new figure otherwise.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    UnsupportedError
        The complex has another dimension.
    MissingDependencyError
        matplotlib is not installed.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0, 1.0, 0.5]], [[1.0]]], [[0.1], [0.0]])
    >>> cx = sg.enumerate_regions(net, sg.Box(-1, 1, dim=3))
    >>> axes = sg.plotting.solid_map(cx, explode=0.2)  # doctest: +SKIP
    """
    if cx.dim != 3:
        raise UnsupportedError(f"cx: has dimension {cx.dim}; a solid map needs 3, slice it first")
    if not 0 <= output < cx.offsets.shape[1]:
        raise InvalidInputError(f"output: {output} given; the network has outputs 0 to {cx.offsets.shape[1] - 1}")
    if explode < 0:
        raise InvalidInputError(f"explode: {explode!r} given; pass a number, 0 or more")
    shades, tint = as_colormap(cmap), edge_color(edges, (0.1, 0.1, 0.1, 0.6))
    axes = axes_in_space(ax)
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    lower, upper = cx.vertices.min(axis=0), cx.vertices.max(axis=0)
    middle = (lower + upper) / 2
    toward = (cx.centroids - middle) / (upper - lower)  # the viewer looks from x > 0, y < 0, z > 0
    kept = ~((toward[:, 0] > 0) & (toward[:, 1] < 0)) if cut else np.ones(cx.n_cells, dtype=bool)
    sides = cx.facets.cells
    shown = np.stack([kept[sides[:, 0]], (sides[:, 1] >= 0) & kept[sides[:, 1]]], axis=1)
    if explode == 0.0:
        shown &= ~shown.all(axis=1, keepdims=True)  # walls between two cells that are there are hidden
    facets, side = np.nonzero(shown)
    cells, corners = sides[facets, side], facet_polygons(cx)
    walls = [corners[f] + explode * (cx.centroids[c] - middle) for f, c in zip(facets, cells, strict=True)]
    values = np.array([
        float(corners[f].mean(axis=0) @ cx.gradients[c, output] + cx.offsets[c, output])
        for f, c in zip(facets, cells, strict=True)
    ])  # fmt: skip
    scale = Normalize(float(values.min()), float(values.max()))
    colors = ScalarMappable(scale, shades)
    name = "f" if cx.offsets.shape[1] == 1 else f"f[{output}]"
    _draw(axes, walls, colors.to_rgba(values), tint, len(walls) > 500)
    axes.figure.colorbar(colors, ax=axes, label=f"{name} on the walls", fraction=0.04, pad=0.1)
    reach = np.stack([lower, upper]) + explode * (np.stack([lower, upper]) - middle)
    how = [word for word, is_so in (("cut open", cut), ("exploded", explode > 0)) if is_so]
    _frame(axes, reach, labels_of(cx, names))
    titled(axes, cx, title, f"{name}, {', '.join([counted(cx.n_cells, 'cell'), *how])}")
    return cast("Axes", axes)


@checked
def shape_plot(
    domain: Any,
    *,
    edges: bool | str = True,
    cmap: str = "#9db7d9",
    title: str | None = None,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Axes:
    """A box or polytope on a line, in the plane or in space.

    Parameters
    ----------
    domain : Box, Polytope, convex shapely Polygon or scipy ConvexHull
        In dimension 1 to 3.
    edges : bool or str
        Draw the edges; a colour for them.
    cmap : str
        The colour of the inside.
    title : str, optional
    names : sequence of str, optional
    ax : matplotlib Axes, optional
        As in `solid_map`.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    UnsupportedError
        Another dimension.

    Examples
    --------
    >>> import specgeo as sg
    >>> axes = sg.plotting.shape_plot(sg.Box([-1, -1, -1], [1, 1, 1]))  # doctest: +SKIP
    """
    domain = as_domain(domain)
    if domain.dim > 3:
        raise UnsupportedError(f"domain: has dimension {domain.dim}; a picture needs 1 to 3")
    corners = domain.vertices
    inside, tint = as_color(cmap, "cmap"), edge_color(edges, "#20242c")
    axes = axes_in_space(ax) if domain.dim == 3 else axes_for(ax, 4.8, 4.0)
    title = repr(domain) if title is None else title
    labels = input_labels(names, domain.dim)
    if domain.dim == 1:
        axes.plot(corners[:, 0], [0.0, 0.0], color=inside, lw=6, solid_capstyle="butt")
        axes.set(xlabel=labels[0], yticks=[], title=title)
    elif domain.dim == 2:
        steps = corners - corners.mean(axis=0)
        ring = corners[np.argsort(np.arctan2(steps[:, 1], steps[:, 0]))]
        axes.fill(*ring.T, facecolor=inside, edgecolor=tint)
        axes.set(xlabel=labels[0], ylabel=labels[1], aspect="equal", title=title)
    else:
        from scipy.spatial import ConvexHull

        hull = ConvexHull(corners)
        _, group = np.unique(np.round(hull.equations, 9), axis=0, return_inverse=True)
        walls = []
        for number in range(group.max() + 1):
            own = np.unique(hull.simplices[group.ravel() == number])
            normal = hull.equations[group.ravel() == number][0, :3]
            u = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
            steps = corners[own] - corners[own].mean(axis=0)
            walls.append(corners[own[np.argsort(np.arctan2(steps @ np.cross(normal, u), steps @ u))]])
        _draw(axes, walls, inside, tint, False)
        _frame(axes, np.stack([corners.min(axis=0), corners.max(axis=0)]), labels)
        axes.set_title(title)
    return cast("Axes", axes)


def _draw(axes: Any, walls: list[FloatArray], colors: npt.ArrayLike | str, tint: Any, image: bool) -> None:
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    drawn = Poly3DCollection(of_one_length(walls), facecolors=colors, edgecolors=tint, linewidths=0.4, rasterized=image)
    axes.add_collection3d(drawn)


def _frame(axes: Any, reach: FloatArray, labels: list[str]) -> None:
    """Limits, labels and the view that `solid_map` cuts open for."""
    (x, y, z), size = reach.T, np.ptp(reach, axis=0)
    axes.set(xlim=x, ylim=y, zlim=z, xlabel=labels[0], ylabel=labels[1], zlabel=labels[2])
    axes.locator_params(nbins=4)
    axes.set_box_aspect(size / size.max())
    axes.view_init(elev=24, azim=-45)
