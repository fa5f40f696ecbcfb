"""Compressed files, and formats of other packages."""

from __future__ import annotations

import gzip

import pytest

import specgeo as sg

TENT = sg.Network([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.5], [0.0]])


def test_compressed_files_of_every_format(tmp_path, examples):
    TENT.save(tmp_path / "net.npz")
    for name in (tmp_path / "net.npz", examples / "flower.onnx"):
        packed = tmp_path / f"{name.name}.gz"
        packed.write_bytes(gzip.compress(name.read_bytes()))
        assert repr(sg.read_network(packed)) == repr(sg.read_network(name))
    assert sg.read_network(tmp_path / "flower.onnx.gz", output="z1").output_dim == 48


def test_compressed_files_that_are_damaged(tmp_path):
    TENT.save(tmp_path / "net.npz")
    whole = gzip.compress((tmp_path / "net.npz").read_bytes())
    for content in (b"", b"no gzip", whole[:-20], whole[:40] + b"x" + whole[41:]):
        (tmp_path / "bad.npz.gz").write_bytes(content)
        with pytest.raises(sg.ReadError, match=r"bad\.npz"):
            sg.read_network(tmp_path / "bad.npz.gz")
    (tmp_path / "net.gz").write_bytes(whole)
    with pytest.raises(sg.ReadError, match=r"name it such as net\.onnx\.gz"):
        sg.read_network(tmp_path / "net.gz")
    (tmp_path / "big.npz.gz").write_bytes(gzip.compress(bytes(1 << 22)))
    with pytest.raises(sg.BudgetError, match="decompressed"):
        sg.read_network(tmp_path / "big.npz.gz", max_bytes=1 << 20)


def test_packages_can_add_formats(tmp_path, monkeypatch):
    class Entry:
        name = "weights"

        def load(self):
            return lambda path, factor=1.0: TENT.postcompose([[factor]])

    monkeypatch.setattr("specgeo.readers._elsewhere.entry_points", lambda group: [Entry()])
    assert sg.read_network(tmp_path / "net.weights", factor=2.0)([[3.0]]).tolist() == [[6.0]]
    with pytest.raises(sg.ReadError, match="suffix"):
        sg.read_network(tmp_path / "net.other")
