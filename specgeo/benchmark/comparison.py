"""Enumerators side by side on the same networks: counts, times, memory, growth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

from specgeo._arguments import checked
from specgeo._compile import compile_ahead
from specgeo._display import counted
from specgeo._progress import Tell, as_tell, reported
from specgeo.benchmark.cases import Case, degenerate_cases
from specgeo.benchmark.engines import ENGINES, RIVALS, engine_named
from specgeo.benchmark.machine import describe, installed
from specgeo.benchmark.processes import Found, count_all, measure
from specgeo.benchmark.records import Census, Comparison, Run
from specgeo.errors import InvalidInputError

OWN_LIMIT = 5  # specgeo has more time: the others are judged by what it finds


@checked
@reported
def compare(
    cases: Sequence[Case],
    against: Sequence[str] | None = None,
    *,
    degenerate: bool = False,
    repeats: int = 5,
    limit: float = 10.0,
    progress: Callable[[str, float], None] | bool | None = None,
) -> Comparison:
    """Measure specgeo and other enumerators on networks, each run in a process of its own with one thread.

    Parameters
    ----------
    cases : sequence of Case
        Such as `named_cases` gives.
    against : sequence of str, optional
        Engines beside specgeo: ``"regioncam"``, ``"affinitree"``, ``"relucent"``; ``"float-only"``, ``"streamed"`` and
        ``"threads"`` are other ways of specgeo; ``"my_module:count"`` is a function of yours from (Network, Box) to the
        number of cells, or to an f-vector. By default the rivals that are installed. A package that is missing is said
        to be, and left out.
    degenerate : bool
        Count 200 small networks with dyadic weights too, whose counts are known from rational arithmetic.
    repeats : int
        Turns of engine and yardstick of which the median is taken, at least: short calls have as many as take 0.1 s,
        up to 200.
    limit : float
        Seconds that a first call may take, and again all repeats (specgeo has five times as many, since others are
        judged by what it finds); an engine that was stopped is spared networks of the same dimension with as many
        units.
    progress : bool or callable, optional
        True: a bar. A callable is called as ``progress(message, fraction)``.

    Returns
    -------
    Comparison
        Prints as a table; ``to_dict()`` is what `specgeo benchmark --save` writes.

    Raises
    ------
    InvalidInputError
        An engine is not known; ``repeats`` or ``limit`` is not positive.

    Examples
    --------
    >>> from specgeo.benchmark import compare, named_cases
    >>> found = compare(named_cases("quick")[:1], against=[], repeats=1)
    >>> [(run.case, run.engine, run.cells, run.outcome) for run in found.runs]
    [('2-16-16', 'specgeo', 412, 'right')]
    """
    if repeats < 1 or not limit > 0:
        raise InvalidInputError(f"repeats, limit: {repeats} and {limit:g} given; both are positive")
    rivals = [name for name in RIVALS if installed(str(ENGINES[name].package))] if against is None else against
    names = list(dict.fromkeys(["specgeo", *rivals]))
    engines = [engine_named(name) for name in names]
    tell = as_tell(progress)
    counts = []
    with compile_ahead() if len(cases) or degenerate else nullcontext():  # or the first start would take minutes
        runs = _run_all(cases, names, repeats, limit, as_tell(tell, 0.0, 0.8 if degenerate else 1.0))
        for at, name in enumerate(names if degenerate else ()):
            tell(f"{name}: networks with dyadic weights", 0.8 + 0.2 * at / len(names))
            counts.append(_census(name, 3 * limit))
    about = [
        {
            "name": engine.name, "reads": engine.reads, "licence": engine.licence, "package": engine.package,
            "version": installed(engine.package or "specgeo"),
        }
        for engine in engines
    ]  # fmt: skip
    packages = [engine.package for engine in engines if engine.package]
    return Comparison(describe(packages), about, runs, counts, options={"repeats": repeats, "limit": limit})


def _run_all(cases: Sequence[Case], names: Sequence[str], repeats: int, limit: float, tell: Tell) -> list[Run]:
    runs: list[Run] = []
    slow: dict[tuple[str, int], int] = {}  # engine, dimension -> units of the smallest network that it was stopped on
    for at, case in enumerate(cases):
        truth: Found = {}
        for place, name in enumerate(names):
            tell(f"{case.name}: {name}", (at + place / len(names)) / len(cases))
            refusal = engine_named(name).refuses(case.network)
            if refusal is not None:
                found = {"outcome": "unfit", "note": refusal}
            elif case.network.n_units >= slow.get((name, case.dim), case.network.n_units + 1):
                found = {"outcome": "left out", "note": f"a network with no more units took longer than {limit:g} s"}
            else:
                seconds = OWN_LIMIT * limit if name == "specgeo" else limit
                found = measure(name, case, repeats, seconds, truth.get("vertices"))
                found = {**found, **_judged(found, case.cells, truth.get("cells"), seconds)}
                if found["outcome"] == "stopped":
                    slow[name, case.dim] = case.network.n_units
            if name == "specgeo":
                truth = found
            kept: Found = {key: found.get(key) for key in _KEPT}
            runs.append(Run(case.name, name, case.dim, case.family, found["outcome"], found["note"], **kept))
    return runs


_KEPT = (
    *("cells", "vertices", "faces", "seconds", "yardstick_seconds", "first_seconds", "start_seconds"),
    *("peak_bytes", "base_bytes"),
)


def _judged(found: Found, known: int | None, ours: int | None, limit: float) -> dict[str, str]:
    """The outcome of a run and a note on it."""
    if "error" in found:
        return {"outcome": "raised", "note": " ".join(found["error"].split())[:200]}
    if "cells" not in found:
        if found["ended"] == "stopped":
            return {"outcome": "stopped", "note": f"not done after {limit:g} s"}
        return {"outcome": "crashed", "note": "the process ended without a word"}
    if known is not None:
        right = found["cells"] == known
        return {"outcome": "right" if right else "wrong", "note": "" if right else f"{known:,} are right"}
    if ours is None:
        return {"outcome": "counted", "note": ""}
    same = found["cells"] == ours
    return {"outcome": "same" if same else "differs", "note": "" if same else f"specgeo proves {ours:,}"}


def _census(name: str, limit: float) -> Census:
    """The degenerate networks, by one engine."""
    cases = degenerate_cases()
    refusal = engine_named(name).refuses(cases[0].network)
    if refusal is not None:
        return Census(name, 0, 0, 0, 0, len(cases), refusal, 0.0)
    found, seconds = count_all(name, cases, limit)
    kinds = dict.fromkeys(("right", "wrong", "wrong_vertices", "raised", "missing"), 0)
    notes = []
    for case, one in zip(cases, found, strict=True):
        kind, note = _kind(case, one)
        kinds[kind] += 1
        notes += [f"{case.name}: {note}"] if note else []
    return Census(name, **kinds, note=notes[0] if notes else "", seconds=seconds)


def _kind(case: Case, found: Found | None) -> tuple[str, str]:
    """How a count of the degenerate networks stands, and what to say of it."""
    if found is None:
        return "missing", ""
    if "error" in found:
        return "raised", " ".join(found["error"].split())[:120]
    if found["cells"] != case.cells:
        return "wrong", f"{counted(found['cells'], 'cell')} for {case.cells}"
    if found.get("vertices", case.vertices) != case.vertices:
        return "wrong_vertices", f"{counted(found['vertices'], 'vertex', 'vertices')} for {case.vertices}"
    return "right", ""
