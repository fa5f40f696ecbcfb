"""Work that is handed out: to the caller itself, to threads, or to an executor. What is found comes in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late  # another class than the builtin one before Python 3.11
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain, islice
from typing import Any, TypeVar

from specgeo._limits import check_time
from specgeo.errors import InvalidInputError, SpecgeoError

_R = TypeVar("_R")
_AHEAD = 4  # tasks under way for each worker: so many that others find work while one waits for a long one before it
_FOREIGN = 32  # of executors whose workers nobody counts

_given: ContextVar[Any] = ContextVar("executor", default=None)


@contextmanager
def working(executor: Any) -> Iterator[None]:
    """Within the block, work for which no executor is named goes to this one."""
    if not isinstance(executor, Executor):
        as_threads(executor)
    token = _given.set(executor)
    try:
        yield
    finally:
        _given.reset(token)


def named(executor: Any) -> Any:
    """The executor, or that of the surrounding block where it is None. Threads of workers are in no block."""
    return _given.get() if executor is None else executor


def in_order(
    executor: Any, function: Callable[..., _R], tasks: Iterable[tuple[Any, ...]], remedy: str = "try again"
) -> Iterator[_R]:
    """What a function gives for its tasks, the arguments of each call, in order.

    ``executor`` is None, a number of threads, or a `concurrent.futures.Executor`. A few tasks are under way at a time,
    so that what waits for its turn takes little memory. A task that is the only one is not handed out.
    """
    threads = 0 if isinstance(executor, Executor) else as_threads(executor)
    tasks = iter(tasks)
    first = list(islice(tasks, 2))
    alone, tasks = len(first) < 2, chain(first, tasks)
    del first  # what has been done is not kept
    if threads == 1 or alone:
        for task in tasks:
            check_time()
            yield function(*task)
    elif threads == 0:
        yield from _handed_out(executor, function, tasks, _FOREIGN, remedy)
    else:
        with ThreadPoolExecutor(threads) as pool:
            yield from _handed_out(pool, function, tasks, _AHEAD * threads, remedy)


def is_elsewhere(executor: Any) -> bool:
    """Whether the workers may be in other processes."""
    return isinstance(executor, Executor) and not isinstance(executor, ThreadPoolExecutor)


def n_cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def as_threads(executor: Any) -> int:
    """A number of threads; 1 for None."""
    if executor is None:
        return 1
    if isinstance(executor, bool) or not isinstance(executor, int) or not _is_count(executor):
        raise InvalidInputError(
            f"executor: {executor!r:.80} given; pass a number of threads, a concurrent.futures.Executor, or None"
        )
    return executor


def _is_count(threads: int) -> bool:
    """Whether there can be so many threads; asking for the number of cores takes ten microseconds."""
    return 1 <= threads <= 64 or 1 <= threads <= 64 * (os.cpu_count() or 1)


def _handed_out(
    pool: Executor, function: Callable[..., _R], tasks: Iterator[tuple[Any, ...]], ahead: int, remedy: str
) -> Iterator[_R]:
    waiting: deque[Future[_R]] = deque()
    try:
        while True:
            for task in tasks:
                waiting.append(_submitted(pool, function, task))
                if len(waiting) >= ahead:
                    break
            if not waiting:
                return
            yield _result(waiting.popleft())
    except BrokenExecutor as error:
        raise SpecgeoError(f"executor: a worker died, or its pool ({error!s:.200}); {remedy}") from error
    finally:
        for future in waiting:
            future.cancel()


def _submitted(pool: Executor, function: Callable[..., _R], task: tuple[Any, ...]) -> Future[_R]:
    try:
        return pool.submit(function, *task)
    except BrokenExecutor:
        raise
    except RuntimeError as error:  # it is shut down
        raise InvalidInputError(f"executor: it takes no work ({error!s:.200}); pass one that is at work") from error


def _result(future: Future[_R]) -> _R:
    while True:
        check_time()
        try:
            return future.result(timeout=1.0)
        except Late:
            if future.done():  # it was raised by the work
                raise
