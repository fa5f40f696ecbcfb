"""The theory of spectral bias, checked: every claim a number, a bound and its slack.

Statements and numbers are those of "On the Spectral Bias of Neural Networks" (Rahaman et al.,
arXiv 1806.08734v3), repaired where they need it; each function says so. Names load on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "CurveFunction": "curves",
    "restrict_to_polyline": "curves",
    "lipschitz_bound": "curves",
    "ClosedCurve": "manifolds",
    "CurveRestriction": "manifolds",
    "PetalCurve": "manifolds",
    "circle_kernel": "manifolds",
    "curve_kernel": "manifolds",
    "kernel_bound": "manifolds",
    "restrict_to_curve": "manifolds",
    "EnergyComparison": "latent",
    "energy_comparison": "latent",
    "low_pass_check": "latent",
    "MarginCertificate": "paths",
    "PathResult": "paths",
    "certify_path": "paths",
    "classify": "paths",
    "find_path": "paths",
    "DecisionRegions": "regions",
    "RegionPath": "regions",
    "decision_regions": "regions",
    "Check": "_results",
    "Result": "_results",
    "Claim": "report",
    "VerificationReport": "report",
    "verify": "report",
    "Trace": "segments",
    "trace_segment": "segments",
}
_MODULES = (
    "claims", "counting", "curves", "decay", "directions", "hanin_rolnick", "latent", "lipschitz", "manifolds", "paths",
    "peaks", "perturbation", "regions", "report", "sampling", "segments", "support",
)  # fmt: skip

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"specgeo.theory.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'specgeo.theory' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"specgeo.theory.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES})
