"""What the claims of a verification report look at: a network on a domain, and what is derived from both, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from specgeo._cast import RNGLike, as_instance, as_rng
from specgeo.domain import Box, Polytope
from specgeo.enumeration import enumerate_regions
from specgeo.errors import DomainError, InvalidInputError, SpecgeoError, UnsupportedError
from specgeo.fourier.sampled import SampledSpectrum, sampled_spectrum
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.network import Network
from specgeo.slices import AffineSlice
from specgeo.theory.lipschitz import lipschitz_constant
from specgeo.theory.support import clamp_to_support, wall_distances

Progress = Callable[[str, float], None]
# h(x) = slope * distance to the wall reaches max|f| at this share of the way from the wall to the centre.
_CLAMP_MARGIN = 0.25
# Simplices times wavevectors of one claim: vector kernels up to dimension 3, a scalar one beyond.
_TERMS, _SCALAR_TERMS = 2e8, 2e6
_SAMPLES = {1: 256, 2: 64, 3: 16}  # of the FFT, a period along each axis


def as_progress(progress: Progress | bool | None) -> Progress:
    """What is told how far the work has come; nobody where None is given."""
    return progress if callable(progress) else lambda message, share: None


@dataclass(frozen=True, eq=False)
class Subject:
    """A network on a domain, checked at the door, with its complexes computed on first use."""

    net: Network
    domain: Box | Polytope
    output: int = 0
    rng: RNGLike = 0
    max_cells: int | None = None
    max_bytes: int | None = None
    samples: int | None = None  # of the FFT, a period along each axis
    progress: Progress | None = None  # of the enumeration of the network itself

    def __post_init__(self) -> None:
        as_instance(self.net, "net", Network)
        if not isinstance(self.domain, (Box, Polytope)):
            raise InvalidInputError(f"domain: {type(self.domain).__name__} given; pass a specgeo.Box or Polytope")
        volume = self.domain.volume
        if not 0.0 < volume < np.inf:
            raise DomainError(f"domain: its volume, {volume:g}, is beyond the range of floats; choose another scale")
        if self.domain.dim != self.net.input_dim:
            raise InvalidInputError(
                f"domain: has dimension {self.domain.dim}, the network {self.net.input_dim} inputs; restrict the "
                "network to a slice or give one interval for each input"
            )
        _ = self.scalar, self.seed

    @property
    def dim(self) -> int:
        """Input dimension d."""
        return self.net.input_dim

    @cached_property
    def seed(self) -> int:
        """What repeats all that is sampled: the integer given, or one drawn from the generator given."""
        generator = as_rng(self.rng)
        return int(self.rng) if isinstance(self.rng, (int, np.integer)) else int(generator.integers(2**63))

    def generator(self, salt: int = 0) -> np.random.Generator:
        """A generator of its own for each claim, so that claims do not depend on their order."""
        return np.random.default_rng([self.seed, salt])

    @cached_property
    def scalar(self) -> Network:
        """The network reduced to the output under study."""
        return self.net.component(self.output)

    def enumerate(self, net: Network, domain: Box | Polytope, progress: Progress | None = None) -> PolyhedralComplex:
        """The complex of a network within the budgets."""
        return enumerate_regions(net, domain, max_cells=self.max_cells, max_bytes=self.max_bytes, progress=progress)

    @cached_property
    def complex(self) -> PolyhedralComplex:
        """The complex of the network on the domain."""
        return self.enumerate(self.net, self.domain, self.progress)

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
    def mean(self) -> float:
        """Mean of the output over the domain: exact, f being affine on each cell."""
        cx = self.complex
        return float(cx.volumes @ cx.means[:, self.output] / cx.volumes.sum())

    @cached_property
    def largest(self) -> float:
        """max |f| over the domain, attained at a vertex."""
        return float(np.abs(self.scalar(self.complex.vertices)).max())

    @property
    def compact(self) -> PolyhedralComplex:
        """The complex of the network clamped to zero on the walls; a failure is kept too, and not tried again."""
        if isinstance(self._clamped, SpecgeoError):
            raise self._clamped
        return self._clamped

    @cached_property
    def _clamped(self) -> PolyhedralComplex | SpecgeoError:
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
    def sampled(self) -> SampledSpectrum:
        """Exact coefficients of the mirror series on `box`, beside an FFT of samples of the network."""
        if self.dim > 3:
            raise UnsupportedError(f"sampled spectra are computed in dimension 1 to 3, not {self.dim}")
        return sampled_spectrum(self.box_complex, self.samples or _SAMPLES[self.dim], "mirror", self.scalar)

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
