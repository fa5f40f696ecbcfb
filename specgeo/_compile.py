"""Compile beforehand: `warmup` on request, and `compile_ahead` in a second process when a command meets a cold cache.

Numba holds a lock while it compiles, so threads do not help. The second process leaves its results in numba's cache,
where the first finds them in place of compiling them itself; if it is slow or fails, nothing is lost but time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

from specgeo._arguments import checked


@contextmanager
def compile_ahead(transforms: bool = False) -> Iterator[None]:
    """Before the block, where the kernels of the enumeration are not stored yet, compile them in two processes.

    The second begins with what takes longest and is needed last; this one compiles the others and waits for it. Those
    of transforms come last in the second: most spectra of a command are taken by other kernels.
    """
    from numba.core import config

    from specgeo._kernel_cache import stored, works

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores < 2 or config.DISABLE_JIT:
        yield
        return
    from specgeo.enumeration.signatures import SLOWEST, signatures

    if not works() or stored(SLOWEST):
        yield
        return
    quiet = subprocess.DEVNULL
    helper = subprocess.Popen([sys.executable, "-c", program(transforms)], stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        _compile(signatures()[1])
        while helper.poll() is None and not stored(SLOWEST):
            time.sleep(0.02)
        yield
    finally:
        helper.terminate()
        helper.wait()


def program(transforms: bool = False) -> str:
    """Run this very package: in a clone, the folder of its sources would come first, with a cache of its own."""
    here = str(Path(__file__).parents[1])
    return f"import sys; sys.path.insert(0, {here!r}); from specgeo._compile import run; run({transforms})"


def run(transforms: bool) -> None:
    """What the second process does."""
    from specgeo.enumeration.signatures import signatures

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is for both
    _compile(signatures()[0])
    if transforms:
        simplices((2, 1), (True,))


def _compile(kernels: Iterable[tuple[Any, tuple[Any, ...]]]) -> None:
    """Compile by signature, without running anything."""
    from numba import typeof

    for function, arguments in kernels:
        function.compile(tuple(typeof(a) for a in arguments))


@checked
def warmup(progress: Callable[[str, float], None] | None = None) -> float:
    """Run one tiny job of each kind in dimensions 1 to 4, and so compile the kernels into numba's cache.

    Parameters
    ----------
    progress : callable, optional
        Called with a message and the fraction done: before each job with its name, and at the end.

    Returns
    -------
    float
        Seconds it took: some tens on a cold cache, a few on a warm one.

    Examples
    --------
    >>> import specgeo as sg
    >>> seconds = sg.warmup()  # doctest: +SKIP
    """
    started = time.perf_counter()
    jobs: list[tuple[str, Callable[[], None]]] = [
        *((f"dimension {d}", lambda d=d: _pipeline(d)) for d in (1, 2, 3, 4)),
        ("degenerate networks", _degenerate),
        ("transforms of simplices", lambda: simplices((1, 2, 3))),
        ("divided differences", _divided),
        ("transforms of polytopes", _polytopes),
        ("derivatives", _derivatives),
    ]
    for index, (name, job) in enumerate(jobs):
        if progress is not None:
            progress(name, index / len(jobs))
        job()
    if progress is not None:
        progress("done", 1.0)
    return time.perf_counter() - started


def _pipeline(dim: int) -> None:
    """Enumeration, geometry and spectra of a small network."""
    import numpy as np

    import specgeo as sg
    from specgeo.geometry.folding import folded
    from specgeo.geometry.measures import FEW, measures
    from specgeo.geometry.soundness import failures

    rng = np.random.default_rng(dim)
    net = sg.Network(
        [rng.normal(size=(6, dim)), rng.normal(size=(5, 6)), rng.normal(size=(1, 5))],
        [rng.normal(size=6) / 2, rng.normal(size=5) / 2, [0.0]],
    )
    cx = sg.enumerate_regions(net, sg.Box(-np.ones(dim), np.ones(dim)))
    failures(cx, net.layers)
    assert cx.signs is not None
    folded(net.layers, cx.signs, np.empty(cx.gradients.shape), np.empty(cx.offsets.shape))
    cx.locate(cx.vertices)  # on walls: by compatible cells
    _ = cx.n_linear_regions
    if dim > 3:
        return
    for boundary in ("cut", "interior"):
        for scale in (0.0, 1e-3, 1.0, 100.0)[boundary == "interior" :]:  # k = 0 has no interior spectrum
            sg.spectrum(cx, np.full((3, dim), scale), boundary=boundary)
    sg.fourier_coefficients(cx, np.ones((2, dim), dtype=np.int64))
    if dim > 1:
        sg.spectrum(cx, np.ones((1, dim)), method="moments")
        for k in (dim - 1, dim):
            measures(cx.vertices, np.resize(cx.triangulation(k)[0], (FEW, k + 1)))
    sg.ray_spectrum(cx, np.ones(dim), [1.0, 2.0])
    sg.radial_spectrum(cx, [1.0, 2.0])


def _degenerate() -> None:
    """A bias-free network with duplicate neurons: the exact branch of the sign decisions; and a flat crossing."""
    import numpy as np

    import specgeo as sg

    first = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0], [-0.1, 0.3]])
    second = np.array([[1.0, -1.0, 0.5, 0.5, 0.0], [0.1, 0.2, 0.3, -0.3, 1.0]])
    zeros = [np.zeros(5), np.zeros(2), np.zeros(1)]
    sg.enumerate_regions(sg.Network([first, second, [[1.0, 1.0]]], zeros), sg.Box([-1, -1], [1, 1]))
    triangle = sg.Polytope([[-1, 0], [0, -1], [1, 1]], [0.5, 0.5, 1])
    sg.enumerate_regions(sg.Network([first, [[1.0] * 5]], [np.zeros(5), [0.0]], "hard_tanh"), triangle)
    flat = [[[1.0], [1.0]], [[1.0, 1e-9 - 1.0]], [[1.0]]], [[1.0 / 3.0, 1.0 / 3.0], [-5e-10], [0.0]]
    sg.enumerate_regions(sg.Network(*flat), sg.Box([0.0], [1.0]))


def simplices(dims: Iterable[int], affine_or_not: Iterable[bool] = (True, False)) -> None:
    """Affine and constant densities on simplices of these dimensions."""
    import numpy as np

    import specgeo as sg

    for j, affine in product(dims, affine_or_not):
        corners = np.vstack((np.zeros(j), np.eye(j)))
        k = np.array([[0.0] * j, [1e-3] * j, [3.0] * j])
        sg.simplex_transform(corners, k, values=np.arange(j + 1.0) if affine else None)


def _divided() -> None:
    """The scalar kernel, and the one for polynomial densities."""
    import specgeo as sg
    from specgeo.fourier import divided_difference

    sg.simplex_transform([[0.0], [1.0]], [[1.0]], values=[0.0, 0.0, 1.0], degree=2)
    divided_difference([0.0, 1.0])


def _polytopes() -> None:
    """All forms of polygons and polyhedra."""
    import numpy as np

    import specgeo as sg
    from specgeo.fourier.polytope import MANY

    for dim in (2, 3):
        corners = np.vstack((np.zeros(dim), np.eye(dim)))
        for n in (1, MANY[dim]):
            sg.polytope_transform(corners, np.outer([30.0, *n * [1e-3]], np.ones(dim)))


def _derivatives() -> None:
    """Gradients by k, by vertices and by vertex values."""
    import numpy as np

    import specgeo as sg
    from specgeo.fourier.derivatives import spectrum_gradient, spectrum_pullback

    for dim in (1, 2):
        net = sg.Network([np.eye(dim), np.ones((1, dim))], [np.full(dim, -0.3), [0.0]])
        cx = sg.enumerate_regions(net, sg.Box(-np.ones(dim), np.ones(dim)))
        waves = np.outer((0.0, 50.0), np.arange(1.0, dim + 1))
        spectrum_gradient(cx, waves)
        spectrum_pullback(cx, waves, np.ones(2))
