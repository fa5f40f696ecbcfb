"""Level sets and what else outputs cut out of a domain, as exact meshes. Names are loaded on first use."""

from __future__ import annotations

from specgeo._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
