"""What the claims of a verification report look at: a network on a domain, and what is derived from both, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

import specgeo
from specgeo.domain import AffineSlice, Box, Polytope
from specgeo.errors import SpecgeoError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.network import Network
from specgeo.theory._results import Check
from specgeo.theory.lipschitz import lipschitz_constant

# h(x) = slope * distance to the wall reaches max|f| at this share of the way from the wall to the centre.
_CLAMP_MARGIN = 0.25
# Simplices times wavevectors of one claim: vector kernels up to dimension 3, a scalar one beyond.
_TERMS, _SCALAR_TERMS = 2e8, 2e6


class NotApplicable(Exception):
    """A claim that says nothing about this network or domain; the message says why."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one claim found: checks, figures to draw, other numbers."""

    checks: Iterable[Check] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    panels: tuple[Callable[[Any], Any], ...] = ()
    caption: str = ""
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Subject:
    """A network on a domain, with its complexes computed on first use."""

    net: Network
    domain: Box | Polytope
    seed: int
    output: int
    figures: bool
    max_cells: int | None = None
    max_bytes: int | None = None

    @property
    def dim(self) -> int:
        """Input dimension d."""
        return self.net.input_dim

    def rng(self, salt: int = 0) -> np.random.Generator:
        """A generator of its own for each claim, so that claims do not depend on their order."""
        return np.random.default_rng([self.seed, salt])

    @cached_property
    def scalar(self) -> Network:
        """The network reduced to the output under study."""
        if self.net.output_dim == 1:
            return self.net
        row = slice(self.output, self.output + 1)
        weights = [*self.net.weights[:-1], self.net.weights[-1][row]]
        return Network(weights, [*self.net.biases[:-1], self.net.biases[-1][row]], list(self.net.activations))

    def enumerate(self, net: Network, domain: Box | Polytope) -> PolyhedralComplex:
        """The complex of a network within the budgets."""
        result: PolyhedralComplex = specgeo.enumerate_regions(
            net, domain, max_cells=self.max_cells, max_bytes=self.max_bytes
        )
        return result

    @cached_property
    def complex(self) -> PolyhedralComplex:
        """The complex of the network on the domain."""
        return self.enumerate(self.net, self.domain)

    @cached_property
    def scalar_complex(self) -> PolyhedralComplex:
        """The same cells with the output under study alone."""
        if self.net.output_dim == 1:
            return self.complex
        row, cx, net = slice(self.output, self.output + 1), self.complex, self.scalar
        pieces = cx.gradients[:, row], cx.offsets[:, row]
        return replace(cx, pieces=pieces, layers=net.layers)

    @cached_property
    def lipschitz(self) -> float:
        """Exact L_f of the output under study."""
        return lipschitz_constant(self.complex, self.output)

    @cached_property
    def _statistics(self) -> tuple[float, float]:
        cx = self.complex
        values = self.scalar(cx.vertices)[:, 0]
        return float(cx.volumes @ cx.means[:, self.output] / cx.volumes.sum()), float(np.abs(values).max())

    @property
    def mean(self) -> float:
        """Mean of the output over the domain: exact, f being affine on each cell."""
        return self._statistics[0]

    @property
    def largest(self) -> float:
        """max |f| over the domain, attained at a vertex."""
        return self._statistics[1]

    @property
    def compact(self) -> PolyhedralComplex:
        """The complex of the network clamped to zero on the walls; a failure is kept too, and not tried again."""
        if isinstance(self._clamped, SpecgeoError):
            raise self._clamped
        return self._clamped

    @cached_property
    def _clamped(self) -> PolyhedralComplex | SpecgeoError:
        from specgeo.theory.support import clamp_to_support, wall_distances

        lines, shifts = wall_distances(self.domain)
        domain = self.domain
        centre = domain.center if isinstance(domain, Polytope) else (domain.lower + domain.upper) / 2
        depth = float((lines @ centre + shifts).min())
        slope = (self.largest or 1.0) / (_CLAMP_MARGIN * depth)
        try:
            return self.enumerate(clamp_to_support(self.scalar, self.domain, slope), self.domain)
        except SpecgeoError as error:
            return error

    @cached_property
    def box(self) -> Box:
        """The domain, or a cube inside the polytope: what needs a box is checked there."""
        if isinstance(self.domain, Box):
            return self.domain
        a, b, centre = self.domain.A, self.domain.b, self.domain.center
        half = 0.999 * float(((b - a @ centre) / np.abs(a).sum(axis=1)).min())
        return Box(centre - half, centre + half)

    @cached_property
    def box_complex(self) -> PolyhedralComplex:
        """The complex of the output under study on `box`."""
        return self.scalar_complex if self.box is self.domain else self.enumerate(self.scalar, self.box)

    @cached_property
    def plane(self) -> tuple[Network, PolyhedralComplex, Box]:
        """The network on the plane of its first two inputs through the centre of `box`, for claims about curves."""
        if self.dim == 2:
            return self.scalar, self.box_complex, self.box
        box = Box(self.box.lower[:2], self.box.upper[:2])
        net = self.scalar.restrict(AffineSlice.axes([0, 1], (self.box.lower + self.box.upper) / 2))
        return net, self.enumerate(net, box), box

    def affordable(self, cx: PolyhedralComplex, n: int, fewest: int = 12) -> int:
        """How many of n wavevectors a claim may take on a complex so large."""
        terms = _TERMS if cx.dim <= 3 else _SCALAR_TERMS
        return int(np.clip(terms // len(cx.triangulation(cx.dim)[0]), fewest, n))

    def summary(self) -> dict[str, Any]:
        """Size of the network and of its complex, for the head of the report."""
        cx = self.complex
        parameters = sum(w.size + b.size for w, b in zip(self.net.weights, self.net.biases, strict=True))
        result: dict[str, Any] = {
            "inputs": self.net.input_dim,
            "hidden neurons": sum(self.net.hidden_widths),
            "parameters": parameters,
            "cells": cx.n_cells,
            "vertices": cx.f_vector[0],
        }
        if self.net.output_dim > 1:
            result["output under study"] = self.output
            result["its Lipschitz constant"] = self.lipschitz
        else:
            result["Lipschitz constant"] = self.lipschitz
        if cx.certificate is not None:
            result["signs proved"] = cx.certificate.decisions if cx.certificate.certified else "no"
        return result
