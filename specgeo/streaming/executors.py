"""Who takes groups of regions through the layers: the caller, threads, or an executor. What they find comes in order.

What a worker is told is a *parcel* and the number of a group. In the process of the caller the parcel is a mere name of
the question; elsewhere it is the pickled question, whose head is made once in each process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from specgeo._parcels import opened, parcelled
from specgeo._workers import in_order, n_cores, named
from specgeo.domain import Box, Polytope
from specgeo.enumeration.begin import require_ieee_arithmetic
from specgeo.enumeration.groups import Head
from specgeo.network import Network
from specgeo.streaming.cones import ConeGroup
from specgeo.streaming.groups import RegionGroup, Worker
from specgeo.streaming.reducers import CERTIFICATE, Certificates, Part, Reducer

Parts = dict[str, Part]
_SENT = ("network", "domain", "reducers", "max_bytes", "cones")
_OURS = "specgeo."  # modules whose reducers are made for threads


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of the regions of a network, and the groups in which they come.

    ``cones``: these are the cones over the regions of the whole space.
    """

    network: Network
    domain: Box | Polytope
    reducers: dict[str, Reducer]
    max_bytes: int | None
    cones: bool = False
    _workers: dict[int, Worker] = field(default_factory=dict)  # of each thread of this process

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to other processes."""
        return {name: getattr(self, name) for name in _SENT} | {"_workers": {}}

    def prepare(self) -> None:
        """Make the head, in another process."""
        _ = self.head

    @cached_property
    def head(self) -> Head:
        return Head(self.network, self.domain, self.max_bytes)

    @cached_property
    def _kind(self) -> Callable[..., RegionGroup]:
        return partial(ConeGroup, self.head.in_walls()) if self.cones else RegionGroup

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
            worker = self._workers[threading.get_ident()] = Worker(self.head, self._kind)
        for group in worker.groups(number):  # more than one where it was halved
            part = {name: reducer.update(group) for name, reducer in self._all.items()}
            found = self.merge(found, part) if found else part
        return found


def answers(question: Question, executor: Any, numbers: range) -> Iterator[Parts]:
    """What groups of these numbers give, in order, whoever finds it."""
    executor = named(executor)
    if executor is None:
        ours = all(type(reducer).__module__.startswith(_OURS) for reducer in question.reducers.values())
        executor = max(1, min(n_cores(), len(numbers))) if ours else 1  # those of users may not be made for threads
    with parcelled(executor, question, "reducers: they") as parcel:
        tasks = ((parcel, number) for number in numbers)
        yield from in_order(executor, answer, tasks, "with checkpoint= the next call goes on from there")


def answer(parcel: bytes, number: int) -> Parts:
    """What a group gives: the function that workers run."""
    question: Question = opened(parcel)
    return question.answer(number)
