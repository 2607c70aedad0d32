"""The outputs of a model for inputs, some samples at a time."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.errors import DataError
from dynplug.run import as_arrays
from dynplug.timeloop import RunState
from dynplug.train.data import Layout, are_sequences, check_size, keeps_keys, lengths_of, pairs_of, repeated, unpadded
from dynplug.train.fit.noticing import Noticing
from dynplug.train.step import StepProgram

_BUCKETS = 4  # lengths to which sequences of several lengths are padded


def outputs(
    program: StepProgram, params: PyTree, inputs: PyTree, layout: Layout, carry: RunState | None, batch_size: int | None
) -> tuple[RunState | None, PyTree, dict[str, PyTree]]:
    """The states after the inputs, where all samples are computed at once; all outputs, and all records.

    **Arguments:**

    - `program`: the compiled functions.
    - `params`: the trained part of the model.
    - `inputs`: an array or a pytree of arrays, in the axes of the data.
    - `layout`: these axes.
    - `carry`: the states to go on from, if any.
    - `batch_size`: samples computed at once; `None` for all.
    """
    if are_sequences(inputs, layout):
        return None, *_of_sequences(program, params, inputs, layout, batch_size)
    inputs = as_arrays(inputs)
    samples = _samples(inputs, layout)
    if carry is not None:
        check_size(carry, samples)
    size, parts, after = batch_size or samples, [], carry
    noticing = Noticing(program, params, "Prediction")
    for n, first in enumerate(range(0, samples, size)):
        rows = np.arange(first, min(first + size, samples))
        real = len(rows)
        if parts and keeps_keys():  # so that the last part needs no program of its own
            rows = repeated(rows, size)
        x = jax.tree.map(lambda a, rows=rows: np.take(a, rows, layout.samples(a.ndim)), inputs)
        after, *part = program.predict(params, x, carry, n)
        if real < len(rows):
            part = jax.tree.map(lambda a, n=real: jax.lax.slice_in_dim(a, 0, n, axis=layout.samples(a.ndim)), part)
        parts.append(part)
        noticing.batch(n, x, (), carry, (after, part))
    noticing.end()
    if len(parts) == 1:
        return after, *parts[0]

    def join(*arrays: Array | np.ndarray) -> Array | np.ndarray:
        return jnp.concatenate(arrays, layout.samples(arrays[0].ndim))

    return None, *jax.tree.map(join, *parts)


def _of_sequences(
    program: StepProgram, params: PyTree, inputs: PyTree, layout: Layout, batch_size: int | None
) -> tuple[list[PyTree], dict[str, PyTree]]:
    """The outputs and records of sequences of several lengths, in lists."""
    numbers = list(range(len(lengths_of(inputs, "inputs"))))
    outs, records = [None] * len(numbers), [dict[str, Any]()] * len(numbers)
    for pair in pairs_of((inputs, numbers), layout, "inputs", _BUCKETS):
        _, out, seen = outputs(program, params, pair.x, layout, None, batch_size)
        for n, one in zip(pair.y.tolist(), unpadded((out, seen), pair.ends, layout), strict=True):
            outs[n], records[n] = one
    return outs, {name: [one[name] for one in records] for name in records[0]}


def _samples(inputs: PyTree, layout: Layout) -> int:
    shapes = [a.shape for a in jax.tree.leaves(inputs)]
    found = {shape[layout.samples(len(shape))] for shape in shapes if len(shape) >= layout.least_rank}
    if len(found) != 1 or any(len(shape) < layout.least_rank for shape in shapes):
        raise DataError(f"inputs of shape {shapes} do not have one number of samples, with {layout.name}.")
    if found == {0}:
        raise DataError("inputs: there is no sample.")
    for shape in shapes:
        time = layout.time(len(shape))
        if time is not None and shape[time] == 0:
            raise DataError(f"inputs of shape {shape} have no time step, with {layout.name}.")
    return found.pop()
