"""Enumerators of regions and transforms of polytopes, measured beside each other. Names are loaded on first use."""

from __future__ import annotations

from specgeo._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
