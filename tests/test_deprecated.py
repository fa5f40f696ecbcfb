"""Old names work for a release, and warn at the line that uses them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

import specgeo as sg
from specgeo import _deprecated
from specgeo.testing import random_network


def test_arguments_under_an_old_name():
    with pytest.warns(DeprecationWarning, match="^seed= is now rng=; seed= goes in 0.3$") as caught:
        old = random_network([2, 3, 1], seed=5)
    assert caught[0].filename == __file__
    assert np.array_equal(old.weights[0], random_network([2, 3, 1], rng=5).weights[0])
    with pytest.raises(sg.InvalidInputError, match="seed, rng: .*pass rng alone"):
        random_network([2, 3, 1], seed=5, rng=5)


def test_functions_under_an_old_name():
    def new(x: int) -> int:
        return x + 1

    old = _deprecated.renamed("old", new)
    with pytest.warns(DeprecationWarning, match="^old is now new; old goes in 0.3$") as caught:
        assert old(1) == 2
    assert caught[0].filename == __file__ and old.__name__ == "old"


def test_the_proof_of_a_complex():
    tent = sg.Network([[[1.0], [1.0]], [[1.0, -2.0]]], [[1.0, 0.0], [0.0]])
    cx = sg.enumerate_regions(tent, sg.Box([-2], [2]))
    with pytest.warns(DeprecationWarning, match="^verify_certificate is now reprove;"):
        assert cx.verify_certificate().proved == cx.reprove().proved


def test_metadata_of_a_complex_are_its_fields():
    net = random_network([2, 4, 1], 0)
    cx = replace(sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1])), notes={"note": "mine"})
    with pytest.warns(DeprecationWarning, match=r"^PolyhedralComplex.metadata is now its parts: layers, .* in 0.3$"):
        old = cx.metadata
    assert list(old) == ["network", "vertex_errors", "facet_walls", "note"] and old["note"] == "mine"
    assert old["vertex_errors"] is cx.vertex_errors and old["network"]["weights"] == list(net.weights)


def test_names_that_have_moved():
    package = ModuleType("package")
    package.__getattr__ = _deprecated.moved("package", {"pi": "math.pi"}, sg.theory.__getattr__)
    with pytest.warns(DeprecationWarning, match=r"^package.pi is now math.pi; package.pi goes in 0.3$") as caught:
        assert package.pi == np.pi
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="no_name"):
        package.no_name  # noqa: B018


def test_names_of_the_theory_that_have_moved():
    check = sg.results.Check("made.up", "1 <= 2", 1.0, 2.0)
    with pytest.warns(DeprecationWarning, match=r"^Check.claim is now Check.name;"):
        assert check.claim == check.name
    assert {"find_path", "decision_regions", "segments", "verify", "Check"} <= sg.theory._HOMES.keys()
    for name, home in sg.theory._HOMES.items():
        with pytest.warns(DeprecationWarning, match=rf"^specgeo.theory.{name} is now {home};"):
            old = getattr(sg.theory, name)
        package, _, last = home.removeprefix("specgeo.").rpartition(".")
        assert old is getattr(getattr(sg, package) if package else sg, last)


def test_one_warning_for_each_line_that_uses_an_old_name():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            random_network([1, 1, 1], seed=1)
    assert len(caught) == 1
