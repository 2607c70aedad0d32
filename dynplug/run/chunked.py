"""The steps of a run in compiled chunks, between which the host records, reports progress and can be interrupted."""

import dataclasses
from collections.abc import Callable, Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, PyTree

from dynplug.core import Context, DynamicalSystem, events, on_device_of
from dynplug.errors import StateError
from dynplug.run.blown_up import has_nan
from dynplug.run.data_axes import DataAxis, swap_batch
from dynplug.run.experiment import Experiment
from dynplug.timeloop import Loop, RunState


class Rows(eqx.Module):
    """Records: the outputs and what the monitors read, in two trees, each with `None` in place of the other's leaves.

    **Arguments:**

    - `counted`: events, summed over the steps since the previous row.
    - `sampled`: everything else, at the end of the row's step.
    - `spikes`: the spikes of every step as bits, by population, whatever the rows.
    - `nan`: for each leaf of the system's state after these steps, whether it holds NaN.
    """

    counted: PyTree
    sampled: PyTree
    spikes: PyTree = None
    nan: PyTree = None

    def records(self) -> PyTree:
        """All records in one tree."""
        return eqx.combine(self.counted, self.sampled)


class Parted(DynamicalSystem):
    """An experiment whose outputs are its records, as `Rows` of one step.

    An output or a monitor is an event if it is an event field of the state, the very same array. Anything computed from
    one is a value like any other.
    """

    experiment: Experiment

    def init_state(self, ctx: Context) -> PyTree:
        return self.experiment.init_state(ctx)

    def update(self, state: PyTree, x: PyTree, ctx: Context) -> tuple[PyTree, Rows]:
        new, (out, seen) = self.experiment.update(state, x, ctx)
        happened = {id(array) for array in events(new).values()}
        sources = out, self.experiment.monitors.sources(new, seen)
        is_event = jax.tree.map(lambda source: id(source) in happened, sources)
        return new, Rows(*eqx.partition((out, seen), is_event), self.experiment.spikes(new))


def _steps(
    loop: Loop,
    experiment: Experiment,
    state: RunState,
    fed: PyTree,
    key: PRNGKeyArray | None,
    length: int,
    offset: int,
    every: int,
    axis: DataAxis | None,
) -> tuple[RunState, Rows]:
    """`length` steps and their records, one every `every` steps, the first at `offset`.

    The `events` of the new state are those of these steps after the last record.
    """
    fed = swap_batch(fed, axis)
    state, (rows, _) = loop.advance(Parted(experiment), state, fed, length, key=key)
    rows = dataclasses.replace(rows, nan=has_nan(state.system))
    return (state, rows) if every == 1 else _thinned(state, rows, length, offset, every)


def explain_steps(
    loop: Loop,
    experiment: Experiment,
    state: RunState,
    fed: PyTree,
    key: PRNGKeyArray | None,
    length: int,
    axis: DataAxis | None,
) -> str:
    """The plan of `length` such steps, as text."""
    return loop.explain(Parted(experiment), state, swap_batch(fed, axis), length, key=key)


def _thinned(state: RunState, rows: Rows, length: int, offset: int, every: int) -> tuple[RunState, Rows]:
    """The rows to be recorded out of those of all steps, with all events."""
    counted, left = _tree_of_pairs(lambda a: _sums(a, offset, every), rows.counted)
    sampled = jax.tree.map(lambda a: a[offset::every], rows.sampled)
    whole = offset < length and (length - 1 - offset) % every == 0
    left = None if whole or not jax.tree.leaves(left) else left
    return dataclasses.replace(state, events=left), dataclasses.replace(rows, counted=counted, sampled=sampled)


def _sums(a: Array, first: int, every: int) -> tuple[Array, Array]:
    """The sums of the rows up to `first`, then of every `every` rows, and the sum of the rest."""
    kind = jnp.int32 if a.dtype.itemsize < 4 and not jnp.issubdtype(a.dtype, jnp.inexact) else a.dtype
    a = a.astype(kind)
    if first >= len(a):
        return a[:0], a.sum(0, dtype=kind)
    rest = a[first + 1 :]
    count = len(rest) // every
    middle = rest[: count * every].reshape(count, every, *a.shape[1:]).sum(1, dtype=kind)
    head = a[: first + 1].sum(0, keepdims=True, dtype=kind)
    return jnp.concatenate([head, middle]), rest[count * every :].sum(0, dtype=kind)


def _go_on(before: PyTree, now: RunState, rows: Rows) -> tuple[RunState, Rows]:
    """The same state and rows, with the events that were waiting for a record before these steps."""
    if jax.tree.map(jnp.shape, before) != jax.tree.map(lambda a: a.shape[1:], rows.counted):
        raise StateError(
            "The state counts events for a record that other monitors, or another number of units, left unfinished: "
            "use the runner it comes from, or drop these events with dataclasses.replace(state, events=None)."
        )
    if jax.tree.leaves(rows.counted)[0].shape[0] == 0:
        return dataclasses.replace(now, events=_added(now.events, before)), rows
    return now, dataclasses.replace(rows, counted=_added_to_first(rows.counted, before))


_added = jax.jit(lambda events, before: jax.tree.map(jnp.add, before, events))
_added_to_first = jax.jit(lambda counted, before: jax.tree.map(lambda a, b: a.at[0].add(b), counted, before))


def _tree_of_pairs(pair: Callable[[PyTree], tuple[PyTree, PyTree]], tree: PyTree) -> tuple[PyTree, PyTree]:
    leaves, form = jax.tree.flatten(tree)
    pairs = [pair(leaf) for leaf in leaves]
    return form.unflatten([a for a, _ in pairs]), form.unflatten([b for _, b in pairs])


_FEW = 8192  # values; see `advance`
_ON_ONE_THREAD = {"xla_disable_hlo_passes": "cpu-parallel-task-assigner"}
_many_threads: Callable[..., tuple[RunState, Rows]] = eqx.filter_jit(_steps)
_one_thread: Callable[..., tuple[RunState, Rows]] = eqx.filter_jit(  # pyright: ignore[reportCallIssue]
    _steps, compiler_options=_ON_ONE_THREAD
)


def advance(loop: Loop, experiment: Experiment, state: RunState, *rest: PyTree) -> tuple[RunState, Rows]:
    """One compiled call.

    On a CPU, XLA distributes an operation over threads from about a thousand values, which pays for a single operation
    but not for one that is repeated at every step: for fewer than some eight thousand values the distribution costs
    more than it saves (1000 Hodgkin-Huxley neurons take half the time without it).
    """
    on_cpu = all(device.platform == "cpu" for device in state.i.devices())
    few = max((a.size for a in jax.tree.leaves(state.system)), default=0) <= _FEW
    with on_device_of(state):
        return _counting(_one_thread if on_cpu and few else _many_threads, loop, experiment, state, *rest)


def advance_eagerly(*args: PyTree) -> tuple[RunState, Rows]:
    """The same without compilation, on concrete values."""
    with jax.disable_jit():
        return _counting(_steps, *args)


def _counting(
    steps: Callable[..., tuple[RunState, Rows]], loop: Loop, experiment: Experiment, state: RunState, *rest: PyTree
) -> tuple[RunState, Rows]:
    """Run steps without the events counted before, which are added afterwards: so one program serves all chunks."""
    now, rows = steps(loop, experiment, dataclasses.replace(state, events=None), *rest)
    return (now, rows) if state.events is None else _go_on(state.events, now, rows)


def chunk_sizes(length: int, chunk: int, every: int) -> Iterator[int]:
    """The sizes of chunks of at most `chunk` steps, equal where possible, so that one program serves them all.

    They hold a whole number of rows if possible, so that each gives the same number.
    """
    unit = every if every <= chunk else 1
    most = chunk // unit
    size = unit * next((n for n in range(most, most // 2, -1) if length % (n * unit) == 0), most)
    while length > 0:
        yield min(size, length)
        length -= size
