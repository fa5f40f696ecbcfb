"""What can be summed over groups of regions without keeping any: counts, measures, jumps, spectra, or a user's own.

A reducer has four methods. ``update(group)`` looks at one group and returns what it adds, a dictionary of arrays;
``start()`` returns what nothing adds; ``merge(a, b)`` joins two of them, ``a`` of earlier groups; ``finish(total)``
makes the result. Groups are merged in their order, whoever computed them: results do not depend on the workers, to
the last bit.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, as_points
from specgeo.streaming.groups import RegionGroup

Part: TypeAlias = dict[str, npt.NDArray[Any]]


class Reducer(Protocol):
    """Anything with these four methods; see the head of the module."""

    def start(self) -> Part: ...
    def update(self, group: RegionGroup) -> Part: ...
    def merge(self, a: Part, b: Part) -> Part: ...
    def finish(self, total: Part) -> Any: ...


class _Sums:
    """A reducer whose parts are added."""

    def start(self) -> Part:
        return {}

    def merge(self, a: Part, b: Part) -> Part:
        return {name: a[name] + b[name] if name in a else b[name] for name in b} if a else b


class FVector(_Sums):
    """Numbers of faces of each dimension: a tuple of int, vertices first."""

    def update(self, group: RegionGroup) -> Part:
        return {"faces": np.array([np.count_nonzero(own) for own in group.owned])}

    def finish(self, total: Part) -> tuple[int, ...]:
        return tuple(total["faces"].tolist())


class Volumes(_Sums):
    """Cells by their volumes: number, sums of powers, and a histogram of log10.

    Parameters
    ----------
    bins : array_like of floats, shape (n + 1,), optional
        Edges of the histogram of log10 of the volume; by default -16 to 4 by quarters. What lies outside is in the
        first or last bin.
    """

    def __init__(self, bins: npt.ArrayLike | None = None) -> None:
        self.bins = np.arange(-16.0, 4.125, 0.25) if bins is None else np.asarray(bins, np.float64)

    def update(self, group: RegionGroup) -> Part:
        volumes = group.complex.volumes
        with np.errstate(divide="ignore"):
            logs = np.clip(np.log10(volumes), self.bins[0], self.bins[-1])
        return {
            "moments": np.array([len(volumes), volumes.sum(), (volumes**2).sum()], np.float64),
            "histogram": np.histogram(logs, self.bins)[0],
        }

    def finish(self, total: Part) -> dict[str, Any]:
        n, first, second = total["moments"].tolist()
        return {"cells": int(n), "volume": first, "mean_square": second / n, "histogram": total["histogram"]}


class Lipschitz:
    """The largest norm of a gradient, of each output and of all together (spectral norm of the Jacobian)."""

    def start(self) -> Part:
        return {}

    def update(self, group: RegionGroup) -> Part:
        gradients = group.complex.gradients
        norms = np.linalg.norm(gradients, axis=2).max(axis=0)
        whole = norms if gradients.shape[1] == 1 else np.linalg.norm(gradients, 2, axis=(1, 2)).max(keepdims=True)
        return {"outputs": norms, "all": whole}

    def merge(self, a: Part, b: Part) -> Part:
        return {name: np.maximum(a[name], b[name]) for name in b} if a else b

    def finish(self, total: Part) -> dict[str, Any]:
        return {"outputs": total["outputs"], "all": float(total["all"][0])}


class Jumps:
    r"""Measures of the gradient jumps c_F over the inner facets: what bounds and limits of the spectrum need.

    The result has ``variation`` (sum \|c_F\| \|F\|), ``square`` (sum c_F^2 \|F\|) and ``hessian`` (sum \|c_F\| \|F\| n n^T, so
    that J(u) = u^T hessian u), for each output.

    A facet between two groups waits until both have been: then the n-th piece of what they share is the n-th in the
    other, and the jump is the sum of the slopes outwards.
    """

    def start(self) -> Part:
        return {}

    def update(self, group: RegionGroup) -> Part:
        cx, facets = group.complex, group.complex.facets
        inner, seam = ~facets.is_boundary, group.seam
        part = self._measured(facets.jumps[inner], facets.measures[inner], facets.normals[inner])
        slopes = np.einsum("fmd,fd->fm", cx.gradients[facets.cells[seam, 0]], facets.normals[seam])
        order = np.argsort(group.seam_keys, kind="stable")
        rows = seam[order]
        part |= {
            "keys": group.seam_keys[order],
            "slopes": slopes[order],
            "measures": facets.measures[rows],
            "normals": facets.normals[rows],
        }
        return part

    @staticmethod
    def _measured(jumps: FloatArray, measures: FloatArray, normals: FloatArray) -> Part:
        weights = np.abs(jumps) * measures[:, None]
        return {
            "variation": weights.sum(axis=0),
            "square": (jumps**2 * measures[:, None]).sum(axis=0),
            "hessian": np.einsum("fm,fi,fj->mij", weights, normals, normals),
        }

    def merge(self, a: Part, b: Part) -> Part:
        if not a:
            return b
        waiting, coming = np.isin(a["keys"], b["keys"]), np.isin(b["keys"], a["keys"])
        pair = self._measured(-(a["slopes"][waiting] + b["slopes"][coming]), a["measures"][waiting], a["normals"][waiting])
        total = {name: a[name] + b[name] + pair[name] for name in ("variation", "square", "hessian")}
        keys = np.concatenate((a["keys"][~waiting], b["keys"][~coming]))
        order = np.argsort(keys, kind="stable")
        total["keys"] = keys[order]
        for name in ("slopes", "measures", "normals"):
            total[name] = np.concatenate((a[name][~waiting], b[name][~coming]))[order]
        return total

    def finish(self, total: Part) -> dict[str, FloatArray]:
        assert not len(total["keys"]), "a facet between groups has one side only"
        return {name: total[name] for name in ("variation", "square", "hessian")}


class Spectrum:
    """Transforms of f on the domain at given wavevectors, with their error bounds: what `specgeo.spectrum` returns.

    Parameters
    ----------
    k : array_like of floats, shape (n, d)
    """

    def __init__(self, k: npt.ArrayLike) -> None:
        self.k = np.atleast_2d(np.asarray(k, np.float64))

    def start(self) -> Part:
        return {}

    def update(self, group: RegionGroup) -> Part:
        from specgeo.fourier import spectrum

        k = as_points(self.k, "k", group.complex.dim)
        values, errors = spectrum(group.complex, k, return_error=True)
        return {"values": values, "errors": errors}

    def merge(self, a: Part, b: Part) -> Part:
        if not a:
            return b
        values = a["values"] + b["values"]
        return {"values": values, "errors": a["errors"] + b["errors"] + 2.0**-52 * np.abs(values)}

    def finish(self, total: Part) -> tuple[npt.NDArray[np.complex128], FloatArray]:
        return total["values"], total["errors"]
