"""The theory of spectral bias, checked: every claim with its numbers, bounds, slack and verdict.

`verify` examines a network on a domain. A claim is one function in `specgeo.verification.claims`, decorated with
what it says and where the paper says it. Names load on first use.
"""

from __future__ import annotations

from specgeo._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
