"""Who takes groups of regions through the layers: the caller, threads, or an executor. What they find comes in order.

What a worker is told is a *parcel* and the number of a group. In the process of the caller the parcel is a mere name of
the question; elsewhere it is the pickled question, whose head is made once in each process.
"""

from __future__ import annotations

import os
import pickle
import secrets
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late  # another class than the builtin one before Python 3.11
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from specgeo._limits import check_time
from specgeo.domain import Box, Polytope
from specgeo.enumeration.begin import require_ieee_arithmetic
from specgeo.enumeration.groups import Head
from specgeo.errors import InvalidInputError, SpecgeoError
from specgeo.network import Network
from specgeo.streaming.groups import Worker
from specgeo.streaming.reducers import CERTIFICATE, Certificates, Part, Reducer

Parts = dict[str, Part]
_AHEAD = 2  # groups under way for each worker: one at work, one waiting
_FOREIGN = 32  # of executors whose workers nobody counts


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of the regions of a network, and the groups in which they come."""

    network: Network
    domain: Box | Polytope
    reducers: dict[str, Reducer]
    max_bytes: int | None
    _workers: dict[int, Worker] = field(default_factory=dict)  # of each thread of this process

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to other processes."""
        return {name: getattr(self, name) for name in ("network", "domain", "reducers", "max_bytes")} | {"_workers": {}}

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

    def answer(self, number: int) -> Parts:
        """What one group gives."""
        found: Parts = {}
        worker = self._workers.get(threading.get_ident())
        if worker is None:
            require_ieee_arithmetic()  # a setting of the thread
            worker = self._workers[threading.get_ident()] = Worker(self.head)
        for group in worker.groups(number):  # more than one where it was halved
            part = {name: reducer.update(group) for name, reducer in self._all.items()}
            found = self.merge(found, part) if found else part
        return found


def answers(question: Question, executor: Any, numbers: range) -> Iterator[Parts]:
    """What groups of these numbers give, in order, whoever finds it."""
    if isinstance(executor, Executor):
        here = isinstance(executor, ThreadPoolExecutor)
        yield from _in_order(executor, question, _name() if here else _parcel(question), numbers, _FOREIGN)
        return
    threads = _n_threads(executor)
    if threads == 1:
        for number in numbers:
            check_time()
            yield question.answer(number)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from _in_order(pool, question, _name(), numbers, _AHEAD * threads)


def _n_threads(executor: Any) -> int:
    if executor is None:
        return 1
    if isinstance(executor, bool) or not isinstance(executor, int) or not 1 <= executor <= 64 * (os.cpu_count() or 1):
        raise InvalidInputError(
            f"executor: {executor!r:.80} given; pass a number of threads, a concurrent.futures.Executor, or None"
        )
    return executor


def _name() -> bytes:
    return secrets.token_bytes(16)


def _parcel(question: Question) -> bytes:
    try:
        return pickle.dumps(question)
    except Exception as error:  # whatever the objects of users raise
        raise InvalidInputError(
            f"reducers: they cannot be sent to other processes ({error!s:.200}); define their classes in a module, or "
            "pass a number of threads as executor"
        ) from error


def _in_order(pool: Executor, question: Question, parcel: bytes, numbers: range, ahead: int) -> Iterator[Parts]:
    """A few are under way at a time, so that what waits for its turn takes little memory."""
    waiting: deque[Future[Parts]] = deque()
    left = iter(numbers)
    _known[parcel] = question
    try:
        while True:
            for number in left:
                waiting.append(_submitted(pool, parcel, number))
                if len(waiting) >= ahead:
                    break
            if not waiting:
                return
            yield _result(waiting.popleft())
    except BrokenExecutor as error:
        raise SpecgeoError(
            f"executor: a worker died, or its pool ({error!s:.200}); with checkpoint= the next call goes on from there"
        ) from error
    finally:
        _known.pop(parcel)
        for future in waiting:
            future.cancel()


def _submitted(pool: Executor, parcel: bytes, number: int) -> Future[Parts]:
    try:
        return pool.submit(answer, parcel, number)
    except BrokenExecutor:
        raise
    except RuntimeError as error:  # it is shut down
        raise InvalidInputError(f"executor: it takes no work ({error!s:.200}); pass one that is at work") from error


def _result(future: Future[Parts]) -> Parts:
    while True:
        check_time()
        try:
            return future.result(timeout=1.0)
        except Late:
            if future.done():  # it was raised by the work
                raise


_known: dict[bytes, Question] = {}  # of callers in this process, by their parcels
_sent: dict[bytes, Question] = {}  # by callers in others; one at a time
_unpacking = threading.Lock()


def answer(parcel: bytes, number: int) -> Parts:
    """What a group gives: the function that workers run."""
    question = _known.get(parcel)
    if question is None:
        with _unpacking:
            if parcel not in _sent:
                _sent.clear()
                sent = pickle.loads(parcel)
                _ = sent.head
                _sent[parcel] = sent
            question = _sent[parcel]
    return question.answer(number)
