"""The native format: bit for bit, or refused."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

import specgeo as sg


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


# ---------------------------------------------------------------- files that are none, and budgets


@pytest.mark.parametrize("read", [sg.read_network, sg.load_complex])
def test_only_regular_files_are_opened(read, tmp_path):
    import os

    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.npz")
        with pytest.raises(sg.ReadError, match=r"path: .*pipe\.npz is not a file but a pipe"):
            read(tmp_path / "pipe.npz")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(sg.ReadError, match="is a folder, not a file|cannot be read"):
        read(tmp_path / "folder.npz")
    for name in ("a\0.npz", "a\udcff\ud800.npz", "x" * 5000 + ".npz"):
        with pytest.raises(sg.InvalidInputError, match="path: "):
            read(name)
        with pytest.raises(sg.InvalidInputError, match="path: "):
            sg.Network([[[1.0]]], [[0.0]]).save(name)


def test_what_a_small_file_unfolds_to_is_limited(tmp_path):
    sg.Network([np.zeros((1000, 1000))], [np.zeros(1000)]).save(tmp_path / "zeros.npz")
    assert (tmp_path / "zeros.npz").stat().st_size < 20_000
    with pytest.raises(sg.BudgetError, match="16,0.* bytes would be needed, 1,000,000 are allowed; raise max_bytes"):
        sg.read_network(tmp_path / "zeros.npz", max_bytes=10**6)
    with pytest.raises(sg.BudgetError, match="raise max_bytes"):
        sg.load_complex(tmp_path / "zeros.npz", max_bytes=10**6)
    assert sg.read_network(tmp_path / "zeros.npz", max_bytes=10**8).input_dim == 1000


HEADERS = {
    "announces more": b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 8), }",
    "pickles": b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "is code": b"__import__('os').system('true')",
    "nests": b"(" * 5000,
    "spaces": b"{" + b" " * 9000,
    "is of no type": b"{'descr': '<f7', 'fortran_order': False, 'shape': (1,), }",
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_of_arrays(name, tmp_path):
    import zipfile

    header = HEADERS[name] + b"\n"
    with zipfile.ZipFile(tmp_path / "odd.npz", "w") as archive:
        archive.writestr("metadata.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(8))
    with pytest.raises(sg.ReadError, match="odd.npz: corrupt: 'metadata'") as caught:
        sg.read_network(tmp_path / "odd.npz")
    assert "pickle" not in str(caught.value)


def test_arrays_of_an_archive_are_those_that_numpy_wrote(tmp_path):
    """In either order and either byte order; a name that occurs twice is refused."""
    import io
    import zipfile

    from specgeo._npz import read_npz

    path, wanted = tmp_path / "a.npz", np.arange(6.0).reshape(2, 3)
    for array in (wanted, np.asfortranarray(wanted), wanted.astype(">f8")):
        np.savez(path, a=array)
        assert np.array_equal(read_npz(path)["a"], wanted)
    stream = io.BytesIO()
    np.save(stream, wanted)
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of the name
        archive.writestr("a.npy", stream.getvalue())
        archive.writestr("a.npy", stream.getvalue())
    with pytest.raises(sg.ReadError, match="'a' twice"):
        read_npz(path)


def implicit(path, **changes):
    """A file as programs for neural implicit surfaces write them."""
    rng = np.random.default_rng(0)
    arrays = {
        "0000.dense.A": rng.normal(size=(3, 5)).astype(np.float32), "0000.dense.b": np.ones(5, np.float32),
        "0001.relu._": np.empty(0, np.float32), "0002.dense.A": rng.normal(size=(5, 1)).astype(np.float32),
        "0002.dense.b": np.float32([0.5]), "0003.squeeze_last._": np.empty(0, np.float32),
    } | changes  # fmt: skip
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return arrays


def test_neural_implicit_surfaces(tmp_path):
    a = implicit(tmp_path / "m.npz")
    net = sg.read_network(tmp_path / "m.npz")
    x = np.random.default_rng(1).normal(size=(9, 3))
    hidden = np.maximum(x @ a["0000.dense.A"].astype(float) + a["0000.dense.b"], 0.0)
    np.testing.assert_allclose(net(x), hidden @ a["0002.dense.A"].astype(float) + 0.5, atol=1e-14)
    for changes, error, words in (
        ({"0001.relu._": None, "0001.elu._": np.empty(0)}, sg.UnsupportedError, r"m\.npz: 0001\.elu is not piecewise"),
        ({"0000.dense.A": None, "0000.dense.b": None}, sg.UnsupportedError, "before any dense"),
        ({"0002.dense.b": None}, sg.ReadError, r"0002\.dense has arrays \['A'\]"),
        ({"0002.dense.A": np.ones((4, 1))}, sg.ReadError, r"0002\.dense\.A: shape"),
    ):
        implicit(tmp_path / "m.npz", **changes)
        with pytest.raises(error, match=words):
            sg.read_network(tmp_path / "m.npz")
