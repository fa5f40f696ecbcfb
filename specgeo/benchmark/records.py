"""What a benchmark finds, as frozen records that print, draw and turn into plain values and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from specgeo.benchmark import tables
from specgeo.results import Result


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
        Medians; a yardstick is a forward pass at as many points as the complex has vertices. Processor time for engines
        of one thread (other jobs on the machine count less), time that passes for ``threads`` and engines of yours.
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
class TransformRun(Result):
    """One program on one shape.

    Attributes
    ----------
    shape, engine : str
    tolerance : float or None
        That was asked for, where a program takes one.
    errors : dict
        Kind of wavevectors (see `compare_transforms`) -> largest error over the volume; missing where it was not tried.
    bound : float or None
        Largest error bound that the program itself gives at the usual wavevectors, over the volume.
    per_second : float or None
        Evaluations of the whole shape at usual wavevectors.
    exponentials : float or None
        Time over that of numpy's complex exponentials for the same pairs of vertex and wavevector.
    note : str
        Why figures are missing.
    """

    shape: str
    engine: str
    tolerance: float | None = None
    errors: dict[str, float] = field(default_factory=dict)
    bound: float | None = None
    per_second: float | None = None
    exponentials: float | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class SpectrumRun(Result):
    """`specgeo.spectrum` of a network on a lattice of wavevectors, by one method.

    Attributes
    ----------
    method : str
        Of `specgeo.spectrum`.
    cells, n_waves : int
    error, bound : float
        Largest error on a sample of wavevectors, and the largest bound that is claimed there, over the L2 norm of f
        times the root of the domain's volume, which is at least int \\|f\\|.
    holds : bool
        Every error is below its own bound.
    seconds : float
        Median, for all wavevectors.
    """

    method: str
    cells: int
    n_waves: int
    error: float
    bound: float
    holds: bool
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

    @property
    def speedups(self) -> dict[str, dict[str, float]]:
        """Rival -> times of specgeo that it takes where its count is right: least, geometric mean, most, cases."""
        ours = {run.case: run.best_seconds for run in self.runs if run.engine == "specgeo"}
        ratios: dict[str, list[float]] = {}
        for run in self.runs:
            right = run.engine != "specgeo" and run.outcome in ("right", "same")
            if right and run.best_seconds and ours.get(run.case):
                ratios.setdefault(run.engine, []).append(run.best_seconds / (ours[run.case] or 1.0))
        return {
            name: {"least": min(r), "mean": float(np.exp(np.mean(np.log(r)))), "most": max(r), "cases": len(r)}
            for name, r in ratios.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """All as plain values, with ``growth`` and ``speedups``; `of` makes the comparison of them again."""
        return {**super().to_dict(), "growth": self.growth, "speedups": self.speedups}

    @classmethod
    def of(cls, data: dict[str, Any]) -> Comparison:
        """The comparison whose ``to_dict()`` was stored."""
        parts = {"runs": Run, "degenerate": Census, "transforms": TransformRun, "spectra": SpectrumRun}
        lists = {name: [kind(**one) for one in data[name]] for name, kind in parts.items()}
        return cls(machine=data["machine"], engines=data["engines"], options=data["options"], **lists)

    def __str__(self) -> str:
        return tables.as_text(self.to_dict())

    def to_markdown(self) -> str:
        """All tables in Markdown, under headings."""
        return tables.as_markdown(self.to_dict())

    def plot(self, ax: Any = None) -> Any:
        """Cells against seconds, both logarithmic, a line an engine and a marker a dimension."""
        from specgeo.benchmark.pictures import cells_against_seconds

        return cells_against_seconds(self.to_dict(), ax)

    def plot_transforms(self) -> Any:
        """Errors of transforms against the tolerance asked for, and against throughput; a figure with two axes."""
        from specgeo.benchmark.pictures import accuracy_of_transforms

        return accuracy_of_transforms(self.to_dict())
