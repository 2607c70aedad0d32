"""The definition of the model in a trainer's file, and loading the file into another trainer."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import dynplug as dp
from dynplug.core import write_arrays
from dynplug.errors import CheckpointError, ParameterError, StateError

ADAM = optax.adam(0.01)


@pytest.fixture
def saved(trainer, data, tmp_path):
    """The file of a trainer after two epochs."""
    t = trainer(optimizer=ADAM)
    t.fit(data, num_epoch=2, batch_size=8)
    t.save_states(tmp_path / "f")
    return tmp_path / "f"


def test_all_is_told_in_the_header(saved):
    with safe_open(str(saved), framework="numpy") as file:
        told = json.loads(file.metadata()["definition"])
    assert (told["dt"], told["model/hidden"], told["model/hidden.tau"]) == (1.0, "dynplug:LIF", 4.0)
    assert not [path for path in told if path.startswith("optimizer")]


OTHERS = {
    "model/hidden.tau is 4.0, not 5.0": lambda make, net: make(net(tau=5.0)),
    "model/hidden.reset is value, not subtract": lambda make, net: make(net(reset="subtract")),
    "dt is 1.0, not 0.5": lambda make, net: make(dt=0.5),
}


@pytest.mark.parametrize("said", OTHERS)
def test_other_constants_are_refused_unless_meant(trainer, net, data, saved, said):
    def make(model=None, **options):
        return trainer(model, optimizer=ADAM, **options)

    t = OTHERS[said](make, net)
    before = t.target
    with pytest.raises(CheckpointError, match=said) as error:
        t.load_states(saved)
    assert "strict=False" in str(error.value)
    assert (t.target.systems, t.epoch) == (before.systems, 0)
    loaded = t.load_states(saved, strict=False)
    assert [str(one) for one in loaded.differing] == [said]
    assert not loaded.missing
    assert not loaded.unexpected
    assert (t.epoch, t.steps) == (2, 6)  # every array fits: it is the same training
    assert t.target["hidden"].tau == before["hidden"].tau
    np.testing.assert_array_equal(t.target["readout"].weight, load_file(saved)["model/readout.weight"])
    t.fit(data, num_epoch=1, batch_size=8)
    assert t.epoch == 3


def test_the_body_of_a_model_is_taken_under_another_head(trainer, net, data, saved):
    body = net()
    head = dp.layers.Dense(8, 5, key=jax.random.key(9))
    model = dp.Sequential(**{**dict(body.named_children()), "readout": head, "out": dp.neurons.LeakyIntegrator(5)})
    t = trainer(model, optimizer=ADAM)
    with pytest.raises(CheckpointError, match=r"model/readout\.weight is float32\[2, 8\], not float32\[5, 8\]"):
        t.load_states(saved)
    loaded = t.load_states(saved, strict=False)
    differing = {one.path: one[1:] for one in loaded.differing}
    assert differing["model/readout.bias"] == ("float32[2]", "float32[5]")
    assert differing["model/out.tau"] == (5.0, 10.0)
    np.testing.assert_array_equal(t.target["encode"].weight, load_file(saved)["model/encode.weight"])
    np.testing.assert_array_equal(t.target["readout"].weight, head.weight)
    assert (t.epoch, t.steps) == (0, 0)  # another training
    t.fit((data[0], data[1] + 2), num_epoch=1)
    assert t.epoch == 1


def test_another_precision_is_converted_if_asked_for(trainer, net, data, saved, x64):
    double = jax.tree.map(lambda a: a.astype(float) if isinstance(a, jax.Array) else a, net())
    t = trainer(double, optimizer=ADAM)
    with pytest.raises(CheckpointError, match=r"is float32\[8, 3\], not float64\[8, 3\].*cast=True"):
        t.load_states(saved)
    assert t.load_states(saved, cast=True).whole
    assert t.epoch == 2
    assert t.target["encode"].weight.dtype == jnp.float64
    np.testing.assert_array_equal(t.target["encode"].weight, load_file(saved)["model/encode.weight"])


def test_a_file_of_the_first_version_is_read(trainer, saved):
    with safe_open(str(saved), framework="numpy") as file:
        header = {**file.metadata(), "version": "1"}
    del header["definition"], header["checksum"]
    save_file(load_file(saved), saved, header)
    t = trainer(optimizer=ADAM)
    assert t.load_states(saved).whole
    assert t.epoch == 2


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_a_positive_parameter_is_checked_in_a_file_and_in_a_target(trainer, net, tmp_path, value):
    t, path = trainer(net(tau=jnp.full(8, 4.0))), tmp_path / "f"
    t.save_states(path)
    with safe_open(str(path), framework="numpy") as file:
        header = file.metadata()
    arrays = {**load_file(path), "model/hidden.tau": np.full(8, value, np.float32)}
    write_arrays(path, arrays, header)
    for strict in (True, False):
        with pytest.raises(ParameterError, match=r"hidden\.tau must be"):
            t.load_states(path, strict=strict)
    with pytest.raises(ParameterError, match=r"hidden\.tau must be"):
        t.target = eqx.tree_at(lambda m: m["hidden"].tau, t.target, jnp.full(8, value))
    assert float(t.target["hidden"].tau[0]) == 4.0


def test_a_target_of_other_constants_is_told_apart(trainer, net):
    with pytest.raises(StateError, match=r"hidden\.reset \(subtract, not value\)"):
        trainer().target = net(reset="subtract")
