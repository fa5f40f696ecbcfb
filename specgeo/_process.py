"""What the command line sets in a process of its own."""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from contextlib import suppress


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


def discard_output() -> None:
    """What is left in the buffer of stdout cannot be written: no second complaint when Python ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
