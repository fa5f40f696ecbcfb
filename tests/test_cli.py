"""The command line: output, files, exit codes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.sparse import dia_array

import specgeo as sg
from specgeo.cli import main


@pytest.fixture
def tent(tmp_path):
    """x on [0, 1/2], 1 - x on [1/2, 1]."""
    path = tmp_path / "tent.npz"
    sg.Network([[[1.0], [1.0]], [[1.0, -2.0]]], [[0.0, -0.5], [0.0]]).save(path)
    return str(path)


@pytest.fixture
def plane(tmp_path, random_network):
    path = tmp_path / "plane.npz"
    random_network([2, 8, 6, 2], 1).save(path)
    return str(path)


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys, *arguments):
    code, out, _ = run(capsys, *arguments, "--json")
    assert code == 0
    return json.loads(out)


def test_info(capsys, tent):
    data = run_json(capsys, "info", tent)
    assert (data["inputs"], data["outputs"], data["hidden_widths"], data["parameters"]) == (1, 1, [2], 7)
    assert data["layers"][0]["spectral_norm"] == pytest.approx(np.sqrt(2))
    code, out, _ = run(capsys, "info", tent)
    assert code == 0 and "Network(1-2-1, relu)" in out


@pytest.mark.parametrize("n", [3, 1200])
def test_info_of_sparse_weights(capsys, tmp_path, n):
    """Of a diagonal matrix the norm and the number of zeros are known, small or too large to be written out."""
    entries = np.linspace(-2.0, 1.0, n)
    net = sg.Network([dia_array((entries[None], [0]), shape=(n, n)), np.ones((1, n))], [np.zeros(n), [0.0]])
    net.save(tmp_path / "sparse.npz")
    first = run_json(capsys, "info", tmp_path / "sparse.npz")["layers"][0]
    assert first["spectral_norm"] == pytest.approx(2.0, rel=1e-12) and first["largest_weight"] == 2.0
    assert first["zeros"] == n * n - np.count_nonzero(entries)


def test_regions(capsys, tent, tmp_path):
    complex_file, figure = tmp_path / "complex.npz", tmp_path / "map.png"
    data = run_json(capsys, "regions", tent, "--box", 0, 1, "--save", complex_file, "--map", figure)
    assert data["cells"] == 2 and data["f_vector"] == [3, 2] and data["euler_characteristic"] == 1
    assert data["certificate"]["certified"] is True
    assert sg.load_complex(complex_file).n_cells == 2
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_regions_of_all_space(capsys, plane, tent, tmp_path):
    complex_file, figure = tmp_path / "complex.npz", tmp_path / "map.png"
    data = run_json(capsys, "regions", plane, "--whole-space", "--save", complex_file, "--map", figure)
    cx = sg.enumerate_regions(sg.read_network(plane), sg.WholeSpace(2))
    assert data["f_vector"] == list(cx.f_vector) and data["bounded"] == list(cx.bounded_f_vector)
    assert data["at_infinity"] == list(cx.f_vector_at_infinity) and data["euler_characteristic"] == 1
    assert sg.WholeSpaceComplex.load(complex_file).f_vector == cx.f_vector and figure.exists()
    code, out, _ = run(capsys, "regions", tent, "--whole-space", "--map", figure)
    assert code == 0 and "3 activation regions" in out and "bounded: 2 of dimension 0, 1 of dimension 1" in out
    data = run_json(capsys, "regions", plane, "--whole-space", "--axes", 0)
    assert data["cells"] == sg.enumerate_regions(
        sg.read_network(plane).restrict(sg.AffineSlice.axes([0], [0, 0])), sg.WholeSpace(1)
    ).n_cells
    code, _, err = run(capsys, "regions", plane, "--whole-space", "--map", figure, "--color", "value")
    assert code == 2 and "--color" in err
    with pytest.raises(SystemExit):
        main(["regions", plane, "--whole-space", "--box", "0", "1"])


def test_a_solid_is_drawn(capsys, tmp_path):
    sg.testing.random_network([3, 4, 1], 0).save(tmp_path / "solid.npz")
    code, _, _ = run(capsys, "regions", tmp_path / "solid.npz", "--box", -1, 1, "--map", tmp_path / "map.png")
    assert code == 0 and (tmp_path / "map.png").exists()


def test_regions_on_a_slice(capsys, plane):
    whole = sg.read_network(plane)
    data = run_json(capsys, "regions", plane, "--axes", 1, "--origin", 0.25, 0, "--box", -1, 1)
    cx = sg.enumerate_regions(whole.restrict(sg.AffineSlice([0.25, 0.0], [[0.0, 1.0]])), sg.Box([-1], [1]))
    assert data["cells"] == cx.n_cells


def test_box_with_one_pair_for_each_input(capsys, plane):
    data = run_json(capsys, "regions", plane, "--box", -1, 1, -0.5, 2)
    assert data["cells"] == sg.enumerate_regions(sg.read_network(plane), sg.Box([-1, -0.5], [1, 2])).n_cells


def test_spectrum_of_the_tent(capsys, tent):
    data = run_json(capsys, "spectrum", tent, "--box", 0, 1, "--k", 0, "--k", 5, "--k", -1.5)
    k = np.array([5.0, -1.5])
    exact = 0.25 * np.sinc(k / 4 / np.pi) ** 2 * np.exp(-0.5j * k)  # tent of half-width 1/2 and height 1/2 about 1/2
    found = np.array(data["real"]) + 1j * np.array(data["imag"])
    np.testing.assert_allclose(found, [0.25, *exact], atol=1e-15)
    code, out, _ = run(capsys, "spectrum", tent, "--box", 0, 1, "--k", 0)
    assert code == 0 and "2.5000000000000e-01" in out


def test_report_writes_every_number_and_figures(capsys, plane, tmp_path):
    folder = tmp_path / "deep" / "report"
    code, out, _ = run(capsys, "report", plane, "--box", -1, 1, "--output", 1, "--samples", 32, "--out", folder)
    assert code == 0 and "all claims hold" in out and "k^2 x exact" in out
    assert {p.name for p in folder.iterdir()} == {"report.json", "regions.png", "gradients.png", "spectrum.png"}
    data = json.loads((folder / "report.json").read_text())
    names = {check["name"] for claim in data["claims"] for check in claim["checks"]}
    assert data["holds"] and names >= {"decay.mirror", "sampling.alias", "complex.euler"}
    assert len(data["coefficients"]["exact"]) == 17**2
    # the mean is the mode 0: an oracle by midpoint sums
    ticks = (np.arange(400) + 0.5) / 200 - 1
    values = sg.read_network(plane)(np.stack(np.meshgrid(ticks, ticks), axis=-1))[..., 1]
    assert data["coefficients"]["exact"][0] == pytest.approx(values.mean(), abs=1e-4)


def test_report_in_one_dimension_has_the_closed_form_coefficients(tent):
    from specgeo.report import spectral_report

    report = spectral_report(sg.read_network(tent), sg.Box([0], [1]), samples=16)
    n = np.arange(1, 9)
    expected = -(1 - 2 * np.cos(np.pi * n / 2) + np.cos(np.pi * n)) / (np.pi * n) ** 2
    np.testing.assert_allclose(report.spectrum.exact[1:, 0], expected, atol=1e-15)
    (decay,) = report["mirror"].checks
    assert decay.measured == pytest.approx(4.0) and decay.bound == pytest.approx(4.0)  # attained at n = 2


def test_a_failing_claim_is_exit_code_1(capsys, tent, monkeypatch):
    from dataclasses import replace

    from specgeo import report
    from specgeo.verification.claim import CLAIMS, Evidence

    broken = sg.results.Check("test.broken", "two is at most one", 2.0, 1.0)
    claims = (replace(CLAIMS["mirror"], evidence=lambda subject: Evidence([broken])),)
    monkeypatch.setattr(report, "SELECTION", claims)
    code, out, _ = run(capsys, "report", tent, "--box", 0, 1, "--samples", 16)
    assert code == 1 and "FAILS  test.broken" in out and "SOME CLAIM FAILS" in out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["info", "missing.npz"], "missing.npz"),
        (["info", "TENT", "--physical"], "--physical"),
        (["regions", "TENT", "--box", "1", "0"], "--box, upper bounds: must exceed"),
        (["regions", "TENT", "--box", "-inf", "0"], "--box, lower bounds: "),
        (["regions", "TENT", "--box", "0", "1", "2"], "--box"),
        (["regions", "TENT", "--box", "0", "1", "--axes", "3"], "--axes: "),
        (["regions", "TENT", "--box", "0", "1", "--origin", "3"], "--origin"),
        (["regions", "TENT", "--box", "0", "1", "--output", "7"], "--output"),
        (["regions", "TENT", "--box", "0", "1", "--max-cells", "1"], "--max-cells: "),
        (["regions", "TENT", "--box", "0", "1", "--max-bytes", "3000"], "raise --max-bytes"),
        (["regions", "TENT", "--box", "0", "1", "--max-cells", "0"], "--max-cells: 0 given"),
        (["spectrum", "TENT", "--box", "0", "1", "--k", "1", "--max-bytes", "3000"], "--max-bytes: "),
        (["report", "TENT", "--box", "0", "1", "--max-bytes", "3000"], "--max-bytes: "),
        (["verify", "TENT", "--box", "0", "1", "--max-cells", "1"], "--max-cells: "),
        (["verify", "TENT", "--box", "0", "1", "--max-bytes", "3000"], "--max-bytes: "),
        (["verify", "TENT", "--box", "0", "1", "--seed", "-1"], "--seed: -1 given"),
        (["verify", "TENT", "--box", "0", "1", "--max-seconds", "0"], "--max-seconds: 0.0 given"),
        (["verify", "TENT", "--box", "0", "1", "--max-simplices", "0"], "--max-simplices: 0 given"),
        (["regions", "TENT", "--box", "0", "1", "--map", "x.foo"], "--map: files '.foo' cannot be drawn; use one of"),
        (["regions", "TENT", "--box", "0", "1", "--map", "no/such/x.png"], "--map: there is no folder no/such; make"),
        (["regions", "TENT", "--box", "0", "1", "--save", "no/such/x.npz"], "--save: there is no folder no/such"),
        (["report", "TENT", "--box", "0", "1", "--out", "TENT"], "--out: "),
        (["verify", "TENT", "--box", "0", "1", "--out", "TENT/deep"], "--out: "),
        (["spectrum", "TENT", "--box", "0", "1", "--k", "1", "2"], "--k"),
        (["report", "TENT", "--box", "0", "1", "--samples", "17"], "--samples: odd"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, tent, arguments, word):
    code, out, err = run(capsys, *[a.replace("TENT", tent) for a in arguments])
    assert code == 2 and out == ""
    assert err.count("\n") == 1 and err.startswith("specgeo: error: ") and word in err


def test_messages_of_the_library_name_options(capsys, tmp_path):
    sg.Network([np.ones((1, 13))], [[0.0]]).save(tmp_path / "wide.npz")
    code, _, err = run(capsys, "regions", tmp_path / "wide.npz", "--box", 0, 1)
    assert code == 2 and "restrict it to a slice (--axes)" in err


@pytest.mark.parametrize(
    ("command", "option", "path"),
    [
        ("regions", "--map", "x.foo"),
        ("regions", "--save", "no/x.npz"),
        ("report", "--out", "TENT"),
        ("verify", "--out", "TENT"),
    ],
)
def test_outputs_are_checked_before_the_work(capsys, tent, monkeypatch, command, option, path):
    def work(*_, **__):
        raise AssertionError("the work has begun")

    monkeypatch.setattr(sg, "enumerate_regions", work)
    monkeypatch.setattr("specgeo.enumeration.enumerate_regions", work)
    code, _, err = run(capsys, command, tent, "--box", 0, 1, option, path.replace("TENT", tent))
    assert code == 2 and f"{option}: " in err


def test_results_are_printed_even_if_they_cannot_be_written(capsys, tent, tmp_path, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("specgeo.geometry.storage.save_complex", full)
    code, out, err = run(capsys, "regions", tent, "--box", 0, 1, "--save", tmp_path / "x.npz")
    assert code == 2 and "2 activation regions" in out and "no space left" in err


def test_files_are_written_even_if_the_pipe_is_closed(tent, tmp_path, monkeypatch):
    def closed_pipe(*_, **__):
        raise BrokenPipeError

    monkeypatch.setattr("builtins.print", closed_pipe)
    monkeypatch.setattr("os.dup2", lambda *_: None)
    assert main(["regions", tent, "--box", "0", "1", "--quiet", "--save", str(tmp_path / "x.npz")]) == 0
    assert sg.load_complex(tmp_path / "x.npz").n_cells == 2


def test_numbers_in_scientific_notation_may_be_negative(capsys, tent):
    data = run_json(capsys, "regions", tent, "--box", "-1e-3", "1e0")
    assert data["cells"] == 3
    data = run_json(capsys, "spectrum", tent, "--box", "0", "1", "--k", "-1.5e0", "--k", "-.5")
    assert data["k"] == [[-1.5], [-0.5]]


def test_examples_of_the_commands_write_into_different_folders(capsys):
    folders = []
    for command in ("report", "verify"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        folders += re.findall(r"specgeo .*--out (\w+)", capsys.readouterr().out)
    assert len(folders) == len(set(folders)) == 2


@pytest.mark.parametrize("arguments", [["--help"], ["report", "--help"], ["regions", "--help"], ["--version"]])
def test_help(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "specgeo" in out and ("example" in out or arguments == ["--version"])


def test_usage_errors_are_exit_code_2(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["regions"])
    assert caught.value.code == 2
    assert "required" in capsys.readouterr().err


def test_as_a_module(tent):
    done = subprocess.run(
        [sys.executable, "-m", "specgeo", "info", tent], capture_output=True, text=True, check=True, timeout=60
    )
    assert "Network(1-2-1, relu)" in done.stdout


def test_control_c_ends_the_command_inside_a_long_call():
    work = "lambda _: print('working', flush=True) or sum(range(10**12))"
    command = [sys.executable, "-c", f"from specgeo import cli; cli.info.run = {work}; cli.main()", "info", "x.npz"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "working\n"
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == -signal.SIGINT
        finally:
            process.kill()


def test_progress_goes_to_stderr(capsys):
    from specgeo import _progress

    with _progress.Progress(quiet=False) as progress:
        progress("too early", 0.1)
        progress.next = 0.0
        progress("layer 1", 0.5)
    assert capsys.readouterr().err == "[ 50%] layer 1\n"
    with _progress.Progress(quiet=True) as silent:
        silent.next = 0.0
        silent("layer 1", 0.5)
    assert capsys.readouterr().err == ""


def test_a_silent_run_shows_signs_of_life(capsys, monkeypatch):
    from specgeo import _progress

    monkeypatch.setattr(_progress, "HEARTBEAT", 0.05)
    with _progress.Progress(quiet=False):
        time.sleep(0.5)
    assert "compiles the kernels" in capsys.readouterr().err


def test_verify_runs_every_claim(capsys, tent, tmp_path):
    code, out, _ = run(capsys, "verify", tent, "--box", 0, 1, "--out", tmp_path / "theory", "--json")
    data = json.loads(out)
    assert code == 0 and data["claims"]
    assert {p.name for p in (tmp_path / "theory").iterdir()} == {"verify.json", "verify.html"}


def test_warmup(capsys):
    code, out, err = run(capsys, "warmup")
    assert code == 0 and "compiled" in out and "[100%]" in err


def shell(command, **environment):
    """A command line in a process of its own; SPECGEO stands for the command."""
    own = f"{shlex.quote(sys.executable)} -m specgeo"
    return subprocess.run(
        ["sh", "-c", command.replace("SPECGEO", own)],
        capture_output=True, env={**os.environ, **environment}, timeout=120,
    )  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
def test_output_of_any_encoding_closed_or_full(tent, tmp_path):
    named = tmp_path / "zelt-\u00fc.npz"
    shutil.copy(tent, named)
    done = shell(f"SPECGEO info {named}", PYTHONIOENCODING="ascii:strict")
    assert done.returncode == 0 and b"zelt-\\xfc.npz: Network(1-2-1, relu)" in done.stdout and not done.stderr
    done = shell(f"SPECGEO info {tent} >&-")
    assert done.returncode == 0 and not done.stderr
    done = shell("SPECGEO info missing.npz 2>&-")
    assert done.returncode == 2 and not done.stdout
    if os.path.exists("/dev/full"):
        done = shell(f"SPECGEO info {tent} > /dev/full")
        assert done.returncode == 2 and done.stderr.count(b"\n") == 1 and b"No space left" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
def test_a_warning_is_one_line(tmp_path):
    work = "lambda _: warnings.warn('of a kind') or 0"
    code = f"import warnings; from specgeo import cli; cli.info.run = {work}; cli.main()"
    done = subprocess.run([sys.executable, "-c", code, "info", "x.npz"], capture_output=True, text=True)
    assert done.stderr == "specgeo: warning: of a kind\n"


def test_verify_asks_a_classifier_about_all_its_classes(capsys, tmp_path):
    from specgeo.testing import random_network

    path = tmp_path / "classes.npz"
    net = random_network([1, 6, 3], 3)
    net.save(path)
    code, out, _ = run(capsys, "verify", path, "--box", -1, 1, "--output", 2, "--json")
    found = {claim["key"]: claim for claim in json.loads(out)["claims"]}
    x = np.linspace(-1, 1, 4001)[:, None]
    classes = np.unique(np.argmax(net(x), axis=1))
    named = {key for key in found["paths"]["facts"] if key.startswith("class ")}
    assert code == 0 and named == {f"class {c}" for c in classes} and len(classes) > 1
    assert "no classifier" not in found["paths"]["remark"]
    assert json.loads(out)["summary"]["output under study"] == 2


@pytest.mark.parametrize(("holds", "wanted"), [(True, 0), (False, 1)])
@pytest.mark.parametrize("command", ["report", "verify"])
def test_exit_code_of_a_claim_that_fails(capsys, tent, monkeypatch, command, holds, wanted):
    import specgeo.report

    class Verdict:
        def __init__(self):
            self.holds = holds

        def to_dict(self):
            return {"holds": holds}

    monkeypatch.setattr(specgeo.report, "spectral_report", lambda *_, **__: Verdict())
    monkeypatch.setattr(sg, "verify", lambda *_, **__: Verdict())
    code, out, _ = run(capsys, command, tent, "--box", 0, 1, "--json")
    assert code == wanted and json.loads(out) == {"holds": holds}


@pytest.mark.parametrize("name", ["", "\0", "a" * 300], ids=["empty", "nul", "long"])
@pytest.mark.parametrize(("command", "option"), [("regions", "--save"), ("regions", "--map"), ("report", "--out"),
                                                 ("verify", "--out")])  # fmt: skip
def test_names_that_are_none(command, option, name, examples, capsys):
    if option == "--map":
        pytest.importorskip("matplotlib", reason="needs the extra viz")
    assert main([command, str(examples / "sines.npz"), "--box", "0", "1", option, name, "--quiet"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"specgeo: error: {option}: ") and error.count("\n") == 1


def test_reading_has_the_budget_of_the_command(examples, capsys):
    assert main(["info", str(examples / "flower.npz"), "--max-bytes", "1000"]) == 2
    assert "raise --max-bytes" in capsys.readouterr().err
    assert main(["info", str(examples / "flower.npz"), "--max-bytes", "100000000"]) == 0


@pytest.mark.parametrize("error", [KeyError("x\ny"), MemoryError(), RuntimeError("two\nlines"), RecursionError("deep")])
def test_no_fault_looks_like_a_claim_that_fails(error, examples, capsys, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("specgeo.readers.read_network", fail)
    assert main(["info", str(examples / "flower.npz")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("specgeo: error: ")
