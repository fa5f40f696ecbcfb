"""Watching a network learn: exact spectra step by step, targets, and spectra that can be trained on."""

from __future__ import annotations

from specgeo._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
