"""Figures of the verification report: one style, drawn without pyplot, as PNG bytes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from specgeo.plotting import rendered
from specgeo.results import Check, axes, empty_figure

INK, ACCENT, WARM, GREY, GREEN = "#1d2733", "#2b6cb0", "#c05621", "#9aa5b1", "#2f855a"
STYLE: dict[str, Any] = {
    "font.size": 9.0,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlesize": 9.5,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e8ed",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.color": "#52606d",
    "ytick.color": "#52606d",
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.4,
}

Panel = Callable[[Any], Any]


def draw(panels: Sequence[Panel]) -> bytes:
    """PNG of the panels side by side; each draws on the axes it is given."""
    import matplotlib
    from cycler import cycler

    style = STYLE | {"axes.prop_cycle": cycler(color=[ACCENT, WARM, GREEN, "#6b46c1", GREY])}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of axes without a positive number, and the like
        figure = empty_figure(4.7 * len(panels) + 0.1, 3.5)
        for index, panel in enumerate(panels):
            ax = figure.add_subplot(1, len(panels), index + 1)
            panel(ax)
            if ax.get_legend() is None and ax.get_legend_handles_labels()[1]:
                ax.legend()
        # A fixed metadata block keeps the file the same from run to run.
        return rendered(figure, "png", dpi=160, metadata={"Software": "specgeo"})


def closeness(checks: Sequence[Check], ax: Any = None) -> Any:
    """The share of its bound that each inequality reaches, on a logarithmic axis: 1 is the bound."""
    ax = axes(ax)
    shown = [check for check in checks if check.relation != "==" and 0 < check.reached < np.inf]
    shown.sort(key=lambda check: check.reached)
    place = np.arange(len(shown))
    ratio = np.array([check.reached for check in shown])
    colour = [ACCENT if check.holds else WARM for check in shown]
    low = min(1e-3, float(ratio.min(initial=1.0)) / 3)
    ax.hlines(place, low, ratio, color=colour, lw=1.2)
    ax.scatter(ratio, place, color=colour, s=14, zorder=3)
    ax.axvline(1.0, color=INK, lw=1.0)
    ax.set(xscale="log", yticks=place, xlabel="share of the bound", xlim=(low, 3.0 * max(1.0, ratio.max(initial=1.0))))
    ax.set_yticklabels([check.name for check in shown], fontsize=7)
    return ax
