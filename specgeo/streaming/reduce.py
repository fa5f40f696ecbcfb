"""`reduce_regions`: sums over all regions of a network, group by group, on every core, in bounded memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from specgeo._arguments import checked
from specgeo._cast import as_budget
from specgeo._display import counted
from specgeo._progress import reported
from specgeo.domain import WholeSpace, as_domain
from specgeo.enumeration.begin import require_ieee_arithmetic
from specgeo.enumeration.cones import of_cones
from specgeo.errors import BudgetError, DomainError, InvalidInputError
from specgeo.geometry.certificate import Certificate
from specgeo.network import Network
from specgeo.results import Result
from specgeo.streaming.checkpoint import Checkpoint
from specgeo.streaming.executors import Question, answers
from specgeo.streaming.reducers import CERTIFICATE, Part, certificate_of

_EVERY = 30.0  # seconds between two checkpoints


@dataclass(frozen=True, eq=False)
class Reduction(Result):
    """Results of reducers over all regions of a network.

    Attributes
    ----------
    results : dict
        By the names of the reducers; ``reduction[name]`` is the same.
    n_groups : int
        Groups of regions that were looked at one after the other.
    certificate : Certificate
        How signs were decided: the sum over the groups. Those on walls between groups are decided in each of them, and
        counted in one. Times of stages are not kept.
    seconds : float
        Wall time of this call.
    """

    results: dict[str, Any]
    n_groups: int
    certificate: Certificate
    seconds: float

    def __getitem__(self, name: str) -> Any:
        return self.results[name]


@checked
@reported
def reduce_regions(
    network: Network,
    domain: Any,
    reducers: Mapping[str, Any],
    *,
    executor: Any = None,
    max_bytes: int | None = None,
    checkpoint: Any = None,
    progress: Callable[[str, float], None] | bool | None = None,
) -> Reduction:
    """Count, measure and sum over all regions of a network on a domain, without a complex that holds them all.

    The regions are those of `enumerate_regions`, and as exact. They come in groups of neighbours: a group is taken
    through all later layers by itself, shown to the reducers and forgotten, so that memory stays flat.

    Parameters
    ----------
    network : Network
        d inputs, any number of hidden layers with piecewise-linear activations.
    domain : Box, Polytope, convex shapely Polygon, scipy ConvexHull or WholeSpace
        Of dimension d. On the whole space ``FVector`` and ``Lipschitz`` are taken; the others need a bounded domain.
    reducers : dict of str to Reducer
        What is asked for, by names: `specgeo.streaming.FVector`, ``Volumes``, ``Lipschitz``, ``Jumps``, ``Spectrum``,
        ``FourierCoefficients``, ``DecisionAreas`` (with its own network), or anything with the four methods of
        `specgeo.streaming.Reducer`.
    executor : int or concurrent.futures.Executor, optional
        Number of threads; by default one for each core, but a single one where a reducer is not of this package. Or
        who does the work: a ``ThreadPoolExecutor``, a ``ProcessPoolExecutor``, loky,
        ``dask.distributed.Client.get_executor()``, ``mpi4py.futures``. On machines of one kind the result is the same
        to the last bit. Other processes make the complex from which groups are taken once each.
    max_bytes : int, optional
        Budget for the memory of the complex from which groups are taken, and again for the group of each thread, what
        reducers take excepted. By default four fifths of what is available.
    checkpoint : path, optional
        A file (.npz) that keeps, every half minute, what has been summed: a run that was stopped goes on from there
        when it is called again in the same way, with the same result. When all is done the file holds the sums.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``, fraction of groups done.

    Returns
    -------
    Reduction

    Raises
    ------
    DomainError
        The domain is none of these, its dimension is not the network's, or a reducer needs a bounded one. Or a sum is
        beyond the range of floats.
    InvalidInputError
        An argument is not what it should be, or ``checkpoint`` belongs to another call.
    ReadError
        ``checkpoint`` is damaged, or no checkpoint.
    SpecgeoError
        A worker of ``executor`` died.
    BudgetError
        The first complex, or a group of its regions, needs more than ``max_bytes``.

    Notes
    -----
    The groups follow from network, domain and ``max_bytes`` alone, and what they give is merged in their order. Groups
    that share a wall cut it in the same way, and in the same order, as every sign is proved: so each face is counted
    once, and the two sides of a facet are brought together. Shared vertices have coordinates of their own in each
    group, equal within their error bounds.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.streaming import FVector, Volumes
    >>> net = sg.testing.random_network([2, 16, 16, 1], 0)
    >>> found = sg.reduce_regions(net, sg.Box([-1, -1], [1, 1]), {"faces": FVector(), "sizes": Volumes()}, executor=2)
    >>> found["faces"]
    (444, 855, 412)
    >>> round(found["sizes"]["volume"], 12)
    4.0
    """
    started = time.perf_counter()
    space = domain if isinstance(domain, WholeSpace) else None
    _check_reducers(reducers, space is not None)
    require_ieee_arithmetic()
    if space is not None:
        network, domain = of_cones(network, space, True)
    budget = as_budget(max_bytes, "max_bytes")
    question = Question(network, as_domain(domain), dict(reducers), budget, cones=space is not None)
    saved = None if checkpoint is None else Checkpoint(checkpoint, question)
    try:
        total, n_groups = _reduced(question, executor, saved, progress if callable(progress) else None)
    except MemoryError as error:
        raise BudgetError("network, domain: memory ran out; free some, or set max_bytes") from error
    certificate = certificate_of(total.pop(CERTIFICATE))
    results = {name: reducer.finish(total[name]) for name, reducer in reducers.items()}
    return Reduction(results, n_groups, certificate, time.perf_counter() - started)


def _reduced(
    question: Question, executor: Any, saved: Checkpoint | None, tell: Callable[[str, float], None] | None
) -> tuple[dict[str, Part], int]:
    """What all groups give together, and how many there are."""
    total, first = (question.start(), 0) if saved is None else saved.load()
    n_groups, last = question.n_groups, time.monotonic()
    for done, part in enumerate(answers(question, executor, range(first, n_groups)), start=first + 1):
        total = question.merge(total, part)
        if tell is not None:
            tell(f"group {done} of {counted(n_groups, 'group')}", done / n_groups)
        if saved is not None and (time.monotonic() - last > _EVERY or done == n_groups):
            saved.save(total, done)
            last = time.monotonic()
    return total, n_groups


def _check_reducers(reducers: Mapping[str, Any], unbounded: bool) -> None:
    if not reducers:
        raise InvalidInputError("reducers: none given; pass a dict such as {'faces': specgeo.streaming.FVector()}")
    for name, reducer in reducers.items():
        if not isinstance(name, str) or not name.isprintable() or "/" in name or not name:
            raise InvalidInputError(f"reducers: {name!r} given as a name; pass a string of letters, without a slash")
        missing = [m for m in ("start", "update", "merge", "finish") if not callable(getattr(reducer, m, None))]
        if missing or isinstance(reducer, type):
            raise InvalidInputError(
                f"reducers: {name!r} is a {type(reducer).__name__} without {', '.join(missing) or 'being made'}; "
                "pass objects with the four methods of specgeo.streaming.Reducer"
            )
        if unbounded and not getattr(reducer, "whole_space", False):
            raise DomainError(
                f"reducers: {name!r} is a {type(reducer).__name__}, which needs a bounded domain (volumes and "
                "integrals on the whole space are infinite); pass a Box, or FVector and Lipschitz alone"
            )
