"""How a complex was proved: `Certificate` of its enumeration, `Reproof` without it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from specgeo._display import Shown


@dataclass(frozen=True)
class Certificate(Shown):
    r"""Account of the sign decisions behind a complex.

    Attributes
    ----------
    certified : bool
        True when every decision was proved.
    float_filter, refined_filter, exact : int
        Decisions proved by the floating-point filter, by its componentwise refinement, and by exact
        arithmetic. With ``exact=False`` all are counted under ``float_filter`` and none is proved.
    exact_zeros : int
        Of the exact decisions, those that found zero.
    exact_positions : int
        Vertices whose coordinates were computed exactly and rounded, because the interpolated ones
        had a large error bound, and a step in double-doubles did not mend that.
    smallest_margin : float
        The smallest ratio \|value\| / (bound on its error) among the decisions of the float filter.
    seconds : dict
        Wall time by stage: ``maps`` (affine maps of layers), ``signs`` (at existing vertices, by floats),
        ``exact signs`` (those that floats left open), ``planes``, ``cut`` (with the signs at new vertices,
        exact ones included), ``positions`` (refined and exact ones).
    refined_positions : int
        Vertices whose interpolated coordinates had a large error bound, which a Newton step with residuals in
        double-doubles made small: about 32 digits, with a bound of their own.
    """

    certified: bool
    float_filter: int
    refined_filter: int
    exact: int
    exact_zeros: int
    exact_positions: int
    smallest_margin: float
    seconds: dict[str, float]
    refined_positions: int = 0

    @property
    def decisions(self) -> int:
        """Number of sign decisions made by arithmetic."""
        return self.float_filter + self.refined_filter + self.exact

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        if not self.certified:
            return f"not certified: {self.decisions:,} decisions by float64 alone, none of them proved (exact=False)"
        ways = [
            (self.float_filter, f"by float64 with an error bound (closest call: {self.smallest_margin:.3g} bounds)"),
            (self.refined_filter, "by a finer bound"),
            (self.exact, f"in whole numbers ({self.exact_zeros:,} zero: exactly on a neuron's boundary)"),
        ]
        how = ", ".join(f"{count:,} {way}" for count, way in ways if count) or "there were none to make"
        if self.decisions == 1:
            return f"certified: the one sign decision behind the cells is proved: {how.partition(' ')[2]}"
        return f"certified: all {self.decisions:,} sign decisions behind the cells are proved: {how}"


def together(certificates: Sequence[Certificate]) -> Certificate:
    """That of a complex made in parts, each with a certificate of its own; times of stages are added."""
    names = ("float_filter", "refined_filter", "exact", "exact_zeros", "exact_positions", "refined_positions")
    seconds: defaultdict[str, float] = defaultdict(float)
    for one in certificates:
        for stage, time in one.seconds.items():
            seconds[stage] += time
    return Certificate(
        certified=all(one.certified for one in certificates),
        smallest_margin=min(one.smallest_margin for one in certificates),
        seconds=dict(seconds),
        **{name: sum(getattr(one, name) for one in certificates) for name in names},
    )



@dataclass(frozen=True)
class Reproof(Shown):
    """Result of an independent re-proof.

    Attributes
    ----------
    proved : bool
        True when every check held: of the complex and of all numbers stored with it.
    failure : str or None
        The first check that failed, with the face it failed on.
    not_covered : tuple of str
        What is stored beside and is no statement that could be proved: how the enumeration went, names, notes.
    n_vertices, n_signs, n_incidences : int
        Vertices solved exactly, signs evaluated exactly, (face, boundary face) pairs checked.
    largest_error : float
        Largest distance (max norm) of a stored coordinate from the exact one.
    seconds : float
    """

    proved: bool
    failure: str | None
    not_covered: tuple[str, ...]
    n_vertices: int
    n_signs: int
    n_incidences: int
    largest_error: float
    seconds: float

    def __bool__(self) -> bool:
        return self.proved
