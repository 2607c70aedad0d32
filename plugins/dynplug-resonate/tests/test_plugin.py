"""The package as a plugin: dynplug finds it, builds from it and trains with it."""

import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_resonate import MultiGaussian, ResonateAndFire

import dynplug as dp


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("neuron", "resonate-and-fire", ResonateAndFire),
        ("neuron", "ResonateAndFire", ResonateAndFire),
        ("neuron", "resonate:RF@1", ResonateAndFire),
        ("surrogate", "multi-gaussian", MultiGaussian),
    ],
)
def test_dynplug_finds_the_components_by_name(kind, name, expected):
    assert dp.get(kind, name) is expected


def test_they_are_listed():
    assert "resonate-and-fire" in dp.list_components("neuron")
    assert "multi-gaussian" in dp.list_components("surrogate")


def test_hooks_and_listings_import_no_jax():
    code = (
        "import sys, dynplug, dynplug_resonate.hooks\n"
        "assert 'resonate-and-fire' in dynplug.list_components('neuron')\n"
        "print([m for m in ('jax', 'equinox', 'diffrax', 'dynplug_resonate.resonate_and_fire') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def network():
    config = {
        "type": "Sequential",
        "input": {"type": "Dense", "in_size": 2, "out_size": 12, "W_initializer": {"type": "KaimingNormal"}},
        "synapse": {"type": "Delta", "size": 12},
        "hidden": {"type": "resonate-and-fire", "size": 12, "surrogate": {"type": "multi-gaussian", "h": 0.1}},
        "output": {"type": "Dense", "in_size": 12, "out_size": 2},
        "readout": {"type": "LeakyIntegrator", "size": 2, "R": 10.0},
    }
    return dp.build(config, key=jax.random.key(0))


def rhythms():
    """Pulses on two lines at once; class 0 a period of the neuron apart, class 1 half a period."""
    y = np.arange(16) % 2
    x = np.zeros((16, 40, 2), np.float32)
    for n, label in enumerate(y):
        x[n, n % 3 :: 12 if label == 0 else 6] = 1.0
    return x, y


def test_a_configured_network_holds_the_components():
    hidden = network()["hidden"]
    assert isinstance(hidden, ResonateAndFire)
    assert isinstance(hidden.surrogate, MultiGaussian)
    assert hidden.surrogate.h == 0.1
    assert hidden.size == (12,)


def test_a_configured_network_learns():
    model = network()
    trainer = dp.BPTT(
        model, "cross_entropy", {"type": "adam", "learning_rate": 0.02}, dt=1.0, logger=None, progress_bar=False
    )
    trainer.fit(rhythms(), num_epoch=5, batch_size=8)
    losses = trainer.get_hist_metric("fit", "loss")
    assert losses[-1] < 0.8 * losses[0]
    moved = jnp.abs(trainer.target["input"].weight - model["input"].weight).max()
    assert 0.0 < float(moved) < 1.0


def test_the_gradients_reach_the_input_through_the_spikes():
    x, _ = rhythms()

    def output(model):
        _, out = dp.LoopOverTime(model, dt=1.0)(jnp.asarray(x[0]))
        return out[-1, 0]

    gradient = jax.grad(lambda w: output(with_weight(network(), w)))(network()["input"].weight)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0.0


def with_weight(model, weight):
    return eqx.tree_at(lambda m: m["input"].weight, model, weight)
