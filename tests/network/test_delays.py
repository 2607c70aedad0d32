"""The time at which a spike acts: after a delay, or within its step."""

import jax
import numpy as np
import pytest

import dynplug as dp

DT = 0.5


def test_what_has_no_delay_acts_within_the_step_whatever_the_order_of_the_names(run):
    kick = dp.synapses.Delta()
    nodes = {name: dp.neurons.LIF(1, V_reset=0.0) for name in ("last", "middle", "first")}
    edges = {
        "b": dp.Projection("middle", "last", "OneToOne", weight=2.0, synapse=kick),
        "a": dp.Projection("first", "middle", "OneToOne", weight=2.0, synapse=kick),
    }
    _, outs = run(dp.Network(nodes, edges), 40, {"first": 3.0})
    assert outs["first"].sum() > 2
    np.testing.assert_array_equal(outs["last"], outs["first"])
    np.testing.assert_array_equal(outs["middle"], outs["first"])


@pytest.mark.parametrize("delay", [0.5, 1.0, 3.5])
@pytest.mark.parametrize("back", [False, True])
def test_a_delay_counts_from_the_step_of_the_spike_to_that_of_its_arrival(delay, back, run):
    """In a cycle or out of it."""
    kick = dp.synapses.Delta()
    edges = {"there": dp.Projection("A", "B", "OneToOne", weight=5.0, delay=delay, synapse=kick)}
    if back:
        edges["back"] = dp.Projection("B", "A", "OneToOne", weight=0.0, delay=0.5, synapse=kick)
    net = dp.Network({"A": dp.neurons.LIF(1), "B": dp.neurons.LIF(1)}, edges)
    _, outs = run(net, 60, {"A": 1.5})
    sent, arrived = (np.flatnonzero(outs[name][:, 0]) for name in "AB")
    assert len(sent) > 1
    np.testing.assert_array_equal(arrived, sent + round(delay / DT))


@pytest.mark.parametrize(("low", "high", "dt"), [(0.0, 3.0, 0.5), (0.4, 1.6, 0.1)])
def test_delays_that_are_drawn_are_rounded_to_tenths_and_to_steps_at_least_one(low, high, dt, run):
    n, drawn = 40, dp.initializers.Uniform(low, high)
    edge = dp.Projection("A", "B", "OneToOne", weight=5.0, delay=drawn, synapse=dp.synapses.Delta())
    net = dp.Network({"A": dp.neurons.LIF(n), "B": dp.neurons.LIF(n)}, {"p": edge}, key=jax.random.key(4))
    delays = np.array(net["p"].delays)
    np.testing.assert_allclose(delays * 10, np.round(delays * 10), atol=1e-9)
    assert delays.min() >= max(low, 0.1) - 0.06
    assert delays.max() <= high + 0.06
    copy, unit = np.divmod(np.repeat(np.arange(n * len(delays)), np.diff(net["p"].fanout.start)), n)
    _, outs = run(net, 60, state={"A.V": 2.0}, dt=dt)
    arrived = np.argmax(outs["B"], axis=0)
    assert outs["B"].sum() == n
    np.testing.assert_array_equal(arrived[unit], np.maximum(1, np.round(delays[copy] / dt)))
    assert len(set(arrived.tolist())) > 3


def test_a_drawn_delay_in_a_cycle_is_as_long_as_a_given_one(run):
    def sent(delay):
        edge = dp.Projection("A", "A", "OneToOne", weight=5.0, delay=delay, synapse=dp.synapses.Delta())
        net = dp.Network({"A": dp.neurons.LIF(1)}, {"p": edge}, key=jax.random.key(0))
        return np.flatnonzero(run(net, 20, state={"A.V": 2.0})[1]["A"])

    np.testing.assert_array_equal(sent(dp.initializers.Constant(1.3)), sent(1.5))
    np.testing.assert_array_equal(sent(1.5), np.arange(0, 20, 3))
