"""`verify`: every claim of the theory that applies to one network on one domain, with a verdict.

Statements are numbered as in "On the Spectral Bias of Neural Networks" (arXiv 1806.08734v3).
Where the paper needs repair the repaired statement is what is checked, and the entry says so:

- Lemma 1 carries the wrong sign for its own Fourier convention; absolute values are unaffected.
- "Theta(1)" in Lemma 2 and Theorem 1 holds as O(1) only: the oscillating sums may vanish.
- C_n = O(L_f N_f) is not uniform over directions; the bounds J(u)/|k|^2 and 2 L_f N shadow/|k|^2 are.
- The proof of the volume proposition (appendix D) leaves a gap; a Markov bound with explicit constants
  replaces it.
- That inputs of one class can be joined inside the class is an observation, never a theorem.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from specgeo._arguments import checked
from specgeo._cast import RNGLike, as_budget
from specgeo._deprecated import renamed_argument
from specgeo._files import as_path, make_folder, write_bytes
from specgeo._limits import limited
from specgeo._progress import reported
from specgeo._workers import working
from specgeo.domain import as_domain
from specgeo.errors import InvalidInputError, MissingDependencyError
from specgeo.network import Network
from specgeo.results import PAPER, Result, jsonable
from specgeo.verification.claim import STATUSES, Claim
from specgeo.verification.claims import every_claim
from specgeo.verification.figures import closeness
from specgeo.verification.html import page
from specgeo.verification.subject import Progress, Subject, as_progress

_SHARE = 0.25  # of the time left, for one claim: whatever each takes, the whole ends in time


@dataclass(frozen=True, eq=False)
class VerificationReport(Result):
    """The verdict on one network.

    Attributes
    ----------
    title : str
    network, domain : str
    summary : dict
        Size of the network and of its complex.
    claims : tuple of Claim
        Failing ones first.
    seed : int
        Of what was sampled; ``rng=seed`` repeats it.
    seconds : float
    """

    title: str
    network: str
    domain: str
    summary: dict[str, Any]
    claims: tuple[Claim, ...]
    seed: int
    seconds: float

    @property
    def holds(self) -> bool:
        """True where no check fails."""
        return all(claim.holds for claim in self.claims)

    @property
    def failing(self) -> tuple[Claim, ...]:
        """The claims with a check that fails."""
        return tuple(claim for claim in self.claims if not claim.holds)

    @property
    def unchecked(self) -> tuple[Claim, ...]:
        """The claims that could not be checked, for lack of budget or by an error: nothing is known about them."""
        return tuple(claim for claim in self.claims if claim.failure)

    @property
    def counts(self) -> dict[str, int]:
        """Number of claims of each status."""
        return {status: sum(claim.status == status for claim in self.claims) for status in STATUSES}

    def __getitem__(self, key: str) -> Claim:
        """A claim by its key."""
        for claim in self.claims:
            if claim.key == key:
                return claim
        raise KeyError(key)

    def __len__(self) -> int:
        """Number of claims."""
        return len(self.claims)

    def __iter__(self) -> Iterator[Claim]:
        return iter(self.claims)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, for JSON."""
        return {
            "specgeo_report": 2,
            "title": self.title,
            "paper": PAPER,
            "network": self.network,
            "domain": self.domain,
            "holds": self.holds,
            "counts": self.counts,
            "seed": self.seed,
            "seconds": self.seconds,
            "summary": jsonable(self.summary),
            "claims": [claim.to_dict() for claim in self.claims],
        }

    def to_json(self) -> str:
        """`to_dict` as text, one key a line."""
        lines = (f"{json.dumps(key)}: {json.dumps(item, allow_nan=False)}" for key, item in self.to_dict().items())
        return "{\n" + ",\n".join(lines) + "\n}\n"

    def to_html(self) -> str:
        """A self-contained page: figures embedded, no scripts, nothing loaded from elsewhere."""
        return page(self.to_dict(), {claim.key: claim.figure for claim in self.claims if claim.figure is not None})

    def _files(self) -> dict[str, bytes]:
        return {"verify.json": self.to_json().encode(), "verify.html": self.to_html().encode()}

    def write(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write the report's files (``verify.json``, ``verify.html``) into a folder, made if needed; their paths."""
        target = make_folder(as_path(folder, "folder"), "folder")
        contents = self._files()  # nothing is replaced before all is there
        for name, data in contents.items():
            write_bytes(target / name, data, "folder")
        return [target / name for name in contents]

    def plot(self, ax: Any = None) -> Any:
        """How close each check comes to its bound; returns the matplotlib axes."""
        return closeness([check for claim in self.claims for check in claim.checks], ax)

    @property
    def _counted(self) -> str:
        return ", ".join(f"{n} {status}" for status, n in self.counts.items() if n or status == "fails")

    def __str__(self) -> str:
        return "\n".join([f"{self.title}: {self._counted}", *map(str, self.claims)])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.title}: {self._counted})"


@renamed_argument("seed", "rng")
@checked
@reported
def verify(
    net: Network,
    domain: Any,
    out: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
    rng: RNGLike = 0,
    *,
    output: int = 0,
    figures: bool = True,
    max_cells: int | None = None,
    max_bytes: int | None = None,
    max_simplices: int | None = 1_000_000,
    max_seconds: float = 120.0,
    executor: Any = None,
) -> VerificationReport:
    """Check every claim of the theory that applies to a network on a domain.

    Parameters
    ----------
    net : Network
        d inputs, m outputs.
    domain : Box, Polytope, convex shapely Polygon or scipy ConvexHull
        Bounded; what needs a box (series, samples) is checked on a cube inside a polytope.
    out : path, optional
        Folder for ``verify.json`` and ``verify.html``.
    progress : bool or callable, optional
        True: a bar. A callable is called with (title of the claim, share done).
    rng : int, SeedSequence, BitGenerator, Generator or None
        For the wavevectors, directions and parameter draws.
    output : int
        Which output the scalar claims are about.
    figures : bool
        Draw the figures (needs matplotlib).
    max_cells, max_bytes : int, optional
        Budgets of each enumeration, as in `specgeo.enumerate_regions`.
    max_simplices : int, optional
        Budget of each triangulation; a claim that needs a finer one could not be checked.
    max_seconds : float
        About the time that the whole may take, compilation not counted: the complex comes first, and one claim may
        take a quarter of what is left. A claim that needs more could not be checked, and says so.
    executor : int or concurrent.futures.Executor, optional
        Number of threads, or who does the work, as in `specgeo.reduce_regions`: for enumerations (by default on every
        core) and transforms (by default in one thread). It changes no bit of what is found.

    Returns
    -------
    VerificationReport
        ``report.holds`` is False where any check fails; failing claims come first. A claim whose evaluation
        raises an error is among ``report.unchecked``, with the reason, and the others go on.

    Raises
    ------
    InvalidInputError
        The domain has another dimension, ``output`` does not exist, ``rng`` is negative, a budget is not positive,
        ``executor`` is none of these, or ``out`` cannot be made.
    BudgetError
        The complex of the network on the domain needs more than ``max_cells`` cells, ``max_bytes`` bytes or
        ``max_seconds`` seconds.
    MissingDependencyError
        ``figures`` without matplotlib.

    Examples
    --------
    >>> import specgeo as sg
    >>> tent = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> report = sg.verify(tent, sg.Box([-2], [2]), figures=False)
    >>> report.holds, report["lipschitz"].checks[0].measured
    (True, 1.0)
    """
    started, tell = time.perf_counter(), as_progress(progress)
    subject = Subject(net, as_domain(domain), output, rng, max_cells, max_bytes)
    if figures and find_spec("matplotlib") is None:
        raise MissingDependencyError("figures: need matplotlib; install specgeo[viz] or pass figures=False")
    if out is not None:
        make_folder(as_path(out, "out"), "out")
    with working(executor):
        claims, summary = examine(subject, every_claim(), tell, figures, max_seconds, max_simplices)
    network, place = repr(net), repr(subject.domain)
    seconds = time.perf_counter() - started
    report = VerificationReport(f"{network} on {place}", network, place, summary, claims, subject.seed, seconds)
    if out is not None:
        report.write(out)
    tell("done", 1.0)
    return report


def examine(
    subject: Subject,
    claims: Sequence[Claim],
    tell: Progress,
    figures: bool = False,
    max_seconds: float = float("inf"),
    max_simplices: int | None = None,
) -> tuple[tuple[Claim, ...], dict[str, Any]]:
    """The claims with their evidence, failing ones first, and the summary of the subject, within budgets."""
    if not isinstance(max_seconds, (int, float, np.number)) or not max_seconds > 0:
        raise InvalidInputError(f"max_seconds: {max_seconds!r} given; a positive number wanted")
    simplices = as_budget(max_simplices, "max_simplices") or float("inf")
    examined = []
    with limited(max_seconds) as whole, np.errstate(all="ignore"):
        _ = subject.complex  # without it there is nothing to check: its budget errors leave this function
        for index, claim in enumerate(claims):
            tell(claim.title, index / len(claims))
            with limited(max(0.0, _SHARE * (max_seconds - whole.spent)), simplices):
                examined.append(claim.examined(subject, figures))
        with limited(float("inf")):
            summary = subject.summary()
    return tuple(sorted(examined, key=lambda claim: STATUSES.index(claim.status))), summary
