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
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from specgeo._cast import as_budget
from specgeo._files import make_folder, write_text
from specgeo._limits import limited
from specgeo.domain import Box, Polytope
from specgeo.errors import BudgetError, DomainError, InvalidInputError, MissingDependencyError
from specgeo.network import Network
from specgeo.results import PAPER, Check, Result, jsonable

Status = Literal["fails", "holds", "observed", "not applicable", "could not be checked"]
STATUSES: tuple[Status, ...] = ("fails", "holds", "observed", "could not be checked", "not applicable")
_SHARE = 0.25  # of the time left, for one claim: whatever each takes, the whole ends in time


@dataclass(frozen=True, eq=False)
class Claim(Result):
    """One entry of the report.

    Attributes
    ----------
    key, title : str
    source : str
        Where the paper states it.
    statement : str
        What is claimed, in the form that is checked.
    remark : str
        How that differs from the paper's wording, or what the numbers say; may be empty.
    checks : tuple of Check
        Measured value, bound, slack, verdict.
    facts : dict
        Further figures of this network.
    figure : bytes or None
        PNG; kept out of `to_dict`.
    caption : str
    seconds : float
    skipped : str
        Why the claim says nothing about this network or domain; empty where it does.
    failure : str
        Why it could not be checked: the budget that was spent, or the error; empty where it was.
    """

    key: str
    title: str
    source: str
    statement: str
    remark: str = ""
    checks: tuple[Check, ...] = ()
    facts: dict[str, Any] | None = None
    figure: bytes | None = None
    caption: str = ""
    seconds: float = 0.0
    skipped: str = ""
    failure: str = ""

    @property
    def status(self) -> Status:
        """``"observed"`` where there is nothing to hold against; ``"not applicable"`` where it says nothing here."""
        if self.skipped:
            return "not applicable"
        if not all(check.holds for check in self.checks):
            return "fails"
        if self.failure:
            return "could not be checked"
        return "holds" if self.checks else "observed"

    @property
    def holds(self) -> bool:
        """False only where a check fails."""
        return self.status != "fails"

    @property
    def tightest(self) -> Check | None:
        """The check that fails, or else the inequality nearest to its bound."""
        failing = [check for check in self.checks if not check.holds]
        if failing:
            return failing[0]
        bounds = [check for check in self.checks if check.relation != "=="]
        return max(bounds, key=_reached) if bounds else (self.checks[0] if self.checks else None)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, for JSON; the figure is left out."""
        return {
            "key": self.key,
            "title": self.title,
            "source": self.source,
            "statement": self.statement,
            "remark": self.remark,
            "status": self.status,
            "skipped": self.skipped,
            "failure": self.failure,
            "checks": [check.to_dict() for check in self.checks],
            "facts": jsonable(self.facts or {}),
            "seconds": self.seconds,
        }

    def __str__(self) -> str:
        line = f"{self.status:<14} {self.title} ({self.source})"
        tightest = self.tightest
        if self.skipped or self.failure:
            return f"{line}: {self.skipped or self.failure}"
        if tightest is None:
            return line
        checks = "1 check" if len(self.checks) == 1 else f"{len(self.checks)} checks"
        return f"{line}: {checks}; {tightest.name}: {tightest.sides}"


@dataclass(frozen=True, eq=False)
class VerificationReport(Result):
    """The verdict on one network.

    Attributes
    ----------
    network, domain : str
    summary : dict
        Size of the network and of its complex.
    claims : tuple of Claim
        Failing ones first.
    seed : int
    seconds : float
    """

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

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, for JSON."""
        return {
            "specgeo_report": 1,
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

    def to_html(self) -> str:
        """A self-contained page: figures embedded, no scripts, nothing loaded from elsewhere."""
        from specgeo.theory._html import page

        return page(self)

    def write(self, folder: str | Path) -> Path:
        """Write ``verify.json`` and ``verify.html``; returns the folder, made where it is missing."""
        where = make_folder(Path(folder), "folder")
        page = self.to_html()
        write_text(where / "verify.json", json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n", "folder")
        write_text(where / "verify.html", page, "folder")
        return where

    def plot(self, ax: Any = None) -> Any:
        """How close each check comes to its bound; returns the matplotlib axes."""
        from specgeo.theory.figures import closeness

        return closeness([check for claim in self.claims for check in claim.checks], ax)

    def __str__(self) -> str:
        counts = ", ".join(f"{n} {status}" for status, n in self.counts.items() if n or status == "fails")
        head = f"{self.network} on {self.domain}: {counts}"
        return "\n".join([head, *map(str, self.claims)])


def verify(
    net: Network,
    domain: Box | Polytope,
    out: str | Path | None = None,
    progress: Callable[[str, float], None] | None = None,
    seed: int = 0,
    *,
    output: int = 0,
    figures: bool = True,
    max_cells: int | None = None,
    max_bytes: int | None = None,
    max_simplices: int | None = 1_000_000,
    max_seconds: float = 120.0,
) -> VerificationReport:
    """Check every claim of the theory that applies to a network on a domain.

    Parameters
    ----------
    net : Network
        d inputs, m outputs.
    domain : Box or Polytope
        Bounded; what needs a box (series, samples) is checked on a cube inside a polytope.
    out : path, optional
        Folder for ``verify.json`` and ``verify.html``.
    progress : callable, optional
        Called with (title of the claim, share done).
    seed : int
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

    Returns
    -------
    VerificationReport
        ``report.holds`` is False where any check fails; failing claims come first. A claim whose evaluation
        raises an error is among ``report.unchecked``, with the reason, and the others go on.

    Raises
    ------
    InvalidInputError
        The domain has another dimension, ``output`` does not exist, ``seed`` is negative, a budget is not positive,
        or ``out`` cannot be made.
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
    from specgeo.theory.claims import CLAIMS
    from specgeo.theory.subject import Subject

    if not isinstance(net, Network):
        raise InvalidInputError(f"net: {type(net).__name__} given; pass a specgeo.Network")
    if not isinstance(domain, (Box, Polytope)):
        raise InvalidInputError(f"domain: {type(domain).__name__} given; pass a specgeo.Box or Polytope")
    if not 0.0 < domain.volume < np.inf:
        raise DomainError(f"domain: its volume, {domain.volume:g}, is beyond the range of floats; choose another scale")
    if domain.dim != net.input_dim:
        raise InvalidInputError(f"domain: dimension {domain.dim} given, the network has {net.input_dim} inputs")
    if not 0 <= output < net.output_dim:
        raise InvalidInputError(f"output: {output} given; the network has outputs 0 to {net.output_dim - 1}")
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InvalidInputError(f"seed: {seed!r} given; pass an integer, 0 or more")
    if not max_seconds > 0:
        raise InvalidInputError(f"max_seconds: {max_seconds!r} given; a positive number wanted")
    simplices = as_budget(max_simplices, "max_simplices") or float("inf")
    if figures:
        require_matplotlib()
    if out is not None:
        make_folder(Path(out), "out")
    started = time.perf_counter()
    subject = Subject(net, domain, seed, output, figures, max_cells, max_bytes)
    with limited(max_seconds) as whole, np.errstate(all="ignore"):
        _ = subject.complex  # without it there is nothing to check: its budget errors leave this function
        claims = []
        for index, claim in enumerate(CLAIMS):
            if progress is not None:
                progress(claim.title, index / len(CLAIMS))
            with limited(max(0.0, _SHARE * (max_seconds - whole.spent)), simplices):
                claims.append(_run(claim, subject))
        with limited(float("inf")):
            summary = subject.summary()
    claims.sort(key=lambda c: STATUSES.index(c.status))
    report = VerificationReport(
        repr(net), repr(domain), summary, tuple(claims), seed, time.perf_counter() - started
    )
    if out is not None:
        report.write(out)
    if progress is not None:
        progress("done", 1.0)
    return report


def require_matplotlib() -> None:
    """Say before the work begins that figures cannot be drawn."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise MissingDependencyError("figures: need matplotlib; install specgeo[viz] or pass figures=False")


def _run(template: Any, subject: Any) -> Claim:
    """One claim; what a network or domain does not allow is said, not raised."""
    from specgeo.theory.subject import NotApplicable

    started = time.perf_counter()
    fixed = {"key": template.key, "title": template.title, "source": template.source, "statement": template.statement}
    try:
        evidence = template.evaluate(subject)
        checks = tuple(evidence.checks)
    except NotApplicable as reason:
        return Claim(**fixed, skipped=str(reason), seconds=time.perf_counter() - started)
    except BudgetError as error:
        return Claim(**fixed, failure=f"over budget: {error}", seconds=time.perf_counter() - started)
    except Exception as error:  # one claim must not take the others with it
        return Claim(**fixed, failure=f"{type(error).__name__}: {error}", seconds=time.perf_counter() - started)
    beyond = [check.name for check in checks if not check.decided]
    failure = f"numbers beyond the range of floats: {', '.join(beyond)}" if beyond else ""
    figure, lost = _draw(evidence.panels if subject.figures else ())
    return Claim(
        **fixed,
        remark=f"{template.remark} {evidence.remark}".strip(),
        checks=tuple(check for check in checks if check.decided),
        facts=evidence.facts,
        figure=figure,
        caption=lost or (evidence.caption if figure else ""),
        seconds=time.perf_counter() - started,
        failure=failure,
    )


def _draw(panels: tuple[Callable[[Any], Any], ...]) -> tuple[bytes | None, str]:
    """The figure of a claim; where it cannot be drawn the claim stands without it, and the reason is given."""
    from specgeo.theory.figures import draw

    if not panels:
        return None, ""
    try:
        return draw(panels), ""
    except Exception as error:
        return None, f"The figure could not be drawn ({type(error).__name__}: {error})."


def _reached(check: Check) -> float:
    return -np.inf if np.isnan(check.reached) else check.reached
