"""Complexes in HDF5: the same as in .npz, read by h5py itself, and nothing but what specgeo writes."""

import os

import numpy as np
import pytest

import specgeo as sg

h5py = pytest.importorskip("h5py")


@pytest.fixture(scope="module")
def cx():
    return sg.enumerate_regions(sg.testing.random_network([2, 8, 8, 2], 0), sg.Box(-1, 1, dim=2))


def test_a_complex_comes_back_as_from_npz(cx, tmp_path):
    for name in ("a.npz", "a.h5", "b.HDF5"):
        cx.save(tmp_path / name)
    one, *others = (sg.load_complex(tmp_path / name) for name in ("a.npz", "a.h5", "b.HDF5"))
    for other in others:
        assert other.f_vector == one.f_vector and other.reprove().proved
        np.testing.assert_array_equal(other.vertices, one.vertices)
        np.testing.assert_array_equal(other.patterns, one.patterns)
        np.testing.assert_array_equal(other.gradients, one.gradients)
    with h5py.File(tmp_path / "a.h5") as file:  # another program reads a part of it
        np.testing.assert_array_equal(file["vertices"][3:7], cx.vertices[3:7])
        assert file["vertices"].chunks is not None
    assert sorted(os.listdir(tmp_path)) == ["a.h5", "a.npz", "b.HDF5"]


def test_a_damaged_file_says_so(cx, tmp_path):
    cx.save(tmp_path / "a.h5")
    whole = (tmp_path / "a.h5").read_bytes()
    for part in (b"", whole[:100], whole[: len(whole) // 2], b"x" * 1000):
        (tmp_path / "b.h5").write_bytes(part)
        with pytest.raises(sg.ReadError, match="b.h5: not a readable HDF5 file"):
            sg.load_complex(tmp_path / "b.h5")
    with pytest.raises(sg.ReadError, match="no such file"):
        sg.load_complex(tmp_path / "c.h5")
    with pytest.raises(sg.BudgetError, match="max_bytes: reading a.h5"):
        sg.load_complex(tmp_path / "a.h5", max_bytes=1000)
    with pytest.raises(sg.ReadError, match="a.npz: not a readable .npz"):  # the suffix says what it should be
        (tmp_path / "a.npz").write_bytes(whole)
        sg.load_complex(tmp_path / "a.npz")


def test_what_lies_elsewhere_is_not_read(cx, tmp_path):
    cx.save(tmp_path / "a.h5")
    for name, link in (("soft", h5py.SoftLink("/vertices")), ("outer", h5py.ExternalLink("a.h5", "/vertices"))):
        path = tmp_path / f"{name}.h5"
        cx.save(path)
        with h5py.File(path, "r+") as file:
            del file["vertices"]
            file["vertices"] = link
        with pytest.raises(sg.ReadError, match="'vertices' is no dataset of its own"):
            sg.load_complex(path)
    path = tmp_path / "raw.h5"
    (tmp_path / "raw.bin").write_bytes(bytes(800))
    with h5py.File(path, "w") as file:
        file.create_dataset("header", (100,), "f8", external=[(str(tmp_path / "raw.bin"), 0, 800)])
    with pytest.raises(sg.ReadError, match="'header' holds float64, or what lies elsewhere"):
        sg.load_complex(path)


def test_a_failed_write_leaves_the_old_file(cx, tmp_path):
    path = tmp_path / "a.h5"
    cx.save(path)
    before = path.read_bytes()
    cx.notes["strange"] = np.array(["text"])
    try:
        with pytest.raises(sg.InvalidInputError, match="metadata_strange"):
            cx.save(path)
    finally:
        del cx.notes["strange"]
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.h5"]
    with pytest.raises(sg.InvalidInputError, match="path: there is no folder"):
        cx.save(tmp_path / "no" / "a.h5")
