"""ONNX files against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

import specgeo as sg

onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
FLOAT, DOUBLE = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE


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
    """Read the model and compare with onnxruntime at random points."""
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra test")
    model.ir_version = min(model.ir_version, 8)
    onnx.save(model, tmp_path / "model.onnx")
    net = sg.read_network(tmp_path / "model.onnx")
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
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
    onnx.save(make_model(nodes, {"slope": np.float32([[1], [2]])}, (1, 3)), tmp_path / "m.onnx")
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


@pytest.mark.parametrize("given", [{"epsilon": 1e-3}, {}])
def test_batch_normalisation_is_folded(given, arrays, tmp_path):
    """Without an epsilon it is 1e-5, which small variances tell from any other."""
    rng = np.random.default_rng(5)
    statistics = {k: rng.uniform(0.5, 2.0, 4).astype(np.float32) for k in ("gamma", "beta", "mean", "var")}
    statistics["var"] *= np.float32(1e-4)
    nodes = [
        node("Gemm", ["x", "W", "b"], ["z"], transB=1),
        node("BatchNormalization", ["z", "gamma", "beta", "mean", "var"], ["n"], **given),
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
        ([("Sigmoid", ["x"], ["p"], "squash"), ("Neg", ["p"], ["y"])], "'squash' of type Sigmoid"),
        ([("Softmax", ["x"], ["p"], ""), ("Relu", ["p"], ["y"])], "makes 'p' of type Softmax"),
        ([("Mul", ["x", "x"], ["y"], "square")], "'square' of type Mul: .*product of two functions that vary"),
        ([("Cast", ["x"], ["y"], "round")], "'round' of type Cast"),
        ([("MatMul", ["x", "W"], ["y"], "bad")], "'bad' of type MatMul"),
        ([("Add", ["x", "grow"], ["y"], "wide")], "'wide' of type Add"),
    ],
)
def test_unsupported_nodes_are_named(nodes, word, tmp_path):
    made = [node(*n, **({"to": 7} if n[0] == "Cast" else {})) for n in nodes]
    constants = {"W": np.ones((2, 2), np.float32), "grow": np.ones((5, 4), np.float32)}
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


def test_shape_of_another_branch(tmp_path):
    nodes = [node("Concat", ["x", "x"], ["r"], axis=1), node("Abs", ["r"], ["a"]), node("Shape", ["a"], ["s"])]
    onnx.save(make_model([*nodes, node("Reshape", ["r", "s"], ["y"])], {}, (1, 3)), tmp_path / "m.onnx")
    assert sg.read_network(tmp_path / "m.onnx")([1.0, 2.0, 3.0]).tolist() == [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]


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


@pytest.mark.parametrize("name", ["flower", "sines"])
def test_example_files_hold_the_same_network(name, examples):
    one, other = sg.read_network(examples / f"{name}.npz"), sg.read_network(examples / f"{name}.onnx")
    for a, b in zip((*one.weights, *one.biases), (*other.weights, *other.biases), strict=True):
        np.testing.assert_array_equal(a, b)
    for suffix in ("npz", "onnx"):
        assert (examples / f"{name}.{suffix}").stat().st_size < 1_000_000


# ---------------------------------------------------------------- defaults, long chains, constants within a budget


def test_batch_normalisation_and_leaky_relu_without_their_attributes(tmp_path):
    """The defaults show where the variance is small."""
    statistics = {"g": [1.0, 2.0], "b": [0.0, 1.0], "m": [0.5, 0.0], "v": [1e-5, 0.0]}
    nodes = [node("BatchNormalization", ["x", "g", "b", "m", "v"], ["n"]), node("LeakyRelu", ["n"], ["y"])]
    constants = {k: np.float32(v) for k, v in statistics.items()}
    net = read_and_compare(make_model(nodes, constants, (1, 2)), tmp_path, (1, 2))
    expected = [1.0 / np.sqrt(2e-5), 2.0 / np.sqrt(1e-5)]
    np.testing.assert_allclose(np.diag(net.weights[0]), expected, rtol=1e-6)
    assert net.activations[-1].slopes[0] == np.float32(0.01)
    assert read_and_compare(make_model(nodes, constants, (1, 2), opset=9), tmp_path, (1, 2)).input_dim == 2


@pytest.mark.parametrize("count", [5, 60])
def test_stacked_constants(count, tmp_path):
    nodes = [node("Add", [f"c{i}", f"c{i}"], [f"c{i + 1}"]) for i in range(count)]
    nodes.append(node("Mul", ["x", f"c{count}"], ["y"]))
    net = read_and_compare(make_model(nodes, {"c0": np.float32(2.0**-30)}, (1, 2)), tmp_path, (1, 2))
    assert net.weights[0].tolist() == (2.0 ** (count - 30) * np.eye(2)).tolist()


def test_long_chains(tmp_path):
    names = ["x", *(f"t{i}" for i in range(2999)), "y"]
    nodes = [node("Neg", [a], [b]) for a, b in zip(names[:-1], names[1:], strict=True)]
    onnx.save(make_model(nodes[::-1], {}, (1, 3)), tmp_path / "m.onnx")
    assert sg.read_network(tmp_path / "m.onnx").weights[0].tolist() == np.eye(3).tolist()
    onnx.save(make_model([node("Relu", n.input, n.output) for n in nodes[:500]] + nodes[500:], {}, (1, 3)),
              tmp_path / "m.onnx")  # fmt: skip
    assert len(sg.read_network(tmp_path / "m.onnx").hidden_widths) == 500


COLUMN = np.ones((9999, 1), np.float32)
GREEDY = {
    "ConstantOfShape": ([("ConstantOfShape", ["n"], ["k"])], {"n": np.array([1 << 29])}),
    "Range": ([("Range", ["z", "n", "o"], ["k"])], {"z": np.array(0), "n": np.array(1 << 60), "o": np.array(1)}),
    "Tile": ([("Tile", ["o", "n"], ["k"])], {"o": np.float32([1.0]), "n": np.array([1 << 40])}),
    "Expand": ([("Expand", ["o", "n"], ["k"])], {"o": np.float32([1.0]), "n": np.array([1 << 20, 1 << 20])}),
    "Concat": ([("Concat", [f"o{i}", f"o{i}"], [f"o{i + 1}"]) for i in range(50)] + [("Identity", ["o50"], ["k"])],
               {"o0": np.float32([1.0])}),
    "MatMul": ([("MatMul", ["a", "b"], ["k"])], {"a": COLUMN, "b": COLUMN.T}),
    "Add": ([("Add", ["a", "b"], ["k"])], {"a": COLUMN, "b": COLUMN.T}),
    "Pad": ([("Pad", ["o", "n"], ["k"])], {"o": np.float32([1.0]), "n": np.array([1 << 40, 1])}),
}  # fmt: skip


@pytest.mark.parametrize("kind", GREEDY)
def test_constants_have_a_budget(kind, tmp_path):
    made, constants = GREEDY[kind]
    nodes = [node(*one, **({"axis": 0} if one[0] == "Concat" else {})) for one in made]
    onnx.save(make_model([*nodes, node("Mul", ["x", "k"], ["y"])], constants, (1, 3)), tmp_path / "m.onnx")
    with pytest.raises(sg.BudgetError, match=rf"m\.onnx: .*of type {kind}.*raise max_bytes"):
        sg.read_network(tmp_path / "m.onnx")


def test_loops_of_constants_are_not_run(tmp_path):
    helper = onnx.helper
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [node("Identity", ["c"], ["d"]), node("Add", ["v", "v"], ["w"])], "body",
        [value("i", 7, []), value("c", 9, []), value("v", FLOAT, [])], [value("d", 9, []), value("w", FLOAT, [])],
    )  # fmt: skip
    nodes = [node("Loop", ["n", "t", "o"], ["k"], body=body), node("Mul", ["x", "k"], ["y"])]
    constants = {"n": np.array(1 << 62), "t": np.array(True), "o": np.float32(0)}
    onnx.save(make_model(nodes, constants, (1, 3)), tmp_path / "m.onnx")
    with pytest.raises(sg.UnsupportedError, match="of type Loop: its constant value is not computed"):
        sg.read_network(tmp_path / "m.onnx")


def test_inputs_that_no_memory_holds(tmp_path):
    onnx.save(make_model([node("Relu", ["x"], ["y"])], {}, (1, 1 << 16)), tmp_path / "m.onnx")
    wide, x = sg.read_network(tmp_path / "m.onnx"), np.linspace(-1, 1, 1 << 16)  # sparse: 32 GiB as an array
    assert np.array_equal(wide(x), np.maximum(x, 0.0))
    onnx.save(make_model([node("Relu", ["x"], ["y"])], {}, (1, 1 << 62, 4)), tmp_path / "m.onnx")
    with pytest.raises(sg.ReadError, match="beyond all memory"):
        sg.read_network(tmp_path / "m.onnx")


@pytest.mark.parametrize("kind", ["Dropout", "BatchNormalization"])
def test_old_models_in_training_mode(kind, tmp_path):
    constants = {k: np.ones(3, np.float32) for k in ("g", "b", "m", "v")}
    inputs = ["x", "g", "b", "m", "v"] if kind == "BatchNormalization" else ["x"]
    onnx.save(make_model([node(kind, inputs, ["y"])], constants, (1, 3), opset=6), tmp_path / "m.onnx")
    with pytest.raises(sg.UnsupportedError, match="training mode"):
        sg.read_network(tmp_path / "m.onnx")
    onnx.save(make_model([node(kind, inputs, ["y"], is_test=1)], constants, (1, 3), opset=6), tmp_path / "m.onnx")
    assert sg.read_network(tmp_path / "m.onnx").input_dim == 3


def test_weights_in_a_file_beside_the_model(arrays, tmp_path):
    model = make_model([node("MatMul", ["x", "W"], ["y"])], {"W": np.tile(arrays["W"].T, (1, 9))}, (1, 3))
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="m.bin", size_threshold=0)
    np.testing.assert_array_equal(sg.read_network(tmp_path / "m.onnx").weights[0], np.tile(arrays["W"], (9, 1)))
    (tmp_path / "m.bin").unlink()
    with pytest.raises(sg.ReadError, match=r"'W' is in 'm\.bin', which is no file"):
        sg.read_network(tmp_path / "m.onnx")


@pytest.mark.parametrize("opset", [7, 9, 13])
def test_batch_normalisation_that_makes_statistics_is_in_training_mode(opset, tmp_path):
    ones = np.ones(3, np.float32)
    constants = {name: ones for name in "gbmv"}
    nodes = [node("BatchNormalization", ["x", *"gbmv"], ["y", "mean", "var"])]
    onnx.save(make_model(nodes, constants, (1, 3), opset=opset), tmp_path / "m.onnx")
    with pytest.raises(sg.UnsupportedError, match="BatchNormalization: is in training mode"):
        sg.read_network(tmp_path / "m.onnx")


def test_inputs_of_integers_are_cast_first(arrays, tmp_path):
    kind = onnx.TensorProto.INT32
    cast = [node("Flatten", ["x"], ["u"]), node("Cast", ["u"], ["v"], to=FLOAT), node("MatMul", ["v", "W"], ["y"])]
    model = make_model(cast, {"W": arrays["W"].T}, (1, 3), dtype=kind)
    model.graph.output[0].type.tensor_type.elem_type = FLOAT
    read_and_compare(model, tmp_path, (1, 3), dtype=np.int32)
    halves = make_model([node("Div", ["x", "two"], ["y"])], {"two": np.array([2], np.int32)}, (1, 3), dtype=kind)
    words = make_model([node("Cast", ["x"], ["y"], to=FLOAT)], {}, (1, 3), dtype=onnx.TensorProto.STRING)
    for model, message in ((halves, "Div: computes in integers"), (words, "input 'x' does not hold real numbers")):
        onnx.save(model, tmp_path / "m.onnx")
        with pytest.raises(sg.UnsupportedError, match=message):
            sg.read_network(tmp_path / "m.onnx")


def test_inputs_are_made_once(tmp_path):
    again = make_model([node("Relu", ["x"], ["x"]), node("Relu", ["x"], ["y"])], {}, (1, 3))
    twice = make_model([node("Relu", ["x"], ["y"])], {}, (1, 3))
    twice.graph.input.append(onnx.helper.make_tensor_value_info("x", FLOAT, (1, 5)))
    for model in (again, twice):
        onnx.save(model, tmp_path / "m.onnx")
        with pytest.raises(sg.ReadError, match="make the same tensor"):
            sg.read_network(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("Elu", "train with ReLU.*output='z'"),
        ("Tanh", "train with ReLU.*end before it with output='z'"),
        ("LayerNormalization", "multiplies or divides.*output='z'"),
        ("ArgMin", "not continuous piecewise linear.*output='z'"),
        ("Bernoulli", "use nodes of Abs.*output='z'"),
    ],
)
def test_nodes_that_are_not_read_have_a_remedy(kind, words, arrays, tmp_path):
    """And the output that the message names can be read."""
    nodes = [node("MatMul", ["x", "V"], ["z"]), node(kind, ["z"], ["y"])]
    onnx.save(make_model(nodes, {"V": np.eye(3, dtype=np.float32)}, (1, 3)), tmp_path / "m.onnx")
    with pytest.raises(sg.UnsupportedError, match=f"of type {kind}: .*{words}"):
        sg.read_network(tmp_path / "m.onnx")
    assert np.array_equal(sg.read_network(tmp_path / "m.onnx", output="z")([1.0, 2.0, 3.0]), [1.0, 2.0, 3.0])


ENDS = {
    "Softmax": [("Softmax", "z", "y")],
    "LogSoftmax": [("LogSoftmax", "z", "y")],
    "Sigmoid": [("Identity", "z", "i"), ("Sigmoid", "i", "p"), ("Flatten", "p", "y")],
    "ArgMax": [("Softmax", "z", "p"), ("ArgMax", "p", "k"), ("Cast", "k", "y")],
}


@pytest.mark.parametrize("kind", ENDS)
def test_probabilities_at_the_end_are_left_out(kind, tmp_path):
    nodes = [node("MatMul", ["x", "V"], ["z"])]
    nodes += [node(one, [a], [b], **({"to": FLOAT} if one == "Cast" else {})) for one, a, b in ENDS[kind]]
    onnx.save(make_model(nodes, {"V": np.diag(np.float32([1, 2, 3]))}, (1, 3)), tmp_path / "m.onnx")
    with pytest.warns(UserWarning, match=f"m.onnx: the network ends before its .*{kind}, .*outputs are logits"):
        net = sg.read_network(tmp_path / "m.onnx")
    assert np.array_equal(net([1.0, 2.0, 3.0]), [1.0, 4.0, 9.0])


def test_probabilities_of_two_classes_are_one_logit(tmp_path):
    """As scikit-learn's classifiers are exported; with another constant it is no pair of probabilities."""
    nodes = [
        node("MatMul", ["x", "V"], ["z"]), node("Sigmoid", ["z"], ["p"]), node("Sub", ["one", "p"], ["q"]),
        node("Concat", ["q", "p"], ["y"], axis=1),
    ]  # fmt: skip
    for one in (1.0, 2.0):
        constants = {"V": np.float32([[1], [2], [3]]), "one": np.float32([one])}
        onnx.save(make_model(nodes, constants, (1, 3)), tmp_path / "m.onnx")
        if one == 1.0:
            with pytest.warns(UserWarning, match="the network ends before its Sigmoid"):
                net = sg.read_network(tmp_path / "m.onnx")
            assert net([1.0, 2.0, 3.0]).tolist() == [14.0]
        else:
            with pytest.raises(sg.UnsupportedError, match="of type Sigmoid"):
                sg.read_network(tmp_path / "m.onnx")


def test_files_of_frameworks_have_a_remedy(tmp_path):
    for name, words in (("a.pt", "from_torch"), ("a.pkl", "from_sklearn"), ("a.txt", "can be")):
        with pytest.raises(sg.ReadError, match=words):
            sg.read_network(tmp_path / name)
