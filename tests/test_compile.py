"""A second process compiles ahead of a command on a cold cache: it must compile what the command will ask for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from numba import typeof

import specgeo as sg
from specgeo import _compile, _kernel_cache
from specgeo.enumeration.signatures import signatures
from specgeo.testing import random_network


def test_signatures_are_those_of_the_enumeration():
    box, late, early = sg.Box([-1, -1], [1, 1]), *signatures()
    for kind in ("he", "zero-bias"):
        sg.enumerate_regions(random_network([2, 4, 4, 4, 1], 0, kind), box)
    for function, arguments in late + early:
        types = tuple(typeof(a) for a in arguments)
        misses = sum(function.stats.cache_misses.values())
        function.compile(types)  # at hand, or in the cache: the enumeration has just needed it
        assert sum(function.stats.cache_misses.values()) == misses, function.py_func.__name__


def test_the_second_process_runs_this_package_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "specgeo").mkdir()
    (tmp_path / "specgeo" / "__init__.py").write_text("raise ImportError('another specgeo')")
    program = _compile.program().removesuffix("run(False)") + "import specgeo; print(specgeo.__file__)"
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(run.stdout.strip()) == Path(sg.__file__)


class _Process:
    started: list[list[str]] = []

    def __init__(self, command: list[str], **_: object) -> None:
        self.started.append(command)

    def poll(self) -> int | None:
        return 0

    def terminate(self) -> None:
        self.started[-1].append("terminated")

    def wait(self) -> None:
        return None


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    monkeypatch.setattr(subprocess, "Popen", _Process)
    monkeypatch.setattr(_compile.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(_kernel_cache, "stored", lambda _: False)
    monkeypatch.setattr(_kernel_cache, "works", lambda: True)
    _Process.started = []
    return _Process.started


def test_one_process_starts_on_a_cold_cache_and_ends_with_the_block(started: list[list[str]]) -> None:
    with _compile.compile_ahead():
        assert len(started) == 1 and started[0][-1] != "terminated"
    assert started[0][1] == "-c" and started[0][-1] == "terminated"


def test_no_process_on_a_warm_cache_or_one_core(started: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kernel_cache, "works", lambda: False)  # nothing to be had from another process
    with _compile.compile_ahead():
        pass
    monkeypatch.setattr(_kernel_cache, "works", lambda: True)
    monkeypatch.setattr(_compile.os, "sched_getaffinity", lambda _: {0}, raising=False)
    with _compile.compile_ahead():
        pass
    monkeypatch.setattr(_compile.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(_kernel_cache, "stored", lambda _: True)
    with _compile.compile_ahead():
        pass
    assert started == []


def test_what_an_enumeration_has_compiled_is_stored() -> None:
    sg.enumerate_regions(random_network([2, 4, 1], 0), sg.Box([-1, -1], [1, 1]))
    assert _kernel_cache.stored(signatures()[0][0][0])
