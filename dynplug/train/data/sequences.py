"""Sequences of several lengths, as lists of arrays, padded to a few lengths."""

from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from dynplug.errors import DataError
from dynplug.train.data.arrays import Pair, parts_of
from dynplug.train.data.layout import Layout

_WORTH = 0.1  # of all steps: what another length must save in padding to be worth another program
_CANDIDATES = 64  # lengths that are tried as bounds


def are_sequences(tree: PyTree, layout: Layout) -> bool:
    """Whether inputs are lists of arrays, one a sample, which make no array in the axes of the data.

    They differ in length, or the samples of an array come second.
    """
    lists = _lists(tree)
    if any(len({len(a) for a in rows}) > 1 for rows in lists):
        return True
    return layout.samples(2) == 1 and any(all(hasattr(a, "shape") for a in rows) for rows in lists)


def pairs_of(data: object, layout: Layout, name: str, most: int | None) -> list[Pair]:
    """Inputs and targets as pairs, each of which is padded to one length.

    **Arguments:**

    - `data`: as for `Pair`; inputs may be lists of arrays (time, ...), one a sample, of several lengths, and targets
        lists too: of arrays that are as long as the inputs, or of what has no time.
    - `layout`: the axes that samples and time shall have.
    - `name`: the name of the data in messages.
    - `most`: into how many pairs at most; `None` for one, whose length is one of few, whatever the data.
    """
    x, y, lengths = parts_of(data, name)
    if not are_sequences(x, layout):
        return [Pair(data, layout, name)]
    if lengths is not None:
        raise DataError(f"{name}: lists of arrays have lengths of their own: leave out lengths, or pad them yourself.")
    if layout.least_rank == 1:
        raise DataError(f"{name}: sequences of several lengths have a time axis, which {layout.name} lacks.")
    known = lengths_of(x, name)
    ends = [rounded(int(known.max()))] if most is None else bounds(known, most)
    bucket = np.searchsorted(ends, known)
    pairs: list[Pair] = []
    for n, end in enumerate(ends):
        rows = np.flatnonzero(bucket == n)
        inputs = jax.tree.map(lambda a, e=end, r=rows: _stacked(a, r, e, layout), x, is_leaf=_is_list)
        targets = jax.tree.map(lambda a, e=end, r=rows: _targets(a, r, e, known, layout, name), y, is_leaf=_is_list)
        padded = len(set(known.tolist())) > 1 or end > known[0]
        pairs.append(Pair((inputs, targets, known[rows]) if padded else (inputs, targets), layout, name))
    return pairs


def to_check(pairs: list[Pair], data: object, layout: Layout, name: str) -> Pair:
    """A pair of all targets, numbered as in the data, by which they can be checked; its inputs are but shapes."""
    if len(pairs) == 1:
        return pairs[0]
    x, y, _ = parts_of(data, name)
    known = lengths_of(x, name)
    end, rows = int(known.max()), np.arange(len(known))

    def shaped(a: np.ndarray) -> np.ndarray:
        features = layout.batch_first(a, ())[0].shape[2:]
        return layout.from_batch_first(np.broadcast_to(np.zeros((), a.dtype), (len(rows), end, *features)))

    targets = jax.tree.map(lambda a: _targets(a, rows, end, known, layout, name), y, is_leaf=_is_list)
    return Pair((jax.tree.map(shaped, pairs[0].x), targets, known), layout, name)


def lengths_of(x: PyTree, name: str) -> np.ndarray:
    """The lengths of sequences, which all parts of an input share; or `DataError`."""
    found = [np.array([len(a) for a in rows]) for rows in _lists(x)]
    if len(found) != len(jax.tree.leaves(x, is_leaf=_is_list)) or any(not np.array_equal(n, found[0]) for n in found):
        raise DataError(
            f"{name}: where one part of the inputs is a list of arrays of several lengths, all parts are, and those of "
            "a sample are equally long."
        )
    return found[0]


def bounds(lengths: np.ndarray, most: int) -> list[int]:
    """The lengths, at most so many, to which sequences are padded so that padding is least.

    Another one must save a tenth of all steps. They are found by dynamic programming over the lengths that occur.
    """
    tried = np.unique(lengths)
    if len(tried) > _CANDIDATES:
        places = np.linspace(0, 1, _CANDIDATES)
        tried = np.unique(np.quantile(lengths, places, method="higher"))
    upto = np.searchsorted(np.sort(lengths), tried, side="right")
    summed = np.concatenate([[0], np.cumsum(np.sort(lengths))])[upto]
    counts, sums = np.concatenate([[0], upto]), np.concatenate([[0], summed])
    # cost[i, j]: the padding of all sequences longer than bound i (none for 0), and up to bound j, to bound j
    cost = (counts[None, 1:] - counts[:-1, None]) * tried[None] - (sums[None, 1:] - sums[:-1, None])
    cost = np.where(np.arange(len(tried))[None] >= np.arange(len(tried))[:, None], cost.astype(float), np.inf)
    best, ways = [cost[0]], [np.zeros(len(tried), int)]
    for _ in range(1, min(most, len(tried))):
        total = np.concatenate([[np.inf], best[-1][:-1]])[:, None] + cost
        ways.append(total.argmin(axis=0))
        best.append(np.minimum(total.min(axis=0), best[-1]))
    least, allowed = best[-1][-1], _WORTH * lengths.sum()
    chosen = next(k for k, padding in enumerate(best) if padding[-1] <= least + allowed)
    ends, end = [], len(tried)
    for k in range(chosen, -1, -1):
        ends.append(int(tried[end - 1]))
        end = int(ways[k][end - 1])
        if end == 0:
            break
    return ends[::-1]


def rounded(length: int) -> int:
    """The next of 8, 12, 16, 24, 32, 48, ...: batches that arrive one by one have few lengths."""
    power = max(3, (length - 1).bit_length())
    return next(n for n in (3 << (power - 2), 1 << power) if n >= length) if length > 8 else 8


def unpadded(tree: PyTree, lengths: np.ndarray, layout: Layout) -> list[Any]:
    """A tree for each sample, of what counts of it: (time, ...), from arrays in the axes of the data."""
    first = layout.batch_first(tree, ())[0]
    return [jax.tree.map(lambda a, n=n, end=end: a[n, :end], first) for n, end in enumerate(lengths)]


def _lists(tree: PyTree) -> list[list[Any]]:
    """The lists of arrays in a tree."""
    found = [leaf for leaf in jax.tree.leaves(tree, is_leaf=_is_list) if isinstance(leaf, list) and leaf]
    return [rows for rows in found if all(np.ndim(a) > 0 for a in rows if _regular(a)) and all(map(_regular, rows))]


def _regular(a: object) -> bool:
    return hasattr(a, "shape") or (isinstance(a, (list, tuple)) and len(a) > 0)


def _is_list(node: object) -> bool:
    return isinstance(node, list)


def _stacked(rows: list[Any], chosen: np.ndarray, end: int, layout: Layout) -> np.ndarray:
    """Some sequences padded with zeros, in the axes of the data."""
    arrays = [np.asarray(rows[n]) for n in chosen]
    out = np.zeros((len(arrays), end, *arrays[0].shape[1:]), np.result_type(*arrays))
    for n, a in enumerate(arrays):
        if a.shape[1:] != out.shape[2:]:
            raise DataError(
                f"Sequences of one part of the data have features of one shape; got {a.shape[1:]} for "
                f"sample {chosen[n]} and {out.shape[2:]} for sample {chosen[0]}."
            )
        out[n, : len(a)] = a
    return layout.from_batch_first(out)


def _targets(rows: Any, chosen: np.ndarray, end: int, lengths: np.ndarray, layout: Layout, name: str) -> np.ndarray:
    """Some targets, in the axes of the data: those that are as long as the inputs are padded by their last."""
    arrays = [np.asarray(a) for a in rows]
    if len(arrays) != len(lengths):
        raise DataError(f"{name}: there are {len(lengths)} sequences, and {len(arrays)} targets.")
    if all(a.ndim and len(a) == n for a, n in zip(arrays, lengths, strict=True)):
        some = [np.concatenate([a, np.repeat(a[-1:], end - len(a), axis=0)]) for a in (arrays[n] for n in chosen)]
        return layout.from_batch_first(np.stack(some))
    shapes = {a.shape for a in arrays}
    if len(shapes) > 1:
        n = next((n for n, a in enumerate(arrays) if not a.ndim or len(a) != lengths[n]), 0)
        raise DataError(
            f"{name}: targets are as long as their sequences, or of one shape; got {arrays[n].shape} for sample {n}, "
            f"which has {lengths[n]} steps."
        )
    return layout.from_batch_first(np.stack([arrays[n] for n in chosen]))
