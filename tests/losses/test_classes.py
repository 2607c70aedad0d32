import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from dynplug import errors
from dynplug.losses import accuracy, batch_first, cross_entropy
from dynplug.losses.conventions import is_batch_first

RNG = np.random.default_rng(0)
P = RNG.normal(size=(30, 6, 5)) * 3.0
REDUCED = {"mean": P.mean(1), "last": P[:, -1], "max": P.max(1), "sum": P.sum(1)}
LABEL, LABELS = RNG.integers(0, 5, 30), RNG.integers(0, 5, (30, 6))
ONE_HOT = np.eye(5)


def numpy_cross_entropy(logits, probabilities):
    return -np.mean(np.sum(probabilities * log_softmax(logits, -1), -1))


@jax.jit
def both(p, y):
    """Cross-entropy and accuracy with every way to reduce time, and the default one."""
    options = {name: {"reduce_time": name} for name in REDUCED} | {"default": {}}
    return {name: (cross_entropy(p, y, **option), accuracy(p, y, **option)) for name, option in options.items()}


@pytest.mark.claim(
    "cross-entropy",
    "Cross-entropy and accuracy are their formulas, however time is reduced (relative)",
    tolerance=1e-12,
    reference="SciPy's log_softmax",
    components=("loss:cross_entropy", "metric:accuracy"),
)
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8])
def test_one_class_a_sample_meets_reduced_logits_and_by_default_their_mean(x64, dtype, measured):
    found = both(jnp.asarray(P), jnp.asarray(LABEL.astype(dtype)))
    for name, scores in REDUCED.items():
        measured.relative(found[name][0], numpy_cross_entropy(scores, ONE_HOT[LABEL]))
        measured.relative(found[name][1], np.mean(scores.argmax(-1) == LABEL))
    assert found["default"] == found["mean"]


def test_probabilities_of_a_sample_meet_reduced_logits_and_by_default_their_mean(x64):
    y = softmax(RNG.normal(size=(30, 5)), -1)
    found = both(jnp.asarray(P), jnp.asarray(y))
    for name, scores in REDUCED.items():
        np.testing.assert_allclose(found[name][0], numpy_cross_entropy(scores, y), rtol=1e-12)
        np.testing.assert_allclose(found[name][1], np.mean(scores.argmax(-1) == y.argmax(-1)), rtol=1e-12)
    assert found["default"] == found["mean"]


def test_targets_of_a_step_meet_the_scores_of_that_step(x64):
    found = both(jnp.asarray(P), jnp.asarray(LABELS))["default"]
    np.testing.assert_allclose(found[0], numpy_cross_entropy(P, ONE_HOT[LABELS]), rtol=1e-12)
    np.testing.assert_allclose(found[1], np.mean(P.argmax(-1) == LABELS), rtol=1e-12)
    y = softmax(RNG.normal(size=P.shape), -1)
    found = both(jnp.asarray(P), jnp.asarray(y))["default"]
    np.testing.assert_allclose(found[0], numpy_cross_entropy(P, y), rtol=1e-12)
    np.testing.assert_allclose(found[1], np.mean(P.argmax(-1) == y.argmax(-1)), rtol=1e-12)


def test_great_logits_do_not_overflow():
    logits = jnp.array([[[1e4, -1e4]], [[1e4, -1e4]]])
    np.testing.assert_allclose(cross_entropy(logits, jnp.array([0, 1])), 1e4, rtol=1e-6)


@pytest.mark.claim(
    "cross-entropy-differences",
    "Gradients of cross-entropy are those of finite differences, however time is reduced (relative)",
    tolerance=1e-6,
    reference="central differences",
    components=("loss:cross_entropy",),
)
@pytest.mark.parametrize("targets", [LABEL, ONE_HOT[LABEL]])
def test_gradients_are_those_of_finite_differences(x64, targets, measured):
    y, direction, h = jnp.asarray(targets), np.random.default_rng(1).normal(size=P.shape), 1e-5

    @jax.jit
    def losses(p):
        return jnp.stack([cross_entropy(p, y, reduce_time=name) for name in REDUCED])

    slope = (losses(jnp.asarray(P + h * direction)) - losses(jnp.asarray(P - h * direction))) / (2.0 * h)
    gradient = jax.jit(jax.jacrev(losses))(jnp.asarray(P))
    measured.relative(np.sum(gradient * direction[None], (1, 2, 3)), slope)


@pytest.mark.claim(
    "cross-entropy-gradient",
    "The gradient of cross-entropy is softmax minus target",
    tolerance=1e-14,
    reference="SciPy's softmax",
    components=("loss:cross_entropy",),
)
@pytest.mark.parametrize("targets", [LABELS, ONE_HOT[LABELS]])
def test_gradient_at_every_step_is_softmax_minus_target(x64, targets, measured):
    gradient = jax.jit(jax.grad(cross_entropy))(jnp.asarray(P), jnp.asarray(targets))
    measured.difference(gradient, (softmax(P, -1) - ONE_HOT[LABELS]) / LABELS.size)


@pytest.mark.parametrize("function", [cross_entropy, accuracy])
@pytest.mark.parametrize(
    "targets",
    [
        np.zeros(7, int),
        np.zeros((30, 5), int),
        np.zeros((30, 6, 5), int),
        np.zeros((30, 4)),
        np.zeros((30, 6, 4)),
    ],
)
def test_targets_that_do_not_fit_are_refused(function, targets):
    with pytest.raises(errors.DataError, match="do not fit"):
        function(jnp.asarray(P, jnp.float32), jnp.asarray(targets))


@pytest.mark.parametrize("function", [cross_entropy, accuracy])
def test_an_unknown_way_to_reduce_time_names_the_nearest(function):
    with pytest.raises(errors.ParameterError, match="Did you mean 'last'"):
        function(jnp.asarray(P, jnp.float32), jnp.asarray(LABEL), reduce_time="lasst")


def test_accuracy_has_no_gradient():
    gradient = jax.grad(accuracy)(jnp.asarray(P, jnp.float32), jnp.asarray(LABEL))
    np.testing.assert_array_equal(gradient, np.zeros_like(P))


def test_losses_are_marked_batch_first_and_so_may_be_a_users():
    assert is_batch_first(cross_entropy)
    assert is_batch_first(accuracy)
    assert not is_batch_first(np.mean)
    assert is_batch_first(batch_first(lambda predicts, targets: 0.0))
