"""A vector field has the form of the state, and any other is answered by name, whatever the solver."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import StateError

pytestmark = pytest.mark.quick

SOLVERS = [dp.integrators.ExponentialEuler(), diffrax.Euler(), diffrax.Heun(), diffrax.Kvaerno3()]
X = jnp.ones((2, 3))


class State(eqx.Module):
    V: jax.Array
    spike: jax.Array | None = dp.discrete()
    refractory: jax.Array | None = dp.discrete()


class Leak(dp.Neuron):
    slope: object = eqx.field(static=True)
    integrator: object
    size: tuple = eqx.field(static=True, default=(3,))
    refractory: bool = eqx.field(static=True, default=False)

    def init_state(self, ctx):
        left = jnp.zeros(3, jnp.int32) if self.refractory else None
        return State(jnp.zeros(3, ctx.dtype), jnp.zeros(3, ctx.dtype), left)

    def vector_field(self, t, y, drive):
        return self.slope((drive(y.V) - y.V) / 10.0)

    def emit(self, old, new, ctx):
        return new, new.V


class Decay(dp.Synapse):
    jump_to = "V"
    slope: object = eqx.field(static=True)
    integrator: object
    size: tuple = eqx.field(static=True, default=(3,))

    def init_state(self, ctx):
        return State(jnp.zeros(3, ctx.dtype))

    def vector_field(self, t, y, drive):
        return self.slope(-y.V / 10.0)

    def emit(self, old, new, ctx):
        return new, dp.Drive(current=new.V)


WRONG = {
    "a mean": (lambda a: State(a.mean()), r"gives 'V' a derivative of shape \(\), but the variable has shape \(3,\)"),
    "one unit": (lambda a: State(a[:1]), r"shape \(1,\), but the variable has shape \(3,\)"),
    "two units": (lambda a: State(a[:2]), r"shape \(2,\), but the variable has shape \(3,\)"),
    "pairs": (lambda a: State(jnp.outer(a, a)), r"shape \(3, 3\), but the variable has shape \(3,\)"),
    "an array": (lambda a: a, r"returns an array of shape \(3,\), but must return .*State\(V=\.\.\.\)"),
    "a discrete field": (lambda a: State(a, a), r"returns State that differs from the state in 'spike', but must"),
    "no variable": (lambda a: State(None), r"returns State that differs from the state in 'V', but must"),
    "nothing": (lambda a: None, "returns None, but must"),
}


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("kind", [Leak, Decay])
@pytest.mark.parametrize("wrong", WRONG)
def test_another_form_is_named(wrong, kind, solver):
    slope, said = WRONG[wrong]
    with pytest.raises(StateError, match=f"{kind.__name__}: vector_field .*{said}"):
        dp.LoopOverTime(kind(slope, solver), dt=1.0)(X)


def test_that_of_units_that_can_be_held_too():
    with pytest.raises(StateError, match=r"Leak: vector_field gives 'V' a derivative of shape \(\)"):
        dp.LoopOverTime(Leak(lambda a: State(a.mean()), SOLVERS[0], refractory=True), dt=1.0)(X)


def test_a_number_is_the_rate_of_all_units():
    _, V = dp.LoopOverTime(Leak(lambda a: State(0.5), diffrax.Euler()), dt=1.0)(X)
    np.testing.assert_allclose(V, [[0.5] * 3, [1.0] * 3])
