"""Trainings from a configuration: what is built of it, and what an interruption leaves."""

import html
import json
import pickle
import re
import sys

import jax
import numpy as np
import optax
import pytest
from safetensors.numpy import load_file
from small_recipe import small_recipe

import dynplug as dp
from dynplug.errors import CheckpointError, ConfigError, NonFiniteError
from dynplug.recipe.config import Config
from dynplug.recipe.report import PICTURES, REPORT
from dynplug.recipe.training import CHECKPOINT, CONFIG, METRICS, Training

pytestmark = pytest.mark.usefixtures("blank_pictures")

TEXT = small_recipe(
    seed=4,
    model={
        "input": {
            "type": "Dense",
            "in_size": 64,
            "out_size": 6,
            "W_initializer": {"type": "KaimingNormal", "scale": 100.0},
        },
        "hidden": {"type": "LIF", "size": 6},
        "readout": {"type": "Dense", "in_size": 6, "out_size": 10},
    },
    runner={"dt": 0.5, "metrics": None, "optimizer": {"type": "adam", "learning_rate": 0.02}},
    fit={"num_epoch": 4},
)


def config(*overrides):
    return Config.parse(TEXT, "some.toml").with_overrides(overrides)


def trained(folder, *overrides, resume=False):
    said = []
    training = Training(config(*overrides), folder, resume=resume)
    training.run(said.append)
    return training, said


def arrays(folder):
    return load_file(folder / CHECKPOINT)


def metrics(folder):
    lines = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def assert_same(folder, other):
    ours, theirs = arrays(folder), arrays(other)
    assert ours.keys() == theirs.keys()
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)
    assert metrics(folder) == metrics(other)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training of four epochs that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "a" / "run"  # parents are made
    training, said = trained(folder)
    assert said == []
    return training


@pytest.mark.claim(
    "digits-two-epochs",
    "Two of the forty epochs of `dynplug train digits`: the accuracy on the 360 digits that are held out",
    at_least=0.85,
    reference="labels of Alpaydin, E. & Kaynak, C. (1998), doi:10.24432/C50P49",
    components=("task:digits", "runner:BPTT", "neuron:LIF"),
)
def test_the_recipe_of_the_digits_learns_them(tmp_path, measured, drawn):
    training = Training(
        Config.parse(dp.tasks.Digits.recipe(), "digits").with_overrides(
            ["fit.num_epoch=2", "runner.progress_bar=false"]
        ),
        tmp_path / "run",
    )
    (x, y), (x_test, y_test) = training.data
    assert (x.shape, x_test.shape) == ((1437, 16, 64), (360, 16, 64))
    training.run(print)
    accuracy = training.runner.history.metric("test", "accuracy")
    measured(accuracy[-1])
    assert np.bincount(np.concatenate([y, y_test])).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_runner_gets_model_seed_and_options(whole):
    runner = whole.runner
    assert (runner.dt, runner.seed, runner.epoch) == (0.5, 4, 4)
    assert runner.target.names == ("input", "hidden", "readout")
    assert len(whole.data.train[1]) == 80


def test_the_model_is_built_from_the_seed(tmp_path):
    first = Training(config(), tmp_path / "1").runner.target["input"].weight
    same = Training(config(), tmp_path / "2").runner.target["input"].weight
    other = Training(config("seed=5"), tmp_path / "3").runner.target["input"].weight
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    assert np.std(first) == pytest.approx(np.sqrt(100.0 / 64), rel=0.15)


def test_a_seed_of_the_runners_own_counts_for_the_runner(tmp_path):
    training = Training(config("runner.seed=11"), tmp_path / "run")
    assert training.runner.seed == 11
    same = Training(config(), tmp_path / "other").runner.target["input"].weight
    np.testing.assert_array_equal(training.runner.target["input"].weight, same)


class Interrupt:
    """In place of `Training._after_report`: stops a training at an epoch and phase, before or after its report."""

    def __init__(self, epoch, phase, before):
        self.at, self.before, self.report = (epoch, phase), before, Training._after_report

    def __get__(self, training, _):
        def after_report(epoch, metrics, phase):
            if (epoch, phase) == self.at and self.before:
                raise KeyboardInterrupt
            self.report(training, epoch, metrics, phase)
            if (epoch, phase) == self.at:
                raise KeyboardInterrupt

        return after_report


@pytest.mark.parametrize(
    ("epoch", "phase", "before", "kept"), [(3, "fit", False, 2), (3, "test", True, 2), (2, "test", False, 1)]
)
def test_a_training_interrupted_anywhere_goes_on_to_the_same_end(
    whole, tmp_path, monkeypatch, epoch, phase, before, kept
):
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Training, "_after_report", Interrupt(epoch, phase, before))
        with pytest.raises(KeyboardInterrupt):
            trained(folder)
    assert not (folder / PICTURES[0]).exists()
    resumed = Training(config(), folder, resume=True)
    assert resumed.runner.epoch == kept
    assert [line["epoch"] for line in metrics(folder)] == [1, 1, 2, 2][: 2 * kept]
    resumed.run(print)
    assert_same(folder, whole.folder)
    assert (folder / PICTURES[0]).exists()


def test_a_training_may_be_extended(whole, tmp_path):
    trained(tmp_path / "run", "fit.num_epoch=1")
    training, _ = trained(tmp_path / "run", "fit.num_epoch=4", resume=True)
    assert training.runner.epoch == 4
    assert_same(tmp_path / "run", whole.folder)
    written = (Config.from_file(folder / CONFIG).values for folder in (tmp_path / "run", whole.folder))
    assert next(written) == next(written)


def test_another_seed_is_refused_when_going_on(tmp_path):
    trained(tmp_path / "run", "fit.num_epoch=1")
    with pytest.raises(ConfigError, match="started with seed 4; it cannot go on with 5"):
        trained(tmp_path / "run", "seed=5", resume=True)
    assert Config.from_file(tmp_path / "run" / CONFIG).values["seed"] == 4


def test_a_line_that_was_cut_off_is_dropped(tmp_path):
    trained(tmp_path / "run", "fit.num_epoch=1")
    with (tmp_path / "run" / METRICS).open("a") as file:
        file.write('{"epoch": 2, "pha')
    trained(tmp_path / "run", "fit.num_epoch=2", resume=True)
    assert [line["epoch"] for line in metrics(tmp_path / "run")] == [1, 1, 2, 2]


def test_without_matplotlib_all_but_the_pictures_is_there(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dynplug.plot", None)
    monkeypatch.delitem(vars(dp), "plot", raising=False)
    _, (line,) = trained(tmp_path / "run", "fit.num_epoch=1")
    assert line.startswith("No picture was made: ")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {CONFIG, METRICS, CHECKPOINT, REPORT}


def test_the_report_has_the_configuration_that_ran(whole):
    text = html.unescape((whole.folder / REPORT).read_text(encoding="utf-8"))
    assert "<h1>Sequential trained on digits</h1>" in text
    assert (whole.folder / CONFIG).read_text(encoding="utf-8") in text
    assert "epoch 4" in text


def test_the_report_has_the_numbers_of_the_metrics_file(whole):
    text = (whole.folder / REPORT).read_text(encoding="utf-8")
    lines = [json.loads(line) for line in (whole.folder / METRICS).read_text().splitlines()]
    tested = [line["loss"] for line in lines if line["phase"] == "test"]
    best = 1 + int(np.argmin(tested))
    for phase, said in (("fit", "training"), ("test", "test")):
        of_epochs = [line["loss"] for line in lines if line["phase"] == phase]
        cells = "".join(f"<td>{of_epochs[epoch - 1]:.6g}</td>" for epoch in dict.fromkeys((4, best)))
        assert f'<th scope="row">{said} loss</th>{cells}</tr>' in text
    assert f"{sum(line['seconds'] for line in lines):.1f} s of training and testing" in text
    x, y = whole.data.test
    answers = np.asarray(whole.runner.predict(x)).mean(1).argmax(-1)
    diagonal = re.findall(r"rgb\(0 114 178 / [\d.]+\)\">(\d+)<", text)
    assert [int(n) for n in diagonal] == [n for n in (int(np.sum((y == c) & (answers == c))) for c in range(10)) if n]
    assert f"{np.sum(answers == y):,} of {len(y):,} test samples correctly" in text
    assert f"{len(y):,} test</td>" in text


def test_the_report_tells_what_the_weights_were_before_also_of_a_run_that_went_on(tmp_path):
    trained(tmp_path / "run", "fit.num_epoch=1")
    trained(tmp_path / "run", "fit.num_epoch=2", resume=True)
    first = np.asarray(Training(config(), tmp_path / "other").runner.target["input"].weight)
    text = (tmp_path / "run" / REPORT).read_text(encoding="utf-8")
    assert f"<td>{first.mean():.3g} ± {first.std():.3g}</td>" in text


def test_a_training_that_blows_up_is_reported(tmp_path, drawn):
    with pytest.raises(NonFiniteError):
        trained(tmp_path / "run", "runner.optimizer={type='sgd', learning_rate=1e38}")
    text = (tmp_path / "run" / REPORT).read_text(encoding="utf-8")
    assert "The training ended with an error. Epoch 2, step" in text


def test_a_model_without_spikes_has_a_picture_too(tmp_path, drawn):
    trained(tmp_path / "run", "model.hidden.type=LeakyIntegrator", "fit.num_epoch=1")
    assert (tmp_path / "run" / PICTURES[0]).read_bytes()[:4] == b"\x89PNG"


def test_a_folder_with_a_checkpoint_is_not_taken_over(whole):
    before = {path.name: path.read_bytes() for path in whole.folder.iterdir()}
    with pytest.raises(CheckpointError, match="already holds a run: go on with --resume"):
        Training(config("seed=9"), whole.folder)
    assert {path.name: path.read_bytes() for path in whole.folder.iterdir()} == before


def test_a_folder_of_other_things_is_taken(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    Training(config(), tmp_path)
    assert (tmp_path / CONFIG).exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        (
            "fit.batchsize=3",
            r"^--set fit.batchsize=3, fit.batchsize: BPTT.fit takes no 'batchsize'. Did you mean 'batch_size'",
        ),
        ("fit.train_data=3", "fit.train_data: BPTT.fit takes no 'train_data'"),
        (
            "runner.type=LoopOverTime",
            "^--set runner.type=LoopOverTime, runner.type: LoopOverTime does not train: it has no method 'fit'",
        ),
        ("runner.trainable={'hiden.tau' = true}", r"^--set runner.trainable=.*, runner.trainable: BPTT: "),
        (
            "runner.optimizer={type = 'adam', learning_rate = {type = 'cosine_decay_schedule', init_value = 0.1, "
            "decay_steps = 0}}",
            r"^--set runner.optimizer=.*, runner.optimizer.learning_rate: cosine_decay_schedule: ",
        ),
        ("runner.loss_fun={type = 'huber', deltta = 1.0}", "runner.loss_fun.deltta: huber takes no 'deltta'. Did you"),
        ("runner.metrics=['accuracy', 'mce']", r"runner.metrics\[1\].type: There is no metric called 'mce'"),
        ("task.encoder.num_step=0", r"^--set task.encoder.num_step=0, task.encoder.num_step: Latency: num_step=0 "),
        ("model.type=LIF", "^--set model.type=LIF, model: LIF needs 'size'"),
    ],
)
def test_what_cannot_be_built_is_blamed_before_anything_is_written(tmp_path, override, problem):
    with pytest.raises(ConfigError, match=problem):
        Training(config(override), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_loss_means_the_same_as_a_name_and_as_a_table(tmp_path):
    """It reads samples first, is called as it was given, and is pinned so."""

    def mine(predicts, targets, scale=1.0):
        return scale * (predicts**2).mean()

    dp.register("loss", "my-loss", summary="a loss")(mine)
    try:
        for n, given in enumerate(["local:My_Loss", "{type = 'local:My_Loss'}", "{type='local:My_Loss', scale = 2.0}"]):
            training = Training(config(f"runner.loss_fun={given}"), tmp_path / str(n))
            assert (training.runner.objective.loss.name, training.runner.objective.loss.batch_first) == (
                "local:My_Loss",
                True,
            )
            written = Config.from_file(tmp_path / str(n) / CONFIG).values["runner"]["loss_fun"]
            assert (written if isinstance(written, str) else written["type"]) == "local:My_Loss@1"
    finally:
        dp.refresh()


def test_an_optimizer_is_not_made_to_be_dropped(tmp_path):
    made = []

    @dp.register("optimizer", "counted", summary="counts")
    def counted(learning_rate):
        made.append(learning_rate)
        return optax.sgd(learning_rate)

    optimizer = {"type": "counted", "learning_rate": 0.125}
    try:
        runner = Training(config("runner.optimizer={type = 'counted', learning_rate = 0.125}"), tmp_path).runner
        of_recipe, made[:] = [*made], []
        again = dp.BPTT(runner.target, "cross_entropy", optimizer, dt=0.5)
        assert of_recipe == made
        assert runner._program("fit", {}).frozen == again._program("fit", {}).frozen  # they share programs
    finally:
        dp.refresh()


def test_a_trainer_of_a_recipe_goes_to_another_process(tmp_path):
    training = Training(config("runner.metrics=['accuracy']"), tmp_path)
    (x, y), other = training.data.train, pickle.loads(pickle.dumps(training.runner))
    for trainer in (training.runner, other):
        trainer.logger = None
        trainer.fit((x, y), num_epoch=1, batch_size=40)
    assert other.history.last("fit") == training.runner.history.last("fit")


def test_keys_of_the_model_do_not_depend_on_the_task(tmp_path):
    """The model's random numbers are those of its own stream and place."""
    weight = Training(config(), tmp_path / "run").runner.target["readout"].weight
    stream = jax.random.fold_in(jax.random.key(4), 0)
    again = dp.build(config().values["model"], key=stream, path="model")["readout"].weight
    np.testing.assert_array_equal(weight, again)
