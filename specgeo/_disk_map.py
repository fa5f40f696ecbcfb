"""`disk_map`: a whole plane in a disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, as_floats
from specgeo._display import counted
from specgeo._figures import (
    MANY,
    axes_for,
    edge_color,
    gradient_colors,
    gradient_key,
    labels_of,
    longest_of,
    titled,
)
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.geometry.whole_space import WholeSpaceComplex

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEPS = np.linspace(0.0, 1.0, 25)[:, None]  # of an arc


@checked
def disk_map(
    cx: WholeSpaceComplex,
    *,
    center: npt.ArrayLike | None = None,
    scale: float | None = None,
    output: int = 0,
    edges: bool | str = True,
    title: str | None = None,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Axes:
    """The cells of a whole plane in the unit disk, the point x at ``(x - c) / sqrt(s^2 + |x - c|^2)``.

    That is the half-sphere of directions (s, x - c), seen from above: lines are halves of ellipses, parallel ones meet
    on the rim, which is at infinity. A cell has the colour of its gradient: hue for the direction, strength for the
    length, with a key beside the axes.

    Parameters
    ----------
    cx : WholeSpaceComplex of dimension 2
    center : array_like of floats, shape (2,), optional
        c, in the middle of the disk; by default the median of the vertices.
    scale : float, optional
        s: what is so far from c is drawn at 0.7 of the radius; by default the median distance of the vertices.
    output : int
        Which output of the network.
    edges : bool or str
        Draw the edges of the cells; a colour for them.
    title : str, optional
    names : sequence of str, optional
        Names of the two inputs.
    ax : matplotlib Axes, optional
        Axes to draw into; a new figure otherwise.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    UnsupportedError
        The space is no plane.

    Examples
    --------
    >>> import specgeo as sg
    >>> cx = sg.enumerate_regions(sg.testing.random_network([2, 8, 1], rng=0), sg.WholeSpace(2))
    >>> ax = sg.plotting.disk_map(cx)  # doctest: +SKIP
    """
    if cx.dim != 2:
        raise UnsupportedError(f"cx: dimension {cx.dim}; a disk shows a plane: pass a window to cx.plot, or cx.on(Box)")
    if not 0 <= output < cx.offsets.shape[1]:
        raise InvalidInputError(f"output: {output} given; the network has outputs 0 to {cx.offsets.shape[1] - 1}")
    points = cx.points
    middle = np.median(points, axis=0) if center is None else as_floats(center, "center", (2,))
    size = float(np.median(np.linalg.norm(points - middle, axis=1))) or 1.0 if scale is None else scale
    if size <= 0:
        raise InvalidInputError(f"scale: {scale} given; pass a positive number")
    tint, labels, axes = edge_color(edges, "#20242c"), labels_of(cx, names), axes_for(ax, 7.2, 5.8)
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.patches import Circle

    gradients, image = cx.gradients[:, output], cx.n_cells > MANY
    faces = gradient_colors(gradients)
    rings = _rings(cx, 2, middle, size)
    axes.add_collection(
        PolyCollection(rings, facecolors=faces, edgecolors=faces, linewidths=0.2, rasterized=image,
                       antialiaseds=not image)  # fmt: skip
    )
    gradient_key(axes, longest_of(gradients))
    if edges:
        arcs = _rings(cx, 1, middle, size)
        width = float(np.clip(30.0 / np.sqrt(len(arcs) + 1.0), 0.15, 1.0))
        axes.add_collection(LineCollection(arcs, colors=tint, linewidths=width, alpha=0.55, rasterized=image))
    axes.add_patch(Circle((0.0, 0.0), 1.0, fill=False, color="#20242c", linewidth=1.0))
    axes.set(xlim=(-1.02, 1.02), ylim=(-1.02, 1.02), aspect="equal", xticks=[], yticks=[])
    axes.set(xlabel=labels[0], ylabel=labels[1], frame_on=False)
    name = "f" if cx.offsets.shape[1] == 1 else f"f[{output}]"
    titled(axes, cx, title, f"gradient of {name}, {counted(cx.n_cells, 'cell')} of the plane")
    return cast("Axes", axes)


def _rings(cx: WholeSpaceComplex, k: int, center: FloatArray, scale: float) -> list[FloatArray]:
    """The edges (k = 1) or cells (k = 2) as curves in the disk, (n, 2) each."""
    flat, n = cx.lineality_dim, len(cx.points)
    at = np.zeros((n + len(cx.rays), 3))  # directions (s, x - c) and (0, x)
    at[:n, 0], at[:n, 1:], at[n:, 1:] = scale, cx.points - center, cx.rays
    at /= np.linalg.norm(at, axis=1, keepdims=True)
    if flat == 2:
        turn = np.linspace(0.0, 2.0 * np.pi, 200)
        return [np.column_stack((np.cos(turn), np.sin(turn)))] if k == 2 else []
    found = []
    for own, rays in zip(cx.points_of(k), cx.rays_of(k), strict=True):
        corners = at[np.concatenate((own, rays + n))]
        if flat:  # along lines that are parallel: from one end to the other through each corner
            end = np.append(0.0, cx.lineality[0])
            lines = [np.concatenate((_arc(-end, x), _arc(x, end))) for x in corners]
            ring = np.concatenate([line if i % 2 == 0 else line[::-1] for i, line in enumerate(lines)])
        elif k == 1:
            ring = _arc(*corners)
        else:
            corners = _in_order(corners)
            ring = np.concatenate([_arc(x, y) for x, y in zip(corners, np.roll(corners, -1, axis=0), strict=True)])
        found.append(ring[:, 1:])
    return found


def _arc(x: FloatArray, y: FloatArray) -> FloatArray:
    """The shorter arc of a great circle between unit vectors, (25, 3)."""
    angle = float(np.arctan2(np.linalg.norm(np.cross(x, y)), x @ y))
    if angle < 1e-9:
        return np.stack((x, y))
    return np.asarray((np.sin((1.0 - _STEPS) * angle) * x + np.sin(_STEPS * angle) * y) / np.sin(angle))


def _in_order(corners: FloatArray) -> FloatArray:
    """The corners of a convex polygon on the sphere, one after the other."""
    middle = corners.sum(axis=0)
    first = np.linalg.svd(middle[None])[2][1:]  # two directions across
    flat = corners @ first.T / (corners @ middle)[:, None]
    return np.asarray(corners[np.argsort(np.arctan2(flat[:, 1], flat[:, 0]))])
