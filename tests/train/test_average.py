"""The mean of the parameters over the steps of a training, against NumPy."""

import copy
import pickle

import numpy as np
import optax
import pytest
from safetensors.numpy import load_file

import dynplug as dp
from dynplug.errors import CheckpointError, OptionError
from dynplug.recipe.report import Reported
from dynplug.recipe.report.answering import answers_of
from dynplug.train.step import as_decay

DECAY = 0.8
SLOW = {"type": "sgd", "learning_rate": 0.5}


class Epochs:
    """Keeps the parameters after each epoch, which is a step where all samples are one batch."""

    def __init__(self):
        self.weights, self.taus = [], []

    @dp.api.hookimpl
    def dynplug_after_epoch(self, trainer):
        self.weights.append(np.asarray(trainer.target["readout"].weight, float))
        self.taus.append(float(trainer.target["hidden"].tau))


def mean(values, decay=DECAY):
    """Weights decay^age, normalised."""
    share = decay ** np.arange(len(values))[::-1]
    return np.tensordot(share / share.sum(), np.array(values), 1)


@pytest.fixture
def averaging(trainer, data):
    """A trainer with a mean of its parameters, after some epochs of three steps."""

    def make(*observers, epochs=2, ema=DECAY, batch_size=8, **options):
        t = trainer(optimizer=SLOW, ema=ema, trainable={"hidden.tau": True}, observers=observers)
        t.fit(data, data, num_epoch=epochs, batch_size=batch_size, **options)
        return t

    return make


@pytest.mark.claim(
    "ema-weights",
    "The exponential mean of the weights over a training is that of NumPy (relative)",
    tolerance=1e-5,
    reference="NumPy",
    components=("runner:BPTT",),
)
@pytest.mark.parametrize("decay", [DECAY, 0.999])
def test_it_is_the_mean_of_what_was_seen(averaging, measured, decay):
    seen = Epochs()
    t = averaging(seen, ema=decay, epochs=6, batch_size=20)
    assert len(seen.weights) == 6
    measured.relative(t.average["readout"].weight, mean(seen.weights, decay))
    measured.relative(t.average["hidden"].tau, mean(seen.taus, decay))
    assert not np.allclose(t.average["readout"].weight, t.target["readout"].weight)


@pytest.mark.parametrize("form", ["configured", "optax"])
def test_batches_whose_gradients_are_accumulated_are_one_step(form):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    y, start = x @ rng.normal(size=(3, 1)).astype(np.float32), rng.normal(size=(1, 3)).astype(np.float32)
    sgd = {"type": "accumulate", "steps": 2, "optimizer": {"type": "sgd", "learning_rate": 0.05}}
    optimizer = sgd if form == "configured" else optax.chain(optax.MultiSteps(optax.sgd(0.05), 2))
    model = dp.layers.Dense(3, 1, W_initializer=start, b_initializer=None)
    t = dp.BPFF(model, "mse", optimizer, ema=DECAY, shuffle_data=False, logger=None, progress_bar=False)
    t.fit((x, y), num_epoch=3, batch_size=10)
    weights, w = [], start.astype(float)
    for _ in range(3):
        for half in (slice(0, 20), slice(20, 40)):  # two batches, one step
            w = w - 0.05 * 2 * np.mean((x[half] @ w.T - y[half]) * x[half], 0)
            weights.append(w)
    np.testing.assert_allclose(t.target.weight, w, rtol=1e-5)
    np.testing.assert_allclose(t.average.weight, mean(weights), rtol=1e-5)


def test_training_itself_does_not_see_it(averaging, assert_same):
    alone, averaged = averaging(ema=None), averaging()
    assert_same(alone.target, averaged.target)
    assert_same(alone.average, alone.target)
    np.testing.assert_array_equal(alone.get_hist_metric(), averaged.get_hist_metric())


def test_it_is_what_is_tested_and_predicts(averaging, trainer, data):
    t = averaging()
    other = trainer(t.average)
    np.testing.assert_allclose(t.predict(data[0]), other.predict(data[0]), rtol=1e-6)
    loss = dp.losses.cross_entropy(t.predict(data[0]), data[1])
    np.testing.assert_allclose(t.get_hist_metric("test")[-1], loss, rtol=1e-5)
    assert not np.allclose(trainer(t.target).predict(data[0]), t.predict(data[0]))


def test_before_the_first_step_it_is_the_model(trainer, assert_same):
    t = trainer(ema=DECAY)
    assert_same(t.average, t.target)


def test_the_report_shows_what_is_tested(averaging, data):
    t = averaging()
    reported = Reported("t", t, train=data)
    np.testing.assert_allclose(answers_of(reported).outputs, t.predict(data[0]), rtol=1e-5, atol=1e-6)
    for path, array in reported.arrays.items():
        np.testing.assert_array_equal(array, dp.lookup(t.average, path))
    assert not np.allclose(reported.arrays["readout.weight"], t.target["readout"].weight)


def test_the_best_epoch_is_kept_with_its_mean(averaging, data):
    t = averaging(epochs=3, keep_best=("test/loss", "max"), restore_best=True)
    loss = dp.losses.cross_entropy(t.predict(data[0]), data[1])
    np.testing.assert_allclose(loss, t.best.value, rtol=1e-5)
    assert np.array_equal(t.target["readout"].weight, t.average["readout"].weight)


def test_it_is_saved_and_goes_on(averaging, trainer, data, tmp_path, assert_same):
    path = tmp_path / "f.safetensors"
    whole = averaging(epochs=3)
    part = averaging(epochs=1, save_to=path)
    found = dp.load_states(path, part.target, prefix="average").tree
    assert_same(found, part.average)
    again = averaging(epochs=0)
    again.load_states(path)
    for t in (again, copy.deepcopy(part), pickle.loads(pickle.dumps(part))):
        t.fit(data, data, num_epoch=2, batch_size=8)
        assert_same(t.average, whole.average)
    assert not np.array_equal(load_file(path)["average/readout.weight"], load_file(path)["model/readout.weight"])
    with pytest.raises(CheckpointError, match="of another model or optimizer"):
        averaging(epochs=0, ema=None).load_states(path)


def test_another_model_starts_another_mean(averaging, data, assert_same):
    t = averaging()
    model = averaging(epochs=0).target
    t.target = model
    assert_same(t.average, model)
    seen = Epochs()
    t = averaging(seen, epochs=1)
    t.target = model
    del seen.weights[:]
    t.fit(data, num_epoch=3)
    np.testing.assert_allclose(t.average["readout"].weight, mean(seen.weights), rtol=1e-5)


@pytest.mark.parametrize("bad", [0.0, 1.0, 1.5, -0.1, float("nan")])
def test_what_is_no_decay_is_refused(trainer, bad):
    with pytest.raises(OptionError, match="ema="):
        trainer(ema=bad)


@pytest.mark.parametrize("bad", [0, 1, True, "0.9"])
def test_what_is_no_number_between_is_refused(bad):
    with pytest.raises(OptionError, match="ema="):
        as_decay(bad)
