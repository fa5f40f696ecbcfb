"""specgeo: exact piecewise-linear geometry and analytic spectra of ReLU networks.

Every public name is loaded on first use, so that ``import specgeo`` neither imports numba nor
compiles anything.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Activation": "specgeo.network",
    "Network": "specgeo.network",
    "AffineSlice": "specgeo.domain",
    "Box": "specgeo.domain",
    "Polytope": "specgeo.domain",
    "Polyline": "specgeo.domain",
    "PolyhedralComplex": "specgeo.geometry.complex",
    "enumerate_regions": "specgeo.enumeration",
    "load_complex": "specgeo.geometry.storage",
    "read_network": "specgeo.readers",
    "save_network": "specgeo.readers",
    "from_torch": "specgeo.readers",
    "from_sklearn": "specgeo.readers",
    "simplex_transform": "specgeo.fourier",
    "polytope_transform": "specgeo.fourier",
    "spectrum": "specgeo.fourier",
    "fourier_coefficients": "specgeo.fourier",
    "ray_spectrum": "specgeo.fourier",
    "directional_expansion": "specgeo.fourier",
    "radial_spectrum": "specgeo.fourier",
    "verify": "specgeo.theory",
    "warmup": "specgeo._compile",
    "SpecgeoError": "specgeo.errors",
    "InvalidInputError": "specgeo.errors",
    "DomainError": "specgeo.errors",
    "UnsupportedError": "specgeo.errors",
    "ReadError": "specgeo.errors",
    "BudgetError": "specgeo.errors",
    "MissingDependencyError": "specgeo.errors",
}

__all__ = ["__version__", "theory", "testing", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name in ("theory", "testing", "plotting"):
        return importlib.import_module(f"specgeo.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'specgeo' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
