"""The native format: bit for bit, or refused."""

from __future__ import annotations

import json

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
