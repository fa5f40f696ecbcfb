"""Spectra of a network by the methods of `specgeo.spectrum`: how accurate, what is claimed, how fast."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np

from specgeo._arguments import checked
from specgeo.benchmark.balls import require_balls, transforms_of_simplices
from specgeo.benchmark.records import SpectrumRun
from specgeo.benchmark.timing import interleaved
from specgeo.domain import Box
from specgeo.enumeration import enumerate_regions
from specgeo.errors import InvalidInputError
from specgeo.fourier import spectrum
from specgeo.geometry import PolyhedralComplex
from specgeo.testing import random_network

METHODS: tuple[Literal["volume", "facet", "nufft", "auto"], ...] = ("volume", "facet", "nufft", "auto")
LONGEST = 2.0  # seconds after which no turn begins


@checked
def compare_spectra(width: int = 10, side: int = 64, samples: int = 12, repeats: int = 3) -> list[SpectrumRun]:
    """Measure the methods of `specgeo.spectrum` on a random network 2-n-n-1 on [-1, 1]^2, against ball arithmetic.

    The reference is the transform of the cells and affine pieces as they are stored.

    Parameters
    ----------
    width : int
        n.
    side : int
        Wavevectors are side x side, two units apart, without zero.
    samples : int
        Wavevectors at which errors are taken.
    repeats : int
        Turns of which the median time is taken.

    Returns
    -------
    list of SpectrumRun

    Raises
    ------
    InvalidInputError
        A number is not positive, or ``side`` is 1.
    MissingDependencyError
        python-flint is not installed.

    Examples
    --------
    >>> from specgeo.benchmark import compare_spectra
    >>> all(run.holds for run in compare_spectra(4, 8, samples=2, repeats=1))  # doctest: +SKIP
    True
    """
    if min(width, samples, repeats, side - 1) < 1:
        raise InvalidInputError(
            f"width, side, samples, repeats: {width}, {side}, {samples}, {repeats} given; all are positive, side is > 1"
        )
    require_balls()
    found = enumerate_regions(random_network([2, width, width, 1], 0), Box(-1, 1, dim=2))
    cx = PolyhedralComplex(found.vertices, found.faces, found.pieces, domain=found.domain)
    axis = 2.0 * (np.arange(side) - side // 2)
    k = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    k = k[np.any(k != 0, axis=1)]
    few = np.random.default_rng(0).choice(len(k), size=min(samples, len(k)), replace=False)
    simplices, owner = cx.triangulation(2)
    pieces = np.concatenate((cx.gradients[owner, 0], cx.offsets[owner]), axis=1)
    exact = transforms_of_simplices(cx.vertices[simplices], k[few], pieces)[:, None]
    unit = float(np.sqrt(cx.integrate(power=2)[0] * 4.0))
    runs = []
    for method in METHODS:
        values, bounds = (found[few] for found in spectrum(cx, k, method=method, return_error=True))
        errors = np.abs(values - exact)
        (seconds,) = interleaved([partial(spectrum, cx, k, method=method)], repeats, LONGEST, cpu=True)
        runs.append(
            SpectrumRun(
                method, cx.n_cells, len(k), float(errors.max()) / unit, float(bounds.max()) / unit,
                bool(np.all(errors <= bounds)), seconds,
            )
        )  # fmt: skip
    return runs

