"""How objects show themselves: one line as text, a table and a small picture in notebooks."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from specgeo.errors import SpecgeoError, UnsupportedError

_LONGEST = 160  # characters of a line
_NUMBERS = [
    *("dim", "f_vector", "n_cells", "volume", "n_components", "n_islands"),
    *("centroid", "gradient", "offset", "neighbours"),
    *("input_dim", "hidden_widths", "output_dim", "n_units", "holds"),
]


class Shown:
    """Base of results that are dataclasses: arrays show their shapes, so that the repr is one line."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__repr__ = cls.__repr__  # type: ignore[method-assign]  # a dataclass keeps the one it finds

    def __repr__(self) -> str:
        return brief(self)

    def plot(self, ax: Any = None) -> Any:
        """Draw the result on matplotlib axes (new ones by default) and return them."""
        raise UnsupportedError(f"plot: a {type(self).__name__} has no figure of its own; print it")

    def _repr_html_(self) -> str:
        return as_html(self)


def brief(value: Any) -> str:
    """The class and its fields in one line: numbers to six digits, arrays by their shape."""
    names = [f.name for f in fields(value) if f.repr] if is_dataclass(value) else value._fields
    parts = [f"{name}={_short(getattr(value, name))}" for name in names]
    text = f"{type(value).__name__}({', '.join(parts)})"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 5] + " ...)"


def _short(value: Any) -> str:
    """A value in a few characters."""
    if isinstance(value, np.ndarray):
        few = value.size <= 3 and value.dtype.kind in "biuf"
        return np.array2string(value, precision=6, separator=", ") if few and value.ndim <= 1 else f"<{value.shape}>"
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple, dict)) and len(value) > 4:
        return f"<{len(value)} {type(value).__name__} entries>"
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"<{type(value).__name__}>"


def counted(number: int, what: str, many: str = "") -> str:
    """A number of things, in words that agree; ``many`` is the plural where it is not ``what`` with an s."""
    return f"{number:,} {what if number == 1 else many or what + 's'}"


def as_html(value: Any, picture: str | None = None, *, draw: bool = True) -> str:
    """What notebooks show: the main numbers, and a picture given as HTML or drawn by ``value.plot()``."""
    if picture is None:
        picture = _picture(value) if draw else ""
    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
        for name, text in _rows(value)
    )
    head = html.escape(repr(value).splitlines()[0])
    return f"<div><code>{head}</code><table>{rows}</table>{picture}</div>"


def _rows(value: Any) -> list[tuple[str, str]]:
    names = [f.name for f in fields(value) if f.repr] if isinstance(value, Shown) and is_dataclass(value) else _NUMBERS
    found = [(name, getattr(type(value), name, None), name in getattr(value, "__dict__", {})) for name in names]
    return [(name, _short(getattr(value, name))) for name, there, own in found if there is not None or own][:12]


def _picture(value: Any) -> str:
    """The plot of an object as an inline image; nothing where it has none or matplotlib is not installed."""
    try:
        figure = value.plot().figure
    except (SpecgeoError, AttributeError, TypeError):  # no plot, or one that takes arguments
        return ""
    figure.set_size_inches(4.2, 3.2)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=72)
    return f"<img alt='picture' src='data:image/png;base64,{base64.b64encode(image.getvalue()).decode()}'>"


def network_svg(widths: Sequence[int]) -> str:
    """The layers of a network as bars, heights by the logarithm of their widths."""
    shown = list(widths) if len(widths) <= 20 else [*widths[:10], *widths[-10:]]
    heights = [10.0 + 14.0 * float(np.log2(n)) for n in shown]
    top = max(heights)
    bars = "".join(
        f"<rect x='{26 * i + 4}' y='{4 + (top - h) / 2:.1f}' width='12' height='{h:.1f}' fill='#1f4e8c'/>"
        f"<text x='{26 * i + 10}' y='{top + 18:.1f}' font-size='9' text-anchor='middle'>{n}</text>"
        for i, (n, h) in enumerate(zip(shown, heights, strict=True))
    )
    return f"<svg width='{26 * len(shown) + 8}' height='{top + 24:.0f}' xmlns='http://www.w3.org/2000/svg'>{bars}</svg>"
