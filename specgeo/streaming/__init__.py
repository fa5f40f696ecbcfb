"""Regions that are counted, measured and summed without a complex that holds them all.

Names load on first use.
"""

from __future__ import annotations

from specgeo._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
