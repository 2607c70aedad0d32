"""Spike rates of the units of each part of a model, measured once an epoch."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray, PyTree

from dynplug.core import lookup
from dynplug.diagnosis import reader
from dynplug.timeloop import Loop
from dynplug.train.data import Batch, Window
from dynplug.train.first_look import few_of, plain
from dynplug.train.step import SPIKE_RATE, Counting, Forward


def spike_rates(forward: Forward, model: PyTree, batch: Batch | Window, key: PRNGKeyArray) -> dict[str, float]:
    """The mean rate of each part that spikes [kHz], over some samples of a batch, as the model predicts.

    Nothing of the training depends on it: the step is the same program with it and without.
    """
    xs = few_of(forward, batch.x)
    size = jax.tree.leaves(xs)[0].shape[1]
    ends = Counting(batch.real, batch.lengths).ends(batch.x, forward.layout)
    ends = None if ends is None else jnp.asarray(ends)[:size]
    found = jax.device_get(_rates(plain(forward), model, xs, ends, key))
    return {f"{SPIKE_RATE}/{path}" if path else SPIKE_RATE: float(rate) for path, rate in found.items()}


@eqx.filter_jit
def _rates(loop: Loop, model: Any, xs: Any, ends: Any, key: PRNGKeyArray) -> dict[str, Any]:
    length, size = jax.tree.leaves(xs)[0].shape[:2]
    loop = loop.up_to(model, length)
    start, xs = loop.start(model, batch_size=size, key=key), jax.tree.map(jnp.asarray, xs)
    paths = reader(model, start.system).spiking

    def read(state: PyTree) -> dict[str, Any]:
        return {path: jnp.mean(lookup(state, f"{path}.spike" if path else "spike")) for path in paths}

    _, (_, shares) = loop.advance(model, start, xs, length, key=key, lengths=ends, read=read)
    counts = np.ones((length, size), bool) if ends is None else jnp.arange(length)[:, None] < ends[None]
    return {path: jnp.mean(share, where=counts) / loop.dt for path, share in shares.items()}
