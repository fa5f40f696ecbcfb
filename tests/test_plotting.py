"""Plots: what they draw, not how it looks."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import specgeo as sg

pytest.importorskip("matplotlib", reason="needs the extra viz")
plotting = pytest.importorskip("specgeo.plotting")
facet_polygons = pytest.importorskip("specgeo._solid_map").facet_polygons


@pytest.fixture(scope="module")
def plane(random_network):
    return sg.enumerate_regions(random_network([2, 8, 6, 2], seed=3), sg.Box([-1, -2], [1, 2]))


@pytest.fixture(scope="module")
def line(random_network):
    return sg.enumerate_regions(random_network([1, 8, 6, 2], seed=3), sg.Box([-1], [1]))


def shoelace(corners):
    x, y = corners.T
    return 0.5 * float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def test_polygons_are_the_cells_counter_clockwise(plane):
    found = plotting.polygons(plane)
    assert len(found) == plane.n_cells
    np.testing.assert_allclose([shoelace(p) for p in found], plane.volumes, rtol=1e-9, atol=1e-15)


def test_vertex_values_are_the_network(plane, random_network):
    net = random_network([2, 8, 6, 2], seed=3)
    for output in (0, 1):
        np.testing.assert_allclose(
            plotting.vertex_values(plane, output), net(plane.vertices)[:, output], atol=1e-12
        )
    with pytest.raises(sg.InvalidInputError, match="output"):
        plotting.vertex_values(plane, 2)


@pytest.mark.parametrize("color", ["value", "gradient"])
def test_region_map(plane, color, tmp_path):
    figure = plotting.region_map(plane, color=color, output=1).figure
    figure.savefig(tmp_path / "map.png", dpi=40)
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    axes = figure.axes[0]
    np.testing.assert_allclose([*axes.get_xlim(), *axes.get_ylim()], [-1, 1, -2, 2])
    edges = axes.collections[-1].get_segments()
    assert len(edges) == plane.f_vector[1]


@pytest.mark.parametrize("shape", ["bent", "parallel", "one line", "flat"])
def test_a_whole_plane_fills_the_disk(shape, random_network):
    """The cells cover the disk once; points and lines stand where the formula says."""
    lines = {"parallel": [[1.0, 2.0]] * 3, "one line": [[0.0, 1.0]], "flat": [[0.0, 0.0]]}
    if shape == "bent":
        net = random_network([2, 8, 6, 1], seed=3)
    else:
        weight = np.array(lines[shape])
        net = sg.Network([weight, np.ones((1, len(weight)))], [np.arange(1.0, 1.0 + len(weight)), [0.0]])
    cx = sg.enumerate_regions(net, sg.WholeSpace(2))
    axes = cx.plot(center=[0.5, -0.25], scale=2.0)
    cells, edges = axes.collections[0].get_paths(), axes.collections[-1].get_segments() if shape != "flat" else []
    areas = [abs(shoelace(path.vertices)) for path in cells]
    assert len(cells) == cx.n_cells and sum(areas) == pytest.approx(np.pi, rel=2e-3)
    assert len(edges) == cx.f_vector[1]
    for segment, own in zip(edges, cx.points_of(1), strict=True):
        x = cx.points[own] - [0.5, -0.25]
        at = x / np.sqrt(4.0 + np.sum(x**2, axis=1, keepdims=True))
        gaps = np.linalg.norm(np.asarray(segment)[:, None] - at, axis=2).min(axis=0)
        assert gaps.max(initial=0.0) < 1e-9
        assert np.linalg.norm(segment, axis=1).max() <= 1.0 + 1e-9


def test_function_plot_passes_through_every_kink(line):
    figure = plotting.function_plot(line).figure
    drawn = figure.axes[0].lines
    assert len(drawn) == 2
    np.testing.assert_allclose(drawn[1].get_xdata(), np.sort(line.vertices[:, 0]))


def test_wrong_dimensions_are_refused(plane, line):
    actions = (plotting.region_map, line), (plotting.polygons, line), (plotting.function_plot, plane)
    for action, cx in actions:
        with pytest.raises(sg.UnsupportedError, match="slice"):
            action(cx)
    with pytest.raises(sg.InvalidInputError, match="color"):
        plotting.region_map(plane, color="rainbow")


@pytest.mark.parametrize("count", [50, 1000])
def test_spectrum_plot_guides_have_their_slopes(count):
    k = np.geomspace(0.5, 500.0, count)
    figure = plotting.spectrum_plot(np.append(k, 0.0), np.append(k**-2.5, 7.0), np.append(k**-2.4, 7.0)).figure
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    for exponent in (2, 3):
        x, y = lines[f"$k^{{-{exponent}}}$"].get_data()
        np.testing.assert_allclose(np.polyfit(np.log(x), np.log(y), 1)[0], -exponent)
    assert any("sampled" in label for label in lines)
    assert figure.axes[0].get_xlim()[0] > 0.0  # k = 0 is left out


def test_spectrum_plot_of_zeros_and_mismatched_shapes(tmp_path):
    plotting.spectrum_plot(np.arange(1.0, 9.0), np.zeros(8)).figure.savefig(tmp_path / "zero.png")
    with pytest.raises(sg.InvalidInputError, match="exact"):
        plotting.spectrum_plot(np.ones((3, 2)), np.ones(4))


def test_shell_means_against_a_loop():
    rng = np.random.default_rng(0)
    size, amplitude = rng.uniform(1.0, 100.0, 500), rng.normal(size=500)
    centers, values = plotting.shell_means(size, amplitude, 7)
    edges = np.geomspace(size.min(), size.max() * (1 + 1e-12), 8)
    for i, (center, value) in enumerate(zip(centers, values, strict=True)):
        inside = (size >= edges[i]) & (size < edges[i + 1])
        assert value == pytest.approx(np.sqrt(np.mean(amplitude[inside] ** 2)))
        assert edges[i] <= center <= edges[i + 1]


def test_without_matplotlib_the_message_names_the_extra():
    code = (
        "import sys; sys.modules['matplotlib'] = None; sys.modules['matplotlib.figure'] = None\n"
        "sys.modules['matplotlib.backends.backend_agg'] = None\n"
        "from specgeo.plotting import new_figure\n"
        "try: new_figure()\n"
        "except ImportError as e: print(type(e).__name__, e)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert out.startswith("MissingDependencyError") and "specgeo[viz]" in out


def test_axes_carry_the_numbers_of_a_slice(random_network, plane):
    where = sg.AffineSlice.axes([3, 2], np.zeros(5))
    assert where.names == ("x_3", "x_2") and sg.AffineSlice([0, 0], [[1, 1]]).names == ("t_0",)
    drawn = random_network([5, 6, 1]).restrict(where).plot(sg.Box(-1, 1, dim=2))
    assert (drawn.get_xlabel(), drawn.get_ylabel()) == ("$x_{3}$", "$x_{2}$")
    with pytest.raises(sg.InvalidInputError, match="names"):
        plotting.region_map(plane, names="xy")


def test_a_report_of_three_inputs_shows_the_solid_its_slices_and_what_is_drawn(random_network):
    from specgeo.report import AMPLITUDE, slice_maps

    where = sg.AffineSlice.axes([3, 0, 2], [0.0, 0.5, 0.0, 0.0])
    net = random_network([4, 6, 2], seed=2).restrict(where)
    report = sg.spectral_report(net, sg.Box([0, -1, -1], [1, 1, 1]), output=1, samples=8, name="mine.onnx")
    assert report.title == "mine.onnx, output 1 on [0, 1] x [-1, 1] x [-1, 1] (x_1 = 0.5)"
    assert {"solid.png", "slices.png", "spectrum.png", "report.json"} == set(report._files())
    drawn = [axes for axes in slice_maps(report.complex).figure.axes if axes.get_title()]
    assert [axes.get_title().partition(",")[0] for axes in drawn] == ["$x_{3}$ = 0.5", "$x_{0}$ = 0", "$x_{2}$ = 0"]
    assert drawn[0].get_xlabel() == "$x_{0}$" and "cos" in AMPLITUDE
    # the mean that the axis names, by midpoint sums
    s = [(np.arange(n) + 0.5) / n for n in (60, 60, 60)]
    x = np.stack(np.meshgrid(s[0], 2 * s[1] - 1, 2 * s[2] - 1, indexing="ij"), axis=-1)
    wave = np.cos(np.pi * x[..., 0]) * np.cos(np.pi * (x[..., 1] + 1))
    assert report.spectrum.exact[1, 2, 0, 0] == pytest.approx(np.mean(net(x)[..., 1] * wave), abs=2e-3)


def test_nested_slices_and_slices_off_the_axes_have_their_names(random_network):
    net = random_network([4, 6, 2], seed=2)
    plane = net.restrict(sg.AffineSlice.axes([3, 1], [0.5, 0, 0.25, 0]))
    assert plane.input_names == ("x_3", "x_1") and plane.slice_notes["slice"] == "x_0 = 0.5, x_2 = 0.25"
    line = plane.component(1).restrict(sg.AffineSlice.axes([1], [2.0, 0]))
    assert line.slice_notes == {"input_names": ["x_1"], "slice": "x_3 = 2; x_0 = 0.5, x_2 = 0.25"}
    assert plane.restrict(sg.AffineSlice([0.1, 0.2], [[1, 1]])).input_names == ("t_0",)
    assert net.slice_notes == {} and net.input_names == ("x_0", "x_1", "x_2", "x_3")
    regions = sg.paths.decision_regions(plane, sg.Box(-1, 1, dim=2)).plot()
    assert regions.get_xlabel() == "$x_{3}$" and "$x_{2}$ = 0.25" in regions.get_title()


def test_titles_edges_and_colours_are_the_callers(plane, line):
    drawn = plotting.region_map(plane, edges="red", title="a title", cmap="gray", names=("age", "dose"))
    assert drawn.get_title() == "a title" and drawn.get_xlabel() == "age"
    np.testing.assert_allclose(drawn.collections[-1].get_colors()[0][:3], [1, 0, 0])
    assert drawn.collections[0].get_cmap().name == "gray"
    assert len(plotting.region_map(plane, edges=False).collections) == 1
    assert "2 cells" in plotting.counted(2, "cell") and plotting.counted(1, "cell") == "1 cell"
    assert plotting.function_plot(line, outputs=[1], edges=False).lines[0].get_marker() in ("", "None", None)


def test_gradients_have_a_key_and_opposite_directions_differ(plane):
    drawn = plotting.region_map(plane, color="gradient")
    assert any("gradient" in inset.get_xlabel() for inset in drawn.child_axes)
    turn = 2 * np.pi * np.arange(8) / 8
    colors = plotting.gradient_colors(np.c_[np.cos(turn), np.sin(turn)], 1.0)
    assert np.linalg.norm(colors - np.roll(colors, 4, axis=0), axis=1).min() > 0.4
    assert np.linalg.norm(colors - np.roll(colors, 1, axis=0), axis=1).min() > 0.1
    np.testing.assert_allclose(plotting.gradient_colors(np.zeros((1, 2)), 1.0)[0], 0.96)


def test_a_class_map_has_a_legend_the_numbers_and_the_boundaries():
    disc = sg.Network([[[1.0, 0], [-1, 0], [0, 1], [0, -1]], [[-1.0] * 4]], [[0.0] * 4, [0.5]])
    regions = sg.paths.decision_regions(disc, sg.Box(-1, 1, dim=2))
    drawn = regions.plot()
    assert [t.get_text() for t in drawn.get_legend().get_texts()] == ["class 0: 1 component", "class 1: 1 component"]
    length = np.linalg.norm(np.diff(drawn.collections[1].get_segments(), axis=1)[:, 0], axis=1).sum()
    assert length == pytest.approx(4 * 0.5 * np.sqrt(2)) and not drawn.texts
    steps = sg.Network([[[1.0]] * 3, [[1.0, -2.0, 2.0]]], [[0.5, 0.0, -0.5], [-0.25]])  # a tooth and a slope
    wide = sg.Network([[[1.0, 0.0]] * 3, steps.weights[1]], steps.biases)
    drawn = sg.paths.decision_regions(wide, sg.Box(-1, 1, dim=2)).plot()
    assert {t.get_text() for t in drawn.texts} == {"0", "1", "2", "3"} and "4 components" in drawn.get_title()


def test_a_solid_map_shows_the_walls_that_can_be_seen(random_network):
    cx = sg.enumerate_regions(random_network([3, 5, 1], seed=2), sg.Box(-1, 1, dim=3))
    whole = plotting.solid_map(cx, cut=False)
    outer = int((cx.facets.cells[:, 1] < 0).sum())
    assert len(whole.collections[0].get_facecolors()) == outer
    apart = plotting.solid_map(cx, cut=False, explode=0.5)
    assert len(apart.collections[0].get_facecolors()) == 2 * cx.f_vector[2] - outer
    assert "cut open" in plotting.solid_map(cx).get_title()
    area = [0.5 * np.linalg.norm(np.cross(p[1:-1] - p[0], p[2:] - p[0]).sum(axis=0)) for p in facet_polygons(cx)]
    np.testing.assert_allclose(area, cx.facets.measures, rtol=1e-9)


def test_limits_in_space_are_those_of_the_corners(random_network, monkeypatch):
    """Of polygons of several lengths, whatever unfilled memory holds."""
    net, box, unfilled = random_network([3, 6, 5, 1], seed=3), sg.Box(-1, 1, dim=3), np.empty

    def noisy(shape, dtype=float, *more, **options):
        array = unfilled(shape, dtype, *more, **options)
        array[...] = 1e300 if array.dtype == float else array
        return array

    surface = sg.level_set(net, box, float(np.median(net(np.random.default_rng(0).uniform(-1, 1, (50, 3))))))
    assert len({len(ring) for ring in surface.faces}) > 1
    axes = plotting.solid_map(sg.enumerate_regions(net, box), cut=False)
    axes.clear()
    monkeypatch.setattr(np, "empty", noisy)
    surface.plot(ax=axes)
    monkeypatch.undo()
    limits = np.array([axes.get_xlim(), axes.get_ylim(), axes.get_zlim()])
    assert np.all(np.abs(limits) < 1.2)


def test_vector_files_of_three_thousand_cells_are_small():
    cx = sg.enumerate_regions(sg.testing.random_network([2, 50, 34, 1], rng=3), sg.Box(-1, 1, dim=2))
    assert cx.n_cells > 2000
    for color in ("value", "gradient"):
        assert max(len(plotting.rendered(cx.plot(color=color), kind)) for kind in ("svg", "pdf")) < 500_000


def test_a_spectrum_says_what_it_shows_and_its_ticks_can_be_read():
    k = np.random.default_rng(0).uniform(3, 30, size=(1000, 3))
    drawn = plotting.spectrum_plot(k, np.linalg.norm(k, axis=1) ** -3)
    assert drawn.get_ylabel() == r"$|\hat f(k)|$" and "radians" in drawn.get_xlabel()
    drawn.figure.canvas.draw()
    shown = [label.get_text() for label in drawn.get_xticklabels() if label.get_text()]
    assert {"10", "20", "50"} <= set(shown)
    dots = drawn.get_legend().legend_handles[0]
    assert dots.get_markersize() >= 6
