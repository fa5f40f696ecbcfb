"""Results as labelled arrays of `xarray`, which is loaded when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from specgeo.errors import MissingDependencyError


def dataset(data: Mapping[str, Any], coordinates: Mapping[str, Any], **attributes: Any) -> Any:
    """An `xarray.Dataset` of variables (dimensions, values)."""
    try:
        import xarray
    except ImportError as error:
        raise MissingDependencyError("to_xarray: needs xarray; pip install xarray") from error
    return xarray.Dataset(dict(data), dict(coordinates), attributes)
