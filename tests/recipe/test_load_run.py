"""A run folder is enough to have its model again, without script, data or trainer."""

import json

import jax
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file
from small_recipe import small_recipe

import dynplug as dp
from dynplug.core import write_arrays
from dynplug.errors import CheckpointError, CheckpointWarning, ConfigError
from dynplug.recipe import CHECKPOINT, CONFIG, Config, Training

pytestmark = pytest.mark.usefixtures("blank_pictures")

SPARSE = {  # how many connections are drawn depends on the seed
    "type": "Sparse",
    "in_size": 64,
    "out_size": 10,
    "connector": {"type": "FixedProbability", "p": 0.3},
}
TEXT = small_recipe(
    seed=5,
    model={"type": "Sequential", "input": SPARSE, "readout": {"type": "LeakyIntegrator", "size": 10}},
    runner={
        "dt": 0.5,
        "metrics": None,
        "trainable": {"readout.tau": True},
        "optimizer": {"type": "sgd", "learning_rate": 5.0},
    },
)


def train(folder, *overrides):
    made = Training(Config.parse(TEXT, "some.toml").with_overrides(overrides), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dynplug.recipe.training.write_report", lambda *args: None)
        made.run(lambda line: None)
    return made


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "run", "fit.keep_best='test/loss'")


@pytest.fixture
def folder(done, tmp_path):
    """A copy of the run's folder."""
    for path in done.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def same(a, b):
    a, b = dp.state_dict(a), dp.state_dict(b)
    return a.keys() == b.keys() and all(np.array_equal(a[path], b[path]) for path in a)


def test_the_model_is_what_the_trainer_had(done, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    model, config = dp.load_run(folder)
    assert same(model, done.runner.target)
    assert isinstance(model["readout"].tau, jax.Array)  # a number before it was trained
    assert config["runner"]["dt"] == 0.5
    assert config["model"]["input"]["type"] == "Sparse@1"
    x = done.data.test[0][:3]
    loop = dp.LoopOverTime(model, dt=0.5, data_first_axis="B")
    np.testing.assert_allclose(loop(x)[1], done.runner.predict(x), rtol=1e-5, atol=1e-6)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_run_that_is_under_way_is_not_kept_out(done):
    done._files.hold()
    try:
        assert same(dp.load_run(str(done.folder)).model, done.runner.target)
    finally:
        done._files.release()


def test_the_best_that_was_kept_is_asked_for(done, folder):
    best = folder / "checkpoint.best.safetensors"
    best.write_bytes((folder / "checkpoint.previous.safetensors").read_bytes())
    assert not same(dp.load_run(folder, best=True).model, done.runner.target)
    assert same(dp.load_run(folder).model, done.runner.target)
    best.unlink()
    with pytest.raises(CheckpointError, match=r"keeps no best checkpoint: train with fit.keep_best"):
        dp.load_run(folder, best=True)


def test_what_early_stopping_restores_is_what_is_loaded(tmp_path):
    stopping = "runner.observers=[{type='EarlyStopping', restore_best=true, min_delta=1e9}]"  # the first is best
    made = train(tmp_path / "run", stopping)
    assert same(dp.load_run(tmp_path / "run").model, made.runner.target)
    last = dp.load_states(tmp_path / "run" / CHECKPOINT, made.runner.target, prefix="model").tree
    assert not same(last, made.runner.target)
    assert same(dp.load_run(tmp_path / "run", best=True).model, made.runner.target)
    with pytest.raises(ConfigError, match=r"fit.keep_best: .*one model is kept"):
        train(tmp_path / "other", stopping, "fit.keep_best='test/loss'")
    assert not (tmp_path / "other").exists()


def test_what_fit_restores_is_what_is_loaded(tmp_path):
    best = "fit.keep_best=['test/loss', 'max']"  # the first, from which it gets better
    made = train(tmp_path / "run", best, "fit.restore_best=true")
    assert made.runner.best.epoch == 1
    assert same(dp.load_run(tmp_path / "run").model, made.runner.target)
    last = dp.load_states(tmp_path / "run" / CHECKPOINT, made.runner.target, prefix="model").tree
    assert not same(last, made.runner.target)
    kept = train(tmp_path / "other", best)
    assert same(kept.runner.target, last)
    assert same(dp.load_run(tmp_path / "other").model, last)
    assert same(dp.load_run(tmp_path / "other", best=True).model, made.runner.target)


def test_of_a_damaged_checkpoint_the_one_before_it_is_read(done, folder):
    path = folder / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.warns(CheckpointWarning, match=r"is damaged.*Going on from .*checkpoint\.previous"):
        model = dp.load_run(folder).model
    assert not same(model, done.runner.target)
    (folder / "checkpoint.previous.safetensors").unlink()
    with pytest.raises(CheckpointError, match="is damaged"):
        dp.load_run(folder)


def test_what_is_no_finished_run_is_named(folder):
    with pytest.raises(ConfigError, match=r"There is no run in .*nowhere: it has no config\.toml"):
        dp.load_run(folder / "nowhere")
    text = (folder / CONFIG).read_text()
    (folder / CONFIG).write_text(text.replace("size = 10", "size = 11"))
    with pytest.raises(CheckpointError, match=r"of another model than its config.toml describes: .*readout"):
        dp.load_run(folder)
    (folder / CONFIG).write_text(text.replace("LeakyIntegrator@1", "LeakyIntegrator@7"))
    with pytest.raises(ConfigError, match=r"config\.toml, line \d+, model\.readout\.type: .*@7"):
        dp.load_run(folder)
    (folder / CONFIG).write_text(text)
    for path in folder.glob("checkpoint*"):
        path.unlink()
    with pytest.raises(CheckpointError, match=r"There is no checkpoint in .*no epoch of this run was finished"):
        dp.load_run(folder)


def test_a_package_that_is_missing_is_named(folder):
    path = folder / CHECKPOINT
    with safe_open(str(path), framework="numpy") as file:
        header = {**file.metadata(), "packages": json.dumps({"dynplug-gone": "2.3"})}
    write_arrays(path, load_file(path), header)
    config = folder / CONFIG
    config.write_text(config.read_text().replace('"LeakyIntegrator@1"', '"gone:Layer@1"'))
    with pytest.raises(CheckpointError, match=r"pip install dynplug-gone==2\.3 \(.*gone:Layer"):
        dp.load_run(folder)


def test_the_task_of_the_run_need_not_be_there(done, folder):
    config = folder / CONFIG
    config.write_text(config.read_text().replace('"digits@1"', '"gone:task@1"'))
    assert same(dp.load_run(folder).model, done.runner.target)
