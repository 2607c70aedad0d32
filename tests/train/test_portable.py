"""A warning when a saved model has parts that exist in this process only."""

import warnings

import equinox as eqx
import jax.numpy as jnp
import pytest

import dynplug as dp
from dynplug.errors import PortabilityWarning


class Mine(dp.DynamicalSystem):
    """Multiplies its input."""

    gain: jnp.ndarray = eqx.field(converter=jnp.asarray, default=2.0)

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, self.gain * x


def save(model, path):
    trainer = dp.BPTT(model, "mse", {"type": "sgd", "learning_rate": 0.1}, dt=1.0, logger=None, progress_bar=False)
    trainer.save_states(path)


def test_a_model_with_a_local_component_is_saved_with_a_warning(fresh_registry, tmp_path):
    dp.register("layer", "my-gain")(Mine)
    model = dp.Sequential(inner=dp.Sequential(Mine(), Mine()), readout=dp.layers.Dense(2, 2, W_initializer=1.0))
    with pytest.warns(PortabilityWarning) as caught:
        save(model, tmp_path / "model.safetensors")
    (message,) = [str(w.message) for w in caught]
    assert "The model holds layer local:my-gain@1, which is registered in this process only" in message
    assert message.endswith("put it into a package: dynplug new layer my-gain")
    assert (tmp_path / "model.safetensors").exists()


def test_other_models_are_saved_without_one(fresh_registry, tmp_path):
    save(dp.Sequential(Mine()), tmp_path / "unregistered.safetensors")
    dp.register("layer", "my-gain")(Mine)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        save(dp.layers.Dense(2, 2, W_initializer=1.0), tmp_path / "dense.safetensors")
    assert not caught
