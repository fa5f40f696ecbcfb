"""Transforms of shapes by several programs: how accurate, at which requested tolerance, and how fast.

Polygons and polyhedra of `specgeo.benchmark.shapes`; errors in units of the volume, against ball arithmetic.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
from scipy.spatial import ConvexHull
from scipy.special import roots_jacobi

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray
from specgeo._progress import as_tell, reported
from specgeo.benchmark.balls import require_balls, transforms_of_simplices
from specgeo.benchmark.machine import installed
from specgeo.benchmark.records import TransformRun
from specgeo.benchmark.shapes import named_shapes, wavevectors
from specgeo.errors import InvalidInputError
from specgeo.fourier import polytope_transform

TOLERANCES = (1e-3, 1e-6, 1e-9, 1e-12, 1e-14)
LONGEST = 2.0  # seconds after which no turn begins
Transform = Callable[[FloatArray], ComplexArray]


class Solid:
    """A convex shape with its hull, its simplices and its volume."""

    def __init__(self, name: str, points: FloatArray) -> None:
        self.name, self.points, self.dim = name, points, points.shape[1]
        hull = ConvexHull(points)
        self.facets, self.normals, self.volume = hull.simplices, hull.equations[:, :-1], float(hull.volume)
        self.simplices = np.array([points[[0, *facet]] for facet in self.facets if 0 not in facet])
        flat = np.abs(np.linalg.det(self.simplices[:, 1:] - self.simplices[:, :1])) == 0.0
        self.simplices = self.simplices[~flat]


@checked
@reported
def compare_transforms(
    samples: int = 24,
    n_waves: int = 10_000,
    repeats: int = 5,
    progress: Callable[[str, float], None] | bool | None = None,
) -> list[TransformRun]:
    """Measure Fourier transforms of polygons and polyhedra: `specgeo.polytope_transform`, coxeter, finufft.

    finufft sums over Gauss nodes on the edges or faces (the divergence theorem), for five tolerances. Wavevectors are
    of four kinds, lengths in units of 1 / radius: ``usual`` (0.1 to 30), ``small`` (1e-6 to 1e-2), ``large`` (1000; not
    for finufft, whose grid would not fit) and ``normals`` (off a face's normal by a part in 10^7).

    Parameters
    ----------
    samples : int
        Wavevectors of each kind at which errors are taken, against ball arithmetic.
    n_waves : int
        Usual wavevectors that are timed.
    repeats : int
        Turns of which the median time is taken.
    progress : bool or callable, optional
        True: a bar. A callable is called as ``progress(message, fraction)``.

    Returns
    -------
    list of TransformRun

    Raises
    ------
    InvalidInputError
        ``samples``, ``n_waves`` or ``repeats`` is not positive.
    MissingDependencyError
        python-flint is not installed.

    Examples
    --------
    >>> from specgeo.benchmark import compare_transforms
    >>> runs = compare_transforms(samples=2, n_waves=8, repeats=1)  # doctest: +SKIP
    >>> max(runs[0].errors.values()) < 1e-14  # doctest: +SKIP
    True
    """
    if min(samples, n_waves, repeats) < 1:
        raise InvalidInputError(f"samples, n_waves, repeats: {samples}, {n_waves}, {repeats} given; all are positive")
    require_balls()
    tell = as_tell(progress)
    shapes = named_shapes()
    runs: list[TransformRun] = []
    for at, (name, points) in enumerate(shapes.items()):
        tell(f"transforms: {name}", at / len(shapes))
        runs += measure_shape(Solid(name, points), samples, n_waves, repeats)
    return runs


def measure_shape(solid: Solid, samples: int, n_waves: int, repeats: int) -> list[TransformRun]:
    """All programs on one shape."""
    waves = wavevectors(solid.points, solid.normals, max(samples, n_waves))
    few = {kind: k[:samples] for kind, k in waves.items()}
    exact = {kind: transforms_of_simplices(solid.simplices, k) for kind, k in few.items()}
    runs = []
    for name, tolerance, transform in _programs(solid):
        if transform is None:
            runs.append(TransformRun(solid.name, name, note=f"not installed: pip install {name}"))
            continue
        kinds = [kind for kind in few if not (name == "finufft" and kind == "large")]
        many = waves["usual"][:n_waves]
        try:
            errors = {kind: float(np.abs(transform(few[kind]) - exact[kind]).max()) / solid.volume for kind in kinds}
            seconds, ratio = _timed(transform, solid.points, many, repeats)
        except ValueError as error:  # coxeter's faces fail when a single wavevector is left over
            runs.append(TransformRun(solid.name, name, tolerance, note=f"raised: {error}"))
            continue
        bound = _own_bound(solid, few["usual"]) if name == "specgeo" else None
        runs.append(TransformRun(solid.name, name, tolerance, errors, bound, len(many) / seconds, ratio))
    return runs


def _programs(solid: Solid) -> list[tuple[str, float | None, Transform | None]]:
    """Name, tolerance, transform; None where it is not installed."""
    found: list[tuple[str, float | None, Transform | None]] = [
        ("specgeo", None, lambda k: polytope_transform(solid.points, k)),
        ("coxeter", None, coxeter_transform(solid.points) if installed("coxeter") else None),
    ]
    for tolerance in TOLERANCES:
        found.append(("finufft", tolerance, partial(nufft_transform, solid, tolerance=tolerance)))
    return found


def _own_bound(solid: Solid, k: FloatArray) -> float:
    return float(polytope_transform(solid.points, k, return_error=True)[1].max()) / solid.volume


def _timed(transform: Transform, points: FloatArray, k: FloatArray, repeats: int) -> tuple[float, float]:
    """Median seconds, and median of the ratios to numpy's exponentials of all pairs, in turns and processor time."""
    phases = k @ points.T
    pairs: list[tuple[float, float]] = []
    begun = time.perf_counter()
    while len(pairs) < repeats + 1 and (len(pairs) < 2 or time.perf_counter() - begun < LONGEST):
        start = time.process_time()
        transform(k)
        middle = time.process_time()
        np.exp(-1j * phases)
        pairs.append((middle - start, time.process_time() - middle))
    return median(one for one, _ in pairs[1:]), median(one / other for one, other in pairs[1:])


def coxeter_transform(points: FloatArray) -> Transform:
    """The form factor of coxeter."""
    from coxeter import shapes

    if points.shape[1] == 3:
        solid = shapes.ConvexPolyhedron(points)
        return lambda k: np.asarray(solid.compute_form_factor_amplitude(k))
    polygon = shapes.ConvexPolygon(points)
    return lambda k: np.asarray(polygon.compute_form_factor_amplitude(np.column_stack((k, np.zeros(len(k))))))


def nufft_transform(solid: Solid, k: FloatArray, tolerance: float) -> ComplexArray:
    """i k / |k|^2 . sum over facets of n int exp(-i k.x): Gauss nodes, and finufft's type 3."""
    import finufft

    corners = solid.points[solid.facets]
    nodes, weights = _facet_nodes(corners, float(np.linalg.norm(k, axis=1).max()), tolerance)
    strengths = np.repeat(solid.normals, weights.shape[1], axis=0) * weights.reshape(-1, 1)
    places = np.ascontiguousarray(nodes.reshape(-1, solid.dim).T)
    kind = finufft.nufft2d3 if solid.dim == 2 else finufft.nufft3d3
    sums = kind(
        *places, np.ascontiguousarray(strengths.T, dtype=complex), *np.ascontiguousarray(k.T), eps=tolerance, isign=-1,
        nthreads=1,
    )  # fmt: skip
    return np.asarray(1j * np.einsum("nd,dn->n", k, sums) / np.sum(k * k, axis=1))


def _facet_nodes(corners: FloatArray, longest: float, tolerance: float) -> tuple[FloatArray, FloatArray]:
    """Nodes (n_f, q, d) and weights (n_f, q) on edges or triangles; in Duffy's coordinates on triangles."""
    sides = corners[:, 1:] - corners[:, :1]
    reach = longest * float(np.linalg.norm(sides, axis=2).max()) / 2
    x, w = _enough(reach, tolerance)
    if sides.shape[1] == 1:
        s = (x + 1) / 2
        lengths = np.linalg.norm(sides[:, 0], axis=1)
        return corners[:, :1] + s[None, :, None] * sides, lengths[:, None] * (w / 2)
    y, v = roots_jacobi(len(x), 0, 1)  # int_0^1 xi .. dxi
    xi, eta = ((a + 1) / 2 for a in np.meshgrid(y, x, indexing="ij"))
    nodes = corners[:, None, 0] + xi.ravel()[None, :, None] * (
        sides[:, None, 0] + eta.ravel()[None, :, None] * (sides[:, None, 1] - sides[:, None, 0])
    )
    doubled = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    return nodes, doubled[:, None] * np.outer(v / 4, w / 2).ravel()


def _enough(reach: float, tolerance: float) -> tuple[FloatArray, FloatArray]:
    """The fewest Gauss nodes that integrate exp(-i s x) over [-1, 1] to a tenth of the tolerance, for s <= reach."""
    s = np.linspace(reach / 8, reach, 8)
    for n in range(2, 400):
        x, w = np.polynomial.legendre.leggauss(n)
        if np.abs(np.cos(np.outer(s, x)) @ w - 2 * np.sin(s) / s).max() <= max(0.1 * tolerance, 4e-15):
            break
    return x, w
