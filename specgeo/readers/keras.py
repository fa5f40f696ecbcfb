"""Reader of Keras files, of Keras 2 and 3, by h5py and json alone: Sequential and functional models."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import as_floats
from specgeo._caution import caution
from specgeo._files import as_path
from specgeo._progress import Tell, as_tell, reported
from specgeo.errors import BudgetError, InvalidInputError, ReadError, SpecgeoError, UnsupportedError, one_line
from specgeo.network import Network
from specgeo.readers import _signals as signals
from specgeo.readers._graph import Graph
from specgeo.readers._keras_calls import Reading, Readout
from specgeo.readers._keras_files import Place, opened
from specgeo.readers._keras_model import Key, Model, needed, parsed
from specgeo.readers._limit import Limit
from specgeo.readers._maps import Sparse, csr
from specgeo.readers._remedies import SWAPPED, ends_before
from specgeo.readers._signals import Signal


@reported
def read_keras(
    path: str | os.PathLike[str],
    output: str | None = None,
    inputs: Mapping[str, npt.ArrayLike] | None = None,
    config: str | os.PathLike[str] | None = None,
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
) -> Network:
    """Read a Keras model, Sequential or functional, without Keras or TensorFlow.

    Parameters
    ----------
    path : path-like
        ``.keras``, or ``.h5`` of Keras 2 or 3.
    output : str, optional
        The layer at which the network ends. By default the output of the model; needed when there are several.
    inputs : mapping of names to arrays, optional
        Inputs of the model, by the names of their layers, that are fixed at these values. Of those that are left the
        network takes all numbers together, in the order of the model.
    config : path-like, optional
        A file of ``model.to_json()``, for a ``.weights.h5`` that holds weights alone.
    max_bytes : int, optional
        Budget for the memory that reading takes; four fifths of what is available by default.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.

    Returns
    -------
    Network
        The real function of the stored weights, for one sample: the entries of a tensor of shape (height, width,
        channels) in row-major order. float32 weights are widened exactly; batch normalisation and means are evaluated
        in float64. Numbers of the configuration are the float64 that it holds: a slope 0.1 is 0.1.

    Raises
    ------
    ReadError
        The file is corrupt, or has no architecture.
    UnsupportedError
        A layer is not piecewise linear or not supported; the message names it and what to do.
    InvalidInputError
        There is no such output or input, or a value does not fit.
    BudgetError
        The file unfolds to more than ``max_bytes``.
    MissingDependencyError
        The package h5py is not installed.

    Warns
    -----
    UserWarning
        The network ends before a softmax or sigmoid, so that its outputs are logits: the largest is the same, and a
        sigmoid is 1/2 where its logit is 0. Or an activation before a max-pool was moved behind it, which leaves the
        function as it is, with fewer activation regions. Or the model has several inputs that are not fixed.

    Examples
    --------
    >>> import specgeo as sg
    >>> sg.readers.read_keras("model.keras")  # doctest: +SKIP
    Network(784-64-10, relu)
    """
    file, given = as_path(path), None if config is None else as_path(config, "config")
    try:
        if inputs is not None and not isinstance(inputs, Mapping):
            raise InvalidInputError(f"inputs: {type(inputs).__name__} given; pass a dict of names to arrays")
        limit = Limit(max_bytes)
        with opened(file, given, limit) as (configuration, version, weights):
            net, notices = _read(Reading(weights, version), configuration, output, inputs or {}, as_tell(progress))
    except MemoryError as error:
        raise ReadError(f"{file.name}: memory ran out; free some, or read it on a larger machine") from error
    except BudgetError as error:
        raise BudgetError(f"max_bytes: {file.name}: {error}") from error
    except InvalidInputError as error:
        raise InvalidInputError(one_line(error)) from error
    except SpecgeoError as error:
        raise type(error)(one_line(str(error) if str(error).startswith("path") else f"{file.name}: {error}")) from error
    except Exception as error:  # what h5py, zipfile and json raise on corrupt files has no common class
        raise ReadError(f"{file.name}: no readable Keras file ({one_line(error, 120)}); save it again") from error
    for notice in notices:
        caution(f"{file.name}: {notice}")
    return net


def _choose(model: Model, output: str | None) -> Key:
    """The tensor at which the network ends."""
    names = [key.layer for key in model.outputs]
    if output is None:
        if len(names) != 1:
            raise InvalidInputError(f"output: there are {len(names)}; choose one of {names}")
        return model.outputs[0]
    if output in names and names.count(output) == 1:
        return model.outputs[names.index(output)]
    calls = [call for call in model.calls if call.layer.name == output]
    if len(calls) > 1:
        raise InvalidInputError(f"output: {output!r} is called {len(calls)} times; choose a layer that is called once")
    if not calls:
        close = get_close_matches(str(output), [call.layer.name for call in model.calls], 3)
        inner = f", or a layer on the way, such as {', '.join(map(repr, close))}" if close else ""
        raise InvalidInputError(f"output: there is no {output!r:.80}; choose one of {names}{inner}")
    return Key(output, calls[0].number, 0)


def _shape(name: str, shape: tuple[int | None, ...] | None) -> tuple[int, ...]:
    """The shape of an input with a batch of one."""
    if shape is None:
        raise UnsupportedError(f"input {name!r} has no shape, the model was not built; save it after a call of it")
    if any(n is None or n < 1 for n in shape[1:]):
        raise UnsupportedError(f"input {name!r} has shape {shape[1:]}; save the model with a fixed shape of its Input")
    return (1, *(int(n) for n in shape[1:] if n is not None))


def _read(
    reading: Reading, configuration: dict[str, Any], output: str | None, inputs: Mapping[str, Any], tell: Tell
) -> tuple[Network, list[str]]:
    """The network, and notices."""
    model = parsed(configuration, Place())
    last = _choose(model, output)
    names = [key.layer for key in model.inputs]
    for name in inputs:
        if name not in names:
            raise InvalidInputError(f"inputs: there is no {name!r:.80}; there are {names}")
    wanted = needed(model, last)
    free = [key for key in model.inputs if key.layer not in inputs and (key.layer, key.call) in wanted]
    shapes = [_shape(key.layer, model.inputs[key]) for key in free]
    graph = Graph(sum(map(math.prod, shapes)), reading.weights.limit)
    values: dict[Key, Any] = dict(zip(free, signals.parts(graph, shapes), strict=True))
    for key in model.inputs:
        if key.layer in inputs:
            shape = _shape(key.layer, model.inputs[key])
            found = as_floats(inputs[key.layer], f"inputs: {key.layer!r}")
            if found.size != math.prod(shape):
                raise InvalidInputError(
                    f"inputs: {key.layer!r} has shape {shape[1:]}, {found.shape} given; pass one that fits"
                )
            values[key] = _constant(graph, found.reshape(shape))
    made = reading.run(model, values, tell, last)[last]
    notices = []
    if isinstance(made, Readout):
        notices.append(ends_before(made.kinds))
        made = made.logits
    if len(free) > 1:
        each = ", ".join(f"{key.layer!r} ({math.prod(shape)})" for key, shape in zip(free, shapes, strict=True))
        notices.append(f"the network takes the entries of its inputs {each} together, in this order")
    net = graph.network(made.value)
    return net, [*notices, SWAPPED] if graph.swapped else notices


def _constant(graph: Graph, value: npt.NDArray[np.float64]) -> Signal:
    """A tensor that does not depend on the input, as a signal."""
    none = np.zeros(0, np.int64)
    matrix = csr(none, none, np.zeros(0), (value.size, graph.input.width))
    return Signal(graph, value.shape, graph.apply(graph.input, Sparse(matrix, value.ravel())))
