"""Values that trackers send, read back from their files."""

import importlib.util
import json
import struct
import sys

import numpy as np
import pytest
from dynplug_trackers import MLflow, TensorBoard, WandB

import dynplug as dp
from dynplug.api import hookimpl
from dynplug.errors import MissingPackageError
from dynplug.plugin import build

RNG = np.random.default_rng(1)
X = RNG.normal(size=(10, 3)).astype(np.float32)
DATA = X, X.sum(1, keepdims=True)


@pytest.fixture(autouse=True)
def file_store(monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")


class Fail:
    @hookimpl(tryfirst=True)
    def dynplug_epoch_start(self, epoch):
        if epoch == 2:
            raise KeyboardInterrupt


def trained(*observers, epochs=3, **options):
    layer = dp.layers.Dense(3, 1, W_initializer=np.ones((1, 3), np.float32) / 2)
    t = dp.BPFF(
        layer,
        "mse",
        dp.build({"type": "sgd", "learning_rate": 0.01}, kind="optimizer"),
        observers=observers,
        logger=None,
        progress_bar=False,
        metrics=[dp.losses.mae],
        **options,
    )
    t.fit(DATA, DATA, num_epoch=epochs, batch_size=4)
    return t


def expected(t, steps):
    """(step, value) by name, from the history."""
    history = {
        f"{phase}/{name}": [(3 * (n + 1), v) for n, v in enumerate(t.get_hist_metric(phase, name))]
        for phase in ("fit", "test")
        for name in ("loss", "mae")
    }
    history["epoch"] = [(3 * n, n) for n in range(1, 1 + t.epoch)]
    each = {f"step/{name}": list(enumerate(t.get_hist_metric("fit", name, "detailed"), 1)) for name in ("loss", "mae")}
    return history | (each if steps else {})


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, points in wanted.items():
        np.testing.assert_allclose(sorted(found[name]), points, rtol=1e-6)


def events(folder):
    """The scalars of event files, whose records are cut by hand: length, its checksum, data, their checksum."""
    pb = pytest.importorskip("tensorboardX.proto.event_pb2")
    found = {}
    for path in folder.glob("events.out.tfevents.*"):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            event = pb.Event.FromString(data[at + 12 : at + 12 + length])
            for value in event.summary.value:
                if value.WhichOneof("value") == "simple_value":
                    found.setdefault(value.tag, []).append((event.step, value.simple_value))
            at += length + 16
    return found


@pytest.mark.parametrize("steps", [False, True])
def test_event_files_hold_what_was_measured(tmp_path, steps):
    pytest.importorskip("tensorboardX")
    t = trained(TensorBoard(tmp_path / "new", steps=steps))
    same(events(tmp_path / "new"), expected(t, steps))


def test_tensorboard_itself_reads_them(tmp_path):
    pytest.importorskip("tensorboardX")
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    t = trained(TensorBoard(tmp_path))
    read = reading.EventAccumulator(str(tmp_path)).Reload()
    found = {tag: [(e.step, e.value) for e in read.Scalars(tag)] for tag in read.Tags()["scalars"]}
    same(found, expected(t, False))


def test_a_run_that_goes_on_goes_on_in_its_folder(tmp_path):
    pytest.importorskip("tensorboardX")
    t = trained(TensorBoard(tmp_path, steps=True))
    t.fit(DATA, DATA, num_epoch=1, batch_size=4)
    same(events(tmp_path), expected(t, True))


@pytest.mark.parametrize("steps", [False, True])
def test_mlflow_holds_what_was_measured(tmp_path, steps):
    mlflow = pytest.importorskip("mlflow")
    uri = tmp_path.as_uri()
    t = trained(MLflow("some experiment", "some name", uri, steps=steps))
    client = mlflow.MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("some experiment").experiment_id])
    assert (run.info.status, run.info.run_name) == ("FINISHED", "some name")
    assert "BPFF" in run.data.tags["trainer"]
    found = {
        name: [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)] for name in run.data.metrics
    }
    same(found, expected(t, steps))


def test_mlflow_hears_of_a_failure(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    uri = tmp_path.as_uri()
    with pytest.raises(KeyboardInterrupt):
        trained(MLflow(tracking_uri=uri), Fail())
    client = mlflow.MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("dynplug").experiment_id])
    assert run.info.status == "FAILED"
    assert run.data.metrics["epoch"] == 1


class FakeRun:
    def __init__(self, **given):
        self.given, self.logged, self.code = given, [], None

    def log(self, values, step):
        self.logged.append((step, values))

    def finish(self, exit_code):
        self.code = exit_code


@pytest.fixture
def fake(monkeypatch):
    """Stands in for wandb."""

    class Wandb:
        runs = []

        @staticmethod
        def Settings(**given):
            return given

        @classmethod
        def init(cls, **given):
            cls.runs.append(FakeRun(**given))
            return cls.runs[-1]

    monkeypatch.setitem(sys.modules, "wandb", Wandb)
    return Wandb


@pytest.mark.parametrize("steps", [False, True])
def test_wandb_is_told_what_was_measured(fake, steps):
    t = trained(WandB("a", "b", "c", "disabled", steps=steps))
    (run,) = fake.runs
    assert [run.given[name] for name in ("project", "name", "dir", "mode")] == ["a", "b", "c", "disabled"]
    found = {}
    for step, values in run.logged:
        for name, value in values.items():
            found.setdefault(name, []).append((step, value))
    same(found, expected(t, steps))
    assert [step for step, _ in run.logged] == sorted(step for step, _ in run.logged)  # it takes no earlier step
    assert run.code == 0
    with pytest.raises(KeyboardInterrupt):
        trained(WandB(), Fail())
    assert fake.runs[-1].code == 1


def records(data):
    """The records of an offline run, W&B's own messages in a log of LevelDB, whose pieces are put together by hand."""
    pb, block, head = pytest.importorskip("wandb.proto.wandb_internal_pb2"), 1 << 15, 7
    whole, at = b"", head  # after that of the file
    while at + head <= len(data):
        if (left := block - at % block) < head:
            at += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        whole, at = whole + data[at + head : at + head + length], at + head + length
        if kind in (1, 4):  # a whole one, or the last piece of one
            yield pb.Record.FromString(whole)
            whole = b""


@pytest.mark.parametrize("steps", [False, True])
def test_an_offline_run_holds_what_was_measured(tmp_path, monkeypatch, steps):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    t = trained(WandB("some project", "some name", tmp_path, steps=steps))
    wandb.teardown()  # its own process writes the file
    (file,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    found, runs, codes = {}, [], []
    for record in records(file.read_bytes()):
        if record.WhichOneof("record_type") == "history":
            values = {
                item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item
            }
            for name in values.keys() - {"_step", "_runtime", "_timestamp"}:
                found.setdefault(name, []).append((values["_step"], values[name]))
        runs += [record.run] if record.HasField("run") else []
        codes += [record.exit.exit_code] if record.HasField("exit") else []
    same(found, expected(t, steps))
    assert {(run.project, run.display_name) for run in runs} == {("some project", "some name")}
    assert codes == [0]


@pytest.mark.parametrize("process", [0, 1])
def test_of_processes_that_train_together_the_first_sends(fake, tmp_path, monkeypatch, process):
    monkeypatch.setattr("jax.process_index", lambda: process)
    trackers = [WandB()]
    if importlib.util.find_spec("tensorboardX"):
        trackers.append(TensorBoard(tmp_path / "events"))
    if importlib.util.find_spec("mlflow"):
        trackers.append(MLflow(tracking_uri=(tmp_path / "store").as_uri()))
    trained(*trackers, devices=1)
    told = len(fake.runs) + len([*tmp_path.iterdir()])
    assert told == (0 if process else len(trackers))


@pytest.mark.parametrize(
    ("package", "make"),
    [
        ("tensorboardX", lambda folder: TensorBoard(folder, steps=True)),
        ("mlflow", lambda folder: MLflow(tracking_uri=folder.as_uri(), steps=True)),
        ("wandb", lambda folder: WandB(folder=folder, steps=True)),
    ],
)
def test_results_are_bit_identical_with_and_without(tmp_path, package, make):
    pytest.importorskip(package)
    with_it, without = trained(make(tmp_path)), trained()
    np.testing.assert_array_equal(with_it.target.weight, without.target.weight)
    np.testing.assert_array_equal(with_it.get_hist_metric("test"), without.get_hist_metric("test"))


@pytest.mark.parametrize(
    ("package", "tracker", "extra"),
    [("tensorboardX", TensorBoard, "tensorboard"), ("mlflow", MLflow, "mlflow"), ("wandb", WandB, "wandb")],
)
def test_what_is_not_installed_is_named_before_the_first_step(monkeypatch, package, tracker, extra):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=rf"{package}.*pip install 'dynplug-trackers\[{extra}\]'"):
        trained(tracker())


def test_a_recipe_names_them(tmp_path):
    made = build({"type": "TensorBoard", "folder": str(tmp_path), "steps": True}, kind="observer")
    assert (made.folder, made.steps) == (str(tmp_path), True)
