"""Sums over the regions of all of R^d, group by group, against the complex that holds them all."""

from __future__ import annotations

import numpy as np
import pytest

import specgeo as sg
from specgeo.enumeration import groups
from specgeo.streaming import DecisionAreas, FourierCoefficients, FVector, Jumps, Lipschitz, Spectrum, Volumes
from specgeo.testing import random_network


@pytest.fixture
def small(monkeypatch):
    """Small heads and groups, for small networks."""
    for name, value in {"HEAD_CELLS": 20, "LEAST_CELLS": 6, "MOST_CELLS": 6}.items():
        monkeypatch.setattr(groups, name, value)


def check(net, **options):
    space = sg.WholeSpace(net.input_dim)
    cx = sg.enumerate_regions(net, space)
    found = sg.reduce_regions(net, space, {"faces": FVector(), "slopes": Lipschitz()}, **options)
    assert found["faces"] == cx.f_vector and found.certificate.certified
    norms = np.linalg.norm(cx.gradients, axis=2).max(axis=0)
    np.testing.assert_allclose(found["slopes"]["outputs"], norms, rtol=1e-9)
    return found


@pytest.mark.parametrize("kind", ["he", "integer", "zero-bias", "duplicated"])
@pytest.mark.parametrize("widths", [(1, 9, 9, 1), (2, 9, 9, 2), (3, 6, 6, 1), (2, 5, 5, 5, 1)], ids=str)
def test_groups_give_what_the_whole_complex_has(widths, kind, small):
    check(random_network(widths, 2, kind), executor=1)


def test_counts_that_are_known(small):
    """Networks of the peers', and simple arrangements: C(n, 0) + ... + C(n, d) regions (Zaslavsky 1975)."""
    for widths, regions in (((2, 16, 16, 1), 450), ((2, 32, 32, 1), 2_034), ((3, 16, 16, 1), 4_297)):
        found = sg.reduce_regions(random_network(widths, 0), sg.WholeSpace(widths[0]), {"f": FVector()})
        assert found["f"][-1] == regions and found.n_groups > 3
    assert check(random_network((3, 9, 1), 0))["faces"] == (84, 36 * 8, 9 * 37, 1 + 9 + 36 + 84)


def test_lineality_and_odd_networks(small):
    """Parallel lines have no vertices; an affine function has one region; hard tanh bends twice; maxima."""
    stripes = sg.Network([[[1.0, 2.0]] * 7, np.ones((1, 7))], [np.arange(7.0), [0.0]])
    assert check(stripes)["faces"] == (0, 7, 8)
    assert check(sg.Network([[[1.0, 2.0]]], [[0.5]]))["faces"] == (0, 0, 1)
    check(random_network((2, 6, 6, 1), 3, activation="hard_tanh"), max_bytes=10**9)
    pools = sg.MaxGroups([[0, 1, 2], [2, 3], [4, 5]])
    check(sg.Network([np.random.default_rng(0).normal(size=(6, 2)), np.ones((1, 3))], [np.zeros(6), [0.0]], [pools]))


def test_any_number_of_workers_and_a_checkpoint(small, tmp_path):
    net, space, asked = random_network((2, 16, 16, 1), 0), sg.WholeSpace(2), {"f": FVector(), "l": Lipschitz()}
    path, found = tmp_path / "sums.npz", [check(net, executor=n) for n in (1, 2)]
    assert found[0]["slopes"]["all"] == found[1]["slopes"]["all"] and found[0].certificate == found[1].certificate
    first = sg.reduce_regions(net, space, asked, checkpoint=path)
    assert sg.reduce_regions(net, space, asked, checkpoint=path)["f"] == first["f"] == found[0]["faces"]
    with pytest.raises(sg.InvalidInputError, match="checkpoint: .* belongs to another"):
        sg.reduce_regions(net, sg.Box(-1, 1, dim=2), asked, checkpoint=path)


def test_what_needs_a_bounded_domain_says_so():
    net, space = random_network((2, 4, 1), 0), sg.WholeSpace(2)
    for reducer in (Volumes(), Jumps(), Spectrum([[0.0, 1.0]]), FourierCoefficients([[0, 1]]), DecisionAreas(net)):
        with pytest.raises(sg.DomainError, match="reducers: 'r' is a .* which needs a bounded domain"):
            sg.reduce_regions(net, space, {"f": FVector(), "r": reducer})
    with pytest.raises(sg.DomainError, match="domain: dimension 3"):
        sg.reduce_regions(net, sg.WholeSpace(3), {"f": FVector()})
