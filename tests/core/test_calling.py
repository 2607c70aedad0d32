"""Systems are not called, as modules of other libraries are, and say what to do."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import dynplug as dp
from dynplug.errors import CompositionError, ParameterError

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("given", [(), (1.0,), (1.0, 2.0)])
@pytest.mark.parametrize(
    "model",
    [dp.neurons.LIF(2), dp.neurons.LIF(2) >> jnp.tanh, dp.Network({"E": dp.neurons.LIF(2)})],
    ids=["neuron", "sequence", "network"],
)
def test_a_system_that_is_called_says_what_runs_it(model, given):
    with pytest.raises(CompositionError, match=f"{type(model).__name__} is a system, and is not called") as told:
        model(*given)
    for way in ("dp.LoopOverTime(model, dt=1.0)(x)", "predict(x)", "self.part.update("):
        assert way in str(told.value)
    with pytest.raises(CompositionError, match="is not called"):
        model(x=1.0)
    with pytest.raises(CompositionError, match="is not called"):
        jax.jit(model)(1.0)


def test_a_system_with_a_call_of_its_own_may_be_called():
    class Called(dp.DynamicalSystem):
        def init_state(self, ctx):
            return None

        def update(self, state, x, ctx):
            return None, x

        def __call__(self, x):
            return 2 * x

    assert Called()(3) == 6


class Doubling(eqx.Module):
    def __call__(self, x):
        return 2 * x


class Holder(dp.DynamicalSystem):
    part: dp.DynamicalSystem
    scale: Doubling = Doubling()

    def init_state(self, ctx):
        return self.part.init_state(ctx)

    def update(self, state, x, ctx):
        return self.part.update(state, self.scale(x), ctx)


def test_a_function_does_for_a_part_that_is_called_and_not_for_a_system():
    Holder(dp.neurons.LIF(2), scale=lambda x: 3 * x)
    with pytest.raises(ParameterError, match=r"Holder\(scale=...\) takes a Doubling; got 3"):
        Holder(dp.neurons.LIF(2), scale=3)
    with pytest.raises(ParameterError, match=r"Holder\(part=...\) takes a DynamicalSystem; got <function"):
        Holder(lambda x: x)
