"""Keras files, written by hand and by Keras itself, against formulas and its own forward pass."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

import specgeo as sg

h5py = pytest.importorskip("h5py", reason="needs the extra hdf5")
DATA = Path(__file__).parent / "data"
RNG = np.random.default_rng(0)
KERNELS = [RNG.normal(size=shape).astype(np.float32) for shape in ((3, 5), (5, 5), (5, 2))]
BIASES = [RNG.normal(size=n).astype(np.float32) for n in (5, 5, 2)]


def layer(kind, name, **config):
    config = {"name": name, "trainable": True, **config}
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}


def sequential(*layers, shape=(None, 3)):
    first = layer("InputLayer", "input", batch_shape=shape)
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [first, *layers]}}


def keras3(path, model, weights, version="3.15.1"):
    """A ``.keras`` file; weights by the number-bearing names of their layers."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, arrays in weights.items():
            for i, array in enumerate(arrays):
                file[f"{name}/vars/{i}"] = array
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("model.weights.h5", content.getvalue())
    return path


def keras2(path, model, weights):
    """An ``.h5`` file; weights by their own names."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(model), "2.15.0"
        for name, array in weights.items():
            file[f"model_weights/{name}"] = array
    return path


def dense(x, i):
    return x @ KERNELS[i].astype(float) + BIASES[i]


CHAIN = [
    layer("Dense", "one", activation="relu"), layer("Dropout", "drop", rate=0.5),
    layer("Dense", "mine", activation="linear"), layer("LeakyReLU", "leaky", negative_slope=0.25),
    layer("Dense", "last", activation="softmax"),
]  # fmt: skip
NUMBERED = {f"layers/dense{end}": [w, b] for end, w, b in zip(("", "_1", "_2"), KERNELS, BIASES, strict=True)}


def chain(x):
    h = dense(np.maximum(dense(x, 0), 0), 1)
    return dense(np.maximum(h, 0.25 * h), 2)


def test_both_layouts_of_a_chain(tmp_path):
    x = RNG.normal(size=(20, 3))
    old = json.loads(json.dumps(sequential(*CHAIN)).replace('"negative_slope"', '"alpha"').replace('"module"', '"_"'))
    named = {
        f"{name}/{name}/{part}:0": array
        for name, w, b in zip(("one", "mine", "last"), KERNELS, BIASES, strict=True)
        for part, array in (("kernel", w), ("bias", b))
    }
    new = keras3(tmp_path / "new.keras", sequential(*CHAIN), NUMBERED)
    packed = tmp_path / "packed.keras.gz"
    packed.write_bytes(gzip.compress(new.read_bytes()))
    with h5py.File(tmp_path / "alone.weights.h5", "w") as file, zipfile.ZipFile(new) as archive:
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
            weights.copy("layers", file)
        (tmp_path / "model.json").write_bytes(archive.read("config.json"))
    options = {"alone.weights.h5": {"config": tmp_path / "model.json"}}
    for path in (new, packed, keras2(tmp_path / "old.h5", old, named), tmp_path / "alone.weights.h5"):
        with pytest.warns(UserWarning, match="the network ends before its softmax.*logits"):
            net = sg.read_network(path, **options.get(path.name, {}))
        assert net.hidden_widths == (5, 5)
        np.testing.assert_allclose(net(x), chain(x), atol=1e-13)
    np.testing.assert_allclose(sg.read_network(new, output="mine")(x), dense(np.maximum(dense(x, 0), 0), 1), atol=1e-13)
    with pytest.raises(sg.ReadError, match=r"alone.weights.h5: holds weights and no architecture.*to_json"):
        sg.read_network(tmp_path / "alone.weights.h5")


def tensor(name, call=0):
    return {"class_name": "__keras_tensor__", "config": {"shape": [], "keras_history": [name, call, 0]}}


def graph(*entries, inputs, outputs):
    """A functional model; an entry is a layer and the arguments of each of its calls."""
    layers = []
    for one, *calls in entries:
        nodes = [{"args": args, "kwargs": {"mask": None}} for args in calls]
        layers.append(one | {"name": one["config"]["name"], "inbound_nodes": nodes})
    config = {"name": "g", "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return {"module": "keras.src.models.functional", "class_name": "Functional", "config": config}


def siamese(outputs):
    """Two inputs through one layer; entries are listed out of order."""
    entry = [layer("InputLayer", name, batch_shape=[None, 3]) for name in "ab"]
    twice = {"module": "keras.src.ops.numpy", "class_name": "Multiply", "config": {"name": "twice"}}
    return graph(
        (layer("Subtract", "minus"), [[tensor("shared"), tensor("shared", 1)]]), (entry[0],), (entry[1],),
        (layer("Dense", "shared", activation="relu"), [tensor("a")], [tensor("b")]),
        (twice, [tensor("minus"), 2.0]),
        inputs=[["a", 0, 0], ["b", 0, 0]], outputs=outputs,
    )  # fmt: skip


def test_shared_layers_several_inputs_and_outputs(tmp_path):
    weights = {"layers/dense": NUMBERED["layers/dense"]}
    path = keras3(tmp_path / "m.keras", siamese(["twice", 0, 0]), weights)
    a, b = RNG.normal(size=(9, 3)), RNG.normal(size=(9, 3))
    expected = 2.0 * (np.maximum(dense(a, 0), 0) - np.maximum(dense(b, 0), 0))
    with pytest.warns(UserWarning, match=r"its inputs 'a' \(3\), 'b' \(3\) together, in this order"):
        net = sg.read_network(path)
    np.testing.assert_allclose(net(np.hstack([a, b])), expected, atol=1e-13)
    for k in range(3):
        np.testing.assert_allclose(sg.read_network(path, inputs={"b": b[k]})(a[k]), expected[k], atol=1e-13)
    wrong = {"a": [1.0]}, r"'a' has shape \(3,\), \(1,\) given"
    for inputs, words in (({"c": 0}, "there is no 'c'; there are"), wrong):
        with pytest.raises(sg.InvalidInputError, match=f"inputs: {words}"):
            sg.read_network(path, inputs=inputs)
    two = keras3(tmp_path / "two.keras", siamese([["twice", 0, 0], ["minus", 0, 0]]), weights)
    with pytest.raises(sg.InvalidInputError, match=r"output: there are 2; choose one of \['twice', 'minus'\]"):
        sg.read_network(two)
    half = sg.read_network(two, output="minus", inputs={"b": b[0]})
    np.testing.assert_allclose(half(a[0]), expected[0] / 2, atol=1e-13)
    for output, words in (("minos", "no 'minos'; .*such as 'minus'"), ("shared", "'shared' is called 2 times")):
        with pytest.raises(sg.InvalidInputError, match=f"output: .*{words}"):
            sg.read_network(two, output=output)


REAL = {"keras3.keras.gz": {}, "keras3.h5.gz": {}, "keras2.h5.gz": {}, "keras2.keras.gz": {}}


@pytest.mark.parametrize("name", REAL)
def test_files_of_keras_itself(name):
    """Convolutions, batch normalisation, pools, a nested model, a shared layer; with values of Keras in float32."""
    with np.load(DATA / "keras_values.npz") as values:
        x, expected = values["x"], values[name.partition(".")[0]]
    net = sg.read_network(DATA / name)
    np.testing.assert_allclose(net(x), expected, atol=2e-6 * (1 + np.abs(expected).max()))


REFUSED = {
    "smooth": (layer("Dense", "d", activation="tanh"), "layer 'd' of type Dense: its activation 'tanh' is not"),
    "recurrent": (layer("LSTM", "r"), "layer 'r' of type LSTM: multiplies or divides"),
    "code": (layer("Lambda", "l"), "layer 'l' of type Lambda: runs code"),
    "jump": (layer("ReLU", "j", threshold=1.0), "layer 'j' of type ReLU: .*it jumps at 1"),
    "inside": (layer("Softmax", "p"), "layer 'after' of type Dense: comes behind softmax, which is not"),
    "unknown": (layer("Thing", "t"), "layer 't' of type Thing: is not supported; use layers of Dense"),
    "foreign": (layer("Dense", "d") | {"module": "mine"}, "layer 'd' of type Dense is of 'mine', not of Keras"),
    "bilinear": (layer("UpSampling1D", "u", interpolation="bilinear"), "layer 'u' of .*interpolates 'bilinear'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named(name, tmp_path):
    one, words = REFUSED[name]
    weights = {"layers/dense": [np.eye(3), np.zeros(3)], "layers/dense_1": [np.eye(3), np.zeros(3)]}
    path = keras3(tmp_path / "m.keras", sequential(one, layer("Dense", "after", activation="relu")), weights)
    with pytest.raises(sg.UnsupportedError, match=f"m.keras: {words}") as caught:
        sg.read_network(path)
    assert "\n" not in str(caught.value)


def test_models_that_the_file_does_not_describe(tmp_path):
    own = {"module": "mine", "class_name": "Own", "config": {"name": "o", "layers": []}}
    unbuilt = sequential(layer("Dense", "d"))
    del unbuilt["config"]["layers"][0]
    wide = sequential(layer("Dense", "d"), shape=(None, None, 3))
    whole = {"layers/dense": [np.eye(3, dtype=np.int8), np.zeros(3)]}
    for model, weights, kind, words in (
        (own, {}, sg.UnsupportedError, "is a model of the class 'Own', whose code is not in the file"),
        (unbuilt, {}, sg.UnsupportedError, "input .* has no shape, the model was not built"),
        (wide, {}, sg.UnsupportedError, r"has shape \(None, 3\); save the model with a fixed shape"),
        (sequential(layer("Dense", "d")), {}, sg.ReadError, r"layer 'd' .*needs the weights \['kernel', 'bias'\]"),
        (sequential(layer("Dense", "d")), whole, sg.UnsupportedError, "its kernel is of type int8, .*unquantised"),
        ({"a": 1}, {}, sg.ReadError, "its configuration is no model of Keras"),
        (sequential({"class_name": "Dense", "config": None}), {}, sg.ReadError, "of type Dense has no configuration"),
    ):
        with pytest.raises(kind, match=words):
            sg.read_network(keras3(tmp_path / "m.keras", model, weights))
    with pytest.raises(sg.InvalidInputError, match="config: not an option for .onnx files"):
        sg.read_network("m.onnx", config="model.json")
    with pytest.raises(sg.InvalidInputError, match="inputs: int given; pass a dict"):
        sg.read_network(tmp_path / "m.keras", inputs=3)
    with pytest.raises(sg.BudgetError, match="max_bytes: .*m.keras"):
        sg.read_network(tmp_path / "m.keras", max_bytes=100)


def test_damaged_files_end_in_an_error_of_the_package(tmp_path):
    content = gzip.decompress((DATA / "keras3.keras.gz").read_bytes())
    old = gzip.decompress((DATA / "keras2.h5.gz").read_bytes())
    for number in range(60):
        rng = np.random.default_rng(number)
        bad = bytearray(content if number % 2 else old)
        if number < 10:
            bad = bad[: int(rng.integers(len(bad)))]
        for at in rng.integers(0, max(1, len(bad)), 8):
            bad[at : at + 1] = bytes([int(rng.integers(256))])
        path = tmp_path / ("m.keras" if number % 2 else "m.h5")
        path.write_bytes(bad)
        try:
            sg.read_network(path)
        except sg.SpecgeoError as error:
            assert "\n" not in str(error)


def models(keras):
    """Models of many layers, with the shapes of their inputs."""
    L, one = keras.layers, keras.Sequential
    image = keras.Input((7, 6, 2))
    for padding in ("same", "valid"):
        yield one([
            keras.Input((10, 9, 2)), L.ZeroPadding2D(((1, 0), (0, 2))), L.Conv2D(4, 3, 2, padding, groups=2),
            L.BatchNormalization(scale=False), L.PReLU(shared_axes=[1, 2]), L.Conv2DTranspose(3, 4, 2, padding),
            L.MaxPooling2D(3, 2, padding), L.DepthwiseConv2D(2, depth_multiplier=2, padding=padding),
            L.AveragePooling2D(2, 1, padding), L.SeparableConv2D(2, 2, padding=padding, activation="leaky_relu"),
            L.UpSampling2D((2, 3)), L.Cropping2D((0, 1)), L.Permute((3, 1, 2)), L.Flatten(), L.Dense(3),
        ])  # fmt: skip
    yield one([keras.Input((12, 2)), L.Conv1D(3, 3, dilation_rate=2, padding="causal"), L.GlobalMaxPooling1D()])
    x = L.Conv2D(2, 3, padding="same", activation="relu6")(L.Rescaling(0.5, offset=-1.0)(image))
    inner = one([keras.Input((7, 6, 2)), L.Conv2D(2, 1), L.ReLU(2.0, 0.125)], name="inner")
    x = L.Add()([x, inner(x)]) * 2.0 - x
    shared = L.Dense(4, activation="hard_sigmoid")
    parts = [L.Maximum()([L.Dense(4)(L.GlobalAveragePooling2D()(x)), L.Dense(4)(L.Flatten()(x))])]
    yield keras.Model(image, L.Concatenate()([shared(parts[0]), L.Average()([parts[0], shared(shared(parts[0]))])]))


@pytest.mark.filterwarnings("ignore")  # of Keras and its backends
def test_models_of_an_installed_keras(tmp_path):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason="needs keras with a backend")
    for number, model in enumerate(models(keras)):
        rng = np.random.default_rng(number)
        for variable in model.variables:
            made = rng.normal(size=variable.shape)
            variable.assign(np.abs(made) + 0.5 if "variance" in variable.path else made)
        model.save(tmp_path / "m.keras")
        x = rng.normal(size=(5, *model.inputs[0].shape[1:])).astype(np.float32)
        expected = np.asarray(model.predict_on_batch(x)).reshape(5, -1)
        found = sg.read_network(tmp_path / "m.keras")(x.reshape(5, -1).astype(float))
        np.testing.assert_allclose(found, expected, atol=1e-5 * (1 + np.abs(expected).max()))
