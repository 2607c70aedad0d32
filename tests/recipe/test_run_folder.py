"""Run folders after an interruption, a full disk, or without a package."""

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.numpy import load_file
from small_recipe import small_recipe
from started import started

from dynplug.core import write_arrays
from dynplug.errors import CheckpointError, ConfigError
from dynplug.recipe.config import Config
from dynplug.recipe.run_folder import CHECKPOINT, METRICS, RunFolder
from dynplug.recipe.training import Training

pytestmark = pytest.mark.usefixtures("blank_pictures")

TEXT = small_recipe(
    seed=None,
    model={"type": "Sequential", "input": {"type": "Dense", "in_size": 64, "out_size": 10}},
    runner={"metrics": None},
    fit={"num_epoch": 3, "batch_size": 20, "checkpoint_every": 1, "num_report": 3},
)


def training(folder, *overrides, resume=False, text=TEXT):
    return Training(Config.parse(text, "some.toml").with_overrides(overrides), folder, resume=resume)


def train(folder, *overrides, resume=False):
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dynplug.recipe.training.write_report", lambda *args: None)
        (made := training(folder, *overrides, resume=resume)).run(said.append)
    return made, said


def lines(folder):
    found = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    return [(line["epoch"], line.get("step"), line["phase"]) for line in found]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two epochs of four batches, reported after three and after the fourth."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    train(folder, "fit.num_epoch=2")
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A copy of its folder."""
    return shutil.copytree(trained, tmp_path / "run")


def test_metrics_of_steps_stand_beside_those_of_epochs(run):
    assert lines(run) == [
        *((1, 3, "fit"), (1, 4, "fit"), (1, None, "test")),
        *((2, 7, "fit"), (2, 8, "fit"), (2, None, "test")),
    ]


def test_an_epoch_that_was_half_done_goes_on_in_its_middle(run, tmp_path):
    whole, _ = train(tmp_path / "whole")
    folder = tmp_path / "cut"
    made = training(folder)

    class Stop(Exception):
        pass

    def after(epoch, metrics, phase):
        made._after_report_before(epoch, metrics, phase)
        if (epoch, phase) == (7, "fit"):  # the third batch of the second epoch, before its checkpoint
            raise Stop

    made._after_report_before, made._after_report = made._after_report, after
    with pytest.raises(Stop):
        made.run(print)
    assert lines(folder)[-1] == (2, 7, "fit")
    again = training(folder, resume=True)
    assert (again.runner.epoch, again.runner.steps) == (1, 6)
    assert lines(folder) == lines(run)[:3]
    train(folder, resume=True)
    assert lines(folder) == lines(tmp_path / "whole")
    ours, theirs = load_file(folder / CHECKPOINT), load_file(tmp_path / "whole" / CHECKPOINT)
    assert {n: a.tobytes() for n, a in ours.items()} == {n: a.tobytes() for n, a in theirs.items()}
    assert whole.runner.history.to_json() == train(folder, resume=True)[0].runner.history.to_json()


def test_a_damaged_checkpoint_is_said_and_gone_round(run):
    (run / CHECKPOINT).write_bytes(b"\0" * 100)
    made, said = train(run, resume=True)
    assert made.runner.epoch == 3
    assert "cannot be read" in said[0]
    assert f"Going on from {run / 'checkpoint.previous.safetensors'}" in said[0]


def test_before_the_first_epoch_is_done_it_starts_from_the_beginning(tmp_path):
    folder = tmp_path / "run"
    training(folder)
    (folder / METRICS).write_text('{"epoch": 1, "step": 3, "phase": "fit"}\n')
    made, said = train(folder, "fit.num_epoch=1", resume=True)
    assert said == ["No epoch was finished: starting from the beginning."]
    assert made.runner.epoch == 1
    assert lines(folder) == [(1, 3, "fit"), (1, 4, "fit"), (1, None, "test")]


def test_a_checkpoint_that_is_missing_is_not_passed_over(run):
    for path in run.glob("checkpoint*"):
        path.unlink()
    with pytest.raises(CheckpointError, match=r"There is no checkpoint in .*run, checkpoint\.safetensors is missing"):
        training(run, resume=True)
    assert len(lines(run)) == 6


def test_a_disk_that_is_full_for_metrics_keeps_the_checkpoint(run, monkeypatch):
    real = Path.open

    def full(path, mode="r", *args, **kwargs):
        if path.name == METRICS and mode == "a":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, mode, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(CheckpointError, match=r"could not be written \(\[Errno 28\].*go on with --resume"):
            train(run, resume=True)
    made, said = train(run, resume=True)
    assert (made.runner.epoch, said) == (3, [])


def test_a_disk_that_is_full_when_going_on_changes_nothing(run, monkeypatch):
    before = {path.name: path.read_bytes() for path in run.iterdir()}

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(CheckpointError, match="No space left"):
            training(run, "fit.num_epoch=5", resume=True)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_package_that_is_missing_is_named_with_its_version(run):
    with safe_open(str(run / CHECKPOINT), framework="numpy") as file:
        header = file.metadata()
    packages = {"dynplug": "0.1.0", "dynplug-gone": "2.3"}
    write_arrays(run / CHECKPOINT, load_file(run / CHECKPOINT), {**header, "packages": json.dumps(packages)})
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    text = TEXT.replace('"Dense"', '"gone:Layer"')
    with pytest.raises(CheckpointError) as error:
        training(run, resume=True, text=text)
    assert "not installed: pip install dynplug-gone==2.3 (" in str(error.value)
    assert "gone:Layer" in str(error.value)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    with pytest.raises(ConfigError, match="gone:Layer"):  # a new run says what it always says
        training(run.with_name("new"), text=text)


def test_what_cannot_train_is_named_by_what_it_lacks(tmp_path, monkeypatch):
    import dynplug as dp

    class Half:
        def __init__(self, target, *, dt):
            self.target, self.dt = target, dt

        def fit(self, train_data, test_data=None, *, num_epoch=1, fun_after_report=None):
            pass

        def predict(self, inputs):
            pass

    dp.register("runner", "half")(Half)
    with pytest.raises(
        ConfigError, match=r"Half is no dynplug.train.Trainer: it has no 'epoch', 'get_hist_metric', 'his"
    ):
        training(tmp_path / "run", "runner = {type='half', dt=1.0}")


def test_nothing_is_unpickled(run, monkeypatch):
    import pickle

    def refuse(*args, **kwargs):
        raise AssertionError("a pickle was read")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    assert training(run, resume=True).runner.epoch == 2


CLAIM = """
import os, sys
from dynplug.recipe.run_folder import RunFolder

def claim(ready):
    folder = RunFolder(sys.argv[1], new=len(sys.argv) > 2)
    ready()
    try:
        folder.begin("seed = 1")
        answer = folder.path.name
    except Exception as error:
        answer = error
    os.write(1, f"{answer}\\n".encode()) # in one piece, between those of the others
    sys.stdin.read() # which ends for all of them at once

waits, all_ready = os.pipe() # reading ends when nobody holds the other side any longer
def ready():
    os.close(all_ready)
    os.read(waits, 1)

for _ in range(3):
    if not os.fork(): # a process that has imported JAX already
        claim(ready)
        os._exit(0)
os.close(all_ready)
for _ in range(3):
    os.wait()
"""


def claimed(folder, *new):
    """The answers of three processes that claim a folder at the same moment and then hold it."""
    command = [sys.executable, "-W", "ignore", "-c", CLAIM, str(folder), *new]  # they are forked before JAX has threads
    with started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        answers = [process.stdout.readline().strip() for _ in range(3)]
        process.stdin.close()
        process.wait()
    return answers


def test_processes_that_begin_at_once_have_a_folder_each(tmp_path):
    assert sorted(claimed(tmp_path / "run", "new")) == ["run", "run-2", "run-3"]


def test_one_of_the_processes_that_name_a_folder_gets_it(tmp_path):
    said = sorted(claimed(tmp_path))
    assert sum(line == tmp_path.name for line in said) == 1
    assert sum(f"Another process is at work in {tmp_path}" in line for line in said) == 2
    folder = RunFolder(tmp_path)
    folder.begin("seed = 1")  # none was left locked, and none had a checkpoint
    folder.release()


def test_a_run_is_not_gone_on_with_twice_at_the_same_time(run):
    said = []

    def at_the_same_time(line):
        with pytest.raises(CheckpointError, match="Another process is at work"):
            training(run, resume=True)
        said.append(line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dynplug.recipe.training.write_report", lambda *args: None)
        training(run, "fit.num_epoch=2", resume=True).run(at_the_same_time)
    assert len(said) == 1
    assert said[0].startswith("This run is finished: epoch 2 was the last, with fit.num_epoch=2.")
    assert training(run, resume=True).runner.epoch == 2


def test_what_another_has_gone_on_with_must_be_loaded_anew(run):
    first, second = training(run, resume=True), training(run, resume=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dynplug.recipe.training.write_report", lambda *args: None)
        second.run(print)
        before = {path.name: path.read_bytes() for path in run.iterdir()}
        with pytest.raises(CheckpointError, match=r"has gone on with the run in .* since it was loaded: load it anew"):
            first.run(print)
        assert {path.name: path.read_bytes() for path in run.iterdir()} == before
        training(run, resume=True).run(print)


def test_a_process_that_was_forked_meanwhile_neither_holds_the_folder_nor_lets_go_of_it(tmp_path):
    code = (
        "import os, sys\n"
        "from dynplug.recipe.lock import lock\n"
        "def locked():\n"
        "    try:\n"
        "        lock(sys.argv[1])()\n"
        "    except BlockingIOError:\n"
        "        return True\n"
        "    return False\n"
        "release = lock(sys.argv[1])\n"
        "if not (child := os.fork()):\n"
        "    release()\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "print(locked())\n"
        "reads, writes = os.pipe()\n"
        "if not os.fork():\n"
        "    os.close(writes)\n"
        "    os.read(reads, 1)\n"
        "    os._exit(0)\n"
        "release()\n"
        "print(locked())\n"
    )
    told = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["True", "False"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"file.*could not be made"):
        training(tmp_path / "file" / "run")
