"""Fixtures for the tests of networks."""

import itertools

import jax
import pytest

import dynplug as dp

DT = 0.5


@pytest.fixture
def run():
    """A run of some steps: the state at the end, and the records of monitors or else the outputs."""

    def go(net, steps, inputs=None, monitors=None, dt=DT, key=None, state=None):
        runner = dp.DSRunner(net, dt=dt, monitors=monitors, progress_bar=False, key=key)
        if state is not None:
            runner.reset_state(state)
        out = runner.run(steps * dt, inputs=inputs)
        return runner.state.system, runner.mon if monitors else out

    return go


@pytest.fixture
def random_network():
    """Populations of six units, all of which reach all, with random connections and weights."""

    def make(names):
        connect = dp.connectors.FixedProbability(0.5)
        uniform, current = dp.initializers.Uniform(0.0, 1.0), dp.synapses.Exponential(tau=4.0)
        edges = {
            f"{a}{b}": dp.Projection(a, b, connect, weight=uniform, delay=DT, synapse=current)
            for a, b in itertools.product(names, names)
        }
        return dp.Network({name: dp.neurons.LIF(6) for name in names}, edges, key=jax.random.key(3))

    return make
