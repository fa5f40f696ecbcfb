"""Each reader against the source's own forward pass."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

import specgeo as sg
from specgeo.readers.nnet import nnet_normalization

onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
FLOAT, DOUBLE = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE


# ---------------------------------------------------------------- npz


@pytest.mark.parametrize("activation", ["relu", "hard_tanh", "identity", sg.Activation([0.1], [-0.3, 2.0], 0.7, "own")])
def test_npz_round_trip_is_bit_for_bit(activation, random_network, tmp_path):
    net = random_network([3, 5, 4, 2], seed=1, activation=activation)
    net.save(tmp_path / "net.npz")
    read = sg.read_network(tmp_path / "net.npz")
    for a, b in zip((*net.weights, *net.biases), (*read.weights, *read.biases), strict=True):
        assert a.tobytes() == b.tobytes()
    for a, b in zip(net.activations, read.activations, strict=True):
        assert (a.name, a.intercept) == (b.name, b.intercept)
        assert a.breakpoints.tolist() == b.breakpoints.tolist() and a.slopes.tolist() == b.slopes.tolist()


def test_npz_metadata_is_readable_json(random_network, tmp_path):
    random_network([2, 3, 1]).save(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as arrays:
        metadata = json.loads(str(arrays["metadata"]))
    assert metadata == {"format": "specgeo network", "schema": 1, "layers": 2, "activations": ["relu"]}


def test_npz_of_a_newer_schema_or_another_kind_is_refused(tmp_path):
    for metadata, word in (({"format": "specgeo network", "schema": 99}, "newer"), ({"format": "other"}, "other")):
        np.savez(tmp_path / "odd.npz", metadata=np.array(json.dumps(metadata)))
        with pytest.raises(sg.ReadError, match=word):
            sg.read_network(tmp_path / "odd.npz")


@pytest.mark.parametrize("flip", [0x01, 0xFF])
def test_npz_with_any_byte_flipped_is_refused_or_the_same(flip, random_network, tmp_path):
    net, path = random_network([2, 3, 1]), tmp_path / "net.npz"
    net.save(path)
    content = path.read_bytes()
    for i in range(len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ flip]) + content[i + 1 :])
        try:
            read = sg.read_network(path)
        except sg.ReadError as error:
            assert "net.npz" in str(error)
            continue
        np.testing.assert_array_equal(read.weights[0], net.weights[0])


# ---------------------------------------------------------------- onnx


def make_model(nodes, constants, shape, out_shape=None, dtype=FLOAT, opset=17, listed=False):
    """A model with input x, output y; constants by name."""
    helper = onnx.helper
    initializers = [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    inputs = [helper.make_tensor_value_info("x", dtype, shape)]
    if listed:
        inputs += [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in initializers]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info("y", dtype, out_shape)], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def node(kind, inputs, outputs, name="", **attributes):
    return onnx.helper.make_node(kind, inputs, outputs, name, **attributes)


def read_and_compare(model, tmp_path, shape, dtype=np.float32, tolerance=3e-6):
    """Read the model and compare with onnx's reference evaluator at random points."""
    from onnx.reference import ReferenceEvaluator

    onnx.save(model, tmp_path / "model.onnx")
    net = sg.read_network(tmp_path / "model.onnx")
    session = ReferenceEvaluator(model)
    rng = np.random.default_rng(0)
    for _ in range(10):
        x = 2 * rng.normal(size=shape).astype(dtype)
        expected = np.ravel(session.run(None, {"x": x})[0])
        np.testing.assert_allclose(net(x.ravel()), expected, rtol=tolerance, atol=tolerance)
    return net


@pytest.fixture
def arrays():
    rng = np.random.default_rng(3)
    shapes = {"W": (4, 3), "V": (2, 4), "b": (4,), "c": (2,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("transpose_b", [0, 1])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.3, -1.7)])
def test_gemm_row(arrays, tmp_path, transpose_b, alpha, beta):
    w = arrays["W"] if transpose_b else arrays["W"].T
    model = make_model(
        [
            node("Gemm", ["x", "W", "b"], ["z"], transB=transpose_b, alpha=alpha, beta=beta),
            node("Relu", ["z"], ["a"]),
            node("Gemm", ["a", "V", "c"], ["y"], transB=1),
        ],
        {**arrays, "W": w},
        ["batch", 3],
    )
    net = read_and_compare(model, tmp_path, (1, 3))
    assert net.hidden_widths == (4,)


@pytest.mark.parametrize("transpose_a", [0, 1])
@pytest.mark.parametrize("signal_transposed", [0, 1])
def test_gemm_column(arrays, tmp_path, transpose_a, signal_transposed):
    w = arrays["W"].T if transpose_a else arrays["W"]
    shape = (1, 3) if signal_transposed else (3, 1)
    model = make_model(
        [node("Gemm", ["W", "x", "b"], ["y"], transA=transpose_a, transB=signal_transposed)],
        {"W": w, "b": arrays["b"][:, None]},
        shape,
    )
    read_and_compare(model, tmp_path, shape)


def test_gemm_with_transposed_signal(arrays, tmp_path):
    model = make_model([node("Gemm", ["x", "W"], ["y"], transA=1)], {"W": arrays["W"].T}, (3, 1))
    read_and_compare(model, tmp_path, (3, 1))


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 1, 3)])
def test_matmul_weight_on_the_right(arrays, tmp_path, shape):
    nodes = [
        node("MatMul", ["x", "W"], ["m"]),
        node("Add", ["b", "m"], ["z"]),
        node("Relu", ["z"], ["a"]),
        node("MatMul", ["a", "V"], ["y"]),
    ]
    model = make_model(nodes, {"W": arrays["W"].T, "b": arrays["b"], "V": arrays["V"].T}, shape)
    net = read_and_compare(model, tmp_path, shape)
    assert net.hidden_widths == (4,)


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3, 1)])
def test_matmul_weight_on_the_left(arrays, tmp_path, shape):
    bias = arrays["b"] if len(shape) == 1 else arrays["b"][:, None]
    nodes = [node("MatMul", ["W", "x"], ["m"]), node("Add", ["m", "b"], ["z"]), node("Relu", ["z"], ["y"])]
    read_and_compare(make_model(nodes, {"W": arrays["W"], "b": bias}, shape), tmp_path, shape)


def test_normalisation_nodes_keep_every_number(arrays, tmp_path):
    nodes = [
        node("Sub", ["x", "mean"], ["s"]),
        node("Mul", ["s", "scale"], ["n"]),
        node("Gemm", ["n", "W", "b"], ["z"], transB=1),
        node("Relu", ["z"], ["a"]),
        node("Gemm", ["a", "V", "c"], ["w"], transB=1),
        node("Div", ["w", "range"], ["v"]),
        node("Sub", ["c", "v"], ["u"]),
        node("Neg", ["u"], ["y"]),
    ]
    extra = {"mean": np.float32([[0.1, 0.2, 0.3]]), "scale": np.float32(1.7), "range": np.float32([3.0, 0.7])}
    read_and_compare(make_model(nodes, arrays | extra, (1, 3)), tmp_path, (1, 3))


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [("Relu", {}), ("LeakyRelu", {}), ("LeakyRelu", {"alpha": 0.3}), ("LeakyRelu", {"alpha": 1.0}), ("Abs", {})],
)
def test_activations(kind, attributes, arrays, tmp_path):
    nodes = [node("Gemm", ["x", "W", "b"], ["z"], transB=1), node(kind, ["z"], ["a"], **attributes),
             node("Gemm", ["a", "V", "c"], ["y"], transB=1)]  # fmt: skip
    read_and_compare(make_model(nodes, arrays, (1, 3)), tmp_path, (1, 3))


def test_activation_first(tmp_path):
    read_and_compare(make_model([node("Relu", ["x"], ["y"])], {}, (1, 3)), tmp_path, (1, 3))


def test_p_relu(arrays, tmp_path):
    nodes = [node("PRelu", ["x", "slope"], ["y"])]
    read_and_compare(make_model(nodes, {"slope": np.float32([0.25])}, (1, 3)), tmp_path, (1, 3))
    onnx.save(make_model(nodes, {"slope": np.float32([1, 2, 3])}, (1, 3)), tmp_path / "m.onnx")
    with pytest.raises(sg.UnsupportedError, match="slopes"):
        sg.read_network(tmp_path / "m.onnx")


@pytest.mark.parametrize("bounds", [("", "hi"), ("lo", ""), ("lo", "hi"), ("lo",), ()])
def test_clip_by_inputs(bounds, tmp_path):
    constants = {"lo": np.float32(-0.5), "hi": np.float32(1.25)}
    model = make_model([node("Clip", ["x", *bounds], ["y"])], {k: constants[k] for k in bounds if k}, (1, 3))
    read_and_compare(model, tmp_path, (1, 3))


def test_clip_by_attributes_of_old_models(tmp_path):
    model = make_model([node("Clip", ["x"], ["y"], min=0.0, max=6.0)], {}, (1, 3), opset=9)
    net = read_and_compare(model, tmp_path, (1, 3))
    assert net.activations[0].breakpoints.tolist() == [0.0, 6.0]


def test_batch_normalisation_is_folded(arrays, tmp_path):
    rng = np.random.default_rng(5)
    statistics = {k: rng.uniform(0.5, 2.0, 4).astype(np.float32) for k in ("gamma", "beta", "mean", "var")}
    nodes = [
        node("Gemm", ["x", "W", "b"], ["z"], transB=1),
        node("BatchNormalization", ["z", "gamma", "beta", "mean", "var"], ["n"], epsilon=1e-3),
        node("Relu", ["n"], ["a"]),
        node("Gemm", ["a", "V", "c"], ["y"], transB=1),
    ]
    read_and_compare(make_model(nodes, arrays | statistics, (1, 3)), tmp_path, (1, 3))


def test_shape_operations(arrays, tmp_path):
    nodes = [
        node("Transpose", ["x"], ["t"], perm=[0, 2, 1]),
        node("Flatten", ["t"], ["f"]),
        node("Unsqueeze", ["f", "axis"], ["u"]),
        node("Squeeze", ["u", "axis"], ["s"]),
        node("Reshape", ["s", "shape"], ["r"]),
        node("Identity", ["r"], ["i"]),
        node("Dropout", ["i"], ["d"]),
        node("Cast", ["d"], ["k"], to=FLOAT),
        node("MatMul", ["k", "W"], ["y"]),
    ]
    w = np.random.default_rng(1).normal(size=(6, 2)).astype(np.float32)
    constants = {"axis": np.array([0]), "shape": np.array([0, -1]), "W": w}
    read_and_compare(make_model(nodes, constants, (1, 2, 3)), tmp_path, (1, 2, 3))


def test_initialisers_listed_as_inputs_unsorted_nodes_and_dead_branches(arrays, tmp_path):
    nodes = [
        node("Gemm", ["a", "V", "c"], ["y"], transB=1),
        node("Sigmoid", ["z"], ["dead"]),
        node("Relu", ["z"], ["a"]),
        node("Gemm", ["x", "W", "b"], ["z"], transB=1),
    ]
    model = make_model(nodes, arrays, (1, 3), listed=True)
    onnx.save(model, tmp_path / "model.onnx")
    net = sg.read_network(tmp_path / "model.onnx")
    x = np.random.default_rng(1).normal(size=(5, 3))
    expected = np.maximum(x @ arrays["W"].T + arrays["b"], 0) @ arrays["V"].T + arrays["c"]
    np.testing.assert_allclose(net(x), expected, atol=1e-6)


def test_constants_computed_from_constants(arrays, tmp_path):
    nodes = [
        node("Constant", [], ["W0"], value=onnx.numpy_helper.from_array(arrays["W"])),
        node("Transpose", ["W0"], ["W1"], perm=[1, 0]),
        node("Mul", ["W1", "two"], ["W2"]),
        node("MatMul", ["x", "W2"], ["y"]),
    ]
    read_and_compare(make_model(nodes, {"two": np.float32(2)}, (1, 3)), tmp_path, (1, 3))


def test_double_precision(tmp_path):
    w = np.random.default_rng(2).normal(size=(3, 2))
    model = make_model([node("MatMul", ["x", "W"], ["y"])], {"W": w}, (1, 3), dtype=DOUBLE)
    net = read_and_compare(model, tmp_path, (1, 3), np.float64, 1e-14)
    np.testing.assert_array_equal(net.weights[0], w.T)


@pytest.mark.parametrize(
    ("nodes", "word"),
    [
        ([("Sigmoid", ["x"], ["y"], "squash")], "'squash' of type Sigmoid"),
        ([("Softmax", ["x"], ["y"], "")], "makes 'y' of type Softmax"),
        ([("Add", ["x", "x"], ["y"], "residual")], "'residual' of type Add: 2 of its inputs"),
        ([("Cast", ["x"], ["y"], "round")], "'round' of type Cast"),
        ([("MatMul", ["x", "W"], ["y"], "bad")], "'bad' of type MatMul"),
        ([("Add", ["x", "grow"], ["y"], "wide")], "'wide' of type Add"),
    ],
)
def test_unsupported_nodes_are_named(nodes, word, tmp_path):
    made = [node(*n, **({"to": 7} if n[0] == "Cast" else {})) for n in nodes]
    constants = {"W": np.ones((2, 2), np.float32), "grow": np.ones((5, 3), np.float32)}
    onnx.save(make_model(made, constants, (1, 3)), tmp_path / "m.onnx")
    with pytest.raises(sg.UnsupportedError, match=word):
        sg.read_network(tmp_path / "m.onnx")


@pytest.mark.parametrize(("kind", "value"), [("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply)])
@pytest.mark.parametrize(("axis", "shape"), [(1, (2,)), (0, (1, 2)), (-1, (3,)), (None, (2, 3)), (None, (3,))])
def test_broadcasting_of_old_models(kind, value, axis, shape, tmp_path):
    constant = np.random.default_rng(4).normal(size=shape).astype(np.float32)
    attributes = {"broadcast": 1} | ({} if axis is None else {"axis": axis})
    model = make_model([node(kind, ["x", "c"], ["y"], **attributes)], {"c": constant}, (1, 2, 3), opset=6)
    onnx.save(model, tmp_path / "m.onnx")
    x = np.arange(6.0).reshape(1, 2, 3)
    aligned = constant[..., None] if shape in ((2,), (1, 2)) else constant
    found = sg.read_network(tmp_path / "m.onnx")(x.ravel())
    np.testing.assert_allclose(found, value(x, np.float64(aligned)).ravel(), rtol=1e-15)


def test_view_by_the_size_of_the_batch(arrays, tmp_path):
    """What exporters make of x.view(x.size(0), -1), on the input and between layers."""

    def view(source, out):
        return [
            node("Shape", [source], [f"{out}_shape"]),
            node("Gather", [f"{out}_shape", "zero"], [f"{out}_batch"], axis=0),
            node("Unsqueeze", [f"{out}_batch", "axes"], [f"{out}_row"]),
            node("Concat", [f"{out}_row", "rest"], [f"{out}_size"], axis=0),
            node("Reshape", [source, f"{out}_size"], [out]),
        ]

    nodes = [
        *view("x", "v"),
        node("Gemm", ["v", "W", "b"], ["z"], transB=1),
        node("Relu", ["z"], ["a"]),
        *view("a", "w"),
        node("Gemm", ["w", "V", "c"], ["y"], transB=1),
    ]
    sizes = {"zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1])}
    wide = {"W": np.random.default_rng(6).normal(size=(4, 6)).astype(np.float32)}
    read_and_compare(make_model(nodes, arrays | sizes | wide, ["batch", 2, 3]), tmp_path, (1, 2, 3))


@pytest.mark.parametrize(("bounds", "wanted"), [({"start": 1}, (2, 3)), ({"end": -1}, (1, 2)), ({}, (1, 2, 3))])
def test_part_of_a_shape(bounds, wanted, tmp_path):
    nodes = [
        node("Shape", ["x"], ["s"], **bounds),
        node("ReduceProd", ["s"], ["n"], keepdims=1),
        node("Cast", ["n"], ["f"], to=FLOAT),
        node("Mul", ["x", "f"], ["y"]),
    ]
    net = read_and_compare(make_model(nodes, {}, ("batch", 2, 3)), tmp_path, (1, 2, 3))
    assert net.weights[0][0, 0] == np.prod(wanted)


def test_shape_of_another_branch_is_refused(tmp_path):
    nodes = [node("Relu", ["x"], ["r"]), node("Shape", ["r"], ["s"]), node("Reshape", ["x", "s"], ["y"])]
    onnx.save(make_model(nodes, {}, (1, 3)), tmp_path / "m.onnx")
    with pytest.raises(sg.UnsupportedError, match=r"m\.onnx: .*'s'.*fixed shapes"):
        sg.read_network(tmp_path / "m.onnx")


@pytest.mark.parametrize("shape", [["batch", "features"], ["n"]])
def test_symbolic_features_are_refused(shape, tmp_path):
    onnx.save(make_model([node("Relu", ["x"], ["y"])], {}, shape), tmp_path / "m.onnx")
    with pytest.raises(sg.UnsupportedError, match="number of features is unknown; export"):
        sg.read_network(tmp_path / "m.onnx")


@pytest.mark.parametrize("axis", [-3, -2, -1, 0, 1, 2, 3])
def test_axes_of_flatten(axis, tmp_path):
    model = make_model([node("Flatten", ["x"], ["f"], axis=axis), node("Relu", ["f"], ["y"])], {}, (1, 2, 3))
    read_and_compare(model, tmp_path, (1, 2, 3))


@pytest.mark.parametrize("axis", [-4, 4])
def test_axis_of_flatten_that_does_not_exist(axis, tmp_path):
    onnx.save(make_model([node("Flatten", ["x"], ["y"], axis=axis)], {}, (1, 2, 3)), tmp_path / "m.onnx")
    with pytest.raises(sg.ReadError, match=f"Flatten: axis {axis}"):
        sg.read_network(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("nodes", "word"),
    [
        ([("Cast", ["x"], ["y"], "untyped")], "'untyped' of type Cast: malformed"),
        ([("PRelu", ["x"], ["y"], "bare")], "'bare' of type PRelu: malformed"),
        ([("MatMul", ["x"], ["y"], "alone")], "'alone' of type MatMul: malformed"),
        ([("Mul", ["x", "nan"], ["y"], "")], "weights.*NaN.*corrupt"),
        ([("Mul", ["x", "missing"], ["y"], "")], "'missing' is made by no node"),
        ([("Relu", ["y"], ["z"], ""), ("Relu", ["z"], ["y"], "")], "0 of its inputs"),
    ],
)
def test_malformed_graphs(nodes, word, tmp_path):
    constants = {"nan": np.float32([np.nan])}
    onnx.save(make_model([node(*n) for n in nodes], constants, (1, 3)), tmp_path / "m.onnx")
    with pytest.raises((sg.ReadError, sg.UnsupportedError), match=rf"m\.onnx: .*{word}"):
        sg.read_network(tmp_path / "m.onnx")


def test_initialiser_that_cannot_be_read(arrays, tmp_path):
    model = make_model([node("MatMul", ["x", "W"], ["y"])], {"W": arrays["W"].T}, (1, 3))
    model.graph.initializer[0].raw_data = b"short"
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(sg.ReadError, match=r"m\.onnx: .*'W'.*corrupt"):
        sg.read_network(tmp_path / "m.onnx")


@pytest.mark.parametrize("bounds", [("nan", "hi"), ("lo", "nan")])
def test_clip_by_nan(bounds, tmp_path):
    constants = {"lo": np.float32(0), "hi": np.float32(1), "nan": np.float32(np.nan)}
    onnx.save(make_model([node("Clip", ["x", *bounds], ["y"])], constants, (1, 3)), tmp_path / "m.onnx")
    with pytest.raises(sg.UnsupportedError, match="Clip: a bound is NaN"):
        sg.read_network(tmp_path / "m.onnx")


def test_the_mask_of_a_dropout_is_refused(tmp_path):
    nodes = [node("Dropout", ["x"], ["d", "mask"], "drop"), node("Identity", ["mask"], ["y"])]
    onnx.save(make_model(nodes, {}, (1, 3)), tmp_path / "m.onnx")
    with pytest.raises(sg.UnsupportedError, match="'drop' of type Dropout: only its first output.*'mask'"):
        sg.read_network(tmp_path / "m.onnx")


def test_fixed_batch_is_refused(tmp_path):
    onnx.save(make_model([node("Relu", ["x"], ["y"])], {}, (8, 3)), tmp_path / "m.onnx")
    with pytest.raises(sg.UnsupportedError, match="batch"):
        sg.read_network(tmp_path / "m.onnx")


def test_several_outputs_need_a_choice(tmp_path):
    model = make_model([node("Relu", ["x"], ["y"]), node("Abs", ["x"], ["w"])], {}, (1, 3))
    model.graph.output.append(onnx.helper.make_tensor_value_info("w", FLOAT, (1, 3)))
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(sg.InvalidInputError, match="'y', 'w'"):
        sg.read_network(tmp_path / "m.onnx")
    assert sg.read_network(tmp_path / "m.onnx", output="w")([[-1.0, 2.0, 3.0]]).tolist() == [[1.0, 2.0, 3.0]]


# ---------------------------------------------------------------- nnet

NNET = """// comment
2,2,1,3,
2,3,1,
0,
-1.0,-2.0,
1.0,2.0,
{means}
{ranges}
1.0,2.0,
3.0,4.0,
5.0,6.0,
0.5,
-0.5,
0.25,
1.0,1.0,-1.0,
0.125,
"""


def nnet_value(x):
    z = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]) @ x + [0.5, -0.5, 0.25]
    return np.array([1.0, 1.0, -1.0]) @ np.maximum(z, 0) + 0.125


@pytest.mark.parametrize(
    ("means", "ranges", "mean", "span", "out"),
    [
        ("0.5,-0.5,7.0", "2.0,3.0,10.0", [0.5, -0.5], [2.0, 3.0], (7.0, 10.0)),
        ("0.5,-0.5", "2.0,3.0", [0.5, -0.5], [2.0, 3.0], (0.0, 1.0)),  # short: no entry for the output
        ("0.5", "2.0,", [0.5, 0.0], [2.0, 1.0], (0.0, 1.0)),
        ("0", "0", [0.0, 0.0], [1.0, 1.0], (0.0, 1.0)),  # absent
        ("", "0,0,0,", [0.0, 0.0], [1.0, 1.0], (0.0, 1.0)),
        ("0.5,-0.5,7.0 // means", "2.0,3.0,10.0,//", [0.5, -0.5], [2.0, 3.0], (7.0, 10.0)),
    ],
)
def test_nnet_headers(means, ranges, mean, span, out, tmp_path):
    path = tmp_path / "small.nnet"
    path.write_text(NNET.format(means=means, ranges=ranges))
    raw, physical = sg.read_network(path), sg.read_network(path, normalized=False)
    for x in np.random.default_rng(0).normal(size=(5, 2)):
        assert raw(x)[0] == pytest.approx(nnet_value(x), abs=1e-13)
        expected = nnet_value((x - mean) / span) * out[1] + out[0]
        assert physical(x)[0] == pytest.approx(expected, abs=1e-12)
    header = nnet_normalization(path)
    assert header.lower.tolist() == [-1.0, -2.0] and header.output_range == out[1]


@pytest.mark.parametrize(
    ("means", "ranges", "message"),
    [
        ("unused", "0", r"line 7: .*'unused'"),
        ("0.5,x,7.0", "2.0,3.0,10.0", r"line 7: .*'x'"),
        ("nan,0.5", "2.0,3.0", "line 7: has NaN"),
        ("0.5,0.5", "2.0,inf", "line 8: has NaN or infinite"),
        ("0.5,0.5", "2.0,0.0", "line 8: a range is zero"),
        ("0.5,0.5", "2.0,1e-320", "line 8: a range is zero"),
    ],
)
def test_headers_of_nnet_that_say_nothing(means, ranges, message, tmp_path):
    (tmp_path / "bad.nnet").write_text(NNET.format(means=means, ranges=ranges))
    with pytest.raises(sg.ReadError, match=rf"bad\.nnet: {message}"):
        sg.read_network(tmp_path / "bad.nnet")


def test_nnet_with_comments_and_a_byte_order_mark(tmp_path):
    text = NNET.format(means="0", ranges="0")
    for old, new in (("2,2,1,3,", "2,2,1,3, // counts"), ("\n0,", "\nnot used // at all"), ("-0.5,", "-0.5 // bias")):
        text = text.replace(old, new, 1)
    (tmp_path / "marked.nnet").write_bytes(b"\xef\xbb\xbf" + text.encode())
    x = np.array([0.5, -1.5])
    assert sg.read_network(tmp_path / "marked.nnet")(x)[0] == pytest.approx(nnet_value(x), abs=1e-13)


@pytest.mark.parametrize("damage", ["cut", "ragged", "words", "sizes", "extra", "nan", "infinite"])
def test_damaged_nnet(damage, tmp_path):
    text = NNET.format(means="0", ranges="0")
    text = {
        "cut": text[:-20],
        "ragged": text.replace("3.0,4.0,", "3.0,"),
        "words": text.replace("3.0,4.0,", "3.0,four,"),
        "sizes": text.replace("2,2,1,3,", "3,2,1,3,"),
        "extra": text + "1.0,\n",
        "nan": text.replace("3.0,4.0,", "3.0,nan,"),
        "infinite": text.replace("3.0,4.0,", "3.0,inf,"),
    }[damage]
    (tmp_path / "bad.nnet").write_text(text)
    with pytest.raises(sg.ReadError, match=r"bad\.nnet"):
        sg.read_network(tmp_path / "bad.nnet")


# ---------------------------------------------------------------- real files


def test_acas_xu_nnet_and_onnx_agree(real_networks):
    text = sg.read_network(real_networks / "ACASXU_run2a_1_1_batch_2000.nnet")
    graph = sg.read_network(real_networks / "ACASXU_run2a_1_1_batch_2000.onnx")
    assert text.hidden_widths == graph.hidden_widths == (50,) * 6
    known = [-0.021198862641, -0.0187142132, -0.01876628957, -0.018762131257, -0.018760460904]
    np.testing.assert_allclose(text(np.zeros(5)), known, atol=5e-13)
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (100, 5))
    np.testing.assert_allclose(text(x), graph(x), atol=2e-5)


def test_acas_xu_onnx_against_its_own_evaluator(real_networks):
    from onnx.reference import ReferenceEvaluator

    session = ReferenceEvaluator(str(real_networks / "ACASXU_run2a_1_1_batch_2000.onnx"))
    net = sg.read_network(real_networks / "ACASXU_run2a_1_1_batch_2000.onnx")
    for x in np.random.default_rng(1).uniform(-0.5, 0.5, (5, 5)).astype(np.float32):
        np.testing.assert_allclose(net(x), session.run(None, {"X": x})[0], atol=2e-6)


def test_acas_xu_physical_units(real_networks):
    path = real_networks / "ACASXU_run2a_1_1_batch_2000.nnet"
    raw, physical, header = sg.read_network(path), sg.read_network(path, normalized=False), nnet_normalization(path)
    assert header.input_mean.tolist() == [19791.091, 0.0, 0.0, 650.0, 600.0]
    assert header.output_mean == 7.5188840201005975 and header.output_range == 373.94992
    x = np.array([10000.0, 1.0, -1.0, 500.0, 700.0])
    expected = raw((x - header.input_mean) / header.input_range) * header.output_range + header.output_mean
    np.testing.assert_allclose(physical(x), expected, rtol=1e-11)


def test_hcas(real_networks):
    net = sg.read_network(real_networks / "HCAS_rect_v6_pra0_tau00_25HU_3000.nnet")
    known = [-1.026360863438, -1.02010587005, -1.01783816062, -0.960546518221, -0.913557702922]
    np.testing.assert_allclose(net(np.zeros(3)), known, atol=5e-13)


def test_odd_headers_of_real_files(real_networks):
    small = sg.read_network(real_networks / "small_nnet.nnet", normalized=False)
    assert small.gradient([[-10.0], [10.0]]).ravel().tolist() == [0.0, 24.0]
    assert sg.read_network(real_networks / "tiny_nnet.nnet", normalized=False)([3.0]).tolist() == [3.0]
    spiky = sg.read_network(real_networks / "spiky_nnet.nnet", normalized=False)
    assert spiky.hidden_widths == (6, 4, 3)
    slopes = spiky.gradient([[0.0], [10.0], [20.0], [27.0], [31.0], [35.0]]).ravel().tolist()
    assert slopes == [-2.0, -2.0, 6.0, -10.0, -6.0, 2.0]


# ---------------------------------------------------------------- scikit-learn


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_sklearn_regressor(outputs):
    networks = pytest.importorskip("sklearn.neural_network")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 2)), rng.normal(size=(60, outputs))
    model = networks.MLPRegressor(hidden_layer_sizes=(7, 5), max_iter=20, random_state=0)
    model.fit(x, y[:, 0] if outputs == 1 else y)
    net = sg.from_sklearn(model)
    np.testing.assert_allclose(net(x).reshape(60, outputs), model.predict(x).reshape(60, outputs), atol=1e-12)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_sklearn_classifier_gives_the_logits(classes):
    networks = pytest.importorskip("sklearn.neural_network")
    x = np.random.default_rng(0).normal(size=(60, 2))
    model = networks.MLPClassifier(hidden_layer_sizes=(7,), max_iter=20, random_state=0).fit(x, np.arange(60) % classes)
    logits = sg.from_sklearn(model)(x)
    if classes == 2:
        found = 1 / (1 + np.exp(-logits[:, 0]))
        np.testing.assert_allclose(found, model.predict_proba(x)[:, 1], atol=1e-12)
    else:
        found = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found, model.predict_proba(x), atol=1e-12)


def test_sklearn_refuses_what_is_not_piecewise_linear():
    with pytest.raises(sg.UnsupportedError, match="tanh"):
        sg.from_sklearn(SimpleNamespace(coefs_=[np.ones((1, 1))], intercepts_=[np.zeros(1)], activation="tanh"))
    with pytest.raises(sg.InvalidInputError, match="estimator"):
        sg.from_sklearn(object())
    fitted = {"coefs_": [np.ones((1, 1))], "intercepts_": [np.zeros(1)], "activation": "relu"}
    with pytest.raises(sg.UnsupportedError, match="estimator.*'exp'.*squared_error"):
        sg.from_sklearn(SimpleNamespace(**fitted, out_activation_="exp"))


# ---------------------------------------------------------------- torch, and stand-ins of the same shape


def layer(kind, **attributes):
    return type(kind, (), attributes)()


def sequential(*children):
    return layer("Sequential", named_children=lambda self: [(str(i), c) for i, c in enumerate(children)])


def test_torch_stand_ins(random_network):
    net = random_network([3, 4, 4, 2], seed=2)
    statistics = {"running_mean": np.full(4, 0.5), "running_var": np.full(4, 4.0), "eps": 0.0}
    norm = layer("BatchNorm1d", **statistics, weight=np.full(4, 3.0), bias=np.full(4, 0.25))
    linear = [layer("Linear", weight=w, bias=b) for w, b in zip(net.weights, net.biases, strict=True)]
    inner = sequential(linear[1], layer("Dropout"), layer("LeakyReLU", negative_slope=0.2), layer("Identity"))
    module = sequential(layer("Flatten"), linear[0], norm, layer("ReLU"), inner, linear[2])
    x = np.random.default_rng(0).normal(size=(20, 3))
    z = x @ net.weights[0].T + net.biases[0]
    z = np.maximum((z - 0.5) / 2.0 * 3.0 + 0.25, 0) @ net.weights[1].T + net.biases[1]
    z = np.where(z > 0, z, 0.2 * z) @ net.weights[2].T + net.biases[2]
    np.testing.assert_allclose(sg.from_torch(module)(x), z, atol=1e-12)


def test_torch_names_the_layer_it_does_not_know():
    linear = layer("Linear", weight=np.ones((1, 1)), bias=None)
    with pytest.raises(sg.UnsupportedError, match=r"1\.0 is a Tanh"):
        sg.from_torch(sequential(linear, sequential(layer("Tanh"))))
    with pytest.raises(sg.InvalidInputError, match="Linear"):
        sg.from_torch(sequential(linear, layer("Linear", weight=np.ones((1, 3)), bias=None)))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (layer("Linear"), "module: module has no weight; pass a torch layer"),
        (layer("Linear", weight=None, bias=None), r"module\.weight: None given; pass real floats"),
        (layer("Linear", weight=np.ones((2, 3)), bias=np.zeros(3)), r"module\.bias: shape \(3,\) given, \(2,\) wanted"),
        (layer("ReLU"), "before any Linear"),
        (layer("BatchNorm1d"), "running statistics"),
        (layer("BatchNorm1d", running_mean=np.ones(2), running_var=np.ones(2)), "has no eps"),
        (layer("Sequential"), "has no named_children"),
    ],
)
def test_torch_layers_without_their_attributes(module, message):
    with pytest.raises((sg.InvalidInputError, sg.UnsupportedError), match=message):
        sg.from_torch(module)
    linear = layer("Linear", weight=np.ones((2, 1)), bias=None)
    with pytest.raises(sg.InvalidInputError, match=r"module: 1 has no negative_slope"):
        sg.from_torch(sequential(linear, layer("LeakyReLU")))


def test_torch_batch_norm_of_another_width():
    linear = layer("Linear", weight=np.ones((2, 1)), bias=None)
    norm = layer("BatchNorm1d", running_mean=np.zeros(1), running_var=np.ones(1), eps=0.0, weight=None, bias=None)
    with pytest.raises(sg.InvalidInputError, match=r"module: 1 \(BatchNorm1d\) has 1 features, 2 arrive"):
        sg.from_torch(sequential(linear, norm))


def test_torch_itself():
    torch = pytest.importorskip("torch", reason="needs the extra torch")
    nn = torch.nn
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Flatten(),
        nn.Linear(3, 8),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Sequential(nn.Linear(8, 6, bias=False), nn.Hardtanh(-0.5, 2.0), nn.Dropout(0.3)),
        nn.Linear(6, 5),
        nn.LeakyReLU(0.1),
        nn.Identity(),
        nn.Linear(5, 2),
    )
    module(torch.randn(64, 3))  # moves the running statistics
    module.eval()
    x = torch.randn(50, 3)
    net = sg.from_torch(module)
    expected = module.double()(x.double()).detach().numpy()
    np.testing.assert_allclose(net(x.double().numpy()), expected, atol=1e-12)


# ---------------------------------------------------------------- examples


@pytest.mark.parametrize("name", ["flower", "sines"])
def test_example_files_hold_the_same_network(name, examples):
    one, other = sg.read_network(examples / f"{name}.npz"), sg.read_network(examples / f"{name}.onnx")
    for a, b in zip((*one.weights, *one.biases), (*other.weights, *other.biases), strict=True):
        np.testing.assert_array_equal(a, b)
    for suffix in ("npz", "onnx"):
        assert (examples / f"{name}.{suffix}").stat().st_size < 1_000_000
