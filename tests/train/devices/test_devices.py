"""Training on several devices, and in several processes.

Devices are counted when JAX starts: `many_devices.py` runs on eight in a process of its own, and this looks at what it
has found.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P

import dynplug as dp
from dynplug.errors import DeviceError, OptionError

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).with_name("many_devices.py")
ROUNDING = 1e-6


def start(devices, *arguments):
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}"
    env = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def said(process):
    out, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors[-3000:]
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return {name: value for line in lines for name, value in line.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("devices")


@pytest.fixture(scope="module")
def found(folder):
    """The results of the checks on eight devices."""
    with start(8, folder) as process:
        return said(process)


ALL = ["means", "any_loss", "lengths", "labels", "carried", "without_time", "batch_mean"]


@pytest.mark.claim(
    "devices-same-training",
    "Losses, gradients' steps, statistics and predictions on 4 and 8 devices are those on one",
    tolerance=ROUNDING,
    unit="-",
    reference="the same training on one device",
    components=("runner:BPTT", "runner:BPFF"),
)
def test_a_training_is_the_same_on_any_number_of_devices(found, measured):
    """Batches that the devices do not divide, losses that are no means, masks, windows, statistics, random numbers."""
    for name in ALL:
        assert found[f"check_{name}"]["moved"], name
        measured(found[f"check_{name}"]["error"])


def test_a_training_on_several_devices_repeats_itself_bit_by_bit(found):
    assert found["check_means"]["bitwise"]


@pytest.mark.claim(
    "devices-one-reduction",
    "The devices sum gradients, loss and metrics once a step: all-reduces in the compiled step beside one",
    tolerance=0.0,
    unit="-",
    reference="the program that XLA has compiled",
    components=("runner:BPTT",),
)
def test_there_is_one_reduction_a_step(found, measured):
    measured(float(len(found["check_means"]["between"]) - 1))
    assert found["check_means"]["between"] == ["all-reduce"]
    assert found["check_any_loss"]["between"].count("all-reduce") == 1


def test_the_loop_over_time_is_compiled_as_on_one_device(found):
    """And no loop falls back to `jax.lax.scan`, for whatever reason."""
    assert found["check_means"]["plain"] == [""]


def test_a_run_that_was_killed_goes_on_bit_by_bit_and_on_other_devices(found):
    assert found["check_resumed"]["bitwise"]
    assert found["check_resumed"]["error"] < ROUNDING


def test_states_that_go_on_stay_on_their_devices(found):
    assert found["check_carried"]["lies_on"] == [8]


def test_devices_may_be_named_in_many_ways(found):
    """By number, as a list, by meshes of either kind of axes, by shardings, whose axes say the order."""
    named = found["check_named"]
    assert len(set(named["losses"])) == 1
    assert named["counts"] == [8, 8, 1]
    assert named["order"] == [0, 4, 1, 5, 2, 6, 3, 7]  # b first, of a mesh of 2 by 4


def test_a_trainer_says_how_many_devices_it_has(found):
    assert found["check_means"]["repr"]
    assert "Devices: 8, each of which" in found["check_means"]["explain"]


def test_sharded_data_and_models_train_as_such_and_run_as_jax_has_it(found):
    alone, *sharded = found["check_given_sharded"]["losses"]
    np.testing.assert_allclose(sharded, [alone, alone], rtol=0, atol=ROUNDING)
    assert found["check_given_sharded"]["error"] < 1e-5


@pytest.mark.parametrize(
    ("case", "kind", "words"),
    [
        ("data", "DeviceError", "train_data has an array of shape (16, 6, 3) on 8 devices"),
        ("batches", "DeviceError", "devices='all'"),
        ("inputs", "DeviceError", "devices='all'"),
        ("model", "DeviceError", "The model has an array"),
        ("assigned", "DeviceError", "The model has an array"),
        ("to", "DeviceError", "devices='all'"),
        ("to_of_many", "DeviceError", "the 8 devices of its `devices`"),
        ("nine", "DeviceError", "devices=9: JAX sees 8 of cpu, so give 1 to 8"),
        ("twice", "DeviceError", "names a device twice"),
        ("two_axes", "DeviceError", "axes ('a', 'b') does not say along which samples lie"),
        ("two_axes_replicated", "DeviceError", "does not say along which samples lie"),
        ("idle", "DeviceError", "PartitionSpec(('a', 'b'))"),
        ("two_named", "DeviceError", "more than samples along devices"),
        ("literal", "CompositionError", "no axis 'batch'"),
        ("stateful", "CompositionError", "between0: BatchNorm would see the samples of one device only"),
    ],
)
def test_what_cannot_be_is_refused(found, case, kind, words):
    told = found["check_refused"][case]
    assert told[0] == kind
    assert words in told[1]


@pytest.fixture(scope="module")
def processes(folder):
    """The results of two processes that trained together."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with start(2, folder, 0, address) as first, start(2, folder, 1, address) as second:
        try:
            return [said(first), said(second)]
        finally:  # where one has failed, the other waits for it
            first.kill()
            second.kill()


@pytest.mark.claim(
    "processes-same-training",
    "A training in two processes of two devices is that of one process on one device",
    tolerance=ROUNDING,
    unit="-",
    reference="the same training on one device",
    components=("runner:BPTT",),
)
def test_two_processes_train_as_one(found, processes, measured):
    """With statistics of batches, states that go on, and from a file that one of them has written."""
    assert [one["devices"] for one in processes] == [4, 4]
    for one in processes:
        for ours, alone in zip(one["process"]["numbers"], found["check_alone"]["numbers"], strict=True):
            measured.difference(np.array(ours), np.array(alone))
    assert processes[0]["process"] == processes[1]["process"]


def test_files_of_several_processes_are_whole(found, processes, folder):
    """A trainer of one device goes on from what they have left."""
    written = {path.name for path in folder.glob("both*")}
    assert written == {path.name.replace("alone", "both") for path in folder.glob("alone*")}
    assert "both.best.safetensors" in written


def test_a_recipe_in_two_processes_has_one_run_folder(found, processes, folder):
    """One writes all of it and tells of it, gone on with too; both compute what the report needs."""
    first, second = (one["recipe"] for one in processes)
    assert first["said"][0] == f"Run folder: {folder / 'recipe.both'}"
    assert second["said"] == []
    both, alone = (folder / f"recipe.{name}" for name in ("both", "alone"))
    assert {path.name for path in both.iterdir()} == {path.name for path in alone.iterdir()}
    assert "report.html" in {path.name for path in both.iterdir()}
    texts = ((of / "metrics.jsonl").read_text() for of in (both, alone))
    ours, theirs = ([json.loads(line) for line in text.splitlines()] for text in texts)
    assert ours[-1]["epoch"] == 6
    for our, their in zip(ours, theirs, strict=True):
        assert (our["epoch"], our["phase"], our.keys()) == (their["epoch"], their["phase"], their.keys())
        assert abs(our["loss"] - their["loss"]) < ROUNDING


def test_processes_must_name_their_run_folder(processes):
    for one in processes:
        kind, words = one["recipe"]["no_folder"]
        assert kind == "OptionError"
        assert "There are 2 processes, each of which would make a run folder" in words


MODEL = dp.layers.Dense(3, 2, key=jax.random.key(0))


@pytest.mark.parametrize(
    ("devices", "words"),
    [
        (0, "devices=0: JAX sees"),
        (-1, "devices=-1"),
        (True, "devices=True: give 'all'"),
        ("both", "devices='both': give 'all'"),
        ([], r"devices=\[\]: give 'all'"),
        ([0], "give 'all'"),
        (1.0, "devices=1.0: give 'all'"),
        (Mesh(np.array(jax.devices()[:1]).reshape(1, 1), ("a", "b")), "does not say along which"),
        (Mesh(np.array(jax.devices()[0]), ()), "does not say along which"),
        (jax.sharding.SingleDeviceSharding(jax.devices()[0]), "a NamedSharding of samples"),
    ],
)
def test_devices_that_are_none_are_refused(devices, words):
    with pytest.raises(DeviceError, match=words):
        dp.BPFF(MODEL, "mse", devices=devices)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"jit": False}, "devices=1 is for compiled programs"),
        ({"loss_auto_run": False, "loss_fun": lambda run, x, y: jnp.mean(run(x))}, "loss_auto_run=False"),
    ],
)
def test_options_that_need_one_device_are_refused(options, words):
    with pytest.raises(OptionError, match=words):
        dp.BPFF(MODEL, **{"loss_fun": "mse", **options}, devices=1)


def test_random_numbers_that_go_by_the_batch_are_refused(monkeypatch):
    monkeypatch.setattr("dynplug.train.step.device_mesh._keys_by_number", lambda: False)
    with pytest.raises(OptionError, match="random numbers would depend on the number of devices"):
        dp.BPFF(MODEL, "mse", devices=1)


def test_a_sharding_of_one_device_is_no_more_than_a_device():
    trainer = dp.BPFF(MODEL, "mse", devices=NamedSharding(Mesh(np.array(jax.devices()[:1]), ("data",)), P("data")))
    assert "devices=1" in repr(trainer)
    assert trainer.predict(np.ones((5, 3), np.float32)).shape == (5, 2)
