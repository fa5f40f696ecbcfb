"""Pictures of complexes and spectra with matplotlib (extra ``viz``); imported by nobody.

Every function draws into ``ax`` or a new figure and returns the Axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, as_complexes, as_floats, as_indices
from specgeo._class_map import class_map as class_map
from specgeo._disk_map import disk_map as disk_map
from specgeo._figures import (
    CLASSES,
    MANY,
    as_colormap,
    as_colors,
    axes_for,
    counted,
    edge_color,
    frame,
    gradient_colors,
    gradient_key,
    labels_of,
    longest_of,
    polygons,
    titled,
    vertex_values,
)  # fmt: skip
from specgeo._figures import new_figure as new_figure
from specgeo._figures import rendered as rendered
from specgeo._solid_map import shape_plot as shape_plot
from specgeo._solid_map import solid_map as solid_map
from specgeo._surface_plot import surface_plot as surface_plot
from specgeo.errors import InvalidInputError, UnsupportedError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from specgeo.geometry.complex import PolyhedralComplex

__all__ = [
    "class_map", "disk_map", "function_plot", "region_map", "shape_plot", "solid_map", "spectrum_plot", "surface_plot",
]  # fmt: skip

EXACT_COLOR, SAMPLED_COLOR, GUIDE_COLOR, POINT_COLOR = "#1f4e8c", "#d1495b", "#4a4f58", "#9db7d9"


@checked
def region_map(
    cx: PolyhedralComplex,
    *,
    color: Literal["value", "gradient"] = "value",
    output: int = 0,
    edges: bool | str = True,
    cmap: str = "cividis",
    title: str | None = None,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Axes:
    """The cells of a plane complex.

    Parameters
    ----------
    cx : PolyhedralComplex of dimension 2
    color : "value" or "gradient"
        The function itself, exactly interpolated, or one colour a cell: hue for the direction of the
        gradient, strength for its length, with a key beside the axes.
    output : int
        Which output of the network.
    edges : bool or str
        Draw the edges of the cells; a colour for them.
    cmap : str
        Colours of the values.
    title : str, optional
        The output and the number of cells by default.
    names : sequence of str, optional
        Names of the two inputs: ``AffineSlice.names``, ``Network.input_names``. By default x_0 and x_1.
    ax : matplotlib Axes, optional
        Axes to draw into; a new figure otherwise.

    Returns
    -------
    matplotlib Axes
        Its figure is ``ax.figure``. Where there are many cells the map is an image in vector files, which stay small.

    Raises
    ------
    UnsupportedError
        The complex is not plane.
    MissingDependencyError
        matplotlib is not installed.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.testing.random_network([2, 8, 1], rng=0)
    >>> figure = sg.plotting.region_map(sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1])))  # doctest: +SKIP
    >>> figure.savefig("regions.png")  # doctest: +SKIP
    """
    if cx.dim != 2:
        raise UnsupportedError(f"cx: has dimension {cx.dim}; a region map needs 2, slice it first")
    if color not in ("value", "gradient"):
        raise InvalidInputError(f"color: {color!r} given; use 'value' or 'gradient'")
    shades, tint = as_colormap(cmap), edge_color(edges, "white" if color == "value" else "#20242c")
    axes = axes_for(ax, 7.2, 5.8)
    from matplotlib.collections import LineCollection, PolyCollection

    name = "f" if cx.offsets.shape[1] == 1 else f"f[{output}]"
    image = cx.n_cells > MANY
    if color == "value":
        values, triangles = vertex_values(cx, output), cx.triangulation(2)[0]
        drawn = axes.tripcolor(
            *cx.vertices.T, triangles, values, shading="gouraud", cmap=shades, rasterized=len(triangles) > 64
        )
        axes.figure.colorbar(drawn, ax=axes, label=name, fraction=0.046, pad=0.03)
    else:
        gradients = cx.gradients[:, output]
        faces = gradient_colors(gradients)
        axes.add_collection(
            PolyCollection(polygons(cx), facecolors=faces, edgecolors=faces, linewidths=0.2, rasterized=image,
                           antialiaseds=not image)  # fmt: skip
        )
        gradient_key(axes, longest_of(gradients))
    if edges:
        ends = cx.vertices[cx.faces[0].indices.reshape(-1, 2)]
        width = float(np.clip(30.0 / np.sqrt(len(ends)), 0.15, 1.0))
        axes.add_collection(LineCollection(list(ends), colors=tint, linewidths=width, alpha=0.55, rasterized=image))
    what = f"gradient of {name}" if color == "gradient" else name
    frame(axes, cx, names, title, f"{what}, {counted(cx.n_cells, 'cell')}")
    return cast("Axes", axes)


@checked
def function_plot(
    cx: PolyhedralComplex,
    *,
    outputs: npt.ArrayLike | None = None,
    edges: bool | str = True,
    cmap: str | None = None,
    title: str | None = None,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Axes:
    """The function of a complex on an interval, exactly, with its kinks marked.

    Parameters
    ----------
    cx : PolyhedralComplex of dimension 1
    outputs : array_like of ints, optional
        Which outputs; all by default.
    edges : bool or str
        Mark the ends of the cells; a colour for the marks.
    cmap : str, optional
        Colours of the outputs.
    title : str, optional
    names : sequence of str, optional
    ax : matplotlib Axes, optional
        As in `region_map`.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    UnsupportedError
        The complex has another dimension.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.testing.random_network([1, 8, 1], rng=0)
    >>> figure = sg.plotting.function_plot(sg.enumerate_regions(net, sg.Box([-1], [1])))  # doctest: +SKIP
    """
    if cx.dim != 1:
        raise UnsupportedError(f"cx: has dimension {cx.dim}; a function plot needs 1, slice it first")
    shades = None if cmap is None else as_colormap(cmap)
    marks = edge_color(edges, None)
    axes = axes_for(ax, 7.2, 4.2)
    order = np.argsort(cx.vertices[:, 0])
    n = cx.offsets.shape[1]
    chosen = np.arange(n) if outputs is None else as_indices(np.atleast_1d(outputs), "outputs", n)
    for index, output in enumerate(chosen.tolist()):
        values = vertex_values(cx, output)[order]
        color: Any = EXACT_COLOR if len(chosen) == 1 else CLASSES[index % len(CLASSES)]
        if shades is not None:
            color = shades(0.1 + 0.8 * index / max(len(chosen) - 1, 1))
        label = None if len(chosen) == 1 else f"output {output}"
        (line,) = axes.plot(cx.vertices[order, 0], values, color=color, lw=1.2, label=label)
        if edges:
            line.set(marker="o", ms=2.5, mew=0, mfc=color if marks is None else marks)
    if len(chosen) > 1:
        axes.legend(frameon=False)
    name = "f" if n == 1 or len(chosen) > 1 else f"f[{chosen[0]}]"
    label = "x" if names is None and "input_names" not in cx.notes else labels_of(cx, names)[0]
    axes.set(xlabel=label, ylabel=f"{name}({label})")
    titled(axes, cx, title, counted(cx.n_cells, "cell"))
    axes.margins(x=0)
    axes.grid(alpha=0.25)
    return cast("Axes", axes)


def _guide(axes: Any, k: FloatArray, anchor: tuple[float, float], exponent: int, style: str) -> None:
    values = anchor[1] * (k / anchor[0]) ** -exponent
    axes.plot(k, values, color=GUIDE_COLOR, ls=style, lw=1.2, zorder=3, label=f"$k^{{-{exponent}}}$")


def shell_means(size: FloatArray, amplitude: FloatArray, shells: int = 40) -> tuple[FloatArray, FloatArray]:
    """Root mean square of the amplitudes in logarithmic shells: centres and values of the shells that are not empty."""
    edges = np.geomspace(size.min(), size.max() * (1 + 1e-12), shells + 1)
    index = np.clip(np.searchsorted(edges, size, side="right") - 1, 0, shells - 1)
    count = np.bincount(index, minlength=shells)
    filled = count > 0
    square = np.bincount(index, amplitude**2, minlength=shells)[filled] / count[filled]
    center = np.exp(np.bincount(index, np.log(size), minlength=shells)[filled] / count[filled])
    return center, np.sqrt(square)


def _amplitudes(values: npt.ArrayLike, name: str, shape: tuple[int, ...]) -> FloatArray:
    array = as_complexes(values, name)
    if array.shape != shape:
        raise InvalidInputError(f"{name}: shape {array.shape} given, {shape} wanted (one a wavevector)")
    return np.abs(array)


@checked
def spectrum_plot(
    k: npt.ArrayLike,
    exact: npt.ArrayLike,
    sampled: npt.ArrayLike | None = None,
    *,
    label: str = "closed form",
    sampled_label: str = "sampled FFT",
    title: str = "",
    amplitude: str = r"$|\hat f(k)|$",
    length: str = "$|k|$  (radians per unit length)",
    cmap: Sequence[str] = (EXACT_COLOR, SAMPLED_COLOR),
    edges: bool = True,
    ax: Any = None,
) -> Axes:
    """Amplitudes over the length of the wavevector, log-log, with the guide lines k^-2 and k^-3.

    Parameters
    ----------
    k : array_like of floats, shape (n,) or (n, d)
        Wavevectors or their lengths; k = 0 is left out.
    exact : array_like, shape (n,)
        Coefficients or amplitudes; absolute values are drawn.
    sampled : array_like, shape (n,), optional
        The same by FFT.
    label, sampled_label, title : str
    amplitude : str
        What is drawn, for the axis; by default the absolute value of the transform.
    length : str
        Over what it is drawn, with its unit.
    cmap : sequence of two colours
        Of the exact values and of those by FFT.
    edges : bool
        Draw the guide lines.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        With more than 300 wavevectors the amplitudes are dots and the lines are root mean squares
        over logarithmic shells.

    Examples
    --------
    >>> import numpy as np, specgeo as sg
    >>> k = np.linspace(1.0, 50.0, 200)
    >>> figure = sg.plotting.spectrum_plot(k, 1 / k**2, title="a parabola")  # doctest: +SKIP
    """
    cmap = as_colors(cmap, "cmap", 2)
    axes = axes_for(ax, 7.2, 5.0)
    lengths = as_floats(k, "k")
    if lengths.ndim not in (1, 2):
        raise InvalidInputError(f"k: shape {lengths.shape} given, (n,) or (n, d) wanted")
    size = np.abs(lengths) if lengths.ndim == 1 else np.linalg.norm(lengths, axis=-1)
    amplitudes = [_amplitudes(exact, "exact", size.shape)]
    if sampled is not None:
        amplitudes.append(_amplitudes(sampled, "sampled", size.shape))
    keep = size > 0.0
    order = np.argsort(size[keep], kind="stable")
    size = size[keep][order]
    looks = ((label, cmap[0], "-"), (sampled_label, cmap[1], "--"))
    curves = [(values[keep][order], *look) for values, look in zip(amplitudes, looks, strict=False)]
    many = len(size) > 300
    if many:
        dot = 1.5 if len(size) > 3000 else 3.0
        axes.plot(size, curves[0][0], ".", color=POINT_COLOR, ms=dot, mew=0, label="each wavevector",
                  rasterized=len(size) > 3000)  # fmt: skip
    anchor = None
    for heights, name, color, style in curves:
        centers, values = shell_means(size, heights) if many else (size, heights)
        if anchor is None:  # both guides start above the curve, a third along it
            at = float(size[0] ** (2 / 3) * size[-1] ** (1 / 3))
            anchor = (at, 3.0 * float(np.interp(np.log(at), np.log(centers), values)))
        width, marker = (1.8, "") if many else (1.0, "o" if style == "-" else "x")
        axes.plot(
            centers, values, color=color, ls=style if many else "", lw=width, marker=marker, ms=3.5,
            label=name + (", shell mean" if many else ""),
        )  # fmt: skip
    if anchor is not None:
        span = np.geomspace(anchor[0], size[-1], 50)
        for exponent, style in ((2, "--"), (3, ":")) if edges else ():
            _guide(axes, span, anchor, exponent, style)
        top = float(np.max(curves[0][0]))
        floor = float(np.quantile(curves[0][0][curves[0][0] > 0.0], 0.02)) if np.any(curves[0][0]) else 1e-16
        axes.set_ylim(max(floor * 0.2, 1e-16 * (top or 1.0)), 6.0 * (top or 1.0))
    axes.set(xscale="log", yscale="log", xlabel=length, ylabel=amplitude, title=title)
    if anchor is not None and size[-1] < 50 * size[0]:  # less than two decades: powers of ten alone tell too little
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(which="major", alpha=0.25)
    for mark in axes.legend(frameon=False, fontsize="small").legend_handles:
        if mark.get_marker() not in ("", "None", None):
            mark.set_markersize(max(mark.get_markersize(), 6.0))
    return cast("Axes", axes)
