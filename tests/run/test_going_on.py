"""A run goes on from a state of its own model and step, and from no other."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import OptionError, StateDictError, StateError

pytestmark = pytest.mark.quick

DELAY = dp.layers.Delay(1, 2.0)
X = jnp.ones((4, 1))
COARSE, FINE = (dp.LoopOverTime(DELAY, dt=dt) for dt in (1.0, 0.5))


class Clock(dp.DynamicalSystem):
    """Puts out the time."""

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, 1.0 * ctx.t


def assigned(state):
    dp.DSRunner(DELAY, dt=0.5).state = state


@pytest.mark.parametrize(
    "goes_on",
    [
        lambda state: FINE(X, state),
        lambda state: FINE(X, state, i0=0),
        lambda state: FINE.step(X[0], state),
        jax.jit(lambda state: FINE(X, state)[1]),
        lambda state: jax.vmap(FINE, (0, None))(X[None], state),
        assigned,
    ],
)
def test_a_state_of_another_step_is_refused(goes_on):
    with pytest.raises(StateError, match=r"of a run with dt=1\.0, and this one has dt=0\.5"):
        goes_on(COARSE.reset_state())


def test_a_saved_one_is_refused(tmp_path):
    file = tmp_path / "state.safetensors"
    clock = dp.LoopOverTime(Clock(), dt=1.0)
    dp.save_states(file, clock.reset_state())
    with pytest.raises(StateDictError, match=r"dt is 1\.0, not 0\.5"):
        dp.load_states(file, dp.LoopOverTime(Clock(), dt=0.5).reset_state())
    same, *_ = dp.load_states(file, clock.reset_state())
    assert clock(2.0, same)[1].tolist() == [0.0, 1.0]


def test_what_counts_nothing_in_steps_goes_on_at_the_same_time_as_the_answer_says():
    state, times = dp.LoopOverTime(Clock(), dt=1.0)(5.0)
    fine = dp.LoopOverTime(Clock(), dt=0.5)
    with pytest.raises(StateError, match=r"dataclasses\.replace\(state, i=10, dt=0\.5\)"):
        fine(1.0, state)
    _, more = fine(1.0, dataclasses.replace(state, i=10, dt=0.5))
    np.testing.assert_array_equal(np.append(times, more), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.5])


def test_delays_do_not():
    synapse = dp.synapses.Exponential(tau=5.0)
    edges = {"ab": dp.Projection("a", "b", dp.connectors.OneToOne(), weight=1.0, synapse=synapse, delay=2.0)}
    net = dp.Network({"a": dp.neurons.LIF(1), "b": dp.neurons.LIF(1)}, edges, input_to="a", output_from="b")
    for system, named in ((DELAY, "The delay"), (net, "ab")):
        coarse, fine = (dp.LoopOverTime(system, dt=dt) for dt in (1.0, 0.5))
        state = dataclasses.replace(coarse.reset_state(), dt=0.5)
        with pytest.raises(StateError, match=rf"{named} .*steps of dt=0\.5 ms, but its state holds the values of"):
            fine(X, state)


@pytest.mark.parametrize("i", [1.5, jnp.float32(1.0), True])
def test_the_index_of_a_step_is_a_whole_number(i):
    with pytest.raises(OptionError, match="The index of a step is a whole number"):
        dataclasses.replace(COARSE.reset_state(), i=i)


def test_a_runner_refuses_at_once_what_is_no_state_of_a_run():
    runner = dp.DSRunner(DELAY, dt=1.0)
    with pytest.raises(StateError, match=r"goes on from the state that reset_state, a call or a step .* got a int"):
        runner.state = 3
    with pytest.raises(StateError, match=r"'buffer' has shape \(4, 1\), and is to have \(3, 1\)"):
        runner.state = dp.LoopOverTime(dp.layers.Delay(1, 3.0), dt=1.0).reset_state()
    with pytest.raises(StateError, match=r"has shape \(3, 1\), and is to have samples, each of \(3, 1\)"):
        dp.DSRunner(DELAY, dt=1.0, data_first_axis="T").state = COARSE.reset_state()
    runner.state = COARSE.reset_state(i0=3)
    runner.run(inputs=X[:2])
    assert runner.state.i == 5


@pytest.mark.parametrize("axis", [None, "T"])
@pytest.mark.parametrize("model", [dp.neurons.HH(1), dp.Sequential(a=DELAY), DELAY >> DELAY])
def test_the_state_of_another_model_is_named(model, axis):
    size, x = (None, X) if axis is None else (2, jnp.ones((4, 2, 1)))
    of_another, loop = (dp.LoopOverTime(m, dt=1.0, data_first_axis=axis) for m in (model, DELAY))
    state = of_another.reset_state(size)
    with pytest.raises(StateError, match=r"that of another model: it holds '.*', and this one's 'buffer'\."):
        loop(x, state)
    with pytest.raises(StateError, match=r"that of another model"):
        dp.DSRunner(DELAY, dt=1.0, data_first_axis=axis).state = state
    with pytest.raises(StateError, match=r"that of another model"):
        of_another(x, loop.reset_state(size))
