"""Pictures of comparisons, from their plain values."""

from __future__ import annotations

from typing import Any

from specgeo._figures import CLASSES, new_figure

MARKERS = {1: "v", 2: "o", 3: "s", 4: "D", 5: "^", 6: "P", 7: "X"}
_COLORS = {"specgeo": CLASSES[0], "regioncam": CLASSES[1], "affinitree": CLASSES[2], "relucent": CLASSES[3]}


def color_of(engine: str, engines: list[str]) -> str:
    """The colour of an engine: the known ones have theirs in every picture."""
    others = [name for name in engines if name not in _COLORS]
    return _COLORS.get(engine) or CLASSES[(len(_COLORS) + others.index(engine)) % len(CLASSES)]


def cells_against_seconds(data: dict[str, Any], ax: Any = None) -> Any:
    """Cells against seconds, both logarithmic: a line an engine and number of inputs; crosses are wrong counts."""
    axes = new_figure(7.2, 4.8)[1] if ax is None else ax
    engines = [one["name"] for one in data["engines"]]
    drawn: dict[tuple[str, int], list[tuple[int, float, bool]]] = {}
    for run in data["runs"]:
        seconds = run["first_seconds"] if run["seconds"] is None else run["seconds"]
        if run["cells"] and seconds:
            wrong = run["outcome"] in ("wrong", "differs")
            drawn.setdefault((run["engine"], run["dim"]), []).append((run["cells"], seconds, wrong))
    for (engine, dim), points in drawn.items():
        color, marker = color_of(engine, engines), MARKERS.get(dim, "*")
        points.sort()
        axes.plot(*_columns(points), color=color, marker=marker, ms=5, lw=1.0, mfc="white", zorder=3)
        bad = [point for point in points if point[2]]
        axes.plot(*_columns(bad), "x", color="black", ms=9, mew=1.6, zorder=4)
    axes.set(xscale="log", yscale="log", xlabel="activation regions", ylabel="seconds")
    axes.grid(True, which="major", color="0.9", lw=0.6)
    wrong = any(point[2] for points in drawn.values() for point in points)
    _legends(axes, [name for name in engines if any(name == one for one, _ in drawn)], engines,
             sorted({dim for _, dim in drawn}), wrong)  # fmt: skip
    return axes


def _columns(points: list[tuple[int, float, bool]]) -> tuple[list[int], list[float]]:
    return [point[0] for point in points], [point[1] for point in points]


def _legends(axes: Any, shown: list[str], engines: list[str], dims: list[int], wrong: bool) -> None:
    """What colours, markers and crosses mean, beside the picture."""
    from matplotlib.lines import Line2D

    keys = [Line2D([], [], color=color_of(name, engines), lw=2, label=name) for name in shown]
    keys += [
        Line2D([], [], color="0.4", lw=0, marker=MARKERS.get(d, "*"), mfc="white", label=f"{d} input{'s' * (d > 1)}")
        for d in dims
    ]
    if wrong:
        keys.append(Line2D([], [], color="black", lw=0, marker="x", ms=9, mew=1.6, label="wrong count"))
    axes.legend(handles=keys, frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1.0))
