"""Whatever ends a run while it writes, the old files are there, whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import specgeo as sg
from specgeo.cli import main
from specgeo.report import spectral_report

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="limits and signals of Linux")
TENT = ([[[1.0], [1.0]], [[1.0, -2.0]]], [[0.0, -0.5], [0.0]])
COMMAND = ["regions", "--box", "0", "1", "--quiet"]


def net() -> sg.Network:
    return sg.Network(*TENT)


def claims() -> sg.verification.VerificationReport:
    """A report without the work."""
    return sg.verification.VerificationReport("net on box", "net", "box", {}, (), 0, 0.0)


WRITERS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "network": (lambda f: net().save(f / "net.npz"), {"net.npz"}),
    "complex": (lambda f: sg.enumerate_regions(net(), sg.Box([0], [1])).save(f / "cx.npz"), {"cx.npz"}),
    "report": (
        lambda f: spectral_report(net(), sg.Box([0], [1]), samples=16).write(f),
        {"report.json", "function.png", "spectrum.png"},
    ),
    "verify": (lambda f: claims().write(f), {"verify.json", "verify.html"}),
    "command": (
        lambda f: main([*COMMAND, str(f.parent / "tent.npz"), "--map", str(f / "m.png"), "--save", str(f / "c.npz")]),
        {"m.png", "c.npz"},
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    net().save(tmp_path / "tent.npz")
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def fill(folder: Path, names: set[str]) -> None:
    for name in names:
        (folder / name).write_text("old")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@contextmanager
def size_limit(limit: int) -> Iterator[None]:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kind", WRITERS)
def test_files_are_those_and_no_others(folder: Path, kind: str) -> None:
    write, names = WRITERS[kind]
    write(folder)
    assert contents(folder).keys() == names and all(contents(folder).values())


@LINUX
@pytest.mark.parametrize("kind", WRITERS)
def test_a_size_limit_leaves_the_old_files(folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    write, names = WRITERS[kind]
    write(folder)  # the kernels are compiled, the fonts are found
    fill(folder, names)
    with size_limit(64):
        if kind == "command":
            assert write(folder) == 2
            assert "--save: " in capsys.readouterr().err
        else:
            with pytest.raises(sg.InvalidInputError, match="cannot be written .File too large"):
                write(folder)
    assert contents(folder) == dict.fromkeys(names, b"old")


@pytest.mark.parametrize("kind", WRITERS)
def test_control_c_leaves_the_old_files(folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    write, names = WRITERS[kind]
    fill(folder, names)
    monkeypatch.setattr(os, "fsync", interrupt)
    if kind == "command":
        assert write(folder) == 130
    else:
        with pytest.raises(KeyboardInterrupt):
            write(folder)
    assert contents(folder) == dict.fromkeys(names, b"old")


@LINUX
def test_kill_9_leaves_the_old_files(folder: Path) -> None:
    code = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_interrupted import WRITERS
folder = Path({str(folder)!r})
for kind, (write, _) in WRITERS.items():
    if os.fork() == 0:
        os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
        write(folder)
    print(kind, os.waitstatus_to_exitcode(os.wait()[1]))
"""
    every = set().union(*(names for _, names in WRITERS.values()))
    fill(folder, every)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for kind in WRITERS:
        assert f"{kind} {-signal.SIGKILL}\n" in ended.stdout
    for name in every:
        assert (folder / name).read_bytes() == b"old"


def test_report_and_verify_share_a_folder(folder: Path) -> None:
    WRITERS["report"][0](folder)
    before = contents(folder)
    WRITERS["verify"][0](folder)
    assert {name: data for name, data in contents(folder).items() if not name.startswith("verify")} == before
    first, second = json.loads(before["report.json"]), json.loads((folder / "verify.json").read_text())
    assert first["title"] and "specgeo_report" in second
    assert first.keys() - second.keys() == {"numbers", "shells", "coefficients"} and second.keys() < first.keys()
