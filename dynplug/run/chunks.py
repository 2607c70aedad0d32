"""The steps of a run in chunks, between which the host is heard."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, PRNGKeyArray

from dynplug.run.axes import DataAxis, swap_batch
from dynplug.run.blown_up import has_nan
from dynplug.run.experiment import Experiment
from dynplug.timeloop import Loop, RunState


class Chunk(NamedTuple):
    """The state after some steps, what was recorded in them, and `has_nan` of the state."""

    state: RunState
    rows: Any
    nan: Bool[Array, " leaves"]


def _steps(
    loop: Loop,
    experiment: Experiment,
    state: Any,
    fed: Any,
    key: PRNGKeyArray | None,
    length: int,
    offset: int,
    every: int,
    axis: DataAxis | None,
) -> Chunk:
    """`length` steps, and of their records every so many from `offset` on."""
    fed = swap_batch(fed, axis)
    state, (rows, _) = loop.advance(experiment, state, fed, length, key=key)
    rows = rows if every == 1 else jax.tree.map(lambda a: a[offset::every], rows)
    return Chunk(state, rows, has_nan(state.system))


@eqx.filter_jit
def nan_by_step(
    loop: Loop,
    experiment: Experiment,
    state: Any,
    fed: Any,
    key: PRNGKeyArray | None,
    length: int,
    axis: DataAxis | None,
) -> Bool[Array, "steps leaves"]:
    """`has_nan` of the state after each step of a chunk."""
    _, (_, flags) = loop.advance(experiment, state, swap_batch(fed, axis), length, key=key, read=has_nan)
    return jnp.any(flags, axis=1) if axis else flags


_FEW = 8192
_ON_ONE_THREAD = {"xla_disable_hlo_passes": "cpu-parallel-task-assigner"}
_split: Callable[..., Chunk] = eqx.filter_jit(_steps)
_whole: Callable[..., Chunk] = eqx.filter_jit(  # pyright: ignore[reportCallIssue]
    _steps, compiler_options=_ON_ONE_THREAD
)


def advance(loop: Loop, experiment: Experiment, state: RunState, *rest: Any) -> Chunk:
    """One compiled call.

    On a CPU, XLA hands parts of an operation to other threads from about a thousand values on, which is right for
    one operation and wrong for one that is made again at every step: for fewer than some eight thousand values the
    handing over costs more than it saves (1000 Hodgkin-Huxley neurons take half the time without it).
    """
    on_cpu = all(device.platform == "cpu" for device in state.i.devices())
    few = max((a.size for a in jax.tree.leaves(state.system)), default=0) <= _FEW
    return (_whole if on_cpu and few else _split)(loop, experiment, state, *rest)


def advance_eagerly(*args: Any) -> Chunk:
    """The same without compilation, all values being concrete."""
    with jax.disable_jit():
        return _steps(*args)


def chunk_sizes(length: int, chunk: int, every: int) -> Iterator[int]:
    """Chunks of `chunk` steps at most, of equal size where possible, so that one program serves them all.

    They hold a whole number of rows if they can, so that each gives the same rows.
    """
    unit = every if every <= chunk else 1
    most = chunk // unit
    size = unit * next((n for n in range(most, most // 2, -1) if length % (n * unit) == 0), most)
    while length > 0:
        yield min(size, length)
        length -= size
