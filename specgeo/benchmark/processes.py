"""Engines in processes of their own, each with a limit of time: one that hangs or crashes ends alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from specgeo.benchmark.cases import Case
from specgeo.benchmark.worker import FOUND, JOB

START_LIMIT = 300.0  # seconds for imports, and for kernels to be compiled
ONE_THREAD = ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON", "VECLIB_MAXIMUM")
Found = dict[str, Any]


def measure(engine: str, case: Case, repeats: int, limit: float, vertices: int | None) -> Found:
    """Counts, times and memory of an engine on one case, and ``ended``: how its process ended.

    ``vertices`` is the size of the yardstick for engines that do not count them.
    """
    job = {"repeats": repeats, "seconds": limit / 2, "vertices": vertices or 1}
    with TemporaryDirectory(prefix="specgeo-") as name:
        folder = Path(name)
        case.network.save(folder / "0.npz")
        lines, ended = _work(folder, engine, case, [0], [limit, limit], job)
    found: Found = {"ended": ended}
    for line in lines:
        found.update(line)
    return found


def count_all(engine: str, cases: Sequence[Case], limit: float) -> tuple[list[Found | None], float]:
    """Counts of an engine on cases of one domain, None where it was not reached within the limit, and seconds taken.

    A case that ends the process is an error of that case; the next is done in a new process.
    """
    found: list[Found | None] = [None] * len(cases)
    began = time.monotonic()
    with TemporaryDirectory(prefix="specgeo-") as name:
        folder = Path(name)
        for index, case in enumerate(cases):
            case.network.save(folder / f"{index}.npz")
        left = list(range(len(cases)))
        while left and (spare := limit - (time.monotonic() - began)) > 0:
            lines, ended = _work(folder, engine, cases[0], left, [spare], {})
            for line in lines:
                if line["kind"] == "count":
                    found[line["index"]] = line
            left = [index for index in left if found[index] is None]
            if left and ended == "crashed":
                found[left.pop(0)] = {"error": "the process ended"}
    return found, time.monotonic() - began


def _work(
    folder: Path, engine: str, case: Case, networks: Sequence[int], limits: Sequence[float], more: Found
) -> tuple[list[Found], str]:
    """The lines that a process wrote, and whether it "ended", "crashed" or was "stopped" at the limit."""
    box = {"lower": case.domain.lower.tolist(), "upper": case.domain.upper.tolist()}
    job = {"engine": engine, "networks": list(networks), "path": os.getcwd(), **box, **more}
    (folder / JOB).write_text(json.dumps(job), encoding="utf-8")
    (folder / FOUND).write_bytes(b"")
    environment = {**os.environ, **{f"{name}_NUM_THREADS": "1" for name in ONE_THREAD}}
    if engine == "threads":
        del environment["NUMBA_NUM_THREADS"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-c", program(), str(folder)], stdin=quiet, stdout=quiet, stderr=quiet, env=environment
    )
    try:
        lines = 1 + max(len(limits), len(networks))
        stopped = not _waited(process, folder / FOUND, [START_LIMIT, *limits], lines)
        ended = "stopped" if stopped else "ended" if process.poll() in (None, 0) else "crashed"
    finally:
        process.kill()
        process.wait()
    return [json.loads(line) for line in (folder / FOUND).read_text(encoding="utf-8").splitlines()], ended


def _waited(process: subprocess.Popen[bytes], found: Path, limits: Sequence[float], lines: int) -> bool:
    """Wait until so many lines are there or a process ends; False at a limit.

    There is one until the first line, one from that to the second, and so on; the last holds for all that follow.
    """
    stage, deadline = 0, time.monotonic() + limits[0]
    while time.monotonic() < deadline:
        try:
            process.wait(0.01)
            return True
        except subprocess.TimeoutExpired:
            pass
        written = found.read_bytes().count(b"\n")
        if written >= lines:
            return True
        while stage < min(written, len(limits) - 1):
            stage += 1
            deadline = time.monotonic() + limits[stage]
    return False


def program() -> str:
    """Run this very package: in a clone, the folder of its sources would come first, with a cache of its own."""
    here = str(Path(__file__).parents[2])
    return (
        f"import sys; sys.path.insert(0, {here!r}); from pathlib import Path; "
        "from specgeo.benchmark.worker import main; main(Path(sys.argv[1]))"
    )
