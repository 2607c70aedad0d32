"""Warnings about implausible spiking in a run: once, by name, and none for usual activity."""

import warnings

import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import SpikingWarning
from dynplug.neurons import LIF, AdExIF, LeakyIntegrator


def runner(target, **options):
    return dp.DSRunner(target, **{"monitors": ["spike"], "dt": 0.1, "progress_bar": False, **options})


def said_of(r, *args, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SpikingWarning)
        r.run(*args, **options)
    return [str(w.message) for w in caught if w.category is SpikingWarning]


def membrane(size=2, **options):
    return LIF(size, tau=20.0, V_rest=-65.0, V_th=-50.0, **options)


@pytest.mark.parametrize("options", [{}, {"monitors": None, "dt": 0.01}, {"return_outputs": False, "record_every": 7}])
def test_a_current_in_pA_is_noticed_once(options):
    r = runner(AdExIF(1), **options)
    (said,) = said_of(r, 60.0, inputs=500.0)
    assert "The unit of AdExIF spiked at" in said
    assert "pA is 1000 times too large" in said
    assert said_of(r, 60.0, inputs=500.0) == []


def test_the_population_and_how_many_of_its_units_are_named():
    net = dp.Sequential(first=membrane(3), gain=lambda s: 1e4 * s, hidden=membrane(3))
    monitors = ["first.spike", "hidden.spike"]
    (said,) = said_of(runner(net, monitors=monitors), 100.0, inputs=np.array([20.0, 1e5, 0.0], np.float32))
    assert "1 of 3 units of 'first' spiked at 10 kHz, in 100% of the steps" in said
    assert "1 of 3 units of 'hidden'" in said


def test_a_population_that_is_driven_in_vain_is_named():
    (said,) = said_of(runner(membrane()), 100.0, inputs=14.0)
    assert "No unit of LIF spiked in 100 ms" in said
    assert "(V_th - V_rest) / R" in said
    net = dp.Sequential(first=membrane(), hidden=membrane())
    (said,) = said_of(runner(net, monitors=["first.spike", "hidden.spike"]), 100.0, inputs=16.0)
    assert "'first'" not in said
    assert "No unit of 'hidden' spiked" in said
    (said,) = said_of(
        runner(net, monitors=["hidden"], return_outputs=False), inputs=np.full((1000, 2), 16.0, np.float32)
    )
    assert "No unit of 'hidden' spiked" in said


EVENTS = {"monitors": None, "return_outputs": False, "spikes": True}


def test_spikes_recorded_as_events_are_looked_at_as_well():
    net = dp.Sequential(first=membrane(3), gain=lambda s: 1e4 * s, hidden=membrane(3))
    (said,) = said_of(runner(net, **EVENTS), 100.0, inputs=np.array([20.0, 1e5, 0.0], np.float32))
    assert "1 of 3 units of 'first' spiked at 10 kHz, in 100% of the steps" in said
    assert "1 of 3 units of 'hidden'" in said
    (said,) = said_of(runner(membrane(), **EVENTS), 100.0, inputs=14.0)
    assert "No unit of LIF spiked in 100 ms" in said
    (said,) = said_of(runner(membrane(), spikes=True), 100.0, inputs=14.0)
    assert said.count("No unit") == 1
    assert said_of(runner(membrane(), **EVENTS), 100.0, inputs=16.0) == []
    early = np.where(np.arange(1000) < 500, 30.0, 1.0)[:, None] * np.ones(2, np.float32)
    assert said_of(runner(membrane(), **EVENTS), inputs=early) == []  # it spiked once, if not at the end
    assert said_of(runner(membrane(), **EVENTS), 5.0, inputs=14.0) == []
    batched = runner(membrane(), data_first_axis="B", **EVENTS)
    (said,) = said_of(batched, inputs=np.full((2, 300, 2), 1e5, np.float32))
    assert "4 of 4 units of LIF" in said


@pytest.mark.parametrize("axis", ["T", "B"])
def test_batches(axis):
    x = np.full((1000, 2, 2) if axis == "T" else (2, 1000, 2), 1e5, np.float32)
    (said,) = said_of(runner(membrane(), data_first_axis=axis), inputs=x)
    assert "4 of 4 units" in said


@pytest.mark.parametrize(
    ("target", "duration", "inputs", "options"),
    [
        (membrane(), 40.0, 14.0, {}),  # short
        (membrane(), 8.0, 1e5, {}),
        (membrane(), 100.0, 16.0, {}),
        (membrane(), 100.0, None, {}),  # nothing drives it
        (membrane(), 100.0, -14.0, {}),
        (membrane(), 100.0, np.array([0.0, 16.0], np.float32), {}),  # some are silent
        (membrane(), 100.0, 14.0, {"monitors": ["V"], "return_outputs": False}),  # nobody looks
        (LeakyIntegrator(2), 100.0, 14.0, {"monitors": ["V"]}),
        (AdExIF(1), 100.0, 2.0, {}),
        (dp.neurons.HH(1), 60.0, 20.0, {"dt": 0.05}),
    ],
)
def test_what_is_usual_is_not_noticed(target, duration, inputs, options):
    assert said_of(runner(target, **options), duration, inputs=inputs) == []


def test_an_input_by_name_drives_and_an_inhibitory_conductance_does_not():
    assert "No unit" in said_of(runner(membrane(), inputs=[("input", 14.0)]), 100.0)[0]
    shunt = dp.Drive(current=np.float32(-8.0), conductance=np.float32(0.1))
    assert said_of(runner(membrane(), inputs=[("input", shunt)]), 100.0) == []
