"""What can be summed over groups of regions without keeping any: counts, measures, jumps, spectra, or a user's own.

Groups are merged in their order, whoever computed them: results do not depend on the workers, to the last bit.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, as_floats
from specgeo._measures import lengths_of
from specgeo.domain import Box
from specgeo.errors import DomainError, InvalidInputError, SpecgeoError
from specgeo.geometry.certificate import Certificate
from specgeo.streaming.groups import RegionGroup

Extension: TypeAlias = Literal["mirror", "periodic"]
Part: TypeAlias = dict[str, npt.NDArray[Any]]


class Reducer(Protocol):
    """Anything with these four methods.

    A *part* is a dictionary of arrays: what some groups of regions give. It is all that is kept of them. Reducers do
    not change while they are used: several threads may ask them at a time. Those with an attribute ``whole_space``
    that is true are taken on `specgeo.WholeSpace` too, where groups have the ``complex`` of cones.

    Examples
    --------
    The largest number of facets that a region has:

    >>> import numpy as np
    >>> import specgeo as sg
    >>> class MostFacets:
    ...     def start(self):
    ...         return {"most": np.array(0)}
    ...     def update(self, group):
    ...         return {"most": np.diff(group.complex.faces[-1].offsets).max()}
    ...     def merge(self, a, b):
    ...         return {"most": np.maximum(a["most"], b["most"])}
    ...     def finish(self, total):
    ...         return int(total["most"])
    >>> net = sg.testing.random_network([2, 16, 16, 1], 0)
    >>> sg.reduce_regions(net, sg.Box([-1, -1], [1, 1]), {"facets": MostFacets()})["facets"]
    8
    """

    def start(self) -> Part:
        """What no group gives; merged with any part it gives that part."""

    def update(self, group: RegionGroup) -> Part:
        """What one group gives."""

    def merge(self, a: Part, b: Part) -> Part:
        """What the groups of both parts give together; those of ``a`` come before those of ``b``."""

    def finish(self, total: Part) -> Any:
        """The result, from what all groups give."""


class Sums:
    """A reducer whose parts are added."""

    def start(self) -> Part:
        return {}

    def merge(self, a: Part, b: Part) -> Part:
        return {name: a[name] + b[name] if name in a else b[name] for name in b} if a else b


class FVector(Sums):
    """Numbers of faces of each dimension: a tuple of int, vertices first. On the whole space too.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.testing.random_network([2, 8, 8, 1], 0)
    >>> sg.reduce_regions(net, sg.Box([-1, -1], [1, 1]), {"faces": sg.streaming.FVector()})["faces"]
    (119, 220, 102)
    """

    whole_space = True

    def update(self, group: RegionGroup) -> Part:
        return {"faces": np.array([np.count_nonzero(own) for own in group.owned])}

    def finish(self, total: Part) -> tuple[int, ...]:
        return tuple(total["faces"].tolist())


class Volumes(Sums):
    """Cells by their volumes.

    The result is a dictionary: ``cells``, their number, ``volume``, that of all, ``mean_square`` of the volumes of
    cells, and ``histogram``, numbers of cells by log10 of their volume.

    Parameters
    ----------
    bins : array_like of floats, shape (n + 1,), optional
        Edges of the histogram of log10 of the volume; by default -16 to 4 by quarters. What lies outside is in the
        first or last bin.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.testing.random_network([2, 8, 8, 1], 0)
    >>> sizes = sg.streaming.Volumes(bins=[-16, -2, 4])
    >>> found = sg.reduce_regions(net, sg.Box([-1, -1], [1, 1]), {"sizes": sizes})["sizes"]
    >>> found["cells"], round(found["volume"], 9), found["histogram"].tolist()
    (102, 4.0, [65, 37])
    """

    def __init__(self, bins: npt.ArrayLike | None = None) -> None:
        self.bins = np.arange(-16.0, 4.125, 0.25) if bins is None else as_floats(bins, "bins")
        if self.bins.ndim != 1 or len(self.bins) < 2 or not np.all(np.diff(self.bins) > 0):
            raise InvalidInputError("bins: pass at least two edges, in ascending order")

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
    """The largest norm of a gradient. On the whole space too.

    The result is a dictionary: ``outputs``, for each output, shape (m,), and ``all``, the largest spectral norm of the
    Jacobian (m, d): the Lipschitz constant of f on a convex domain.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.testing.random_network([2, 8, 8, 1], 0)
    >>> found = sg.reduce_regions(net, sg.Box([-1, -1], [1, 1]), {"slopes": sg.streaming.Lipschitz()})
    >>> round(found["slopes"]["all"], 6)
    4.252841
    """

    whole_space = True

    def start(self) -> Part:
        return {}

    def update(self, group: RegionGroup) -> Part:
        gradients = group.gradients
        norms = lengths_of(gradients).max(axis=0)
        whole = norms if gradients.shape[1] == 1 else np.linalg.norm(gradients, 2, axis=(1, 2)).max(keepdims=True)
        return {"outputs": norms, "all": whole}

    def merge(self, a: Part, b: Part) -> Part:
        return {name: np.maximum(a[name], b[name]) for name in b} if a else b

    def finish(self, total: Part) -> dict[str, Any]:
        return {"outputs": total["outputs"], "all": float(total["all"][0])}


class Jumps:
    r"""Measures of the gradient jumps c_F over the inner facets: what bounds and limits of the spectrum need.

    The result is a dictionary, for each output: ``variation``, the sum of \|c_F\| \|F\|, ``square``, that of
    c_F^2 \|F\|, and ``hessian``, that of \|c_F\| \|F\| n n^T: J(u) = u^T hessian u.

    Examples
    --------
    >>> import specgeo as sg
    >>> tent = sg.Network([[[1.0], [1.0]], [[1.0, -2.0]]], [[1.0, 0.0], [0.0]])
    >>> found = sg.reduce_regions(tent, sg.Box([-2], [2]), {"jumps": sg.streaming.Jumps()})["jumps"]
    >>> found["variation"], found["square"]
    (array([3.]), array([5.]))
    """

    # A facet between two groups waits until both have been: the n-th piece of what they share is the n-th in the other.

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
    @np.errstate(over="ignore", invalid="ignore")  # what is not finite is refused in the end
    def _measured(jumps: FloatArray, measures: FloatArray, normals: FloatArray) -> Part:
        weights = np.abs(jumps) * measures[:, None]
        return {
            "variation": weights.sum(axis=0),
            "square": ((jumps * np.sqrt(measures)[:, None]) ** 2).sum(axis=0),
            "hessian": np.einsum("fm,fi,fj->mij", weights, normals, normals),
        }

    def merge(self, a: Part, b: Part) -> Part:
        if not a:
            return b
        waiting, coming = np.isin(a["keys"], b["keys"]), np.isin(b["keys"], a["keys"])
        normals = a["normals"][waiting]
        # where a cell is too thin for its vertices to tell its side of the facet both normals may be on one side
        turned = np.sign(np.einsum("fd,fd->f", normals, b["normals"][coming]))[:, None]
        pair = self._measured(a["slopes"][waiting] - turned * b["slopes"][coming], a["measures"][waiting], normals)
        total = {name: a[name] + b[name] + pair[name] for name in ("variation", "square", "hessian")}
        keys = np.concatenate((a["keys"][~waiting], b["keys"][~coming]))
        order = np.argsort(keys, kind="stable")
        total["keys"] = keys[order]
        for name in ("slopes", "measures", "normals"):
            total[name] = np.concatenate((a[name][~waiting], b[name][~coming]))[order]
        return total

    def finish(self, total: Part) -> dict[str, FloatArray]:
        if len(total["keys"]):
            raise SpecgeoError("internal error: a facet between groups has one side only; please report this network")
        if not all(np.isfinite(total[name]).all() for name in ("variation", "square", "hessian")):
            raise DomainError("network: sums over its jumps are beyond the range of floats; scale its outputs")
        return {name: total[name] for name in ("variation", "square", "hessian")}


class _Transforms:
    """A reducer whose parts are values and bounds on their errors, which are added."""

    def start(self) -> Part:
        return {}

    def merge(self, a: Part, b: Part) -> Part:
        if not a:
            return b
        values = a["values"] + b["values"]
        return {"values": values, "errors": a["errors"] + b["errors"] + 2.0**-52 * np.abs(values)}

    def finish(self, total: Part) -> tuple[npt.NDArray[Any], FloatArray]:
        return total["values"], total["errors"]


class Spectrum(_Transforms):
    """Transforms of f on the domain at given wavevectors, with bounds on their errors: as `specgeo.spectrum` has them.

    The result is (values, errors), shapes (..., m). The volume form is taken, in which nothing happens at the walls
    between groups.

    Parameters
    ----------
    k : array_like of floats, shape (..., d)
        Wavevectors in angular units.

    Examples
    --------
    >>> import specgeo as sg
    >>> tent = sg.Network([[[1.0], [1.0]], [[1.0, -2.0]]], [[1.0, 0.0], [0.0]])
    >>> found = sg.reduce_regions(tent, sg.Box([-2], [2]), {"spectrum": sg.streaming.Spectrum([[0.0]])})
    >>> values, errors = found["spectrum"]
    >>> values.round(9), bool(errors.max() < 1e-12)
    (array([[0.5+0.j]]), True)
    """

    def __init__(self, k: npt.ArrayLike) -> None:
        self.k = as_floats(k, "k")

    def update(self, group: RegionGroup) -> Part:
        from specgeo.fourier import spectrum

        values, errors = spectrum(group.complex, self.k, return_error=True, method="volume")
        return {"values": values, "errors": errors}


class FourierCoefficients(_Transforms):
    """Fourier coefficients of f on a box, with bounds on their errors: as `specgeo.fourier_coefficients` has them.

    The result is (coefficients, errors), shapes (..., m), in the volume form, as in `Spectrum`.

    Parameters
    ----------
    modes : array_like of ints, shape (..., d)
        Multi-indices n.
    extension : {"mirror", "periodic"}
        As in `specgeo.fourier_coefficients`.

    Examples
    --------
    >>> import specgeo as sg
    >>> ramp = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    >>> series = sg.streaming.FourierCoefficients([[0], [1], [2]])
    >>> found = sg.reduce_regions(ramp, sg.Box([0], [1]), {"series": series})
    >>> found["series"][0].round(6)[:, 0]  # 1/2, -2/pi^2, 0
    array([ 0.5     , -0.202642,  0.      ])
    """

    @checked
    def __init__(self, modes: npt.ArrayLike, extension: Extension = "mirror") -> None:
        self.modes, self.extension = as_floats(modes, "modes"), extension

    def update(self, group: RegionGroup) -> Part:
        from specgeo.fourier.forms import forms_of
        from specgeo.fourier.series import coefficients_on

        if not isinstance(group.domain, Box):
            raise DomainError("domain: not a Box; Fourier series are for boxes, take Spectrum instead")
        forms = forms_of(group.complex, group.domain)
        values, errors = coefficients_on(group.domain, forms, self.modes, self.extension, "volume", True)
        return {"values": values, "errors": errors}


CERTIFICATE = ""  # the name under which certificates are summed, which no reducer of a user can have
_COUNTS = [f.name for f in fields(Certificate) if f.type == "int"]


class Certificates(Sums):
    """How signs were decided, in the head and in all groups."""

    def __init__(self, head: Certificate) -> None:
        self._head = head

    @staticmethod
    def _part(certificate: Certificate) -> Part:
        counts = np.array([getattr(certificate, name) for name in _COUNTS])
        return {"counts": counts, "margin": np.array(certificate.smallest_margin)}

    def start(self) -> Part:
        return self._part(self._head)

    def update(self, group: RegionGroup) -> Part:
        return self._part(group.certificate)

    def merge(self, a: Part, b: Part) -> Part:
        return {"counts": a["counts"] + b["counts"], "margin": np.minimum(a["margin"], b["margin"])}

    def finish(self, total: Part) -> Certificate:
        return certificate_of(total)


def certificate_of(total: Part) -> Certificate:
    """The certificate that `Certificates` have summed."""
    counts = dict(zip(_COUNTS, total["counts"].tolist(), strict=True))
    return Certificate(certified=True, smallest_margin=float(total["margin"]), seconds={}, **counts)
