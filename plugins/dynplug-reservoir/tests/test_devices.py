"""A reservoir that runs on four devices; they are counted when JAX starts, and so in a process of its own."""

import os
import subprocess
import sys

import jax
import pytest
from dynplug_reservoir import ForceTrainer

import dynplug as dp

CODE = """
import jax, numpy as np, dynplug as dp
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from dynplug_reservoir import Reservoir, RidgeTrainer

key, rng = jax.random.key(5), np.random.default_rng(7)
x = rng.normal(size=(6, 30, 2)).astype(np.float32)
y = (x[..., :1] * np.roll(x[..., 1:], 1, axis=1)).astype(np.float32)
model = dp.Sequential(
    drop=dp.layers.Dropout(0.3),  # whose random numbers go by the sample
    pool=Reservoir(2, 15, sparsity=0.5, key=key),
    out=dp.layers.Dense(15, 1, b_initializer=0.0, key=key),
)

def trained(devices, **options):
    trainer = RidgeTrainer(model, dt=1.0, alpha=1e-2, logger=None, devices=devices, **options)
    trainer.fit((x, y))
    return trainer, trainer.predict(x)

(alone, out), (spread, other) = trained(None), trained(4)
assert "devices=4" in repr(spread)
np.testing.assert_allclose(spread.target["out"].weight, alone.target["out"].weight, rtol=0, atol=1e-5)
np.testing.assert_allclose(other, out, rtol=0, atol=1e-5)
assert float(np.abs(out).max()) > 0.1

over = NamedSharding(Mesh(np.array(jax.devices()), ("data",)), P("data"))
try:
    alone.fit((jax.device_put(x[:4], over), y[:4]))
except dp.errors.DeviceError as error:
    assert "devices='all'" in str(error), error
else:
    raise AssertionError("data on several devices were trained on one")
"""


def test_a_readout_is_the_same_on_any_number_of_devices():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
    env = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def test_force_takes_one_device():
    model = dp.layers.Dense(2, 1, key=jax.random.key(0))
    with pytest.raises(dp.errors.OptionError, match="samples are gone through one after the other"):
        ForceTrainer(model >> model.__class__(1, 1, key=jax.random.key(1)), dt=1.0, devices=1)
