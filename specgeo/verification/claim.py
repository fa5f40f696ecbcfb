"""A claim of the theory: what is said and where, and, once it is examined, what one network says to it.

The claims are the functions decorated by `claim` in the modules of `specgeo.verification.claims`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from specgeo.errors import BudgetError
from specgeo.results import Check, Result, jsonable
from specgeo.verification.figures import Panel, draw
from specgeo.verification.subject import Subject

Status = Literal["fails", "holds", "observed", "not applicable", "could not be checked"]
STATUSES: tuple[Status, ...] = ("fails", "holds", "observed", "could not be checked", "not applicable")


class NotApplicable(Exception):
    """A claim that says nothing about this network or domain; the message says why."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a claim finds on a network: checks, figures to draw, other numbers."""

    checks: Iterable[Check] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    panels: tuple[Panel, ...] = ()
    caption: str = ""
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Claim(Result):
    """A claim of the theory, and the evidence of one network.

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
    remark: str
    evidence: Callable[[Subject], Evidence] = field(repr=False)
    checks: tuple[Check, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    figure: bytes | None = None
    caption: str = ""
    seconds: float = 0.0
    skipped: str = ""
    failure: str = ""

    def examined(self, subject: Subject, figures: bool = False) -> Claim:
        """The claim with its evidence; what a network or domain does not allow is said, not raised."""
        started = time.perf_counter()

        def found(**changes: Any) -> Claim:
            return replace(self, seconds=time.perf_counter() - started, **changes)

        try:
            evidence = self.evidence(subject)
            checks = tuple(evidence.checks)
        except NotApplicable as reason:
            return found(skipped=str(reason))
        except BudgetError as error:
            return found(failure=f"over budget: {error}")
        except Exception as error:  # one claim must not take the others with it
            return found(failure=f"{type(error).__name__}: {error}")
        beyond = [check.name for check in checks if not check.decided]
        figure, lost = _drawn(evidence.panels if figures else ())
        return found(
            remark=f"{self.remark} {evidence.remark}".strip(),
            checks=tuple(check for check in checks if check.decided),
            facts=evidence.facts,
            figure=figure,
            caption=lost or (evidence.caption if figure else ""),
            failure=f"numbers beyond the range of floats: {', '.join(beyond)}" if beyond else "",
        )

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
        """Plain Python values, for JSON; the figure is left out, ``tightest`` is a position among the checks."""
        words = ("key", "title", "source", "statement", "remark", "status", "skipped", "failure", "caption", "seconds")
        tightest = self.tightest
        return {
            **{name: getattr(self, name) for name in words},
            "checks": [check.to_dict() for check in self.checks],
            "tightest": None if tightest is None else self.checks.index(tightest),
            "facts": jsonable(self.facts),
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


CLAIMS: dict[str, Claim] = {}
"""The claims of the modules loaded so far by their keys, not examined; all are in `claims.every_claim`."""


def claim(
    key: str, title: str, source: str, statement: str, remark: str = ""
) -> Callable[[Callable[[Subject], Evidence]], Claim]:
    """Decorator: the function finds the evidence for a claim on a network, and becomes that claim."""

    def register(evidence: Callable[[Subject], Evidence]) -> Claim:
        CLAIMS[key] = Claim(key, title, source, statement, remark, evidence)
        return CLAIMS[key]

    return register


def _drawn(panels: tuple[Panel, ...]) -> tuple[bytes | None, str]:
    """The figure of a claim; where it cannot be drawn the claim stands without it, and the reason is given."""
    if not panels:
        return None, ""
    try:
        return draw(panels), ""
    except Exception as error:
        return None, f"The figure could not be drawn ({type(error).__name__}: {error})."


def _reached(check: Check) -> float:
    return -np.inf if np.isnan(check.reached) else check.reached
