"""The commands that take grids, files, inputs and shapes: against the library and closed forms; likely mistakes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import nullcontext
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_readers_shapes import stl_binary

import specgeo as sg
from specgeo.cli import main

TENT = sg.Network([[[1.0], [1.0]], [[1.0, -2.0]]], [[0.0, -0.5], [0.0]])  # x on [0, 1/2], 1 - x on [1/2, 1]
DIAMOND = sg.Network([[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[-1.0] * 4]], [[0.0] * 4, [0.5]])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    TENT.save("tent.npz")
    DIAMOND.save("diamond.npz")
    (tmp_path / "cube.stl").write_bytes(stl_binary())
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], line: str) -> tuple[int, str, str]:
    code = main([*line.split(), "--quiet"])
    found = capsys.readouterr()
    return code, found.out, found.err


def data_of(capsys: pytest.CaptureFixture[str], line: str) -> Any:
    code, out, err = run(capsys, f"{line} --json")
    assert code == 0, err
    return json.loads(out)


def picture(name: str) -> None:
    assert Path(name).read_bytes().startswith(b"\x89PNG")


def test_a_table_reads_back_as_the_spectrum(capsys: pytest.CaptureFixture[str]) -> None:
    line = "spectrum diamond.npz --box -1 1 --grid -9 9 7 --grid 0 5 4"
    code, out, _ = run(capsys, f"{line} --save s.csv --figure s.png")
    assert code == 0 and f"written: {Path('s.csv').resolve()}\nwritten: {Path('s.png').resolve()}\n" in out
    k = np.stack(np.meshgrid(np.linspace(-9, 9, 7), np.linspace(0, 5, 4), indexing="ij"), axis=-1).reshape(-1, 2)
    cx = sg.enumerate_regions(DIAMOND, sg.Box(-1, 1, dim=2))
    values, error = sg.spectrum(cx, k, return_error=True)
    assert Path("s.csv").read_text().splitlines()[0] == "k_0,k_1,real,imag,error"
    table = np.loadtxt("s.csv", delimiter=",", skiprows=1)
    assert np.array_equal(table, np.column_stack([k, values.real, values.imag, error]))
    picture("s.png")
    assert run(capsys, f"{line} --save s.npz")[0] == 0
    with np.load("s.npz") as found:
        assert np.array_equal(found["k"], k) and np.array_equal(found["values"], values[:, 0])
        assert np.array_equal(found["error"], error[:, 0])


@pytest.mark.parametrize("name", ["k.csv", "k.txt", "k.npy", "k.npz"])
def test_wavevectors_from_files(capsys: pytest.CaptureFixture[str], name: str) -> None:
    k = np.array([[0.0], [5.0], [-1.5]])
    if name == "k.npy":
        np.save(name, k[:, 0])
    elif name == "k.npz":
        np.savez(name, a=k, b=k + 1)
    else:
        Path(name).write_text("# waves\nk\n0\n5.0  # five\n-1.5e0\n")
    found = data_of(capsys, f"spectrum tent.npz --box 0 1 --k-file {name}{' --key a' * (name == 'k.npz')}")
    exact = 0.25 * np.sinc(k[:, 0] / 4 / np.pi) ** 2 * np.exp(-0.5j * k[:, 0])
    np.testing.assert_allclose(np.array(found["real"]) + 1j * np.array(found["imag"]), exact, atol=1e-15)


def test_long_tables_are_shown_in_part(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "spectrum tent.npz --box 0 1 --grid 0 9 100")
    assert len(out.splitlines()) == 42 and "and 60 more; --save FILE.csv" in out
    assert max(map(len, out.splitlines())) <= 80


def test_transform_of_a_cube(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(UserWarning, match="cube.stl: 36 vertices merged to the 8"):
        found = data_of(capsys, "transform cube.stl --k 1 2 3 --k 0 0 0 --density 2 --save t.csv")
    side = (1 - np.exp(-1j * np.array([1.0, 2.0, 3.0]))) / (1j * np.array([1.0, 2.0, 3.0]))
    exact = [2 * np.prod(side), 2.0]
    values = np.array(found["real"]) + 1j * np.array(found["imag"])
    assert found["volume"] == 1.0 and np.all(np.abs(values - exact) <= np.array(found["error_bound"]) + 1e-16)
    assert np.array_equal(np.loadtxt("t.csv", delimiter=",", skiprows=1)[:, 3], values.real)


def test_transform_of_polygons(capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.wkt").write_text("MULTIPOLYGON (((0 0, 2 0, 2 1, 0 1, 0 0)), ((5 5, 6 5, 5 6, 5 5)))")
    code, out, _ = run(capsys, "transform p.wkt --grid -5 5 11 --figure p.png")
    assert code == 0 and out.startswith("p.wkt: 2 polygons, area 2.5\n")
    picture("p.png")


def test_a_surface_inside_out(capsys: pytest.CaptureFixture[str]) -> None:
    faces = ["f 1 2 3", "f 1 4 2", "f 1 3 4", "f 2 4 3"]  # seen from inside
    Path("t.obj").write_text("\n".join(["v 0 0 0", "v 1 0 0", "v 0 1 0", "v 0 0 1", *faces]))
    code, _, err = run(capsys, "transform t.obj --k 0 0 0")
    assert code == 2 and "--flip" in err
    assert data_of(capsys, "transform t.obj --k 0 0 0 --flip")["volume"] == pytest.approx(1 / 6)


def test_decisions_of_a_diamond(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "decisions diamond.npz --box -1 1 --save d.csv --figure d.png")
    assert code == 0 and "2 components, 1 enclosed" in out and "class 1: 1 component, 1 enclosed, measure 0.5" in out
    table = np.loadtxt("d.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(table[:, 3], [3.5, 0.5], rtol=1e-14)
    np.testing.assert_allclose(table[:, 5], [2 * np.sqrt(2)] * 2, rtol=1e-14)
    picture("d.png")
    code, _, err = run(capsys, "decisions diamond.npz --box -1 1 --max-bytes 50000")  # enough for the file
    assert code == 2 and "--max-bytes" in err


@pytest.mark.parametrize(
    "line",
    [
        "regions diamond.npz --box -1 1",
        "decisions diamond.npz --box -1 1",
        "slice diamond.npz --point 0 0 --point 1 0",
        "spectrum diamond.npz --box -1 1 --k 1 2",
        "report tent.npz --box 0 1 --out r",
    ],
)
def test_budgets_are_those_of_every_enumeration(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """Some commands enumerate more than once."""
    from specgeo.enumeration import enumerate as module

    budgets, inner = [], module._run_through

    def spy(*arguments: Any, **options: Any) -> Any:
        given = signature(inner).bind(*arguments, **options).arguments
        budgets.append((given["max_cells"], given["max_bytes"]))
        return inner(*arguments, **options)

    monkeypatch.setattr(module, "_run_through", spy)
    code, _, err = run(capsys, f"{line} --max-cells 1000 --max-bytes 1000000000")
    assert code == 0, err
    assert budgets and set(budgets) == {(1000, 10**9)}


def test_a_path_round_a_diamond(capsys: pytest.CaptureFixture[str]) -> None:
    line = "path diamond.npz --start 1 0.1 --stop -1 0"
    code, out, _ = run(capsys, f"{line} --save p.npz --figure p.png")
    assert code == 0 and "connected, certified" in out and re.search(r"class 0\b", out)
    with np.load("p.npz") as found:
        vertices = found["vertices"]
    assert np.array_equal(vertices[[0, -1]], [[1, 0.1], [-1, 0]])
    t = np.linspace(0, 1, 50)[:, None]
    along = np.concatenate([(1 - t) * a + t * b for a, b in zip(vertices, vertices[1:], strict=False)])
    assert np.all(np.abs(along).sum(axis=1) > 0.5)
    picture("p.png")
    code, out, _ = run(capsys, f"{line} --max-bends 0")
    assert code == 1 and "not found" in out and "does not mean" in out
    np.savez("x.npz", x=[[1.0, 0.1], [0.0, 0.0], [-1.0, 0.0]])
    assert np.array_equal(data_of(capsys, "path diamond.npz --between x.npz --pick 0 2")["vertices"], vertices)
    code, _, err = run(capsys, "path diamond.npz --between x.npz --pick 0 1")
    assert code == 2 and err.startswith("specgeo: error: --stop: ") and "class" in err


@pytest.mark.parametrize("color", ["class", "value", "gradient"])
def test_a_slice_through_three_inputs(capsys: pytest.CaptureFixture[str], color: str) -> None:
    net = sg.testing.random_network([12, 8, 6, 3], rng=3)
    net.save("net.npz")
    images = np.random.default_rng(0).random((5, 3, 4))
    np.save("images.npy", images)
    line = f"slice net.npz --through images.npy --pick 4 0 2 --color {color} --output 1 --save cx.npz --figure s.png"
    found = data_of(capsys, line)
    points = images.reshape(5, -1)[[4, 0, 2]]
    assert found["points"]["t"] == [[0, 0], [1, 0], [0, 1]]
    assert found["points"]["class"] == sg.paths.classify(net, points).tolist()
    cx = sg.load_complex("cx.npz")
    np.testing.assert_allclose(cx(np.array(found["points"]["t"])), net(points), atol=1e-13)
    assert found["cells"] == cx.n_cells
    picture("s.png")


def test_a_slice_through_two_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    line = "slice diamond.npz --point 0 0 --point 1 0 --margin 0.25"
    code, out, _ = run(capsys, f"{line} --figure s.png")
    assert code == 0 and "the line through point 0, point 1" in out and "2 activation regions" in out
    picture("s.png")
    assert data_of(capsys, line)["distances"] == [1.0]


def test_an_inner_tensor_is_the_output(capsys: pytest.CaptureFixture[str], examples: Path) -> None:
    onnx = pytest.importorskip("onnx")
    make = onnx.helper
    nodes = [
        make.make_node("MatMul", ["x", "w"], ["z"]),
        make.make_node("Relu", ["z"], ["a"]),
        make.make_node("MatMul", ["a", "v"], ["logits"]),
        make.make_node("Softmax", ["logits"], ["p"]),
    ]
    w, v = np.arange(6, dtype=np.float32).reshape(2, 3) - 2, np.ones((3, 2), np.float32)
    values = [onnx.numpy_helper.from_array(a, n) for a, n in ((w, "w"), (v, "v"))]
    ends = [make.make_tensor_value_info(n, 1, (1, 2)) for n in ("x", "p")]
    model = make.make_model(make.make_graph(nodes, "g", ends[:1], ends[1:], values))
    onnx.save(model, "m.onnx")
    with pytest.warns(UserWarning, match="m.onnx: the network ends before its Softmax"):
        assert data_of(capsys, "info m.onnx")["network"] == "Network(2-3-2, relu)"
    assert data_of(capsys, "info m.onnx --output-node logits")["network"] == "Network(2-3-2, relu)"
    x = np.random.default_rng(0).normal(size=(9, 2))
    np.testing.assert_allclose(sg.read_network("m.onnx", output="a")(x), np.maximum(x @ w, 0), atol=1e-12)
    np.testing.assert_allclose(sg.read_network("m.onnx", output="z")(x), x @ w, atol=1e-12)
    code, _, err = run(capsys, "info m.onnx --output-node logit")
    assert code == 2 and "--output-node: there is no 'logit'" in err and "'logits'" in err


MISTAKES = {
    "regions tent.npz --box 0 1_0": "--box: '1_0' is no number; write it without underscores: 10",
    "regions tent.npz --box 0,1": "--box: '0,1' is no number; put blanks between numbers",
    "regions tent.npz --box 0 1 --max-cells 1_000": "--max-cells: '1_000' is no whole number",
    "regions tent.npz --box 0 1 --save x.txt": "--save: files '.txt' cannot be written; use x.npz",
    "regions tent.npz --box 0 1 --save tent.npz": "--save: tent.npz is what the command reads",
    "regions tent.npz --box 0 1 --figur x.png --map": "--map",
    "regions --box 0 1 tent.npz": "'tent.npz' is no number; put the name of a file before the options",
    "region tent.npz --box 0 1": "did you mean regions?",
    "regions tent.npz --box 0 1 --boxx 3": "unrecognized arguments: --boxx",
    "spectrum tent.npz --box 0 1": "one of the arguments --k --grid --k-file is required",
    "spectrum tent.npz --box 0 1 --grid 0 1": "--grid: expected 3 arguments",
    "spectrum tent.npz --box 0 1 --grid 0 1 2.5": "--grid: 0 1 2.5 given",
    "spectrum tent.npz --box 0 1 --grid 1 0 5": "LO must be below HI",
    "spectrum tent.npz --box 0 1 --grid 0 1 2 --grid 0 1 2": "--grid: given 2 times; give it once",
    "spectrum tent.npz --box 0 1 --grid 0 1 1e14": "--grid: 100,000,000,000,000 wavevectors",
    "spectrum tent.npz --box 0 1 --k 1 --save x.txt": "--save: files '.txt' cannot be written; use one of .csv, .npz",
    "spectrum tent.npz --box 0 1 --k 1 --figure x.png": "--figure: needs wavevectors of two lengths",
    "spectrum tent.npz --box 0 1 --k-file none.csv": "--k-file: none.csv: no such file",
    "spectrum tent.npz --box 0 1 --k-file word.csv": "--k-file: word.csv: line 2: 'x' is no number",
    "spectrum tent.npz --box 0 1 --k-file wide.csv": "rows of 2 numbers",
    "spectrum tent.npz --box 0 1 --k-file tent.npz": "choose with --key",
    "spectrum tent.npz --box 0 1 --k-file cube.stl": "one of .csv, .txt, .npy, .npz",
    "spectrum tent.npz --box 0 1 --k 1 --key a": "--key: has no effect without --k-file",
    "decisions diamond.npz --box -1 1 --save x.json": "--save: files '.json' cannot be written",
    "decisions diamond.npz": "--box",
    "path diamond.npz --start 1 0": "--stop: missing",
    "path diamond.npz --start 1 --stop 1 0": "--start: 1 given, 2 wanted",
    "path diamond.npz --between wide.csv --pick 0 7": "--pick: 7 given; --between has rows 0 to 2",
    "path diamond.npz --between wide.csv": "--pick: missing; --between has 3 rows: say which 2",
    "path diamond.npz --start 1 0 --stop 3 0 --bounds 0 2": "--start, --stop: an end point",
    "path diamond.npz --start 1 0 --stop 1 1 --pick 1": "--pick: has no effect without --between",
    "slice diamond.npz": "--through: give either a file",
    "slice diamond.npz --point 0 0": "--point: given 1 times",
    "slice diamond.npz --point 0 0 --point 0 0": "--through: 2 given that lie in a slice of dimension less than 1",
    "slice diamond.npz --point 0 0 --point 1 1 --margin -1": "--margin: -1 given",
    "slice tent.npz --through wide.csv": "rows of 2 numbers (shape (3, 2)), 1 wanted",
    "transform cube.step --k 1 2 3": "shape: 'cube.step' has suffix '.step'; one of",
    "transform cube.stl --k 1 2": "--k: 2 numbers given; give 3 components",
    "transform none.stl --k 1 2 3": "shape: none.stl: no such file",
    "transform line.wkt --k 1 2": "shape: a shapely LineString has no area",
    "transform flat.wkt --k 1 2 --flip": "--flip: polygons have no inside out",
    "info tent.npz --output-node z": "--output-node: only .onnx and Keras files",
    "info tent.pt": "specgeo.from_torch",
}


@pytest.mark.filterwarnings("ignore:cube.stl")
@pytest.mark.parametrize("line", MISTAKES)
def test_mistakes_are_answered_in_one_line(capsys: pytest.CaptureFixture[str], line: str) -> None:
    Path("word.csv").write_text("1\nx\n")
    Path("wide.csv").write_text("1,2\n3,4\n1,5\n")
    Path("line.wkt").write_text("LINESTRING (0 0, 1 1)")
    Path("flat.wkt").write_text("POLYGON ((0 0, 1 0, 1 1, 0 0))")
    Path("tent.pt").write_text("")
    before = {p.name for p in Path().iterdir()}
    try:
        code = main([*line.split(), "--quiet"])
    except SystemExit as caught:
        code = caught.code
    found = capsys.readouterr()
    assert code == 2 and found.out == "" and found.err.count("\n") == 1
    assert found.err.startswith("specgeo: error: ") and MISTAKES[line] in found.err
    assert {p.name for p in Path().iterdir()} == before


def test_alone_it_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    out = capsys.readouterr().out
    assert caught.value.code == 0 and out.startswith("usage: specgeo") and "transform" in out


@pytest.mark.parametrize("line", ["transform t.wkt --k 1 2", "path diamond.npz --start 0 0 --stop 0.1 0.1"])
def test_what_enumerates_nothing_compiles_no_enumeration(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    Path("t.wkt").write_text("POLYGON ((0 0, 1 0, 0 1, 0 0))")
    asked: list[bool] = []

    def compile_ahead(transforms: bool) -> Any:
        asked.append(transforms)
        return nullcontext()

    monkeypatch.setattr("specgeo.cli.work.compile_ahead", compile_ahead)
    code, _, err = run(capsys, line)
    assert (code, asked) == (0, []), err
    assert run(capsys, "regions tent.npz --box 0 1")[0] == 0 and asked == [False]


COMMANDS = ["info", "regions", "decisions", "slice", "path", "spectrum", "transform", "report", "verify", "warmup"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_an_example_within_80_columns(
    capsys: pytest.CaptureFixture[str], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([command, "--help"])
    usage, _, examples = capsys.readouterr().out.rpartition("\nexample")
    assert f"specgeo {command}" in examples and max(map(len, usage.splitlines())) <= 80


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a second process by fork")
@pytest.mark.parametrize("when", ["work", "writing"])
def test_control_c_says_what_was_kept(when: str) -> None:
    wait = "print('now', flush=True) or time.sleep(60)"
    patch = f"cli.info.run = lambda _: {wait}" if when == "work" else (
        f"files.emit(argparse.Namespace(json=False, quiet=True), dict, 'text', [lambda: [Path('a')], lambda: {wait}])"
    )  # fmt: skip
    code = "import argparse, time; from pathlib import Path; from specgeo import cli; from specgeo.cli import files\n"
    code += f"def work(_): {patch}\n" if when == "writing" else f"{patch}\n"
    code += "cli.info.run = work\n" * (when == "writing") + "raise SystemExit(cli.main())"
    with subprocess.Popen(
        [sys.executable, "-c", code, "info", "x.npz"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while process.stdout.readline() != "now\n":
            pass
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    if when == "work":
        assert process.returncode == -signal.SIGINT and "stopped before the end: nothing was written" in said
    else:
        assert process.returncode == 130 and said == f"specgeo: interrupted: only {Path('a').resolve()} was written\n"


PAGE = (Path(__file__).parent.parent / "docs" / "howto" / "command-line.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S) for line in block.splitlines()]


def test_the_lines_of_the_guide_run(capsys: pytest.CaptureFixture[str], examples: Path) -> None:
    """As they stand, with a network of images and shapes beside."""
    Path("examples").symlink_to(examples)
    sg.testing.random_network([16, 8, 2], rng=2).save("net.npz")
    np.savez("images.npz", np.random.default_rng(1).random((10, 4, 4)))
    Path("waves.csv").write_text("k\n1\n2\n")
    Path("land.geojson").write_text('{"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [0, 1], [0, 0]]]}')
    for line in LINES:
        command, *words = line.split()
        assert command == "specgeo" and len(line) <= 110
        with pytest.warns(UserWarning, match="merged") if "cube.stl" in line else nullcontext():
            assert main([*words, "--quiet"]) == 0, (line, capsys.readouterr().err)
        for file in re.findall(r"--(?:save|figure) (\S+)", line):
            assert Path(file).stat().st_size > 0
    assert len(LINES) == 14
