"""The theory of spectral bias: bounds and laws, each with its constants and its number in the paper.

Statements and numbers are those of "On the Spectral Bias of Neural Networks" (Rahaman et al.,
arXiv 1806.08734v3), repaired where they need it; each function says so. `specgeo.verification` checks
them on a network. Names load on first use.
"""

from __future__ import annotations

from specgeo._deprecated import moved
from specgeo._lazy import attach

_MOVED = {
    "paths": (
        "DecisionRegions", "MarginCertificate", "PathResult", "RegionPath", "Trace", "certify_path", "classify",
        "decision_regions", "find_path", "trace_segment",
    ),
    "results": ("Check", "Result"),
    "verification": ("Claim", "VerificationReport", "verify"),
}  # fmt: skip
_HOMES = {name: f"specgeo.{home}.{name}" for home, names in _MOVED.items() for name in names}
_HOMES |= dict.fromkeys(("paths", "regions", "segments"), "specgeo.paths")  # modules
_HOMES["report"] = "specgeo.verification"

__getattr__, __dir__, __all__ = attach(__name__, __file__)
__getattr__ = moved(__name__, _HOMES, __getattr__)
