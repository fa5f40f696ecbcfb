"""The claims of the theory, one decorated function each."""

from __future__ import annotations

from specgeo.verification.claim import CLAIMS, Claim


def every_claim() -> list[Claim]:
    """All claims, in the order of a report; a module is loaded when one of its claims is wanted."""
    from specgeo.verification.claims import curves, geometry, learning, spectrum

    homes = [module.__name__ for module in (geometry, spectrum, learning, curves)]
    return sorted(CLAIMS.values(), key=lambda claim: homes.index(claim.evidence.__module__))
