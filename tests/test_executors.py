"""Executors of other packages: the same bits from each of them, in sums, complexes and transforms."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Executor, Future
from pathlib import Path

import numpy as np
import pytest

import specgeo as sg
from specgeo._parcels import parcelled
from specgeo.streaming import FVector, Volumes
from specgeo.testing import random_network

pytestmark = pytest.mark.own_groups

NET, BOX = random_network((2, 48, 48, 24, 1), 5), sg.Box(-1, 1, dim=2)  # some ten groups
JOB = """
from mpi4py.futures import MPIPoolExecutor
import specgeo as sg
from specgeo.streaming import FVector, Volumes

if __name__ == "__main__":
    net, box = sg.testing.random_network((2, 48, 48, 24, 1), 5), sg.Box(-1, 1, dim=2)
    with MPIPoolExecutor() as pool:
        found = sg.reduce_regions(net, box, {"faces": FVector(), "sizes": Volumes()}, executor=pool)
    print(found.n_groups, *found["faces"], found["sizes"]["mean_square"].hex())
"""


def sums(executor):
    found = sg.reduce_regions(NET, BOX, {"faces": FVector(), "sizes": Volumes()}, executor=executor)
    return found.n_groups, *found["faces"], found["sizes"]["mean_square"].hex()


@pytest.fixture(scope="module")
def alone():
    return sums(1)


def test_loky(alone):
    loky = pytest.importorskip("loky", reason="loky is not installed")
    with loky.ProcessPoolExecutor(2, context=loky.backend.get_context("spawn")) as pool:
        assert sums(pool) == alone
        cx = sg.enumerate_regions(random_network((2, 9, 9, 1), 0), BOX)
        x, y = np.meshgrid(np.arange(40.0), np.arange(0.5, 40.0))
        waves = np.stack((x, y), axis=-1)
        found = sg.spectrum(cx, waves, method="moments", executor=pool)
        assert found.tobytes() == np.asarray(sg.spectrum(cx, waves, method="moments")).tobytes()


def test_mpi4py(alone, tmp_path):
    """Two workers and the caller, started as on a cluster."""
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    mpiexec = Path(sys.executable).with_name("mpiexec")
    if not mpiexec.exists():
        pytest.skip("no mpiexec beside python (pip install mpich)")
    (tmp_path / "job.py").write_text(JOB)
    command = [str(mpiexec), "-n", "3", sys.executable, "-m", "mpi4py.futures", "job.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert tuple(done.stdout.split()) == tuple(map(str, alone))


class InPlace(Executor):
    """Neither threads nor processes: work is done where it is handed in."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        future.set_result(function(*args, **kwargs))
        return future


def test_the_same_call_twice_at_a_time(alone):
    """Both send the same to their workers: the one that ends first leaves the other's work alone."""
    pool, question = InPlace(), [NET, BOX]
    with parcelled(pool, question, "reducers: they") as first:
        with parcelled(pool, list(question), "reducers: they") as second:
            assert first == second
    assert sums(pool) == alone
