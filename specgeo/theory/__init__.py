"""The theory of spectral bias, checked: every claim a number, a bound and its slack.

Statements and numbers are those of "On the Spectral Bias of Neural Networks" (Rahaman et al.,
arXiv 1806.08734v3), repaired where they need it; each function says so. Names load on first use.
"""

from __future__ import annotations

from specgeo._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
