"""Compile in two processes: when a command meets a cold cache, a second process compiles what comes later.

Numba holds a lock while it compiles, so threads do not help. The second process leaves its results in numba's cache,
where the first finds them in place of compiling them itself; if it is slow or fails, nothing is lost but time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def compile_ahead() -> Iterator[None]:
    """Within the block, start the second process as soon as numba compiles anything."""
    from numba.core import config, event

    from specgeo._kernel_cache import works

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores < 2 or config.DISABLE_JIT:
        yield
        return
    helper: list[subprocess.Popen[bytes]] = []

    class Cold(event.Listener):  # type: ignore[misc]
        def on_start(self, event: event.Event) -> None:
            if not helper and works():
                quiet = subprocess.DEVNULL
                command = [sys.executable, "-c", program()]
                helper.append(subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet))

        def on_end(self, event: event.Event) -> None:
            pass

    with event.install_listener("numba:compile", Cold()):
        try:
            yield
        finally:
            for process in helper:
                process.terminate()
                process.wait()


def program() -> str:
    """Run this very package: in a clone, the folder of its sources would come first, with a cache of its own."""
    return f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r}); from specgeo._ahead import run; run()"


def run() -> None:
    """What the second process does: what an enumeration needs last, then the transforms."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is for both
    _enumeration()
    _transforms()


def _enumeration() -> None:
    """Compile by signature, without running anything."""
    from numba import typeof

    for function, arguments in calls():
        function.compile(tuple(typeof(a) for a in arguments))


def calls() -> list[tuple[Any, tuple[Any, ...]]]:
    """Kernels and helpers of the enumeration that take long to compile, with arguments of the types it gives them."""
    import numpy as np

    from specgeo.domain import Box
    from specgeo.enumeration import _exact, _lattice, _planes, _positions, _split
    from specgeo.enumeration._domain import domain_state
    from specgeo.enumeration._layers import flatten
    from specgeo.enumeration._layout import Knife
    from specgeo.enumeration._run import Run
    from specgeo.network import Activation

    state, extent = domain_state(Box([-1.0, -1.0], [1.0, 1.0]), 2, True, 16)
    run = Run(flatten([np.eye(2)], [np.zeros(2)], [Activation.relu()]), state, extent, True)
    work, knife = run._work(1), Knife(1, np.uint64(1), 1, 1, 1, 1, 1)
    one, faces, counts = 1, np.empty(0, np.int32), np.empty(0, np.int64)
    return [
        (_exact.evaluate, (run.arithmetic, run.history, state, one, one, one, one, 2)),
        (_positions.sharpen, (state, one, work.newton, 2)),
        (_split.split_face, (state, work, knife, one, one, 2)),
        (_planes.end_layer, (state, run.layers, one)),
        (_lattice.number_faces, (state, 2, faces, counts, counts, faces)),
        (_lattice.boundary_lists, (state, 2, faces, counts, counts, counts, faces)),
    ]  # fmt: skip


def _transforms() -> None:
    """The sums over edges and triangles."""
    from specgeo._warmup import simplices

    simplices((2, 1))
