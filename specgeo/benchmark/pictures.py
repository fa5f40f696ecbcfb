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
    """Cells against seconds, both logarithmic; lines join families of networks, crosses are wrong counts."""
    axes = new_figure(7.2, 4.8)[1] if ax is None else ax
    engines = [one["name"] for one in data["engines"]]
    true = {run["case"]: run["cells"] for run in data["runs"] if run["engine"] == "specgeo"}
    lines: dict[tuple[str, str | None], list[tuple[float, float]]] = {}
    shown: dict[str, set[int]] = {}
    wrong: list[tuple[float, float]] = []
    for run in data["runs"]:
        cells = true.get(run["case"]) or run["cells"]
        seconds = run["first_seconds"] if run["seconds"] is None else run["seconds"]
        if run["cells"] is None or not cells or not seconds:
            continue
        point, color = (float(cells), float(seconds)), color_of(run["engine"], engines)
        shown.setdefault(run["engine"], set()).add(run["dim"])
        if run["family"]:
            lines.setdefault((run["engine"], run["family"]), []).append(point)
        axes.plot(*point, color=color, marker=MARKERS.get(run["dim"], "*"), ms=5, mfc="white", lw=0, zorder=3)
        wrong += [point] if run["outcome"] in ("wrong", "differs") else []
    for (engine, _), points in lines.items():
        axes.plot(*zip(*sorted(points), strict=True), color=color_of(engine, engines), lw=1.0, zorder=2)
    for point in wrong:
        axes.plot(*point, "x", color="black", ms=8, mew=1.4, zorder=4)
    axes.set(xscale="log", yscale="log", xlabel="activation regions", ylabel="seconds")
    axes.grid(True, which="major", color="0.9", lw=0.6)
    dims = sorted(set().union(*shown.values()))
    _legends(axes, [name for name in engines if name in shown], engines, dims, bool(wrong))
    return axes


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


_WITHOUT = {"specgeo": 1e-18, "coxeter": 1e-16}  # where programs without tolerances are drawn


def accuracy_of_transforms(data: dict[str, Any]) -> Any:
    """Error against the tolerance that was asked for, and against throughput; a marker a shape, a colour a program."""
    from specgeo.results import empty_figure

    figure = empty_figure(10.0, 4.4)
    left, right = figure.subplots(1, 2, sharey=True)
    runs = [run for run in data["transforms"] if run["errors"]]
    shapes = list(dict.fromkeys(run["shape"] for run in runs))
    programs = {"specgeo": CLASSES[0], "coxeter": CLASSES[1], "finufft": CLASSES[2]}
    for shape, marker in zip(shapes, "osD^vP", strict=False):
        for program, color in programs.items():
            own = [run for run in runs if (run["shape"], run["engine"]) == (shape, program)]
            errors = [max(run["errors"]["usual"], 1e-17) for run in own]
            style = {"color": color, "marker": marker, "mfc": "white", "ms": 6, "lw": 0.9}
            left.plot([run["tolerance"] or _WITHOUT[program] for run in own], errors, **style)
            right.plot([run["per_second"] for run in own], errors, **style)
    left.plot([1e-15, 1e-2], [1e-15, 1e-2], color="0.6", lw=0.8, ls="--", zorder=0)
    left.text(1e-17, 1e-6, "without tolerances", fontsize="small", ha="center", va="center", color="0.4", rotation=90)
    left.axvline(1e-15, color="0.8", lw=0.8)
    left.set(xscale="log", yscale="log", xlim=(2e-19, 1e-2), xlabel="tolerance asked for")
    left.set(ylabel="largest error / volume, usual |k|", xticks=[10.0**-n for n in (14, 12, 9, 6, 3)])
    right.set(xscale="log", xlabel="shapes transformed per second, one thread")
    for axes in (left, right):
        axes.grid(True, which="major", color="0.92", lw=0.6)
    _shape_keys(right, programs, dict(zip(shapes, "osD^vP", strict=False)))
    return figure


def _shape_keys(axes: Any, programs: dict[str, str], markers: dict[str, str]) -> None:
    from matplotlib.lines import Line2D

    keys = [Line2D([], [], color=color, lw=2, label=name) for name, color in programs.items()]
    keys += [Line2D([], [], color="0.4", lw=0, marker=one, mfc="white", label=name) for name, one in markers.items()]
    axes.legend(handles=keys, frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1.0))
