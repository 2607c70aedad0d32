"""A state that becomes NaN says so: its path, the first step, once a run; and what follows from it is NaN."""

import warnings

import diffrax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import NonFiniteWarning

SURROGATES = dp.list_components("surrogate")


@pytest.mark.parametrize("name", SURROGATES)
def test_a_spike_of_nan_is_not_no_spike(name):
    spike = dp.build(name, kind="surrogate")(jnp.array([jnp.nan, -1.0, 1.0, -jnp.inf, jnp.inf]))
    np.testing.assert_array_equal(spike, [np.nan, 0.0, 1.0, 0.0, 1.0])


class Breaks(dp.DynamicalSystem):
    """Counts, and is the root of what is left to `at`."""

    at: float

    def init_state(self, ctx):
        return {"calm": jnp.zeros(3, ctx.dtype), "root": jnp.zeros(2, ctx.dtype)}

    def update(self, state, x, ctx):
        left = self.at - ctx.i.astype(ctx.dtype)
        return {"calm": state["calm"] + 1.0, "root": jnp.sqrt(jnp.array([1.0, 1.0]) * left)}, state["calm"]


@pytest.mark.parametrize(
    ("axis", "options"),
    [
        (None, {}),
        ("T", {"chunk": 7}),
        ("B", {"chunk": 7, "memory_efficient": True}),
        (None, {"chunk": 7, "record_every": 3}),
        (None, {"return_outputs": False}),
    ],
    ids=str,
)
def test_the_first_step_is_named_whatever_the_chunks(axis, options):
    options = {"dt": 0.5, "t0": 100.0, "data_first_axis": axis, "progress_bar": False} | options
    run = dp.DSRunner(Breaks(17.0), monitors=["root"], **options)
    run.reset_state(None if axis is None else 2)
    with pytest.warns(NonFiniteWarning, match=r"state 'root' became NaN in step 18, at 109 ms; .*dt=0.5") as told:
        run.run(20.0)
    assert len(told) == 1
    assert np.isnan(run.mon["root"]).any()  # what was recorded is kept
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.run(20.0)  # it was so at the start


def test_without_jit_it_is_noticed_too():
    run = dp.DSRunner(Breaks(2.0), dt=1.0, jit=False, progress_bar=False)
    with pytest.warns(NonFiniteWarning, match="in step 3"):
        run.run(5.0)


def test_a_model_at_too_great_a_step_says_so():
    run = dp.DSRunner(dp.neurons.HH(2, integrator=diffrax.Tsit5()), dt=0.2, progress_bar=False)
    with pytest.warns(NonFiniteWarning, match=r"state 'V' became NaN.*smaller step than dt=0.2"):
        run.run(100.0, inputs=10.0)


def test_inputs_that_are_nan_are_blamed():
    run = dp.DSRunner(dp.neurons.LIF(1), dt=1.0, progress_bar=False)
    x = np.ones((5, 1), np.float32)
    x[3] = np.nan
    with pytest.warns(NonFiniteWarning, match=r"state 'V' became NaN in step 3.*the inputs hold NaN"):
        run.run(inputs=x)


def model():
    one = {"W_initializer": 1.0, "b_initializer": None}
    hidden, out = dp.neurons.LIF(2, R=20.0), dp.neurons.LeakyIntegrator(3)
    return dp.layers.Dense(2, 2, **one) >> hidden >> dp.layers.Dense(2, 3, **one) >> out


@pytest.mark.parametrize("batch_size", [None, 1])
def test_a_prediction_and_a_test_say_where_it_began(batch_size):
    x, y = np.ones((3, 20, 2), np.float32), np.array([0, 1, 2])
    broken = x.copy()
    broken[1, 4, 0] = np.nan
    t = dp.BPTT(model(), "cross_entropy", metrics=["accuracy"], dt=1.0, logger=None, progress_bar=False)
    with pytest.warns(NonFiniteWarning, match=r"Prediction, batch \d: the input at index \[\d, 4, 0\]") as told:
        out = np.asarray(t.predict(broken, batch_size=batch_size))
    assert len(told) == 1
    assert np.isnan(out[1, -1]).all()
    assert np.isfinite(out[[0, 2]]).all()
    with pytest.warns(NonFiniteWarning, match=r"Test of epoch 1, batch \d: the input at index \[\d, 4, 0\]"):
        t.fit((x, y), test_data=(broken, y), num_epoch=1, batch_size=batch_size)
    assert np.isnan(t.get_hist_metric("test")).all()
