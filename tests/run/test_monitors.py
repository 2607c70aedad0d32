"""Monitors of a run."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import OptionError, UnknownNameError, UnknownPathError


def runner(monitors, **options):
    net = dp.Sequential(hidden=dp.neurons.LIF(3, tau=5.0), out=dp.neurons.LeakyIntegrator(3))
    return dp.DSRunner(net, **{"monitors": monitors, "dt": 0.5, "progress_bar": False, **options})


def test_every_form_of_monitor():
    r = runner(
        {
            "a": "hidden.V",
            "b": ("hidden.V", 1),
            "c": ("hidden.V", [0, 2]),
            "d": ("hidden.V", slice(1, 3)),
            "e": ("hidden.V", np.array([True, False, True])),
            "f": lambda state: jnp.sum(state["hidden"].V),
            "g": lambda state, ctx: state["hidden"].V * ctx.shared["gain"] + ctx.t,
            "h": "hidden",
        },
        t0=4.0,
        chunk=2,
    )
    r.run(3.0, inputs=[1.0, 2.0, 3.0], shared_args={"gain": jnp.asarray(2.0)})
    a = r.mon["a"]
    assert a.shape == (6, 3)
    np.testing.assert_array_equal(r.mon["b"], a[:, 1])
    np.testing.assert_array_equal(r.mon["c"], a[:, [0, 2]])
    np.testing.assert_array_equal(r.mon["d"], a[:, 1:3])
    np.testing.assert_array_equal(r.mon["e"], a[:, [0, 2]])
    np.testing.assert_allclose(r.mon["f"], a.sum(1), rtol=1e-6)
    np.testing.assert_allclose(r.mon["g"], 2 * a + (4.0 + 0.5 * np.arange(6))[:, None], rtol=1e-6)
    np.testing.assert_array_equal(r.mon["h"].V, a)
    listed = runner([("hidden.V", 1), "out.V"])
    listed.run(3.0, inputs=[1.0, 2.0, 3.0])
    np.testing.assert_array_equal(listed.mon["hidden.V"], a[:, 1])
    assert set(listed.mon) == {"hidden.V", "out.V"}


def test_an_index_is_one_of_units_in_a_batch_too():
    r = runner({"one": ("hidden.V", 2), "sum": lambda state: jnp.sum(state["hidden"].V)}, data_first_axis="B")
    out = r.run(inputs=np.ones((4, 5, 3), np.float32))
    assert out.shape == (4, 5, 3)
    assert r.mon["one"].shape == r.mon["sum"].shape == (4, 5)


def test_a_function_gets_the_key_of_its_step():
    drawn = runner({"x": lambda state, ctx: jax.random.normal(ctx.random_key())}, key=jax.random.key(1))
    drawn.run(4.0)
    assert len(set(drawn.mon["x"].tolist())) == 8


@pytest.mark.parametrize(
    ("monitors", "error", "message"),
    [
        (["hidden.spikes"], UnknownPathError, "Did you mean 'spike'"),
        ([("hidden.V", 3)], UnknownPathError, "has 3 units"),
        ([("hidden.V", [0, 7])], UnknownPathError, "has 3 units"),
        ([("hidden.V", 1.5)], OptionError, "the index of 'hidden.V' is a whole number"),
        ([("hidden.V", "V")], OptionError, "the index of 'hidden.V' is a whole number"),
        ([("hidden.V", [[0], [1]])], OptionError, "the index of 'hidden.V' is a whole number"),
        ("hidden.V", OptionError, "list of paths"),
        ([3], OptionError, "Monitor 3: give a path"),
        ([lambda state: state], OptionError, "by name, a function"),
        ({"f": lambda state, ctx, more: 0}, OptionError, "takes 3 arguments"),
        ([("hidden.V", 0), ("hidden.V", 1)], OptionError, "Two monitors are called 'hidden.V': name them"),
        ({"ts": "hidden.V"}, OptionError, "the name of the times"),
    ],
)
def test_what_cannot_be_watched_is_refused_at_construction(monitors, error, message):
    with pytest.raises(error, match=message):
        runner(monitors)


def test_a_scalar_has_no_index():
    class Count(dp.DynamicalSystem):
        def init_state(self, ctx):
            return {"n": jnp.zeros((), jnp.int32)}

        def update(self, state, x, ctx):
            return {"n": state["n"] + 1}, None

    with pytest.raises(UnknownPathError, match="not an array of units"):
        dp.DSRunner(Count(), monitors=[("n", 0)], dt=1.0)
    r = dp.DSRunner(Count(), monitors=["n"], dt=1.0, progress_bar=False)
    assert r.run(3.0) is None
    np.testing.assert_array_equal(r.mon.n, [1, 2, 3])


def test_records_are_read_by_name_and_by_attribute():
    r = runner({"V": "hidden.V"})
    r.run(1.0)
    assert r.mon.V is r.mon["V"]
    assert r.mon.ts is r.mon["ts"]
    with pytest.raises(UnknownNameError, match="Known: V"):
        r.mon["spikes"]
    with pytest.raises(UnknownNameError, match="no monitor 'W'"):
        r.mon.W  # noqa: B018
