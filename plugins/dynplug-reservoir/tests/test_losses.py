"""The normalised error against NumPy."""

import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_reservoir import nrmse

import dynplug as dp

RNG = np.random.default_rng(0)
P, Y = RNG.normal(size=(4, 5, 3)), 2.0 + RNG.normal(size=(4, 5, 3))


@pytest.mark.claim(
    "nrmse",
    "The normalised error is the error in units of the spread, in single precision (relative)",
    tolerance=1e-5,
    reference="NumPy",
    components=("loss:nrmse", "metric:nrmse"),
)
@pytest.mark.parametrize(("normalize", "spread"), [("std", Y.std()), ("range", np.ptp(Y)), ("mean", Y.mean())])
def test_it_is_the_error_in_units_of_the_spread(normalize, spread, measured):
    expected = np.sqrt(np.mean((P - Y) ** 2)) / spread
    value = nrmse(jnp.asarray(P, jnp.float32), jnp.asarray(Y, jnp.float32), normalize=normalize)
    measured.relative(float(value), expected)
    named = dp.build({"type": "nrmse", "normalize": normalize}, kind="loss")
    assert float(named(jnp.asarray(P, jnp.float32), jnp.asarray(Y, jnp.float32))) == float(value)


@pytest.mark.parametrize(("reduce_time", "reduced"), [("mean", P.mean(axis=1)), ("last", P[:, -1])])
def test_time_is_taken_away_where_targets_have_none(reduce_time, reduced):
    expected = np.sqrt(np.mean((reduced - Y[:, 0]) ** 2)) / Y[:, 0].std()
    value = nrmse(jnp.asarray(P, jnp.float32), jnp.asarray(Y[:, 0], jnp.float32), reduce_time=reduce_time)
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_what_does_not_fit_is_refused():
    with pytest.raises(dp.errors.ParameterError, match="Did you mean 'std'"):
        nrmse(jnp.ones((1, 2, 3)), jnp.ones((1, 2, 3)), normalize="sd")
    with pytest.raises(dp.errors.ParameterError, match="reduce_time"):
        nrmse(jnp.ones((1, 2, 3)), jnp.ones((1, 3)), reduce_time="none")
    with pytest.raises(dp.errors.DataError, match="do not fit"):
        nrmse(jnp.ones((1, 2, 3)), jnp.ones((1, 2, 4)))


def test_trainers_hand_it_batch_first_whatever_the_axes():
    x = RNG.normal(size=(3, 6, 2)).astype(np.float32)
    found = []
    for axis, data in (("B", x), ("T", x.swapaxes(0, 1))):
        model = dp.Sequential(dp.layers.Dense(2, 2, W_initializer=0.5))
        trainer = dp.BPTT(model, nrmse, dt=1.0, data_first_axis=axis, logger=None, progress_bar=False)
        trainer.fit((data, data), num_epoch=1)
        found.append(trainer.get_hist_metric("fit", "loss")[0])
    assert found[0] == pytest.approx(found[1], rel=1e-5)
