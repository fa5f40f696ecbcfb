"""Old names serve for one release, and warn at the line that uses them: "old is now new; old goes in 0.3"."""

from __future__ import annotations

import warnings

_END = "0.3"


def warn(old: str, new: str, stacklevel: int = 1) -> None:
    """Warn the caller's caller; ``stacklevel`` adds the calls between (of the standard library, for instance)."""
    warnings.warn(f"{old} is now {new}; {old} goes in {_END}", DeprecationWarning, stacklevel=stacklevel + 2)
