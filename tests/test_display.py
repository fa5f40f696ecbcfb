"""Every public object shows itself: a line of text, a table and a picture in notebooks, a plot that returns Axes."""

from __future__ import annotations

import re
from dataclasses import is_dataclass

import numpy as np
import pytest

import specgeo as sg
from specgeo._display import Shown
from specgeo.fourier import polytope_gradients, polytope_moments, porod_constants, sampled_spectrum, tail_energy

pytest.importorskip("matplotlib", reason="needs the extra viz")


@pytest.fixture(scope="module")
def objects(random_network):
    net = random_network([2, 8, 3], seed=1)
    cx = sg.enumerate_regions(net, sg.Box(-1, 1, dim=2))
    line = sg.enumerate_regions(random_network([1, 8, 1]), sg.Box([-1], [1]))
    solid = sg.enumerate_regions(random_network([3, 4, 1]), sg.Box(-1, 1, dim=3))
    return {
        "network": net,
        "plane": cx,
        "line": line,
        "solid": solid,
        "box": sg.Box(-1, 1, dim=2),
        "interval": sg.Box([0], [1]),
        "cube": sg.Box(-1, 1, dim=3),
        "many sides": sg.Box(-1, 1, dim=50),
        "polygon": sg.Polytope.from_vertices([[0, 0], [2, 0], [0, 1]]),
        "tetrahedron": sg.Polytope.from_vertices(np.eye(4)[:, :3]),
        "slice": sg.AffineSlice.axes([1, 0], [0.0, 0.0]),
        "polyline": sg.Polyline([[0, 0], [1, 1]]),
        "activation": sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]]).activations[0],
        "certificate": cx.certificate,
        "proof": line.reprove(),
        "facets": cx.facets,
        "radial": sg.radial_spectrum(line, np.linspace(1, 9, 200)),
        "moments": polytope_moments([[0, 0], [2, 0], [0, 1]]),
        "porod": porod_constants(line),
        "gradients": polytope_gradients([[0, 0], [2, 0], [0, 1]], np.ones((50, 2))),
        "sampled": sampled_spectrum(line, 16),
        "energy": tail_energy(line, [[3], [4]]),
        "rays": sg.directional_expansion(cx, [1.0, 0.0]),
        "decisions": sg.paths.decision_regions(net, sg.Box(-1, 1, dim=2)),
        "bounds": sg.theory.region_bounds(2, [8]),
    }


def test_every_repr_is_short(objects):
    for name, value in objects.items():
        lines = repr(value).splitlines()
        assert len(lines) <= 10 and max(map(len, lines)) <= 200, name
        if isinstance(value, Shown):
            assert is_dataclass(value) and len(lines) == 1, name
            assert repr(value).startswith(f"{type(value).__name__}("), name
    assert repr(objects["many sides"]) == "Box(-1.0, 1.0, dim=50)"
    assert "power=<(200, 1)>" in repr(objects["radial"])


PICTURES = ["plane", "line", "solid", "box", "interval", "cube", "polygon", "tetrahedron", "radial", "decisions"]


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
    drawn = objects["network"].plot(sg.Box(-1, 1, dim=2), output=1, title="mine")
    assert drawn.get_title() == "mine"
    with pytest.raises(sg.UnsupportedError, match="slice"):
        sg.Network([np.ones((1, 4))], [[0.0]]).plot(sg.Box(-1, 1, dim=4))
    with pytest.raises(sg.UnsupportedError, match="1 to 3"):
        sg.Box(-1, 1, dim=4).plot()


def test_notebooks_get_a_table_and_a_picture(objects):
    for name in [*PICTURES, "network", "moments", "many sides"]:
        shown = objects[name]._repr_html_()
        assert shown.startswith("<div><code>") and "<table>" in shown and len(shown) < 300_000, name
        assert ("data:image/png" in shown) == (name in PICTURES), name
    assert "<svg" in objects["network"]._repr_html_()
    rows = dict(re.findall(r"<th[^>]*>(\w+)</th><td>([^<]*)", objects["plane"]._repr_html_()))
    assert rows["n_cells"] == str(objects["plane"].n_cells) and rows["dim"] == "2"


def test_lengths_and_layers(objects):
    cx, net = objects["plane"], objects["network"]
    assert len(cx) == cx.n_cells and bool(cx) and len(objects["radial"]) == 200
    assert len(net) == 2 and np.array_equal(net[-1][0], net.weights[-1])
    assert [bias.shape for _, bias in net] == [(8,), (3,)]
