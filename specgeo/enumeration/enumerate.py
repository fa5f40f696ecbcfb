"""`enumerate_regions`: network and domain in, `PolyhedralComplex` out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from specgeo._arguments import checked
from specgeo._budget import afford
from specgeo._cast import IntArray, as_budget
from specgeo._display import counted
from specgeo._progress import reported
from specgeo.domain import as_domain
from specgeo.enumeration._domain import domain_state
from specgeo.enumeration._lattice import boundary_lists, number_faces, spread_signs
from specgeo.enumeration._layers import N_BREAKS, N_UNITS, N_WORDS, Layers, N, flat_bytes, flatten
from specgeo.enumeration._layout import Size, Tally
from specgeo.enumeration._run import Run
from specgeo.enumeration.reaching import prune
from specgeo.errors import BudgetError, InvalidInputError, UnsupportedError
from specgeo.geometry.arrays import Patterns, Ragged, Signs, unpacked
from specgeo.geometry.certificate import Certificate
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.pieces import affine_pieces
from specgeo.geometry.vertex_values import LINE_VALUES, values_on_a_line
from specgeo.geometry.walls import snap
from specgeo.network import Network

_MAX_DIM = 12
_SPARE_CELLS = 1 << 14  # room to begin with, in the plane; faces per cell grow with the dimension


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
) -> PolyhedralComplex:
    """The polyhedral complex of a network on a bounded domain, exactly.

    The cells are the activation regions inside the domain: the maximal sets on which no hidden
    neuron changes its linear piece. Every face of every dimension is found, whatever the position
    of the neurons' zero sets (concurrent, parallel, duplicate, along the walls of the domain).

    Parameters
    ----------
    network : Network
        d inputs, any number of hidden layers with piecewise-linear activations.
    domain : Box, Polytope, convex shapely Polygon or scipy ConvexHull
        Of dimension d.
    exact : bool
        True (default): each sign that decides the combinatorics is proved, by a floating-point
        filter with a rigorous error bound or else by integer arithmetic. False: signs of rounded
        values, for comparison only; degenerate networks then give slivers or an error.
    executor : None
        Reserved for parallel runs; not supported yet.
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
        With ``certificate`` (how the signs were proved) and all faces, patterns and affine pieces.

    Raises
    ------
    DomainError
        The domain is none of these, or its dimension is not the network's.
    InvalidInputError
        ``network`` is no Network, ``max_cells`` or ``max_bytes`` no positive integer.
    BudgetError
        More than ``max_cells`` cells or ``max_bytes`` bytes, or more than is available.
    UnsupportedError
        ``executor`` is given, or d exceeds 12, or the thread does not compute as IEEE 754 says.

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
    if executor is not None:
        raise UnsupportedError("executor: parallel runs are not supported yet; leave it None")
    max_cells, max_bytes = as_budget(max_cells, "max_cells"), as_budget(max_bytes, "max_bytes")
    domain = as_domain(domain)
    if exact:
        require_ieee_arithmetic()
    try:
        return _enumerate(network, domain, exact, progress if callable(progress) else None, max_cells, max_bytes)
    except MemoryError as error:
        raise BudgetError("network, domain: memory ran out; free some, or shrink the domain") from error


def _enumerate(
    network: Network,
    domain: Any,
    exact: bool,
    progress: Callable[[str, float], None] | None,
    max_cells: int | None,
    max_bytes: int | None,
) -> PolyhedralComplex:
    run, labels = _run_through(network, domain, exact, progress, max_cells, max_bytes)
    return as_complex(run, network, labels, domain)


def enumerate_with_signs(
    network: Network,
    domain: Any,
    progress: Callable[[str, float], None] | None = None,
    max_cells: int | None = None,
    max_bytes: int | None = None,
    reaching: bool = False,
) -> tuple[PolyhedralComplex, Signs]:
    """The complex, and the proved signs (n_0, n_units) of the units of the last hidden layer at its vertices.

    ``reaching``: without cells that are proved not to meet the zero sets of these units. One at least is kept, and
    what divides it from those dropped are facets of one cell and no wall.
    """
    require_ieee_arithmetic()
    domain = as_domain(domain)
    run, labels = _run_through(network, domain, True, progress, max_cells, max_bytes, reaching)
    cx = as_complex(run, network, labels, domain)
    words, n_units = (int(n) for n in run.layers.meta[-1, [N_WORDS, N_UNITS]])
    bits = run.state.vbits[: len(cx.vertices)]
    above, below = unpacked(bits[:, :words], n_units), unpacked(bits[:, words:], n_units)
    return cx, above.view(np.int8) - below.view(np.int8)


def _run_through(
    network: Network,
    domain: Any,
    exact: bool,
    progress: Callable[[str, float], None] | None,
    max_cells: int | None,
    max_bytes: int | None,
    reaching: bool = False,
) -> tuple[Run, Labels]:
    """A run through all layers."""
    dim = network.input_dim
    check_dimension(dim)
    state, extent = domain_state(domain, dim, exact, _SPARE_CELLS >> (2 * max(0, dim - 2)), max_bytes)
    depth = len(network.hidden_widths)

    def report(layer: int, share: float, sizes: IntArray) -> None:
        if progress is not None:
            so_far = f"{counted(int(sizes[Size.CELLS]), 'cell')}, {counted(int(sizes[Size.FACES]), 'face')}"
            progress(f"layer {layer} of {depth}: {so_far}", (layer - 1 + share) / depth)

    needed = flat_bytes(network.weights[:-1], network.activations)
    afford(needed, "max_bytes", "raise max_bytes, or take a smaller network", max_bytes)
    layers, labels = layers_of(network)
    run = Run(layers, state, extent, exact, max_cells, report, max_bytes)
    for layer in range(1, depth + 1):
        run.layer(layer)
        if reaching and layer < depth:
            prune(run, layer)
    run.polish()
    return run, labels


def check_dimension(dim: int) -> None:
    """Raise unless there are few enough inputs."""
    if dim > _MAX_DIM:
        raise UnsupportedError(
            f"network: {dim} inputs, at most {_MAX_DIM} are supported; restrict it to a slice (Network.restrict)"
        )


def require_ieee_arithmetic() -> None:
    """Error bounds rest on rounding to nearest and on subnormal numbers; both are settings of the thread."""
    tiny, one, half_ulp = np.float64(2.0**-1022), np.float64(1.0), np.float64(2.0**-54)
    subnormal = tiny * np.float64(0.5) > 0.0 and np.float64(5e-324) * np.float64(2.0) > 0.0
    nearest = one + half_ulp == one and -one - half_ulp == -one and one - np.float64(2.0**-55) == one
    if not (subnormal and nearest):
        raise UnsupportedError(
            "exact: this thread flushes subnormal numbers to zero or does not round to nearest, so that no sign can be "
            "proved; a library built with -ffast-math may have set it so: load it after the enumeration, enumerate in "
            "another thread, or use exact=False"
        )


Labels = tuple[IntArray, IntArray, IntArray]
_flattened: WeakKeyDictionary[Network, tuple[Layers, Labels]] = WeakKeyDictionary()


def layers_of(network: Network) -> tuple[Layers, Labels]:
    """The hidden layers as the kernels want them, and layer, neuron and breakpoint of each unit.

    A network does not change, so this is done once.
    """
    if network not in _flattened:
        layers = flatten(network.weights[:-1], network.biases[:-1], network.activations)
        widths, breaks = layers.meta[:, N], layers.meta[:, N_BREAKS]
        labels = (
            np.repeat(np.arange(len(widths)), widths * breaks),
            np.concatenate([np.repeat(np.arange(n), b) for n, b in zip(widths, breaks, strict=True)] or [np.arange(0)]),
            np.concatenate([np.tile(np.arange(b), n) for n, b in zip(widths, breaks, strict=True)] or [np.arange(0)]),
        )
        _flattened[network] = layers, labels
    return _flattened[network]


def as_complex(run: Run, network: Network, labels: Labels, domain: Any) -> PolyhedralComplex:
    """The arrays of a finished run as a PolyhedralComplex."""
    s, dim = run.state, run.dim
    n_faces, n_vertices = int(s.sizes[Size.FACES]), int(s.sizes[Size.VERTICES])
    n_cells, words = int(s.sizes[Size.CELLS]), int(run.layers.meta[:, N_WORDS].sum())
    pool = int(s.sizes[Size.POOL])
    run.afford(24 * n_faces + 4 * pool + (8 * dim + 24) * n_vertices + (16 * words + 32) * n_cells)
    index, walls = np.empty(n_faces, np.int32), np.empty(max(n_faces, n_vertices), np.int32)
    sizes, items = np.zeros(dim + 1, np.int64), np.zeros(dim + 1, np.int64)
    number_faces(s, dim, index, sizes, items, walls)
    first, begin = np.cumsum(sizes + 1) - sizes - 1, np.cumsum(items) - items
    offsets, indices = np.empty(int(sizes.sum()) + dim + 1, np.int64), np.empty(int(items.sum()), np.int32)
    boundary_lists(s, dim, index, first.copy(), begin.copy(), offsets, indices)
    faces = [
        Ragged(offsets[first[k] : first[k] + sizes[k] + 1], indices[begin[k] : begin[k] + items[k]])
        for k in range(1, dim + 1)
    ]
    signs = _final_signs(run, labels)
    # the row of each boundary facet: of A on a polytope; on a box c for the lower and d + c for the upper wall
    facet_walls = walls[: sizes[dim - 1] if dim > 1 else n_vertices].astype(np.int64)
    vertices = np.ascontiguousarray(s.x[:n_vertices, :dim])
    snap(vertices, domain, facet_walls, faces[:-1])
    cx = PolyhedralComplex(
        vertices,
        tuple(faces),
        lambda: affine_pieces(network.layers, signs),
        signs,
        domain,
        certificate_of(run),
        network.layers,
        s.x[:n_vertices, dim].copy(),
        facet_walls,
        network.slice_notes,
    )
    if len(run.kept):
        values = values_on_a_line(network.layers, run.kept, cx.vertices[:, 0])
        cx.derived(LINE_VALUES, lambda _: values)
    return cx


def certificate_of(run: Run) -> Certificate:
    """How the signs of a run were decided."""
    state = run.state
    return Certificate(
        certified=run.frame.exact,
        float_filter=int(state.tally[Tally.FLOAT]),
        refined_filter=int(state.tally[Tally.REFINED]),
        exact=int(state.tally[Tally.EXACT]),
        exact_zeros=int(state.tally[Tally.ZERO]),
        exact_positions=int(state.tally[Tally.POSITION]),
        smallest_margin=float(run.state.margin[0]),
        seconds=dict(run.seconds),
        refined_positions=int(state.tally[Tally.REFINED_POSITION]),
    )


def _final_signs(run: Run, labels: Labels) -> Patterns:
    """Signs of all units on the final cells, units of all layers side by side."""
    meta = run.layers.meta
    n_cells, total = int(run.state.sizes[Size.CELLS]), int(meta[:, N_UNITS].sum())
    words = (total + 63) // 64
    positive, negative = np.zeros((n_cells, words), np.uint64), np.zeros((n_cells, words), np.uint64)
    cells, start = np.arange(n_cells), total
    for layer in range(len(meta), 0, -1):
        start -= int(meta[layer - 1, N_UNITS])
        spread_signs(run.past.signs(layer), run.past.parents(layer), cells, start, positive, negative)
    return Patterns(positive, negative, *labels)
