"""The command line: what it prints, what a run folder holds, and how it fails."""

import io
import json
import re
import shutil
import subprocess
import sys
import tomllib
import warnings
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.image import imread
from safetensors import safe_open
from safetensors.numpy import load_file

import dynplug as dp
from dynplug.cli import cli, main
from dynplug.plugin import registry
from dynplug.plugin.kinds import KINDS

RECIPE = """\
# A small network on few digits.
seed = 3

[task]
type = "digits"
test_share = 0.9554 # 80 samples to train on
encoder = { type = "latency", num_step = 4 }

[model]
type = "Sequential"

[model.input]
type = "Dense"
in_size = 64
out_size = 8
W_initializer = { type = "KaimingNormal", scale = 100.0 }

[model.hidden]
type = "LIF"
size = 8
tau = 5.0 # ms
surrogate = { type = "Sigmoid", alpha = 3.0 }

[model.dropout]
type = "Dropout"
p = 0.2

[model.readout]
type = "Dense"
in_size = 8
out_size = 10

[runner]
type = "BPTT"
dt = 1.0
loss_fun = "cross_entropy"
metrics = ["accuracy"]
optimizer = { type = "adam", learning_rate = 0.02 }

[fit]
num_epoch = 2
batch_size = 40
"""

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

    def __init__(self, target, *, dt, step=1):
        self.target, self.dt, self.step, self.epoch, self.history = target, dt, step, 0, Past()

    def fit(self, train_data, test_data=None, *, num_epoch=1, fun_after_report=None, **options):
        for _ in range(num_epoch):
            self.epoch += self.step
            fun_after_report(self.epoch, {"loss": 1.0 / self.epoch, **options}, "fit")
            fun_after_report(self.epoch, {"samples": len(test_data[1])}, "test")

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


def dynplug(*arguments):
    """The command in this process: exit code, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["dynplug", *map(str, arguments)]
    with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings(), patch.object(sys, "argv", argv):
        with pytest.raises(SystemExit) as end:
            main()
        code = end.value.code
    return SimpleNamespace(code=code or 0, out=out.getvalue(), err=err.getvalue())


def one_line(result):
    """The one line that a failed command leaves."""
    assert result.code == 1
    (line,) = result.err.splitlines()
    assert line.startswith("Error: ")
    return line


def metrics(folder, *, seconds=False):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return lines if seconds else [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def description(folder):
    with safe_open(folder / "checkpoint.safetensors", framework="numpy") as file:
        return json.loads(file.metadata()["description"])


def assert_same_arrays(folder, other):
    ours, theirs = (load_file(f / "checkpoint.safetensors") for f in (folder, other))
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert array.dtype == theirs[name].dtype
        assert array.tobytes() == theirs[name].tobytes(), name


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    (folder / "tiny.toml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="module")
def two(home):
    """A run of two epochs."""
    result = dynplug("train", home / "tiny.toml", "--out", home / "two")
    assert result.code == 0, result.err
    return SimpleNamespace(folder=home / "two", out=result.out, err=result.err)


@pytest.fixture(scope="module")
def four(home):
    """A run of four epochs, never interrupted."""
    result = dynplug("train", home / "tiny.toml", "--out", home / "four", "--set", "fit.num_epoch=4")
    assert result.code == 0, result.err
    return home / "four"


@pytest.fixture
def copy_of_two(two, tmp_path):
    return shutil.copytree(two.folder, tmp_path / "copy")


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


def test_list_names_every_kind_and_component():
    result = CliRunner().invoke(cli, ["list"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    for kind in KINDS.values():
        assert f"{kind.plural}: {kind.signature}" in lines
    for line in (r"  LIF +leaky integrate-and-fire", r"  adam +optax", r"  digits +handwritten digits.*"):
        assert [text for text in lines if re.fullmatch(line, text)], line


@pytest.mark.parametrize("kind", ["synapse", "synapses"])
def test_list_of_one_kind_names_nothing_else(kind):
    result = CliRunner().invoke(cli, ["list", kind])
    assert result.exit_code == 0
    head, *rest = result.output.splitlines()
    assert head == "synapses: update(state, events, ctx) -> (state, Drive)"
    assert [line.split()[0] for line in rest[:3]] == ["Delta", "Exponential", "Alpha"]
    assert "LIF" not in result.output


def test_list_of_an_unknown_kind_is_one_line():
    assert "no kind of component called 'neurn'. Did you mean 'neuron'?" in one_line(dynplug("list", "neurn"))


def test_list_says_which_distribution_a_component_is_from(counter):
    result = CliRunner().invoke(cli, ["list", "runner"])
    assert re.search(r"^  counter +counts epochs  \[dynplug-counting 0.3\]$", result.output, re.MULTILINE)
    assert re.search(r"^  BPTT +[^\[]+$", result.output, re.MULTILINE)


def test_info_shows_equations_units_and_origin():
    result = CliRunner().invoke(cli, ["info", "neuron", "lif"])
    assert result.exit_code == 0
    head, origin, signature, blank, *doc = result.output.splitlines()
    assert head == "neuron dynplug:LIF@1"
    assert origin == f"  from dynplug {dp.__version__}, dynplug.neurons:LIF"
    assert signature.startswith("  LIF(size, tau=10.0, R=1.0, ")
    assert blank == ""
    assert "- `tau`: membrane time constant [ms]." in doc
    assert any(r"\frac{dV}{dt}" in line for line in doc)
    assert any(line.startswith("**Reference:** Gerstner") for line in doc)


@pytest.mark.parametrize(
    ("kind", "name", "signature", "text"),
    [
        ("optimizer", "nadam", "nadam(learning_rate, ", "NAdam"),
        ("loss", "huber", "huber(predicts, targets, ", "**Arguments:**"),
        ("runner", "counting:counter", "Counter(target, dt, step=1)", "Counts epochs."),
    ],
)
def test_info_of_functions_partials_and_plugins(counter, kind, name, signature, text):
    result = CliRunner().invoke(cli, ["info", kind, name])
    assert result.exit_code == 0
    assert signature in result.output.splitlines()[2]
    assert text in result.output


def test_info_of_an_unknown_name_is_one_line():
    assert "no neuron called 'Izhikevitch'. Did you mean 'Izhikevich'?" in one_line(
        dynplug("info", "neuron", "Izhikevitch")
    )


def test_version_and_help():
    assert dp.__version__ in CliRunner().invoke(cli, ["--version"]).output
    text = CliRunner().invoke(cli, ["train", "-h"]).output
    for option in ("--set", "--resume", "--out", "RECIPE"):
        assert option in text


def test_a_run_says_what_it_does(two):
    lines = two.out.splitlines()
    assert lines[0] == f"Run folder: {two.folder}"
    assert [line.split(":")[0] for line in lines[1:3]] == ["Epoch 1/2", "Epoch 2/2"]
    assert lines[3] == f"Wrote config.toml, metrics.jsonl, checkpoint.safetensors, result.png to {two.folder}"
    assert two.err == ""


def test_a_run_folder_holds_configuration_metrics_checkpoint_and_picture(two):
    names = {path.name for path in two.folder.iterdir()}
    assert names == {"config.toml", "metrics.jsonl", "checkpoint.safetensors", "result.png"}
    assert tomllib.loads((two.folder / "config.toml").read_text()) == tomllib.loads(RECIPE)


def test_metrics_are_a_line_per_epoch_and_phase(two):
    lines = metrics(two.folder, seconds=True)
    assert [(line["epoch"], line["phase"]) for line in lines] == [(1, "fit"), (1, "test"), (2, "fit"), (2, "test")]
    for line in lines:
        assert list(line) == ["epoch", "phase", "loss", "accuracy", "seconds"]
        assert 0.0 < line["seconds"] < 60.0
        assert 0.0 <= line["accuracy"] <= 1.0
    samples = {"fit": 80, "test": 1717}
    for line in lines:  # a share of whole samples
        count = line["accuracy"] * samples[line["phase"]]
        assert count == pytest.approx(round(count), abs=1e-2)
    assert lines[2]["loss"] < lines[0]["loss"]
    assert lines[3]["loss"] < lines[1]["loss"]


def test_the_checkpoint_holds_the_trained_model(two):
    arrays = load_file(two.folder / "checkpoint.safetensors")
    assert arrays["model/input.weight"].shape == (8, 64)
    assert arrays["model/readout.bias"].any()  # it starts at zero
    assert all(np.isfinite(array).all() for array in arrays.values())
    told = description(two.folder)
    assert (told["epoch"], told["seed"]) == (2, 3)


def test_the_picture_is_a_png_with_something_on_it(two):
    assert (two.folder / "result.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    pixels = imread(two.folder / "result.png")
    halves = np.array_split(pixels[..., :3], 2, axis=1)
    assert all((half < 0.5).any() for half in halves)  # ink, in both panels
    assert pixels.shape[0] > 200


def test_going_on_equals_never_having_stopped(copy_of_two, four):
    result = dynplug("train", "--resume", copy_of_two, "--set", "fit.num_epoch=4")
    assert result.code == 0, result.err
    assert [line.split(":")[0] for line in result.out.splitlines()[1:3]] == ["Epoch 3/4", "Epoch 4/4"]
    assert_same_arrays(copy_of_two, four)
    assert metrics(copy_of_two) == metrics(four)
    assert len(metrics(four)) == 8
    assert description(copy_of_two) == description(four)
    assert (copy_of_two / "config.toml").read_text() == (four / "config.toml").read_text()


def test_a_finished_run_goes_on_with_nothing(copy_of_two, two):
    (copy_of_two / "result.png").unlink()
    result = dynplug("train", "--resume", copy_of_two)
    assert result.code == 0, result.err
    assert "Epoch" not in result.out
    assert_same_arrays(copy_of_two, two.folder)
    assert metrics(copy_of_two, seconds=True) == metrics(two.folder, seconds=True)
    assert (copy_of_two / "result.png").exists()


def test_metrics_that_no_checkpoint_followed_are_dropped(copy_of_two, two):
    with (copy_of_two / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "phase": "fit", "loss": 1.0}\n')
    assert dynplug("train", "--resume", copy_of_two).code == 0
    assert metrics(copy_of_two) == metrics(two.folder)


def test_the_written_configuration_runs_again_to_the_same_end(two, tmp_path):
    result = dynplug("train", two.folder / "config.toml", "--out", tmp_path / "again")
    assert result.code == 0, result.err
    assert_same_arrays(tmp_path / "again", two.folder)
    assert metrics(tmp_path / "again") == metrics(two.folder)


def test_overrides_of_numbers_strings_and_tables(home, tmp_path):
    result = dynplug(
        *("train", home / "tiny.toml", "--out", tmp_path / "run"),
        *("--set", "seed=5", "--set", "model.dropout.p=0.5", "--set", "model.hidden.type=ALIF"),
        *("--set", "runner.optimizer.type=sgd", "--set", "task.encoder = {type='latency', num_step=3}"),
        *("--set", "model.hidden.surrogate=Triangle", "--set", "fit.num_epoch=1"),
    )
    assert result.code == 0, result.err
    assert "dropped" not in result.out  # ALIF takes tau, sgd takes learning_rate
    expected = tomllib.loads(RECIPE)
    expected["seed"] = 5
    expected["model"]["dropout"]["p"] = 0.5
    expected["model"]["hidden"] = {"type": "ALIF", "size": 8, "tau": 5.0, "surrogate": "Triangle"}
    expected["runner"]["optimizer"] = {"type": "sgd", "learning_rate": 0.02}
    expected["task"]["encoder"]["num_step"] = 3
    expected["fit"]["num_epoch"] = 1
    assert tomllib.loads((tmp_path / "run" / "config.toml").read_text()) == expected
    assert not [name for name in load_file(tmp_path / "run" / "checkpoint.safetensors") if ".mu." in name]
    assert description(tmp_path / "run")["seed"] == 5


def test_a_runner_of_a_plugin_takes_over(home, counter, tmp_path):
    arguments = ("--set", "runner.type=counter", "--set", "runner.step=2")
    result = dynplug("train", home / "tiny.toml", "--out", tmp_path / "run", *arguments)
    assert result.code == 0, result.err
    note = "runner: counting:counter@1 takes no loss_fun, metrics, optimizer; dropped."
    assert result.out.splitlines()[0] == note
    assert metrics(tmp_path / "run") == [
        {"epoch": 2, "phase": "fit", "loss": 0.5, "batch_size": 40},
        {"epoch": 2, "phase": "test", "samples": 1717},
        {"epoch": 4, "phase": "fit", "loss": 0.25, "batch_size": 40},
        {"epoch": 4, "phase": "test", "samples": 1717},
    ]
    assert (tmp_path / "run" / "checkpoint.safetensors").read_text() == "4"
    written = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert written["runner"] == {"type": "counter", "dt": 1.0, "step": 2}
    assert (
        dynplug("train", "--resume", tmp_path / "run", "--set", "fit.num_epoch=5", "--set", "runner.step=1").code == 0
    )
    assert [line["epoch"] for line in metrics(tmp_path / "run")] == [2, 2, 4, 4, 5, 5]


@pytest.mark.parametrize(
    ("old", "new", "at", "expected"),
    [
        ("tau =", "taau =", "taau", "model.hidden.taau: dynplug:LIF@1 takes no 'taau'. Did you mean 'tau'?"),
        ('"LIF"', '"LIFF"', "LIFF", "model.hidden.type: There is no component called 'LIFF'. Did you mean 'LIF'?"),
        ("alpha =", "alhpa =", "surrogate", "model.hidden.surrogate.alhpa: dynplug:Sigmoid@1 takes no 'alhpa'."),
        ("[runner]", "[runer]", "[runer]", "runer: There is no such section. Did you mean 'runner'?"),
        (
            "num_epoch",
            "num_epochs",
            "num_epochs",
            "fit.num_epochs: BPTT.fit takes no 'num_epochs'. Did you mean 'num_ep",
        ),
        ("h = 2", "h = 0", "num_epoch", "fit.num_epoch: It must be a whole number, 1 or more; got 0."),
        ("seed = 3", "seed = 'x'", "seed", "seed: It must be a whole number, 0 or more; got 'x'."),
        ('F"\nsize = 8', 'F"\nsize = 9', "[model]", "model: dynplug:Sequential@1: 'input' (Dense) puts out shape (8,)"),
        ("0.9554", "1.5", "[task]", "task: dynplug:digits@1: Digits(test_share=1.5) must lie between"),
        ('"BPTT"', '"DSRunner"', "loss_fun", "runner.loss_fun: dynplug:DSRunner@1 takes no 'loss_fun'."),
        ("entropy", "entropi", "[runner]", "runner: dynplug:BPTT@1: There is no loss called 'cross_entropi'. Did you"),
        (
            "accuracy",
            "acuracy",
            "[runner]",
            "runner: dynplug:BPTT@1: There is no metric called 'acuracy'. Did you mean",
        ),
    ],
)
def test_a_mistake_in_a_recipe_is_one_line_with_file_line_and_key(tmp_path, old, new, at, expected):
    assert RECIPE.count(old) == 1
    text = RECIPE.replace(old, new)
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    number = 1 + next(n for n, line in enumerate(text.splitlines()) if at in line)
    line = one_line(dynplug("train", path, "--out", tmp_path / "run"))
    assert line.startswith(f"Error: {path}, line {number}, {expected}")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("model.hidden.taau=3", "model.hidden.taau: dynplug:LIF@1 takes no 'taau'. Did you mean 'tau'?"),
        ("modle.hidden.tau=3", "there is no table 'modle'. Did you mean 'model'?"),
        ("seeed=3", "seeed: There is no such section. Did you mean 'seed'?"),
        ("seed=x", "seed: It must be a whole number, 0 or more; got 'x'."),
        ("fit=3", "fit: It must be a table; got 3."),
        ("fit.num_epoch=many", "fit.num_epoch: It must be a whole number, 1 or more; got 'many'."),
        ("model=LIF", "model: The section [model] is missing."),
        ("model.hidden.tau", "--set model.hidden.tau: write it as key=value"),
        ("model.hidden.type=LIFF", "model.hidden.type: There is no component called 'LIFF'. Did you mean 'LIF'?"),
        ("runner.type=BPTTT", "runner.type: There is no runner called 'BPTTT'. Did you mean 'BPTT'?"),
        ("runner.type=DSRunner", "runner.type: DSRunner does not train: it has no method 'fit'."),
        ("model.hidden.surrogate.type=LIF", "model.hidden.surrogate.type: There is no surrogate called 'LIF'."),
    ],
)
def test_a_mistake_in_an_override_is_one_line(home, tmp_path, assignment, expected):
    result = dynplug("train", home / "tiny.toml", "--out", tmp_path / "run", "--set", assignment)
    assert expected in one_line(result)
    assert not (tmp_path / "run").exists()


def test_files_that_cannot_be_read_are_one_line(tmp_path):
    (tmp_path / "broken.toml").write_text("seed = \n")
    line = one_line(dynplug("train", tmp_path / "broken.toml"))
    assert f"{tmp_path / 'broken.toml'} is not valid TOML: " in line
    assert "line 1" in line
    (tmp_path / "latin.toml").write_bytes("seed = 1 # µ".encode("latin-1"))
    assert "latin.toml cannot be read: " in one_line(dynplug("train", tmp_path / "latin.toml"))
    assert "none.toml cannot be read: " in one_line(dynplug("train", tmp_path / "none.toml"))
    assert "no task called 'digitz'. Did you mean 'digits'?" in one_line(dynplug("train", "digitz"))


def test_a_recipe_or_a_run_to_resume_but_not_both(home, two):
    for arguments in ((), (home / "tiny.toml", "--resume", two.folder)):
        result = dynplug("train", *arguments)
        assert result.code == 2
        assert "Give either a RECIPE, as in `dynplug train digits`, or --resume RUN_FOLDER." in result.err
    result = dynplug("train", "--resume", two.folder, "--out", "elsewhere")
    assert result.code == 2
    assert "leave out --out" in result.err


def test_a_folder_that_holds_a_run_is_left_alone(home, two):
    before = {path.name: path.read_bytes() for path in two.folder.iterdir()}
    line = one_line(dynplug("train", home / "tiny.toml", "--out", two.folder, "--set", "seed=9"))
    assert line == f"Error: {two.folder} already holds a run: go on with --resume, or name another folder with --out."
    assert {path.name: path.read_bytes() for path in two.folder.iterdir()} == before


def test_resuming_what_is_not_there_is_one_line(two, copy_of_two, tmp_path):
    line = one_line(dynplug("train", "--resume", tmp_path / "nowhere"))
    assert f"{tmp_path / 'nowhere' / 'config.toml'} cannot be read: " in line
    assert not (tmp_path / "nowhere").exists()
    (copy_of_two / "checkpoint.safetensors").unlink()
    assert "There is no checkpoint" in one_line(dynplug("train", "--resume", copy_of_two))
    assert metrics(copy_of_two) == metrics(two.folder)


def test_resuming_with_another_model_is_refused_and_changes_nothing(copy_of_two):
    before = {path.name: path.read_bytes() for path in copy_of_two.iterdir()}
    sizes = [f"model.{key}=9" for key in ("input.out_size", "hidden.size", "readout.in_size")]
    line = one_line(dynplug("train", "--resume", copy_of_two, *(x for s in sizes for x in ("--set", s))))
    assert "checkpoint.safetensors is of another model or optimizer: " in line
    assert "model/input.weight is float32[8, 64], not float32[9, 64]" in line
    assert {path.name: path.read_bytes() for path in copy_of_two.iterdir()} == before


def test_a_loss_that_is_not_finite_leaves_the_last_good_checkpoint(copy_of_two):
    before = (copy_of_two / "checkpoint.safetensors").read_bytes()
    lines = (copy_of_two / "metrics.jsonl").read_bytes()
    arguments = ("--set", "fit.num_epoch=5", "--set", "runner.optimizer.learning_rate=inf")
    line = one_line(dynplug("train", "--resume", copy_of_two, *arguments))
    assert re.match(r"Error: Epoch 3, step [12]: .* not finite\.", line)
    assert (copy_of_two / "checkpoint.safetensors").read_bytes() == before
    assert (copy_of_two / "metrics.jsonl").read_bytes() == lines


def test_a_run_that_failed_at_once_may_be_started_anew(home, tmp_path):
    arguments = ("train", home / "tiny.toml", "--out", tmp_path / "run")
    first = dynplug(*arguments, "--set", "runner.optimizer.learning_rate=inf")
    assert re.match(r"Error: Epoch 1, step [12]: ", one_line(first))
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()
    second = dynplug(*arguments, "--set", "fit.num_epoch=1")
    assert second.code == 0, second.err
    assert [line["epoch"] for line in metrics(tmp_path / "run")] == [1, 1]


def test_the_installed_command_lists_and_fails_in_one_line(tmp_path):
    command = [sys.executable, "-c", "from dynplug.cli import main; main()"]
    listed = subprocess.run([*command, "list", "neuron"], capture_output=True, text=True, check=True)
    assert re.search(r"^  LIF ", listed.stdout, re.MULTILINE)
    assert listed.stderr == ""
    failed = subprocess.run([*command, "train", "no.toml"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert failed.returncode == 1
    (line,) = failed.stderr.splitlines()
    assert line.startswith("Error: no.toml cannot be read: ")
    assert not list(tmp_path.iterdir())


def test_the_default_run_folder_is_named_after_the_recipe(home, counter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = dynplug("train", home / "tiny.toml", "--set", "runner.type=counter")
    assert result.code == 0, result.err
    (folder,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"tiny-\d{8}-\d{6}", folder.name)
    assert (folder / "result.png").exists()


def test_plugins_are_listed_with_what_became_of_them():
    result = CliRunner().invoke(cli, ["plugins"])
    assert result.exit_code == 0
    assert result.output.splitlines()[0].startswith("dynplug ")
    assert "  registered, " in result.output or "  loaded, " in result.output
    (own,) = [
        p for p in json.loads(CliRunner().invoke(cli, ["plugins", "--json"]).output) if p["namespace"] == "dynplug"
    ]
    assert own["distribution"] == "dynplug"
    assert own["entry_point"] == "dynplug = dynplug.builtins"


def test_a_plugin_that_was_set_aside_is_said_and_the_command_fails(tmp_path):
    (tmp_path / "bad_hooks.py").write_text("1 / 0")
    folder = tmp_path / "dynplug_bad-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: dynplug-bad\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[dynplug.v1]\nbad = bad_hooks\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from dynplug.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code, "plugins"], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "dynplug-bad 1.0  quarantined: ZeroDivisionError: division by zero  [" in result.stdout


def test_listing_and_information_come_as_json_too():
    listed = json.loads(CliRunner().invoke(cli, ["list", "neuron", "--json"]).output)
    (lif,) = [c for c in listed if c["id"] == "dynplug:LIF@1"]
    assert lif["summary"] == "leaky integrate-and-fire"
    assert lif["plugin"]["distribution"] == "dynplug"
    info = json.loads(CliRunner().invoke(cli, ["info", "neuron", "LIF", "--json"]).output)
    (tau,) = [p for p in info["parameters"] if p["name"] == "tau"]
    assert tau == {"name": "tau", "default": "10.0", "documentation": "membrane time constant [ms].", "unit": "ms"}
    assert info["documentation"].startswith("Leaky integrate-and-fire.")
