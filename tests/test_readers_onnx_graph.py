"""ONNX graphs that are no chains, against onnxruntime."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from test_readers_onnx import FLOAT, make_model, node, read_and_compare

import specgeo as sg


@pytest.fixture
def weights():
    rng = np.random.default_rng(7)
    shapes = {"K": (4, 2, 3, 3), "k": (4,), "M": (4, 4, 3, 3), "W": (36, 5), "b": (5,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def test_convolutions_pools_and_a_residual_sum(weights, tmp_path):
    rng = np.random.default_rng(8)
    statistics = {name: rng.uniform(0.5, 2.0, 4).astype(np.float32) for name in ("g", "h", "m", "v")}
    nodes = [
        node("Conv", ["x", "K", "k"], ["c"], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c", "g", "h", "m", "v"], ["n"]),
        node("Relu", ["n"], ["r"]),
        node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["p", "M"], ["d"], auto_pad="SAME_UPPER"),
        node("Add", ["d", "p"], ["s"]),
        node("Relu", ["s"], ["t"]),
        node("Flatten", ["t"], ["f"]),
        node("Gemm", ["f", "W", "b"], ["y"]),
    ]
    with pytest.warns(UserWarning, match="moved behind it"):
        net = read_and_compare(make_model(nodes, weights | statistics, ["batch", 2, 6, 6]), tmp_path, (1, 2, 6, 6),
                               tolerance=1e-4)  # fmt: skip
    assert [type(a).__name__ for a in net.activations].count("MaxGroups") == 1


def test_a_pool_that_something_else_looks_behind_stays_where_it_is(tmp_path):
    """The values before the pool are used as well: nothing is won by a swap."""
    nodes = [
        node("Relu", ["x"], ["r"]),
        node("MaxPool", ["r"], ["p"], kernel_shape=[2], strides=[2]),
        node("Slice", ["r", "zero", "two", "axis"], ["s"]),
        node("Add", ["p", "s"], ["y"]),
    ]
    constants = {"zero": np.array([0]), "two": np.array([2]), "axis": np.array([2])}
    net = read_and_compare(make_model(nodes, constants, (1, 1, 4)), tmp_path, (1, 1, 4))
    assert net.hidden_widths == (4, 6) and net.activations[0].is_relu


def test_branches_are_concatenated_and_split(tmp_path):
    nodes = [
        node("Split", ["x"], ["a", "b"], axis=1),
        node("Relu", ["a"], ["c"]),
        node("Neg", ["b"], ["d"]),
        node("Concat", ["c", "d", "one"], ["e"], axis=1),
        node("ReduceMax", ["e"], ["m"], axes=[1], keepdims=1),
        node("ReduceMin", ["e"], ["n"], axes=[1], keepdims=1),
        node("Sum", ["m", "n", "e"], ["y"]),
    ]
    constants = {"one": np.float32([[1.0]])}
    read_and_compare(make_model(nodes, constants, (1, 4)), tmp_path, (1, 4))


def test_bounds_and_selections_as_exporters_write_them(tmp_path):
    nodes = [
        node("Max", ["x", "low"], ["a"]),
        node("Min", ["a", "high"], ["b"]),
        node("Greater", ["b", "low"], ["g"]),
        node("Mul", ["b", "slope"], ["s"]),
        node("Where", ["g", "b", "s"], ["y"]),
    ]
    constants = {"low": np.float32(0.0), "high": np.float32([1.0, 2.0, 3.0]), "slope": np.float32(0.25)}
    net = read_and_compare(make_model(nodes, constants, (1, 3)), tmp_path, (1, 3))
    assert net.n_units == 9


def test_slopes_of_channels(tmp_path):
    nodes = [node("PRelu", ["x", "slope"], ["y"])]
    net = read_and_compare(make_model(nodes, {"slope": np.float32([[0.0], [1.0], [-0.5]])}, (1, 3, 2)), tmp_path,
                           (1, 3, 2))  # fmt: skip
    assert net.n_units == 4  # slope 1 is no unit


def test_the_larger_of_two_networks(tmp_path):
    rng = np.random.default_rng(9)
    nodes = [node("MatMul", ["x", "A"], ["a"]), node("MatMul", ["x", "B"], ["b"]), node("Max", ["a", "b"], ["y"])]
    constants = {name: rng.normal(size=(3, 4)).astype(np.float32) for name in "AB"}
    net = read_and_compare(make_model(nodes, constants, (1, 3)), tmp_path, (1, 3))
    assert net.hidden_widths == (8,)


def test_dense_layers_written_as_convolutions(weights, tmp_path):
    """A kernel as large as the image, as MATLAB writes them."""
    constants = {"W": np.random.default_rng(1).normal(size=(3, 2, 4, 4)).astype(np.float32)}
    nodes = [node("Conv", ["x", "W"], ["y"])]
    net = read_and_compare(make_model(nodes, constants, (1, 2, 4, 4)), tmp_path, (1, 2, 4, 4))
    assert np.array_equal(net.weights[0], constants["W"].reshape(3, 32))


def test_functions_of_the_model_are_inlined(tmp_path):
    helper = onnx.helper
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    double = [node("Add", ["a", "a"], ["b"]), node("Relu", ["b"], ["c"])]
    function = helper.make_function("own", "Double", ["a"], ["c"], double, imports[:1])
    model = make_model([helper.make_node("Double", ["x"], ["y"], domain="own")], {}, (1, 3))
    model = helper.make_model(model.graph, opset_imports=imports, functions=[function])
    assert read_and_compare(model, tmp_path, (1, 3)).weights[0].tolist() == (2.0 * np.eye(3)).tolist()


def test_quantised_weights_and_scalers(tmp_path):
    helper = onnx.helper
    nodes = [
        helper.make_node("Scaler", ["x"], ["s"], domain="ai.onnx.ml", offset=[1.0, 2.0], scale=[0.5, 0.25]),
        node("DequantizeLinear", ["Q", "q", "z"], ["W"]),
        node("MatMul", ["s", "W"], ["y"]),
    ]
    constants = {"Q": np.array([[1, -3], [7, 100]], np.int8), "q": np.float32(0.1), "z": np.array(2, np.int8)}
    model = make_model(nodes, constants, (1, 2))
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(model.graph, opset_imports=imports), tmp_path / "m.onnx")
    found = sg.read_network(tmp_path / "m.onnx")([3.0, 7.0])
    expected = [1.0, 1.25] @ (np.float64(np.float32(0.1)) * (constants["Q"].astype(float) - 2.0))
    np.testing.assert_allclose(found, expected, rtol=1e-6)  # the products are made in float32
    live = make_model([node("QuantizeLinear", ["x", "q", "z"], ["y"])], constants, (1, 2))
    onnx.save(live, tmp_path / "m.onnx")
    with pytest.raises(sg.UnsupportedError, match="QuantizeLinear: rounds"):
        sg.read_network(tmp_path / "m.onnx")


def test_every_inner_tensor_can_be_the_output(tmp_path):
    nodes = [node("Abs", ["x"], ["z"]), node("Relu", ["z"], ["a"]), node("Sub", ["z", "a"], ["y"])]
    onnx.save(make_model(nodes, {}, (1, 3)), tmp_path / "m.onnx")
    for name, wanted in (("z", [1.0, 2.0, 3.0]), ("a", [1.0, 2.0, 3.0]), ("y", [0.0, 0.0, 0.0])):
        assert sg.read_network(tmp_path / "m.onnx", output=name)([-1.0, 2.0, -3.0]).tolist() == wanted


def test_several_inputs_are_taken_together_or_fixed(tmp_path):
    nodes = [node("Gemm", ["w", "V"], ["v"]), node("Relu", ["v"], ["r"]), node("Add", ["x", "r"], ["y"])]
    weight = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    model = make_model(nodes, {"V": weight}, (1, 3))
    model.graph.input.append(onnx.helper.make_tensor_value_info("w", FLOAT, ("n", 2)))
    onnx.save(model, tmp_path / "m.onnx")
    x, w = np.random.default_rng(1).normal(size=(9, 3)), np.random.default_rng(2).normal(size=(9, 2))
    expected = x + np.maximum(w @ weight, 0.0)
    with pytest.warns(UserWarning, match=r"m.onnx: .* of its inputs 'x' \(3\), 'w' \(2\) together, in this order"):
        net = sg.read_network(tmp_path / "m.onnx")
    np.testing.assert_allclose(net(np.hstack([x, w])), expected, atol=1e-14)
    for k in range(3):
        other = sg.read_network(tmp_path / "m.onnx", inputs={"w": w[k]})
        np.testing.assert_allclose(other(x[k]), expected[k], atol=1e-14)
        fixed = sg.read_network(tmp_path / "m.onnx", inputs={"x": x[k : k + 1]})
        np.testing.assert_allclose(fixed(w[k]), expected[k], atol=1e-14)
    assert sg.read_network(tmp_path / "m.onnx", output="r").input_dim == 2
    for inputs, words in (
        ({"u": 0}, r"inputs: there is no 'u'; there are \['x', 'w'\]"), (3, "inputs: int given; pass a dict"),
        ({"w": np.zeros(3)}, r"inputs: 'w' has shape \(None, 2\), \(3,\) given"), ({"w": "a"}, "inputs: 'w'"),
    ):  # fmt: skip
        with pytest.raises(sg.InvalidInputError, match=words):
            sg.read_network(tmp_path / "m.onnx", inputs=inputs)
    with pytest.raises(sg.UnsupportedError, match="choose an output that does"):
        sg.read_network(tmp_path / "m.onnx", inputs={"x": x[0], "w": w[0]})


def test_indices_that_are_an_input_can_be_fixed(tmp_path):
    model = make_model([node("Gather", ["x", "i"], ["y"], axis=1)], {}, (1, 3))
    model.graph.input.append(onnx.helper.make_tensor_value_info("i", onnx.TensorProto.INT64, (2,)))
    onnx.save(model, tmp_path / "m.onnx")
    assert sg.read_network(tmp_path / "m.onnx", inputs={"i": [2, 0]})([1.0, 2.0, 3.0]).tolist() == [3.0, 1.0]
    for wrong in ([0.5, 1.0], [1, 2, 3]):
        with pytest.raises(sg.InvalidInputError, match="inputs: 'i'"):
            sg.read_network(tmp_path / "m.onnx", inputs={"i": wrong})
    with pytest.raises(sg.UnsupportedError, match="of type Gather"):
        sg.read_network(tmp_path / "m.onnx")


@pytest.mark.parametrize("form", ["tf_half_pixel_for_nn", "asymmetric", "half_pixel"])
@pytest.mark.parametrize("scales", [(1, 1, 2, 3), (1, 1, 1.5, 0.5)])
def test_nearest_neighbours_as_tensorflow_is_exported(form, scales, tmp_path):
    mode = {"coordinate_transformation_mode": form, "mode": "nearest", "nearest_mode": "floor"}
    nodes = [node("Resize", ["x", "roi", "s"], ["y"], **mode)]
    constants = {"s": np.float32(scales), "roi": np.float32([])}
    read_and_compare(make_model(nodes, constants, (1, 2, 4, 4), opset=11), tmp_path, (1, 2, 4, 4))


@pytest.mark.parametrize("name", ["Relu", "hidden", "input", "output"])
def test_a_name_that_is_not_text_is_refused(name, tmp_path):
    """Protobuf gives bytes for what is no UTF-8: of operators, tensors, inputs and outputs alike."""
    nodes = [onnx.helper.make_node("Relu", ["input"], ["hidden"]), onnx.helper.make_node("Neg", ["hidden"], ["output"])]
    ends = [onnx.helper.make_tensor_value_info(one, onnx.TensorProto.FLOAT, [1, 2]) for one in ("input", "output")]
    content = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:])).SerializeToString()
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    assert sg.read_network(path).input_dim == 2
    path.write_bytes(content.replace(name.encode(), name.encode()[:-1] + b"\xff"))
    with pytest.raises(sg.ReadError, match="not text"):
        sg.read_network(path)
