"""The command in this process, a small recipe, and a distribution with a runner of its own."""

import io
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from small_recipe import small_recipe

from dynplug.cli import main
from dynplug.plugin import registry

RECIPE = small_recipe(
    task={"encoder": {"type": "latency", "num_step": 4}},
    model={
        "type": "Sequential",
        "input": {
            "type": "Dense",
            "in_size": 64,
            "out_size": 8,
            "W_initializer": {"type": "KaimingNormal", "scale": 100.0},
        },
        "hidden": {"type": "LIF", "size": 8, "tau": 5.0, "surrogate": {"type": "Sigmoid", "alpha": 3.0}},
        "dropout": {"type": "Dropout", "p": 0.2},
        "readout": {"type": "Dense", "in_size": 8, "out_size": 10},
    },
    runner={"optimizer": {"type": "adam", "learning_rate": 0.02}},
)

RUNNER = """
import json
from pathlib import Path

class Past:
    def last(self, phase):
        return {"loss": 1.0}

    def metric(self, phase, name):
        return [1.0]

class Counter:
    '''Counts epochs.'''

    writes = True

    def __init__(self, target, *, dt, step=1):
        self.target, self.dt, self.step, self.epoch, self.history = target, dt, step, 0, Past()

    def fit(self, train_data, test_data=None, *, num_epoch=1, fun_after_report=None, **options):
        for _ in range(num_epoch):
            self.epoch += self.step
            fun_after_report(self.epoch, {"loss": 1.0 / self.epoch, **options}, "fit")
            fun_after_report(self.epoch, {"samples": len(test_data[1])}, "test")

    def predict(self, inputs):
        return inputs

    def get_hist_metric(self, phase="fit", metric="loss", which="report"):
        return self.history.metric(phase, metric)

    def save_states(self, filename):
        Path(filename).write_text(json.dumps(self.epoch))

    def load_states(self, filename):
        self.epoch = json.loads(Path(filename).read_text())
"""
HOOKS = """
from dynplug.api import RunnerSpec, hookimpl

@hookimpl
def dynplug_register_runners():
    return [RunnerSpec(name="counter", target="counting_runner:Counter", summary="counts epochs")]
"""


@pytest.fixture(scope="session")
def dynplug():
    """The command in this process: exit code, standard output and standard error."""

    def call(*arguments):
        out, err = io.StringIO(), io.StringIO()
        argv = ["dynplug", *map(str, arguments)]
        with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings(), patch.object(sys, "argv", argv):
            with pytest.raises(SystemExit) as end:
                main()
            code = end.value.code
        return SimpleNamespace(code=code or 0, out=out.getvalue(), err=err.getvalue())

    return call


@pytest.fixture(scope="session")
def one_line():
    """The one line that a failed command leaves."""

    def line_of(result):
        assert result.code == 1
        (line,) = result.err.splitlines()
        assert line.startswith("Error: ")
        return line

    return line_of


@pytest.fixture(scope="session")
def recipe():
    """A small network on few digits."""
    return RECIPE


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A folder with the recipe `tiny.toml`."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "tiny.toml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="session")
def two(dynplug, home):
    """A run of two epochs."""
    result = dynplug("train", home / "tiny.toml", "--out", home / "two")
    assert result.code == 0, result.err
    return SimpleNamespace(folder=home / "two", out=result.out, err=result.err)


@pytest.fixture
def counter(tmp_path, monkeypatch):
    """A distribution with a runner of its own, installed for one test."""
    info = tmp_path / "site" / "dynplug_counting-0.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dynplug-counting\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text("[dynplug.v1]\ncounting = counting_hooks\n")
    (info.parent / "counting_hooks.py").write_text(HOOKS)
    (info.parent / "counting_runner.py").write_text(RUNNER)
    monkeypatch.syspath_prepend(info.parent)
    registry.cache_clear()
    yield
    registry.cache_clear()
    for name in ("counting_hooks", "counting_runner"):
        sys.modules.pop(name, None)
