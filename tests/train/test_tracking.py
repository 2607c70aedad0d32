"""Norms of the gradient and the learning rate in history, in the log and for observers."""

import io
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.errors import OptionError

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(12, 3)), RNG.normal(size=(12, 1))
W1, W2 = RNG.normal(size=(2, 3)).astype(np.float32), RNG.normal(size=(1, 2)).astype(np.float32)
RATE = 0.01
ALL = ["gradient_norm", "gradient_by_layer", "learning_rate"]
DECAYING = {"type": "exponential_decay", "init_value": 0.1, "transition_steps": 1, "decay_rate": 0.5}


class Heard:
    def __init__(self):
        self.steps, self.epochs = [], []

    @dp.api.hookimpl
    def dynplug_after_step(self, metrics):
        self.steps.append(metrics)

    @dp.api.hookimpl
    def dynplug_after_epoch(self, metrics):
        self.epochs.append(metrics)


def trainer(*observers, **options):
    model = dp.Sequential(
        one=dp.layers.Dense(3, 2, W_initializer=W1), two=dp.layers.Dense(2, 1, W_initializer=W2, b_initializer=None)
    )
    options = {"optimizer": {"type": "sgd", "learning_rate": RATE}, "logger": None, "shuffle_data": False, **options}
    return dp.BPFF(model, "mse", observers=observers, progress_bar=False, **options)


def gradients(x, y, w1, b1, w2):
    """Of the mean squared error of two linear layers, written out."""
    hidden = x @ w1.T + b1
    error = 2.0 * (hidden @ w2.T - y) / len(x)
    back = error @ w2
    return back.T @ x, back.sum(0), error.T @ hidden


@pytest.mark.claim(
    "gradient-norms",
    "Norms of the gradient that are logged are those of the gradient written out (relative)",
    tolerance=1e-5,
    reference="NumPy",
    components=("runner:BPFF",),
)
@pytest.mark.parametrize("clip", [False, True])
def test_norms_are_those_of_the_gradient_before_it_is_clipped(measured, clip):
    sgd, heard = {"type": "sgd", "learning_rate": RATE}, Heard()
    optimizer = {"type": "clip_by_global_norm", "max_norm": 1e-3, "optimizer": sgd} if clip else sgd
    t = trainer(heard, optimizer=optimizer, track=ALL)
    t.fit((X, Y), num_epoch=1, batch_size=6)
    w1, b1, w2 = W1.astype(float), np.zeros(2), W2.astype(float)
    for step, rows in zip(heard.steps, (slice(0, 6), slice(6, 12)), strict=True):
        grads = gradients(X[rows], Y[rows], w1, b1, w2)
        norm = np.sqrt(sum((g**2).sum() for g in grads))
        measured.relative(step["gradient_norm"], norm)
        measured.relative(step["gradient_norm/one"], np.sqrt((grads[0] ** 2).sum() + (grads[1] ** 2).sum()))
        measured.relative(step["gradient_norm/two"], np.sqrt((grads[2] ** 2).sum()))
        assert step["learning_rate"] == pytest.approx(RATE)
        scale = RATE * (min(1.0, 1e-3 / norm) if clip else 1.0)
        w1, b1, w2 = (p - scale * g for p, g in zip((w1, b1, w2), grads, strict=True))
    assert {name for name in heard.epochs[0]["fit"] if "norm" in name or "rate" in name} == {
        *("gradient_norm", "gradient_norm/one", "gradient_norm/two", "learning_rate")
    }


@pytest.mark.parametrize("name", ALL)
def test_only_what_is_asked_for_is_logged(name):
    t = trainer(track=[name])
    t.fit((X, Y), (X, Y), num_epoch=1)
    wanted = {"gradient_by_layer": {"gradient_norm/one", "gradient_norm/two"}}.get(name, {name})
    assert t.history.last("fit").keys() == {"loss", *wanted}
    assert t.history.last("test").keys() == {"loss"}


def test_it_is_in_the_line_of_an_epoch_and_changes_nothing():
    text = io.StringIO()
    t, plain = trainer(track=ALL, logger=text), trainer()
    for one in (t, plain):
        one.fit((X, Y), num_epoch=2, batch_size=6)
    assert f"gradient_norm {t.history.epochs('fit')[0]['gradient_norm']:.4g}" in text.getvalue()
    assert "learning_rate 0.01" in text.getvalue()
    for ours, theirs in zip(jax.tree.leaves(t.target), jax.tree.leaves(plain.target), strict=True):
        np.testing.assert_array_equal(ours, theirs)


SCHEDULE = optax.exponential_decay(0.1, 1, 0.5)
HALVES = [0.1, 0.05, 0.025, 0.0125]


@pytest.mark.parametrize(
    ("optimizer", "rates"),
    [
        (None, [1e-3] * 4),
        ({"type": "adam", "learning_rate": 0.02}, [0.02] * 4),
        ({"type": "adam", "learning_rate": DECAYING}, HALVES),
        ({"type": "adam", "learning_rate": SCHEDULE}, HALVES),
        (optax.inject_hyperparams(optax.adam)(learning_rate=SCHEDULE), HALVES),
        (optax.chain(optax.clip(1.0), optax.inject_hyperparams(optax.sgd)(learning_rate=0.3)), [0.3] * 4),
        (
            {"type": "accumulate", "steps": 2, "optimizer": {"type": "sgd", "learning_rate": DECAYING}},
            [0.1, 0.1, 0.05, 0.05],
        ),
    ],
)
def test_the_learning_rate_is_that_of_the_step(optimizer, rates):
    t = trainer(optimizer=optimizer, track=["learning_rate"])
    t.fit((X, Y), num_epoch=2, batch_size=6)
    np.testing.assert_allclose(t.get_hist_metric("fit", "learning_rate", "detailed"), rates, rtol=1e-6)


def test_a_trainer_that_tracks_can_be_sent():
    t = pickle.loads(pickle.dumps(trainer(track=ALL)))
    t.fit((X, Y), num_epoch=1)
    assert "gradient_norm/two" in t.history.last("fit")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"track": ["gradient_nrom"]}, "Did you mean 'gradient_norm'"),
        ({"track": "gradient_norm"}, r"give a list, \['gradient_norm'\]"),
        ({"track": ["learning_rate"], "optimizer": optax.adam(0.1)}, "does not tell its learning rate"),
    ],
)
def test_what_cannot_be_tracked_is_refused(options, said):
    with pytest.raises(OptionError, match=said):
        trainer(**options)


def test_a_name_that_is_taken_is_refused():
    def loss(predicts, targets):
        return jnp.mean((predicts - targets) ** 2), {"gradient_norm": jnp.zeros(())}

    t = dp.BPFF(dp.layers.Dense(3, 1, W_initializer=1.0), loss, loss_has_aux=True, track=["gradient_norm"], logger=None)
    with pytest.raises(OptionError, match="gradient_norm"):
        t.fit((X, Y), num_epoch=1)
