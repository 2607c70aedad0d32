"""Class weights, label smoothing, masks: against scikit-learn and NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn import metrics as sk

from dynplug import errors, losses
from dynplug.losses import accuracy, cross_entropy, mse

RNG = np.random.default_rng(4)
P = RNG.normal(size=(20, 5, 4)) * 2.0
Y, STEPS = RNG.integers(0, 4, 20), RNG.integers(0, 4, (20, 5))
WEIGHT = np.array([1.0, 3.0, 0.5, 2.0])
MASK = RNG.random((20, 5)) < 0.6
MASK[:, 1] = True  # at least one
MASK[3] = False  # but for one sample


@pytest.mark.claim(
    "class-weights",
    "Cross-entropy with class weights is scikit-learn's log_loss with these as weights of samples (relative)",
    tolerance=1e-12,
    reference="scikit-learn's log_loss",
    components=("loss:cross_entropy",),
)
def test_class_weights_are_weights_of_samples(x64, measured):
    scores = P.mean(1)
    wanted = sk.log_loss(Y, softmax(scores, -1), sample_weight=WEIGHT[Y], labels=range(4))
    measured.relative(cross_entropy(jnp.asarray(P), jnp.asarray(Y), class_weight=WEIGHT), wanted)
    rows = np.eye(4)[Y]
    measured.relative(cross_entropy(jnp.asarray(P), jnp.asarray(rows), class_weight=WEIGHT), wanted)
    some = np.where(Y == 2, 5.0, 1.0)
    found = cross_entropy(jnp.asarray(P), jnp.asarray(Y), class_weight={"2": 5.0})
    measured.relative(found, sk.log_loss(Y, softmax(scores, -1), sample_weight=some, labels=range(4)))
    of_steps = cross_entropy(jnp.asarray(P), jnp.asarray(STEPS), class_weight=WEIGHT)
    flat = softmax(P, -1).reshape(-1, 4)
    measured.relative(of_steps, sk.log_loss(STEPS.ravel(), flat, sample_weight=WEIGHT[STEPS.ravel()]))


@pytest.mark.parametrize("targets", [Y, np.eye(4)[Y]])
def test_label_smoothing_is_its_formula(x64, targets):
    smooth = 0.9 * np.eye(4)[Y] + 0.1 / 4
    wanted = -np.mean(np.sum(smooth * log_softmax(P.mean(1), -1), -1))
    found = cross_entropy(jnp.asarray(P), jnp.asarray(targets), label_smoothing=0.1)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def alone(reduce_time, n):
    p = P[n][MASK[n]]
    return {
        "mean": lambda: p.mean(0),
        "last": lambda: p[-1],
        "max": lambda: p.max(0),
        "sum": lambda: p.sum(0),
        "sum_softmax": lambda: softmax(p, -1).sum(0),
    }[reduce_time]()


@pytest.mark.parametrize("reduce_time", ["mean", "last", "max", "sum", "sum_softmax"])
def test_masked_reductions_are_of_the_steps_that_count(x64, reduce_time):
    kept = [n for n in range(20) if MASK[n].any()]
    scores = np.array([alone(reduce_time, n) for n in kept])
    p = jnp.asarray(np.where(MASK[..., None], P, np.nan if reduce_time != "sum_softmax" else 7.0))
    found = cross_entropy(p, jnp.asarray(Y), mask=MASK, reduce_time=reduce_time)
    np.testing.assert_allclose(found, -np.mean(log_softmax(scores, -1)[range(len(kept)), Y[kept]]), rtol=1e-12)
    right = np.mean(scores.argmax(-1) == Y[kept])
    np.testing.assert_allclose(accuracy(p, jnp.asarray(Y), mask=MASK, reduce_time=reduce_time), right)
    slope = jax.grad(lambda p: cross_entropy(p, jnp.asarray(Y), mask=MASK, reduce_time=reduce_time))(jnp.asarray(P))
    assert np.all(np.isfinite(slope))
    assert np.all(np.asarray(slope)[~MASK] == 0)


def test_masked_targets_of_steps_do_not_count_whatever_they_are(x64):
    labels, values = np.where(MASK, STEPS, 99), np.where(MASK[..., None], P + 1.0, np.nan)
    flat = softmax(P[MASK], -1)
    found = cross_entropy(jnp.asarray(P), jnp.asarray(labels), mask=MASK)
    np.testing.assert_allclose(found, sk.log_loss(STEPS[MASK], flat, labels=range(4)), rtol=1e-12)
    np.testing.assert_allclose(mse(jnp.asarray(P), jnp.asarray(values), mask=jnp.asarray(MASK, float)), 1.0, rtol=1e-12)
    slope = jax.grad(lambda p: mse(p, jnp.asarray(values), mask=MASK))(jnp.asarray(P))
    np.testing.assert_allclose(slope, np.where(MASK[..., None], -2.0 / (4 * MASK.sum()), 0.0) * np.ones(4), rtol=1e-12)


@pytest.mark.claim(
    "classification-metrics",
    "Confusion matrix, F1, balanced, per-class and top-k accuracy are scikit-learn's",
    tolerance=1e-12,
    reference="scikit-learn",
    components=("metric:confusion_matrix", "metric:f1", "metric:balanced_accuracy", "metric:top_k_accuracy"),
)
@pytest.mark.parametrize("classes", [4, 6])
def test_metrics_are_those_of_scikit_learn(x64, classes, measured):
    p = np.concatenate([P, np.full((20, 5, classes - 4), -9.0)], axis=2)  # classes that never occur
    answers, weight, labels = p.mean(1).argmax(-1), RNG.random(20), range(classes)
    given = {"sample_weight": weight}
    for kept in (slice(None), Y < 3):
        w = np.where(np.isin(np.arange(20), np.arange(20)[kept]), weight, 0.0)
        y, a, s = Y[kept], answers[kept], weight[kept]
        found = {
            name: np.asarray(getattr(losses, name)(jnp.asarray(p), jnp.asarray(Y), sample_weight=w))
            for name in ("confusion_matrix", "f1", "balanced_accuracy", "per_class_accuracy")
        }
        matrix = sk.confusion_matrix(y, a, labels=labels, sample_weight=s)
        measured.difference(found["confusion_matrix"], matrix)
        measured.difference(found["f1"], sk.f1_score(y, a, average="macro", sample_weight=s, zero_division=0.0))
        there = matrix.sum(1) > 0
        measured.difference(found["per_class_accuracy"][there], (np.diag(matrix)[there] / matrix.sum(1)[there]))
        assert np.all(np.isnan(found["per_class_accuracy"][~there]))
        measured.difference(found["balanced_accuracy"], np.mean(np.diag(matrix)[there] / matrix.sum(1)[there]))
        for average in ("micro", "weighted"):
            ours = losses.f1(jnp.asarray(p), jnp.asarray(Y), average=average, sample_weight=w)
            measured.difference(ours, sk.f1_score(y, a, average=average, sample_weight=s, zero_division=0.0))
    for k in (1, 2, 3):
        top = losses.top_k_accuracy(jnp.asarray(p), jnp.asarray(Y), k=k, **given)
        measured.difference(top, sk.top_k_accuracy_score(Y, p.mean(1), k=k, labels=labels, **given))


def test_scores_that_are_nan_are_not_silent():
    p = jnp.asarray(P, jnp.float32).at[0, 0, 0].set(jnp.nan)
    assert np.isnan(losses.f1(p, jnp.asarray(Y)))
    assert losses.top_k_accuracy(p, jnp.asarray(Y), k=3) == pytest.approx(
        np.mean([Y[n] in P[n].mean(0).argsort()[-3:] for n in range(1, 20)]) * 19 / 20
    )


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda p, y: cross_entropy(p, y, class_weight=[1.0, 2.0]), "DataError", "does not fit 4 classes"),
        (lambda p, y: cross_entropy(p, y, class_weight="balanced"), "DataError", "'balanced' holds no numbers: give"),
        (lambda p, y: cross_entropy(p, y, class_weight={1: [2.0, 1.0], 2: 1.0}), "DataError", "holds no numbers"),
        (lambda p, y: cross_entropy(p, y, class_weight={7: 2.0}), "DataError", "a weight for class 7, which is not"),
        (lambda p, y: cross_entropy(p, y, class_weight={"a": 2.0}), "DataError", "a weight for class 'a'"),
        (lambda p, y: cross_entropy(p, y, class_weight=[1, -1, 1, 1]), "DataError", "none below 0"),
        (lambda p, y: cross_entropy(p, y, class_weight=[1, np.nan, 1, 1]), "DataError", "finite numbers"),
        (lambda p, y: cross_entropy(p, y, label_smoothing=1.0), "ParameterError", "label_smoothing=1.0"),
        (lambda p, y: cross_entropy(p, y, mask=np.ones((20, 4))), "DataError", r"mask of shape \(20, 4\)"),
        (lambda p, y: losses.top_k_accuracy(p, y, k=4), "DataError", "k=4 of 4 classes"),
        (lambda p, y: losses.f1(p, y, average="mirco"), "ParameterError", "Did you mean 'micro'"),
        (lambda p, y: losses.f1(p, y + 9), "DataError", "f1: class indices must be"),
        (lambda p, y: losses.spike_count(p, y, right=2.0), "ParameterError", "right=2.0"),
        (lambda p, y: losses.spike_count(p, y + 9), "DataError", "spike_count: class indices"),
        (lambda p, y: losses.spike_count(p, p), "DataError", r"a class for each sample.*\(20,\)"),
        (lambda p, y: losses.first_spike(p, y, tau=0.0), "ParameterError", "tau=0.0"),
        (lambda p, y: losses.first_spike(p, p), "DataError", "takes a class for each sample"),
        (lambda p, y: losses.first_spike(p, y + 9), "DataError", "first_spike: class indices"),
        (lambda p, y: losses.van_rossum(p, p, dt=-1.0), "ParameterError", "dt=-1.0"),
        (lambda p, y: losses.van_rossum(p, y), "DataError", "compares spike trains"),
        (lambda p, y: losses.van_rossum(p, p[:, :2]), "DataError", "do not fit"),
        (lambda p, y: losses.rate_penalty(p, low=0.5, high=0.1), "ParameterError", "low=0.5 and high=0.1"),
        (
            lambda p, y: losses.rate_regularized((p, {"hidden.spike": p}), y, monitor="hiden.spike"),
            "DataError",
            "no record 'hiden.spike'.*Did you mean 'hidden.spike'",
        ),
    ],
)
def test_what_cannot_be_is_named(call, error, said):
    with pytest.raises(getattr(errors, error), match=said):
        call(jnp.asarray(P, jnp.float32), jnp.asarray(Y))
