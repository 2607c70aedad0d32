import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checked_annotations import unchecked

from dynplug import errors
from dynplug.losses import huber, mae, mse, van_rossum

pytestmark = pytest.mark.quick

RNG = np.random.default_rng(0)
P = RNG.normal(size=(4, 6, 3)) * 2.0
REDUCED = {"mean": P.mean(1), "last": P[:, -1], "max": P.max(1), "sum": P.sum(1)}


def numpy_huber(e, delta=1.0):
    e = np.abs(e)
    return np.where(e <= delta, e**2 / 2.0, delta * (e - delta / 2.0)).mean()


LOSSES = {mse: lambda e: np.mean(e**2), mae: lambda e: np.mean(np.abs(e)), huber: numpy_huber}


@pytest.mark.claim(
    "regression-losses",
    "Mean squared, mean absolute and Huber's error are their formulas (relative)",
    tolerance=1e-13,
    reference="NumPy; Huber, P. J. (1964), doi:10.1214/aoms/1177703732",
    components=("loss:mse", "loss:mae", "loss:huber"),
)
@pytest.mark.parametrize("loss", LOSSES)
def test_targets_at_every_step_are_compared_step_by_step(x64, loss, measured):
    y = RNG.normal(size=P.shape)
    measured.relative(loss(jnp.asarray(P), jnp.asarray(y)), LOSSES[loss](P - y))


@pytest.mark.parametrize("loss", LOSSES)
def test_targets_without_time_meet_reduced_predictions_and_by_default_their_mean(x64, loss):
    y = RNG.normal(size=(4, 3))

    @jax.jit
    def compare(p, y):
        return {name: loss(p, y, reduce_time=name) for name in REDUCED} | {"default": loss(p, y)}

    found = compare(jnp.asarray(P), jnp.asarray(y))
    for name, p in REDUCED.items():
        np.testing.assert_allclose(found[name], LOSSES[loss](p - y), rtol=1e-13, err_msg=name)
    assert found["default"] == found["mean"]


@pytest.mark.claim(
    "regression-gradients",
    "Gradients of the losses of values are those of finite differences (relative)",
    tolerance=1e-6,
    reference="central differences",
    components=("loss:mse", "loss:mae", "loss:huber"),
)
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_finite_differences(x64, loss, measured):
    rng = np.random.default_rng(1)  # of its own, as a slope near zero would have a great relative error
    y, y_of_steps = jnp.asarray(rng.normal(size=(4, 3))), jnp.asarray(rng.normal(size=P.shape))
    direction, h = rng.normal(size=P.shape), 1e-6

    @jax.jit
    def losses(p):
        return jnp.stack([loss(p, y_of_steps), *(loss(p, y, reduce_time=name) for name in REDUCED)])

    slope = (losses(jnp.asarray(P + h * direction)) - losses(jnp.asarray(P - h * direction))) / (2.0 * h)
    gradient = jax.jit(jax.jacrev(losses))(jnp.asarray(P))
    measured.relative(np.sum(gradient * direction[None], (1, 2, 3)), slope)


@pytest.mark.parametrize("loss", LOSSES)
def test_whole_numbers_and_booleans_are_targets_too(loss):
    p = jnp.asarray(P, jnp.float32)
    for y in (RNG.integers(0, 5, P.shape), RNG.random((4, 3)) < 0.5):
        found = jax.jit(loss)(p, jnp.asarray(y))
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, LOSSES[loss]((P if y.ndim == 3 else REDUCED["mean"]) - y), rtol=1e-5)


@pytest.mark.parametrize("size", [(), (2, 3)])
def test_units_may_have_any_shape(x64, size):
    p, y = RNG.normal(size=(4, 6, *size)), RNG.normal(size=(4, *size))
    np.testing.assert_allclose(mse(jnp.asarray(p), jnp.asarray(y)), np.mean((p.mean(1) - y) ** 2), rtol=1e-13)


@pytest.mark.claim(
    "huber-delta",
    "Huber's error is quadratic up to delta and linear beyond (relative)",
    tolerance=1e-13,
    reference="Huber, P. J. (1964), doi:10.1214/aoms/1177703732; NumPy",
    components=("loss:huber",),
)
@pytest.mark.parametrize("delta", [0.1, 1.0, 5.0])
def test_huber_is_quadratic_up_to_delta_and_linear_beyond(x64, delta, measured):
    y = RNG.normal(size=P.shape)
    found = huber(jnp.asarray(P), jnp.asarray(y), delta=delta)
    measured.relative(found, numpy_huber(P - y, delta))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", [(3,), (5, 6, 3), (4, 5, 3), (4, 1), (6, 3), (4, 6, 3, 1)])
def test_targets_that_do_not_fit_are_refused_with_both_shapes(loss, shape):
    with pytest.raises(errors.DataError, match=rf"\({shape[0]},.*do not fit predictions"):
        loss(jnp.asarray(P, jnp.float32), jnp.zeros(shape))


@pytest.mark.parametrize("loss", LOSSES)
def test_an_unknown_way_to_reduce_time_names_the_nearest(loss):
    with pytest.raises(errors.ParameterError, match="Did you mean 'mean'"):
        loss(jnp.zeros((4, 6, 3)), jnp.zeros((4, 3)), reduce_time="means")


@pytest.mark.parametrize("loss", [mse, mae, huber, van_rossum])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32])
def test_spikes_and_counts_are_numbers(loss, dtype):
    rng = np.random.default_rng(0)
    predicts, targets = rng.integers(0, 2, (2, 3, 5, 2))
    with unchecked():  # annotations say what trainers give
        found = loss(jnp.asarray(predicts, dtype), jnp.asarray(targets, dtype))
    np.testing.assert_allclose(found, loss(jnp.asarray(predicts, float), jnp.asarray(targets, float)), rtol=1e-6)
