"""Pictures of a `SpectrumTracker`: the heat map of learning, and its animation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from specgeo._cast import FloatArray
from specgeo._figures import axes_for, new_figure
from specgeo.errors import InvalidInputError
from specgeo.learning.targets import Sines, sine_coefficients

if TYPE_CHECKING:
    from specgeo.learning.tracker import SpectrumTracker

_FAINT = 1e-2  # modes of the target below this share of its largest are not compared


def _shares(tracker: SpectrumTracker) -> tuple[FloatArray, str]:
    """|c_n| (steps, modes), relative to the target's where there is one, and what that is called."""
    sizes = np.abs(tracker.coefficients)
    if not isinstance(tracker.target, Sines):
        return sizes, "|c_n|"
    wanted = np.abs(sine_coefficients(tracker.target, tracker.domain, tracker.modes, tracker.extension))
    wanted[wanted < _FAINT * wanted.max()] = np.nan
    return sizes / wanted, "|c_n| over the target's"


def _require_line(tracker: SpectrumTracker) -> FloatArray:
    if len(tracker) == 0:
        raise InvalidInputError("tracker: nothing is recorded yet; call record first")
    numbers = np.arange(len(tracker.modes)) if tracker.domain.dim > 1 else tracker.modes[:, 0]
    return np.asarray(numbers, dtype=float)


def _edges(centres: FloatArray) -> FloatArray:
    middles = 0.5 * (centres[1:] + centres[:-1])
    first, last = (middles[0], middles[-1]) if len(middles) else (centres[0] - 0.5, centres[0] + 0.5)
    return np.concatenate(([2 * centres[0] - first], middles, [2 * centres[-1] - last]))


def heat_map(tracker: SpectrumTracker, ax: Any, amplitude: float | None) -> Any:
    """As `SpectrumTracker.plot` says."""
    numbers = _require_line(tracker)
    order = np.argsort(numbers, kind="stable")
    shares, label = _shares(tracker)
    axes = axes_for(ax, 6.4, 4.4)
    image = axes.pcolormesh(
        _edges(tracker.steps.astype(float)), _edges(numbers[order]), shares[:, order].T, cmap="viridis", vmin=0.0,
        vmax=1.0 if "target" in label else None, rasterized=True,
    )  # fmt: skip
    axes.figure.colorbar(image, ax=axes, label=label)
    if amplitude is None and isinstance(tracker.target, Sines):
        amplitude = float(np.abs(tracker.target.amplitudes).min())
    if amplitude is not None and tracker._has_frontier:
        low, high = axes.get_ylim()
        frontier = tracker.frontier(amplitude)
        axes.plot(tracker.steps, frontier, color="white", lw=3.0)
        axes.plot(tracker.steps, frontier, color="black", lw=1.2, label=f"no mode above has amplitude {amplitude:g}")
        axes.set_ylim(low, high)
        axes.legend(loc="upper left", fontsize="small")
    axes.set_xlabel("step")
    axes.set_ylabel("mode n" if tracker.domain.dim == 1 else "mode, in the order given")
    return axes


def animation(tracker: SpectrumTracker, interval: int) -> Any:
    """As `SpectrumTracker.animate` says."""
    numbers = _require_line(tracker)
    from matplotlib.animation import FuncAnimation

    shares, label = _shares(tracker)
    figure, axes = new_figure()
    (line,) = axes.plot(numbers, shares[0], "o-", ms=3)
    axes.set(xlabel="mode n", ylabel=label, ylim=(0.0, 1.1 * float(np.nanmax(shares, initial=1e-300))))

    def draw(frame: int) -> list[Any]:
        line.set_ydata(shares[frame])
        axes.set_title(f"step {tracker.steps[frame]}")
        return [line]

    return FuncAnimation(figure, draw, frames=len(tracker), interval=interval)
