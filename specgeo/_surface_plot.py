"""`surface_plot`: level sets and decision boundaries, on a line, in the plane and in space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from specgeo._arguments import checked
from specgeo._figures import MANY, as_color, axes_for, edge_color, labels_of, titled
from specgeo._solid_map import axes_in_space
from specgeo.errors import UnsupportedError
from specgeo.geometry.export import of_one_length, polygon_rings
from specgeo.levels.hypersurface import Hypersurface

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LIGHT = np.array([0.35, -0.55, 0.76])  # direction towards it; of length 1, about


@checked
def surface_plot(
    surface: Hypersurface,
    *,
    color: str = "#0072B2",
    edges: bool | str = True,
    title: str | None = None,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Axes:
    """A level set or a decision boundary: points on a line, segments in the plane, shaded polygons in space.

    Parameters
    ----------
    surface : LevelSet or DecisionBoundary
        In dimension 1 to 3.
    color : str
    edges : bool or str
        Draw the edges of polygons; a colour for them.
    title : str, optional
    names : sequence of str, optional
        Names of the inputs.
    ax : matplotlib Axes, optional
        A new figure otherwise; what is drawn there, such as a region map of the same network, keeps its labels.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    UnsupportedError
        The dimension is above 3.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.testing.random_network([2, 8, 1], rng=0)
    >>> square = sg.Box(-1, 1, dim=2)
    >>> axes = sg.plotting.region_map(sg.enumerate_regions(net, square))  # doctest: +SKIP
    >>> axes = sg.plotting.surface_plot(sg.level_set(net, square), color="black", ax=axes)  # doctest: +SKIP
    """
    if surface.dim > 3:
        raise UnsupportedError(f"surface: has dimension {surface.dim}; a picture needs 1 to 3, slice the network first")
    tint, inside = edge_color(edges, (0.1, 0.1, 0.1, 0.5)), as_color(color, "color")
    axes = axes_in_space(ax) if surface.dim == 3 else axes_for(ax, 6.4, 5.2 if surface.dim == 2 else 2.4)
    points = surface.vertices[surface.strays[0]] if surface.strays else surface.vertices[:0]
    if surface.dim == 1:
        axes.plot(surface.vertices[:, 0], np.zeros(len(surface.vertices)), "|", color=inside, ms=14, mew=1.5)
        for ends in surface.vertices[surface.lattice.vertices_of(1).indices, 0].reshape(-1, 2):
            axes.plot(ends, [0.0, 0.0], color=inside, lw=3)
    elif surface.dim == 2:
        _draw_plane(axes, surface, inside)
    else:
        _draw_solid(axes, surface, inside, tint)
    if len(points) and surface.dim > 1:
        axes.scatter(*points.T, s=14, color=inside)
    if ax is None:
        _frame(axes, surface, names)
        titled(axes, surface, title, f"{repr(surface).partition('(')[2][:-1]}")
    return cast("Axes", axes)


def _draw_plane(axes: Any, surface: Hypersurface, color: str) -> None:
    from matplotlib.collections import LineCollection, PolyCollection

    lattice = surface.lattice
    lines = surface.vertices[lattice.faces[0].indices.reshape(-1, 2)]
    axes.add_collection(LineCollection(list(lines), colors=color, linewidths=1.6, capstyle="round"))
    if lattice.n_cells:
        rings = [surface.vertices[ring] for ring in polygon_rings(lattice)]
        axes.add_collection(PolyCollection(rings, facecolors=color, alpha=0.3))
    axes.autoscale_view()


def _draw_solid(axes: Any, surface: Hypersurface, color: str, tint: Any) -> None:
    from matplotlib.colors import to_rgb
    from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection

    shade = 0.62 + 0.38 * (surface.normals @ LIGHT)[:, None]
    colors = np.clip(np.array(to_rgb(color)) * (0.25 + 0.75 * shade) + 0.25 * shade, 0.0, 1.0)
    image = len(surface) > MANY
    walls = of_one_length([surface.vertices[ring] for ring in surface.faces])
    drawn = Poly3DCollection(walls, facecolors=colors, edgecolors=colors if image else tint, linewidths=0.3,
                             rasterized=image)  # fmt: skip
    axes.add_collection3d(drawn)
    if len(surface.strays[1]):
        ends = surface.vertices[surface.lattice.faces[0].take(surface.strays[1]).indices.reshape(-1, 2)]
        axes.add_collection3d(Line3DCollection(list(ends), colors=color, linewidths=1.6))


def _frame(axes: Any, surface: Hypersurface, names: Sequence[str] | None) -> None:
    """Limits, labels and, in space, the view that the light is made for."""
    labels = labels_of(surface, names)
    axes.set(xlabel=labels[0])
    if surface.dim == 1:
        axes.set(yticks=[])
    elif surface.dim == 2:
        axes.set(ylabel=labels[1], aspect="equal")
    else:
        axes.set(ylabel=labels[1], zlabel=labels[2])
        if len(surface.vertices):
            lower, size = surface.vertices.min(axis=0), np.ptp(surface.vertices, axis=0)
            size = np.maximum(size, 1e-9 * max(float(size.max()), 1e-300))
            (x, y, z) = zip(lower, lower + size, strict=True)
            axes.set(xlim=x, ylim=y, zlim=z)
            axes.set_box_aspect(np.maximum(size, 0.05 * size.max()))
        axes.locator_params(nbins=4)
        axes.view_init(elev=24, azim=-45)
