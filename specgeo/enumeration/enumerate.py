"""`enumerate_regions`: network and domain in, `PolyhedralComplex` out."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, overload

import numpy as np

from specgeo._arguments import checked
from specgeo._cast import IntArray, as_budget
from specgeo._display import counted
from specgeo._progress import reported
from specgeo._workers import as_threads
from specgeo.domain import WholeSpace, as_domain
from specgeo.enumeration._layers import N_UNITS, N_WORDS
from specgeo.enumeration._layout import Size
from specgeo.enumeration._run import Run
from specgeo.enumeration.begin import begin, cut_by, layers_of, lowered_of, require_ieee_arithmetic
from specgeo.enumeration.cones import of_cones
from specgeo.enumeration.finish import as_complex
from specgeo.enumeration.glue import glued
from specgeo.enumeration.groups import Head, enough_faces
from specgeo.enumeration.reaching import Pruning, Wanted
from specgeo.errors import BudgetError, InvalidInputError
from specgeo.geometry.arrays import Signs, unpacked
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.whole_space import WholeSpaceComplex
from specgeo.network import Network


@overload
def enumerate_regions(
    network: Network,
    domain: WholeSpace,
    *,
    exact: bool = True,
    executor: Any = None,
    progress: Callable[[str, float], None] | bool | None = None,
    max_cells: int | None = None,
    max_bytes: int | None = None,
) -> WholeSpaceComplex: ...
@overload
def enumerate_regions(
    network: Network,
    domain: Any,
    *,
    exact: bool = True,
    executor: Any = None,
    progress: Callable[[str, float], None] | bool | None = None,
    max_cells: int | None = None,
    max_bytes: int | None = None,
) -> PolyhedralComplex: ...
@checked
@reported
def enumerate_regions(
    network: Network,
    domain: Any,
    *,
    exact: bool = True,
    executor: Any = None,
    progress: Callable[[str, float], None] | bool | None = None,
    max_cells: int | None = None,
    max_bytes: int | None = None,
) -> PolyhedralComplex | WholeSpaceComplex:
    """The polyhedral complex of a network on a bounded domain or the whole space, exactly.

    The cells are the activation regions inside the domain: the maximal sets on which no hidden
    neuron changes its linear piece. Every face of every dimension is found, whatever the position
    of the neurons' zero sets (concurrent, parallel, duplicate, along the walls of the domain).

    Parameters
    ----------
    network : Network
        d inputs, any number of hidden layers with piecewise-linear activations.
    domain : Box, Polytope, convex shapely Polygon, scipy ConvexHull or WholeSpace
        Of dimension d.
    exact : bool
        True (default): each sign that decides the combinatorics is proved, by a floating-point
        filter with a rigorous error bound or else by integer arithmetic. False: signs of rounded
        values, for comparison only; degenerate networks then give slivers or an error.
    executor : int or concurrent.futures.Executor, optional
        Number of threads; by default one for each core. Or who does the work: a ``ThreadPoolExecutor``, a
        ``ProcessPoolExecutor``, loky, ``dask.distributed.Client.get_executor()``. It is used where there is much to do,
        from some hundred thousand faces on where layers are wide, and the result is the same to the last bit.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``, fraction of
        hidden layers done.
    max_cells : int, optional
        Budget: more cells than this raise `BudgetError`, as soon as it is certain that they will be.
    max_bytes : int, optional
        Budget for the memory of the run, the flattened network and the result included: a run that needs more raises
        `BudgetError` before it takes it. By default four fifths of what is available (free memory, within the limits
        of a container or of ``ulimit -v``).

    Returns
    -------
    PolyhedralComplex
        With ``certificate`` (how the signs were proved) and all faces, patterns and affine pieces; a
        `WholeSpaceComplex` where the domain is a WholeSpace.

    Raises
    ------
    DomainError
        The domain is none of these, or its dimension is not the network's.
    InvalidInputError
        ``network`` is no Network, ``max_cells`` or ``max_bytes`` no positive integer, ``executor`` none of these.
    BudgetError
        More than ``max_cells`` cells or ``max_bytes`` bytes, or more than is available.
    UnsupportedError
        d exceeds 12 (11 on the whole space), or the thread does not compute as IEEE 754 says.

    Notes
    -----
    Output-sensitive splitting of the face lattice, layer by layer: the units of a layer are affine
    on each face of the complex before it, so each face is a hyperplane arrangement of its own, cut
    in order of dimension. The cost is proportional to what is created. Exact means: the face
    lattice and the sign vectors are those of the network in exact arithmetic on its binary64
    weights (float32 is widened) and the domain's binary64 data; coordinates are roundings with
    known error bounds.

    Examples
    --------
    >>> import specgeo as sg
    >>> diamond = sg.Network([[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 1, 1]], [[1]]], [[0] * 4, [-0.5], [0]])
    >>> cx = sg.enumerate_regions(diamond, sg.Box([-1, -1], [1, 1]))
    >>> cx.f_vector
    (13, 20, 8)
    >>> cx.certificate.certified
    True
    """
    if not isinstance(network, Network):
        raise InvalidInputError(f"network: {type(network).__name__} given; pass a specgeo.Network")
    if not isinstance(executor, Executor):
        as_threads(executor)
    max_cells, max_bytes = as_budget(max_cells, "max_cells"), as_budget(max_bytes, "max_bytes")
    space = domain if isinstance(domain, WholeSpace) else None
    given = network
    if space is not None:
        network, domain = of_cones(network, space, exact)
    domain = as_domain(domain)
    if exact:
        require_ieee_arithmetic()
    try:
        tell = progress if callable(progress) else None
        cx = _enumerate(network, domain, exact, executor, tell, max_cells, max_bytes)
        return cx if space is None else WholeSpaceComplex(cx, given.layers, given.slice_notes)
    except MemoryError as error:
        raise BudgetError("network, domain: memory ran out; free some, or shrink the domain") from error


def _enumerate(
    network: Network,
    domain: Any,
    exact: bool,
    executor: Any,
    progress: Callable[[str, float], None] | None,
    max_cells: int | None,
    max_bytes: int | None,
) -> PolyhedralComplex:
    enough = enough_faces if exact else None  # groups of cells have walls, whose pieces agree if signs are proved
    run, layer = _run_through(network, domain, exact, progress, max_cells, max_bytes, enough=enough)
    if layer == len(run.layers.meta):
        cx = as_complex(run, network, layers_of(network)[1], domain)
        run.loans.give_back()
        return cx
    return glued(Head(network, domain, max_bytes, enough_faces, (run, layer)), executor, progress, max_cells)


def enumerate_with_signs(
    network: Network,
    domain: Any,
    progress: Callable[[str, float], None] | None = None,
    max_cells: int | None = None,
    max_bytes: int | None = None,
    reaching: Wanted | None = None,
) -> tuple[PolyhedralComplex, Signs]:
    """The complex, and the proved signs (n_0, n_units) of the units of the last hidden layer at its vertices.

    ``reaching``: without cells that are proved to have nothing of what is wanted. One at least is kept, and what
    divides those kept from those dropped are facets of one cell and no wall.
    """
    require_ieee_arithmetic()
    domain = as_domain(domain)
    run, _ = _run_through(network, domain, True, progress, max_cells, max_bytes, reaching)
    cx = as_complex(run, network, layers_of(network)[1], domain)
    words, n_units = (int(n) for n in run.layers.meta[-1, [N_WORDS, N_UNITS]])
    bits = run.state.vbits[: len(cx.vertices)]
    above, below = unpacked(bits[:, :words], n_units), unpacked(bits[:, words:], n_units)
    run.loans.give_back()
    return cx, above.view(np.int8) - below.view(np.int8)


def _run_through(
    network: Network,
    domain: Any,
    exact: bool,
    progress: Callable[[str, float], None] | None,
    max_cells: int | None,
    max_bytes: int | None,
    reaching: Wanted | None = None,
    enough: Callable[[Run], bool] | None = None,
) -> tuple[Run, int]:
    """A run through all layers, or up to one before the last whose complex is ``enough``; and the last layer done."""
    low = lowered_of(network)
    run = begin(network, domain, exact, max_cells, None, max_bytes, divides=enough is not None)
    depth, merged = len(run.layers.meta), max(low.contests, default=0)

    def report(layer: int, share: float, sizes: IntArray) -> None:
        assert progress is not None
        so_far = f"{counted(int(sizes[Size.CELLS]), 'cell')}, {counted(int(sizes[Size.FACES]), 'face')}"
        progress("layer {} of {}: ".format(*run.origin(layer)) + so_far, (layer - 1 + share) / depth)

    run.report = None if progress is None else report
    pruning = Pruning(reaching) if reaching is not None else None
    for layer in range(1, depth + 1):
        cut_by(run, low, layer)
        if layer < depth and pruning is not None:
            pruning.prune(run, layer, merged=layer in low.contests)
        if merged <= layer < depth and enough is not None and enough(run):
            return run, layer
    run.polish()
    return run, depth
