"""Calls of a Keras model's layers, one after the other, on signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from specgeo._progress import Tell, as_tell
from specgeo.errors import BudgetError, InvalidInputError, ReadError, UnsupportedError
from specgeo.readers import _signals as signals
from specgeo.readers._keras_files import Place, Weights
from specgeo.readers._keras_layers import ACTIVATIONS, HANDLERS, OPERATIONS, Use
from specgeo.readers._keras_model import Call, Key, Layer, Model, needed
from specgeo.readers._remedies import is_readout, keeps_order, remedy, remedy_of_operation
from specgeo.readers._signals import Signal

_KNOWN = "layers of Dense, Conv1D to Conv3D, pools, ReLU, sums and concatenation"


@dataclass(frozen=True, eq=False)
class Readout:
    """A tensor of probabilities: what makes them, of which logits. At the end of a network it is left out."""

    logits: Signal
    kinds: tuple[str, ...]


class Reading:
    """Values of the calls of a model and of those inside."""

    def __init__(self, weights: Weights, version: str) -> None:
        self.weights, self.version = weights, version

    def run(self, model: Model, values: dict[Key, Any], tell: Tell, last: Key | None = None) -> dict[Key, Any]:
        """Values of all tensors, given those of the inputs; only of those that ``last`` needs."""
        wanted = None if last is None else needed(model, last)
        for number, call in enumerate(model.calls):
            tell(f"layer {number + 1} of {len(model.calls)}: {call.layer.kind}", number / len(model.calls))
            if wanted is None or (call.layer.name, call.number) in wanted:
                made = self._call(call, values)
                each = made if isinstance(made, list) else [made]
                values.update({Key(call.layer.name, call.number, i): one for i, one in enumerate(each)})
        return values

    def _call(self, call: Call, values: dict[Key, Any]) -> Any:
        layer = call.layer

        def filled(one: Any) -> Any:
            return [filled(x) for x in one] if isinstance(one, list) else values[one] if isinstance(one, Key) else one

        arguments = [filled(one) for one in call.arguments]
        given = {name: filled(one) for name, one in call.options.items() if one is not None and name != "name"}
        if layer.inner is not None:
            return self._nested(layer, arguments)
        try:
            made = self._value(layer, arguments, given)
            if isinstance(made, Signal):
                made.value  # of what jumps there is none  # noqa: B018
            return made
        except (UnsupportedError, ReadError, BudgetError, InvalidInputError) as error:
            kind = UnsupportedError if isinstance(error, InvalidInputError) else type(error)
            raise kind(f"{layer}: {error}") from error
        except Exception as error:  # a configuration may hold anything
            raise ReadError(f"{layer}: malformed ({error!r:.120}); the file is corrupt") from error

    def _nested(self, layer: Layer, arguments: list[Any]) -> Any:
        inner = layer.inner
        assert inner is not None
        given = arguments[0] if isinstance(arguments[0], list) else arguments
        if len(given) != len(inner.inputs):
            raise ReadError(f"{layer}: takes {len(inner.inputs)} tensors, {len(given)} arrive; the file is corrupt")
        made = self.run(inner, dict(zip(inner.inputs, given, strict=True)), as_tell(None))
        found = [made[key] for key in inner.outputs]
        return found if len(found) > 1 else found[0]

    def _value(self, layer: Layer, arguments: list[Any], given: dict[str, Any]) -> Any:
        if layer.operation:
            return self._operation(layer, arguments, given)
        if given.pop("training", False) or given:
            raise UnsupportedError(f"is called with {sorted(given) or 'training=True'}, which is not read; drop it")
        tensors = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list) else arguments
        kind = layer.kind
        if kind in ("Activation", "Softmax"):
            return self._activated(tensors[0], "softmax" if kind == "Softmax" else layer.config.get("activation"))
        if kind not in HANDLERS:
            raise UnsupportedError(remedy(kind, _KNOWN))
        passed = [tensors[0].logits] if _passes(layer, tensors) else [_plain(one) for one in tensors]
        use = Use(layer, lambda names: self.weights.of(layer.place, names), self.version)
        made = HANDLERS[kind](use, *passed)
        if _passes(layer, tensors):
            return Readout(made, tensors[0].kinds)
        return self._activated(made, layer.config["activation"]) if layer.config.get("activation") else made

    def _operation(self, layer: Layer, arguments: list[Any], given: dict[str, Any]) -> Any:
        """A function of keras.ops or of tf, by the last part of its name."""
        name = layer.kind if layer.kind != "TFOpLambda" else str(layer.config["function"])
        name = "_".join(part for part in _words(name.rpartition(".")[2]))
        tensors = [_plain(one) for one in [*arguments, *given.values()]]
        if name in OPERATIONS and len(tensors) == 2:
            return OPERATIONS[name](*(one if isinstance(one, Signal) else signals.floats(one) for one in tensors))
        if len(tensors) == 1 and not isinstance(arguments[0], list):
            return self._activated(arguments[0], name)
        raise UnsupportedError(remedy(layer.kind, _KNOWN))

    def _activated(self, x: Any, activation: Any) -> Any:
        """An activation by its name, or by a layer that stands for it."""
        if isinstance(activation, dict):
            inner = activation.get("config")
            if activation.get("class_name") in ("ReLU", "LeakyReLU") and isinstance(inner, dict):
                own = Layer(activation["class_name"], "activation", inner, Place())
                return HANDLERS[own.kind](Use(own, lambda names: [], self.version), _plain(x))
            activation = inner if isinstance(inner, str) else activation.get("class_name")
        name = str(activation)
        if is_readout(name):
            kinds = (*x.kinds, name) if isinstance(x, Readout) else (name,)
            return Readout(x.logits if isinstance(x, Readout) else x, kinds)
        if name == "linear":
            return x
        if name not in ACTIVATIONS:
            raise UnsupportedError(f"its activation {name!a:.80} {remedy_of_operation(name)}")
        return ACTIVATIONS[name](_plain(x), self.version)


def _words(name: str) -> list[str]:
    """Parts of a name of any case."""
    out = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return [part for part in out.split("_") if part]


def _passes(layer: Layer, tensors: list[Any]) -> bool:
    """Whether probabilities go through a layer as they are."""
    return len(tensors) == 1 and isinstance(tensors[0], Readout) and keeps_order(layer.kind)


def _plain(value: Any) -> Any:
    """A signal, and no probabilities."""
    if isinstance(value, Readout):
        names = ", ".join(value.kinds)
        raise UnsupportedError(
            f"comes behind {names}, which is not piecewise linear and only at the end left out; train without it"
        )
    return value
