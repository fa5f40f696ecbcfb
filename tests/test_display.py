"""Every public object shows itself: a line of text, a table and a picture in notebooks, a plot that returns Axes."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import specgeo as sg
from specgeo._display import Shown
from specgeo.benchmark.records import Comparison
from specgeo.enumeration.groups import Head
from specgeo.levels import Hypersurface
from specgeo.streaming.groups import Worker
from specgeo.theory.peaks import circle_variation
from tests.test_arguments import call_of

pytest.importorskip("matplotlib", reason="needs the extra viz")


RESULTS = {
    "ClassBounds": "class_bounds",
    "AliasReport": "alias_report", "CurveRestriction": "restrict_to_curve", "CurveFunction": "restrict_to_polyline",
    "DecayReport": "decay_report", "DecisionRegions": "decision_regions", "DirectionReport": "direction_report",
    "DirectionalExpansion": "directional_expansion", "Energy": "tail_energy", "EnergyComparison": "energy_comparison",
    "ExpectedBoundary": "expected_boundary", "Gradients": "polytope_gradients", "Kinks": "kinks",
    "LipschitzChain": "lipschitz_chain", "MarginCertificate": "certify_path", "MeshPullback": "mesh_pullback",
    "Moments": "polytope_moments", "NormalDirections": "normal_directions", "ParameterVolume": "parameter_volume",
    "PathResult": "find_path", "PeakReport": "peak_report", "PerturbationResponse": "perturbation_response",
    "PorodConstants": "porod_constants", "RadialSpectrum": "radial_spectrum", "RateReport": "rate_report",
    "RegionPath": "DecisionRegions.shortest_path", "RegionTable": "region_table", "SampledSpectrum": "sampled_spectrum",
    "ShellLaw": "shell_law", "SpectralReport": "spectral_report", "Trace": "trace_segment",
    "VerificationReport": "verify",
    "EnergySplit": "energy_split", "LocalComplexity": "local_complexity", "OscillationCosts": "oscillation_costs",
    "PathSpectrum": "path_spectrum", "RegionCounts": "region_counts",
    "LevelSet": "level_set", "DecisionBoundary": "decision_boundary",
    "Reduction": "reduce_regions",
    "NeighbourEdges": "neighbour_edges", "SurfaceFunction": "restrict_to_surface",
    "RegionStatistics": "region_statistics", "SpectralBias": "spectral_bias",
}  # fmt: skip
"""Class of a result -> a callable of the table of tests.test_arguments that returns one."""
PICTURED = {
    "Comparison",
    *("AliasReport", "Box", "Check", "CurveFunction", "CurveRestriction", "DecayReport", "DecisionRegions"),
    *("DirectionReport", "DirectionalExpansion", "EnergyComparison", "ExpectedBoundary", "LipschitzChain"),
    *("MarginCertificate", "NormalDirections", "ParameterVolume", "PathResult", "PeakReport", "PerturbationResponse"),
    *("PolyhedralComplex", "Polytope", "RadialSpectrum", "RateReport", "RegionPath", "RegionTable", "SampledSpectrum"),
    *("EnergySplit", "OscillationCosts", "PathSpectrum", "RegionCounts", "RegionStatistics", "SpectralBias"),
    *("ClassBounds", "DecisionBoundary", "LevelSet", "LocalComplexity", "ShellLaw", "SpectralReport"),
    *("SpectrumTracker", "SurfaceFunction", "Trace", "VerificationReport", "WholeSpaceComplex"),
}
"""Classes whose ``plot()`` needs no argument; that of a Network takes a domain, all others say that there is none."""


def shown_classes() -> dict[str, type]:
    """Every public class, and every class of results that the package has."""
    for module in pkgutil.walk_packages(sg.__path__, "specgeo."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    rooms = (sg, sg.theory, sg.fourier, sg.geometry, sg.paths, sg.readers, sg.plotting, sg.testing, sg.verification,
             sg.learning, sg.streaming)
    public = [getattr(room, name) for room in rooms for name in room.__all__]
    found = [kind for kind in public if isinstance(kind, type) and not issubclass(kind, Exception)]
    left = [Shown]
    while left:
        left += (more := left.pop().__subclasses__())
        found += more
    protocols = {sg.streaming.Reducer, sg.theory.ClosedCurve, sg.results.Result, Hypersurface}  # only children are seen
    return {kind.__name__: kind for kind in found if kind not in protocols}


@pytest.fixture(scope="module")
def objects(random_network):
    net = random_network([2, 8, 3], seed=1)
    cx = sg.enumerate_regions(net, sg.Box(-1, 1, dim=2))
    line = sg.enumerate_regions(random_network([1, 8, 1]), sg.Box([-1], [1]))
    solid = sg.enumerate_regions(random_network([3, 4, 1]), sg.Box(-1, 1, dim=3))
    made = {name: function(**arguments) for name, (function, arguments) in
            ((name, call_of(key)) for name, key in RESULTS.items())}  # fmt: skip
    space = sg.enumerate_regions(net, sg.WholeSpace(2))
    tracker = sg.SpectrumTracker(sg.Box([-1], [1]), np.arange(4)[:, None])
    for step in range(2):
        tracker.record(step, random_network([1, 8, 1], seed=step))
    stored = Comparison.of(json.loads((Path(__file__).parent.parent / "benchmarks" / "performance.json").read_text()))
    return made | {
        "Comparison": stored, "Run": stored.runs[0], "Census": stored.degenerate[0],
        "TransformRun": stored.transforms[0], "SpectrumRun": stored.spectra[0],
        "Network": net,
        "PolyhedralComplex": cx,
        "WholeSpace": space.domain,
        "WholeSpaceComplex": space,
        "UnboundedLattice": sg.geometry.UnboundedLattice(space.cone),
        "line": line,
        "solid": solid,
        "Box": sg.Box(-1, 1, dim=2),
        "interval": sg.Box([0], [1]),
        "cube": sg.Box(-1, 1, dim=3),
        "many sides": sg.Box(-1, 1, dim=50),
        "Polytope": sg.Polytope.from_vertices([[0, 0], [2, 0], [0, 1]]),
        "tetrahedron": sg.Polytope.from_vertices(np.eye(4)[:, :3]),
        "AffineSlice": sg.AffineSlice.axes([1, 0], [0.0, 0.0]),
        "points": line.level_set(float(line.means.mean())),
        "surface": solid.level_set(float(solid.means.mean())),
        "Polyline": sg.Polyline([[0, 0], [1, 1]]),
        "Activation": net.activations[0],
        "NeuronActivations": sg.NeuronActivations([sg.Activation.relu(), sg.Activation.identity()], [0, 1] * 100),
        "MaxGroups": sg.MaxGroups([range(100), [1, 2]]),
        "Cell": cx[0],
        "Certificate": cx.certificate,
        "Reproof": line.reprove(),
        "Facets": cx.facets,
        "Patterns": cx.signs,
        "Ragged": cx.faces[0],
        "FaceLattice": sg.geometry.FaceLattice(cx.vertices, cx.faces),
        "DirectionalClass": made["DirectionalExpansion"].classes[0],
        "RegionBound": made["RegionTable"].bounds[0],
        "Check": made["LipschitzChain"].checks[0],
        "Claim": made["VerificationReport"].claims[0],
        "CircleVariation": circle_variation(line),
        "PetalCurve": sg.theory.PetalCurve(3),
        "SpectrumTracker": tracker,
        "Sines": sg.learning.Sines([1.0, 2.0], [1.0, 3.0]),
        "RegionGroup": next(Worker(Head(net, sg.Box(-1, 1, dim=2))).groups(0)),
        **{name: getattr(sg.streaming, name)() for name in ("FVector", "Jumps", "Lipschitz", "Volumes")},
        "Spectrum": sg.streaming.Spectrum([[1.0, 2.0]]),
        "FourierCoefficients": sg.streaming.FourierCoefficients([[0, 1]]),
        "DecisionAreas": sg.streaming.DecisionAreas(net),
        "long radial": sg.radial_spectrum(line, np.linspace(1, 9, 200)),
    }


def test_every_class_is_walked(objects):
    classes = shown_classes()
    assert set(classes) <= set(objects)
    assert all(type(objects[name]).__name__ == name for name in classes)


def test_every_repr_is_short(objects):
    for name, value in objects.items():
        lines = repr(value).splitlines()
        assert len(lines) == 1 and len(lines[0]) <= 200, name
        assert repr(value).startswith((f"{type(value).__name__}(", "<")), name
    assert repr(objects["many sides"]) == "Box(-1.0, 1.0, dim=50)"
    assert "power=<(200, 1)>" in repr(objects["long radial"])
    assert "claims" not in repr(objects["SpectralReport"]) and "0 fails" in repr(objects["SpectralReport"])


def test_everything_is_drawn_or_says_that_it_cannot(objects):
    for name, value in objects.items():
        if type(value).__name__ in PICTURED:
            assert value.plot().has_data() if "dim=50" not in repr(value) else True, name
        elif isinstance(value, Shown):
            with pytest.raises(sg.UnsupportedError, match="no figure of its own"):
                value.plot()
            assert "<table>" in value._repr_html_(), name


PICTURES = ["PolyhedralComplex", "WholeSpaceComplex", "line",
            "solid", "Box", "interval", "cube", "Polytope", "tetrahedron",
            "RadialSpectrum", "DecisionRegions", "SampledSpectrum", "DirectionalExpansion", "Trace",
            "LevelSet", "DecisionBoundary", "points", "surface"]  # fmt: skip


def test_every_plot_returns_its_axes_and_draws_into_given_ones(objects):
    from specgeo.plotting import new_figure

    for name in PICTURES:
        drawn = objects[name].plot()
        assert drawn.has_data() and drawn.get_xlabel(), name
        if not hasattr(drawn, "get_zlim"):
            own = new_figure()[1]
            assert objects[name].plot(ax=own) is own and own.has_data(), name
        else:
            with pytest.raises(sg.InvalidInputError, match="ax: .*3d"):
                objects[name].plot(ax=new_figure()[1])
    drawn = objects["Network"].plot(sg.Box(-1, 1, dim=2), output=1, title="mine")
    assert drawn.get_title() == "mine"
    with pytest.raises(sg.UnsupportedError, match="slice"):
        sg.Network([np.ones((1, 4))], [[0.0]]).plot(sg.Box(-1, 1, dim=4))
    with pytest.raises(sg.UnsupportedError, match="1 to 3"):
        sg.Box(-1, 1, dim=4).plot()


def test_notebooks_get_a_table_and_a_picture(objects):
    for name in [*PICTURES, "Network", "Moments", "many sides"]:
        shown = objects[name]._repr_html_()
        assert shown.startswith("<div><code>") and "<table>" in shown and len(shown) < 300_000, name
        assert ("data:image/png" in shown) == (name in PICTURES), name
    assert "<svg" in objects["Network"]._repr_html_()
    rows = dict(re.findall(r"<th[^>]*>(\w+)</th><td>([^<]*)", objects["PolyhedralComplex"]._repr_html_()))
    assert rows["n_cells"] == str(objects["PolyhedralComplex"].n_cells) and rows["dim"] == "2"


def test_lengths_and_layers(objects):
    cx, net = objects["PolyhedralComplex"], objects["Network"]
    assert len(cx) == cx.n_cells and bool(cx) and len(objects["long radial"]) == 200
    assert len(net) == 2 and np.array_equal(net[-1][0], net.weights[-1])
    assert [bias.shape for _, bias in net] == [(8,), (3,)]


def test_a_complex_is_a_sequence_of_its_cells(objects):
    for cx in (objects["PolyhedralComplex"], objects["line"], objects["solid"]):
        cells, sides = list(cx), cx.facet_cells
        assert len(cells) == cx.n_cells and cells[-1].number == cx[-1].number == cx.n_cells - 1
        assert sum(cell.volume for cell in cells) == pytest.approx(cx.domain.volume)
        for cell in cells:
            assert cx.locate(cell.centroid) == cell.number
            np.testing.assert_allclose(cell.gradient @ cell.centroid + cell.offset, cx(cell.centroid), atol=1e-12)
            beyond = {int(b) for a, b in [*sides.tolist(), *sides[:, ::-1].tolist()] if a == cell.number and b >= 0}
            assert set(cell.neighbours.tolist()) == beyond and len(cell.facets) >= max(len(beyond), 2)
            assert np.array_equal(cell.signs, cx.sign_vectors[cell.number])
            assert {tuple(x) for x in cell.vertices} <= {tuple(x) for x in cx.vertices} and cell.vertices.ndim == 2
        with pytest.raises(IndexError, match=f"cell {cx.n_cells} of"):
            cx[cx.n_cells]
    report = objects["VerificationReport"]
    assert tuple(report) == report.claims and len(report) == len(report.claims)
    assert len(objects["DecisionRegions"]) == objects["DecisionRegions"].n_components
