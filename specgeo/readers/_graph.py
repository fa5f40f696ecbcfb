"""The graph that readers build: blocks of neurons, and values that are affine in them; scheduled into layers.

A *block* is the input, an activation of each entry of a value, maxima over groups of its entries, or a value that is
kept (*held*) since the map that follows cannot be folded into it exactly. A *value* is an affine map of one or several
blocks. `Graph.network` puts the blocks into layers: a layer has the blocks that can be computed by then, and the
entries of earlier blocks that are still needed, which pass through as neurons with the identity. Nothing rounds, so
the network is the function that the graph was built for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from specgeo._affine import Affine, Monomial
from specgeo._cast import FloatArray, IntArray
from specgeo.activation import Activation
from specgeo.layer_activations import MaxGroups
from specgeo.network import Network
from specgeo.readers._limit import Limit
from specgeo.readers._maps import (
    Map,
    Sparse,
    as_matrix,
    as_sparse,
    compose,
    csr,
    n_rows,
    selected,
    selection,
    stacked,
    used_columns,
)

Groups = tuple[tuple[int, ...], ...]
_SMALL, _SPARSE = 1 << 14, 0.1  # entries of matrices that become arrays; larger ones do if more of them are not zero


@dataclass(frozen=True, eq=False)
class Block:
    """Neurons of one kind; neither activations nor groups: the input (no source), or a held value."""

    width: int
    source: Value | None = None
    kinds: tuple[Activation, ...] = ()  # one for all entries, or one an entry
    groups: Groups = ()

    def activation(self, i: int) -> Activation:
        """Activation of entry i."""
        return self.kinds[i if len(self.kinds) > 1 else 0] if self.kinds else Activation.identity()


@dataclass(frozen=True, eq=False)
class Value:
    """``map`` of the concatenation of blocks; None is the concatenation itself."""

    blocks: tuple[Block, ...]
    map: Map | None = None

    @property
    def width(self) -> int:
        """Number of entries."""
        return sum(block.width for block in self.blocks) if self.map is None else n_rows(self.map)

    def used(self) -> dict[Block, Any]:
        """For each block, which entries of it are looked at."""
        width = sum(block.width for block in self.blocks)
        used = np.ones(width, np.bool_) if self.map is None else used_columns(self.map)
        ends = np.cumsum([block.width for block in self.blocks])
        return dict(zip(self.blocks, np.split(used, ends[:-1]), strict=True))


class Graph:
    """Blocks and values over one input."""

    def __init__(self, input_dim: int, limit: Limit | None = None) -> None:
        self.limit = limit or Limit()
        self.limit.take(8 * input_dim, "the input")
        self.swapped = False  # whether an activation was moved behind a maximum
        self._input = Block(input_dim)
        self._held: dict[Value, Value] = {}
        self._active: dict[tuple[Value, tuple[Activation, ...]], Value] = {}

    @property
    def input(self) -> Value:
        """The input as a value."""
        return Value((self._input,))

    def apply(self, value: Value, one: Map) -> Value:
        """The map of a value; folded if that is exact, and of the held value otherwise."""
        if value.map is not None:
            folded = compose(one, value.map)
            if folded is not None:
                return Value(value.blocks, folded)
            value = self.hold(value)
        return Value(value.blocks, one)

    def affine(self, value: Value, matrix: FloatArray, offset: FloatArray) -> Value:
        """matrix @ value + offset."""
        m, n = matrix.shape
        self.limit.take(16 * m * (n + 1), f"a layer of {m} neurons with {n} inputs")  # and a copy
        return self.apply(value, Affine(matrix, offset))

    def shift(self, value: Value, offset: FloatArray) -> Value:
        """value + offset."""
        return self.apply(value, Monomial(np.arange(value.width), np.ones(value.width), offset))

    def scale(self, value: Value, factor: FloatArray) -> Value:
        """value * factor."""
        return self.apply(value, Monomial(np.arange(value.width), factor, np.zeros(value.width)))

    def select(self, value: Value, order: IntArray) -> Value:
        """value[order]."""
        n = value.width
        if len(order) == n and np.array_equal(order, np.arange(n)):
            return value
        if len(order) == n and np.array_equal(np.sort(order), np.arange(n)):
            return self.apply(value, Monomial(order, np.ones(n), np.zeros(n)))
        self.limit.take(32 * len(order), f"{len(order)} entries of {n}")
        return self.apply(value, selection(order, n))

    def hold(self, value: Value) -> Value:
        """The value as neurons of its own, without an activation; those of one block are that already."""
        if value.map is None and len(value.blocks) == 1:
            return value
        if value not in self._held:
            self._held[value] = Value((Block(value.width, value),))
        return self._held[value]

    def join(self, values: Sequence[Value]) -> Value:
        """The concatenation of values."""
        if len(values) == 1:
            return values[0]
        blocks = tuple(dict.fromkeys(block for value in values for block in value.blocks))
        if len(blocks) == sum(len(value.blocks) for value in values) and all(v.map is None for v in values):
            return Value(blocks)
        return Value(blocks, stacked([_over(blocks, value) for value in values]))

    def add(self, values: Sequence[Value]) -> Value:
        """The sum of values of one width; held first if their maps have no exact sum."""
        if len(values) == 1:
            return values[0]
        n, k = values[0].width, len(values)
        ones = Sparse(csr(np.tile(np.arange(n), k), np.arange(k * n), np.ones(k * n), (n, k * n)), np.zeros(n))
        joined = self.join(values)
        if joined.map is not None and compose(ones, joined.map) is None:
            joined = self.join([self.hold(value) for value in values])
        return self.apply(joined, ones)

    def activate(self, value: Value, kinds: Sequence[Activation]) -> Value:
        """One activation for all entries, or one each."""
        if len(set(kinds)) == 1:
            kinds = kinds[:1]
        if all(kind.is_identity for kind in kinds):
            return value
        key = value, tuple(kinds)
        if key not in self._active:  # the same activation of the same value is made once
            self._active[key] = Value((Block(value.width, value, key[1]),))
        return self._active[key]

    def maximum(self, value: Value, groups: Iterable[Iterable[int]]) -> Value:
        """The largest entry of each group."""
        each = tuple(tuple(dict.fromkeys(group)) for group in groups)
        if all(len(group) == 1 for group in each):
            return self.select(value, np.array([group[0] for group in each]))
        return Value((Block(len(each), value, (), each),))

    def network(self, output: Value) -> Network:
        """The network whose output is a value."""
        schedule = _Schedule(_Swaps(self, output).output, self.limit)
        while schedule.ready:
            schedule.layer()
        schedule.last()
        return Network(schedule.weights, schedule.biases, schedule.activations)


def _over(blocks: tuple[Block, ...], value: Value) -> Map:
    """The map of a value as one of more blocks than its own."""
    if blocks == value.blocks:
        return value.map if value.map is not None else selection(np.arange(value.width), value.width)
    starts = dict(zip(blocks, np.cumsum([0, *(block.width for block in blocks)]), strict=False))
    columns = np.concatenate([starts[block] + np.arange(block.width) for block in value.blocks])
    width = sum(block.width for block in blocks)
    if value.map is None:
        return selection(columns, width)
    own = as_sparse(value.map)
    entries = own.matrix.tocoo()
    return Sparse(csr(entries.row, columns[entries.col], entries.data, (n_rows(own), width)), own.offset)


def _blocks_below(output: Value) -> list[Block]:
    """All blocks that a value needs, each after those it needs itself."""
    found: dict[Block, None] = {}
    stack = [(block, False) for block in reversed(output.blocks)]
    while stack:
        block, ready = stack.pop()
        if ready:
            found[block] = None
        elif block not in found:
            stack.append((block, True))
            stack += [(below, False) for below in reversed(block.source.blocks if block.source else ())]
    return list(found)


class _Swaps:
    """Nondecreasing activations whose values only a maximum looks at are moved behind it: far fewer walls cross."""

    def __init__(self, graph: Graph, output: Value) -> None:
        self.graph = graph
        blocks = _blocks_below(output)
        self.users = Counter(b for one in blocks if one.source for b in one.source.blocks) + Counter(output.blocks)
        self.new: dict[Block, Block] = {}
        for block in blocks:
            source = block.source
            if source is None:
                self.new[block] = block
            elif (kinds := self._commute(block)) is not None:
                inner, columns = source.blocks[0], np.arange(source.width)
                if source.map is not None:
                    columns = selected(source.map)  # type: ignore[assignment]
                below = graph.select(self._value(inner.source), columns)  # type: ignore[arg-type]
                self.new[block] = graph.activate(graph.maximum(below, block.groups), kinds).blocks[0]
                graph.swapped = True
            else:
                self.new[block] = Block(block.width, self._value(source), block.kinds, block.groups)
        self.output = self._value(output)

    def _value(self, value: Value) -> Value:
        return Value(tuple(self.new[block] for block in value.blocks), value.map)

    def _commute(self, block: Block) -> list[Activation] | None:
        """The activation behind each group, if it may stand there."""
        source = block.source
        if not block.groups or source is None or len(source.blocks) != 1:
            return None
        inner = source.blocks[0]
        if not inner.kinds or self.users[inner] > 1 or any(np.any(kind.slopes < 0.0) for kind in set(inner.kinds)):
            return None
        columns = np.arange(source.width) if source.map is None else selected(source.map)
        if columns is None:
            return None
        each = [{inner.activation(columns[i]) for i in group} for group in block.groups]
        return [kinds.pop() for kinds in each] if all(len(kinds) == 1 for kinds in each) else None


@dataclass
class _Schedule:
    """Layers so far, and the entries of blocks that the last one has."""

    output: Value
    limit: Limit
    weights: list[Any] = field(default_factory=list)
    biases: list[FloatArray] = field(default_factory=list)
    activations: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        blocks = _blocks_below(self.output)
        self.users: dict[Block, list[Block | None]] = defaultdict(list)
        for block in blocks:
            for below in block.source.blocks if block.source else ():
                self.users[below].append(block)
        for below in self.output.blocks:
            self.users[below].append(None)
        self.missing = {block: len(block.source.blocks) for block in blocks if block.source}
        self.uses = {block: block.source.used() for block in blocks if block.source}
        self.ready: list[Block] = []
        self.width = 0
        self.live: dict[Block, IntArray] = {}  # where the entries of a block are in the last layer, -1: nowhere
        self._made([(block, np.arange(block.width)) for block in blocks if block.source is None] or [])

    def _made(self, parts: list[tuple[Block, IntArray]]) -> None:
        """The last layer consists of these entries of blocks."""
        new = [block for block, _ in parts if block not in self.live]
        self.width, self.live = 0, {}
        for block, entries in parts:
            place = np.full(block.width, -1)
            place[entries] = self.width + np.arange(len(entries))
            self.live[block] = place
            self.width += len(entries)
        for block in new:
            for user in self.users[block]:
                if user is not None:
                    self.missing[user] -= 1
                    if self.missing[user] == 0:
                        self.ready.append(user)

    def layer(self) -> None:
        """One more layer: activations first, else maxima; held values with either."""
        chosen = [b for b in self.ready if b.kinds] or [b for b in self.ready if b.groups] or self.ready
        held = [b for b in self.ready if not b.kinds and not b.groups and b not in chosen]
        chosen = chosen + held
        self.ready = [b for b in self.ready if b not in chosen]
        for block in chosen:
            for below in block.source.blocks:  # type: ignore[union-attr]
                self.users[below].remove(block)
        passed = [(block, self._needed(block)) for block in self.live if self.users[block]]
        rows = [self._rows(block.source) for block in chosen]  # type: ignore[arg-type]
        for block, entries in passed:
            rows.append(selection(self.live[block][entries], self.width))
        self._append(rows)
        self.activations.append(self._activation(chosen, sum(len(entries) for _, entries in passed)))
        self._made([(block, np.arange(block.width)) for block in chosen] + passed)

    def last(self) -> None:
        """The layer behind the last activation."""
        self._append([self._rows(self.output)])

    def _needed(self, block: Block) -> IntArray:
        used = np.zeros(block.width, np.bool_)
        for user in self.users[block]:
            used |= self.output.used()[block] if user is None else self.uses[user][block]
        return np.flatnonzero(used)

    def _rows(self, value: Value) -> Map:
        """A value as a map of the last layer."""
        columns = np.concatenate([self.live[block] for block in value.blocks])
        if value.map is None:
            return selection(columns, self.width)
        if np.array_equal(columns, np.arange(self.width)):
            return value.map
        own = as_sparse(value.map)
        entries = own.matrix.tocoo()
        matrix = csr(entries.row, columns[entries.col], entries.data, (n_rows(own), self.width))
        return Sparse(matrix, own.offset)

    def _append(self, rows: list[Map]) -> None:
        one = rows[0] if len(rows) == 1 else stacked(rows)
        matrix = as_matrix(one)
        m, n = matrix.shape
        if not isinstance(matrix, np.ndarray) and (m * n <= _SMALL or matrix.nnz > _SPARSE * m * n):
            self.limit.take(16 * m * (n + 1), f"a layer of {m} neurons with {n} inputs")  # and a copy
            matrix = matrix.toarray()
        self.weights.append(matrix)
        self.biases.append(one.offset)

    def _activation(self, chosen: list[Block], n_passed: int) -> Any:
        """The activation of a layer of these blocks, with neurons that pass through behind them."""
        if not any(block.groups for block in chosen):
            each = [block.activation(i) for block in chosen for i in range(block.width)]
            each += [Activation.identity()] * n_passed
            return each[0] if len(set(each)) == 1 else each
        groups: list[tuple[int, ...]] = []
        start = 0
        for block in chosen:
            own = block.groups or tuple((i,) for i in range(block.width))
            groups += [tuple(start + i for i in group) for group in own]
            start += block.source.width  # type: ignore[union-attr]
        return MaxGroups((*groups, *((start + i,) for i in range(n_passed))))
