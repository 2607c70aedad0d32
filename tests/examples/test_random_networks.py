"""Rates and irregularity of the networks in the examples, smaller and shorter, against Brian2 2.9.0."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
FOUND = np.load(ROOT / "tests" / "recorded" / "brian2_rates.npz")
START, STOP = 100.0, 500.0
SEEDS = {"CUBA": 6, "COBA": 6}  # 3 for the others


def example(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def runs():
    """The spikes of excitatory neurons, by the name of the network and a seed."""
    brunel, vogels_abbott = example("brunel"), example("vogels_abbott")

    def run(name, seed):
        if name in brunel.STATES:
            return brunel.simulate(brunel.STATES[name], 0.2, STOP, seed)["E"]
        return vogels_abbott.simulate(name, STOP, seed, size=1000, probability=0.08)["E"]

    return run


@pytest.mark.parametrize("name", ["CUBA", "COBA", "SR", "SI fast", "AI", "SI slow"])
@pytest.mark.claim(
    "brian2-network-rates",
    "Rates and CVs of intervals in the networks of Vogels and Abbott and in Brunel's four states, of 1000 and 2500 "
    "neurons: the difference of the means of 3 or 6 seeds to Brian2's of 24 in its standard errors, at most",
    tolerance=3.0,
    reference="Brian2 2.9.0, tests/recorded/brian2_rate_values.py",
    components=("layer:Network", "neuron:LIF", "synapse:Exponential", "connector:FixedProbability"),
)
@pytest.mark.slow
def test_rates_and_irregularity(name, runs, measured, optimised):
    theirs, seeds = FOUND[name], SEEDS.get(name, 3)
    windows = [runs(name, seed).between(START, STOP) for seed in range(seeds)]
    ours = np.mean([(events.rate().mean(), np.nanmean(events.cv())) for events in windows], axis=0)
    error = theirs.std(0, ddof=1) * (1 / seeds + 1 / len(theirs)) ** 0.5
    print(name, ours, "Brian2", theirs.mean(0), "standard error of the difference", error)
    assert np.all(error[0] < 0.08 * theirs.mean(0)[0])  # else the comparison says little
    measured(np.max(np.abs(ours - theirs.mean(0)) / error))
