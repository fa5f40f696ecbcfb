"""What a file, or a model, may unfold to in memory while it is read."""

from __future__ import annotations

from specgeo._budget import afford, memory_budget

_REMEDY = "raise max_bytes, or read a smaller network"
_SMALL = 1 << 24  # less is taken without a look at the machine


class Limit:
    """A budget that is spent piece by piece.

    ``most`` caps the default, which is what is available, where a small file has no reason to unfold to much.
    """

    def __init__(self, max_bytes: int | None = None, most: int | None = None) -> None:
        self._given, self._most = max_bytes, most
        self._allowed = _SMALL if max_bytes is None else memory_budget(max_bytes)
        self._looked = max_bytes is not None
        self._spent = 0

    def take(self, n_bytes: int, what: str) -> None:
        """Spend, or raise `BudgetError`."""
        self._spent += n_bytes
        if self._spent > self._allowed and not self._looked:
            self._looked = True
            self._allowed = min(n for n in (memory_budget(), self._most) if n is not None)
        if self._spent > self._allowed:
            afford(self._spent, what, _REMEDY, self._given or max(1, self._allowed))
