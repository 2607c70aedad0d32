"""The package as a plugin: dynplug finds it, builds from it and trains with it."""

import subprocess
import sys

import dynplug_conductance
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp

NEURONS = {
    "soma": "Soma",
    "wang-buzsaki": "WangBuzsaki",
    "morris-lecar": "MorrisLecar",
    "pinsky-rinzel": "PinskyRinzel",
}
SYNAPSES = {"ampa": "AMPA", "nmda": "NMDA", "gaba-a": "GABAA", "gaba-b": "GABAB"}
ALL = [
    *(("neuron", *item) for item in NEURONS.items()),
    *(("synapse", *item) for item in SYNAPSES.items()),
]


@pytest.mark.parametrize(("kind", "name", "expected"), ALL)
def test_dynplug_finds_the_components_by_name(kind, name, expected):
    component = getattr(dynplug_conductance, expected)
    assert dp.get(kind, name) is component
    assert dp.get(kind, f"conductance:{name}@1") is component
    assert name in dp.list_components(kind)


def test_hooks_and_listings_import_no_jax():
    code = (
        "import sys, dynplug, dynplug_conductance.hooks\n"
        "assert 'wang-buzsaki' in dynplug.list_components('neuron')\n"
        "print([m for m in ('jax', 'equinox', 'diffrax', 'dynplug_conductance.soma') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_offers_its_names_and_no_others():
    for name in dynplug_conductance.__all__:
        assert getattr(dynplug_conductance, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Kv7'"):
        _ = dynplug_conductance.Kv7


@pytest.mark.parametrize("name", NEURONS)
def test_every_neuron_keeps_dtypes_and_shapes_in_double_and_single_precision(name):
    neuron = dp.build({"type": name, "size": 3})
    with jax.enable_x64(True):
        for dtype in (jnp.float32, jnp.float64):
            ctx = dp.Context(dt=0.025, dtype=dtype)
            new, spike = jax.eval_shape(neuron.update, neuron.init_state(ctx), jnp.ones(3, dtype), ctx)
            assert {(a.dtype, a.shape) for a in jax.tree.leaves((new, spike))} == {(np.dtype(dtype), (3,))}


@pytest.mark.parametrize("name", NEURONS)
def test_every_neuron_starts_at_its_potential_and_spikes_at_its_threshold(name):
    """A jump of 100 mV from -75 mV passes 0 mV and not 60 mV; from 10 mV, what is crossed was crossed before."""
    ctx = dp.Context(dt=0.025)
    for V_init, V_th, expected in ((-75.0, 0.0, 1.0), (-75.0, 60.0, 0.0), (10.0, 0.0, 0.0)):
        neuron = dp.build({"type": name, "size": 1, "V_init": V_init, "V_th": V_th})
        state = neuron.init_state(ctx)
        assert state.V[0] == V_init
        new, spike = eqx.filter_jit(neuron.update)(state, dp.Drive(jump=jnp.full(1, 100.0)), ctx)
        assert spike[0] == new.spike[0] == expected


def test_a_configured_network_learns():
    """AMPA onto interneurons: weights grow until the cells fire as often as they should."""
    config = {
        "type": "Sequential",
        "input": {"type": "Dense", "in_size": 1, "out_size": 4, "W_initializer": 1.0},
        "synapse": {"type": "ampa", "size": 4, "g_max": 0.5},
        "hidden": {"type": "wang-buzsaki", "size": 4},
        "readout": {"type": "LeakyIntegrator", "size": 4, "tau": 20.0},
    }
    model = dp.build(config, key=jax.random.key(0))
    x = np.zeros((4, 200, 1), np.float32)
    x[:, ::40] = 1.0
    trainer = dp.BPTT(model, "mse", {"type": "adam", "learning_rate": 0.05}, dt=0.05, logger=None, progress_bar=False)
    trainer.fit((x, np.full((4, 200, 4), 0.02, np.float32)), num_epoch=3, batch_size=4)
    assert np.isfinite(trainer.get_hist_metric("fit", "loss")).all()
    moved = jnp.abs(trainer.target["input"].weight - model["input"].weight).max()
    assert 0.0 < float(moved) < 1.0
