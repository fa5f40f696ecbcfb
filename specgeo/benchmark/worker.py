"""One engine at work in a process of its own: what `specgeo.benchmark.processes` starts.

In: ``job.json`` and networks in a folder. Out: lines of JSON in ``found.jsonl``, each written as soon as it is known,
so that what was measured before a limit or a crash is not lost.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from specgeo.benchmark.engines import OURS, Engine, engine_named
from specgeo.benchmark.machine import peak_bytes
from specgeo.benchmark.timing import clock_of, forward_pass, interleaved
from specgeo.domain import Box
from specgeo.network import Network
from specgeo.readers import read_network
from specgeo.testing import random_network

FOUND, JOB = "found.jsonl", "job.json"
LEAST, MOST = 0.1, 200  # seconds that the turns of a short call take together, and how many they are at most


def main(folder: Path) -> None:
    """Do the job of a folder."""
    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    with open(folder / FOUND, "a", encoding="utf-8") as stream:

        def say(**found: Any) -> None:
            print(json.dumps(found), file=stream, flush=True)

        sys.path.insert(0, job["path"])  # for engines of the user's
        started = time.perf_counter()
        engine = engine_named(job["engine"])
        networks = [(index, read_network(folder / f"{index}.npz")) for index in job["networks"]]
        box = Box(job["lower"], job["upper"])
        _start(engine, box.dim)
        say(kind="ready", start_seconds=time.perf_counter() - started, base_bytes=peak_bytes())
        if "repeats" in job:
            _measure(engine, networks[0][1], box, job, say)
        else:
            for index, network in networks:
                say(kind="count", index=index, **_count(engine, network, box))


def _start(engine: Engine, dim: int) -> None:
    """Import what an engine needs, and compile or load its kernels: a network of one neuron; for ours, harder ones."""
    box = Box(-1, 1, dim=dim)
    _count(engine, Network([np.eye(1, dim), [[1.0]]], [[0.25], [0.0]]), box)
    for kind in ("integer", "zero-bias") if engine.name in OURS else ():
        _count(engine, random_network([dim, 5, 5, 1], 0, kind), box)


def _count(engine: Engine, network: Network, box: Box) -> dict[str, Any]:
    try:
        faces = np.atleast_1d(engine.count(network, box)).astype(int).tolist()
    except BaseException as error:  # panics of Rust are no Exception
        if isinstance(error, KeyboardInterrupt):
            raise
        return {"error": f"{type(error).__name__}: {error}"}
    if len(faces) == 1:
        return {"cells": faces[0]}
    return {"cells": faces[-1], "vertices": faces[0], "faces": sum(faces)}


def _measure(engine: Engine, network: Network, box: Box, job: dict[str, Any], say: Any) -> None:
    """The first call, and then the medians of others and of the yardstick in turns."""
    clock = clock_of(engine.cpu)
    started = clock()
    found = _count(engine, network, box)
    first = clock() - started
    say(kind="count", first_seconds=first, peak_bytes=peak_bytes(), **found)
    if "error" in found:
        return
    vertices = found.get("vertices", job["vertices"])
    points = np.random.default_rng(0).uniform(box.lower, box.upper, (vertices, box.dim))
    turns = max(job["repeats"], int(LEAST / max(first, LEAST / MOST)))
    seconds, yardstick = interleaved(
        [lambda: engine.count(network, box), forward_pass(network, points)], turns, job["seconds"], engine.cpu
    )
    say(kind="times", seconds=seconds, yardstick_seconds=yardstick)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
