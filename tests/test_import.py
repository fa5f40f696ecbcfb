"""`import specgeo` is light, and its public names are there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import specgeo as sg


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    ).stdout.strip()


def test_import_loads_neither_numba_nor_numpy():
    heavy = "{'numba', 'numpy', 'scipy', 'shapely', 'matplotlib', 'onnx', 'torch'}"
    assert run(f"import sys, specgeo; print(sorted({heavy} & set(sys.modules)))") == "[]"


def test_networks_domains_and_readers_do_not_need_numba():
    code = "import sys, specgeo as sg; sg.Network, sg.Box, sg.Polytope, sg.read_network, sg.verify if 0 else 0"
    assert run(code + "; print('numba' in sys.modules)") == "False"


def test_import_takes_less_than_a_third_of_a_second():
    code = "import time; t = time.perf_counter(); import specgeo; print(time.perf_counter() - t)"
    assert min(float(run(code)) for _ in range(3)) < 0.3


def test_public_names_exist():
    for name in sg.__all__:
        assert getattr(sg, name) is not None
    assert set(sg.__all__) <= set(dir(sg))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = sg.nonsense
