"""Measuring: counts are judged by what is known, engines that fail or hang end alone, pages say what was stored."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from naive.rational import rational_complex

import specgeo as sg
from specgeo.benchmark import (
    Case,
    Comparison,
    Run,
    compare,
    compare_spectra,
    compare_transforms,
    forward_pass,
    interleaved,
    named_cases,
    shapes,
    transforms,
)
from specgeo.benchmark.balls import transforms_of_simplices
from specgeo.benchmark.cases import degenerate_cases, parts_of
from specgeo.benchmark.engines import ENGINES, OURS, RIVALS
from specgeo.benchmark.machine import describe, installed, peak_bytes
from specgeo.benchmark.pictures import accuracy_of_transforms
from specgeo.benchmark.tables import as_text, duration, memory, rate
from specgeo.benchmark.transforms import Solid, coxeter_transform, nufft_transform
from specgeo.cli import main
from specgeo.plotting import rendered
from specgeo.testing import random_network

SQUARE = sg.Box(-1, 1, dim=2)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines of a user's, in a module beside."""
    text = """
    import os, time
    import specgeo as sg

    def right(network, box):
        return sg.enumerate_regions(network, box).n_cells

    def wrong(network, box):
        return 1 + right(network, box)

    def faces(network, box):
        found = sg.enumerate_regions(network, box).f_vector
        return found[0] + 1, *found[1:]

    def raises(network, box):
        raise RuntimeError("too hard\\nfor me")

    def hangs(network, box):
        time.sleep(0.0 if network.hidden_widths == (1,) else 60.0)
        return 1

    def dies(network, box):
        if network.hidden_widths != (1,):
            os._exit(3)
        return 2

    number = 3
    """
    (tmp_path / "mine.py").write_text(textwrap.dedent(text))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)


def test_the_degenerate_networks_have_their_exact_counts() -> None:
    """A sample, in rational numbers; all of them, by the engine that is measured."""
    cases = degenerate_cases()
    assert len(cases) == 200
    for case in cases[::25]:
        truth = rational_complex(case.network, case.domain.lower, case.domain.upper).f_vector
        assert (case.vertices, case.cells) == (truth[0], truth[-1]), case.name
    for case in cases:
        found = sg.enumerate_regions(case.network, case.domain)
        assert (found.f_vector[0], found.n_cells) == (case.vertices, case.cells), case.name


def test_named_sets() -> None:
    table = {case.name: case for case in named_cases("table")}
    assert len(table) == 13 and table["2-256-256"].cells == 119_787
    assert {case.name for case in named_cases("quick")} <= set(table)
    for case in named_cases("quick"):
        if case.cells is not None and case.cells < 10_000:
            assert sg.enumerate_regions(case.network, case.domain).n_cells == case.cells
    assert all(case.family for case in named_cases("growth"))
    planes = {case.name: case for case in named_cases("arrangements")}
    assert [planes[f"resonance R{n}"].cells for n in (2, 3, 4, 5)] == [6, 32, 370, 11_292]
    whole = named_cases("quick")[0]
    parts = parts_of(whole)
    assert [part.domain.volume for part in parts] == [0.25, 1.0, 4.0] and len({part.family for part in parts}) == 1
    with pytest.raises(sg.InvalidInputError, match="name: 'all' given"):
        named_cases("all")  # type: ignore[arg-type]


def test_outcomes(mine: None) -> None:
    """What is right, wrong, raised or dead is told apart."""
    first = ["specgeo", "right", "wrong", "faces", "raises", "dies"]
    case, larger = named_cases("quick")[0], Case("larger", random_network([2, 20, 1], 0), SQUARE)
    found = compare([case, larger], [f"mine:{name}" for name in first[1:]], repeats=1, limit=60.0)
    outcomes = {(run.case, run.engine.removeprefix("mine:")): run for run in found.runs}
    said = {key: run.outcome for key, run in outcomes.items()}
    assert [said["2-16-16", name] for name in first] == [
        "right", "right", "wrong", "right", "raised", "crashed"
    ]  # fmt: skip
    assert [said["larger", name] for name in first] == [
        "counted", "same", "differs", "same", "raised", "crashed"
    ]  # fmt: skip
    assert outcomes["2-16-16", "raises"].note == "RuntimeError: too hard for me"
    assert outcomes["2-16-16", "wrong"].note == "412 are right"
    own = outcomes["2-16-16", "specgeo"]
    assert (own.cells, own.vertices, own.faces) == (412, 444, 412 + 855 + 444)
    assert own.seconds and own.yardstick_seconds and own.yardsticks == own.seconds / own.yardstick_seconds
    assert own.first_seconds and own.start_seconds
    if own.peak_bytes is not None and own.base_bytes is not None:
        assert 0 < own.base_bytes <= own.peak_bytes < 4e9
    assert found.speedups["mine:right"]["cases"] == 2
    stored = json.loads(json.dumps(found.to_dict()))
    assert Comparison.of(stored).to_dict() == stored
    assert "| 2-16-16 | 412 | specgeo | right |" in found.to_markdown()
    text = str(found)
    assert "WRONG: 413" in text and "too hard for me (2-16-16, larger)" in text
    assert json.loads(json.dumps(found.to_dict()))["machine"]["cores"] >= 1


def test_an_engine_that_hangs_is_stopped(mine: None) -> None:
    """And spared networks of the same dimension that are no smaller; others it is given."""
    widths = ([2, 5, 1], [2, 6, 1], [2, 2, 1], [3, 1, 1])
    cases = [Case(str(w), random_network(w, 0), sg.Box(-1, 1, dim=w[0])) for w in widths]
    found = compare(cases, ["mine:hangs"], repeats=1, limit=0.5)
    runs = [run for run in found.runs if run.engine == "mine:hangs"]
    assert [run.outcome for run in runs[:3]] == ["stopped", "left out", "stopped"] and runs[3].cells == 1
    assert "took longer than 0.5 s" in str(found)


def test_degenerate_networks_are_counted(mine: None) -> None:
    found = compare([], ["mine:faces", "mine:dies"], degenerate=True, limit=30.0)
    ours, faces, dies = found.degenerate
    assert (ours.right, ours.wrong, ours.raised) == (200 - ours.missing, 0, 0)
    assert faces.wrong_vertices == 200 - faces.missing and "vertices for" in faces.note
    assert dies.raised > 0 and dies.right == 0 and dies.missing == 200 - dies.raised
    assert "rational arithmetic" in str(found)


@pytest.mark.parametrize("name", [name for name in RIVALS if installed(str(ENGINES[name].package))])
def test_rivals_that_are_installed(name: str) -> None:
    """On a generic network; off the origin, and on a box that is no square, as well."""
    net = random_network([2, 6, 1], 3)
    cases = [Case("square", net, SQUARE), Case("box", net, sg.Box([-0.5, 0.25], [1.0, 0.75]))]
    found = compare(cases, [name], repeats=1, limit=30.0)
    assert [run.outcome for run in found.runs if run.engine == name] == ["same", "same"]


def test_rivals_say_what_they_do_not_read() -> None:
    solid, tanh = random_network([3, 4, 1], 0), random_network([2, 4, 1], 0, activation="hard_tanh")
    leaky = random_network([2, 4, 1], 0, activation="leaky_relu")
    for name in RIVALS:
        engine = ENGINES[name]
        if installed(str(engine.package)) is None:
            assert engine.refuses(solid) == f"not installed: pip install {engine.package}"
            continue
        assert (engine.refuses(solid) is None) == (name != "regioncam")
        assert (engine.refuses(tanh) is None) == (name == "affinitree")
        assert (engine.refuses(leaky) is None) == (name != "relucent")
    for name in OURS:
        assert ENGINES[name].refuses(tanh) is None


@pytest.mark.parametrize("name", OURS)
def test_ways_of_specgeo_agree(name: str) -> None:
    assert tuple(ENGINES[name].count(random_network([3, 6, 6, 1], 1), sg.Box(-1, 1, dim=3))) == sg.enumerate_regions(
        random_network([3, 6, 6, 1], 1), sg.Box(-1, 1, dim=3)
    ).f_vector


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("regioncm", "'regioncm' given; engines are specgeo, "),
        ("SplineCam", "SplineCam is not on the package index"),
        ("no_such_module:count", "cannot be imported"),
        ("mine:nothing", "cannot be imported"),
        ("mine:number", "is no function"),
    ],
)
def test_engines_that_are_not_there(mine: None, name: str, message: str) -> None:
    with pytest.raises(sg.InvalidInputError, match=message):
        compare([], [name])


def test_growth_is_the_slope() -> None:
    def run(cells: int, engine: str) -> Run:
        return Run("x", engine, 2, "2-n-n", "right", cells=cells, seconds=3e-6 * cells**1.5)

    runs = [*(run(10**n, "specgeo") for n in (2, 3, 4)), run(100, "other"), run(1000, "other")]
    growth = Comparison({}, [], runs).growth
    assert list(growth) == ["2-n-n"] and list(growth["2-n-n"]) == ["specgeo"]
    assert growth["2-n-n"]["specgeo"] == pytest.approx(1.5, rel=1e-12)


@pytest.mark.parametrize("activation", ["relu", "abs", "leaky_relu"])
def test_the_yardstick_is_a_forward_pass(activation: str) -> None:
    net = random_network([3, 7, 5, 2], 1, activation=activation)
    points = np.random.default_rng(0).normal(size=(2048 + 100, 3))
    np.testing.assert_allclose(forward_pass(net, points)(), net(points)[2048:], rtol=1e-13, atol=1e-14)
    pool = sg.Network([net.weights[0], np.eye(3, 2)], [net.biases[0], np.ones(3)], [sg.MaxGroups([[0, 1, 2], [2, 6]])])
    np.testing.assert_allclose(forward_pass(pool, points)(), pool(points)[2048:], rtol=1e-13, atol=1e-14)
    with pytest.raises(sg.InvalidInputError, match="points: none given"):
        forward_pass(net, np.empty((0, 3)))


def test_functions_take_turns() -> None:
    calls: list[str] = []
    assert len(interleaved([lambda: calls.append("a"), lambda: calls.append("b")], 2)) == 2
    assert calls == ["a", "b"] * 3
    calls.clear()
    assert len(interleaved([lambda: calls.append("a")], 9, seconds=0.0)) == 1 and calls == ["a"]


def test_the_machine_is_described_without_its_name() -> None:
    found = describe(["numpy", "no-such-package"])
    assert found["cores"] >= 1 and "no-such-package" not in found["versions"] and found["versions"]["numpy"]
    text = json.dumps(found)
    import platform

    assert not platform.node() or platform.node() not in text
    assert peak_bytes() is None or int(peak_bytes() or 0) > 10**7


def test_figures_in_words() -> None:
    assert [duration(s) for s in (12.345, 0.9999, 0.012, 3.2e-6, 1234.0, None)] == [
        "12.3 s", "1 s", "12 ms", "3.2 us", "1234 s", ""
    ]  # fmt: skip
    assert [rate(x) for x in (3.21e6, 4567.0, 12.0)] == ["3.21 M", "4.57 k", "12"]
    assert [memory(x) for x in (None, 190_000_000, 2_340_000_000)] == ["", "190 MB", "2.34 GB"]


def sinc(k: np.ndarray, half: float) -> np.ndarray:
    """Of the box [-half, half]^d."""
    return np.prod(2 * half * np.sinc(k * half / np.pi), axis=1)


@pytest.mark.parametrize("points", [shapes.SOLIDS["cube"], shapes.SOLIDS["cube"][::2, :2]], ids=["cube", "square"])
def test_references_and_programs_against_closed_forms(points: np.ndarray) -> None:
    """Balls, the route by finufft, and coxeter where it is installed, on a square and a cube."""
    pytest.importorskip("flint")
    solid = Solid("box", points)
    waves = shapes.wavevectors(points, solid.normals, 5)
    for k in (*waves.values(), np.zeros((1, solid.dim))):
        exact = sinc(k, 1.0)
        found = transforms_of_simplices(solid.simplices, k)
        np.testing.assert_allclose(found, exact, rtol=0, atol=1e-15 * solid.volume)
    k = waves["usual"]
    np.testing.assert_allclose(nufft_transform(solid, k, 1e-12), sinc(k, 1.0), rtol=0, atol=1e-10)
    if installed("coxeter"):
        np.testing.assert_allclose(coxeter_transform(points)(k), sinc(k, 1.0), rtol=0, atol=1e-12)


def test_references_with_affine_densities() -> None:
    """x on [0, 1]: (e^{-ik}(1 + ik) - 1) / k^2, and its integral at k = 0."""
    pytest.importorskip("flint")
    k = np.array([[0.0], [1e-9], [3.0]])
    found = transforms_of_simplices(np.array([[[0.0], [0.5]], [[0.5], [1.0]]]), k, np.array([[1.0, 0.0]] * 2))
    assert found[0] == 0.5 and found[2] == pytest.approx((np.exp(-3j) * (1 + 3j) - 1) / 9, rel=1e-15)
    assert found[1] == pytest.approx(0.5 - 1e-9j / 3, rel=1e-15)


def test_transforms_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("flint")
    monkeypatch.setattr(transforms, "named_shapes", lambda: {"square": shapes.ngon(4)})
    runs = compare_transforms(samples=3, n_waves=20, repeats=1)
    ours, coxeter, *others = runs
    assert (ours.engine, coxeter.engine) == ("specgeo", "coxeter")
    assert max(ours.errors.values()) < 2e-15 and ours.bound is not None and ours.errors["usual"] <= ours.bound
    assert coxeter.errors or coxeter.note == "not installed: pip install coxeter"
    assert [run.tolerance for run in others] == list(transforms.TOLERANCES)
    assert all(run.errors["usual"] < 100 * (run.tolerance or 0) + 1e-12 for run in others)
    spectra = compare_spectra(4, 6, samples=2, repeats=1)
    assert all(run.holds and run.error < 1e-13 for run in spectra) and len(spectra) == 4
    found = Comparison({}, [], [], transforms=runs, spectra=spectra).to_dict()
    assert Comparison.of(json.loads(json.dumps(found))).to_dict() == found
    text = as_text({**found, "machine": describe()})
    assert "along normals" in text and "nufft" in text
    assert rendered(accuracy_of_transforms(found), "png")


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    random_network([2, 6, 1], 0).save("net.npz")
    line = "benchmark net.npz --box -1 1 --against none --repeats 1 --quiet --save o.json --plot o.png"
    assert main(line.split()) == 0
    out = capsys.readouterr().out
    assert "net.npz x 0.25" in out and f"written: {Path('o.json').resolve()}" in out
    stored: dict[str, Any] = json.loads(Path("o.json").read_text())
    assert [run["case"] for run in stored["runs"]] == ["net.npz x 0.25", "net.npz x 0.5", "net.npz"]
    assert Path("o.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("benchmark --box -1 1", "--box, --axes: belong to a network"),
        ("benchmark net.npz", "--box: missing"),
        ("benchmark --json o.json", "--save FILE.json writes"),
        ("benchmark --save o.csv", "use o.json"),
        ("benchmark --set table --against nothing-such", "--against: 'nothing-such' given"),
        ("benchmark --set table --limit 0", "--repeats, --limit: 5 and 0 given"),
    ],
)
def test_mistakes_at_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*words.split(), "--quiet"]) == 2
    assert message in capsys.readouterr().err


def test_wrong_counts_end_in_a_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts see at once if specgeo itself miscounts."""
    import specgeo.benchmark.cases as cases

    monkeypatch.setattr(cases, "QUICK", ((2, 16, 16),))
    monkeypatch.setitem(cases.TABLE, (2, 16, 16), 413)
    assert main("benchmark --set quick --against none --repeats 1 --quiet --json".split()) == 1


def test_structured_networks_are_what_they_are_called() -> None:
    cases = {case.name: case for case in named_cases("structured")}
    x = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    blocks = cases["residual 2-16, 2 blocks"].network
    h = np.maximum(x @ blocks.weights[0].T + blocks.biases[0], 0.0)
    for weight, bias in zip(blocks.weights[1:3], blocks.biases[1:3], strict=True):
        h = h + np.maximum(h @ weight[:16, :16].T + bias[:16], 0.0)
    np.testing.assert_allclose(blocks(x), h @ blocks.weights[3][:, :16].T, atol=1e-12)
    best, pairs = cases["largest of 10, 2-16-16"].network, cases["maxout 2-8-8"].network
    inside = sg.Network(best.weights[:3], best.biases[:3])
    np.testing.assert_allclose(best(x)[:, 0], inside(x).max(axis=1), atol=1e-12)
    values = (x @ pairs.weights[0].T + pairs.biases[0]).reshape(-1, 8, 2).max(axis=2)
    values = (values @ pairs.weights[1].T + pairs.biases[1]).reshape(-1, 8, 2).max(axis=2)
    np.testing.assert_allclose(pairs(x), values @ pairs.weights[2].T, atol=1e-12)


@pytest.mark.filterwarnings("ignore:numpy.core:DeprecationWarning")  # of affinitree
@pytest.mark.parametrize("name", ["regioncam", "affinitree"])
def test_rivals_read_structured_networks(name: str) -> None:
    pytest.importorskip(name, reason=f"{name} is not installed")
    engine = ENGINES[name]
    blocks = named_cases("structured")[0].network
    order = np.random.default_rng(1).permutation(32)  # no longer h beside B h + b: read neuron by neuron
    mixed = sg.Network(
        [blocks.weights[0], blocks.weights[1][order], blocks.weights[2][:, order], blocks.weights[3]],
        [blocks.biases[0], blocks.biases[1][order], *blocks.biases[2:]],
        [blocks.activations[0], np.array(blocks.activations[1].each(32))[order].tolist(), blocks.activations[2]],
    )
    largest = named_cases("structured")[3].network
    for net in (blocks, mixed, largest):
        if engine.refuses(net) is None:
            count = np.atleast_1d(engine.count(net, SQUARE))[-1]
            assert count == sg.enumerate_regions(net, SQUARE).n_cells
    assert (engine.refuses(largest) is None) == (name == "regioncam") and engine.refuses(blocks) is None
    assert engine.refuses(named_cases("structured")[-1].network) is not None
