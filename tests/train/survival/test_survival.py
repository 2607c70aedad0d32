"""Killed at any moment and gone on with, a training ends where it would have ended.

`DYNPLUG_KILLS=20` makes so many trials instead of a few.
"""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors import safe_open

KILLS = int(os.environ.get("DYNPLUG_KILLS", "2"))
SCRIPT = Path(__file__).with_name("killed_training.py")
NEWEST = "checkpoint.safetensors"


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A function that starts the training in a folder, to be killed at a point, if one is given."""
    cache = tmp_path_factory.mktemp("compiled")
    programs = {"JAX_COMPILATION_CACHE_DIR": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}

    def run(folder, *point, devices=1):
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
        command = [sys.executable, str(SCRIPT), str(folder), *map(str, point)]
        env = {**os.environ, **programs, "XLA_FLAGS": flags}
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)

    return run


@pytest.fixture(scope="module")
def whole(start, tmp_path_factory):
    """A training that nothing killed: its folder, the number of its points, and how long it took [s]."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    start(folder.with_name("warm")).communicate()
    process = start(folder)
    assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    said, _ = process.communicate()
    assert process.returncode == 0
    return folder, int(said.split()[-1]), time.monotonic() - began


def content(path):
    """All that a checkpoint holds, but for its checksum: safetensors writes its header in any order."""
    with safe_open(str(path), framework="numpy") as file:
        arrays = {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118
        header = {name: text for name, text in file.metadata().items() if name != "checksum"}
        return arrays, {**header, "description": json.loads(header["description"])}


def metrics(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def assert_same(folder, whole):
    assert content(folder / NEWEST) == content(whole / NEWEST)
    assert metrics(folder) == metrics(whole)
    assert (folder / "config.toml").read_bytes() == (whole / "config.toml").read_bytes()
    left = {path.name for path in folder.iterdir()}
    assert left == {path.name for path in whole.iterdir()}


def finish(start, folder):
    said, _ = (process := start(folder)).communicate()
    assert process.returncode == 0, said
    return said


@pytest.mark.parametrize("trial", range(KILLS))
def test_killed_at_a_random_point(start, whole, tmp_path, trial):
    folder, points, _ = whole
    point = random.Random(2026 + trial).randint(1, points)
    process = start(tmp_path / "run", point)
    process.communicate()
    assert process.returncode == -9
    finish(start, tmp_path / "run")
    assert_same(tmp_path / "run", folder)


@pytest.mark.parametrize("trial", range(-(-KILLS // 2)))
def test_killed_at_a_random_time_and_again_and_again(start, whole, tmp_path, trial):
    folder, _, seconds = whole
    draw = random.Random(4052 + trial)
    for _ in range(3):
        process = start(tmp_path / "run")
        assert process.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0.0, seconds))
        process.kill()
        process.communicate()
    finish(start, tmp_path / "run")
    assert_same(tmp_path / "run", folder)


def test_killed_between_two_renames_it_goes_on_from_the_checkpoint_before(start, whole, tmp_path):
    """The newest checkpoint has its old name already, and the next one not yet its own."""
    folder, points, _ = whole
    run = tmp_path / "run"
    start(run, points // 2, NEWEST).communicate()
    assert not (run / NEWEST).exists()
    assert "Going on from" in finish(start, run)
    assert_same(run, folder)


def test_killed_on_several_devices_it_goes_on_bit_by_bit(start, whole, tmp_path):
    """As in one process that trains in another folder from its start, after it has gone on."""
    _, points, _ = whole
    process = start(tmp_path / "run", points * 2 // 3, devices=2)
    process.communicate()
    assert process.returncode == -9
    left = len(metrics(tmp_path / "run"))
    process = start(tmp_path / "run", 0, "", tmp_path / "whole", devices=2)
    process.communicate()
    assert process.returncode == 0
    assert_same(tmp_path / "run", tmp_path / "whole")
    assert 0 < left < len(metrics(tmp_path / "whole"))
    assert 'devices = "all"' in (tmp_path / "run" / "config.toml").read_text()
