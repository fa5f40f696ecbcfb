"""Draw the pictures of the how-to pages: ``python examples/gallery.py`` writes gallery_*.png here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import specgeo as sg
from specgeo.paths import decision_regions
from specgeo.testing import random_network

FOLDER = Path(__file__).parent
SQUARE = sg.Box(-1, 1, dim=2)


def pictures() -> None:
    """Values, gradients and decision regions of one network, and of another input the function alone."""
    net = random_network([2, 16, 12, 3], rng=0)
    cx = sg.enumerate_regions(net, SQUARE)
    figure = Figure(figsize=(11.5, 8.4), layout="constrained")
    values, gradients, classes, line = (part.subplots() for part in figure.subfigures(2, 2).flat)
    cx.plot(ax=values, output=1)
    cx.plot(ax=gradients, color="gradient", edges=False, output=1)
    decision_regions(net, SQUARE).plot(ax=classes)
    random_network([1, 12, 12, 1], rng=4).plot(sg.Box(-1, 1, dim=1), ax=line)
    figure.savefig(FOLDER / "gallery_maps.png", dpi=76, bbox_inches="tight")


def solids() -> None:
    """A complex of three inputs, cut open and exploded."""
    cx = sg.enumerate_regions(random_network([3, 8, 1], rng=1), sg.Box(-1, 1, dim=3))
    figure = Figure(figsize=(11.0, 5.0), layout="constrained")
    left = figure.add_subplot(1, 2, 1, projection="3d")
    right = figure.add_subplot(1, 2, 2, projection="3d")
    cx.plot(ax=left)
    cx.plot(ax=right, explode=0.3, cut=False)
    figure.savefig(FOLDER / "gallery_solids.png", dpi=80)


def slices() -> None:
    """The plane through three inputs of a network with five, with the classes on it."""
    net = random_network([5, 24, 16, 3], rng=3)
    points = np.random.default_rng(0).uniform(-1, 1, (3, 5))
    plane = sg.AffineSlice.through(points)
    regions = decision_regions(net.restrict(plane), sg.Box(-0.5, 1.5, dim=2))
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    ax = regions.plot(ax=figure.subplots())
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    ax.plot(*corners.T, "o", color="white", mec="black", ms=6)
    for name, corner in zip("abc", corners, strict=True):
        ax.annotate(name, corner, (6, 5), textcoords="offset points", fontsize="large")
    figure.savefig(FOLDER / "gallery_slice.png", dpi=80)


def whole_plane() -> None:
    """All regions of the plane, in a disk, and those in a square."""
    cx = sg.enumerate_regions(random_network([2, 16, 16, 1], rng=0), sg.WholeSpace(2))
    figure = Figure(figsize=(11.5, 4.6), layout="constrained")
    left, right = (part.subplots() for part in figure.subfigures(1, 2))
    cx.plot(ax=left)
    cx.plot(ax=right, window=SQUARE, color="gradient")
    figure.savefig(FOLDER / "gallery_whole_plane.png", dpi=80, bbox_inches="tight")


def levels() -> None:
    """A level set in space."""
    cx = sg.enumerate_regions(random_network([3, 24, 16, 1], rng=5, bias=0.5), sg.Box(-1, 1, dim=3))
    ax = cx.level_set(float(np.median(cx.means))).plot()
    ax.figure.savefig(FOLDER / "gallery_levels.png", dpi=80, bbox_inches="tight")


def structured() -> None:
    """A residual block, and maxima over groups."""
    rng = np.random.default_rng(2)
    n = 12
    first, inner, outer, last = (rng.normal(size=s) / s[1] ** 0.5 for s in [(n, 2), (n, n), (n, n), (1, n)])
    residual = sg.Network(
        [first, np.vstack((inner, np.eye(n))), np.hstack((outer, np.eye(n))), last],
        [rng.normal(size=n), np.zeros(2 * n), np.zeros(n), [0.0]],
        ["relu", ["relu"] * n + ["identity"] * n, "identity"],
    )
    pooled = sg.Network(
        [rng.normal(size=(12, 2)), rng.normal(size=(8, 4)), rng.normal(size=(1, 8))],
        [rng.normal(size=12), rng.normal(size=8), [0.0]],
        [sg.MaxGroups([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]), "relu"],
    )
    figure = Figure(figsize=(11.5, 4.6), layout="constrained")
    pairs = (residual, "a residual block"), (pooled, "max-pooling")
    for ax, (net, title) in zip(figure.subplots(1, 2), pairs, strict=True):
        sg.enumerate_regions(net, sg.Box([-2, -2], [2, 2])).plot(ax=ax, title=title)
    figure.savefig(FOLDER / "gallery_structured.png", dpi=76)


if __name__ == "__main__":
    pictures()
    levels()
    solids()
    slices()
    whole_plane()
    structured()
