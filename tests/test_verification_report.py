"""The verification report: verdicts, order, files, and that it notices what is wrong."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import specgeo as sg
from specgeo.enumeration import groups
from specgeo.fourier import spectra
from specgeo.report import spectral_report
from specgeo.results import Check
from specgeo.testing import random_network
from specgeo.theory import energy_comparison, low_pass_check, restrict_to_curve
from specgeo.theory.manifolds import PetalCurve
from specgeo.verification import report as verification_report
from specgeo.verification.claim import CLAIMS, Evidence
from specgeo.verification.claims import every_claim
from specgeo.verification.html import page as render
from specgeo.verification.subject import Subject

KEYS = {claim.key for claim in every_claim()}


class Balanced(HTMLParser):
    """Fails on tags that are not closed in order."""

    void = {"meta", "br", "img"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def plane() -> sg.Network:
    return random_network([2, 10, 8, 1], 1)


def test_a_plane_network_passes_and_is_written(plane: sg.Network, tmp_path: Path) -> None:
    steps: list[tuple[str, float]] = []
    report = sg.verify(plane, sg.Box([-1, -1], [1, 1]), tmp_path / "deep" / "er", lambda s, p: steps.append((s, p)))
    assert report.holds and not report.failing
    assert {claim.key for claim in report.claims} == KEYS
    assert {claim.status for claim in report.claims} == {"holds", "observed"}
    assert [claim.key for claim in report.claims if claim.status == "observed"] == ["shells", "robustness"]
    assert [p for _, p in steps] == sorted(p for _, p in steps) and steps[-1][1] == 1.0
    stored = json.loads((tmp_path / "deep" / "er" / "verify.json").read_text())
    assert stored["holds"] is True and len(stored["claims"]) == len(KEYS)
    for claim in stored["claims"]:
        for check in claim["checks"]:
            assert {"measured", "bound", "slack", "holds", "statement"} <= check.keys()
    page = (tmp_path / "deep" / "er" / "verify.html").read_text()
    Balanced().feed(page)
    assert not re.search(r'(src|href)="(?!data:image/png;base64,|#)', page) and "<script" not in page
    figures = {claim.key: claim.figure for claim in report.claims if claim.figure is not None}
    assert render(stored, figures) == page  # the page needs the stored numbers and the pictures alone
    assert page.count("data:image/png;base64,") == sum(claim.figure is not None for claim in report.claims) >= 9
    assert str(report).startswith("Network(2-10-8-1, relu)")


@pytest.mark.parametrize(
    ("widths", "kind"),
    [([1, 8, 8, 1], "he"), ([1, 6, 1], "zero-bias"), ([2, 6, 6, 3], "integer"), ([3, 5, 4, 1], "he")],
)
def test_every_check_holds_in_other_shapes(widths: list[int], kind: str) -> None:
    net, dim = random_network(widths, 3, kind), widths[0]
    report = sg.verify(net, sg.Box([-1.0] * dim, [1.0] * dim), figures=False, output=widths[-1] - 1)
    assert report.holds, "\n".join(str(check) for claim in report.failing for check in claim.checks if not check.holds)
    assert all(claim.figure is None for claim in report.claims)


def test_constant_and_affine_networks() -> None:
    for weight in ([[0.0, 0.0]], [[1.0, -2.0]]):
        report = sg.verify(sg.Network([weight], [[0.5]]), sg.Box([-1, -1], [1, 1]))
        assert report.holds, str(report)


def test_claims_apply_where_their_mathematics_does() -> None:
    """On a polytope what needs a box is checked on a cube inside; other activations are no obstacle."""
    triangle = sg.Polytope.from_vertices([[0, 0], [1, 0], [0, 1]])
    leaky = sg.Network([[[1.0, 1.0], [1.0, -1.0]], [[1.0, 1.0]]], [[0.0, 0.1], [0.0]], "leaky_relu")
    for net, domain in ((random_network([2, 6, 1], 0), triangle), (leaky, sg.Box([-1, -1], [1, 1]))):
        report = sg.verify(net, domain, figures=False)
        assert report.holds and {claim.status for claim in report.claims} == {"holds", "observed"}
    cube = Subject(leaky, triangle).box
    assert np.all(triangle.A @ cube.vertices.T <= triangle.b[:, None]) and cube.volume > 0.15
    with_one = sg.verify(sg.Network([[[1.0]]], [[0.0]]), sg.Box([-1], [1]), figures=False)
    assert with_one["manifold"].status == with_one["volume"].status == "not applicable"
    assert "needs a plane" in with_one["manifold"].skipped and "no hidden layer" in with_one["volume"].skipped
    with pytest.raises(sg.InvalidInputError, match="domain"):
        sg.verify(leaky, sg.Box([0], [1]))
    with pytest.raises(sg.InvalidInputError, match="output"):
        sg.verify(leaky, sg.Box([0, 0], [1, 1]), output=1)
    for seed in (-1, 0.5, "a"):
        with pytest.raises(sg.InvalidInputError, match="rng: .*(0 or more|whole number)"):
            sg.verify(leaky, sg.Box([0, 0], [1, 1]), rng=seed)


def test_budgets_and_folders_are_kept(plane: sg.Network, tmp_path: Path) -> None:
    box = sg.Box([-1, -1], [1, 1])
    with pytest.raises(sg.BudgetError, match="max_cells: more than 5"):
        sg.verify(plane, box, max_cells=5)
    with pytest.raises(sg.BudgetError, match="max_bytes"):
        sg.verify(plane, box, max_bytes=1000)
    cells = sg.enumerate_regions(plane, box).n_cells
    compact = Subject(plane, box, max_cells=cells)
    assert compact.complex.n_cells == cells
    for _ in range(2):  # the second time from memory
        with pytest.raises(sg.BudgetError, match=f"more than {cells}"):
            _ = compact.compact  # the clamp cuts more
    (tmp_path / "file").touch()
    with pytest.raises(sg.InvalidInputError, match="out: .*another folder"):
        sg.verify(plane, box, tmp_path / "file")
    with pytest.raises(sg.BudgetError, match="max_bytes"):
        spectral_report(plane, box, max_bytes=1000)


def test_a_failing_claim_comes_first_and_shows(plane: sg.Network, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(subject: Subject) -> Evidence:
        return Evidence([Check("made.up", "2 <= 1 & <b>", 2.0, 1.0), Check("fine", "0 <= 1", 0.0, 1.0)])

    wrong = replace(CLAIMS["lipschitz"], key="broken", title="A wrong claim", evidence=broken)
    monkeypatch.setattr(verification_report, "every_claim", lambda: (CLAIMS["lipschitz"], wrong))
    report = sg.verify(plane, sg.Box([-1, -1], [1, 1]), figures=False)
    assert not report.holds and report.claims[0].key == "broken" and report.claims[0].status == "fails"
    assert report.to_dict()["holds"] is False
    page = report.to_html()
    assert "1 of 2 claims fail" in page and page.index("A wrong claim") < page.index("Lipschitz constant and")
    assert "&lt;b&gt;" in page and "2 <= 1 & <b>" not in page
    assert report.claims[0].tightest is report.claims[0].checks[0]


@pytest.mark.parametrize("damage", ["gradient", "offset", "volume"])
def test_a_damaged_complex_is_caught(plane: sg.Network, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    good = sg.enumerate_regions(plane, sg.Box([-1, -1], [1, 1]))
    gradients, offsets, vertices = good.gradients.copy(), good.offsets.copy(), good.vertices.copy()
    if damage == "gradient":
        gradients[3] *= 1.001
    elif damage == "offset":
        offsets[5] += 1e-3
    else:
        vertices[np.argmin(np.abs(vertices).sum(axis=1))] += 1e-3
    bad = replace(good, pieces=(gradients, offsets), vertices=vertices)
    monkeypatch.setattr("specgeo.verification.subject.enumerate_regions", lambda *args, **kwargs: bad)
    monkeypatch.setattr(verification_report, "every_claim", lambda: (CLAIMS["complex"],))
    report = sg.verify(plane, sg.Box([-1, -1], [1, 1]), figures=False)
    checks = {check.name: check for check in report.claims[0].checks}
    assert not report.holds and checks["complex.self-checks"].details["failure"]


def test_reports_repeat(plane: sg.Network) -> None:
    first, second = (sg.verify(plane, sg.Box([-1, -1], [1, 1]), rng=4, figures=False) for _ in range(2))
    assert numbers_of(first) == numbers_of(second)


class Pool(ThreadPoolExecutor):
    """Counts what it is given."""

    tasks = 0

    def submit(self, *task: Any) -> Any:  # type: ignore[override]
        self.tasks += 1
        return super().submit(*task)


def test_whoever_does_the_work_the_report_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """With work so divided that there is something to hand out."""
    monkeypatch.setattr(spectra, "BLOCK", 5000)
    monkeypatch.setattr(groups, "GLUED_FACES", 100)
    monkeypatch.setattr(groups, "MOST_CELLS", 7)
    keys = ("complex", "decay", "mirror")
    monkeypatch.setattr(verification_report, "every_claim", lambda: tuple(CLAIMS[key] for key in keys))
    net, domain = random_network([2, 9, 9, 1], 0), sg.Box([-1, -1], [1, 1])
    asked = {"figures": False, "max_seconds": 1e6}
    with Pool(2) as pool:
        found = [numbers_of(sg.verify(net, domain, executor=one, **asked)) for one in (None, 1, 2, pool)]
        assert pool.tasks > 20
    assert all(one == found[0] for one in found)
    for wrong in (0, "two", True):
        with pytest.raises(sg.InvalidInputError, match="executor: "):
            sg.verify(net, domain, executor=wrong)


def numbers_of(report: sg.verification.VerificationReport) -> dict[str, Any]:
    """All that is in a report but times."""
    stored = report.to_dict()
    stored.pop("seconds")
    for claim in stored["claims"]:
        claim.pop("seconds")
        claim["facts"].pop("certificate", None)
    return stored


def test_what_was_sampled_can_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ``default_rng`` takes serves; the seed in the report repeats it; the old name of the argument warns."""
    net, line = random_network([1, 3, 1], 0), sg.Box([-1], [1])
    monkeypatch.setattr(verification_report, "every_claim", lambda: (CLAIMS["decay"],))

    def numbers(report: sg.verification.VerificationReport) -> list[float]:
        return [check.measured for check in report["decay"].checks]

    for rng in (7, np.int64(7), np.random.SeedSequence(7), np.random.default_rng(7), None):
        report = sg.verify(net, line, rng=rng, figures=False)
        with pytest.warns(DeprecationWarning, match="^seed= is now rng=;"):
            assert numbers(report) == numbers(sg.verify(net, line, seed=report.seed, figures=False))
        assert report.seed == 7 or not isinstance(rng, (int, np.integer))


def test_claims_stand_in_one_order_and_have_one_name() -> None:
    keys = [claim.key for claim in every_claim()]
    assert keys[0] == "complex" and len(set(keys)) == len(keys) == len(CLAIMS)
    assert all(claim.title and claim.source and claim.statement and not claim.checks for claim in every_claim())


def test_energy_tails_against_sums(plane: sg.Network) -> None:
    box, curve = sg.Box([-1.6, -1.6], [1.6, 1.6]), PetalCurve(4)
    cx = sg.enumerate_regions(plane, box)
    restriction = restrict_to_curve(plane, curve, 600)
    tails = energy_comparison(cx, restriction, curve, [1, 3, 10])
    # Latent: the tail beyond n is what Parseval leaves, so it agrees with the sum of the modes beyond.
    modes = np.arange(10, 30_000)
    beyond = 2 * np.sum(np.abs(restriction.fourier_coefficients(modes)[:, 0]) ** 2)
    variance = restriction.function.mean_square[0] - restriction.function.mean[0] ** 2
    assert tails.latent_tail[2] == pytest.approx(beyond / variance, rel=1e-6)
    # In the plane: a Riemann sum of the variance, and the energy below 10 from a cosine transform of samples.
    from scipy.fft import dctn

    n = 512
    centres = (np.arange(n) + 0.5) / n * 3.2 - 1.6
    image = plane(np.stack(np.meshgrid(centres, centres, indexing="ij"), -1))[..., 0]
    coefficients = dctn(image, norm="ortho") / n
    k = np.hypot(*np.meshgrid(np.arange(n) * np.pi / 3.2, np.arange(n) * np.pi / 3.2, indexing="ij"))
    assert tails.same_tail[2] == pytest.approx(np.sum(coefficients[k >= 10] ** 2) / np.var(image), rel=2e-2)
    assert tails.latent_tail[0] == pytest.approx(1.0) and np.all(np.diff(tails.latent_tail) < 0)
    with pytest.raises(sg.InvalidInputError, match="modes"):
        energy_comparison(cx, restriction, curve, [0])


def test_low_pass_part_cannot_reach_high_latent_modes(plane: sg.Network) -> None:
    cx = sg.enumerate_regions(plane, sg.Box([-1.6, -1.6], [1.6, 1.6]))
    for petals in (0, 3, 9):
        check = low_pass_check(cx, PetalCurve(petals), 8.0)
        assert check.holds and check.details["rms"] > 0.1
    with pytest.raises(sg.DomainError, match="Box"):
        triangle = sg.enumerate_regions(plane, sg.Polytope.from_vertices([[0, 0], [1, 0], [0, 1]]))
        low_pass_check(triangle, PetalCurve(0), 8.0)


def test_public_names_load_on_first_use() -> None:
    import subprocess
    import sys

    import specgeo.theory as theory

    for name in dir(theory):
        assert getattr(theory, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        theory.no_such_name  # noqa: B018
    code = "import sys, specgeo.theory; sys.exit('numba' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_page_explains_its_words_and_its_figures_have_legends(plane: sg.Network) -> None:
    from specgeo.results import axes
    from specgeo.verification.glossary import TERMS, linked

    assert linked("a facet, two <b>facets</b>") == '<a class="term" href="#term-facet">facet</a>'.join(
        ("a ", ", two <b>facets</b>")
    )
    report = sg.spectral_report(plane, sg.Box([-1, -1], [1, 1]), samples=8)
    page = report.to_html()
    assert set(re.findall(r'href="#(term-[^"]*)"', page)) <= set(re.findall(r'id="(term-[^"]*)"', page))
    assert len(re.findall(r'<dt id="term-', page)) == len(TERMS) and "Gauges are linear" in page
    gauges = re.findall(r'width:(\d+)%"></i></div><span>([\d.]+)</span>', page)
    assert gauges and all(abs(int(width) - 100 * min(float(share), 1.0)) <= 1 for width, share in gauges)
    table = sg.theory.region_table(plane, report.complex).plot(axes())
    names = [label.get_text() for label in table.get_yticklabels()]
    assert "Montúfar et al. 2014, Thm 5" in names and not any("montufar" in name for name in names)
    assert {t.get_text() for t in table.get_legend().get_texts()} == {"lower", "upper", "this network"}


def test_polygons_and_hulls_are_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.spatial import ConvexHull
    from shapely import Polygon

    monkeypatch.setattr(verification_report, "every_claim", lambda: (CLAIMS["complex"],))
    net, corners = random_network([2, 4, 1], 0), np.array([[0, 0], [1, 0], [0, 1]], dtype=float)
    for domain in (Polygon(corners), ConvexHull(corners)):
        report = sg.verify(net, domain, figures=False)
        assert report.domain == "Polytope(3 half-spaces in dimension 2)" and report["complex"].holds
        assert sg.theory.clamp_to_support(net, domain, 4.0)([[0.5, 0.5]])[0, 0] == pytest.approx(0.0, abs=1e-12)
