"""The cache of compiled kernels on disks that are read-only, full or damaged: slower at worst, never wrong."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numba
import pytest

import specgeo
from specgeo import _compile, _kernel_cache

PROGRAM = """
import numpy as np
from specgeo.fourier.phases import unit_exponentials
real, _ = unit_exponentials(np.zeros((3, 1)), np.zeros((1, 1)))
print(int(real.sum()), sum(unit_exponentials.stats.cache_misses.values()))
"""


def double(x):
    return x + x


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(_kernel_cache, "_without", False)
    return tmp_path / "cache"


def misses(stamp: str = "a", argument: float = 21) -> int:
    """Whether a fresh function must be compiled; its result is right in any case."""
    function = numba.njit(double)
    _kernel_cache.attach(function, stamp)
    assert function(argument) == 2 * argument
    return sum(function.stats.cache_misses.values())


def only(folder: Path, suffix: str) -> Path:
    (found,) = folder.rglob(f"*{suffix}")
    return found


def test_compiled_once_for_each_stamp() -> None:
    assert [misses(), misses(), misses("b"), misses("b"), misses()] == [1, 0, 1, 0, 1]


def flipped(data: bytes) -> bytes:
    """One bit in the middle of the machine code or of the index."""
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 16]) + data[len(data) // 2 + 1 :]


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda d: d[: len(d) // 2], lambda d: bytes(len(d)), flipped, lambda _: b"not a pickle\n" * 9,
     lambda _: pickle.dumps("0.0.0"), lambda _: 2 * pickle.dumps(numba.__version__)],
    ids=["empty", "cut", "zeros", "one bit", "text", "string", "strings"],
)  # fmt: skip
def test_a_damaged_file_is_compiled_again_and_replaced(
    folder: Path, suffix: str, damage: Callable[[bytes], bytes]
) -> None:
    misses()
    file = only(folder, suffix)
    file.write_bytes(damage(file.read_bytes()))
    misses()
    assert misses() == 0


def test_machine_code_with_one_bit_wrong_is_not_run(folder: Path) -> None:
    misses()
    file = only(folder, ".nbc")
    file.write_bytes(flipped(file.read_bytes()))
    assert misses() == 1


def test_code_for_other_types_or_of_other_sources_is_not_taken(folder: Path) -> None:
    misses()
    file = only(folder, ".nbc")
    integers = file.read_bytes()
    file.unlink()
    (folder / file.parent.name / file.name.replace(".nbc", ".nbi")).unlink(missing_ok=True)
    misses(argument=0.5)
    only(folder, ".nbc").write_bytes(integers)  # as when two processes begin at once
    assert misses(argument=0.5) == 1
    misses("b")
    for entry in folder.rglob("*.nbc"):
        entry.write_bytes(integers)  # a kill between the two files leaves code of the older stamp
    assert misses("b") == 1


def test_a_full_disk_is_like_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(_kernel_cache._Files, "_save_data", full)
    with pytest.warns(RuntimeWarning, match=r"not kept \(.*No space left.*set NUMBA_CACHE_DIR") as caught:
        assert [misses(), misses()] == [1, 1]
    assert len(caught) == 1 and not _kernel_cache.works()


def test_no_place_to_write_is_one_warning_and_no_second_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)  # how numba tries a folder
    with pytest.warns(RuntimeWarning, match="no folder for them can be written") as caught:
        assert [misses(), misses()] == [1, 1]
    assert len(caught) == 1
    monkeypatch.setattr(subprocess, "Popen", refused)
    with _compile.compile_ahead():
        misses()


def test_without_a_home_no_folder_appears_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", "")
    monkeypatch.setattr(_kernel_cache.InTreeCacheLocator, "from_function", lambda *_: None)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.warns(RuntimeWarning, match="no folder"):
        assert misses() == 1
    assert os.listdir(here) == []


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
def test_kernels_of_the_package_run_under_a_size_limit(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "fresh")}
    run = subprocess.run(
        [sys.executable, "-c", limit + PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["3", "1"]
    assert run.stderr.count("compiled kernels are not kept") == 1 and "File too large" in run.stderr
    assert run.stderr.count("specgeo: compiling kernels") == 1


def test_what_is_stored_runs_without_what_numba_compiles_with(tmp_path: Path) -> None:
    """Numba would load its implementations, and scipy for them: a fifth of a second; arrays are made all the same."""
    program = PROGRAM + "import sys; print(int('numba.np.linalg' in sys.modules))"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(specgeo.__file__).parents[1])}
    for expected in (["3", "1", "1"], ["3", "0", "0"]):
        run = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert run.stdout.split() == expected


def test_a_warm_cache_says_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        misses()
    assert _kernel_cache.works()
