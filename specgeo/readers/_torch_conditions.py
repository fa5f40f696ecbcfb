"""Operations of a torch graph that compare, select, and write at positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo._cast import FloatArray
from specgeo.errors import UnsupportedError
from specgeo.readers import _signals as signals
from specgeo.readers._scalar import Scalar
from specgeo.readers._signals import Signal
from specgeo.readers._torch_ops import HANDLERS, Arguments, Run, array, handles, move, operand, tensor_of

__all__ = ["HANDLERS"]


@handles("threshold")
def _threshold(a: Arguments, run: Run) -> Signal:
    cut, value = Scalar.line(0.0, float(a["threshold"])), Scalar.line(0.0, float(a["value"]))
    return signals.combined([a["self"]], lambda f: f.above(cut).where(f, value), "is a function")


@handles("sign", "sgn")
def _sign(a: Arguments, run: Run) -> Signal:
    zero = Scalar.line(0.0, 0.0)
    return signals.combined([a["self"]], lambda f: f.above(zero) + -zero.above(f), "is a sign")


@handles("gt", "ge", "lt", "le", "greater", "less", "greater_equal", "less_equal")
def _compare(a: Arguments, run: Run) -> Signal:
    equal = a["name"][1:] == "e" or a["name"].endswith("equal")

    def above(f: Scalar, g: Scalar) -> Scalar:
        return f.above(g, equal) if a["name"][0] == "g" else g.above(f, equal)

    return signals.combined([operand(a["self"]), operand(a["other"])], above, "is a comparison")


@handles("eq", "ne")
def _equals(a: Arguments, run: Run) -> Signal:
    one, zero = Scalar.line(0.0, 1.0), Scalar.line(0.0, 0.0)

    def equals(f: Scalar, g: Scalar) -> Scalar:
        differ = f.above(g) + g.above(f)
        return differ if a["name"] == "ne" else differ.where(zero, one)

    return signals.combined([operand(a["self"]), operand(a["other"])], equals, "is a comparison")


@handles("logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or", "bitwise_not", "__and__", "__or__")
def _logic(a: Arguments, run: Run) -> Signal:
    one, zero = Scalar.line(0.0, 1.0), Scalar.line(0.0, 0.0)
    if a["name"].endswith("not"):
        return signals.combined([a["self"]], lambda f: f.where(zero, one), "is a condition")
    both = [operand(a["self"]), operand(a["other"])]
    if "and" in a["name"]:
        return signals.combined(both, lambda f, g: f.where(g.where(one, zero), zero), "is a condition")
    return signals.combined(both, lambda f, g: f.where(one, g.where(one, zero)), "is a condition")


@handles("where")
def _where(a: Arguments, run: Run) -> Any:
    condition, parts = a["condition"], [operand(a["self"]), operand(a["other"])]
    if not isinstance(condition, Signal):
        return signals.move(parts, lambda x, y: np.where(array(condition), x, y))
    return signals.combined([condition, *parts], lambda c, x, y: c.where(x, y), "is a selection")


@handles("masked_fill")
def _fill(a: Arguments, run: Run) -> Any:
    return _where({"condition": a["mask"], "self": a["value"], "other": a["self"]}, run)


@handles("scatter", "index_put", "index_fill")
def _write_at(a: Arguments, run: Run) -> Any:
    """At constant positions entries move; a number where a condition of the signal itself holds selects."""
    indices, key = a.get("indices") or [], "values" if a["name"] == "index_put" else "value"
    if a.get("accumulate"):
        raise UnsupportedError("adds at positions, which is not read; use index_add")
    if any(isinstance(index, Signal) for index in indices):
        if len(indices) > 1 or indices[0].shape != a["self"].shape:
            raise UnsupportedError("writes where a condition holds on a part of the axes; use torch.where")
        return _where({"condition": indices[0], "self": a["values"], "other": a["self"]}, run)
    if key not in a:
        return move(a, run)
    value = a[key] if isinstance(a[key], Signal) else np.asarray(array(a[key]), np.float64)

    def rearrange(places: FloatArray, new: FloatArray) -> Any:
        given = tensor_of(new) if key == "values" else float(new.reshape(-1)[0])
        return run(**{"self": tensor_of(places), key: given}).numpy()

    return signals.move([operand(a["self"]), value], rearrange)
