"""Networks along segments, polylines and inside their decision regions: certificates that sample nothing.

`certify_path` proves that a network answers one class along a polyline, `find_path` looks for such a
polyline, and `decision_regions` has the components of all classes on a bounded domain. Names load on
first use.
"""

from __future__ import annotations

from specgeo._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
