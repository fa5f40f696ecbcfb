"""Pictures of the README and the guides: ``python examples/picture.py`` writes flower.png and regions.png here."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

import specgeo as sg
from specgeo.fourier import mode_wavevectors, sampled_spectrum
from specgeo.plotting import region_map, spectrum_plot

FOLDER = Path(__file__).parent


def flower() -> None:
    """The regions of a trained network and its spectrum."""
    net = sg.read_network(FOLDER / "flower.npz")
    cx = sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]))
    fft = sampled_spectrum(cx, 256, function=net)
    figure = Figure(figsize=(11.5, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    region_map(cx, ax=left)
    k = mode_wavevectors(fft.modes, cx.domain).reshape(-1, 2)
    spectrum_plot(k, fft.exact.ravel(), fft.sampled.ravel(), ax=right, title="Fourier coefficients (mirror series)")
    figure.savefig(FOLDER / "flower.png", dpi=90)


def regions() -> None:
    """Statistics of the regions of the network in docs/howto/region-statistics.md."""
    net = sg.testing.random_network([2, 16, 16, 16, 1], rng=0, bias=0.3)
    found = sg.theory.region_statistics(sg.enumerate_regions(net, sg.Box(-1, 1, dim=2)))
    figure = Figure(figsize=(11.5, 6.0), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    for ax, quantity in zip(panels, ("inradii", "n_facets", "angles", "directions", "units"), strict=False):
        found.plot(ax, quantity)
    sg.theory.local_complexity(net, [0.4, -0.3], radius=0.2).plot(panels[5])
    figure.savefig(FOLDER / "regions.png", dpi=80)


if __name__ == "__main__":
    flower()
    regions()
