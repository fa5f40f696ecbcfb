"""Resonance and threshold arrangements, streamed: ``python benchmarks/arrangements.py``.

Counts their regions, proved, beside the numbers that combinatorics knows: R2 to R6 and T2 to T5 in ten seconds, with
``--all`` T6 too (15,028,134 regions in dimension 7, some minutes on one core). Smaller ones, and reflection groups up
to E6, are counted as they are by ``specgeo benchmark --set arrangements``.

Each arrangement has the plane x_1 = 0, and -x is in a region where x is: half of its regions are those of its section
with x_1 = 1. In the section planes are x . y = -c with x, c of zeros and ones. By Cramer's rule the coordinates of a
vertex are quotients of determinants of zeros and ones, up to signs: at most the largest of these, and a box beyond
meets all regions.
"""

from __future__ import annotations

import resource
import sys
import time
from itertools import product

import numpy as np

import specgeo as sg
from specgeo.streaming import FVector


def corners(n: int) -> np.ndarray:
    """Of the cube [0, 1]^n, the origin first."""
    return np.array(list(product((0.0, 1.0), repeat=n)))


DETERMINANTS = {1: 1, 2: 1, 3: 2, 4: 3, 5: 5, 6: 9}  # the largest of zeros and ones (OEIS A003432)
CASES = [
    *((f"R{n}", corners(n)[1:], known) for n, known in ((2, 6), (3, 32), (4, 370), (5, 11_292), (6, 1_066_044))),
    *((f"T{n}", np.insert(corners(n), 0, 1.0, axis=1), known)
      for n, known in ((2, 14), (3, 104), (4, 1_882), (5, 94_572), (6, 15_028_134))),
]  # fmt: skip
LONG = ("T6",)


def section(normals: np.ndarray) -> tuple[sg.Network, sg.Box]:
    """The arrangement at x_1 = 1 as the zero sets of one hidden layer, and a box that meets all of its regions."""
    others = normals[np.any(normals[:, 1:], axis=1)]
    assert len(others) == len(normals) - 1  # the one left out is x_1 = 0
    dim = others.shape[1] - 1
    net = sg.Network([others[:, 1:], np.ones((1, len(others)))], [others[:, 0], [0.0]])
    return net, sg.Box(-DETERMINANTS[dim] - 1.0, DETERMINANTS[dim] + 1.0, dim=dim)


def main(arguments: list[str]) -> int:
    """Count, print; the number of counts that are wrong."""
    wrong = 0
    for name, normals, known in CASES:
        if name in LONG and "--all" not in arguments:
            continue
        started = time.process_time()
        found = sg.reduce_regions(*section(normals), {"faces": FVector()}, executor=1)
        regions, seconds = 2 * found["faces"][-1], time.process_time() - started
        wrong += regions != known
        verdict = "right" if regions == known else f"WRONG: {known:,}"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"{name}: {regions:,} regions, {verdict}; {seconds:.1f} s, {peak:.2f} GB", flush=True)
        print(f"  section: faces {found['faces']}; {found.certificate}", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
