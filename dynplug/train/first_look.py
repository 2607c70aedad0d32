"""A look at the activity of a model after its first epoch."""

import warnings
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray, PyTree

from dynplug.diagnosis import Activity, Evidence, Reader, diagnostics, examine, listed, measured, reader
from dynplug.errors import DiagnosisWarning
from dynplug.timeloop import Loop
from dynplug.train.step import Forward

_SAMPLES = 32  # of a batch, at most
_FEWEST = 200  # steps of all samples: in fewer, a unit that spikes in one step of a hundred is often silent


def first_look(forward: Forward, model: PyTree, x: PyTree, key: PRNGKeyArray) -> None:
    """Run the cheap diagnostics on some samples of a batch, and warn of what they find.

    A model without spiking units is not looked at: its loss has told already if it is not finite. Neither are samples
    that are too few and short to tell who is silent.
    """
    xs, loop = few_of(forward, x), plain(forward)
    length, batch_size = jax.tree.leaves(xs)[0].shape[:2]
    if length * batch_size < _FEWEST:
        return
    read = reader(model, eqx.filter_eval_shape(lambda: loop.start(model, key=key).system))
    if not read.spiking:
        return
    activity = _activity(loop.up_to(model, length), model, read, xs, batch_size, key)
    evidence = Evidence(model, loop.dt, length * loop.dt, activity, xs, timeless=forward.layout.least_rank == 1)
    found = [row for row in examine(evidence, diagnostics(cheap=True)) if row[1].level == "warning"]
    if found:
        warnings.warn(
            f"After the first epoch: {listed(found)} (diagnose(batch) shows more; watch=False switches this look off.)",
            DiagnosisWarning,
            stacklevel=6,
        )


def few_of(forward: Forward, x: PyTree) -> PyTree:
    """Some samples of a batch, as (time, samples, ...)."""
    return jax.tree.map(lambda a: np.asarray(a)[:, :_SAMPLES], forward.layout.enter(x))


def plain(forward: Forward) -> Loop:
    """The loop in the form that is compiled soonest."""
    return replace(forward.loop, loop="plain", remat=False)


@eqx.filter_jit
def _activity(loop: Loop, model: PyTree, read: Reader, xs: PyTree, batch_size: int, key: PRNGKeyArray) -> Activity:
    start, xs = loop.start(model, batch_size=batch_size, key=key), jax.tree.map(jnp.asarray, xs)
    _, (_, seen) = loop.advance(model, start, xs, len(jax.tree.leaves(xs)[0]), key=key, read=read)
    return measured(model, start.system, seen)
