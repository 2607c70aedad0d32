"""A progress line says "compiling" while a program is made, and not while it runs."""

import pickle

import numpy as np
import pytest
import tqdm as bars

import dynplug as dp
from dynplug.run.compiling import Compiling


class Bar:
    disable = False

    def __init__(self):
        self.said = []

    def set_postfix_str(self, text, refresh):
        self.said.append(text)


@pytest.mark.parametrize("other", [np.zeros((2, 4)), np.zeros((2, 3), np.float32), (np.zeros((2, 3)),), None], ids=repr)
def test_another_form_of_data_is_another_program(other):
    compiling, bar = Compiling(), Bar()
    for data in (np.zeros((2, 3)), np.ones((2, 3)), other, other):
        with compiling(bar, data):
            pass
    assert bar.said == ["compiling", "", "compiling", ""]


def test_what_fails_to_compile_no_longer_compiles():
    compiling, bar = Compiling(), Bar()
    with pytest.raises(ZeroDivisionError), compiling(bar, 1):
        raise ZeroDivisionError
    assert bar.said == ["compiling", ""]


def test_a_bar_that_is_not_shown_says_nothing():
    compiling, bar = Compiling(), Bar()
    bar.disable = True
    with compiling(bar, 1):
        pass
    assert bar.said == []


def test_a_runner_that_showed_a_bar_can_be_sent_to_another_process():
    compiling, model = Compiling(), dp.neurons.LIF(1)
    with compiling(Bar(), model):
        pass
    copied, bar = pickle.loads(pickle.dumps(compiling)), Bar()
    with copied(bar, model):
        pass
    assert bar.said == ["compiling", ""]


class Shown(bars.tqdm):
    said: list[str] = []

    def __init__(self, *args, disable=None, **options):
        super().__init__(*args, **options, disable=False)

    def set_postfix_str(self, text="", refresh=True):
        self.said.append(text)
        super().set_postfix_str(text, refresh)


def test_runs_and_trainings_say_it_once_for_each_program(monkeypatch):
    monkeypatch.setattr("dynplug.run.ds_runner.tqdm", Shown)
    monkeypatch.setattr("dynplug.train.fit.fitting.tqdm", Shown)
    monkeypatch.setattr(Shown, "said", [])
    dp.DSRunner(dp.neurons.LIF(1), dt=1.0, chunk=5).run(20.0)
    assert Shown.said == ["compiling", ""]
    Shown.said.clear()
    t = dp.BPTT(
        dp.layers.Dense(2, 2, W_initializer=1.0), lambda p, y: ((p[:, -1] - y) ** 2).mean(), dt=1.0, logger=None
    )
    x, y = np.ones((5, 3, 2), np.float32), np.zeros((5, 2), np.float32)
    t.fit((x, y), num_epoch=2, batch_size=4)
    assert Shown.said == ["compiling", ""] * 2  # a whole batch and a partial one, which this loss cannot have padded
