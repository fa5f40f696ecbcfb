"""The state before the first layer, for every kind of domain."""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo._budget import afford
from specgeo._cast import FloatArray
from specgeo.domain import Polytope
from specgeo.enumeration._lattice import box_state
from specgeo.enumeration._layers import N_WORDS, Layers, flatten
from specgeo.enumeration._layout import (
    CUT,
    LEN,
    NUMBER,
    START,
    Size,
    State,
    padded,
    sizes_of,
    words_of,
)
from specgeo.enumeration._memory import Loans
from specgeo.enumeration._run import Run
from specgeo.errors import DomainError
from specgeo.network import Activation

_BYTES_A_FACE = 500  # of the cube's lattice while it is made, the first time


def domain_state(
    domain: Any, dim: int, exact: bool, spare: int, max_bytes: int | None = None, loans: Loans | None = None
) -> tuple[State, FloatArray]:
    """The complex of one cell, and the largest |x_c| on its bounding box, shape (d,)."""
    if domain.dim != dim:
        raise DomainError(f"domain: dimension {domain.dim}, but the network has {dim} inputs; make them equal")
    box = domain.bounding_box()
    extent = np.maximum(-box.lower, box.upper)
    afford(_BYTES_A_FACE * 3.0**dim, "max_bytes", "raise max_bytes or restrict the network", max_bytes)
    loans = loans or Loans(kept=False)
    state = box_state(box, spare, loans)
    if isinstance(domain, Polytope):
        state = _cut_to_polytope(state, domain, extent, exact, spare, loans, max_bytes)
    return state, extent


def _cut_to_polytope(
    state: State,
    domain: Polytope,
    extent: FloatArray,
    exact: bool,
    spare: int,
    loans: Loans,
    max_bytes: int | None,
) -> State:
    """Cut a bounding box by the half-spaces b - A x >= 0, as a layer of units, and keep the cell inside all."""
    layers = flatten([-domain.A], [domain.b], [Activation.relu()])
    run = Run(layers, state, extent, exact, max_bytes=max_bytes, loans=loans)
    run.layer(1)
    words = int(run.layers.meta[0, N_WORDS])
    n_cells = int(run.state.sizes[Size.CELLS])
    inside = np.flatnonzero(~np.any(run.state.signs[:n_cells, words:], axis=1))
    return _single_cell(run.state, int(inside[0]), run.layers, spare)


def _single_cell(s: State, cell: int, layers: Layers, spare: int) -> State:
    """The state that consists of one cell of another, with all its faces; its walls become planes of the domain."""
    dim = s.x.shape[1] - 1
    root = int(s.cells[cell, 0])
    keep = {root}
    corners: set[int] = set()
    front = [root]
    while front:
        f = front.pop()
        start, length = int(s.faces[f, START]), int(s.faces[f, LEN])
        members = s.pool[start : start + length].tolist()
        if s.dims[f] == 1:
            corners.update(members)
        else:
            new = [g for g in members if g not in keep]
            keep.update(new)
            front.extend(new)
    order = sorted(keep, key=lambda f: (int(s.dims[f]), f))
    face_id = {f: i for i, f in enumerate(order)}
    vertices = sorted(corners)
    vertex_id = {v: i for i, v in enumerate(vertices)}
    rows, dims = s.faces[order].copy(), s.dims[order].copy()
    pool: list[int] = []
    for row, k in zip(rows, dims, strict=True):
        members = s.pool[row[START] : row[START] + row[LEN]].tolist()
        row[START] = len(pool)
        pool.extend((vertex_id if k == 1 else face_id)[g] for g in members)
    rows[:, CUT], rows[-1, NUMBER] = -1, 0
    n_planes = int(s.sizes[Size.PLANES])
    origin = np.full((n_planes + spare, 3), -1, np.int32)
    origin[:n_planes, 1] = np.arange(n_planes)
    origin[2 * dim : n_planes, 2] = s.porigin[2 * dim : n_planes, 1]  # the row of the polytope
    n_v, n_f = len(vertices) + spare, len(rows) + spare * (2**dim - 1)
    faces = padded(rows, n_f)
    return State(
        sizes_of(len(vertices), len(rows), len(pool), 1, n_planes, int(s.sizes[Size.LONGEST])),
        np.zeros_like(s.cursor),
        s.tally,
        s.margin,
        padded(s.x[vertices], n_v),
        padded(s.vplanes[vertices], n_v),
        np.zeros((n_v, 2), np.uint64),
        padded(dims, n_f),
        faces,
        words_of(faces),
        padded(np.array(pool, dtype=np.int32), len(pool) + 4 * n_f),
        padded(np.array([[len(rows) - 1, 0]], dtype=np.int32), spare + 1),
        np.zeros((spare + 1, 2), np.uint64),
        padded(s.planes[:n_planes], n_planes + spare),
        origin,
        s.counts,
    )
