"""The conformance cases of onnx itself: what is read makes the values that they expect, what is refused is named."""

from __future__ import annotations

import importlib
import warnings
from collections import defaultdict

import numpy as np
import pytest

import specgeo as sg

onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
cases = pytest.importorskip("onnx.backend.test.case.node")

READ = (
    "abs add affinegrid averagepool batchnorm cast centercroppad clip compress concat conv convtranspose cumsum "
    "depthtospace div dropout einsum expand flatten gather gatherelements gathernd gemm globalaveragepool hardsigmoid "
    "identity leakyrelu matmul mean mul neg pad prelu reducemean reducesum relu reshape resize reversesequence "
    "scatterelements scatternd slice spacetodepth split squeeze sub sum tile transpose trilu unsqueeze where "
    "max min maxpool globalmaxpool reducemax reducemin shrink"
).split()  # fmt: skip
LEFT_OUT = "argmax hardmax logsoftmax softmax sigmoid".split()
REFUSED = "argmin elu gelu gru layernormalization lrn sign sqrt tanh topk floor".split()
LARGEST = 1500  # inputs


def collected(names):
    """Cases of some operations; each module of onnx makes its own when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            try:
                importlib.import_module(f"onnx.backend.test.case.node.{name}")
            except ImportError:  # not in this release
                continue
    return list(cases._NodeTestCases)


def with_one_input(case):
    """The case's model as a function of its first real input, flat with a batch of one; and that input's value."""
    names, values = [v.name for v in case.model.graph.input], case.data_sets[0][0]
    real = [i for i, v in enumerate(values) if isinstance(v, np.ndarray) and v.dtype.kind == "f" and v.ndim]
    if not real or not 0 < values[real[0]].size < LARGEST or not all(isinstance(v, np.ndarray) for v in values):
        return None
    model, at = onnx.ModelProto(), real[0]
    model.CopyFrom(case.model)
    for i, (name, value) in enumerate(zip(names, values, strict=False)):
        if i != at:
            model.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    given = model.graph.input[at]
    given.name = "flat"
    del given.type.tensor_type.shape.dim[:]
    for n in (1, values[at].size):
        given.type.tensor_type.shape.dim.add().dim_value = n
    shape = onnx.numpy_helper.from_array(np.array(values[at].shape, np.int64), "its shape")
    model.graph.initializer.append(shape)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.append(onnx.helper.make_node("Reshape", ["flat", "its shape"], [names[at]]))
    model.graph.node.extend(nodes)
    return model, np.asarray(values[at], np.float64).ravel()


def test_conformance(tmp_path):
    read, refused, left_out = defaultdict(int), defaultdict(int), defaultdict(int)
    for case in collected([*READ, *LEFT_OUT, *REFUSED]):
        found = with_one_input(case)
        if found is None:
            continue
        model, x = found
        kind = case.model.graph.node[0].op_type if len(case.model.graph.node) == 1 else "several"
        onnx.save(model, tmp_path / "m.onnx")
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                net = sg.read_network(tmp_path / "m.onnx", output=model.graph.output[0].name, max_bytes=1 << 30)
        except sg.UnsupportedError as error:
            assert "m.onnx: node " in str(error) or "does not depend" in str(error) or "0 of its" in str(error), case
            refused[kind] += 1
            continue
        if any("the network ends before its" in str(one.message) for one in told):  # at its logits
            np.testing.assert_array_equal(net(x), x, err_msg=case.name)
            left_out[kind] += 1
            continue
        expected = np.asarray(case.data_sets[0][1][0], np.float64).ravel()
        tolerance = max(case.rtol, 1e-4)
        np.testing.assert_allclose(net(x), expected, rtol=tolerance, atol=max(case.atol, 1e-5), err_msg=case.name)
        read[kind] += 1
    assert sum(read.values()) > 200 and sum(refused.values()) > 50
    assert left_out.keys() == {"ArgMax", "Hardmax", "LogSoftmax", "Softmax", "Sigmoid"}
    assert {"Elu", "LayerNormalization", "Tanh", "Sign", "Floor", "Sqrt"} <= set(refused) - set(read)
    assert {"Conv", "ConvTranspose", "AveragePool", "Resize", "Einsum", "Gather", "Split", "Gemm"} <= set(read)
    assert {"Max", "Min", "MaxPool", "GlobalMaxPool", "ReduceMax", "ReduceMin"} <= set(read)
    # statistics of the batch, a batch of three, additions at positions, outputs without entries
    some = {"several", "BatchNormalization", "ConvTranspose", "ScatterElements", "ScatterND", "Slice", "Split"}
    assert set(refused) & set(read) <= some | {"Shrink"}  # hard: it jumps
