"""Planes through the origin whose regions are counted in combinatorics: by subsets, by reflections."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from specgeo._cast import FloatArray


def signed_pairs(n: int) -> FloatArray:
    """Normals of the reflection arrangement B_n: x_i = 0 and x_i = +-x_j."""
    e = np.eye(n)
    return np.array([*e, *(e[i] + sign * e[j] for i in range(n) for j in range(i) for sign in (1.0, -1.0))])


def corners(n: int) -> FloatArray:
    """The corners of the cube [0, 1]^n."""
    return np.array(list(product((0.0, 1.0), repeat=n)))


def subset_sums(n: int) -> FloatArray:
    """Normals of the resonance arrangement R_n: all that are 0 and 1, without zero."""
    return corners(n)[1:]


def threshold_functions(n: int) -> FloatArray:
    """Normals of the threshold arrangement T_n: (1, x) for the corners x of the cube."""
    return np.column_stack((np.ones(2**n), corners(n)))


def roots_of_f4() -> FloatArray:
    """The 24 pairs of roots of F4."""
    return np.concatenate((signed_pairs(4), np.column_stack((np.ones(8), 2 * corners(3) - 1))))


def roots_of_e6() -> FloatArray:
    """The 36 positive roots, in simple ones: what reflections in simple roots make of these."""
    cartan = 2 * np.eye(6, dtype=int)
    for i, j in ((0, 2), (2, 3), (3, 4), (4, 5), (1, 3)):
        cartan[i, j] = cartan[j, i] = -1
    found = {tuple(row) for row in np.eye(6, dtype=int).tolist()}
    left = list(found)
    while left:
        root = left.pop()
        for i in range(6):
            image = [*root]
            image[i] -= int(cartan[i] @ root)
            if min(image) >= 0 and tuple(image) not in found:
                found.add(tuple(image))
                left.append(tuple(image))
    return np.array(sorted(found), dtype=float)


CENTRAL: tuple[tuple[str, Callable[[], FloatArray], int], ...] = (
    *((f"resonance R{n}", lambda n=n: subset_sums(n), regions)
      for n, regions in ((2, 6), (3, 32), (4, 370), (5, 11_292))),
    *((f"threshold T{n}", lambda n=n: threshold_functions(n), regions)
      for n, regions in ((2, 14), (3, 104), (4, 1_882))),
    *((f"Weyl group B{n}", lambda n=n: signed_pairs(n), regions) for n, regions in ((3, 48), (4, 384), (5, 3_840))),
    ("Weyl group F4", roots_of_f4, 1_152),
    ("Weyl group E6", roots_of_e6, 51_840),
)  # fmt: skip
"""Names, normals, numbers of regions: of sums of subsets (OEIS A034997), of threshold functions (A000609), of
reflection groups (their orders)."""
