"""Who takes the groups of regions through the layers: the caller, or threads. What they find comes in order."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late  # another class than the builtin one before Python 3.11
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from specgeo._limits import check_time
from specgeo.domain import Box, Polytope
from specgeo.enumeration.groups import Head
from specgeo.errors import InvalidInputError
from specgeo.network import Network
from specgeo.streaming.groups import Worker
from specgeo.streaming.reducers import CERTIFICATE, Certificates, Part, Reducer

Parts = dict[str, Part]
_AHEAD = 2  # groups under way for each worker: one at work, one waiting


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of the regions of a network, and the groups in which they come."""

    network: Network
    domain: Box | Polytope
    reducers: dict[str, Reducer]
    max_bytes: int | None

    @cached_property
    def head(self) -> Head:
        return Head(self.network, self.domain, self.max_bytes)

    @property
    def n_groups(self) -> int:
        return len(self.head.groups)

    @cached_property
    def _all(self) -> dict[str, Reducer]:
        return {**self.reducers, CERTIFICATE: Certificates(self.head.certificate)}

    def start(self) -> Parts:
        """What no group gives."""
        return {name: reducer.start() for name, reducer in self._all.items()}

    def merge(self, earlier: Parts, later: Parts) -> Parts:
        """What two runs of groups give, one after the other."""
        return {name: reducer.merge(earlier[name], later[name]) for name, reducer in self._all.items()}

    def answer(self, worker: Worker, number: int) -> Parts:
        """What one group gives."""
        found: Parts = {}
        for group in worker.groups(number):  # more than one where it was halved
            part = {name: reducer.update(group) for name, reducer in self._all.items()}
            found = self.merge(found, part) if found else part
        return found


def answers(question: Question, executor: Any, numbers: range) -> Iterator[Parts]:
    """What groups of these numbers give, in order, whoever finds it."""
    workers = _n_threads(executor)
    if workers == 1:
        worker = Worker(question.head)
        for number in numbers:
            check_time()
            yield question.answer(worker, number)
        return
    own = threading.local()

    def work(number: int) -> Parts:
        if not hasattr(own, "worker"):
            own.worker = Worker(question.head)
        return question.answer(own.worker, number)

    with ThreadPoolExecutor(workers) as pool:
        yield from _in_order(pool, work, numbers, _AHEAD * workers)


def _n_threads(executor: Any) -> int:
    if executor is None:
        return 1
    if isinstance(executor, bool) or not isinstance(executor, int) or not 1 <= executor <= 64 * (os.cpu_count() or 1):
        raise InvalidInputError(f"executor: {executor!r:.80} given; pass a number of threads, or None for one")
    return executor


def _in_order(pool: Any, work: Callable[[int], Parts], numbers: range, ahead: int) -> Iterator[Parts]:
    """A few are under way at a time, so that what waits for its turn takes little memory."""
    waiting: deque[Future[Parts]] = deque()
    left = iter(numbers)
    try:
        while True:
            for number in left:
                waiting.append(pool.submit(work, number))
                if len(waiting) >= ahead:
                    break
            if not waiting:
                return
            yield _result(waiting.popleft())
    finally:
        for future in waiting:
            future.cancel()


def _result(future: Future[Parts]) -> Parts:
    while True:
        check_time()
        try:
            return future.result(timeout=1.0)
        except Late:
            if future.done():  # it was raised by the work
                raise
