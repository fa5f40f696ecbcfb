"""What is told while work goes on: fractions that never fall, an end, a sign of life at every chunk."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import specgeo as sg
from specgeo import _kernel_cache, _limits, _progress
from specgeo.benchmark.structured import largest
from specgeo.errors import BudgetError
from specgeo.paths import decision_regions, find_path
from specgeo.testing import random_network

PLANE = random_network([2, 6, 5, 3], 0)
BOX = sg.Box([-1, -1], [1, 1])
TENT = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
BUMP = sg.Network(  # |x| + |y| > 1/2
    [[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[1.0, 1.0, 1.0, 1.0]]], [[0.0] * 4, [-0.5]]
)
CX = sg.enumerate_regions(PLANE, BOX)
LONG = {
    "enumerate_regions": lambda progress: sg.enumerate_regions(PLANE, BOX, progress=progress),
    "decision_regions": lambda progress: decision_regions(PLANE, BOX, progress=progress),
    "find_path": lambda progress: find_path(BUMP, [1.0, 0.1], [-1.0, 0.0], progress=progress),
    "spectrum": lambda progress: sg.spectrum(CX, np.ones((3, 2)), progress=progress),
    "fourier_coefficients": lambda progress: sg.fourier_coefficients(CX, [[0, 1]], progress=progress),
    "spectral_report": lambda progress: sg.spectral_report(TENT, sg.Box([-2], [2]), samples=32, progress=progress),
    "verify": lambda progress: sg.verify(TENT, sg.Box([-2], [2]), figures=False, progress=progress),
}


@pytest.mark.parametrize("name", LONG)
def test_fractions_never_fall_and_end_at_one(name: str) -> None:
    told: list[tuple[str, float]] = []
    LONG[name](lambda message, fraction: told.append((message, fraction)))
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and fractions[0] >= 0.0
    assert all(message for message, _ in told)


def test_a_callable_hears_often_in_many_dimensions() -> None:
    """One cut of a 7-face is thousands of cuts of what lies in it: calls of the kernel shrink with the dimension."""
    shares: list[float] = []
    net = random_network([8, 3, 1], 0)
    sg.enumerate_regions(net, sg.Box(-1, 1, dim=8), progress=lambda _, share: shares.append(share))
    assert len(set(shares)) > 20


@pytest.mark.own_groups
def test_true_is_a_bar_and_false_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    sg.enumerate_regions(PLANE, BOX, progress=False)
    assert capsys.readouterr().err == ""
    sg.enumerate_regions(PLANE, BOX, progress=True)
    assert "enumerate_regions: layer 2 of 2" in (shown := capsys.readouterr().err) and "100%" in shown


def test_every_chunk_of_a_sum_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which each look takes two seconds: the last message is repeated, with its age."""
    from specgeo.fourier import simplex

    seconds = iter(range(0, 10**6, 2))
    monkeypatch.setattr(_progress.time, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(simplex, "_WORK", 64)
    told: list[str] = []
    tell = _progress.Monotone(lambda message, fraction: told.append(message))
    with _limits.ticking(tell.tick):
        tell("sum", 0.5)
        sg.spectrum(CX, np.linspace(1, 2, 1200).reshape(-1, 2), method="volume")
    assert len(told) > 5 and all(message.startswith("sum (") for message in told[1:])


@pytest.mark.parametrize("what", ["cut", "interior", "mirror", "volume"])
def test_fractions_of_spectra_move(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many steps between 0 and 1, and the values that come without them."""
    from specgeo.fourier import spectra

    def values(progress: object) -> np.ndarray:
        if what == "mirror":
            modes = np.stack(np.meshgrid(np.arange(12), np.arange(12)), axis=-1)
            return sg.fourier_coefficients(CX, modes, progress=progress)
        method = "volume" if what == "volume" else "facet"
        k = np.random.default_rng(0).normal(size=(200, 2))
        return sg.spectrum(CX, k, "interior" if what == "interior" else "cut", method=method, progress=progress)

    monkeypatch.setattr(spectra, "BLOCK", 256)
    told: list[float] = []
    found = values(lambda message, fraction: told.append(fraction))
    assert len(set(told)) > 10 and told == sorted(told) and max(np.diff(told)) < 0.2 and told[-1] == 1.0
    np.testing.assert_allclose(found, values(None), rtol=1e-13, atol=1e-15)


def test_a_bar_moves_while_nothing_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "HEARTBEAT", 0.01)
    moved = []
    with _progress._beat(lambda: moved.append(1)):
        while len(moved) < 3:
            time.sleep(0.01)


def test_compiling_is_announced_once_and_by_the_logger(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_kernel_cache, "_announced", False)
    with caplog.at_level(logging.WARNING, "specgeo"):
        _kernel_cache._announce("here")
        _kernel_cache._announce("here")
    assert [r.getMessage() for r in caplog.records if "compiling kernels" in r.getMessage()] == [caplog.messages[0]]
    monkeypatch.setattr(_kernel_cache, "_announced", False)
    caplog.clear()
    with caplog.at_level(logging.ERROR, "specgeo"):
        _kernel_cache._announce("here")
    assert not caplog.records


def nnet_file(path: Path, n: int) -> None:
    """A network 2-n-1 in the format of .nnet."""
    rows = ["1.0,-0.5,"] * n + ["0.25,"] * n + ["1.0," * n, "0.5,"]
    sizes = f"2,{n},1,"
    path.write_text("\n".join(["// a comment", f"2,2,1,{n},", sizes, "0,", "0,0,", "0,0,", "0,0,0,", "1,1,1,", *rows]))


def obj_file(path: Path, n: int) -> None:
    """n tetrahedra, corners of their own."""
    corners = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    points = [f"v {x + 2 * (i % 50)} {y + 2 * (i // 50)} {z}" for i in range(n) for x, y, z in corners]
    faces = [f"f {4 * i + a} {4 * i + b} {4 * i + c}" for i in range(n) for a, b, c in
             ((1, 3, 2), (1, 2, 4), (1, 4, 3), (2, 3, 4))]  # fmt: skip
    path.write_text("\n".join([*points, *points[:4], *faces]))


def onnx_file(path: Path, n: int) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
    weight = onnx.numpy_helper.from_array(np.eye(2, dtype=np.float32), "w")
    nodes = []
    for i in range(n):
        nodes.append(onnx.helper.make_node("MatMul", [f"x{i}", "w"], [f"z{i}"]))
        nodes.append(onnx.helper.make_node("Relu", [f"z{i}"], [f"x{i + 1}"]))
    ends = [onnx.helper.make_tensor_value_info(x, onnx.TensorProto.FLOAT, [1, 2]) for x in ("x0", f"x{n}")]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], [weight])), path)


def npz_file(path: Path, n: int) -> None:
    random_network([n, n, n, 1], 0).save(path)


FILES = {
    "net.nnet": (nnet_file, 5000), "net.onnx": (onnx_file, 40), "net.npz": (npz_file, 700), "s.obj": (obj_file, 800),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@pytest.mark.filterwarnings("ignore:.*vertices merged")
def test_readers_tell_how_far_they_are(name: str, tmp_path: Path) -> None:
    make, size = FILES[name]
    make(tmp_path / name, size)
    read = sg.readers.read_shape if name == "s.obj" else sg.read_network
    told: list[tuple[str, float]] = []
    found = read(tmp_path / name, progress=lambda message, fraction: told.append((message, fraction)))
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and len(set(fractions)) > 5, told
    assert sum(0.1 < fraction < 0.9 for fraction in fractions) >= 3
    assert repr(found)[:4000] == repr(read(tmp_path / name))[:4000]


def test_a_complex_is_read_in_parts(tmp_path: Path) -> None:
    cx = sg.enumerate_regions(random_network([2, 60, 1], 0), BOX)
    cx.save(tmp_path / "cx.npz")
    told: list[float] = []
    found = sg.load_complex(tmp_path / "cx.npz", progress=lambda message, fraction: told.append(fraction))
    assert told == sorted(told) and told[-1] == 1.0 and len(set(told)) > 5 and found.f_vector == cx.f_vector


def test_live_models_tell_it_layer_by_layer(capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch", reason="needs torch")
    layers = [part for _ in range(10) for part in (torch.nn.Linear(3, 3), torch.nn.ReLU())]
    told: list[float] = []
    net = sg.from_torch(torch.nn.Sequential(*layers), progress=lambda message, fraction: told.append(fraction))
    assert told == sorted(told) and told[-1] == 1.0 and len(set(told)) >= 30 and len(net) == 11
    fitted = SimpleNamespace(coefs_=[np.eye(2)] * 3, intercepts_=[np.zeros(2)] * 3, activation="relu")
    sg.from_sklearn(fitted, progress=True)
    assert "from_sklearn: layer 3 of 3" in capsys.readouterr().err


def test_progress_is_a_flag_or_a_function(tmp_path: Path) -> None:
    npz_file(tmp_path / "net.npz", 2)
    for wrong in (3, "yes", 0.5):
        with pytest.raises(sg.InvalidInputError, match="progress: .* pass True"):
            sg.read_network(tmp_path / "net.npz", progress=wrong)


@pytest.mark.own_groups
def test_layers_are_those_of_the_network() -> None:
    """Not blocks of neurons that a wide layer comes as, nor rounds of comparisons that stand for maxima."""
    wide, box = random_network([3, 90, 4, 1], 0), sg.Box([-1] * 3, [1] * 3)
    with pytest.raises(BudgetError, match="reached in hidden layer 1 of 2;"):
        sg.enumerate_regions(wide, box, max_cells=20)
    for net, domain, depth in [(wide, sg.Box([-0.1] * 3, [0.1] * 3), 2), (largest(6, 5), sg.Box(-1, 1, dim=2), 3)]:
        said: list[str] = []
        sg.enumerate_regions(net, domain, progress=lambda text, _, said=said: said.append(text), executor=1)
        layers = [text.split(":")[0] for text in said]
        assert len(layers) > depth and dict.fromkeys(layers) == dict.fromkeys(
            f"layer {i} of {depth}" for i in range(1, depth + 1)
        )
