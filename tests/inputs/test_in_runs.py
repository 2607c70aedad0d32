"""Inputs in runs, beside the same numbers given as an array."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import DurationError, KeyRequiredError, OptionError

SHAPE = dp.inputs.step(0.3, 2.0, 8.0) + dp.inputs.sine([0.1, 0.2, 0.0], 0.1)


class Two(dp.DynamicalSystem):
    """Two leaky integrators, by name."""

    parts: dict[str, dp.neurons.LeakyIntegrator]

    def __init__(self):
        self.parts = {"E": dp.neurons.LeakyIntegrator(3), "I": dp.neurons.LeakyIntegrator(2)}

    def init_state(self, ctx):
        return {name: part.init_state(ctx.child(name)) for name, part in self.parts.items()}

    def update(self, state, x, ctx):
        new, out = {}, {}
        for name, part in self.parts.items():
            new[name], out[name] = part.update(state[name], x.get(name), ctx.child(name))
        return new, out


def runner(target=None, **options):
    target = dp.neurons.LeakyIntegrator(3) if target is None else target
    return dp.DSRunner(target, **{"dt": 0.1, "progress_bar": False, **options})


def test_held_as_func_and_sampled_are_the_same():
    want = runner().run(inputs=SHAPE.sample(20.0, dt=0.1))
    assert np.ptp(want) > 0.1
    np.testing.assert_array_equal(runner().run(20.0, inputs=SHAPE), want)
    np.testing.assert_array_equal(runner(inputs=("input", SHAPE, "func")).run(20.0), want)
    plus = runner(inputs=("input", SHAPE, "func", "-")).run(20.0, inputs=SHAPE)
    assert not plus.any()


def test_it_goes_on_with_the_time_of_the_run():
    want = runner(t0=1.0).run(inputs=SHAPE.sample(20.0, dt=0.1, t0=1.0))
    r = runner(t0=1.0, chunk=30)
    got = [r.run(5.0, inputs=SHAPE), r.run(15.0, inputs=SHAPE)]
    np.testing.assert_allclose(np.concatenate(got), want, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(r.run(20.0, inputs=SHAPE, reset_state=True), np.concatenate(got))


def test_a_dictionary_may_hold_inputs_numbers_and_arrays():
    got = runner(Two()).run(20.0, inputs={"E": SHAPE, "I": 20.0})
    np.testing.assert_array_equal(got["E"], runner().run(20.0, inputs=SHAPE))
    alone = runner(dp.neurons.LeakyIntegrator(2)).run(20.0, inputs=20.0)
    np.testing.assert_array_equal(got["I"], alone)
    got = runner(Two()).run(20.0, inputs={"E": np.ones(3), "I": dp.inputs.sine(1.0, 0.1) * [1.0, 2.0]})
    np.testing.assert_allclose(got["I"][:, 1], 2.0 * got["I"][:, 0], rtol=1e-6)


def test_a_dictionary_may_be_held_alone():
    got = runner(Two()).run(20.0, inputs={"E": 1.0, "I": 2.0})
    np.testing.assert_allclose(got["I"][:, 0], 2.0 * got["E"][:, 0], rtol=1e-6)


def test_a_batch_gets_the_same_function_and_noise_of_its_own():
    r = runner(data_first_axis="B", key=jax.random.key(0))
    r.reset_state(4)
    got = r.run(20.0, inputs=SHAPE)
    np.testing.assert_allclose(got, np.broadcast_to(runner().run(20.0, inputs=SHAPE), (4, 200, 3)), rtol=1e-6)
    r.reset_state(4)
    noisy = r.run(20.0, inputs=dp.inputs.white_noise(1.0))
    assert np.ptp(noisy, axis=0).min() > 0.0
    np.testing.assert_array_equal(noisy[:, :, 0], noisy[:, :, 1])


def test_noise_depends_on_the_name_of_its_place_alone():
    noise, key = dp.inputs.white_noise(1.0), jax.random.key(3)
    both = runner(Two(), key=key).run(20.0, inputs={"E": noise, "I": noise})
    assert abs(np.corrcoef(both["E"][:, 0], both["I"][:, 0])[0, 1]) < 0.9
    one = runner(Two(), key=key).run(20.0, inputs={"I": noise})
    np.testing.assert_array_equal(one["I"], both["I"])


def test_two_functions_of_a_runner_draw_their_own_numbers():
    noise, key = dp.inputs.white_noise(1.0), jax.random.key(3)
    entry = ("input", noise, "func")
    one, two = (runner(inputs=[entry] * n, key=key).run(200.0) for n in (1, 2))
    assert two.std() < 1.8 * one.std()  # 2 if they were the same
    assert two.std() > 1.0 * one.std()


def test_noise_needs_a_key():
    with pytest.raises(KeyRequiredError, match=r"inputs of the run\.E.* was given no random key"):
        runner(Two()).run(1.0, inputs={"E": dp.inputs.white_noise(1.0), "I": 0.0})


def test_another_amplitude_needs_no_new_program():
    traces = 0

    class Counted(dp.inputs.Input):
        amplitude: dp.Parameter = dp.param()

        def __call__(self, ctx):
            nonlocal traces
            traces += 1
            return jnp.asarray(self.amplitude, ctx.dtype)

    r = runner()
    outs = [r.run(10.0, inputs=Counted(a), reset_state=True)[-1, 0] for a in (1.0, 2.0, 3.0)]
    np.testing.assert_allclose(np.array(outs) / outs[0], [1.0, 2.0, 3.0], rtol=1e-6)
    assert traces == 1


def test_an_input_that_is_not_yet_on_makes_no_one_wonder_why_nothing_spikes():
    out = runner(dp.neurons.LIF(2)).run(100.0, inputs=dp.inputs.step(50.0, 200.0))
    assert not out.any()


def test_the_plan_of_such_a_run_is_told():
    assert "200 steps" in runner().explain(20.0, SHAPE)


def test_without_a_duration_it_is_refused():
    with pytest.raises(DurationError, match=r"does not say the length of the run.*input\.sample"):
        runner(Two()).run(inputs={"E": SHAPE, "I": np.ones((5, 2))})


@pytest.mark.parametrize("inputs", [lambda ctx: 1.0, {"E": jnp.sin}], ids=["function", "in a dictionary"])
def test_a_plain_function_is_refused(inputs):
    with pytest.raises(OptionError, match=r"hold the function.*dp\.inputs\.Input"):
        runner(Two()).run(1.0, inputs=inputs)


def test_a_single_precision_model_stays_so_in_double(x64):
    cell = dp.neurons.LeakyIntegrator(3, tau=jnp.full(3, 10.0, jnp.float32))
    out = runner(cell).run(2.0, inputs=SHAPE)
    assert out.dtype == np.float32
    assert runner(cell).run(2.0, inputs=[0.1, 0.2, 0.3]).dtype == np.float32
