"""Enumeration of the polyhedral complex of a network: network and domain in, complex out."""

from specgeo.enumeration.enumerate import enumerate_regions

__all__ = ["enumerate_regions"]
