"""Complexes built by hand for the tests of spectra, and their transforms by mpmath."""

from __future__ import annotations

from itertools import combinations

import mpmath
import numpy as np
from scipy.spatial import Delaunay

import specgeo as sg
from specgeo.geometry.arrays import Ragged
from specgeo.geometry.complex import PolyhedralComplex


def complex_from_mesh(points, simplices, values, domain=None):
    """The complex of a simplicial mesh with vertex values (n_v, m), its lattice of faces included."""
    points = np.asarray(points, float)
    values = np.asarray(values, float).reshape(len(points), -1)
    d = points.shape[1]
    cells = np.sort(np.asarray(simplices), axis=1)
    below, faces = np.arange(len(points))[:, None], []
    for k in range(1, d + 1):
        subsets = np.array(list(combinations(range(d + 1), k + 1)))
        current = cells if k == d else np.unique(cells[:, subsets].reshape(-1, k + 1), axis=0)
        number = {tuple(face): i for i, face in enumerate(below.tolist())}
        lists = [[number[tuple(np.delete(face, i))] for i in range(k, -1, -1)] for face in current]
        indices = np.array(lists, dtype=np.int32).ravel()
        faces.append(Ragged(np.arange(len(current) + 1, dtype=np.int64) * (k + 1), indices))
        below = current
    corners = np.concatenate([points[cells], np.ones((*cells.shape, 1))], axis=2)
    affine = np.linalg.solve(corners, values[cells])  # (n_cells, d + 1, m)
    gradients = np.ascontiguousarray(np.swapaxes(affine[:, :d], 1, 2))
    return PolyhedralComplex(points, tuple(faces), (gradients, np.ascontiguousarray(affine[:, d])), domain=domain)


def random_mesh(d, n, seed, m=1, lower=0.0, upper=1.0):
    """A rough continuous piecewise-linear function on a Delaunay mesh of a box."""
    rng = np.random.default_rng(seed)
    corners = np.array(np.meshgrid(*[[0.0, 1.0]] * d, indexing="ij")).reshape(d, -1).T
    unit = np.concatenate([corners, rng.uniform(0.02, 0.98, (n, d))])
    points = lower + (upper - lower) * unit
    if d == 1:
        points = np.sort(points, axis=0)
        simplices = np.stack([np.arange(n + 1), np.arange(1, n + 2)], axis=1)
    else:
        simplices = Delaunay(points).simplices
    domain = sg.Box(np.full(d, lower), np.full(d, upper))
    return complex_from_mesh(points, simplices, rng.normal(size=(len(points), m)), domain)


def tent_1d():
    """(1 - |x|)_+ on its support."""
    return complex_from_mesh([[-1.0], [0.0], [1.0]], [[0, 1], [1, 2]], [0, 1, 0], sg.Box([-1], [1]))


def octahedron_tent(d=3):
    """(1 - |x|_1)_+ on its support, the cross-polytope."""
    points = np.concatenate([np.zeros((1, d)), np.eye(d), -np.eye(d)])
    signs = np.array(np.meshgrid(*[[0, 1]] * d)).reshape(d, -1).T
    simplices = np.array([[0, *(1 + i + d * s for i, s in enumerate(sign))] for sign in signs])
    return complex_from_mesh(points, simplices, np.eye(1, 2 * d + 1)[0])


def pyramid_2d():
    """Piecewise linear on a mesh of [0, 1]^2, zero on its boundary, one peak off the middle."""
    points = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.4, 0.3], [0.7, 0.6]], float)
    return complex_from_mesh(points, Delaunay(points).simplices, [0, 0, 0, 0, 1.0, -0.5], sg.Box([0, 0], [1, 1]))


def exact_transform(cx, k, digits=60):
    """Transform of the stored pieces at one wavevector, (m,): each simplex by mpmath's divided differences."""
    with mpmath.workdps(digits):
        simplices, owner = cx.triangulation(cx.dim)
        wave = [mpmath.mpf(x) for x in k]
        vertices = [[mpmath.mpf(float(x)) for x in v] for v in cx.vertices]
        gradients, offsets = cx.gradients, cx.offsets
        phases = [sum(a * b for a, b in zip(wave, v, strict=True)) for v in vertices]
        total = [mpmath.mpc(0)] * gradients.shape[1]
        for simplex, cell in zip(simplices, owner, strict=True):
            apex = vertices[simplex[0]]
            edges = mpmath.matrix([[vertices[i][a] - apex[a] for a in range(cx.dim)] for i in simplex[1:]])
            volume = abs(mpmath.det(edges))  # d! |S|
            nodes = [phases[i] for i in simplex]
            for p, i in enumerate(simplex):
                difference = divided_difference([*nodes, nodes[p]])
                for o in range(len(total)):
                    value = mpmath.mpf(float(offsets[cell, o])) + sum(
                        mpmath.mpf(float(g)) * x for g, x in zip(gradients[cell, o], vertices[i], strict=True)
                    )
                    total[o] += volume * value * difference
        return np.array([complex(z) for z in total])


def divided_difference(phases):
    """exp[-i t_0, ..., -i t_n] in the working precision of mpmath, whatever the gaps."""
    n = len(phases) - 1
    centre = sum(phases) / (n + 1)
    gaps = [t - centre for t in phases]
    spread = max(abs(g) for g in gaps)
    if spread > 3:  # split coincident nodes by far less than the working precision shows
        with mpmath.workdps(mpmath.mp.dps * (n + 1) + 60):
            shift = mpmath.mpf(10) ** (-(mpmath.mp.dps // (n + 2)))
            nodes = [-1j * (t + i * shift * (1 + abs(t))) for i, t in enumerate(sorted(phases))]
            table = [mpmath.exp(z) for z in nodes]
            for level in range(1, n + 1):
                table = [(table[i + 1] - table[i]) / (nodes[i + level] - nodes[i]) for i in range(n + 1 - level)]
            return table[0]
    total, power = mpmath.mpc(0), 0
    symmetric = [mpmath.mpf(1)] + [mpmath.mpf(0)] * (mpmath.mp.dps + 40)
    for g in gaps:  # complete homogeneous polynomials of the gaps
        for q in range(1, len(symmetric)):
            symmetric[q] += g * symmetric[q - 1]
    for power, h in enumerate(symmetric):
        total += mpmath.mpc(0, -1) ** power * h / mpmath.factorial(power + n)
    return mpmath.exp(-1j * centre) * total


def integral_of_modulus(cx):
    """Sum of |S| max |f|, an upper bound of int |f| within a small factor of it: (m,)."""
    simplices, owner = cx.triangulation(cx.dim)
    edges = cx.vertices[simplices[:, 1:]] - cx.vertices[simplices[:, :1]]
    values = np.einsum("smd,sid->sim", cx.gradients[owner], cx.vertices[simplices]) + cx.offsets[owner][:, None]
    return np.abs(np.linalg.det(edges)) / np.prod(range(1, cx.dim + 1)) @ np.abs(values).mean(axis=1)
