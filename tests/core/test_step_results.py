"""What a step returns is a next state and an output, and anything else is answered by name, wherever it is called."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import dynplug as dp
from dynplug.errors import StateError

pytestmark = pytest.mark.quick

X = jnp.ones((2, 2))


class Returning(dp.DynamicalSystem):
    result: tuple = eqx.field(static=True)
    size: tuple = eqx.field(static=True, default=(2,))
    in_size = out_size = (2,)

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        (result,) = self.result
        return result(state, x) if callable(result) else result


class Emitting(dp.Neuron):
    result: tuple = eqx.field(static=True)
    in_size = out_size = (2,)
    size: tuple = eqx.field(static=True, default=(2,))
    integrator: object = dp.integrators.ExponentialEuler()

    def init_state(self, ctx):
        return dp.neurons.LIF(2).init_state(ctx)

    def vector_field(self, t, y, drive):
        return jax.tree.map(jnp.negative, y)

    def emit(self, old, new, ctx):
        return Returning.update(self, new, new.V, ctx)


WRONG = {
    "no state": (lambda state, x: x, r"returns an array of shape \(2,\)"),
    "nothing": (None, "returns None"),
    "three": (lambda state, x: (state, x, x), "returns 3 values"),
}
WAYS = {
    "a loop": lambda part: dp.LoopOverTime(part, dt=1.0)(X),
    "a batch": lambda part: dp.LoopOverTime(part, dt=1.0, data_first_axis="B")(jnp.ones((3, 2, 2))),
    "a step": lambda part: dp.LoopOverTime(part, dt=1.0).step(X[0], dp.LoopOverTime(part, dt=1.0).reset_state()),
    "no time": lambda part: dp.LoopOverTime(part, dt=1.0, t0=None)(X),
    "a runner": lambda part: dp.DSRunner(part, dt=1.0, progress_bar=False).run(inputs=X),
    "a driven part": lambda part: dp.DSRunner(
        dp.Sequential(a=part), inputs=("a.input", 1.0), dt=1.0, progress_bar=False
    ).run(inputs=X),
    "a sequence": lambda part: dp.LoopOverTime(part >> jnp.tanh, dt=1.0)(X),
    "a recurrence": lambda part: dp.LoopOverTime(dp.Recurrent(part, dp.Lift(jnp.tanh)), dt=1.0)(X),
    "a network": lambda part: dp.LoopOverTime(dp.Network({"a": part}, input_to="a"), dt=1.0)(X),
    "a trainer": lambda part: dp.BPTT(dp.layers.Dense(2, 2, key=jax.random.key(0)) >> part, "mse", dt=1.0).predict(
        X[None]
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrong", WRONG)
def test_an_update_that_returns_no_pair_is_named(wrong, way):
    result, said = WRONG[wrong]
    with pytest.raises(StateError, match=rf"Returning\)?: update {said}, but must return two values"):
        WAYS[way](Returning((result,)))


@pytest.mark.parametrize("wrong", WRONG)
def test_an_emit_too(wrong):
    result, said = WRONG[wrong]
    with pytest.raises(StateError, match=f"Emitting: emit {said}, but must return two values"):
        dp.LoopOverTime(Emitting((result,)), dt=1.0)(X)


def test_a_list_is_a_pair():
    _, out = dp.LoopOverTime(Returning((lambda state, x: [state, x],)), dt=1.0)(X)
    assert (out == X).all()
