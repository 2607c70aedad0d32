"""Valid targets of classes, and errors for others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import DataError
from dynplug.losses import accuracy, cross_entropy, mae, mse

N, T, C = 6, 4, 3
RNG = np.random.default_rng(1)
P = jnp.asarray(RNG.normal(size=(N, T, C)), jnp.float32)
Y = np.arange(N) % C
STEPS = RNG.integers(0, C, (N, T))
BOTH = pytest.mark.parametrize("function", [cross_entropy, accuracy])


def put(y, at, value):
    y = np.array(y)
    y[at] = value
    return y


@BOTH
@pytest.mark.parametrize(
    ("y", "said"),
    [
        (put(Y, 2, -1), "got -1 for sample 2 .1 of 6 are out of range.. If -1 stands for 'no label'.*ignore_index=-1"),
        (put(Y.astype(np.uint8), 4, 255), "got 255 for sample 4 .*ignore_index=255"),
        (put(Y, 5, 7), "must be from 0 to 2, for 3 classes; got 7 for sample 5 .*it needs 8 for these"),
        (Y + 1, "got 3 for sample 2 .2 of 6 are out of range.. They count from 1: subtract 1"),
        (put(STEPS, (3, 1), -2), "got -2 for sample 3, step 1 "),
    ],
)
def test_a_class_that_there_is_not_is_refused_with_where_and_what_to_do(function, y, said):
    with pytest.raises(DataError, match=said):
        function(P, jnp.asarray(y))


@BOTH
@pytest.mark.parametrize("dtype", [np.int32, np.int8, np.uint8])
@pytest.mark.parametrize("wrong", [-1, C])
def test_a_class_that_there_is_not_is_nan_where_it_cannot_be_looked_at(function, dtype, wrong):
    y = put(Y, 1, wrong).astype(dtype)
    assert np.isnan(jax.jit(function)(P, jnp.asarray(y)))
    assert np.isfinite(jax.jit(function)(P, jnp.asarray(Y.astype(dtype))))


@BOTH
@pytest.mark.parametrize("ignored", [-1, 255])
@pytest.mark.parametrize("y", [Y, STEPS], ids=["samples", "steps"])
def test_what_is_ignored_has_no_weight_in_value_or_gradient(function, ignored, y):
    """Ignoring some equals leaving them out."""
    gone = RNG.random(y.shape) < 0.4
    gone.flat[0], gone.flat[1] = True, False
    labels = jnp.asarray(np.where(gone, ignored, y).astype(np.int16))
    scores = P if y.ndim == 2 else P.mean(1, keepdims=True)

    def left(p):
        return function(p[~gone][:, None] if y.ndim == 2 else p[~gone], jnp.asarray(y[~gone].astype(np.int16)))

    def all_of_them(p):
        return function(p, labels, ignore_index=ignored)

    for found, expected in zip(
        jax.value_and_grad(all_of_them)(scores), jax.jit(jax.value_and_grad(left))(scores), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
    assert float(function(P, jnp.full(N, ignored, jnp.int16), ignore_index=ignored)) == 0.0
    with pytest.raises(DataError, match="got -7"):
        function(P, jnp.full(N, -7, jnp.int16), ignore_index=ignored)


@pytest.mark.parametrize("function", [cross_entropy, accuracy, mse, mae, dp.losses.huber])
def test_a_sample_counts_as_much_as_its_weight_says(function):
    y = jnp.asarray(Y) if function in (cross_entropy, accuracy) else jnp.asarray(RNG.normal(size=(N, T, C)), P.dtype)
    weight = np.array([0, 1, 2, 1, 0, 3])
    repeated = np.repeat(np.arange(N), weight)
    found = function(P, y, sample_weight=weight)
    np.testing.assert_allclose(found, function(P[repeated], y[repeated]), rtol=1e-6)
    spoilt = P.at[0].set(jnp.nan)  # weighs nothing, whatever it is
    np.testing.assert_allclose(function(spoilt, y, sample_weight=weight), found, rtol=1e-6)


def test_weights_of_samples_and_missing_labels_go_together():
    y = put(STEPS, (slice(None), 0), -1)
    found = cross_entropy(P, jnp.asarray(y), ignore_index=-1, sample_weight=np.array([1, 0, 0, 1, 0, 0]))
    np.testing.assert_allclose(found, cross_entropy(P[::3, 1:], jnp.asarray(STEPS[::3, 1:])), rtol=1e-6)


@BOTH
def test_scores_with_nan_are_never_right(function):
    scores = P.at[:, 0, 1].set(jnp.nan)
    if function is accuracy:
        for c in range(C):
            assert float(accuracy(scores, jnp.full(N, c))) == 0.0
            assert float(accuracy(scores, jnp.asarray(np.eye(C, dtype=np.float32)[np.full(N, c)]))) == 0.0
        assert float(accuracy(scores, jnp.asarray(P.argmax(-1)))) == pytest.approx(1 - 1 / T)
    else:
        assert np.isnan(cross_entropy(scores, jnp.asarray(Y)))


@BOTH
def test_whole_numbers_that_may_be_one_hot_rows_are_refused_until_it_is_said_which(function):
    square = jnp.asarray(RNG.normal(size=(N, C, C)), jnp.float32)
    rows = np.eye(C, dtype=int)[Y]
    with pytest.raises(DataError, match="with one_hot=True or one_hot=False"):
        function(square, jnp.asarray(rows))
    assert function(square, jnp.asarray(rows), one_hot=True) == function(square, jnp.asarray(Y))
    of_steps = jnp.asarray(np.eye(C)[rows], jnp.float32)  # as probabilities (sample, step, class)
    found = function(square, jnp.asarray(rows), one_hot=False)
    np.testing.assert_allclose(found, function(square, of_steps), rtol=1e-6)
    indices = jnp.asarray(put(rows, (0, slice(None)), 2))  # these are no one-hot rows
    assert function(square, indices) == function(square, indices, one_hot=False)


@BOTH
@pytest.mark.parametrize("shape", [(N, C), (N, T, C)])
def test_one_hot_rows_of_whole_numbers_are_told_from_indices(function, shape):
    y = Y if len(shape) == 2 else STEPS
    with pytest.raises(DataError, match=r"do not fit.*one_hot=True"):
        function(P, jnp.asarray(np.eye(C, dtype=int)[y]))
    assert function(P, jnp.asarray(np.eye(C, dtype=int)[y]), one_hot=True) == function(P, jnp.asarray(y))


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (Y.astype(float), r"class indices must be whole numbers; give targets.astype\(int\)"),
        (STEPS.astype(np.float32), r"class indices must be whole numbers; give targets.astype\(int\)"),
        (np.tile(Y.astype(np.float32)[:, None], 3), r"sample 0 have a sum of 0 .*targets.astype\(int\)"),
        (np.full((N, C), [2.0, -0.5, -0.5], np.float32), "a minimum of -0.5"),
        (put(np.eye(C, dtype=np.float32)[Y], (2, 0), np.nan), r"got nan for sample 2, at \[0\]"),
        (np.array(list("abcabc")), "got text, as 'a'.*return_inverse=True"),
        (np.array([None] * N), "got objects"),
        (P[..., None], "predictions come first"),
        ({"label": Y, "id": Y}, "got 'label', 'id'.*targets.'label'."),
        ((Y, Y), "got a tuple"),
    ],
)
def test_what_is_no_class_is_refused_with_what_to_do(y, said):
    for function in (cross_entropy, accuracy):
        with pytest.raises(DataError, match=said):
            function(P, y)


@pytest.mark.parametrize("function", [mse, mae])
def test_losses_of_values_say_what_they_take(function):
    for y, said in (({"a": 1}, "got 'a'"), (np.array(list("abcabc")), "text"), ([1.0], "got a list")):
        with pytest.raises(DataError, match=f"{function.__name__} takes .*{said}"):
            function(P, y)
