"""Every registered neuron, synapse and layer, compiled, against `jax.lax.scan`: values, states and gradients.

Both for a CPU and as kernels, which are interpreted here, and lowered for a GPU that is not there.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gpu_programs import COMPILER, kernel_count, lowered

from dynplug.plugin import example_of, registry
from dynplug.testing.driving import traced
from dynplug.testing.stepping import DT, trial_of
from dynplug.testing.subject import Skip, Subject
from dynplug.timeloop import Loop, RunState

ODES = [c for kind in ("neuron", "synapse") for c in registry().components(kind)]
# Of the first two nothing is carried; the others are like `wang-buzsaki`, and larger.
WITHOUT = ("Delta", "Direct", "pinsky-rinzel", "soma")
KERNELS = [c for c in ODES if not any(f":{n}@" in c.id or c.id.endswith(f":{n}") for n in WITHOUT)]
OTHERS = [c for c in (*ODES, *registry().components("layer")) if c not in KERNELS]
BATCH = 2
# With Bosh3, which is the solver of `morris-lecar` too, XLA compiles each of their programs for seconds.
LARGE = ("conductance:wang-buzsaki", "conductance:pinsky-rinzel")


class Case:
    """A component's run with parameters that are learned, and what `jax.lax.scan` makes of it, in double precision."""

    def __init__(self, component):
        self.component = component
        with jax.enable_x64(True):
            try:
                trial = trial_of(subject(component))
            except Skip as reason:
                pytest.skip(str(reason))
            self.key, self.xs = trial.key, np.stack([trial.x, np.float64(0.9) * trial.x], 1)
            self.step, self.given = training_step(traced(subject(component)), self.xs, trial.key)
            self.expected = self.outcome(loop="plain")

    def outcome(self, **options):
        with jax.enable_x64(True):
            return jax.jit(partial(self.step, **options))(*self.given)


def subject(component):
    quick = {"integrator": {"type": "Euler"}} if component.id.startswith(LARGE) else {}
    return Subject(component, {**example_of(component), **quick})


@pytest.fixture(scope="module")
def case(request):
    return Case(request.param)


def training_step(system, xs, key):
    """Outputs, final state, and the gradients of all floating outputs for parameters, inputs and the first state."""
    trained = "BatchNorm" not in type(system).__name__  # whose statistics only a trainer knows
    start_key, run_key = (None, None) if key is None else jax.random.split(key)
    state = Loop(DT, batched=True, fit=trained).start(system, batch_size=BATCH, key=start_key)
    params, static = eqx.partition(system, eqx.is_inexact_array)
    floating, rest = eqx.partition(state.system, eqx.is_inexact_array)

    def total(params, floating, xs, options):
        loop, begin = Loop(DT, batched=True, fit=trained, **options), RunState(state.i, eqx.combine(floating, rest))
        end, (out, _) = loop.advance(eqx.combine(params, static), begin, xs, len(xs), key=run_key)
        found = [v for v in jax.tree.leaves((out, end.system)) if eqx.is_inexact_array(v)]
        return sum(jnp.sum(jnp.sin(v)) for v in found), (end, out)

    def step(*given, **options):
        return jax.value_and_grad(partial(total, options=options), argnums=(0, 1, 2), has_aux=True)(*given)

    return step, (params, floating, jnp.asarray(xs))


def measure(found, expected, measured):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype
        if a.size:
            measured.relative(a, b, floor=0.01)


def name(component):
    return f"{component.kind.name} {component.id}"


@pytest.mark.claim(
    "time-loop-components",
    "The compiled time loop gives the outputs, states and gradients of jax.lax.scan for every neuron, "
    "synapse and layer (relative, and absolute below 0.01)",
    tolerance=1e-7,
    reference="jax.lax.scan",
    components=("runner:LoopOverTime",),
)
@pytest.mark.parametrize("case", [*KERNELS, *OTHERS], ids=name, indirect=True)
def test_compiled_equals_plain(case, measured):
    assert any(np.abs(g).max() > 0 for g in jax.tree.leaves(case.expected[1]))
    measure(case.outcome(remat=3), case.expected, measured)


@pytest.mark.claim(
    "kernels-components",
    "One kernel a recurrence gives the outputs, states and gradients of jax.lax.scan for neurons and synapses "
    "(relative, and absolute below 0.01)",
    tolerance=1e-7,
    reference="jax.lax.scan",
    components=("runner:LoopOverTime",),
)
@pytest.mark.parametrize("case", KERNELS, ids=name, indirect=True)
def test_a_component_is_one_kernel_forward_and_one_backward(case, kernels, measured):
    """Interpreted it gives the same as a scan, and lowered for a GPU nothing is left of the loop."""
    measure(case.outcome(), case.expected, measured)
    kernels(COMPILER)
    step, given = training_step(traced(subject(case.component)), case.xs.astype(np.float32), case.key)
    text = lowered(step, *given)
    assert kernel_count(text) == 2
    assert "stablehlo.while" not in text
