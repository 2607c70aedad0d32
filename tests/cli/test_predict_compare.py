"""`dynplug predict` and `dynplug compare`."""

import json
import shutil

import numpy as np
import pytest

import dynplug as dp
from dynplug.api import hookimpl
from dynplug.recipe import Config, Training

pytestmark = pytest.mark.usefixtures("blank_pictures")


@pytest.fixture(scope="module")
def data(home, two):
    """The test data of the run, in a file."""
    config = Config.from_file(two.folder / "config.toml")
    x, y = dp.build(config.values["task"], kind="task").load(config.key_of("task")).test
    np.savez(home / "data.npz", x=x[:90], y=y[:90])
    np.save(home / "only.npy", x[:90])
    return home / "data.npz"


def test_outputs_are_those_of_the_trained_model_and_metrics_those_of_the_run(dynplug, two, data, tmp_path):
    out = tmp_path / "a" / "new" / "out.npz"
    result = dynplug("predict", two.folder, data, "--out", out)
    assert result.code == 0, result.err
    trainer = Training(Config.from_file(two.folder / "config.toml"), two.folder, resume=True).runner
    with np.load(data) as given, np.load(out) as written:
        np.testing.assert_allclose(written["outputs"], trainer.predict(given["x"]), rtol=1e-6)
        right = written["outputs"].mean(1).argmax(-1) == given["y"]
    told = dict(line.split()[:2] for line in result.out.splitlines())
    assert float(told["accuracy"]) == pytest.approx(right.mean(), rel=1e-5)
    assert result.out.splitlines()[-1] == f"Wrote outputs of shape (90, 4, 10) to {out}"


def test_without_targets_and_in_batches(dynplug, two, home, data):
    result = dynplug("predict", two.folder, home / "only.npy", "--batch-size", "40", "--json")
    told = json.loads(result.out)
    assert told == {"out": str(home / "only.outputs.npz"), "shape": [90, 4, 10], "metrics": {}}
    assert dynplug("predict", two.folder, data).code == 0
    with np.load(home / "only.outputs.npz") as some, np.load(home / "data.outputs.npz") as others:
        np.testing.assert_allclose(some["outputs"], others["outputs"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("first", ["B", "T"])
def test_sequences_of_several_lengths_are_each_as_if_alone(dynplug, two, data, tmp_path, first):
    run = shutil.copytree(two.folder, tmp_path / "run")
    config = (run / "config.toml").read_text()
    assert 'type = "BPTT' in config
    (run / "config.toml").write_text(config.replace('type = "BPTT', f'data_first_axis = "{first}"\ntype = "BPTT'))
    with np.load(data) as given:
        x, y, lengths = given["x"][:5], given["y"][:5], np.array([4, 1, 3, 2, 4])
    axes = (lambda a: a) if first == "B" else (lambda a: np.swapaxes(a, 0, 1))
    np.savez(tmp_path / "some.npz", x=axes(x), y=y, lengths=lengths)
    told = json.loads(dynplug("predict", run, tmp_path / "some.npz", "--batch-size", "2", "--json").out)
    trainer = Training(Config.from_file(two.folder / "config.toml"), two.folder, resume=True).runner
    right = []
    with np.load(tmp_path / "some.outputs.npz") as written:
        np.testing.assert_array_equal(written["lengths"], lengths)
        for n, (out, end) in enumerate(zip(axes(written["outputs"]), lengths, strict=True)):
            alone = trainer.predict(x[n : n + 1, :end])[0]
            np.testing.assert_allclose(out[:end], alone, rtol=1e-5, atol=1e-6)
            assert not out[end:].any()
            right.append(alone.mean(0).argmax() == y[n])
    assert told["shape"] == [5, 4, 10] if first == "B" else [4, 5, 10]
    assert told["metrics"]["accuracy"] == pytest.approx(np.mean(right))
    assert told["metrics"]["loss"] > 0


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            {"x": np.zeros((2, 4, 64), np.float32), "lengths": [3, 5]},
            "sample 1 has a length of 5, but the inputs have 4",
        ),
        ({"x": np.zeros((2, 4, 64), np.float32), "lengths": [3]}, "a whole number of steps for each of 2 samples"),
        ({"x": np.zeros(4, np.float32), "lengths": [3]}, "takes no sequences of several lengths"),
        (None, "There is no file "),
        (
            "text",
            ".npz, that holds numbers: write one by numpy.savez('data.npz', x=inputs).",
        ),
        (b"PK\x03\x04 cut off", "is no file of NumPy"),
        ({"x": np.array([{}])}, "is no file of NumPy"),
        ({"inputs": np.zeros(3)}, "has no array 'x', the inputs; it has 'inputs'."),
        ({"x": np.zeros((2, 4, 63), np.float32)}, "inputs of shape (2, 4, 63) do not go through the model"),
        ({"x": np.array(["a"])}, "inputs of shape (1,) do not go through the model"),
    ],
)
def test_a_file_without_inputs_for_the_model_is_one_line(dynplug, one_line, two, tmp_path, content, expected):
    path = tmp_path / "wrong.npz"
    if isinstance(content, (str, bytes)):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    elif content is not None:
        np.savez(path, **content)
    line = one_line(dynplug("predict", two.folder, path))
    assert expected in line
    assert "pickle" not in line


def test_a_run_that_is_not_there_is_one_line(dynplug, one_line, tmp_path, data, two):
    assert "There is no run in" in one_line(dynplug("predict", tmp_path, data))
    assert "There is no run in" in one_line(dynplug("compare", tmp_path, two.folder))
    line = one_line(dynplug("predict", two.folder, data, "--best"))
    assert "keeps no best checkpoint: train with fit.keep_best='test/loss', say, or do not ask for the best." in line


def test_predictions_make_no_observers(dynplug, home, tmp_path, data):
    made = []

    @dp.register("observer", "opening", summary="opens a file")
    class Opening:
        def __init__(self):
            made.append(self)

        @hookimpl
        def dynplug_after_epoch(self, epoch):
            pass

    try:
        arguments = ("--out", tmp_path / "run", "--set", "runner.observers=[{type = 'opening'}]")
        assert dynplug("train", home / "tiny.toml", *arguments, "--set", "fit.num_epoch=1").code == 0
        assert len(made) == 1
        assert dynplug("predict", tmp_path / "run", data).code == 0
        assert len(made) == 1
    finally:
        dp.refresh()


def test_runs_are_compared_by_what_differs(dynplug, home, two, tmp_path):
    other = tmp_path / "other"
    arguments = ("--set", "fit.num_epoch=1", "--set", "model.hidden.tau=7.0", "--set", "runner.optimizer.b1=0.8")
    assert dynplug("train", home / "tiny.toml", "--out", other, *arguments).code == 0
    told = json.loads(dynplug("compare", two.folder, other, "--json").out)
    assert told["differing"] == {
        "fit.num_epoch": [2, 1],
        "model.hidden.tau": [5.0, 7.0],
        "runner.optimizer.b1": [None, 0.8],
    }
    assert told["epoch"] == [2, 1]
    last = [json.loads(line) for line in (two.folder / "metrics.jsonl").read_text().splitlines()][-1]
    assert told["metrics"]["test/accuracy"][0] == last["accuracy"]
    assert set(told["metrics"]) == {"fit/loss", "fit/accuracy", "test/loss", "test/accuracy"}
    lines = dynplug("compare", two.folder, other).out.splitlines()
    assert [line.split() for line in lines if line.startswith("runner")] == [["runner.optimizer.b1", "-", "0.8"]]
    assert dynplug("compare", two.folder).code == 2
