"""Pictures of complexes and spectra with matplotlib (extra ``viz``); imported by nobody.

Figures are made without pyplot, so that they need no display and leave no global state behind.
"""

from __future__ import annotations

import colorsys
import io
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, as_complexes, as_floats, as_indices
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.geometry.export import polygon_rings
from specgeo.results import empty_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from specgeo.geometry.complex import PolyhedralComplex

__all__ = ["function_plot", "region_map", "spectrum_plot"]

EXACT_COLOR, SAMPLED_COLOR, GUIDE_COLOR, POINT_COLOR = "#1f4e8c", "#d1495b", "#4a4f58", "#9db7d9"


def new_figure(width: float = 6.4, height: float = 4.8) -> tuple[Figure, Axes]:
    """An empty figure with one pair of axes, size in inches.

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    """
    figure = empty_figure(width, height)
    return figure, figure.add_subplot()


def rendered(figure: Figure, kind: str, **options: Any) -> bytes:
    """The contents of a file of this kind ("png", "svg", ..)."""
    picture = io.BytesIO()
    figure.savefig(picture, format=kind, **options)
    return picture.getvalue()


def _figure_of(axes: Any) -> Figure:
    figure: Figure = axes.figure
    return figure


def _axes(ax: Any, width: float, height: float) -> Any:
    """The axes to draw on: those given, or those of a new figure."""
    if ax is None:
        return new_figure(width, height)[1]
    if not callable(getattr(ax, "tripcolor", None)):
        raise InvalidInputError(f"ax: a {type(ax).__name__} given; pass matplotlib Axes or None")
    return ax


def polygons(cx: PolyhedralComplex) -> list[FloatArray]:
    """Corners of each cell of a plane complex in counter-clockwise order, one (n, 2) array a cell."""
    if cx.dim != 2:
        raise UnsupportedError(f"cx: has dimension {cx.dim}; polygons exist in dimension 2 only, slice it first")
    return [cx.vertices[ring] for ring in polygon_rings(cx)]


def vertex_values(cx: PolyhedralComplex, output: int = 0) -> FloatArray:
    """Values of one output at the vertices, shape (n_v,)."""
    if not 0 <= output < cx.offsets.shape[1]:
        raise InvalidInputError(f"output: {output} given; the network has outputs 0 to {cx.offsets.shape[1] - 1}")
    corners = cx.vertices_of(cx.dim)
    cell, indices = corners.owners, corners.indices
    values = np.empty(len(cx.vertices))
    values[indices] = cx.values(cell, cx.vertices[indices])[:, output]
    return values


def gradient_colors(gradients: FloatArray) -> FloatArray:
    """RGB of plane vectors: hue for the direction, saturation and brightness for the length."""
    length = np.linalg.norm(gradients, axis=1)
    strength = np.clip(length / (np.quantile(length, 0.98) or 1.0), 0.0, 1.0) ** 0.6
    hue = np.arctan2(gradients[:, 1], gradients[:, 0]) / (2 * np.pi) % 1.0
    return np.array([colorsys.hls_to_rgb(h, 0.95 - 0.5 * s, 0.75) for h, s in zip(hue, strength, strict=True)])


@checked
def region_map(
    cx: PolyhedralComplex,
    *,
    color: Literal["value", "gradient"] = "value",
    output: int = 0,
    edges: bool = True,
    ax: Any = None,
) -> Figure:
    """The cells of a plane complex.

    Parameters
    ----------
    cx : PolyhedralComplex of dimension 2
    color : "value" or "gradient"
        The function itself, exactly interpolated, or one colour a cell: hue for the direction of the
        gradient, strength for its length.
    output : int
        Which output of the network.
    edges : bool
        Draw the edges of the cells.
    ax : matplotlib Axes, optional
        Axes to draw into; a new figure otherwise.

    Returns
    -------
    matplotlib Figure

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
    axes = _axes(ax, 7.2, 5.8)
    from matplotlib.collections import LineCollection, PolyCollection

    name = "f" if cx.offsets.shape[1] == 1 else f"f[{output}]"
    if color == "value":
        triangles, _ = cx.triangulation(2)
        drawn = axes.tripcolor(*cx.vertices.T, triangles, vertex_values(cx, output), shading="gouraud", cmap="cividis")
        axes.figure.colorbar(drawn, ax=axes, label=name, fraction=0.046, pad=0.03)
    else:
        faces = gradient_colors(cx.gradients[:, output])
        axes.add_collection(PolyCollection(polygons(cx), facecolors=faces, edgecolors=faces, linewidths=0.2))
    if edges:
        ends = cx.vertices[cx.faces[0].indices.reshape(-1, 2)]
        width = float(np.clip(30.0 / np.sqrt(len(ends)), 0.15, 1.0))
        tint = "white" if color == "value" else "#20242c"
        axes.add_collection(LineCollection(list(ends), colors=tint, linewidths=width, alpha=0.55))
    lower, upper = cx.vertices.min(axis=0), cx.vertices.max(axis=0)
    axes.set(xlim=(lower[0], upper[0]), ylim=(lower[1], upper[1]), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    axes.set_title(f"{cx.n_cells:,} cells, {'gradient of ' if color == 'gradient' else ''}f")
    return _figure_of(axes)


@checked
def function_plot(cx: PolyhedralComplex, *, outputs: npt.ArrayLike | None = None, ax: Any = None) -> Figure:
    """The function of a complex on an interval, exactly, with its kinks marked.

    Parameters
    ----------
    cx : PolyhedralComplex of dimension 1
    outputs : array_like of ints, optional
        Which outputs; all by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Figure

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
    axes = _axes(ax, 7.2, 4.2)
    order = np.argsort(cx.vertices[:, 0])
    n = cx.offsets.shape[1]
    chosen = np.arange(n) if outputs is None else as_indices(np.atleast_1d(outputs), "outputs", n)
    for index, output in enumerate(chosen.tolist()):
        values = vertex_values(cx, output)[order]
        color = EXACT_COLOR if len(chosen) == 1 else f"C{index}"
        label = None if len(chosen) == 1 else f"output {output}"
        axes.plot(cx.vertices[order, 0], values, color=color, lw=1.2, marker="o", ms=2.5, mew=0, label=label)
    if len(chosen) > 1:
        axes.legend(frameon=False)
    axes.set(xlabel="x", ylabel="f(x)", title=f"{cx.n_cells:,} cells")
    axes.margins(x=0)
    axes.grid(alpha=0.25)
    return _figure_of(axes)


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
    ax: Any = None,
) -> Figure:
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
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Figure
        With more than 300 wavevectors the amplitudes are dots and the lines are root mean squares
        over logarithmic shells.

    Examples
    --------
    >>> import numpy as np, specgeo as sg
    >>> k = np.linspace(1.0, 50.0, 200)
    >>> figure = sg.plotting.spectrum_plot(k, 1 / k**2, title="a parabola")  # doctest: +SKIP
    """
    axes = _axes(ax, 7.2, 5.0)
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
    looks = ((label, EXACT_COLOR, "-"), (sampled_label, SAMPLED_COLOR, "--"))
    curves = [(values[keep][order], *look) for values, look in zip(amplitudes, looks, strict=False)]
    many = len(size) > 300
    if many:
        dot = 1.5 if len(size) > 3000 else 3.0
        axes.plot(size, curves[0][0], ".", color=POINT_COLOR, ms=dot, mew=0, label="each wavevector")
    anchor = None
    for amplitude, name, color, style in curves:
        centers, values = shell_means(size, amplitude) if many else (size, amplitude)
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
        for exponent, style in ((2, "--"), (3, ":")):
            _guide(axes, span, anchor, exponent, style)
        top = float(np.max(curves[0][0]))
        floor = float(np.quantile(curves[0][0][curves[0][0] > 0.0], 0.02)) if np.any(curves[0][0]) else 1e-16
        axes.set_ylim(max(floor * 0.2, 1e-16 * (top or 1.0)), 6.0 * (top or 1.0))
    axes.set(xscale="log", yscale="log", xlabel="|k|  (angular)", ylabel="amplitude", title=title)
    axes.grid(which="major", alpha=0.25)
    axes.legend(frameon=False, fontsize="small")
    return _figure_of(axes)
