"""Draw the picture of the README: ``python examples/picture.py`` writes flower.png here."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

import specgeo as sg
from specgeo.fourier import mode_wavevectors, sampled_spectrum
from specgeo.plotting import region_map, spectrum_plot

FOLDER = Path(__file__).parent

if __name__ == "__main__":
    net = sg.read_network(FOLDER / "flower.npz")
    cx = sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]))
    fft = sampled_spectrum(cx, 256, function=net)
    figure = Figure(figsize=(11.5, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    region_map(cx, ax=left)
    k = mode_wavevectors(fft.modes, cx.domain).reshape(-1, 2)
    spectrum_plot(k, fft.exact.ravel(), fft.sampled.ravel(), ax=right, title="Fourier coefficients (mirror series)")
    figure.savefig(FOLDER / "flower.png", dpi=90)
