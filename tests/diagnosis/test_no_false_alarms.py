"""Models that are sound, in tasks, examples and the catalogue, are not warned of."""

import inspect
import math
import runpy
from pathlib import Path

import jax
import numpy as np
import pytest

import dynplug as dp
from dynplug.plugin import registry

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
TRAINED = sorted(path for path in EXAMPLES.glob("*.py") if "BPTT(" in path.read_text())
CHECKS = [c.spec.name for c in registry().components("diagnostic") if c.spec.name != "MemoryNeed"]


class Diagnosed(Exception):
    """Ends an example where its training would begin."""


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_an_example_is_sound(path, monkeypatch, tmp_path):
    found = []

    def diagnose(self, data, *args, **options):
        data = data() if inspect.isroutine(data) else data
        x, y = data if isinstance(data, tuple) else next(iter(data))
        found.append(self.diagnose((x[:64], y[:64]), checks=CHECKS))
        raise Diagnosed

    monkeypatch.setattr(dp.BPTT, "fit", diagnose)
    monkeypatch.setattr("sys.argv", [str(path), str(tmp_path)])
    with pytest.raises(Diagnosed):
        runpy.run_path(str(path), run_name="__main__")
    assert found[0].ok, found[0]


@pytest.mark.parametrize(
    "task", [c.spec.name for c in registry().components("task") if c.plugin.namespace == "dynplug"]
)
def test_the_recipe_of_a_task_is_sound(task):
    from dynplug.recipe import Config, diagnose_config

    found = diagnose_config(Config.named(task), checks=CHECKS)
    assert found.ok, found


PARTS = {
    **{f"neuron:{name}": {} for name in ("LIF", "ALIF", "LeakyIntegrator")},
    "neuron:IF": {"drive": 0.3},
    **{f"synapse:{name}": {"drive": 0.3} for name in ("Exponential", "Alpha", "DualExponential", "Delta")},
    **{f"layer:{name}": {} for name in ("Dense", "RNNCell", "GRUCell", "LSTMCell", "Sparse", "Dropout", "Sequential")},
    "neuron:HH": {"dt": 0.05, "drive": 40.0},
    "neuron:Izhikevich": {"dt": 0.5, "drive": 40.0},
}


@pytest.mark.parametrize("name", PARTS)
def test_an_entry_of_the_catalogue_is_sound(name):
    """Between two dense layers, driven so that it spikes."""
    kind, _, part = name.partition(":")
    spec = registry().find(kind, part).spec
    dt, drive = PARTS[name].get("dt", 1.0), PARTS[name].get("drive", 3.0)
    system = dp.build({"type": part, **spec.example}, kind=kind, key=jax.random.key(1))
    enters, leaves = (math.prod(getattr(system, f"{way}_size", None) or (3,)) for way in ("in", "out"))
    inner = [system, dp.neurons.LIF(leaves)] if kind == "synapse" else [system]
    weights = dp.initializers.Uniform(0.0, drive)
    model = dp.Sequential(
        dp.layers.Dense(4, enters, W_initializer=weights, key=jax.random.key(2)),
        *inner,
        dp.layers.Dense(leaves, 2, key=jax.random.key(3)),
    )
    x = np.random.default_rng(0).random((8, 100, 4)).astype(np.float32)
    found = dp.diagnose(model, (x, np.arange(8, dtype=np.int32) % 2), loss_fun="cross_entropy", dt=dt, checks=CHECKS)
    assert found.ok, found
