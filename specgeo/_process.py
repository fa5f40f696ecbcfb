"""What the command line sets in a process of its own."""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_WRITING, _ENDED = b"w", b"e"
_LAST_WORDS = {
    b"": b"specgeo: stopped before the end: nothing was written; kernels compiled by then are kept\n",
    _WRITING: b"specgeo: stopped while it wrote; files that are there are whole\n",
}
_watched: int | None = None  # the pipe to the process that has the last word


def own_process() -> None:
    """Settings of a process that runs nothing but this command."""
    # Ctrl-C ends it even where kernels or LLVM would not see it for seconds
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller; print would take the other one
            setattr(sys, name, open(os.devnull, "w"))
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files need not fit its encoding
        sys.stdout.reconfigure(errors="backslashreplace")
    warnings.formatwarning = lambda message, *_, **__: f"specgeo: warning: {message}\n"
    if hasattr(os, "fork"):
        _watch()


def _watch() -> None:
    """Start a small process that says what was kept should this one be ended by a signal, which leaves it no word."""
    global _watched
    reader, writer = os.pipe()
    if reader < 3 or os.fork():  # standard streams are closed: nobody listens
        os.close(reader)
        _watched = writer
        return
    os.close(writer)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the whole group
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # who reads stdout waits for the command alone
        said = b""
        while part := os.read(reader, 16):  # until the other end is closed, whatever closes it
            said = part[-1:]
        os.write(2, _LAST_WORDS.get(said, b""))
    os._exit(0)


def _say(word: bytes) -> None:
    if _watched is not None:
        with suppress(OSError):
            os.write(_watched, word)


def ended_well() -> None:
    """Nothing is left to be said."""
    _say(_ENDED)


@contextmanager
def writing() -> Iterator[None]:
    """While files are written Ctrl-C is an exception: what was begun is removed, what is whole stays."""
    _say(_WRITING)
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if before is signal.SIG_DFL:
            signal.signal(signal.SIGINT, before)


def discard_output() -> None:
    """What is left in the buffer of stdout cannot be written: no second complaint when Python ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
