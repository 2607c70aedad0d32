"""The examples in the docstrings of rate units run, and give what they say."""

import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np

import dynplug as dp


def example(name):
    text = re.search(r"```python\n(.*?)```", inspect.getdoc(getattr(dp.neurons, name)), re.DOTALL)[1]
    scope = {"dp": dp, "jax": jax, "jnp": jnp, "np": np}
    exec(compile(text, name, "exec"), scope)
    return scope


def test_two_threshold_linear_units_inhibit_each_other():
    np.testing.assert_allclose(example("ThresholdLinear")["r"][-1], [0.8, 0.4], atol=5e-3)


def test_a_pair_of_populations_goes_back_and_forth():
    r = np.asarray(example("WilsonCowan")["r"])[800:, 0]
    assert abs(r.min() - 0.10) < 0.01
    assert abs(r.max() - 0.27) < 0.01
    up = np.flatnonzero((r[1:] >= 0.18) & (r[:-1] < 0.18))
    assert abs(0.1 * np.diff(up).mean() - 50.0) < 1.5


def test_fifty_oscillators_fall_into_step():
    r = example("Kuramoto")["r"]
    assert r[0] < 0.4
    assert r[-100:].mean() > 0.8
