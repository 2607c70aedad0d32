"""Killed at any moment and gone on with, a training ends where it would have ended.

`DYNPLUG_KILLS=20` makes so many trials instead of a few.
"""

import functools
import json
import os
import random
import time
from pathlib import Path

import pytest
from safetensors import safe_open

KILLS = int(os.environ.get("DYNPLUG_KILLS", "2"))
SCRIPT = Path(__file__).with_name("killed_training.py")
NEWEST = "checkpoint.safetensors"


@pytest.fixture(scope="module")
def start(fresh_processes):
    """A function that starts the training in a folder, to be killed at a point, if one is given."""
    return functools.partial(fresh_processes.start, SCRIPT)


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
    said, errors = (process := start(folder)).communicate()
    assert process.returncode == 0, errors
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
