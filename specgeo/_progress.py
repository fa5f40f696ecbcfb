"""How far a run of the command line has come, on stderr."""

from __future__ import annotations

import sys
import threading
import time

HEARTBEAT = 10.0
"""Seconds between signs of life."""


class Progress:
    """Lines on stderr, at most two a second, once a run has taken a second.

    While nothing is reported (kernels compile on the first run) a line every ten seconds says so.
    """

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.started = time.monotonic()
        self.next = self.started + 1.0
        self.last = "starting; the first run compiles the kernels"
        self.done = threading.Event()
        if not quiet:
            threading.Thread(target=self._beat, daemon=True).start()

    def __call__(self, message: str, fraction: float) -> None:
        self.last = message
        if not self.quiet and time.monotonic() >= self.next:
            print(f"[{fraction:4.0%}] {message}", file=sys.stderr, flush=True)
            self.next = time.monotonic() + 0.5

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()

    def _beat(self) -> None:
        while not self.done.wait(HEARTBEAT):
            print(f"[....] {time.monotonic() - self.started:.0f} s: {self.last}", file=sys.stderr, flush=True)
