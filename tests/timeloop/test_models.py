"""Every registered neuron, synapse and layer, compiled, against `jax.lax.scan`: values, states and gradients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from dynplug.plugin import registry
from dynplug.testing.stepping import DT, trial_of
from dynplug.testing.subject import Skip, Subject
from dynplug.timeloop import Loop, RunState

COMPONENTS = [c for kind in ("neuron", "synapse", "layer") for c in registry().components(kind)]
BATCH = 2


def outcome(system, xs, key, **options):
    """Outputs, final state, and the gradients of all floating outputs for parameters, inputs and the first state."""
    trained = "BatchNorm" not in type(system).__name__  # whose statistics only a trainer knows
    loop = Loop(DT, batched=True, fit=trained, **options)
    start_key, run_key = (None, None) if key is None else jax.random.split(key)
    state = loop.start(system, batch_size=BATCH, key=start_key)
    params, static = eqx.partition(system, eqx.is_inexact_array)
    floating, rest = eqx.partition(state.system, eqx.is_inexact_array)

    def total(params, floating, xs):
        begin = RunState(state.i, eqx.combine(floating, rest))
        end, (out, _) = loop.advance(eqx.combine(params, static), begin, xs, len(xs), key=run_key)
        found = [v for v in jax.tree.leaves((out, end.system)) if eqx.is_inexact_array(v)]
        return sum(jnp.sum(jnp.sin(v)) for v in found), (end, out)

    return jax.jit(jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True))(params, floating, xs)


@pytest.mark.claim(
    "time-loop-components",
    "The compiled time loop gives the outputs, states and gradients of jax.lax.scan for every neuron, "
    "synapse and layer (relative, and absolute below 0.01)",
    tolerance=1e-7,
    reference="jax.lax.scan",
    components=("runner:LoopOverTime",),
)
@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: f"{c.kind.name} {c.id}")
def test_compiled_equals_plain(component, x64, measured):
    try:
        trial = trial_of(Subject(component))
    except Skip as reason:
        pytest.skip(str(reason))
    xs = jnp.stack([jnp.asarray(trial.x), 0.9 * jnp.asarray(trial.x)], 1)
    expected = outcome(trial.system, xs, trial.key, loop="plain")
    assert any(float(jnp.abs(g).max()) > 0 for g in jax.tree.leaves(expected[1]))
    found = outcome(trial.system, xs, trial.key, remat=3)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype
        if a.size:
            measured.relative(a, b, floor=0.01)
