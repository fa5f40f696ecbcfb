"""The configuration of a Keras model as calls of layers in their order, for Keras 2 and 3."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from specgeo.errors import ReadError, UnsupportedError
from specgeo.readers._keras_files import Place

MODELS = ("Sequential", "Functional", "Model")


class Key(NamedTuple):
    """A tensor: which output of which call of a layer."""

    layer: str
    call: int
    output: int


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer or a nested model as its file describes it."""

    kind: str
    name: str
    config: dict[str, Any]
    place: Place
    operation: bool = False  # a function of keras.ops or of tf, and no layer
    inner: Model | None = None

    def __str__(self) -> str:
        """The layer as messages name it."""
        return f"layer {self.name!r} of type {self.kind}"


@dataclass(frozen=True, eq=False)
class Call:
    """A call of a layer; arguments are keys, constants, and lists of these."""

    layer: Layer
    number: int
    arguments: list[Any]
    options: dict[str, Any]


@dataclass(eq=False)
class Model:
    """Layers and calls of a model; the shape of an input is None where the file does not say it."""

    inputs: dict[Key, tuple[int | None, ...] | None] = field(default_factory=dict)
    outputs: list[Key] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


def parsed(entry: dict[str, Any], place: Place) -> Model:
    """The model of a configuration."""
    config = entry["config"]
    if entry["class_name"] not in MODELS:
        raise UnsupportedError(
            f"is a model of the class {entry['class_name']!a:.80}, whose code is not in the file; build it as a"
            " Sequential or functional model, or export it to ONNX"
        )
    entries = config if isinstance(config, list) else config["layers"]
    layers = list(_layers(entries, place))
    if entry["class_name"] == "Sequential":
        shape = None if isinstance(config, list) else config.get("build_input_shape")
        return _chain(layers, entries, shape)
    return _graph(layers, entries, config)


def _layers(entries: list[dict[str, Any]], place: Place) -> Iterator[Layer]:
    """Layers with their places: a class's second layer has the number 1 behind its name."""
    count: dict[str, int] = {}
    for entry in entries:
        kind, config, module = str(entry["class_name"]), entry["config"], entry.get("module") or "keras"
        name = entry.get("name") or (config["name"] if isinstance(config, dict) else kind)
        if not re.match(r"(keras|tf_keras|tensorflow\.(python\.)?keras)\b", module) or ">" in kind:
            raise UnsupportedError(f"layer {name!r} of type {kind} is of {module!r}, not of Keras; use one of Keras")
        if not isinstance(config, dict) and kind not in MODELS:
            raise ReadError(f"layer {name!r} of type {kind} has no configuration; the file is corrupt")
        bare = kind not in MODELS and not {"dtype", "trainable"} & config.keys()
        operation = ".ops." in module or (bare and "module" not in entry) or "OpLambda" in kind
        plain = _snake(kind)
        unique = f"{plain}_{count[plain]}" if count.get(plain) else plain
        if not operation:
            count[plain] = count.get(plain, 0) + 1
        own = place.below(name, unique)
        inner = parsed(entry, own) if kind in MODELS else None
        yield Layer(kind, name, config if isinstance(config, dict) else {}, own, operation, inner)


def _snake(name: str) -> str:
    """As Keras itself writes a class's name."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _input_shape(layer: Layer) -> tuple[int | None, ...] | None:
    shape = layer.config.get("batch_shape", layer.config.get("batch_input_shape"))
    return None if shape is None else tuple(shape)


def _chain(layers: list[Layer], entries: list[dict[str, Any]], shape: Any) -> Model:
    """A Sequential."""
    if not layers:
        raise ReadError("a Sequential has no layers; the file is corrupt")
    first = layers[0]
    built = (entries[0].get("build_config") or {}).get("input_shape")
    known = _input_shape(first) or shape or built
    if known is None and first.inner is not None:
        known = next(iter(first.inner.inputs.values()))
    current = Key("the input", 0, 0)
    model = Model({current: None if known is None else tuple(known)})
    for layer in layers:
        if layer.kind != "InputLayer":
            model.calls.append(Call(layer, 0, [current], {}))
            current = Key(layer.name, 0, 0)
    model.outputs = [current]
    return model


def _graph(layers: list[Layer], entries: list[dict[str, Any]], config: dict[str, Any]) -> Model:
    """A functional model; calls are sorted, each after those that it needs."""
    waiting: list[Call] = []
    model = Model(outputs=_keys(config["output_layers"]))
    for key in _keys(config["input_layers"]):
        model.inputs[key] = next((_input_shape(one) for one in layers if one.name == key.layer), None)
    for layer, entry in zip(layers, entries, strict=True):
        if layer.kind != "InputLayer":
            for number, node in enumerate(entry.get("inbound_nodes") or []):
                waiting.append(Call(layer, number, *_arguments(node)))
    waiting = _renumbered(waiting, [*model.outputs, *(key for call in waiting for key in keys_of(call))])
    done = {(key.layer, key.call) for key in model.inputs}
    while waiting:
        ready = [call for call in waiting if all((k.layer, k.call) in done for k in keys_of(call))]
        if not ready:
            raise ReadError(f"{waiting[0].layer}: its inputs are made by no layer; the file is corrupt")
        model.calls += ready
        done.update((call.layer.name, call.number) for call in ready)
        waiting = [call for call in waiting if (call.layer.name, call.number) not in done]
    return model


def _renumbered(calls: list[Call], keys: list[Key]) -> list[Call]:
    """Keras 2 counts the calls of a nested model from 1, its own making being call 0."""
    highest: dict[str, int] = {}
    count: dict[str, int] = {}
    for key in keys:
        highest[key.layer] = max(key.call, highest.get(key.layer, 0))
    for call in calls:
        count[call.layer.name] = count.get(call.layer.name, 0) + 1
    late = {call.layer.name for call in calls if call.layer.inner} & {
        name for name, n in count.items() if highest.get(name, 0) >= n
    }
    return [replace(call, number=call.number + 1) if call.layer.name in late else call for call in calls]


def needed(model: Model, last: Key) -> set[tuple[str, int]]:
    """The calls that a tensor needs."""
    calls = {(call.layer.name, call.number): call for call in model.calls}
    found: set[tuple[str, int]] = set()
    stack = [last]
    while stack:
        key = stack.pop()
        if (key.layer, key.call) not in found:
            found.add((key.layer, key.call))
            stack += keys_of(calls[key.layer, key.call]) if (key.layer, key.call) in calls else []
    return found


def keys_of(call: Call) -> list[Key]:
    """The tensors that a call takes."""
    found: list[Key] = []
    stack: list[Any] = [call.arguments, list(call.options.values())]
    while stack:
        one = stack.pop()
        if isinstance(one, Key):
            found.append(one)
        elif isinstance(one, list):
            stack += one
    return found


def _keys(given: Any) -> list[Key]:
    """Names of tensors in whatever structure; one of them may stand alone."""
    if isinstance(given, dict):
        given = list(given.values())
    if len(given) == 3 and isinstance(given[0], str) and isinstance(given[1], int):
        return [Key(*given)]
    return [key for one in given for key in _keys(one)]


def _arguments(node: Any) -> tuple[list[Any], dict[str, Any]]:
    """Positional and named arguments of a call."""
    if isinstance(node, dict):  # Keras 3
        return _revived(node["args"]), {name: _revived(value) for name, value in node["kwargs"].items()}
    if node and isinstance(node[0], str):  # one tensor alone
        node = [node]
    options: dict[str, Any] = {}
    for one in node:
        options |= {name: _revived(value) for name, value in (one[3] if len(one) > 3 else {}).items()}
    keys: list[Any] = [Key(*one[:3]) if one[0] != "_CONSTANT_VALUE" else one[2] for one in node]
    return (keys if len(keys) == 1 else [keys]), options


def _revived(value: Any) -> Any:
    """Constants, and keys in place of tensors."""
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return Key(*value["config"]["keras_history"])
    if isinstance(value, dict) and value.get("class_name") in ("__numpy__", "__tensor__"):
        return value["config"]["value"]
    if isinstance(value, list):
        if len(value) == 3 and isinstance(value[0], str) and all(isinstance(one, int) for one in value[1:]):
            return Key(*value)
        return [_revived(one) for one in value]
    return value
