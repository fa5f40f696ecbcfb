"""`verify` on odd networks: nothing crashes or hangs, budgets are said, wrong bounds fail, sentences are true."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import specgeo as sg
from specgeo import _limits
from specgeo.cli import main
from specgeo.results import Check
from specgeo.testing import random_network
from specgeo.theory.robustness import PerturbationResponse
from specgeo.verification import report as verification_report
from specgeo.verification.claim import CLAIMS, Evidence
from specgeo.verification.claims import curves, every_claim, learning
from specgeo.verification.subject import Subject

FAR = 1e6
WAVE = [1.0] + [2.0 * (-1) ** i for i in range(1, 20)]


def box(dim: int, low: float = -1.0, high: float = 1.0) -> sg.Box:
    return sg.Box([low] * dim, [high] * dim)


def bent(widths: list[int], activation: object, seed: int = 1) -> sg.Network:
    net = random_network(widths, seed)
    return sg.Network(net.weights, net.biases, activation)


def scaled(widths: list[int], factor: float) -> sg.Network:
    net = random_network(widths, 1)
    return sg.Network([*net.weights[:-1], net.weights[-1] * factor], [*net.biases[:-1], net.biases[-1] * factor])


def translated(widths: list[int], place: float) -> sg.Network:
    net = random_network(widths, 1)
    return sg.Network(net.weights, [net.biases[0] - net.weights[0].sum(axis=1) * place, *net.biases[1:]])


CUSTOM = sg.Activation([-1.0, 0.3, 2.0], [0.1, -0.7, 0.4, 0.2], 0.3)
TRIANGLE = sg.Polytope.from_vertices([[0, 0], [1, 0], [0, 1]])
ZOO = {
    "zero": (sg.Network([[[0.0]], [[0.0]]], [[0.0], [0.0]]), box(1)),
    "constant": (sg.Network([[[0.0, 0.0]]], [[0.5]]), box(2)),
    "affine on a line": (sg.Network([[[2.0]]], [[0.5]]), box(1)),
    "affine in space": (sg.Network([[[2.0, 1.0, -1.0]]], [[0.5]]), box(3)),
    "dead": (sg.Network([[[1.0], [-1.0]], [[1.0, 1.0]]], [[-5.0, -5.0], [1.0]]), box(1)),
    "one neuron": (sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]]), box(1)),
    "equal slopes": (sg.Network([[[1.0]] * 20, [WAVE]], [-0.5 * np.arange(20), [0.0]]), sg.Box([0], [10])),
    "thin tent": (sg.Network([[[1e6]] * 3, [[1.0, -2.0, 1.0]]], [[0.7, -0.3, -1.3], [0.0]]), box(1)),
    "duplicated": (random_network([2, 6, 4, 1], 0, "duplicated"), box(2)),
    "integer": (random_network([2, 5, 4, 1], 0, "integer"), box(2)),
    "large": (scaled([2, 5, 1], 1e30), box(2)),
    "huge": (scaled([1, 5, 3, 1], 1e100), box(1)),
    "small": (scaled([1, 5, 1], 1e-100), box(1)),
    "leaky": (bent([2, 4, 3, 1], "leaky_relu"), box(2)),
    "hard tanh": (bent([3, 3, 1], "hard_tanh"), box(3)),
    "abs": (bent([1, 4, 3, 1], "abs"), box(1)),
    "custom": (bent([2, 3, 1], CUSTOM), box(2)),
    "classifier": (random_network([2, 6, 4, 3], 3), box(2)),
    "classifier on a line": (random_network([1, 5, 3], 3), box(1)),
    "equal outputs": (sg.Network([np.eye(2), [[1.0, 1.0]] * 2], [[0.0, 0.0]] * 2), box(2)),
    "constant in cells": (sg.Network([[[1.0], [1.0]], [[-1.0, -1.0]], [[1.0]]], [[0.1, -0.1], [-1.0], [0.5]]), box(1)),
    "one output is zero": (sg.Network([np.eye(2), [[0.0, 0.0], [1.0, 1.0]]], [[0.0, 0.0], [0.0, 0.0]]), box(2)),
    "triangle": (random_network([2, 5, 3, 1], 3), TRIANGLE),
    "leaky triangle": (bent([2, 4, 1], "leaky_relu"), TRIANGLE),
    "simplex": (random_network([3, 4, 1], 3), sg.Polytope.from_vertices(np.eye(4)[:, :3])),
    "far": (sg.Network([[[1.0, 0], [0, 1], [1, 1]], [[1.0, 1, -1]]], [[-FAR, -FAR, -2 * FAR - 0.3], [0.0]]),
            box(2, FAR - 1, FAR + 1)),
    "farther": (translated([3, 4, 1], 1e9), box(3, 1e9 - 1, 1e9 + 1)),
    "thin": (random_network([2, 5, 1], 1), sg.Box([-1, 0], [1, 1e-6])),
    "four inputs": (random_network([4, 3, 1], 1), box(4)),
}  # fmt: skip
UNSUPPORTED = {"huge": {"robustness"}, "four inputs": {"mirror", "shells", "sampling"}}
SILENT = {
    "zero": {"manifold", "robustness"}, "constant": {"volume", "robustness"},
    "affine on a line": {"manifold", "volume"}, "affine in space": {"volume"},
    "dead": {"manifold"}, "one neuron": {"manifold"}, "equal slopes": {"manifold"},
    "thin tent": {"manifold"}, "small": {"manifold"}, "huge": {"manifold"},
    "abs": {"manifold"}, "classifier on a line": {"manifold"}, "constant in cells": {"manifold"},
}  # fmt: skip


@pytest.mark.parametrize("name", ZOO)
def test_every_claim_ends_with_a_verdict(name: str) -> None:
    net, domain = ZOO[name]
    report = sg.verify(net, domain, figures=False, max_seconds=600, output=net.output_dim - 1)
    assert report.holds, "\n".join(str(check) for claim in report.failing for check in claim.checks if not check.holds)
    missing = {claim.key: claim.failure for claim in report.unchecked}
    assert missing.keys() == UNSUPPORTED.get(name, set()), missing
    silent = {claim.key: claim.skipped for claim in report.claims if claim.status == "not applicable"}
    assert silent.keys() == SILENT.get(name, set()), silent
    text = json.dumps(report.to_dict(), allow_nan=False) + report.to_html() + str(report)
    assert "nan" not in text.lower().replace("nance", "") and "Traceback" not in text
    assert sum(report.counts.values()) == len(every_claim())


@pytest.mark.parametrize("name", ["equal slopes", "zero"])
def test_figures_are_drawn_where_there_is_little_to_draw(name: str) -> None:
    net, domain = ZOO[name]
    report = sg.verify(net, domain, max_seconds=600)
    assert not [claim.caption for claim in report.claims if "could not be drawn" in claim.caption]
    assert report["lipschitz"].figure and report["complex"].figure


def test_a_claim_that_raises_does_not_take_the_others_with_it(monkeypatch, capsys, tmp_path) -> None:
    def broken(subject: Subject) -> Evidence:
        raise ZeroDivisionError("float division by zero")

    claims = CLAIMS["complex"], replace(CLAIMS["decay"], evidence=broken)
    monkeypatch.setattr(verification_report, "every_claim", lambda: claims)
    report = sg.verify(random_network([2, 4, 1], 0), box(2), figures=False)
    assert report.holds and [claim.key for claim in report.unchecked] == ["decay"]
    assert report["decay"].status == "could not be checked"
    assert report["decay"].failure == "ZeroDivisionError: float division by zero"
    assert report["complex"].status == "holds" and report.counts["could not be checked"] == 1
    assert report.to_dict()["counts"]["could not be checked"] == 1
    assert "1 could not be checked" in str(report).splitlines()[0]
    page = report.to_html()
    assert "Every check that was made holds." in page and "1 could not be checked" in page
    assert "Could not be checked: ZeroDivisionError" in page
    file = tmp_path / "net.npz"
    random_network([2, 4, 1], 0).save(file)
    assert main(["verify", str(file), "--box", "0", "1", "--quiet"]) == 0
    assert "1 could not be checked" in capsys.readouterr().out


def test_a_figure_that_cannot_be_drawn_leaves_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(ax: object) -> None:
        raise ValueError("no room")

    found = Evidence([Check("made.up", "1 <= 2", 1.0, 2.0)], {}, (broken,), "A caption.")
    claims = (replace(CLAIMS["decay"], evidence=lambda subject: found),)
    monkeypatch.setattr(verification_report, "every_claim", lambda: claims)
    claim = sg.verify(random_network([1, 2, 1], 0), box(1)).claims[0]
    assert claim.status == "holds" and claim.figure is None
    assert claim.caption == "The figure could not be drawn (ValueError: no room)."


@pytest.mark.parametrize(
    "check",
    [
        Check("made.up", "", np.nan, 1.0),
        Check("made.up", "", np.inf, 1.0),
        Check("made.up", "", 1.0, np.nan),
        Check("made.up", "", 2.0, 1.0, "<=", np.inf),
    ],
)
def test_numbers_that_overflowed_decide_nothing(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    good, wrong = Check("good", "", 0.0, 1.0), Check("wrong", "", 2.0, 1.0)
    for others, status in (((good,), "could not be checked"), ((good, wrong), "fails")):
        claims = (replace(CLAIMS["decay"], evidence=lambda subject, found=(check, *others): Evidence(found)),)
        monkeypatch.setattr(verification_report, "every_claim", lambda claims=claims: claims)
        claim = sg.verify(random_network([1, 2, 1], 0), box(1), figures=False).claims[0]
        assert claim.status == status and claim.failure == "numbers beyond the range of floats: made.up"


# ---------------------------------------------------------------------- budgets


def test_limits_nest_and_do_not_count_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import event

    now = [0.0]
    monkeypatch.setattr(_limits.time, "perf_counter", lambda: now[0])
    _limits.check_time()
    _limits.check_simplices(10**9)
    with _limits.limited(10.0, 5) as outer:
        now[0] = 9.0
        _limits.check_time()
        with _limits.limited(2.0) as inner:
            event.start_event("numba:compile")
            now[0] = 50.0
            event.start_event("numba:compile")
            _limits.check_time()
            now[0] = 60.0
            event.end_event("numba:compile")
            event.end_event("numba:compile")
            assert inner.spent == pytest.approx(0.0) and outer.spent == pytest.approx(9.0)
            _limits.check_simplices(6)
            now[0] = 62.5
            with pytest.raises(sg.BudgetError, match="max_seconds: 2 s are spent; raise max_seconds"):
                _limits.check_time()
        with pytest.raises(sg.BudgetError, match="max_seconds: 10 s"):
            _limits.check_time()
        with pytest.raises(sg.BudgetError, match="max_simplices: .* 6 simplices, 5 are allowed"):
            _limits.check_simplices(6)
    _limits.check_time()


def test_a_claim_over_budget_says_so() -> None:
    net = random_network([2, 6, 4, 1], 0)
    cells = sg.enumerate_regions(net, box(2)).n_cells
    report = sg.verify(net, box(2), figures=False, max_cells=cells)
    assert report.holds and {"lemma1", "compact", "directions", "shells", "peaks"} <= {c.key for c in report.unchecked}
    for claim in report.unchecked:
        assert claim.failure.startswith(f"over budget: max_cells: more than {cells}")
    simplices = len(sg.enumerate_regions(net, box(2)).triangulation(2)[0])
    report = sg.verify(net, box(2), figures=False, max_simplices=simplices)
    assert report["lipschitz"].status == "holds" and report.unchecked
    for claim in report.unchecked:
        assert "max_simplices: a triangulation takes" in claim.failure and claim.failure.startswith("over budget")
    with pytest.raises(sg.InvalidInputError, match="max_simplices"):
        sg.verify(net, box(2), max_simplices=0)
    for seconds in (0, -1.0, np.nan):
        with pytest.raises(sg.InvalidInputError, match="max_seconds"):
            sg.verify(net, box(2), max_seconds=seconds)


@pytest.mark.own_groups
def test_a_verification_ends_in_about_the_time_it_is_given() -> None:
    """By a clock that advances a second with each look at it: the claims stop, none takes more than its share."""
    net = random_network([3, 6, 5, 1], 0)
    clock = iter(range(10**9))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_limits.time, "perf_counter", lambda: float(next(clock)))
        report = sg.verify(net, box(3), figures=False, max_seconds=400.0)
        spent = next(clock)
    assert report.holds and len(report.unchecked) >= 3
    assert all(claim.failure.startswith("over budget: max_seconds") for claim in report.unchecked)
    assert spent < 1.3 * 400
    shares = [float(claim.failure.split("max_seconds: ")[1].split(" s")[0]) for claim in report.unchecked]
    assert max(shares) <= 100.0
    with pytest.raises(sg.BudgetError, match="max_seconds"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(_limits.time, "perf_counter", lambda: float(next(clock)))
        sg.verify(net, box(3), figures=False, max_seconds=3.0)


def test_wavevectors_in_blocks_are_those_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from specgeo.fourier import simplex

    rng = np.random.default_rng(0)
    for dim, nodes in ((2, 3), (3, 4), (4, 5)):
        points, simplices = rng.normal(size=(9, dim)), np.array([rng.permutation(9)[:nodes] for _ in range(7)])
        k, values = 5 * rng.normal(size=(200, dim)), rng.normal(size=(7, nodes, 2))
        whole = simplex.simplices_sum(points, simplices, np.ones(7), k, None, values)
        with monkeypatch.context() as patch:
            patch.setattr(simplex, "_WORK", 7 * 70)
            patch.setattr(simplex, "_SCALAR_WORK", 7 * 3)
            seen: list[int] = []
            patch.setattr(simplex, "check_time", lambda seen=seen: seen.append(1))
            assert np.array_equal(simplex.simplices_sum(points, simplices, np.ones(7), k, None, values), whole)
        assert len(seen) == (-(-200 // simplex.LANES) if nodes <= 4 else 67)


# ------------------------------------------------------- negative controls: 1.5 times a bound must not pass

RELATIONS = [("<=", 1.5), (">=", 1 / 1.5), ("==", 1.5), ("==", 1 / 1.5)]


@pytest.mark.parametrize(("relation", "factor"), RELATIONS)
def test_a_check_beyond_its_bound_fails(relation: str, factor: float) -> None:
    for bound in (1e-200, 0.7, 3, 1e200):
        good = Check("made.up", "", bound, bound, relation, 1e-9 * bound)
        wrong = Check("made.up", "", factor * bound, bound, relation, 1e-9 * bound)
        assert good.holds and not wrong.holds and wrong.slack < 0
        assert good.reached == 1.0 and (relation == "==" or wrong.reached == pytest.approx(1.5))
        assert str(wrong).startswith("FAILS") and wrong.to_dict()["holds"] is False
    low, high = (2.0, 1.0) if relation == ">=" else (1.0, 2.0)
    assert not Check("made.up", "", high, low, relation, 0.99).holds  # a tolerance that is a little too small
    assert not Check("made.up", "", 1.0, 2.0, ">=", 0.99).holds


def test_the_share_of_a_bound_from_below_is_its_inverse() -> None:
    assert Check("made.up", "", 8.0, 2.0, ">=").reached == 0.25 and Check("made.up", "", 2.0, 8.0).reached == 0.25
    assert Check("made.up", "", 0.0, 0.0, ">=").reached == 1.0 and Check("made.up", "", 3.0, -1.0, ">=").reached == 0.0
    assert Check("made.up", "", 0.0, 2.0, ">=").reached == np.inf
    assert "(0.25 of the bound)" in str(Check("made.up", "", 8.0, 2.0, ">="))


def test_every_claim_notices_a_violated_bound(monkeypatch: pytest.MonkeyPatch, tmp_path, capsys) -> None:
    """Each claim in turn measures 1.5 times its bound: it fails alone, comes first, and the exit code is 1."""
    net, domain = random_network([2, 4, 1], 2), box(2, 0.0, 1.0)
    subject = Subject(net, domain)
    path = tmp_path / "net.npz"
    net.save(path)
    every = every_claim()
    kept = {claim.key: tuple(claim.evidence(subject).checks) for claim in every}
    assert [key for key, checks in kept.items() if not checks] == ["shells", "robustness"]
    for key, checks in kept.items():
        for i, check in enumerate(checks):
            worse = 1.5 if check.relation == "<=" else 1 / 1.5
            measured = worse * check.bound if check.bound else 1.5 * (check.tolerance or 1.0)
            if check.relation == ">=" and check.bound == 0:
                measured = -1.5 * (check.tolerance or 1.0)
            bad = (*checks[:i], replace(check, measured=measured), *checks[i + 1 :])
            claims = [replace(claim, evidence=lambda s, c=bad if claim.key == key else kept[claim.key]: Evidence(c))
                      for claim in every]  # fmt: skip
            monkeypatch.setattr(verification_report, "every_claim", lambda claims=claims: claims)
            report = sg.verify(net, domain, figures=False)
            assert [claim.key for claim in report.failing] == [key], (key, check.name)
            assert report.claims[0].key == key and report.claims[0].tightest.name == check.name
            assert not report.holds and report.to_dict()["holds"] is False
    assert main(["verify", str(path), "--box", "0", "1", "--quiet", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["counts"]["fails"] == 1
    assert main(["verify", str(path), "--box", "0", "1", "--quiet"]) == 1
    assert "1 fails" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "left", "words"),
    [
        ((1.0, 2.0, 4.0), 0.1, "Here high frequencies change first in relative terms"),
        ((1.0, 1.2, 1.4), 0.1, "Here no third of the frequencies changes clearly before the others"),
        ((4.0, 2.0, 1.0), 0.1, "in relative terms they change less than low ones"),
        ((1.0, 2.0, 1.6), 0.1, "Here no third of the frequencies changes clearly before the others"),
        ((1.0, 1.0, 1.0 - 1e-12), 0.1, "Here no third of the frequencies changes clearly before the others"),
        ((1.0, 2.0, 4.0), 0.8, "Noise of δ = 0.01|W| is beyond the first order here."),
    ],
)
def test_the_sentence_on_robustness_says_what_the_numbers_do(changes, left: float, words: str) -> None:
    """Nine modes of modulus 1 whose gradients have the given lengths, third by third."""
    size = np.repeat(changes, 3)
    flat = np.tile(size, (3, 1)) * np.array([[1e-7], [1e-2], [1e-1]])
    response = PerturbationResponse(
        np.array([1e-7, 1e-2, 1e-1]), np.arange(9.0)[:, None], np.ones(9), np.ones((3, 9)), flat, flat, left * flat, 24,
        2.0 * size[:, None] * np.eye(4)[0] + 0j, np.ones((3, 24, 9)) + 0j,
    )  # fmt: skip
    facts: dict[str, object] = {}
    sentence = learning._by_thirds(response, np.arange(9), facts)
    assert words in sentence and ("beyond the first order" in sentence) is (left > 0.5)
    assert "1 : " in sentence and len(facts) == 3


def test_what_has_no_class_is_said() -> None:
    """relu(x - 1/2) on [0, 1]^2 against the same: equal everywhere. One class alone: one component, in the singular."""
    same = sg.Network([[[1.0, 0.0]], [[1.0], [1.0]]], [[-0.5], [0.0, 0.0]])
    facts = curves.decision.evidence(Subject(same, box(2, 0.0, 1.0))).facts
    assert facts["components"] == 0 and facts["no class: two are equal and largest"] == "measure 1"
    ramp = sg.Network([[[1.0, 0.0]]], [[0.0]])
    facts = curves.decision.evidence(Subject(ramp, box(2))).facts
    assert facts["class 0"] == facts["class 1"] == "1 component, measure 2" and "no class" not in str(facts)


@pytest.mark.parametrize(
    ("net", "domain", "named"),
    [
        (3, sg.Box([0.0], [1.0]), "net: an int given"),
        (sg.Network([[[1.0]]], [[0.0]]), "box", "domain: str given"),
        (sg.Network([[[1.0]]], [[0.0]]), sg.Box([-1e308], [1e308]), "domain: its volume, inf, is beyond"),
        (sg.Network([[[1.0, 1.0]]], [[0.0]]), sg.Box([0, 0], [1e-200, 1e-200]), "domain: its volume, 0, is beyond"),
    ],
)
def test_what_cannot_be_verified_is_refused_at_the_door(net: Any, domain: Any, named: str) -> None:
    with pytest.raises(sg.InvalidInputError, match=named):
        sg.verify(net, domain)


@pytest.mark.parametrize("job", [sg.verify, sg.spectral_report])
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"net": 3}, "net: an int given; pass a Network"),
        ({"domain": "box"}, "domain: "),
        ({"domain": sg.Box([0, 0], [1, 1])}, "domain: has dimension 2, the network 1 inputs"),
        ({"output": 1}, "output: 1 given; the network has outputs 0 to 0"),
        ({"output": "a"}, "output: 'a' given"),
        ({"progress": 3}, "progress: 3 given"),
        ({"max_cells": "a"}, "max_cells: 'a' given"),
        ({"max_bytes": 0}, "max_bytes: 0 given"),
    ],
)
def test_both_reports_have_one_door(job: Any, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(sg.InvalidInputError, match=f"^{named}"):
        job(**{"net": sg.Network([[[1.0]]], [[0.0]]), "domain": sg.Box([0], [1]), **changes})


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"out": 3}, "out: 3 given"), ({"rng": "a"}, "rng: 'a' given"), ({"max_seconds": "a"}, "max_seconds: 'a' given")],
)
def test_arguments_of_verify_are_checked(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(sg.InvalidInputError, match=f"^{named}"):
        sg.verify(sg.Network([[[1.0]]], [[0.0]]), sg.Box([0], [1]), **changes)
