"""Ratios of true error to error bound, in every mode, against ball arithmetic on exact data.

    python tests/error_ratios.py --waves 400 --seeds 20        # thousands of wavevectors in every mode

prints for each mode and range of |k| how many were compared and the worst ratio; above 1 a bound is none.
`test_error_bounds` pins the worst ratios of a short run.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from naive.exact_transforms import ExactTransform, distance, ray_unit

import specgeo as sg
from specgeo.fourier import nufft
from specgeo.fourier.rays import directional_expansion, ray_spectrum
from specgeo.fourier.series import fourier_coefficients
from specgeo.fourier.spectra import spectrum
from specgeo.testing import random_network

NEAR, FAR = "|k| < 1e3", "|k| >= 1e3"  # rounding counts near zero, positions count far out
WIDTHS = {1: (1, 5, 4, 2), 2: (2, 3, 2, 1), 3: (3, 2, 1, 1), 4: (4, 1, 1)}

Ratios = dict[tuple[str, str], list[float]]


def complexes(seed: int, dims: tuple[int, ...] = (1, 2, 3)) -> Iterator[tuple[Any, ExactTransform]]:
    """A random network in each dimension on a box and on a polytope with oblique walls."""
    for d in dims:
        rng = np.random.default_rng([seed, d])
        net = random_network(WIDTHS[d], 100 * seed + d)
        lower, upper = -rng.uniform(0.1, 1, d), rng.uniform(0.1, 2, d)
        tilted = np.concatenate([-np.eye(d), rng.uniform(0.2, 1, (1, d))])
        for domain in (sg.Box(lower, upper), sg.Polytope(tilted, [*-lower, 1.0])):
            cx = sg.enumerate_regions(net, domain)
            yield cx, ExactTransform(cx)


def wavevectors(cx: Any, n: int, rng: np.random.Generator, longest: float = 1e9) -> np.ndarray:
    """Generic ones, and some along normals of facets and walls, and 1e-9 off; lengths from 1e-3."""
    generic = rng.normal(size=(n, cx.dim))
    normals = cx.facets.normals[rng.integers(len(cx.facets.normals), size=n)]
    kind = rng.integers(3, size=(n, 1))
    directions = np.where(kind == 0, generic, normals + np.where(kind == 1, 0.0, 1e-9) * generic)
    lengths = 10 ** rng.uniform(-3, math.log10(longest), (n, 1))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True) * lengths


def add(found: Ratios, mode: str, length: float, values: Any, errors: Any, exact: list[Any]) -> None:
    """Compare the outputs at one wavevector."""
    for value, error, truth in zip(np.ravel(values), np.ravel(errors), exact, strict=True):
        off = distance(value, truth)
        if off < 1e-60:  # below what the oracle is asked to resolve: a value that is zero
            off = 0.0
        ratio = off / float(error) if error > 0 else (math.inf if off else 0.0)
        found[mode, NEAR if length < 1e3 else FAR].append(ratio)


def of_spectra(found: Ratios, cx: Any, truth: ExactTransform, n: int, rng: np.random.Generator) -> None:
    for boundary, method in (("cut", "auto"), ("cut", "facet"), ("cut", "volume"), ("interior", "auto")):
        waves = wavevectors(cx, n, rng)
        if method == "auto" and boundary == "cut":
            waves[0] = 0.0
        values, errors = spectrum(cx, waves, boundary, True, method)
        for k, value, error in zip(waves, values, errors, strict=True):
            exact = (truth.cut if boundary == "cut" else truth.interior)(k.tolist())
            add(found, f"{boundary}, {method}", float(np.linalg.norm(k)), value, error, exact)


def of_nufft(found: Ratios, cx: Any, truth: ExactTransform, n: int, rng: np.random.Generator) -> None:
    """Lattices and scattered wavevectors; a few of many are compared."""
    if cx.dim > 3 or not nufft.available():
        return
    axis = np.arange(-6.0, 7.0) * rng.uniform(1, 4 if cx.dim < 3 else 1.5)
    lattice = np.stack(np.meshgrid(*[axis] * cx.dim), axis=-1).reshape(-1, cx.dim)
    scattered = rng.normal(size=(300, cx.dim)) * (20 if cx.dim < 3 else 3)
    for boundary in ("cut", "interior"):
        for name, waves in (("lattice", lattice[np.any(lattice != 0, axis=1)]), ("scattered", scattered)):
            values, errors = spectrum(cx, waves, boundary, True, "nufft")
            for i in rng.integers(len(waves), size=max(1, n // 4)):
                exact = (truth.cut if boundary == "cut" else truth.interior)(waves[i].tolist())
                add(found, f"{boundary}, nufft, {name}", 1.0, values[i], errors[i], exact)


def of_series(found: Ratios, cx: Any, truth: ExactTransform, n: int, rng: np.random.Generator) -> None:
    if not isinstance(cx.domain, sg.Box):
        return
    for extension in ("mirror", "periodic"):
        n = n if cx.dim < 3 else n // 2
        tops = 10 ** rng.uniform(0, 9, (n, 1))
        modes = np.rint(rng.uniform(-1, 1, (n, cx.dim)) * tops * (rng.random((n, cx.dim)) < 0.7)).astype(int)
        for method in ("auto", "facet"):
            modes = modes if method == "auto" else modes[np.any(modes != 0, axis=1)]
            values, errors = fourier_coefficients(cx, modes, extension, True, method)  # type: ignore[arg-type]
            for mode, value, error in zip(modes.tolist(), values, errors, strict=True):
                exact = truth.coefficient(mode, extension)
                add(found, f"{extension}, {method}", float(np.abs(mode).max()), value, error, exact)


def of_rays(found: Ratios, cx: Any, truth: ExactTransform, n: int, rng: np.random.Generator) -> None:
    for boundary in ("cut", "interior"):
        for direction in wavevectors(cx, max(1, n // 4), rng, 1.0):
            t = 10 ** rng.uniform(-1, 8, 4) * rng.choice([-1.0, 1.0], 4)
            values, errors = ray_spectrum(cx, direction, t, boundary, True)
            expansion = directional_expansion(cx, direction, boundary)
            expanded, bounds = expansion(t), expansion.rounding(t)
            for i in range(4):
                unit = ray_unit(direction.tolist(), float(t[i]))
                exact = (truth.cut if boundary == "cut" else truth.interior)(direction.tolist(), unit)
                add(found, f"{boundary}, ray", abs(t[i]), values[i], errors[i], exact)
                add(found, f"{boundary}, expansion", abs(t[i]), expanded[i], bounds[i], exact)


def survey(seeds: range, n: int, dims: tuple[int, ...] = (1, 2, 3)) -> Ratios:
    """Ratios of all modes, ``n`` wavevectors for each complex and mode."""
    found: Ratios = defaultdict(list)
    for seed in seeds:
        for cx, truth in complexes(seed, dims):
            rng = np.random.default_rng([seed, cx.dim, 7])
            for part in (of_spectra, of_nufft, of_series, of_rays):
                part(found, cx, truth, n, rng)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waves", type=int, default=40, help="wavevectors for each complex and mode")
    parser.add_argument("--seeds", type=int, default=4, help="networks in each dimension")
    parser.add_argument("--dims", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    found = survey(range(options.seeds), options.waves, tuple(options.dims))
    for (mode, range_), ratios in sorted(found.items()):
        print(f"{mode:32} {range_:10} {len(ratios):7} compared   worst {max(ratios):.3g}")


if __name__ == "__main__":
    main()
