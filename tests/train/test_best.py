"""The best epoch: what it is, its model, and its checkpoint."""

import json
from contextlib import suppress

import numpy as np
import optax
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

import dynplug as dp
from dynplug.core import write_arrays
from dynplug.errors import CheckpointError, CheckpointWarning, OptionError, UnknownNameError
from dynplug.train import EarlyStopping, checkpoint
from dynplug.train.checkpoint.rotation import CheckpointPair
from dynplug.train.fit.watched import Watched

NAN, INF = float("nan"), float("inf")


class Models:
    """Keeps the model of each epoch."""

    def __init__(self):
        self.weights = {}

    @dp.api.hookimpl
    def dynplug_after_epoch(self, trainer, epoch):
        self.weights[epoch] = np.asarray(trainer.target["readout"].weight)


class Kill:
    """Ends a run as an interrupt does, after a step."""

    def __init__(self, epoch, step):
        self.at = epoch, step

    @dp.api.hookimpl
    def dynplug_after_step(self, epoch, step):
        if (epoch, step) == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("values", "mode", "best", "epoch"),
    [
        ([NAN, 1.0, 0.9], "min", 0.9, 3),
        ([NAN, 1.0, 0.9], "max", 1.0, 2),
        ([1.0, NAN, 0.9], "min", 0.9, 3),
        ([INF, 2.0], "min", 2.0, 2),
        ([-INF, 2.0, 1.0], "min", 1.0, 3),
        ([INF, 2.0], "max", 2.0, 2),
        ([NAN, NAN], "min", None, 0),
    ],
)
def test_what_is_not_finite_is_never_the_best(values, mode, best, epoch):
    watched = Watched("test", "loss", mode, name="test")
    for n, value in enumerate(values, 1):
        watched.see(n, {"test": {"loss": value}})
    assert (watched.best, watched.epoch) == (best, epoch)


def test_nothing_but_nan_stops_after_as_long_as_one_is_patient():
    stopping = EarlyStopping(patience=3)
    told = []
    for epoch in (1, 2, 3):
        stopping.dynplug_after_epoch(epoch, {"test": {"loss": NAN}})
        told.append(stopping.dynplug_should_stop(epoch))
    assert (told, stopping.best, stopping.best_epoch) == ([False, False, True], None, 0)


def test_less_or_more_is_known_or_must_be_said():
    assert EarlyStopping().mode == "min"
    assert EarlyStopping("accuracy").mode == "max"
    assert EarlyStopping("mse").mode == "min"
    assert EarlyStopping("accuracy", mode="min").mode == "min"
    with pytest.raises(OptionError, match="say whether less or more of 'score' is better"):
        EarlyStopping("score")
    with pytest.raises(OptionError, match="no phase 'tset'"):
        EarlyStopping(phase="tset")


DIVERGES = {"optimizer": optax.sgd(40.0), "shuffle_data": False}


@pytest.fixture
def fitted(trainer, data):
    """A function that trains with a rate that is too great, and the model of each epoch."""

    def fit(*observers, epochs=6, load=None, **options):
        models = Models()
        t = trainer(observers=[models, *observers], **DIVERGES)
        if load:
            t.load_states(load)
        with suppress(KeyboardInterrupt):
            t.fit(data, data, num_epoch=epochs - t.epoch, batch_size=8, **options)
        return t, models.weights

    return fit


def best_epoch(t, phase="test"):
    return 1 + int(np.nanargmin(t.get_hist_metric(phase)))


@pytest.mark.parametrize("phase", ["test", "fit"])
def test_the_model_of_the_best_epoch_is_restored(fitted, phase):
    stopping = EarlyStopping(phase=phase, patience=2, restore_best=True)
    t, weights = fitted(stopping)
    assert stopping.best_epoch == best_epoch(t, phase) < t.epoch
    np.testing.assert_array_equal(t.target["readout"].weight, weights[stopping.best_epoch])
    t, weights = fitted(EarlyStopping(phase=phase, patience=2))
    np.testing.assert_array_equal(t.target["readout"].weight, weights[t.epoch])


def test_an_interrupted_run_keeps_its_last_model(fitted):
    t, weights = fitted(EarlyStopping(patience=9, restore_best=True), Kill(5, 1))
    assert best_epoch(t) < t.epoch == 4
    assert not np.array_equal(t.target["readout"].weight, weights[best_epoch(t)])
    assert not t.best.restores


@pytest.mark.parametrize("at", [(3, 2), (4, 1), (6, 1)])
def test_the_best_model_outlives_the_process(fitted, tmp_path, at):
    whole, weights = fitted(EarlyStopping(patience=9, restore_best=True))
    best = best_epoch(whole)
    path = tmp_path / "f"
    fitted(EarlyStopping(patience=9, restore_best=True), Kill(*at), save_to=path, checkpoint_every=1)
    again, _ = fitted(EarlyStopping(patience=9, restore_best=True), load=path, save_to=path)
    assert again.epoch == 6
    np.testing.assert_array_equal(again.target["readout"].weight, weights[best])
    found = dp.load_states(path, again.target, prefix="best")
    np.testing.assert_array_equal(found.tree["readout"].weight, weights[best])


@pytest.mark.parametrize(
    ("stopping", "options"), [({"restore_best": True}, {}), ({}, {"keep_best": "test/loss", "restore_best": True})]
)
def test_a_best_model_that_nobody_kept_is_said(fitted, tmp_path, stopping, options):
    path = tmp_path / "f"
    fitted(Kill(5, 1), save_to=path)
    with pytest.warns(CheckpointWarning, match="not in the checkpoint that this run went on from"):
        t, _ = fitted(EarlyStopping(patience=2, **stopping), load=path, **options)
    assert best_epoch(t) < 4
    assert t.best is None


KEEP = {"keep_best": "test/loss"}


@pytest.mark.parametrize(
    ("stopping", "options", "said"),
    [
        ({"metric": "loss"}, {"keep_best": "fit/loss"}, "keep_best='fit/loss' keeps .* by the min of fit/loss, EarlyS"),
        ({"metric": "loss", "mode": "max"}, KEEP, "EarlyStopping by the max of test/loss: one model is kept"),
        ({"metric": "loss", "min_delta": 0.1}, KEEP, "EarlyStopping by the min of test/loss, by more than 0.1: one"),
    ],
)
def test_two_metrics_for_one_best_model_are_refused(fitted, trainer, stopping, options, said):
    with pytest.raises(OptionError, match=said):
        fitted(EarlyStopping(**stopping, restore_best=True), **options)
    with pytest.raises(OptionError, match=said):
        trainer(observers=[EarlyStopping(**stopping, restore_best=True)]).check_fit("keep_best", options)
    with pytest.raises(OptionError, match="one model is kept"):
        fitted(*(EarlyStopping(**one, restore_best=True) for one in ({}, stopping | {"phase": "fit"})))
    trainer(observers=[EarlyStopping(**stopping)]).check_fit("keep_best", options)


def test_early_stopping_keeps_as_fit_does(fitted, tmp_path):
    """The same epoch and value, the same arrays in the same files, and the same model in the end."""
    ways = {
        "fit": ((), {**KEEP, "restore_best": True}),
        "observer": ((EarlyStopping(patience=9, restore_best=True),), {}),
        "both": ((EarlyStopping(patience=9, restore_best=True),), KEEP),
        "told twice": ((EarlyStopping(patience=9, restore_best=True),), {"restore_best": True}),
        "watched": ((EarlyStopping(patience=9),), {**KEEP, "restore_best": True}),
    }
    trained = {name: fitted(*seen, save_to=tmp_path / name, **options)[0] for name, (seen, options) in ways.items()}
    one = trained.pop("fit")
    assert one.best.restores
    assert one.best.epoch == best_epoch(one) < one.epoch
    for name, other in trained.items():
        assert other.best == one.best
        np.testing.assert_array_equal(other.target["readout"].weight, one.target["readout"].weight)
        for file in ("path", "best"):
            ours, theirs = (getattr(CheckpointPair(tmp_path / n), file) for n in ("fit", name))
            assert {n: a.tobytes() for n, a in load_file(ours).items()} == {
                n: a.tobytes() for n, a in load_file(theirs).items()
            }
            assert checkpoint.describe(ours) == checkpoint.describe(theirs)


def test_an_observer_asks_as_fit_is_asked(fitted):
    class Keeps:
        @dp.api.hookimpl
        def dynplug_keep_best(self, trainer):
            return ("test/loss", "max") if trainer.epoch == 0 else None

    t, weights = fitted(Keeps())
    worst = 1 + int(np.nanargmax(t.get_hist_metric("test")))
    assert t.best.epoch == worst not in (best_epoch(t), t.epoch)
    np.testing.assert_array_equal(t.target["readout"].weight, weights[worst])


def test_early_stopping_looks_for_the_best_of_one_call_and_keep_best_for_that_of_all(trainer, data):
    """In the second call, with the other class for the right one, everything is worse."""
    x, y = data
    for options in ({}, KEEP):
        t = trainer(observers=[EarlyStopping(patience=1, restore_best=True)], shuffle_data=False)
        t.fit(data, data, num_epoch=2, batch_size=8, **options)
        first, models = t.best, Models()
        other = t.replaced(observers=[*t.observers, models])
        other.fit(data, (x, 1 - y), num_epoch=2, batch_size=8, **options)
        losses = other.get_hist_metric("test")[2:]
        assert losses.min() > first.value
        assert other.best.epoch == (first.epoch if options else 3 + int(losses.argmin()))
        wanted = t.target["readout"].weight if options else models.weights[other.best.epoch]
        np.testing.assert_array_equal(other.target["readout"].weight, wanted)
        assert t.best == first


@pytest.mark.parametrize("form", [{"best": 3}, {"best": None, "kept": {"metric": "test/loss"}}])
def test_a_checkpoint_with_the_best_model_in_another_form_is_refused(fitted, trainer, tmp_path, form):
    fitted(save_to=tmp_path / "f", epochs=1)
    with safe_open(tmp_path / "f", framework="numpy") as file:
        told = file.metadata()
    told["description"] = json.dumps(json.loads(told["description"]) | form)
    write_arrays(tmp_path / "f", load_file(tmp_path / "f"), told)
    with pytest.raises(CheckpointError, match=r"f is of .* kept the best epoch's model in another form"):
        trainer(**DIVERGES).load_states(tmp_path / "f")


def test_the_best_checkpoint_is_kept_beside_the_newest(fitted, trainer, tmp_path):
    path = tmp_path / "run" / "c.safetensors"
    t, weights = fitted(save_to=path, keep_best="test/loss")
    best = CheckpointPair(path).best
    assert {file.name for file in path.parent.iterdir()} == {path.name, "c.previous.safetensors", "c.best.safetensors"}
    assert checkpoint.describe(best)["epoch"] == best_epoch(t) < 6
    other = trainer(**DIVERGES)
    other.load_states(best)
    np.testing.assert_array_equal(other.target["readout"].weight, weights[best_epoch(t)])
    t.fit(*2 * [(np.zeros((4, 6, 3), np.float32), np.zeros(4, int))], num_epoch=1, save_to=path, keep_best="test/loss")
    assert checkpoint.describe(best)["epoch"] in (best_epoch(t), 7)


@pytest.mark.parametrize("at", [(2, 1), (4, 1), (6, 1)])
def test_the_best_checkpoint_outlives_the_process(fitted, tmp_path, at):
    one, two = tmp_path / "one", tmp_path / "two"
    fitted(save_to=one, keep_best="test/loss")
    fitted(Kill(*at), save_to=two, keep_best="test/loss", checkpoint_every=1)
    fitted(load=two, save_to=two, keep_best="test/loss")
    ours, theirs = (load_file(CheckpointPair(file).best) for file in (one, two))
    assert {n: a.tobytes() for n, a in ours.items()} == {n: a.tobytes() for n, a in theirs.items()}
    assert checkpoint.describe(CheckpointPair(one).best) == checkpoint.describe(CheckpointPair(two).best)


def test_another_training_replaces_the_best_checkpoint_that_it_finds(fitted, trainer, data, tmp_path):
    fitted(save_to=tmp_path / "f", keep_best="test/loss")
    worse = trainer(optimizer={"type": "sgd", "learning_rate": 1e-9})
    worse.fit(data, data, num_epoch=1, save_to=tmp_path / "f", keep_best="test/loss")
    told = checkpoint.describe(CheckpointPair(tmp_path / "f").best)
    assert json.dumps(told["history"]) == json.dumps(worse.history.to_json())
    arrays = load_file(CheckpointPair(tmp_path / "f").best)
    np.testing.assert_array_equal(arrays["model/readout.weight"], worse.target["readout"].weight)


def test_the_best_may_be_the_greatest(trainer, data, tmp_path):
    for what in ("test/accuracy", ("test/loss", "max")):
        t = trainer(metrics=["accuracy"], shuffle_data=False)
        t.fit(data, data, num_epoch=4, batch_size=8, save_to=tmp_path / "f", keep_best=what)
        metric = what.split("/")[1] if isinstance(what, str) else "loss"
        wanted = 1 + int(np.argmax(t.get_hist_metric("test", metric)))
        assert checkpoint.describe(CheckpointPair(tmp_path / "f").best)["epoch"] == wanted


@pytest.mark.parametrize(
    ("what", "said", "error"),
    [
        ("loss", "write the phase and the metric, as 'test/loss'", OptionError),
        ("tset/loss", "no phase 'tset'", OptionError),
        ("test/score", "say whether less or more of 'score'", OptionError),
        ("test/acuracy", "less or more of 'acuracy' is better, 'min' or 'max'. Did you mean 'accuracy'?", OptionError),
        (("test/loss", "less"), "neither 'min' nor 'max'", OptionError),
        ("test/accuracy", "no test 'accuracy'", UnknownNameError),
    ],
)
def test_what_cannot_be_the_best_is_refused(trainer, data, tmp_path, what, said, error):
    with pytest.raises(error, match=said):
        trainer().fit(data, data, num_epoch=1, save_to=tmp_path / "f", keep_best=what)


def test_what_the_best_needs_is_said(trainer, data, tmp_path):
    with pytest.raises(OptionError, match="needs test_data"):
        trainer().fit(data, num_epoch=1, save_to=tmp_path / "f", keep_best="test/loss")
    with pytest.raises(OptionError, match="restore_best=True needs keep_best"):
        trainer().fit(data, num_epoch=1, restore_best=True)
    with pytest.raises(OptionError, match="No best epoch is kept"):
        trainer().restore_best()


def test_a_plugins_metric_knows_its_direction(fresh_registry):
    def score(predicts, targets):
        return predicts.mean()

    for name, capability, mode in (("up", "more_is_better", "max"), ("down", "less_is_better", "min")):
        dp.register("metric", name, capabilities=(capability,))(score)
        assert EarlyStopping(name).mode == mode
    dp.register("metric", "neither")(score)
    with pytest.raises(OptionError, match="say whether less or more of 'neither'"):
        EarlyStopping("neither")


def test_the_best_parameters_are_restored_on_request_and_with_them_nothing_else(fitted):
    t, weights = fitted(keep_best="test/loss")
    losses = t.get_hist_metric("test")
    assert t.best == ("test/loss", "min", losses.min(), best_epoch(t), False)
    assert best_epoch(t) < t.epoch == 6
    np.testing.assert_array_equal(t.target["readout"].weight, weights[6])
    t.restore_best()
    np.testing.assert_array_equal(t.target["readout"].weight, weights[best_epoch(t)])
    assert (t.epoch, len(t.get_hist_metric("test"))) == (6, 6)


def test_fit_restores_the_best_if_it_is_told_to(fitted):
    t, weights = fitted(keep_best="test/loss", restore_best=True)
    np.testing.assert_array_equal(t.target["readout"].weight, weights[best_epoch(t)])
    t, weights = fitted(Kill(6, 1), keep_best="test/loss", restore_best=True)
    np.testing.assert_array_equal(t.target["readout"].weight, weights[5])  # it was interrupted
    assert t.best.epoch == best_epoch(t) < 5
    assert not t.best.restores


def test_what_is_restored_is_worth_what_was_measured(fitted, data):
    t, _ = fitted(keep_best="test/loss", restore_best=True)
    again = dp.losses.cross_entropy(t.predict(data[0]), data[1])
    np.testing.assert_allclose(again, t.best.value, rtol=1e-5)


def test_a_later_call_has_to_surpass_what_is_kept(fitted, data):
    t, _ = fitted(keep_best="test/loss", epochs=4)
    kept = t.best
    t.fit(data, data, num_epoch=2, batch_size=8)
    assert t.best == kept
    t.fit(data, data, num_epoch=0, keep_best="test/loss", restore_best=True)
    assert t.best == kept._replace(restores=True)
    t.fit(data, data, num_epoch=0)
    assert t.best == kept
    t.fit(data, data, num_epoch=1, batch_size=8, keep_best="test/loss")
    assert t.best == kept
    t.fit(data, data, num_epoch=1, batch_size=8, keep_best="fit/loss")
    assert (t.best.metric, t.best.epoch) == ("fit/loss", 8)


@pytest.mark.parametrize("at", [(3, 2), (6, 1)])
def test_the_kept_epoch_is_in_the_checkpoint_and_outlives_the_process(fitted, tmp_path, at):
    path, options = tmp_path / "f", {"keep_best": "test/loss", "restore_best": True}
    whole, weights = fitted(**options)
    fitted(Kill(*at), save_to=path, checkpoint_every=1, **options)
    again, _ = fitted(load=path, save_to=path, **options)
    assert again.best == whole.best
    np.testing.assert_array_equal(again.target["readout"].weight, weights[whole.best.epoch])
    found = dp.load_states(path, again.target, prefix="best")
    np.testing.assert_array_equal(found.tree["readout"].weight, weights[whole.best.epoch])
