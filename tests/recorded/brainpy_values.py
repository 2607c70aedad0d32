"""Results of BrainPy, written to `brainpy.npz` beside this file; `test_brainpy.py` compares dynplug with them.

    python -m venv brainpy && brainpy/bin/pip install 'brainpy==2.8.2'
    brainpy/bin/python tests/recorded/brainpy_values.py

The versions that made the file are in its entry `made_with`. All is in double precision.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import brainpy as bp
import brainpy.math as bm
import jax
import numpy as np

bm.set_platform("cpu")
bm.enable_x64()
rng = np.random.default_rng(2026)
found: dict[str, np.ndarray] = {}


def array(value):
    return np.asarray(bm.as_jax(value))


def over_time(system, inputs, read, dt=1.0):
    """The results of `read` after each step."""

    def step(i, x):
        bp.share.save(i=i, t=i * dt, dt=dt)
        return read(system, system.update(x))

    rows = bm.for_loop(step, (np.arange(len(inputs)), bm.asarray(inputs)), progress_bar=False)
    return {name: array(value) for name, value in rows.items()}


def cells():
    """Networks of a recurrent layer and a dense one, with all their variables."""
    xs = rng.normal(size=(12, 5, 3))
    found["xs"] = xs
    normal = bp.init.Normal(0.0, 0.7, seed=1)
    for kind in ("RNNCell", "GRUCell", "LSTMCell"):
        for train in (False, True):
            with bm.environment(mode=bm.training_mode):
                start = {"state_initializer": normal, "train_state": True} if train else {}
                layer = getattr(bp.dyn, kind)(3, 4, b_initializer=normal, **start)
                net = bp.Sequential(layer, bp.dnn.Dense(4, 2, b_initializer=normal))
                net.reset_state(5)
                case = f"{kind}{'.train_state' if train else ''}"
                for name, value in net.vars().unique().items():
                    plain = name.replace(layer.name, f"{kind}0").replace(net[1].name, "Dense0")
                    found[f"{case}:{plain}"] = array(value)
                found[f"{case}:out"] = over_time(net, xs, lambda _, out: {"out": out})["out"]


def nvar():
    xs = found["NVAR:xs"] = rng.normal(size=(20, 2))
    layer = bp.dyn.NVAR(2, delay=3, order=2, stride=2, mode=bm.nonbatching_mode)
    found["NVAR:out"] = over_time(layer, xs, lambda _, out: {"out": out})["out"]


def neurons():
    current = found["current"] = rng.uniform(0.0, 60.0, size=(200, 5))
    own = {"V_rest": -60.0, "V_reset": -65.0, "V_th": -45.0, "tau": 12.0, "R": 0.9}
    at_rest = {"V_initializer": bp.init.Constant(-60.0)}
    cases = {
        "LIF": bp.dyn.Lif(5, **own, **at_rest),
        "LIF.training": bp.dyn.Lif(5, **own, **at_rest, mode=bm.TrainingMode(1)),
        "LIF.defaults": bp.dyn.Lif(5),
        "LeakyIntegrator": bp.neurons.LeakyIntegrator(5, V_rest=-60.0, tau=12.0, R=0.9, input_var=False, **at_rest),
    }
    cases["LIF.training"].reset_state(1)
    for name, neuron in cases.items():
        xs = current[:, None] if "training" in name else current
        read = (lambda n, _: {"V": n.V}) if name == "LeakyIntegrator" else (lambda n, out: {"V": n.V, "spike": n.spike})
        for key, value in over_time(neuron, xs, read, dt=0.5).items():
            found[f"{name}:{key}"] = value.reshape(current.shape).astype(float)
    found["LeakyIntegrator.defaults:V0"] = array(bp.neurons.LeakyIntegrator(1, V_rest=-60.0).V)


def synapse():
    spikes = found["spikes"] = (rng.random((200, 5)) < 0.1).astype(float)
    found["Exponential:g"] = over_time(bp.dyn.Expon(5, tau=7.0), spikes, lambda _, out: {"g": out}, dt=0.5)["g"]


def hodgkin_huxley():
    current = found["HH:current"] = np.repeat([[0.0, 6.0, 10.0, 30.0]], 2000, axis=0)
    start = {"V_initializer": bp.init.Constant(-65.0), "gL": 0.3, "V_th": 0.0}
    values = over_time(bp.dyn.HH(4, **start), current, lambda n, _: {"V": n.V, "m": n.m, "spike": n.spike}, dt=0.01)
    found["HH:V"], found["HH:m"] = values["V"][9::10], values["m"][9::10]
    found["HH:spikes"] = values["spike"].sum(axis=0)
    plain = bp.dyn.HH(1000)
    found["HH.defaults:gL"], found["HH.defaults:V_th"] = np.asarray(plain.gL), np.asarray(plain.V_th)
    found["HH.defaults:range"] = np.array([array(plain.V).min(), array(plain.V).max()])


def losses():
    p = found["loss:predicts"] = rng.normal(size=(6, 4))
    y = found["loss:targets"] = rng.normal(size=(6, 4))
    labels = found["loss:labels"] = rng.integers(0, 4, size=6)
    found["loss:cross_entropy"] = array(bp.losses.cross_entropy_loss(bm.asarray(p), bm.asarray(labels)))
    found["loss:mse"] = array(bp.losses.mean_squared_error(bm.asarray(p), bm.asarray(y)))
    found["loss:mae"] = array(bp.losses.mean_absolute_error(bm.asarray(p), bm.asarray(y)))
    found["loss:huber"] = array(bp.losses.huber_loss(bm.asarray(p), bm.asarray(y), delta=0.8))


def time_stamps():
    runner = bp.DSRunner(bp.dyn.Lif(1), monitors=["V"], dt=0.5, t0=2.0, progress_bar=False)
    runner.run(2.0)
    found["DSRunner:ts"] = array(runner.mon["ts"])


if __name__ == "__main__":
    for record in (cells, nvar, neurons, synapse, hodgkin_huxley, losses, time_stamps):
        record()
    packages = {name: version(name) for name in ("brainpy", "jax", "jaxlib", "numpy")}
    found["made_with"] = np.array(str({"python": sys.version.split()[0], **packages}))
    assert jax.config.read("jax_enable_x64")
    np.savez_compressed(Path(__file__).with_name("brainpy.npz"), **found)
