"""specgeo: exact piecewise-linear geometry and analytic spectra of ReLU networks.

Every public name is loaded on first use, so that ``import specgeo`` neither imports numba nor
compiles anything.
"""

from __future__ import annotations

from specgeo._lazy import attach

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(__name__, __file__)
__all__ += ["__version__"]
