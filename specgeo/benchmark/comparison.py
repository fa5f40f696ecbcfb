"""Enumerators side by side on the same networks: counts, times, memory, growth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from specgeo._arguments import checked
from specgeo._display import counted
from specgeo._progress import Tell, as_tell, reported
from specgeo.benchmark import tables
from specgeo.benchmark.cases import Case, degenerate_cases
from specgeo.benchmark.engines import ENGINES, RIVALS, engine_named
from specgeo.benchmark.machine import describe, installed
from specgeo.benchmark.processes import Found, count_all, measure
from specgeo.errors import InvalidInputError
from specgeo.results import Result

if TYPE_CHECKING:
    from specgeo.benchmark.spectra import SpectrumRun
    from specgeo.benchmark.transforms import TransformRun


@dataclass(frozen=True, eq=False)
class Run(Result):
    """One engine on one case.

    Attributes
    ----------
    case, engine : str
    dim : int
        Inputs of the network.
    family : str or None
        The cases of one family differ in size alone.
    outcome : str
        ``"right"`` or ``"wrong"``, against the count known; ``"same"`` or ``"differs"``, against that of specgeo;
        ``"counted"`` by specgeo; ``"stopped"`` at the limit of time, ``"raised"``, ``"crashed"``, ``"unfit"`` (not
        read, or not installed), ``"left out"`` since a smaller case took longer than the limit.
    note : str
        Why there is no count, or what it should be.
    cells, vertices, faces : int or None
        Counted by the engine; faces are those of all dimensions together.
    seconds, yardstick_seconds : float or None
        Medians; a yardstick is a forward pass at as many points as the complex has vertices.
    first_seconds, start_seconds : float or None
        Of the first call, and of what comes before it: imports, kernels compiled or loaded.
    peak_bytes, base_bytes : int or None
        The most memory that the process held at the end of the first call, and before it.
    """

    case: str
    engine: str
    dim: int
    family: str | None = None
    outcome: str = ""
    note: str = ""
    cells: int | None = None
    vertices: int | None = None
    faces: int | None = None
    seconds: float | None = None
    yardstick_seconds: float | None = None
    first_seconds: float | None = None
    start_seconds: float | None = None
    peak_bytes: int | None = None
    base_bytes: int | None = None

    @property
    def best_seconds(self) -> float | None:
        """The median, or the first call where no other ended within the limit."""
        return self.first_seconds if self.seconds is None else self.seconds

    @property
    def yardsticks(self) -> float | None:
        """Time in forward passes at the vertices."""
        return self.seconds / self.yardstick_seconds if self.seconds and self.yardstick_seconds else None


@dataclass(frozen=True, eq=False)
class Census(Result):
    """Counts of one engine on the degenerate networks, against rational arithmetic.

    Attributes
    ----------
    engine : str
    right, wrong, wrong_vertices, raised, missing : int
        Networks: with the right count, a wrong number of cells, the right one and a wrong number of vertices, an error,
        those not reached within the limit of time.
    note : str
        The first count that is wrong, or the first error.
    seconds : float
        For all, the start of the process included.
    """

    engine: str
    right: int
    wrong: int
    wrong_vertices: int
    raised: int
    missing: int
    note: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Comparison(Result):
    """What `compare` measured.

    Attributes
    ----------
    machine : dict
        Processor, cores, versions, load.
    engines : list of dict
        Name, what it reads, version, licence.
    runs : list of Run
    degenerate : list of Census
        Of the 200 small networks with dyadic weights, where they were asked for.
    transforms : list of TransformRun
        Of `compare_transforms`, where they were asked for.
    spectra : list of SpectrumRun
        Of `compare_spectra`, likewise.
    options : dict
        Repeats, limit of time.
    """

    machine: dict[str, Any]
    engines: list[dict[str, Any]]
    runs: list[Run]
    degenerate: list[Census] = field(default_factory=list)
    transforms: list[TransformRun] = field(default_factory=list)
    spectra: list[SpectrumRun] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def growth(self) -> dict[str, dict[str, float]]:
        """Family -> engine -> p of the fit seconds ~ cells^p, where an engine did three cases of it or more."""
        found: dict[str, dict[str, float]] = {}
        for family in dict.fromkeys(run.family for run in self.runs if run.family):
            for engine in dict.fromkeys(run.engine for run in self.runs):
                done = [r for r in self.runs if (r.family, r.engine) == (family, engine) and r.cells and r.seconds]
                if len({run.cells for run in done}) >= 3:
                    cells, seconds = np.log(np.array([[run.cells, run.seconds] for run in done], dtype=float)).T
                    found.setdefault(family, {})[engine] = float(np.polyfit(cells, seconds, 1)[0])
        return found

    def to_dict(self) -> dict[str, Any]:
        """All as plain values, with ``growth``."""
        return {**super().to_dict(), "growth": self.growth}

    def __str__(self) -> str:
        return tables.as_text(self.to_dict())

    def plot(self, ax: Any = None) -> Any:
        """Cells against seconds, both logarithmic, a line an engine and a marker a dimension."""
        from specgeo.benchmark.pictures import cells_against_seconds

        return cells_against_seconds(self.to_dict(), ax)


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
        Turns of engine and yardstick of which the median is taken.
    limit : float
        Seconds that a first call may take, and again all repeats; larger cases of the same dimension are left out for
        an engine that was stopped.
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
    runs = _run_all(cases, names, repeats, limit, as_tell(tell, 0.0, 0.8 if degenerate else 1.0))
    counts = []
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
    slow: set[tuple[str, int]] = set()  # engines that were stopped, and the dimension
    for at, case in enumerate(cases):
        truth: Found = {}
        for place, name in enumerate(names):
            tell(f"{case.name}: {name}", (at + place / len(names)) / len(cases))
            refusal = engine_named(name).refuses(case.network)
            if refusal is not None:
                found = {"outcome": "unfit", "note": refusal}
            elif (name, case.dim) in slow:
                found = {"outcome": "left out", "note": f"a smaller case took longer than {limit:g} s"}
            else:
                found = measure(name, case, repeats, limit, truth.get("vertices"))
                found = {**found, **_judged(found, case.cells, truth.get("cells"), limit)}
                if found["outcome"] == "stopped":
                    slow.add((name, case.dim))
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
