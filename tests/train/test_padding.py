"""A batch that is too small is made up to the size of the others, and nothing but the number of programs shows it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp
import dynplug.train.fit.prediction
import dynplug.train.gradient_trainer
from dynplug.train.step import compiled_step as program

KEY = jax.random.key(8)
X, Y = np.random.default_rng(2).normal(size=(7, 4, 3)).astype(np.float32), np.arange(7) % 2
STEPS = np.where(np.random.default_rng(3).random((7, 4)) < 0.3, -1, np.arange(28).reshape(7, 4) % 2)
IGNORING = {"type": "cross_entropy", "ignore_index": -1}, {"type": "accuracy", "ignore_index": -1}


class Loader:
    """Batches of one size, but for the last."""

    batch_size = 3

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __iter__(self):
        return ((self.x[n : n + 3], self.y[n : n + 3]) for n in range(0, 7, 3))


def trainer(loss="cross_entropy", metrics=("accuracy",), **options):
    model = dp.Sequential(drop=dp.layers.Dropout(0.3), dense=dp.layers.Dense(3, 2, key=KEY))
    return dp.BPTT(
        model,
        loss,
        optax.sgd(0.3),
        metrics=metrics,
        dt=1.0,
        loop="plain",
        logger=None,
        shuffle_data=None,
        **options,
    )


def programs():
    return program._compiled._cache_size()


CASES = {
    "a class a sample": (X, Y, {}),
    "the last step": (X, Y, {"loss": {"type": "cross_entropy", "reduce_time": "last"}}),
    "values": (X, X[..., :2], {"loss": "mse", "metrics": [dp.losses.mae]}),
    "labels that are missing": (X, STEPS, {"loss": IGNORING[0], "metrics": [IGNORING[1]]}),
    "windows": (X, STEPS, {"loss": IGNORING[0], "metrics": [], "truncate": 2}),
    "time first": (X.swapaxes(0, 1), Y, {"data_first_axis": "T"}),
}


@pytest.mark.parametrize("case", CASES)
def test_history_gradients_and_outputs_are_those_without(monkeypatch, case):
    x, y, options = CASES[case]
    found = []
    for pad in (True, False):
        monkeypatch.setattr(dynplug.train.gradient_trainer, "keeps_keys", lambda pad=pad: pad)
        monkeypatch.setattr(dynplug.train.fit.prediction, "keeps_keys", lambda pad=pad: pad)
        t, before = trainer(**options), programs()
        t.fit((x, y), (x, y), num_epoch=2, batch_size=3)
        t.predict(x, batch_size=3)
        found.append((programs() - before, t))
    (few, padded), (many, plain) = found
    assert few < many
    for phase in ("fit", "test"):
        for which in ("detailed", "report"):
            ours, theirs = (t.get_hist_metric(phase, which=which) for t in (padded, plain))
            np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    for ours, theirs in zip(jax.tree.leaves(padded.target), jax.tree.leaves(plain.target), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(padded.predict(x, batch_size=3), plain.predict(x), rtol=1e-5, atol=1e-6)


def test_a_loader_that_tells_its_batch_size_is_served_alike():
    t, before = trainer(), programs()
    t.fit(Loader(X, Y), num_epoch=1)
    assert programs() - before == 1
    assert len(t.get_hist_metric(which="detailed")) == 3


def test_a_function_of_ones_own_sees_no_sample_that_is_none():
    seen = []

    def power(predicts, targets):
        seen.append(len(targets))
        return jnp.mean(predicts**2)

    trainer(power).fit((X, Y), num_epoch=1, batch_size=3)
    trainer(metrics=[power]).fit((X, Y), num_epoch=1, batch_size=3)
    assert set(seen) == {3, 1}


WEIGHT = np.arange(1, 8, dtype=np.float32)


@pytest.mark.parametrize("name", ["cross_entropy", "mse", "mae", "huber"])
def test_weights_of_samples_are_no_option_of_a_loss(name):
    bound = partial(getattr(dp.losses, name), sample_weight=WEIGHT)
    for loss, metrics in (({"type": name, "sample_weight": WEIGHT}, ()), (bound, ()), (lambda p, y: p.sum(), [bound])):
        with pytest.raises(dp.errors.OptionError, match=rf"{name}.*each batch holds other samples.*targets\['weight'"):
            trainer(loss, metrics)
    trainer(partial(bound, sample_weight=None), ())


@pytest.mark.parametrize("axis", ["B", "T"])
def test_weights_of_samples_come_with_the_targets(axis):
    weighted = dp.losses.batch_first(
        lambda predicts, targets: dp.losses.cross_entropy(predicts, targets["label"], sample_weight=targets["weight"])
    )
    t = trainer(weighted, (), data_first_axis=axis)
    swap = (lambda a: a) if axis == "B" else (lambda a: a.swapaxes(0, 1))
    data = swap(X), {"label": Y, "weight": WEIGHT}
    t.fit(data, data, num_epoch=1)
    expected = dp.losses.cross_entropy(swap(t.predict(swap(X))), Y, sample_weight=WEIGHT)
    np.testing.assert_allclose(t.get_hist_metric("test", "loss"), [expected], rtol=1e-5)
