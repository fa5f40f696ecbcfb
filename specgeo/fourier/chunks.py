"""Cut a list of simplices into chunks whose points fit a cache-sized table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from specgeo._cast import FloatArray, IntArray

CHUNK = 192  # simplices; their points' table (2 kB a point) stays in the second-level cache
_GRID_BITS = 10


class Chunks(NamedTuple):
    """Which points and simplices are in which chunk."""

    points: IntArray  # of all chunks, one after the other
    point_offsets: IntArray  # (n_chunks + 1,)
    simplex_offsets: IntArray  # (n_chunks + 1,) the simplices are in order


Corners = tuple[IntArray, ...]  # (n_s,) of the simplices, by their numbers in the chunk
Plan = tuple[IntArray | None, Chunks, Corners]


def chunked(points: FloatArray, simplices: IntArray) -> Plan:
    """Order of the simplices (None: as they are), chunks and corners.

    Neighbours share points, so simplices are visited along a Z-order curve through their centres.
    """
    n_s = len(simplices)
    order: IntArray | None = None
    if n_s > CHUNK:
        order = np.argsort(_z_order(points, simplices), kind="stable")
        simplices = simplices[order]
    starts = np.append(np.arange(0, n_s, CHUNK), n_s).astype(np.int64)
    members, local, offsets = [], [], [0]
    for a, b in zip(starts[:-1], starts[1:], strict=True):
        used, index = np.unique(simplices[a:b], return_inverse=True)
        members.append(used)
        local.append(index.reshape(simplices[a:b].shape))
        offsets.append(offsets[-1] + len(used))
    chunks = Chunks(
        np.ascontiguousarray(np.concatenate(members), dtype=np.int64), np.asarray(offsets, dtype=np.int64), starts
    )
    return order, chunks, tuple(np.ascontiguousarray(np.concatenate(local).T, dtype=np.int64))


def _z_order(points: FloatArray, simplices: IntArray) -> IntArray:
    """Interleaved bits of the centres on a grid of the first three axes."""
    centres = points[:, :3][simplices].mean(axis=1)
    low = centres.min(axis=0)
    extent = centres.max(axis=0) - low
    grid = ((centres - low) / np.where(extent > 0.0, extent, 1.0) * (2**_GRID_BITS - 1)).astype(np.int64)
    code = np.zeros(len(centres), dtype=np.int64)
    axes = grid.shape[1]
    for bit in range(_GRID_BITS):
        for a in range(axes):
            code |= ((grid[:, a] >> bit) & 1) << (bit * axes + a)
    return code
