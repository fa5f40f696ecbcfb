"""Closed-form Fourier transforms: fhat(k) = int f(x) exp(-i k.x) dx, k in angular units, everywhere.

Shapes come first (simplices, polytopes: `specgeo.fourier.simplex`, `specgeo.fourier.polytope`),
piecewise-linear complexes are built on them. Names are loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "divided_difference": "divided",
    "simplex_transform": "simplex",
    "bernstein_indices": "simplex",
    "polytope_transform": "polytope",
    "polytope_moments": "polytope",
    "Moments": "polytope",
    "simplex_gradients": "gradients",
    "polytope_gradients": "gradients",
    "mesh_pullback": "gradients",
    "spectrum": "spectra",
    "spectrum_gradient": "derivatives",
    "spectrum_pullback": "derivatives",
    "fourier_coefficients": "series",
    "partial_sum": "series",
    "tail_energy": "series",
    "ray_spectrum": "rays",
    "directional_expansion": "rays",
    "radial_spectrum": "radial",
    "porod_constants": "radial",
    "sampled_spectrum": "sampled",
    "alias_bound": "sampled",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'specgeo.fourier' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"specgeo.fourier.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
