"""Areas of decision regions, summed over groups, against those of complexes and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

import specgeo as sg
from specgeo.enumeration import groups
from specgeo.paths import decision_regions
from specgeo.streaming import DecisionAreas, FVector
from specgeo.testing import random_network


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small heads and groups, for small networks."""
    for name, value in {"HEAD_CELLS": 15, "LEAST_CELLS": 6, "MOST_CELLS": 6}.items():
        monkeypatch.setattr(groups, name, value)


def areas_of(net, domain, executor=1, **options):
    classes = DecisionAreas(net, **options)
    found = sg.reduce_regions(classes.network, domain, {"classes": classes}, executor=executor)
    assert found.certificate.certified
    return found["classes"]


@pytest.mark.parametrize("kind", ["he", "integer", "zero-bias"])
@pytest.mark.parametrize("widths", [(2, 9, 9, 1), (2, 9, 9, 2), (2, 8, 8, 5), (3, 6, 5, 3), (1, 9, 9, 4)], ids=str)
def test_against_decision_regions(widths, kind):
    net, domain = random_network(widths, 1, kind), sg.Box(-1, 1, dim=widths[0])
    for smallest in (False, True):
        found, regions = areas_of(net, domain, smallest=smallest), decision_regions(net, domain, smallest=smallest)
        areas = np.bincount(regions.labels, regions.measures, minlength=max(2, widths[-1]))
        np.testing.assert_allclose(found["areas"], areas, atol=1e-12)
        assert found["ties"] == pytest.approx(regions.tie_measure, abs=1e-12)


def test_ties_are_decided_exactly():
    """Two outputs that are the same function win on half of the square, and lose against a third on the other."""
    net = sg.Network([np.eye(2), [[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]], [[0.0, 0.0], [0.0, 0.25, 0.0]])
    found = areas_of(net, sg.Box(-1, 1, dim=2))
    assert found["ties"] == pytest.approx(1.5) and found["areas"] == pytest.approx([0.0, 2.5, 0.0])
    apart = sg.Network([np.eye(2), [[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]], [[0.0, 0.0], [0.0, 0.25, 5e-324]])
    found = areas_of(apart, sg.Box(-1, 1, dim=2))
    assert found["ties"] == 0.0 and found["areas"] == pytest.approx([0.0, 2.5, 1.5])


def test_behind_maxima_on_a_polytope():
    pools = [[0, 1, 2], [3, 4], [2, 4]]
    weights = [np.random.default_rng(n).normal(size=shape) for n, shape in enumerate([(5, 2), (4, 3)])]
    net = sg.Network(weights, [np.zeros(5), np.zeros(4)], [sg.MaxGroups(pools)])
    domain = sg.Polytope([[1.0, 1.0], [-1.0, 2.0], [0.0, -3.0]], [1.0, 1.0, 1.0])
    regions = decision_regions(net, domain)
    areas = np.bincount(regions.labels, regions.measures, minlength=4)
    np.testing.assert_allclose(areas_of(net, domain)["areas"], areas, atol=1e-12)


def test_any_number_of_workers_and_a_checkpoint(tmp_path):
    net, domain = random_network((2, 12, 12, 3), 4), sg.Box(-1, 1, dim=2)
    one, two = areas_of(net, domain), areas_of(net, domain, 2)
    assert one["areas"].tobytes() == two["areas"].tobytes() and one["areas"].sum() == pytest.approx(4.0, abs=1e-12)
    for _ in range(2):
        classes = DecisionAreas(net)
        again = sg.reduce_regions(classes.network, domain, {"c": classes}, checkpoint=tmp_path / "sums.npz")["c"]
        assert again["areas"].tobytes() == one["areas"].tobytes()


def test_the_network_of_the_comparisons_is_wanted():
    net, domain = random_network((2, 6, 6, 3), 0), sg.Box(-1, 1, dim=2)
    with pytest.raises(sg.InvalidInputError, match="DecisionAreas goes through the regions of another network"):
        sg.reduce_regions(net, domain, {"c": DecisionAreas(net), "f": FVector()})
    values = DecisionAreas(net).network([[0.3, -0.2]])
    assert values == pytest.approx(net([[0.3, -0.2]]).max())
