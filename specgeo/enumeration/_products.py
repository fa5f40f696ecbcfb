"""Products with the weights of a layer, as it is kept: an array in tiles of eight neurons, or lists of entries.

A product takes several vectors at a time, as rows: four of them and eight neurons make a tile of the result, which
stays in registers while the inputs go by (`specgeo._vector`), and the weights of a tile are read one after the other.

Products and sums are fused where the machine does that in one instruction, so that results may differ between machines
in their last bits; the roundings of both are counted.
"""

from __future__ import annotations

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import hot, leaf
from specgeo._vector import MANY_REGISTERS, WIDTH, everywhere, load, multiply_add, store, total
from specgeo.enumeration._layers import N_PREVIOUS, ROWS, WEIGHT, Layers, N
from specgeo.enumeration._layout import BLOCK, Scratch
from specgeo.enumeration._scalars import Ids, Integer, index

AT_ONCE = 2 if MANY_REGISTERS else 1  # tiles


@hot
def roundings(layers: Layers, layer: Integer) -> float:
    """How many roundings a term passes through from a pre-activation to `add_product`, and a bias.

    Activation 2, product 1; in a list its other entries, n / 4 at most, the sum with what was there 1; in an array the
    other terms of its block, and the sums of blocks; 1 where the bias is added last.
    """
    n = layers.meta[layer - 1, N_PREVIOUS]
    if layers.meta[layer - 1, ROWS] >= 0:
        return float(n // 4 + 5.0)
    return float(min(n, BLOCK) + n // BLOCK + 5.0)


@leaf
def find_columns(rows: FloatArray, n_rows: Integer, n: Integer, columns: IntArray, blocks: IntArray) -> int:
    """columns = those of the first n in which not all of so many rows are zero.

    ``blocks`` says where each block begins and the last ends; returns their number.
    """
    for k in range(n):
        columns[k] = 0
    for r in range(n_rows):
        words = rows[r].view(columns.dtype)
        for k in range(n):
            columns[k] |= words[k]
    t, n_blocks, k = 0, 0, 0
    while k < n:
        blocks[n_blocks] = t
        n_blocks += 1
        for _ in range(min(BLOCK, n - k)):
            some = columns[k] << 1 != 0  # but for the signs of zeros
            columns[t] = k
            t += int(some)
            k += 1
    blocks[n_blocks] = t
    return n_blocks


@hot
def _add_tiles(
    rows: FloatArray, columns: IntArray, tiles: FloatArray, starts: tuple[Integer, Integer], out: FloatArray,
    to: Integer, sizes: bool, fifth: bool,
) -> None:  # fmt: skip
    """Add to a tile of the result: out[r, j] += sum of rows[r, k] tiles[start + 8 k + j] over these columns k, r < 4.

    The tile begins at place ``to`` of ``out``. With ``sizes`` the last row takes the absolute values of the
    weights; it is a fifth one with ``fifth``. Where there are registers for it, the next tile is done beside it, whose
    operations need not wait for those of this one.
    """
    step, (one, two) = out.shape[1], starts
    s0, s1, s2, s3, s4 = everywhere(0.0), everywhere(0.0), everywhere(0.0), everywhere(0.0), everywhere(0.0)
    t0, t1, t2, t3, t4 = everywhere(0.0), everywhere(0.0), everywhere(0.0), everywhere(0.0), everywhere(0.0)
    r0, r1, r2, r3, r4 = rows[0], rows[1], rows[2], rows[3], rows[4 if fifth else 3]
    for column in columns:
        k = index(column)
        w = load(tiles, one + WIDTH * k)
        s0 = multiply_add(w, r0[k], s0)
        s1 = multiply_add(w, r1[k], s1)
        s2 = multiply_add(w, r2[k], s2)
        s3 = multiply_add(abs(w) if sizes and not fifth else w, r3[k], s3)
        if fifth:
            s4 = multiply_add(abs(w), r4[k], s4)
        if MANY_REGISTERS:
            w = load(tiles, two + WIDTH * k)
            t0 = multiply_add(w, r0[k], t0)
            t1 = multiply_add(w, r1[k], t1)
            t2 = multiply_add(w, r2[k], t2)
            t3 = multiply_add(abs(w) if sizes and not fifth else w, r3[k], t3)
            if fifth:
                t4 = multiply_add(abs(w), r4[k], t4)
    for _ in range(AT_ONCE):
        store(load(out, to) + s0, out, to)
        store(load(out, to + step) + s1, out, to + step)
        store(load(out, to + 2 * step) + s2, out, to + 2 * step)
        store(load(out, to + 3 * step) + s3, out, to + 3 * step)
        if fifth:
            store(load(out, to + 4 * step) + s4, out, to + 4 * step)
        to, s0, s1, s2, s3, s4 = to + WIDTH, t0, t1, t2, t3, t4


@leaf
def add_columns_of(
    layers: Layers, layer: Integer, rows: FloatArray, n_rows: Integer, n_blocks: Integer, sizes: bool,
    scratch: Scratch, out: FloatArray,
) -> None:  # fmt: skip
    """`add_product` for an array, of the columns of the rows that the scratch space lists."""
    meta, columns, blocks = layers.meta[layer - 1], scratch.columns, scratch.blocks
    step, size, last = out.shape[1], WIDTH * meta[N_PREVIOUS], n_rows // 4 * 4 - 4
    for tile in range(0, (meta[N] + WIDTH - 1) // WIDTH, AT_ONCE):
        starts = meta[WEIGHT] + tile * size, meta[WEIGHT] + (tile + 1) * size
        for block in range(n_blocks):
            terms = columns[blocks[block] : blocks[block + 1]]
            for first in range(0, last + 4, 4):
                own, to = rows[first:], first * step + WIDTH * tile
                if first < last or not sizes:
                    _add_tiles(own, terms, layers.tiles, starts, out, to, False, False)
                elif n_rows % 4 == 0:
                    _add_tiles(own, terms, layers.tiles, starts, out, to, True, False)
                else:
                    _add_tiles(own, terms, layers.tiles, starts, out, to, True, True)


@leaf
def add_product(
    layers: Layers,
    layer: Integer,
    rows: FloatArray,
    n_rows: Integer,
    sizes: bool,
    scratch: Scratch,
    out: FloatArray,
) -> None:
    """out[r] += W a for each of so many rows a; with ``sizes`` the last of them takes |W|.

    n_rows is a multiple of 4, or with ``sizes`` one more; ``out`` beyond the layer's neurons, to the next multiple of
    `_layers.PADDED`, is overwritten.
    """
    meta = layers.meta[layer - 1]
    if meta[ROWS] < 0:
        n_blocks = find_columns(rows, n_rows, meta[N_PREVIOUS], scratch.columns, scratch.blocks)
        add_columns_of(layers, layer, rows, n_rows, n_blocks, sizes, scratch, out)
        return
    for first in range(0, n_rows // 4 * 4, 4):
        own = sizes and first + 4 == n_rows
        gather(layers, meta[ROWS], meta[N], rows[first : first + 4], own, out[first : first + 4])
    if n_rows % 4 == 1:
        _gather_sizes(layers, meta[ROWS], rows[n_rows - 1], out[n_rows - 1, : meta[N]])


@leaf
def gather(layers: Layers, first: Integer, n: Integer, rows: FloatArray, sizes: bool, out: FloatArray) -> None:
    """`add_product` of four rows for a sparse layer of n neurons whose lists start at ``first``."""
    starts, columns, values = layers.row_starts, layers.row_columns, layers.row_values
    a0, a1, a2, a3 = rows[0], rows[1], rows[2], rows[3]
    for j in range(n):
        s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
        for p in range(starts[first + j], starts[first + j + 1]):
            k, w = columns[p], values[p]
            s0 += w * a0[k]
            s1 += w * a1[k]
            s2 += w * a2[k]
            s3 += (abs(w) if sizes else w) * a3[k]
        out[0, j] += s0
        out[1, j] += s1
        out[2, j] += s2
        out[3, j] += s3


@leaf
def _gather_sizes(layers: Layers, first: Integer, row: FloatArray, out: FloatArray) -> None:
    """`gather` of one row, with the absolute values of the weights."""
    for j in range(len(out)):
        total = 0.0
        for p in range(layers.row_starts[first + j], layers.row_starts[first + j + 1]):
            total += abs(layers.row_values[p]) * row[layers.row_columns[p]]
        out[j] += total


@hot
def _four_dots(w: FloatArray, n: Integer, rows: FloatArray, first: Integer, out: FloatArray, sizes: bool) -> None:
    """out[r] = sum of w[k] rows[first + r, k] over n of the k, a multiple of 8, for r < 4; |w[k]| for the last."""
    step = rows.shape[1]
    s0, s1, s2, s3 = everywhere(0.0), everywhere(0.0), everywhere(0.0), everywhere(0.0)
    for k in range(0, n, WIDTH):
        factor, at = load(w, k), first * step + k
        s0 = multiply_add(factor, load(rows, at), s0)
        s1 = multiply_add(factor, load(rows, at + step), s1)
        s2 = multiply_add(factor, load(rows, at + 2 * step), s2)
        s3 = multiply_add(abs(factor) if sizes else factor, load(rows, at + 3 * step), s3)
    out[0], out[1], out[2], out[3] = total(s0), total(s1), total(s2), total(s3)


@hot
def _sizes_dot(w: FloatArray, n: Integer, rows: FloatArray, r: Integer) -> float:
    """Sum of |w[k]| rows[r, k] over n of the k, a multiple of 8."""
    s = everywhere(0.0)
    for k in range(0, n, WIDTH):
        s = multiply_add(abs(load(w, k)), load(rows, r * rows.shape[1] + k), s)
    return float(total(s))


@leaf
def row_dots(w: FloatArray, columns: Ids, rows: FloatArray, n: Integer, out: FloatArray) -> None:
    """out[r] = sum of w_k a_k for each row a of ``rows``, of |w_k| a_k for the last, w being the entries of a row of W
    in these columns of n.

    A term passes through its product, n / 8 and at most 7 additions in its part, and 3 of parts; in a list through its
    product and those of the other entries.
    """
    whole, n_rows = n // WIDTH * WIDTH if len(w) == n else 0, len(rows)
    for first in range(0, n_rows // 4 * 4, 4):
        sums, last = out[first : first + 4], first + 4 == n_rows
        if last:
            _four_dots(w, whole, rows, first, sums, True)
        else:
            _four_dots(w, whole, rows, first, sums, False)
        for p in range(whole, len(w)):
            k = columns[p]
            sums[0] += w[p] * rows[first, k]
            sums[1] += w[p] * rows[first + 1, k]
            sums[2] += w[p] * rows[first + 2, k]
            sums[3] += (abs(w[p]) if last else w[p]) * rows[first + 3, k]
    if n_rows % 4 == 1:
        size = _sizes_dot(w, whole, rows, n_rows - 1)
        for p in range(whole, len(w)):
            size += abs(w[p]) * rows[n_rows - 1, columns[p]]
        out[n_rows - 1] = size


@leaf
def add_columns(
    layers: Layers, layer: Integer, neuron: Integer, factors: FloatArray, old: FloatArray, new: FloatArray
) -> None:
    """new = old + factor * column of W, for a neuron before and a factor for each row; |W| for the last row."""
    meta, n, last = layers.meta[layer - 1], new.shape[1], len(new) - 1
    at, whole = meta[WEIGHT] + WIDTH * neuron, n // WIDTH * WIDTH
    for begin in range(0, whole, WIDTH):
        w = load(layers.tiles, at)
        for c in range(last):
            place = c * n + begin
            store(multiply_add(w, factors[c], load(old, place)), new, place)
        place = last * n + begin
        store(multiply_add(abs(w), factors[last], load(old, place)), new, place)
        at += WIDTH * meta[N_PREVIOUS]
    for j in range(whole, n):
        w = layers.tiles[at + (j - whole)]
        for c in range(last + 1):
            new[c, j] = old[c, j] + factors[c] * (abs(w) if c == last else w)


@leaf
def add_entries(layers: Layers, column: Integer, sizes: bool, factor: float, row: FloatArray) -> None:
    """row += factor * column, or its absolute values, for a column of a sparse layer."""
    for p in range(layers.column_starts[column], layers.column_starts[column + 1]):
        w = abs(layers.column_values[p]) if sizes else layers.column_values[p]
        row[layers.column_rows[p]] += factor * w
