"""How far a run has come: one way for the functions with ``progress=`` and for the command line.

`reported` makes what the function calls of what the user gave: a bar for True, the callable itself, nothing for None
or False. Long loops deep inside call `specgeo._limits.check_time`, where the last message is repeated, with the
seconds since it came, unless another came within a second. A bar, and the lines of the command line, also move while
no loop can say anything (one call of finufft, a compilation): a thread shows that time goes by.
"""

from __future__ import annotations

import inspect
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from specgeo._limits import ticking
from specgeo.errors import InvalidInputError

HEARTBEAT = 4.0
"""Seconds between signs of life."""

_P = ParamSpec("_P")
_R = TypeVar("_R")
Tell = Callable[[str, float], None]


def reported(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorator: ``progress`` may be a callable, True for a bar, or None or False for nothing.

    The function gets None or what to call with a message and the fraction done, which never falls and ends at 1.
    """
    signature = inspect.signature(function)
    place = list(signature.parameters).index("progress")

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        given: Any = kwargs.get("progress", args[place] if place < len(args) else None)
        if given is None:  # the way of short calls
            return function(*args, **kwargs)
        if not isinstance(given, bool) and not callable(given):
            raise InvalidInputError(f"progress: {given!r:.80} given; pass True, False, None or a function")
        bound = signature.bind(*args, **kwargs)
        if given is False:
            bound.arguments["progress"] = None
            return function(*bound.args, **bound.kwargs)
        with ExitStack() as stack:
            tell = Monotone(stack.enter_context(_bar(function.__name__)) if given is True else given)
            stack.enter_context(ticking(tell.tick))
            bound.arguments["progress"] = tell
            result = function(*bound.args, **bound.kwargs)
            tell.finish()
        return result

    return call


def as_tell(progress: Tell | bool | None, start: float = 0.0, stop: float = 1.0) -> Tell:
    """What tells a part of the work, its fractions between two of the whole; says nothing where nobody listens."""
    if not callable(progress):
        return lambda message, fraction: None
    listener = progress
    return lambda message, fraction: listener(message, start + (stop - start) * fraction)


class Monotone:
    """Passes on messages and fractions, none below the one before; repeats the last when asked for a sign of life."""

    def __init__(self, show: Tell) -> None:
        self.show = show
        self.message, self.fraction = "starting", 0.0
        self.since = self.shown = time.monotonic()

    def __call__(self, message: str, fraction: float) -> None:
        if message != self.message:
            self.since = time.monotonic()
        self.message, self.fraction = message, max(self.fraction, fraction)
        self.shown = time.monotonic()
        self.show(message, self.fraction)

    def tick(self) -> None:
        """Repeat the last message where none came for a second."""
        now = time.monotonic()
        if now >= self.shown + 1.0:
            self.shown = now
            self.show(f"{self.message} ({now - self.since:.0f} s)", self.fraction)

    def finish(self) -> None:
        """The end, unless it has been told."""
        if self.fraction < 1.0:
            self("done", 1.0)


@contextmanager
def _bar(name: str) -> Iterator[Tell]:
    """A bar of tqdm, in a terminal or a notebook."""
    from tqdm.auto import tqdm

    with (
        tqdm(total=1.0, desc=name, bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}") as bar,
        _beat(bar.refresh),
    ):

        def show(message: str, fraction: float) -> None:
            bar.set_description_str(f"{name}: {message}", refresh=False)
            bar.n = fraction
            bar.refresh()

        yield show


@contextmanager
def _beat(action: Callable[[], Any]) -> Iterator[None]:
    """Do something at every heartbeat, from a thread."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(HEARTBEAT):
            action()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class Progress:
    """Lines on stderr, at most two a second, once a run has taken a second.

    While nothing is reported (kernels compile on the first run) a line at every heartbeat says so.
    """

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.started = time.monotonic()
        self.next = self.started + 1.0
        self.last = "starting; the first run compiles the kernels"
        self.stack = ExitStack()
        if quiet:
            logging.getLogger("specgeo").setLevel(logging.ERROR)  # nor that kernels compile
        else:
            self.stack.enter_context(_beat(self._alive))

    def __call__(self, message: str, fraction: float) -> None:
        self.last = message
        if not self.quiet and time.monotonic() >= self.next:
            print(f"[{fraction:4.0%}] {message}", file=sys.stderr, flush=True)
            self.next = time.monotonic() + 0.5

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def _alive(self) -> None:
        print(f"[....] {time.monotonic() - self.started:.0f} s: {self.last}", file=sys.stderr, flush=True)
