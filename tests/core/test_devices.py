import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import DeviceError

TWO_DEVICES = """
import sys, jax, numpy as np, dynplug as dp
first, second = jax.devices()
model = dp.layers.Dense(2, 3, key=jax.random.key(0)) >> dp.neurons.LIF(3)
moved = dp.to(model, second)
assert model[0].weight.devices() == {first}
assert moved[0].weight.devices() == {second}
assert moved[1].tau == model[1].tau
_, out = dp.LoopOverTime(moved, dt=1.0)(dp.to(np.ones((4, 2), np.float32), second))
assert out.devices() == {second}
state = dp.to(dp.LoopOverTime(model, dt=1.0).reset_state(), second)
assert state["1.V"].devices() == {second}
assert dp.to(moved, "cpu")[0].weight.devices() == {first}
mesh = jax.sharding.Mesh(np.array([first, second]), "x")
everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
assert dp.to(model, everywhere)[0].weight.devices() == {first, second}
"""


@pytest.mark.slow
def test_a_model_and_a_state_move_to_a_device_and_compute_there(two_devices):
    environment = os.environ | two_devices
    ran = subprocess.run([sys.executable, "-c", TWO_DEVICES], env=environment, check=False, capture_output=True)
    assert ran.returncode == 0, ran.stderr.decode()


def test_a_model_moved_in_place_is_the_same_model(getkey):
    model = dp.layers.Dense(2, 3, key=getkey()) >> dp.neurons.LIF(3)
    moved = dp.to(model, "cpu")
    assert jax.tree.structure(moved) == jax.tree.structure(model)
    np.testing.assert_array_equal(moved[0].weight, model[0].weight)


def test_a_device_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(DeviceError, match=r"no device 'abacus' here\. Known: cpu"):
        dp.to({}, "abacus")


def test_a_dtype_is_no_device():
    with pytest.raises(DeviceError, match=r"Unknown device .*bfloat16'>: .* cast those"):
        dp.to({"x": np.zeros(2)}, jnp.bfloat16)


def test_small_programs_are_computed_on_the_host(monkeypatch):
    """If another device is the default, and the CPU is available."""
    from dynplug.core import on_host

    cpu = jax.devices("cpu")[0]
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    with on_host():
        assert jax.config.jax_default_device == cpu

    def none(backend):
        raise RuntimeError("Unknown backend cpu")

    monkeypatch.setattr(jax, "local_devices", none)
    with on_host():
        assert jax.config.jax_default_device is None
