from types import SimpleNamespace

import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.api import hookimpl
from dynplug.errors import OptionError, PluginError, UnknownNameError
from dynplug.train import EarlyStopping, History

X, Y = np.random.default_rng(0).random((6, 4, 2)), np.zeros((6, 4, 1))
SGD = optax.sgd(0.05)


class Recorder:
    """Writes down all that it is told."""

    def __init__(self):
        self.heard = []

    @hookimpl
    def dynplug_run_start(self, last):
        self.heard.append(("start", last))

    @hookimpl
    def dynplug_epoch_start(self, epoch):
        self.heard.append(("epoch", epoch))

    @hookimpl
    def dynplug_after_step(self, trainer, epoch, step, metrics):
        self.heard.append(("step", epoch, step, metrics["loss"]))

    @hookimpl
    def dynplug_after_epoch(self, epoch, metrics):
        self.heard.append(("after", epoch, metrics))

    @hookimpl
    def dynplug_checkpoint_saved(self, path):
        self.heard.append(("saved", path))

    @hookimpl
    def dynplug_run_error(self, error):
        self.heard.append(("error", type(error).__name__))

    @hookimpl
    def dynplug_run_end(self, trainer):
        self.heard.append(("end", trainer.epoch))


def trainer(*observers, **options):
    net = dp.layers.Dense(2, 1, W_initializer=1.0)
    options = {"optimizer": SGD, "logger": None, "progress_bar": False, "shuffle_data": False, **options}
    return dp.BPTT(net, "mse", dt=1.0, observers=observers, **options)


def test_an_observer_hears_everything_in_order(tmp_path):
    recorder = Recorder()
    t = trainer(recorder)
    t.fit((X, Y), (X, Y), num_epoch=2, batch_size=2)
    t.save_states(tmp_path / "x.safetensors")
    assert [event[0] for event in recorder.heard] == [
        "start",
        *2 * ["epoch", "step", "step", "step", "after"],
        "end",
        "saved",
    ]
    steps = [event for event in recorder.heard if event[0] == "step"]
    assert [(epoch, step) for _, epoch, step, _ in steps] == [(e, s) for e in (1, 2) for s in (1, 2, 3)]
    np.testing.assert_allclose([loss for *_, loss in steps], t.get_hist_metric(which="detailed"), rtol=1e-6)
    _, epoch, metrics = recorder.heard[-3]
    assert epoch == 2
    assert metrics["fit"]["loss"] == pytest.approx(t.get_hist_metric()[1])
    assert metrics["test"]["loss"] == pytest.approx(t.get_hist_metric("test")[1])
    assert recorder.heard[0] == ("start", 2)
    assert recorder.heard[-1] == ("saved", str(tmp_path / "x.safetensors"))


def test_steps_may_be_heard_less_often():
    recorder = Recorder()
    trainer(recorder, log_every=2).fit((X, Y), num_epoch=1, batch_size=1)
    assert [event[2] for event in recorder.heard if event[0] == "step"] == [2, 4, 6]
    with pytest.raises(OptionError, match="log_every"):
        trainer(log_every=0)


def test_a_run_that_fails_is_heard_too():
    recorder = Recorder()
    with pytest.raises(FloatingPointError):
        trainer(recorder).fit((X * np.nan, Y), num_epoch=1)
    assert recorder.heard[-2:] == [("error", "NonFiniteError"), ("end", 0)]


def test_observers_change_nothing_and_only_those_given_are_heard():
    plain, observed = trainer(), trainer(Recorder(), Recorder())
    for t in (plain, observed):
        t.fit((X, Y), num_epoch=2, batch_size=2)
    np.testing.assert_array_equal(plain.target.weight, observed.target.weight)


def test_any_observer_may_stop_the_run():
    class Stop:
        @hookimpl
        def dynplug_should_stop(self, epoch):
            return epoch == 3

    class GoOn:
        @hookimpl
        def dynplug_should_stop(self):
            return False

    t = trainer(GoOn(), Stop(), GoOn())
    t.fit((X, Y), num_epoch=10)
    assert t.epoch == 3


class Scripted:
    """Stands in for a run whose metrics are known beforehand."""

    def __init__(self, values, **options):
        self.stopping = EarlyStopping(**options)
        self.stopping.dynplug_run_start(SimpleNamespace(history=History(), began=0, epoch=0))
        self.epochs = 0
        for self.epochs, value in enumerate(values, 1):
            self.stopping.dynplug_after_epoch(self.epochs, {"fit": {"loss": 0.0}, "test": {"loss": value}})
            if self.stopping.dynplug_should_stop(self.epochs):
                break


def test_it_stops_when_nothing_got_better_for_as_long_as_one_is_patient():
    run = Scripted([5, 4, 4, 3, 3.5, 3, 3.2, 0], patience=3)
    assert run.epochs == 7
    assert (run.stopping.best, run.stopping.best_epoch) == (3, 4)
    assert Scripted([5, 4, 3, 2, 1, 0], patience=1).epochs == 6
    assert Scripted([5, 4.9, 4.8, 4.7], patience=2, min_delta=0.5).epochs == 3
    assert Scripted([5, 6, 7, 6, 6], patience=2, mode="max").epochs == 5
    assert Scripted([5, 4, 3], patience=2, phase="fit").epochs == 3


def test_early_stopping_in_a_run():
    t = trainer(EarlyStopping(phase="fit", patience=2, min_delta=100.0))
    t.fit((X, Y), num_epoch=10)
    assert t.epoch == 3
    with pytest.raises(UnknownNameError, match="Did you mean 'fit loss'"):
        trainer(EarlyStopping()).fit((X, Y), num_epoch=1)
    with pytest.raises(OptionError, match="patience"):
        EarlyStopping(patience=0)
    with pytest.raises(OptionError, match="mode"):
        EarlyStopping(mode="less")


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        *(("patience", bad) for bad in (0, True)),
        *(("min_delta", bad) for bad in (-1.0, float("nan"), float("inf"))),
    ],
)
def test_early_stopping_refuses_what_would_never_stop_or_always(name, bad):
    with pytest.raises(OptionError, match=name):
        EarlyStopping(**{name: bad})


class Misspelt:
    @hookimpl
    def dynplug_after_epochs(self, epoch):
        pass


class AsksForTheRun:
    @hookimpl
    def dynplug_after_epoch(self, run, epoch):
        pass


@pytest.mark.parametrize(
    ("observer", "said"),
    [
        (
            AsksForTheRun(),
            r"AsksForTheRun: dynplug_after_epoch has an argument 'run'.* some of trainer, epoch, metrics\.",
        ),
        (Recorder, "Recorder is a class: pass an instance"),
        (Misspelt(), "unknown hook 'dynplug_after_epochs'. Did you mean 'dynplug_after_epoch'"),
        (object(), "object has no hook"),
    ],
)
def test_what_is_no_observer_is_refused(observer, said):
    with pytest.raises(PluginError, match=said):
        trainer(observer)
