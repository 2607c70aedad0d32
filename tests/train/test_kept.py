"""A run survives a full disk, damage, another version or a missing package."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

import dynplug as dp
from dynplug.core import write_arrays
from dynplug.errors import CheckpointError, OptionError
from dynplug.train.checkpoint.rotation import CheckpointPair


@pytest.fixture
def made(trainer, data, tmp_path):
    """A trainer after two epochs of three batches, whose checkpoints are kept in a folder."""
    t = trainer(shuffle_data=False)
    t.fit(data, num_epoch=2, batch_size=8, save_to=tmp_path / "run" / "c.safetensors")
    return t


@pytest.fixture
def kept(tmp_path):
    return CheckpointPair(tmp_path / "run" / "c.safetensors")


def loaded(kept, trainer):
    t = trainer(shuffle_data=False)
    return t, kept.load(t)


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def header(path, **changes):
    with safe_open(str(path), framework="numpy") as file:
        old = file.metadata()
    write_arrays(path, load_file(path), {**old, **changes})


def test_the_last_two_checkpoints_are_kept(made, kept, trainer):
    assert {path.name for path in kept.path.parent.iterdir()} == {"c.safetensors", "c.previous.safetensors"}
    t, note = loaded(kept, trainer)
    assert (t.epoch, note) == (2, "")
    before = trainer()
    before.load_states(kept.previous)
    assert before.epoch == 1


def test_checkpoints_within_an_epoch_go_on_to_the_same_end(trainer, data, tmp_path, made, assert_same):
    files = []

    class Copy:
        @dp.api.hookimpl
        def dynplug_checkpoint_saved(self, path):
            files.append(shutil.copy(path, tmp_path / f"{len(files)}"))

    t = trainer(shuffle_data=False, observers=[Copy()])
    t.fit(data, num_epoch=2, batch_size=8, save_to=tmp_path / "x", checkpoint_every=1)
    assert len(files) == 8  # three batches and the end of each epoch
    for done, file in enumerate(files):
        again = trainer(shuffle_data=False)
        again.load_states(file)
        assert again.steps == [1, 2, 3, 3, 4, 5, 6, 6][done]
        again.fit(data, num_epoch=2 - again.epoch, batch_size=8)
        assert_same(again.target, made.target)
        assert again.history.to_json() == made.history.to_json()
    with pytest.raises(OptionError, match="needs save_to"):
        trainer().fit(data, checkpoint_every=1)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_stops_and_loses_nothing(made, kept, trainer, data, monkeypatch, call):
    real, calls = getattr(os, call), []

    def fails(*args):
        calls.append(args)
        if call == "fsync" or str(args[0]).endswith(".partial"):
            full()
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fails)
        with pytest.raises(CheckpointError, match=r"could not be written \(\[Errno 28\]"):
            made.fit(data, num_epoch=1, batch_size=8, save_to=kept.path)
    assert calls
    assert made.epoch == 3
    t, note = loaded(kept, trainer)
    assert (t.epoch, note) == (2, "")
    made.fit(data, num_epoch=1, batch_size=8, save_to=kept.path)  # once there is room again
    assert loaded(kept, trainer)[0].epoch == 4


def test_a_limit_on_the_size_of_files_is_a_full_disk(tmp_path):
    """Not simulated: the system refuses the write half way."""
    code = (
        "import sys, resource, signal, numpy as np, jax, dynplug as dp\n"
        "from dynplug.errors import CheckpointError\n"
        "t = dp.BPTT(dp.layers.Dense(64, 64, key=jax.random.key(0)), 'mse', dt=1.0, logger=None)\n"
        "data = (np.zeros((2, 3, 64), 'f4'),) * 2\n"
        "t.fit(data, num_epoch=1, save_to=sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))\n"
        "try:\n"
        "    t.fit(data, num_epoch=1, save_to=sys.argv[1])\n"
        "except CheckpointError as error:\n"
        "    print(error)\n"
    )
    path = tmp_path / "x.safetensors"
    told = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
    assert "could not be written ([Errno 27] File too large)" in told
    t = dp.BPTT(dp.layers.Dense(64, 64, W_initializer=0.0), "mse", dt=1.0, logger=None)
    t.load_states(path)
    assert t.epoch == 1
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


DAMAGES = {
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "cut by a byte": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "a bit": lambda path: path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 4])),
    "a bit of the epoch": lambda path: path.write_bytes(
        path.read_bytes().replace(rb"\"epoch\": 2", rb"\"epoch\": 3", 1)
    ),
    "a bit of the name of the checksum": lambda path: path.write_bytes(
        path.read_bytes().replace(b'"checksum"', b'"checksul"', 1)
    ),
    "zeros": lambda path: path.write_bytes(path.read_bytes()[:-64] + bytes(64)),
    "gone": Path.unlink,
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(made, kept, trainer, name):
    DAMAGES[name](kept.path)
    t, note = loaded(kept, trainer)
    assert t.epoch == 1
    assert str(kept.path) in note
    assert f"Going on from {kept.previous}" in note
    kept.previous.write_bytes(b"no")
    with pytest.raises(CheckpointError):
        kept.load(t)
    assert t.epoch == 1


def test_a_newer_version_and_another_model_are_errors_that_leave_all_as_it_is(made, kept, trainer, net):
    with pytest.raises(CheckpointError, match="another model"):
        kept.load(trainer(net() >> dp.layers.Dense(2, 2, W_initializer=1.0)))
    header(kept.path, version="5")
    before = {path: path.read_bytes() for path in kept.path.parent.iterdir()}
    with pytest.raises(
        CheckpointError, match=r"has version 5 of the format; this dynplug reads 4. Update it: pip install"
    ):
        loaded(kept, trainer)
    assert {path: path.read_bytes() for path in kept.path.parent.iterdir()} == before


def test_a_checkpoint_says_what_it_was_made_with(made, kept):
    with safe_open(str(kept.path), framework="numpy") as file:
        assert json.loads(file.metadata()["packages"])["dynplug"] == dp.__version__
    assert dp.train.checkpoint.missing_packages(kept.path) == ""
    header(kept.path, packages=json.dumps({"dynplug": "0", "dynplug-gone": "1.2"}))
    assert dp.train.checkpoint.missing_packages(kept.path) == (
        f"{kept.path} was made with packages that are not installed: pip install dynplug-gone==1.2"
    )


def test_files_are_readable_by_others(made, kept):
    assert os.stat(kept.path).st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_seeds_are_kept_also_where_one_was_drawn(trainer, data, tmp_path):
    first, other = trainer(seed=None), trainer(seed=None)
    assert first.seed != other.seed
    first.fit(data, num_epoch=2, batch_size=8)
    again = trainer(seed=first.seed)
    again.fit(data, num_epoch=2, batch_size=8)
    np.testing.assert_array_equal(first.get_hist_metric(which="detailed"), again.get_hist_metric(which="detailed"))
    with pytest.raises(OptionError, match="seed=-1"):
        trainer(seed=-1)
