"""Trainers that go to another process, and copies of them."""

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.errors import NotPicklableError, OptionError
from dynplug.train import STDOUT, EarlyStopping

ADAM = {"type": "adam", "learning_rate": 0.1}
CONFIGURED = {
    "optimizer": {
        "type": "accumulate",
        "steps": 2,
        "optimizer": {
            "type": "adam",
            "learning_rate": {"type": "cosine_decay_schedule", "init_value": 0.1, "decay_steps": 20},
        },
    },
    "metrics": ["accuracy"],
    "monitors": ["hidden.spike"],
    "trainable": {"hidden.tau": True},
}
ELSEWHERE = """
import pickle, sys
trainer, data = pickle.load(open(sys.argv[1], "rb"))
trainer.fit(data, num_epoch=2, batch_size=8)
pickle.dump(trainer, open(sys.argv[1], "wb"))
"""


@pytest.fixture
def begun(trainer, data):
    t = trainer(**CONFIGURED, observers=[EarlyStopping(phase="fit")], logger=STDOUT)
    t.fit(data, num_epoch=1, batch_size=8)
    return t


def test_a_trainer_by_configuration_goes_on_in_another_process(begun, data, tmp_path, assert_same):
    (tmp_path / "t").write_bytes(pickle.dumps((begun, data)))
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path / "t")]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    back = pickle.loads((tmp_path / "t").read_bytes())
    begun.fit(data, num_epoch=2, batch_size=8)
    assert_same(back.target, begun.target)
    assert back.history.to_json() == begun.history.to_json()
    assert (back.epoch, back.steps, back.seed) == (3, 9, 0)
    assert back.logger is STDOUT
    np.testing.assert_array_equal(back.predict(data[0]), begun.predict(data[0]))
    np.testing.assert_array_equal(back.mon["hidden.spike"], begun.mon["hidden.spike"])


@pytest.mark.parametrize("loss", [{"type": "mse"}, "mse", dp.losses.mse])
def test_losses_that_can_be_named_can_be_pickled(trainer, data, loss):
    t = trainer(loss_fun=loss, optimizer=ADAM)
    assert pickle.loads(pickle.dumps(t)).objective == t.objective


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"optimizer": optax.adam(0.1)}, r"because of its optimizer .* Give it as a configuration such as {'type'"),
        ({"loss_fun": lambda p, t: 0.0}, "because of its loss_fun .* registered name, a configuration, or a function"),
        ({"metrics": [lambda p, t: 0.0]}, "because of its metrics .* registered names"),
        ({"logger": sys.__stderr__}, "because of its logger"),
        ({"net": dp.layers.Dense(3, 2, W_initializer=1.0) >> (lambda x: x)}, "because of its target .* functions of"),
    ],
    ids=["optimizer", "loss", "metric", "logger", "model"],
)
def test_what_cannot_be_sent_is_named_with_what_to_send_instead(trainer, options, said):
    t = trainer(**{"optimizer": ADAM, **options})
    with pytest.raises(NotPicklableError, match=f"This BPTT cannot be pickled, {said}.*a file of save_states"):
        pickle.dumps(t)
    assert copy.deepcopy(t).epoch == 0


@pytest.mark.parametrize("options", [CONFIGURED, {"optimizer": optax.adam(0.1)}], ids=["configured", "made"])
def test_a_copy_goes_its_own_way(trainer, data, options, assert_same):
    stopping = EarlyStopping(phase="fit")
    t = trainer(**options, observers=[stopping], shuffle_data=False)
    t.fit(data, num_epoch=1, batch_size=8)
    other = copy.deepcopy(t)
    before, best = t.target, stopping.best
    other.fit(data, num_epoch=2, batch_size=8)
    assert_same(t.target, before)
    assert (t.epoch, other.epoch, len(t.get_hist_metric()), len(other.get_hist_metric())) == (1, 3, 1, 3)
    assert stopping.best == best
    t.fit(data, num_epoch=2, batch_size=8)
    assert_same(t.target, other.target)


def test_a_copy_within_an_epoch_has_all_that_was_measured(trainer, data):
    copies = []

    class Copies:
        @dp.api.hookimpl
        def dynplug_after_step(self, trainer):
            copies.append(copy.deepcopy(trainer))

    x, y = data
    t = trainer(loss_fun={"type": "cross_entropy", "ignore_index": 1}, observers=[Copies()], shuffle_data=False)
    t.fit((x, y), num_epoch=1, batch_size=8)
    weights = [float(np.sum(part != 1)) for part in np.split(y, [8, 16])]
    assert [c._progress.log.weights["loss"] for c in copies] == [weights[:1], weights[:2], weights]


def test_a_trainer_with_other_options_goes_on_from_the_same_place(trainer, data):
    adam = {"type": "adam", "learning_rate": 0.0}
    t = trainer(optimizer=adam, ema=0.5, observers=[stop := EarlyStopping("loss", "fit")])
    t.fit(data, num_epoch=1, batch_size=8)
    before = np.asarray(t.target["readout"].weight)
    other = t.replaced(optimizer={"type": "sgd", "learning_rate": 0.1}, track=["learning_rate"], observers=())
    assert (other.epoch, other.steps) == (1, t.steps)
    other.fit(data, num_epoch=1, batch_size=8)
    assert (t.epoch, other.epoch, stop.best_epoch) == (1, 2, 1)
    assert set(other.history.last("fit")) == {"loss", "learning_rate"}
    np.testing.assert_array_equal(t.target["readout"].weight, before)
    assert np.abs(np.asarray(other.target["readout"].weight) - before).max() > 1e-4
    with pytest.raises(OptionError, match="'seed' cannot change within a training"):
        t.replaced(seed=1)
    with pytest.raises(OptionError, match="does not tell its learning rate"):
        t.replaced(optimizer=optax.sgd(0.1), track=["learning_rate"])
