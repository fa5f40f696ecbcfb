"""`reduce_regions`: sums over all regions of a network, group by group, on every core, in bounded memory."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from specgeo._arguments import checked
from specgeo._cast import as_budget
from specgeo._npz import read_npz, write_npz
from specgeo.domain import as_domain
from specgeo.enumeration.enumerate import require_ieee_arithmetic
from specgeo.errors import InvalidInputError, ReadError
from specgeo.network import Network
from specgeo.results import Result
from specgeo.streaming.groups import Head, Worker
from specgeo.streaming.reducers import Part, Reducer

Parts = dict[str, Part]
_EVERY = 30.0  # seconds between two checkpoints


@dataclass(frozen=True, eq=False)
class Reduction(Result):
    """Results of reducers over all regions of a network.

    Attributes
    ----------
    results : dict
        By the names of the reducers.
    n_groups : int
    decisions : dict
        How signs were decided, as in `Certificate`; those on walls between groups are counted in each.
    seconds : float
    """

    results: dict[str, Any]
    n_groups: int
    decisions: dict[str, int]
    seconds: float

    def __getitem__(self, name: str) -> Any:
        return self.results[name]


@checked
def reduce_regions(
    network: Network,
    domain: Any,
    reducers: Mapping[str, Any],
    *,
    executor: Any = None,
    max_bytes: int | None = None,
    checkpoint: Any = None,
    progress: Callable[[str, float], None] | None = None,
) -> Reduction:
    """Reduce all regions of a network on a domain, without a complex that holds them all.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope, convex shapely Polygon or scipy ConvexHull
    reducers : dict of str to Reducer
        What is asked for, by names: `specgeo.streaming.FVector`, ``Volumes``, ``Lipschitz``, ``Jumps``, ``Spectrum``,
        or anything with their four methods.
    executor : int or concurrent.futures.Executor, optional
        Number of threads, or who runs the groups. The result is the same to the last bit.
    max_bytes : int, optional
        Of the head complex, and of each group.
    checkpoint : path, optional
        A file that keeps what was done: a run that was stopped goes on from there.
    progress : callable, optional
        Called with a message and the fraction done.

    Returns
    -------
    Reduction

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.streaming import FVector, Volumes, reduce_regions
    >>> net = sg.testing.random_network([2, 16, 16, 1], 0)
    >>> found = reduce_regions(net, sg.Box([-1, -1], [1, 1]), {"faces": FVector(), "sizes": Volumes()}, executor=2)
    >>> found["faces"]
    (444, 855, 412)
    """
    require_ieee_arithmetic()
    started = time.perf_counter()
    domain, max_bytes = as_domain(domain), as_budget(max_bytes, "max_bytes")
    head = Head(network, domain, max_bytes)
    saved = None if checkpoint is None else _Checkpoint(Path(checkpoint), network, domain, reducers, head)
    parts, first = ({name: reducer.start() for name, reducer in reducers.items()}, 0) if saved is None else saved.load()
    tally = parts.pop("", {"tally": np.zeros(5, np.int64)})
    last = time.monotonic()
    for number, (found, counts) in enumerate(_all(head, reducers, executor, first), start=first):
        parts = {name: reducer.merge(parts[name], found[name]) for name, reducer in reducers.items()}
        tally = {"tally": tally["tally"] + counts}
        if progress is not None:
            progress(f"group {number + 1} of {len(head.groups)}", (number + 1) / len(head.groups))
        if saved is not None and time.monotonic() - last > _EVERY:
            saved.save({**parts, "": tally}, number + 1)
            last = time.monotonic()
    results = {name: reducer.finish(parts[name]) for name, reducer in reducers.items()}
    names = ("float_filter", "refined_filter", "exact", "exact_zeros", "exact_positions")
    decisions = dict(zip(names, tally["tally"].tolist(), strict=True))
    return Reduction(results, len(head.groups), decisions, time.perf_counter() - started)


def _all(
    head: Head, reducers: Mapping[str, Reducer], executor: Any, first: int
) -> Iterator[tuple[Parts, Any]]:
    """What each group adds, in order, whoever computed it; a few are under way at a time."""
    own, kept = threading.local(), range(first, len(head.groups))

    def work(number: int) -> tuple[Parts, Any]:
        if not hasattr(own, "worker"):
            own.worker = Worker(head)
        return reduce_group(own.worker, reducers, number)

    if executor is None or executor == 1:
        yield from map(work, kept)
        return
    if isinstance(executor, int):
        with ThreadPoolExecutor(executor) as pool:
            yield from _in_order(pool, work, kept, 2 * executor)
        return
    if not isinstance(executor, Executor):
        raise InvalidInputError(f"executor: a {type(executor).__name__} given; pass a number of threads or an Executor")
    yield from _in_order(executor, work, kept, 8)


def _in_order(executor: Executor, work: Callable[[int], Any], numbers: range, ahead: int) -> Iterator[Any]:
    waiting: deque[Future[Any]] = deque()
    for number in numbers:
        waiting.append(executor.submit(work, number))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def reduce_group(worker: Worker, reducers: Mapping[str, Reducer], number: int) -> tuple[Parts, Any]:
    """What one group adds to each reducer, and how its signs were decided."""
    parts, counts = {name: reducer.start() for name, reducer in reducers.items()}, np.zeros(5, np.int64)
    for group in worker.groups(number):
        parts = {name: reducer.merge(parts[name], reducer.update(group)) for name, reducer in reducers.items()}
        counts += group.tally
    return parts, counts


class _Checkpoint:
    """A file with what the first groups added, and a digest of the question and of the contents."""

    def __init__(self, path: Path, network: Network, domain: Any, reducers: Mapping[str, Any], head: Head) -> None:
        self.path, self.reducers = path, reducers
        digest = hashlib.sha256()
        for array in (*network.weights, *network.biases):
            digest.update(np.ascontiguousarray(array).tobytes())
        described = [(name, type(r).__qualname__, sorted(vars(r).items())) for name, r in sorted(reducers.items())]
        digest.update(repr((network.activations, domain, described, len(head.groups), head.layer)).encode())
        self.question = digest.hexdigest()

    def save(self, parts: Parts, done: int) -> None:
        arrays = {f"{name}/{key}": value for name, part in parts.items() for key, value in part.items()}
        write_npz(self.path, {**arrays, "done": np.array(done), "question": np.array(self.question),
                              "contents": np.array(_digest(arrays, done))})  # fmt: skip

    def load(self) -> tuple[Parts, int]:
        """What is there, or nothing of the first group."""
        if not self.path.exists():
            return {name: reducer.start() for name, reducer in self.reducers.items()}, 0
        arrays = read_npz(self.path)
        known = {key: arrays.pop(key, None) for key in ("done", "question", "contents")}
        if any(value is None for value in known.values()) or str(known["contents"]) != _digest(arrays, int(known["done"])):
            raise ReadError(f"checkpoint: {self.path} is damaged, or no checkpoint; delete it to begin anew")
        if str(known["question"]) != self.question:
            raise InvalidInputError(f"checkpoint: {self.path} is of another network, domain or reducers; name another file")
        parts: Parts = {name: {} for name in (*self.reducers, "")}
        for key, value in arrays.items():
            name, _, entry = key.rpartition("/")
            parts[name][entry] = value
        return parts, int(known["done"])


def _digest(arrays: Mapping[str, Any], done: int) -> str:
    digest = hashlib.sha256(str(done).encode())
    for name in sorted(arrays):
        digest.update(name.encode() + arrays[name].dtype.str.encode() + arrays[name].tobytes())
    return digest.hexdigest()
