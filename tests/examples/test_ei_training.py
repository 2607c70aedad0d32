"""The network that learns to match, with fewer epochs."""

import importlib.util
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

import dynplug as dp

FILE = Path(__file__).parents[2] / "examples" / "ei_training.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("ei_training", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_trials_are_of_two_stimuli_and_half_of_them_match(example):
    x, y = example.trials(400, seed=5)
    assert x.shape == (400, 100, 20)
    assert np.mean(y) == pytest.approx(0.5, abs=0.1)
    halves = x.reshape(400, 100, 2, 10).sum(-1)
    first, second = halves[:, :20].sum(1).argmax(-1), halves[:, 60:80].sum(1).argmax(-1)
    np.testing.assert_array_equal(first == second, y)
    assert x[:, 20:60].sum() == x[:, 80:].sum() == 0.0


@pytest.mark.claim(
    "ei-network-matches",
    "A recurrent network of 80 excitatory and 20 inhibitory neurons, trained with the signs of its weights kept, tells "
    "whether two stimuli are the same: its accuracy on new trials",
    at_least=0.95,
    reference="half of the trials match",
    components=("runner:BPTT", "neuron:LIF", "synapse:Exponential"),
)
@pytest.mark.slow
def test_it_learns_to_match(example, capsys, measured):
    trainer = dp.BPTT(
        example.network(jax.random.key(4)),
        loss_fun={"type": "cross_entropy", "reduce_time": "last"},
        metrics=[{"type": "accuracy", "reduce_time": "last"}],
        optimizer=optax.chain(optax.clip_by_global_norm(1.0), optax.adam(5e-3)),
        dt=example.DT,
    )
    trainer.fit(example.trials(1024, seed=11), test_data=example.trials(256, seed=12), num_epoch=10, batch_size=32)
    assert np.all(trainer.target["exc"].weights > 0)
    assert np.all(trainer.target["inh"].weights < 0)
    right = trainer.get_hist_metric("test", "accuracy")
    assert right[0] < 0.8
    measured(right[-1])
