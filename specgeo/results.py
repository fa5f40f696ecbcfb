"""`Result` and `Check`: the shared shape of what theory, paths and verification return.

Every result is a frozen dataclass with a readable ``str``, a JSON-able ``to_dict()`` and a
``plot(ax=None)``. A `Check` is one comparison on one network: a measured value, the value it must
not exceed (or reach, or equal), and what is left between them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from specgeo._deprecated import warn
from specgeo._display import Shown
from specgeo.errors import InvalidInputError, MissingDependencyError

Relation = Literal["<=", ">=", "=="]

PAPER = "arXiv 1806.08734v3"
RADIANS = "|k|  (radians per unit length)"
"""Label of axes that show lengths of wavevectors."""


def jsonable(value: Any) -> Any:
    """Plain lists, dicts, numbers and strings; complex numbers become [re, im], infinities strings."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: jsonable(getattr(value, f.name)) for f in fields(value) if f.repr}
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "biu" or (value.dtype.kind == "f" and np.all(np.isfinite(value))):
            return value.tolist()
        if value.dtype.kind == "c" and np.all(np.isfinite(value)):
            return np.stack((value.real, value.imag), axis=-1).tolist()
        return jsonable(value.tolist())
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (complex, np.complexfloating)):
        return [jsonable(value.real), jsonable(value.imag)]
    if isinstance(value, (float, np.floating, Fraction)):
        number = float(value)
        return number if math.isfinite(number) else str(number)
    return str(value)


def empty_figure(width: float = 6.0, height: float = 4.0) -> Any:
    """A matplotlib figure, size in inches; without pyplot it needs no display and leaves no global state behind."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("plotting needs matplotlib: pip install 'specgeo[viz]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def axes(ax: Any = None) -> Any:
    """The axes given, or those of a new figure."""
    return empty_figure().add_subplot() if ax is None else ax


def format_number(value: float | int) -> str:
    """Six significant digits; a Python integer beyond 10^12 as 10^x."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**12 else f"{'-' if value < 0 else ''}10^{log10(abs(value)):.2f}"
    return f"{value:.6g}"


def log10(value: int | float) -> float:
    """Base-10 logarithm of a positive number; Python integers of any size."""
    return math.log10(value) if value > 0 else -math.inf


@dataclass(frozen=True, eq=False)
class Result(Shown):
    """Base of the results of `specgeo.theory`, `specgeo.paths` and `specgeo.verification`."""

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain Python values, ready for ``json.dumps``."""
        result: dict[str, Any] = jsonable(self)
        return result


@dataclass(frozen=True, eq=False)
class Check(Result):
    """One comparison, measured on one network; the checks of a claim are its evidence.

    Attributes
    ----------
    name : str
        Identifier, such as ``"lipschitz.product"``.
    statement : str
        What is compared, in words, with its number in the paper (arXiv 1806.08734v3) or its other source.
    measured, bound : float or int
        The two sides of the relation.
    relation : {"<=", ">=", "=="}
        How measured must stand to bound.
    tolerance : float
        What floating point, or a stated error bound, may add to either side.
    details : dict
        Further figures, arrays included.

    Examples
    --------
    >>> from specgeo.results import Check
    >>> check = Check("lipschitz.product", "L_f <= prod |W_l| (Proposition 3)", 2.0, 8.0)
    >>> check.holds, check.slack, check.ratio
    (True, 6.0, 0.25)
    >>> print(check)
    holds  lipschitz.product: 2 <= 8 (0.25 of the bound)
           L_f <= prod |W_l| (Proposition 3)
    """

    name: str
    statement: str
    measured: float
    bound: float
    relation: Relation = "<="
    tolerance: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.relation not in ("<=", ">=", "=="):
            raise InvalidInputError(f"relation: {self.relation!r} given; use '<=', '>=' or '=='")

    @property
    def claim(self) -> str:
        """Old name of ``name``."""
        warn("Check.claim", "Check.name")
        return self.name

    @property
    def slack(self) -> float:
        """What is left before the relation fails, tolerance not counted: negative beyond it."""
        if self.measured == self.bound:  # covers equal infinities
            return 0.0
        if self.relation == "==":
            return -abs(self.measured - self.bound)
        return self.bound - self.measured if self.relation == "<=" else self.measured - self.bound

    @property
    def ratio(self) -> float:
        """measured / bound; 1 where both vanish."""
        if self.bound == 0:
            return 1.0 if self.measured == 0 else math.copysign(math.inf, self.measured)
        if math.isinf(self.bound):
            return 0.0 if math.isfinite(self.measured) else math.nan
        return float(self.measured / self.bound)

    @property
    def reached(self) -> float:
        """How much of the bound is used up, 1 at the bound: ``ratio``, or its inverse where a bound is from below."""
        if self.relation != ">=":
            return self.ratio
        if self.measured == 0 or self.bound <= 0:
            return 1.0 if self.measured == self.bound else (math.inf if self.measured < self.bound else 0.0)
        return float(self.bound / self.measured)

    @property
    def decided(self) -> bool:
        """False where numbers overflowed, so that the comparison says nothing."""
        return math.isfinite(self.measured) and not math.isnan(self.bound) and math.isfinite(self.tolerance)

    @property
    def holds(self) -> bool:
        """True where the relation holds up to the tolerance; never for NaN."""
        return bool(self.slack >= -self.tolerance)

    def to_dict(self) -> dict[str, Any]:
        """All fields, with slack, ratio, reached and holds."""
        derived = {"slack": self.slack, "ratio": self.ratio, "reached": self.reached, "holds": self.holds}
        return {**super().to_dict(), **jsonable(derived)}

    @property
    def sides(self) -> str:
        """The relation in numbers; a tolerance is named where the bound is zero, and so cannot be told from it."""
        bound = format_number(self.bound)
        if self.bound == 0 and self.tolerance > 0:
            bound = f"{bound} +- {self.tolerance:.1g}"
        return f"{format_number(self.measured)} {self.relation} {bound}"

    def __str__(self) -> str:
        word = "holds" if self.holds else "FAILS"
        share = "" if self.relation == "==" else f" ({self.reached:.3g} of the bound)"
        return f"{word}  {self.name}: {self.sides}{share}\n       {self.statement}"

    def plot(self, ax: Any = None) -> Any:
        """Two bars: the measured value and the bound, on a logarithmic axis where both are positive."""
        ax = axes(ax)
        sides = [float(min(max(v, -1e300), 1e300)) for v in (self.measured, self.bound)]
        ax.barh(["bound", "measured"], sides[::-1], color=["0.7", "C0" if self.holds else "C3"])
        if min(sides) > 0:
            ax.set_xscale("log")
        ax.set_title(f"{self.name}: {'holds' if self.holds else 'FAILS'}")
        return ax
