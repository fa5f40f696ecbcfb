""".nnet files: headers, sizes, damage, and the real ones."""

from __future__ import annotations

import numpy as np
import pytest

import specgeo as sg
from specgeo.readers.nnet import nnet_normalization

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


def test_acas_xu_nnet_and_onnx_agree(real_networks):
    text = sg.read_network(real_networks / "ACASXU_run2a_1_1_batch_2000.nnet")
    graph = sg.read_network(real_networks / "ACASXU_run2a_1_1_batch_2000.onnx")
    assert text.hidden_widths == graph.hidden_widths == (50,) * 6
    known = [-0.021198862641, -0.0187142132, -0.01876628957, -0.018762131257, -0.018760460904]
    np.testing.assert_allclose(text(np.zeros(5)), known, atol=5e-13)
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (100, 5))
    np.testing.assert_allclose(text(x), graph(x), atol=2e-5)


def test_acas_xu_onnx_against_onnxruntime(real_networks):
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra test")
    path = str(real_networks / "ACASXU_run2a_1_1_batch_2000.onnx")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
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


# ---------------------------------------------------------------- sizes, counts and defaults


def test_a_header_of_zeros_is_no_normalisation(tmp_path):
    text = NNET.format(means="0.0,0.0,0.0,", ranges="0.0,0.0,0.0,").replace("-1.0,-2.0,\n1.0,2.0,", "0,0\n0,0")
    (tmp_path / "zeros.nnet").write_text(text)
    raw, physical = (sg.read_network(tmp_path / "zeros.nnet", normalized=n) for n in (True, False))
    assert raw.hidden_widths == physical.hidden_widths == (3,)
    for a, b in zip((*raw.weights, *raw.biases), (*physical.weights, *physical.biases), strict=True):
        assert a.tobytes() == b.tobytes()
    header = nnet_normalization(tmp_path / "zeros.nnet")
    assert header.lower.tolist() == [-np.inf] * 2 and header.upper.tolist() == [np.inf] * 2
    assert header.input_mean.tolist() == [0.0] * 2 and header.input_range.tolist() == [1.0] * 2
    assert (header.output_mean, header.output_range) == (0.0, 1.0)


@pytest.mark.parametrize("sizes", ["2,3,1,1,", "2,3,1,7,9,", "4,2,3,1,", "2,3,1,0,"])
def test_more_sizes_than_layers(sizes, tmp_path):
    text = NNET.format(means="0", ranges="0").replace("\n2,3,1,\n", f"\n{sizes}\n")
    (tmp_path / "more.nnet").write_text(text)
    net = sg.read_network(tmp_path / "more.nnet")
    assert (net.input_dim, *net.hidden_widths, net.output_dim) == (2, 3, 1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("\n2,3,1,\n", "\n2,4,1,1,\n", "layer 1 is not 4 rows"),
        ("\n2,3,1,\n", "\n2,3.5,1,\n", "line 3: .*no counts"),
        ("\n2,2,1,3,\n", "\n2.5,2,1,3,\n", "line 2: .*no counts"),
        ("\n2,3,1,\n", "\n2,3,1e300,\n", "sizes .*do not fit"),
        ("\n2,3,1,\n", "\n2,3,1_0,\n", "line 3: .*no list of numbers"),
        ("3.0,4.0,", "3.0,\u0664,", "line 10: .*no list of numbers"),
        ("\n0.5,\n", "\n1e999,\n", "line 12: has NaN or infinite"),
    ],
)
def test_counts_and_numbers_that_are_none(old, new, words, tmp_path):
    text = NNET.format(means="0", ranges="0")
    assert old in text
    (tmp_path / "bad.nnet").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(sg.ReadError, match=rf"bad\.nnet: {words}"):
        sg.read_network(tmp_path / "bad.nnet")


def test_nnet_within_a_budget(tmp_path):
    (tmp_path / "small.nnet").write_text(NNET.format(means="0", ranges="0"))
    with pytest.raises(sg.BudgetError, match=r"max_bytes"):
        sg.read_network(tmp_path / "small.nnet", max_bytes=100)
    assert sg.read_network(tmp_path / "small.nnet", max_bytes=10_000).hidden_widths == (3,)


def test_wide_physical_units_and_empty_lines(tmp_path):
    """What took time that is not proportional to the file."""
    rng = np.random.default_rng(0)
    n, w = 784, rng.normal(size=(3, 784))
    rows = [[1, n, 1, 3], [n, 3], [0], [-1] * n, [1] * n, rng.normal(size=n + 1), rng.uniform(1, 2, n + 1), *w]
    text = "\n".join(",".join(repr(float(v)) for v in row) for row in [*rows, [0.5], [1.5], [-1.0]])
    (tmp_path / "wide.nnet").write_text(text.replace(".0,", ","))
    net, header = sg.read_network(tmp_path / "wide.nnet", normalized=False), nnet_normalization(tmp_path / "wide.nnet")
    x = rng.normal(size=n)
    expected = w @ ((x - header.input_mean) / header.input_range) + [0.5, 1.5, -1.0]
    np.testing.assert_allclose(net(x), expected * header.output_range + header.output_mean, rtol=1e-12)
    (tmp_path / "empty.nnet").write_text("\n" * 300_000)
    with pytest.raises(sg.ReadError, match="0 lines"):
        sg.read_network(tmp_path / "empty.nnet")
