"""What a file, or a model, may unfold to in memory while it is read."""

from __future__ import annotations

from specgeo._budget import afford, memory_budget

REMEDY = "raise max_bytes, or read a smaller network"
_SMALL = 1 << 24


class Limit:
    """A budget that is spent piece by piece.

    ``most`` caps the default, which is what is available, where a small file has no reason to unfold to much.
    """

    def __init__(self, max_bytes: int | None = None, most: float | None = None) -> None:
        self.max_bytes = memory_budget(max_bytes) if max_bytes is not None else None if most is None else int(most)
        self.spent = 0
        if max_bytes is None and self.max_bytes is not None and self.max_bytes > _SMALL:
            self.max_bytes = min(self.max_bytes, memory_budget())

    def take(self, n_bytes: int, what: str) -> None:
        """Spend, or raise `BudgetError`."""
        self.spent += n_bytes
        afford(self.spent, what, REMEDY, self.max_bytes)
