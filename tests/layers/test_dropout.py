import jax
import numpy as np
import pytest

import dynplug as dp
from dynplug import errors
from dynplug.layers import Dropout

STEPS, BATCH, UNITS = 50, 20, 100


def run(layer, xs, *, fit=True, key=None, axis=None):
    loop = dp.LoopOverTime(layer, dt=1.0, shared_arg={"fit": fit}, data_first_axis=axis)
    return np.asarray(loop(xs, key=key)[1])


@pytest.mark.claim(
    "dropout-share",
    "Dropout drops the share of units that was asked for, of 100,000",
    tolerance=0.006,
    reference="binomial law",
    components=("layer:Dropout",),
)
@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_a_share_p_is_dropped_and_the_rest_is_scaled_to_keep_the_mean(getkey, p, measured):
    out = run(Dropout(p), np.full((1000, UNITS), 2.0, np.float32), key=getkey())
    measured.difference(np.mean(out == 0.0), p)
    np.testing.assert_allclose(out[out != 0.0], 2.0 / (1.0 - p), rtol=1e-6)
    np.testing.assert_allclose(out.mean(), 2.0, rtol=0.03)


def test_masks_of_all_steps_and_samples_are_independent(getkey):
    out = run(Dropout(0.5), np.ones((STEPS, BATCH, UNITS), np.float32), key=getkey(), axis="T")
    masks = (out == 0.0).reshape(STEPS * BATCH, UNITS)
    assert len(np.unique(masks, axis=0)) == STEPS * BATCH
    # agreement of masks of neighbouring steps, of neighbouring samples, and of neighbouring units
    dropped = out == 0.0
    for axis in (0, 1, 2):
        agreement = np.mean(dropped == np.roll(dropped, 1, axis))
        np.testing.assert_allclose(agreement, 0.5, atol=0.01)


def test_the_key_decides_the_masks(getkey):
    xs, key = np.ones((5, UNITS), np.float32), getkey()
    a, again, b = (run(Dropout(0.5), xs, key=k) for k in (key, key, getkey()))
    np.testing.assert_array_equal(a, again)
    assert np.any(a != b)


def test_two_dropouts_in_a_row_have_masks_of_their_own(getkey):
    out = run(Dropout(0.5) >> Dropout(0.5), np.ones((1000, UNITS), np.float32), key=getkey())
    np.testing.assert_allclose(np.mean(out == 0.0), 0.75, atol=0.006)


def test_outside_of_fitting_nothing_happens_and_no_key_is_needed():
    xs = np.random.default_rng(0).normal(size=(5, UNITS)).astype(np.float32)
    np.testing.assert_array_equal(run(Dropout(0.5), xs, fit=False), xs)
    np.testing.assert_array_equal(dp.LoopOverTime(Dropout(0.5), dt=1.0)(xs, key=jax.random.key(0))[1], xs)
    np.testing.assert_array_equal(run(Dropout(0.0), xs), xs)


def test_fitting_without_a_key_is_refused_with_the_layers_path():
    with pytest.raises(errors.KeyRequiredError, match="drop is stochastic"):
        run(dp.Sequential(drop=Dropout(0.5)), np.ones((2, UNITS), np.float32))


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, None, float("nan")])
def test_what_is_no_probability_to_drop_is_refused(p):
    with pytest.raises(errors.ParameterError, match="probability to drop"):
        Dropout(p)


def test_a_probability_to_keep_is_refused_with_what_to_write_instead():
    with pytest.raises(errors.ParameterError, match=r"Dropout\(p=1 - 0.8\)"):
        Dropout(prob=0.8)


def test_gradient_is_the_mask_and_its_scale(getkey):
    xs, key = jax.numpy.full((3, UNITS), 2.0), getkey()
    loop = dp.LoopOverTime(Dropout(0.25), dt=1.0, shared_arg={"fit": True})
    gradient = np.asarray(jax.grad(lambda xs: loop(xs, key=key)[1].sum())(xs))
    np.testing.assert_allclose(gradient, loop(xs, key=key)[1] / 2.0, rtol=1e-6)
    assert 0 < np.sum(gradient == 0) < gradient.size / 2
