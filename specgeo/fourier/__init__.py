"""Closed-form Fourier transforms: fhat(k) = int f(x) exp(-i k.x) dx, k in angular units, everywhere.

Shapes come first (simplices, polytopes: `specgeo.fourier.simplex`, `specgeo.fourier.polytope`),
piecewise-linear complexes are built on them. Names are loaded on first use.
"""

from __future__ import annotations

from specgeo._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
