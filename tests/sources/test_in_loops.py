"""Sources in compiled loops, beside `jax.lax.scan`, in batches and in continued runs."""

import jax
import numpy as np
import pytest

import dynplug as dp

SOURCES = {
    "Poisson": dp.sources.Poisson(6, 0.3 + dp.inputs.step(0.3, 20.0)),
    "SpikeTimes": dp.sources.SpikeTimes(6, np.arange(0.0, 60.0, 0.5), np.arange(120) % 6),
    "OrnsteinUhlenbeck": dp.sources.OrnsteinUhlenbeck(6, 1.0),
    "WhiteNoise": dp.sources.WhiteNoise(6, 1.0),
}


@pytest.fixture(params=SOURCES)
def model(request):
    weights = dp.layers.Dense(6, 4, W_initializer=dp.initializers.Normal(2.0), key=jax.random.key(0))
    return dp.Sequential(source=SOURCES[request.param], weights=weights, cells=dp.neurons.LIF(4))


def run(model, **options):
    return dp.LoopOverTime(model, "cells.V", dt=0.5, **options)(50.0, key=jax.random.key(1))


def test_compiled_equals_plain(model):
    _, (spikes, V) = run(model, loop="plain")
    assert np.ptp(V) > 0.1
    for loop in ("auto", "layer", "step"):
        found = run(model, loop=loop)
        np.testing.assert_array_equal(found[1][0], spikes)
        np.testing.assert_allclose(found[1][1], V, rtol=1e-4, atol=1e-5)


def test_a_run_goes_on_where_it_stopped_and_samples_differ_by_chance_alone(model):
    whole = dp.DSRunner(model, monitors=["cells.V"], dt=0.5, key=jax.random.key(1), progress_bar=False)
    whole.run(50.0)
    parts = dp.DSRunner(model, monitors=["cells.V"], dt=0.5, key=jax.random.key(1), progress_bar=False, chunk=30)
    seen = [(parts.run(part), parts.mon["cells.V"])[1] for part in (20.0, 30.0)]
    np.testing.assert_allclose(np.concatenate(seen), whole.mon["cells.V"], rtol=1e-5, atol=1e-6)
    batch = dp.DSRunner(model, dt=0.5, key=jax.random.key(1), data_first_axis="B", progress_bar=False)
    batch.reset_state(3)
    batch.run(50.0)
    potentials = np.asarray(batch.state["cells.V"])
    by_chance = not isinstance(model["source"], dp.sources.SpikeTimes)
    assert bool(np.ptp(potentials, axis=0).max() > 0.0) == by_chance
