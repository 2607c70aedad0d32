import json
import os
import subprocess
import sys
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import dynplug as dp
from dynplug.errors import CheckpointError
from dynplug.train import checkpoint


@pytest.fixture
def tree(getkey):
    return {"model": dp.Sequential(a=dp.layers.Dense(2, 3, key=getkey()), b=dp.neurons.LIF(3, tau=jnp.full(3, 4.0)))}


@pytest.fixture
def file(tree, tmp_path):
    path = tmp_path / "runs" / "x.safetensors"
    checkpoint.write(path, tree, {"epoch": 3})
    return path


def test_arrays_are_filed_by_path_and_come_back_bit_by_bit(tree, file):
    assert set(load_file(file)) == {"model/a.weight", "model/a.bias", "model/b.tau"}
    np.testing.assert_array_equal(load_file(file)["model/a.weight"], tree["model"]["a"].weight)
    blank = jax.tree.map(lambda a: jnp.zeros_like(a) if isinstance(a, jax.Array) else a, tree)
    filled, description = checkpoint.read(file, blank)
    assert description == {"epoch": 3}
    for got, want in zip(jax.tree.leaves(filled), jax.tree.leaves(tree), strict=True):
        np.testing.assert_array_equal(got, want)


def test_another_model_is_refused_with_every_difference(file, getkey):
    other = {
        "model": dp.Sequential(
            a=dp.layers.Dense(2, 4, b_initializer=None, key=getkey()), c=dp.layers.Dense(4, 1, key=getkey())
        )
    }
    with pytest.raises(CheckpointError) as error:
        checkpoint.read(file, other)
    for part in (
        "missing model/c.weight",
        "unexpected model/b.tau",
        "unexpected model/a.bias",
        "model/a.weight is float32[3, 2], not float32[4, 2]",
    ):
        assert part in str(error.value)


def test_a_missing_a_cut_and_a_scribbled_file_are_named(tree, file, tmp_path):
    with pytest.raises(CheckpointError, match="There is no file"):
        checkpoint.read(tmp_path / "nothing", tree)
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:4], b"", b"\xff" * 200):
        file.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="damaged, or not a safetensors file"):
            checkpoint.read(file, tree)


def test_no_bit_may_be_another(tree, file):
    """One bit of each byte of the header, and some of the arrays: what is changed is refused as damaged."""
    whole, rng = file.read_bytes(), np.random.default_rng(0)
    header = 8 + int.from_bytes(whole[:8], "little")
    for at in [*range(header), *rng.integers(header, len(whole), 20).tolist()]:
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        file.write_bytes(damaged)
        for read in (checkpoint.describe, lambda path: checkpoint.read(path, tree)):
            with pytest.raises(CheckpointError) as error:
                read(file)
            assert error.value.damaged, (at, str(error.value))


def test_the_checksum_of_an_older_file_is_that_of_its_arrays(tree, file):
    arrays = load_file(file)
    total = 0
    for name in sorted(arrays):
        total = zlib.crc32(arrays[name].tobytes(), total)
    header = {"format": "dynplug-checkpoint", "version": "2", "description": '{"epoch": 3}', "crc32": str(total)}
    save_file(arrays, file, header)
    assert checkpoint.read(file, tree)[1] == {"epoch": 3}
    save_file(arrays, file, {**header, "crc32": str(total ^ 1)})
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoint.read(file, tree)


def test_a_file_of_another_kind_or_a_newer_version_is_told_apart(tree, tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"w": np.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="not one that dynplug wrote"):
        checkpoint.read(path, tree)
    header = {"format": "dynplug-checkpoint", "version": "99", "description": json.dumps({})}
    save_file({"w": np.zeros(2)}, path, header)
    with pytest.raises(CheckpointError, match="version 99"):
        checkpoint.read(path, tree)


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tree, file, monkeypatch):
    before = file.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("no space left on device")))
    with pytest.raises(CheckpointError, match=r"no space left on device.*is as it was"):
        checkpoint.write(file, tree, {"epoch": 4})
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


def test_a_process_killed_while_writing_leaves_the_old_file(file):
    code = (
        "import os, signal, sys; from dynplug.train import checkpoint; import jax.numpy as jnp\n"
        "os.replace = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "checkpoint.write(sys.argv[1], {'model': jnp.ones(3)}, {})"
    )
    before = file.read_bytes()
    assert subprocess.run([sys.executable, "-c", code, str(file)], check=False).returncode == -9
    assert file.read_bytes() == before


def test_loading_a_bad_file_leaves_a_trainer_as_it_was(tmp_path, getkey):
    t = dp.BPTT(dp.layers.Dense(2, 1, key=getkey()), "mse", dt=1.0, logger=None)
    path = tmp_path / "x"
    path.write_bytes(b"no")
    before = t.target.weight
    with pytest.raises(CheckpointError):
        t.load_states(path)
    assert t.target.weight is before
