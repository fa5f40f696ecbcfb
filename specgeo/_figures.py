"""What pictures share: figures without pyplot, colours, the cells of a plane complex, labels of its axes.

Figures need no display and leave no global state behind.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from specgeo._cast import FloatArray
from specgeo._display import counted as counted
from specgeo._measures import lengths_of
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.geometry.export import polygon_rings
from specgeo.results import empty_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from specgeo.geometry.complex import PolyhedralComplex
    from specgeo.geometry.whole_space import WholeSpaceComplex
    from specgeo.levels.hypersurface import Hypersurface

# Okabe and Ito (2008), and two more
CLASSES = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999", "#882255", "#332288"
)  # fmt: skip
WHEEL = ((0.902, 0.624, 0.0), (0.0, 0.62, 0.451), (0.0, 0.447, 0.698), (0.8, 0.475, 0.655))  # right, up, left, down
PALE = np.array([0.96, 0.96, 0.96])
MANY = 1000  # cells above which a map is an image inside vector files


def new_figure(width: float = 6.4, height: float = 4.8) -> tuple[Figure, Axes]:
    """An empty figure with one pair of axes, size in inches.

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    """
    figure = empty_figure(width, height)
    return figure, figure.add_subplot()


def rendered(drawn: Axes | Figure, kind: str, **options: Any) -> bytes:
    """The contents of a file of this kind ("png", "svg", ..)."""
    picture = io.BytesIO()
    if kind in ("svg", "pdf", "eps", "ps"):  # maps of many cells are images in them, which shall stay small
        options["dpi"] = min(options.get("dpi", 100), 100)
    figure: Any = drawn.figure
    figure.savefig(picture, format=kind, **options)
    return picture.getvalue()


def axes_for(ax: Any, width: float, height: float) -> Any:
    """The axes to draw on: those given, or those of a new figure."""
    if ax is None:
        return new_figure(width, height)[1]
    if not callable(getattr(ax, "tripcolor", None)):
        raise InvalidInputError(f"ax: a {type(ax).__name__} given; pass matplotlib Axes or None")
    return ax


def as_color(value: str, name: str) -> str:
    """A colour that matplotlib knows."""
    from matplotlib.colors import is_color_like

    if not is_color_like(value):
        raise InvalidInputError(f"{name}: {value!r} given; pass a colour, such as 'black' or '#0072B2'")
    return value


def as_colors(value: Sequence[str], name: str, fewest: int = 1) -> list[str]:
    """Colours that matplotlib knows, so many at least."""
    if len(value) < fewest:
        raise InvalidInputError(f"{name}: {len(value)} colours given; pass {fewest} or more")
    return [as_color(color, name) for color in value]


def as_colormap(value: str, name: str = "cmap") -> Any:
    """A colour map of matplotlib by its name."""
    from matplotlib import colormaps

    if value not in colormaps:
        raise InvalidInputError(f"{name}: {value!r} given; pass the name of a colour map, such as 'cividis' or 'gray'")
    return colormaps[value]


def gradient_colors(gradients: FloatArray, longest: float | None = None) -> FloatArray:
    """RGB of plane vectors: hue for the direction (the wheel is safe for the colour-blind), strength for the length.

    Full strength is at ``longest``, by default the 98 % quantile of the lengths.
    """
    length = lengths_of(gradients)
    top = longest_of(gradients) if longest is None else longest
    strength = (np.clip(length / top, 0.0, 1.0) ** 0.6)[:, None]
    turn = np.arctan2(gradients[:, 1], gradients[:, 0]) / (2 * np.pi) % 1.0 * len(WHEEL)
    wheel, low = np.array([*WHEEL, WHEEL[0]]), np.minimum(turn.astype(np.int64), len(WHEEL) - 1)
    part = (turn - low)[:, None]
    return np.asarray((1 - strength) * PALE + strength * ((1 - part) * wheel[low] + part * wheel[low + 1]))


def longest_of(gradients: FloatArray) -> float:
    return float(np.quantile(lengths_of(gradients), 0.98)) or 1.0


def gradient_key(axes: Any, longest: float) -> None:
    """The wheel of directions beside the axes, with the length of full strength."""
    side = np.linspace(-1.0, 1.0, 81)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    wheel = np.ones((81 * 81, 4))
    wheel[:, :3] = gradient_colors(grid, 1.0)
    wheel[:, 3] = np.linalg.norm(grid, axis=1) <= 1.0
    key = axes.inset_axes([1.16, 0.08, 0.18, 0.18])
    key.imshow(wheel.reshape(81, 81, 4), origin="lower", extent=(-1, 1, -1, 1), interpolation="bilinear")
    key.set(xticks=[], yticks=[], xlabel=f"direction of the\ngradient; its length\nat the rim: {longest:.3g}")
    key.xaxis.label.set_fontsize("small")
    key.set_frame_on(False)


def edge_color(edges: bool | str, usual: Any) -> Any:
    """The colour of edges: that given, or the usual one; "none" where they are not drawn."""
    return as_color(edges, "edges") if isinstance(edges, str) else usual if edges else "none"


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


def input_labels(names: Sequence[str] | None, dim: int) -> list[str]:
    """Labels of the axes: names given, such as those of a slice, or x_0, x_1, ... as inputs are numbered."""
    if names is not None and (isinstance(names, str) or len(names) != dim):
        raise InvalidInputError(f"names: {names!r} given; pass {dim} of them, in a list")
    given = [f"x_{i}" for i in range(dim)] if names is None else names
    return [typeset(str(name)) for name in given]


def typeset(words: str) -> str:
    """Words with the numbers of inputs as subscripts."""
    return re.sub(r"\b([a-z])_(\d+)\b", r"$\1_{\2}$", words)


def labels_of(cx: PolyhedralComplex | WholeSpaceComplex | Hypersurface, names: Sequence[str] | None) -> list[str]:
    """Labels of the axes of a complex: names given, or those of the slice that it lies on."""
    known = cx.notes.get("input_names")
    return input_labels(known if names is None and known is not None and len(known) == cx.dim else names, cx.dim)


def titled(axes: Any, cx: PolyhedralComplex | WholeSpaceComplex | Hypersurface, title: str | None, usual: str) -> None:
    """The title given, or the usual one with the slice that the complex lies on."""
    place = cx.notes.get("slice")
    axes.set_title(title if title is not None else f"{usual}\n{typeset(place)}" if place else usual)


def frame(axes: Any, cx: PolyhedralComplex, names: Sequence[str] | None, title: str | None, usual: str) -> None:
    """Limits, labels and title of a plane complex."""
    lower, upper = cx.vertices.min(axis=0), cx.vertices.max(axis=0)
    labels = labels_of(cx, names)
    axes.set(xlim=(lower[0], upper[0]), ylim=(lower[1], upper[1]), aspect="equal", xlabel=labels[0], ylabel=labels[1])
    axes.locator_params(nbins=6, steps=(1, 2, 5, 10))  # labels stay apart in small panels
    titled(axes, cx, title, usual)
