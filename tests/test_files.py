"""Files are written beside their target and renamed: whatever happens, the old file or the new one is there, whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from specgeo._files import replacing, write_text
from specgeo.errors import InvalidInputError

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="limits and signals of Linux")


def test_the_new_file_has_the_contents_and_the_mode_of_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    target.chmod(0o640)
    write_text(target, "new")
    assert target.read_text() == "new" and target.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_error_while_writing_leaves_the_old_file_and_nothing_beside(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="midway"), replacing(target) as stream:
        stream.write(b"half")
        raise RuntimeError("midway")
    assert target.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.bin"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"


@LINUX
@pytest.mark.parametrize("end", ["kill", "limit"])
def test_a_kill_or_a_size_limit_leaves_the_old_file(tmp_path: Path, end: str) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    code = f"""
import os, resource, signal
from pathlib import Path
from specgeo._files import replacing
if {end!r} == "limit":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
with replacing(Path({str(target)!r})) as stream:
    stream.write(bytes(1 << 20))
    if {end!r} == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert target.read_bytes() == b"old"
    if end == "kill":
        assert ended.returncode == -signal.SIGKILL
    else:
        assert "cannot be written (File too large)" in ended.stderr and os.listdir(tmp_path) == ["a.bin"]


def test_a_full_disk_is_an_error_of_the_argument() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(InvalidInputError, match="path: /dev/full cannot be written"):
        write_text(Path("/dev/full"), "x")
