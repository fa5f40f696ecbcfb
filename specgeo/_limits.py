"""Limits of time and work around a block of code: asked for deep inside the library, between chunks of work.

Nothing is interrupted. A loop that may run long calls `check_time` between its chunks, and what is about to make
many simplices calls `check_simplices`; outside of a `limited` block both do nothing. Time that numba spends on
compiling does not count: it is spent once on a machine, and says nothing about the work.
Progress is told at the same places (`specgeo._progress`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from specgeo.errors import BudgetError


@dataclass
class _Limits:
    seconds: float
    simplices: float
    started: float
    compiling: float = 0.0  # seconds of compilation within the block
    depth: int = 0  # of compilations under way, which nest
    since: float = 0.0

    @property
    def spent(self) -> float:
        """Seconds since the block was entered, without compilation."""
        now = time.perf_counter()
        return now - self.started - self.compiling - (now - self.since if self.depth else 0.0)


_current: ContextVar[_Limits | None] = ContextVar("limits", default=None)
_tick: ContextVar[Callable[[], None] | None] = ContextVar("tick", default=None)


@contextmanager
def limited(seconds: float, simplices: float = float("inf")) -> Iterator[_Limits]:
    """Within the block, work beyond so many seconds raises `BudgetError`, and so does a larger triangulation."""
    from numba.core import event

    limits = _Limits(seconds, simplices, time.perf_counter())

    class Compiling(event.Listener):  # type: ignore[misc]
        def on_start(self, event: event.Event) -> None:
            if limits.depth == 0:
                limits.since = time.perf_counter()
            limits.depth += 1

        def on_end(self, event: event.Event) -> None:
            limits.depth -= 1
            if limits.depth == 0:
                limits.compiling += time.perf_counter() - limits.since

    token = _current.set(limits)
    try:
        with event.install_listener("numba:compile", Compiling()):
            yield limits
    finally:
        _current.reset(token)


@contextmanager
def ticking(tick: Callable[[], None]) -> Iterator[None]:
    """Within the block, every `check_time` is a sign of life."""
    token = _tick.set(tick)
    try:
        yield
    finally:
        _tick.reset(token)


def check_time() -> None:
    """Say that the work goes on; raise `BudgetError` where the time of the surrounding block is spent."""
    tick, limits = _tick.get(), _current.get()
    if tick is not None:
        tick()
    if limits is not None and limits.spent > limits.seconds:
        raise BudgetError(f"max_seconds: {limits.seconds:.3g} s are spent; raise max_seconds or shrink the domain")


def check_simplices(n: int) -> None:
    """Raise `BudgetError` where so many simplices are more than the surrounding block may make."""
    limits = _current.get()
    if limits is not None and n > limits.simplices:
        raise BudgetError(
            f"max_simplices: a triangulation takes {n:,} simplices, {int(limits.simplices):,} are allowed; "
            "raise max_simplices or shrink the domain"
        )
