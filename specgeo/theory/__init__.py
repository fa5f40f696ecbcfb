"""The theory of spectral bias, checked: every claim a number, a bound and its slack.

Statements and numbers are those of "On the Spectral Bias of Neural Networks" (Rahaman et al.,
arXiv 1806.08734v3), repaired where they need it; each function says so. Names load on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "Check": "_results",
    "Result": "_results",
    "region_bounds": "counting",
    "region_table": "counting",
    "CurveFunction": "curves",
    "lipschitz_bound": "curves",
    "restrict_to_polyline": "curves",
    "cut_bound": "decay",
    "decay_report": "decay",
    "directional_variation": "decay",
    "total_variation": "decay",
    "direction_report": "directions",
    "free_identities": "directions",
    "normal_directions": "normals",
    "porod_constant": "directions",
    "shell_law": "directions",
    "expected_boundary": "hanin_rolnick",
    "expected_kinks_shallow": "hanin_rolnick",
    "EnergyComparison": "latent",
    "energy_comparison": "latent",
    "low_pass_check": "latent",
    "lipschitz_chain": "lipschitz",
    "lipschitz_constant": "lipschitz",
    "spectral_norms": "lipschitz",
    "ClosedCurve": "manifolds",
    "CurveRestriction": "manifolds",
    "PetalCurve": "manifolds",
    "circle_kernel": "manifolds",
    "curve_kernel": "manifolds",
    "kernel_bound": "manifolds",
    "restrict_to_curve": "manifolds",
    "parameter_vector": "parameters",
    "spectral_gradient": "parameters",
    "with_parameters": "parameters",
    "MarginCertificate": "paths",
    "PathResult": "paths",
    "certify_path": "paths",
    "classify": "paths",
    "find_path": "paths",
    "largest_mode": "peaks",
    "peak_report": "peaks",
    "variation_check": "peaks",
    "fourier_ntk": "perturbation",
    "perturbation_response": "perturbation",
    "rate_report": "perturbation",
    "DecisionRegions": "regions",
    "RegionPath": "regions",
    "decision_regions": "regions",
    "Claim": "report",
    "VerificationReport": "report",
    "verify": "report",
    "alias_report": "sampling",
    "samples_needed": "sampling",
    "Trace": "segments",
    "trace_segment": "segments",
    "clamp_to_support": "support",
    "parameter_volume": "volume",
}
_MODULES = (
    "claims",
    "counting",
    "curves",
    "decay",
    "directions",
    "hanin_rolnick",
    "latent",
    "lipschitz",
    "manifolds",
    "normals",
    "parameters",
    "paths",
    "peaks",
    "perturbation",
    "regions",
    "report",
    "sampling",
    "segments",
    "support",
    "volume",
)

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
