"""Systems that receive their own outputs, against loops written out."""

import jax
import numpy as np
import pytest
from dynplug_reservoir import ClosedLoop, Feedback

import dynplug as dp

A = np.array([[0.5, -0.4], [0.3, 0.8]])


def linear(matrix):
    return dp.layers.Dense(matrix.shape[1], matrix.shape[0], W_initializer=np.float32(matrix), b_initializer=None)


@pytest.mark.claim(
    "closed-loop",
    "A closed loop of a linear map is the map's powers, in single precision",
    tolerance=1e-5,
    reference="NumPy's matrix_power",
    components=("layer:ClosedLoop",),
)
@pytest.mark.parametrize("increment", [False, True])
def test_a_closed_loop_goes_on_from_its_predictions(increment, measured):
    x = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    loop = dp.LoopOverTime(ClosedLoop(linear(A), increment=increment), dt=1.0)
    state, ahead = loop(x)
    _, forecast = loop(5.0, state)
    step = A + np.eye(2) if increment else A
    np.testing.assert_allclose(ahead, x @ step.T, atol=1e-6)
    expected = [np.linalg.matrix_power(step, n) @ x[-1] for n in range(2, 7)]
    measured.difference(forecast, expected)


@pytest.mark.claim(
    "feedback",
    "Feedback appends the last output to the input, in single precision",
    tolerance=1e-6,
    reference="a loop in NumPy",
    components=("layer:Feedback",),
)
def test_feedback_appends_the_last_output_to_the_input(measured):
    B = np.array([[0.2, 0.5, 0.1], [-0.3, 0.4, 0.6]])
    model = Feedback(linear(B) >> (lambda v: v) >> dp.layers.Dense(2, 2, W_initializer=np.eye(2, dtype=np.float32)))
    assert (model.in_size, model.out_size) == ((1,), (2,))
    x = np.random.default_rng(0).normal(size=(7, 1)).astype(np.float32)
    _, out = dp.LoopOverTime(model, dt=1.0)(x)
    z, expected = np.zeros(2), []
    for row in x:
        z = B @ np.concatenate([row, z])
        expected.append(z)
    measured.difference(out, expected)


def test_feedback_without_inputs_runs_for_a_duration_or_over_empty_inputs():
    model = Feedback(dp.layers.Dense(2, 2, W_initializer=np.float32(A), b_initializer=1.0))
    _, out = dp.LoopOverTime(model, dt=0.5)(3.0)
    _, same = dp.LoopOverTime(model, dt=0.5)(np.zeros((6, 0), np.float32))
    np.testing.assert_array_equal(out, same)
    np.testing.assert_allclose(out[1], A @ np.ones(2) + 1.0, rtol=1e-6)


def test_what_does_not_fit_is_refused():
    with pytest.raises(dp.errors.ShapeError, match="as many outputs as inputs"):
        ClosedLoop(dp.layers.Dense(3, 2, key=jax.random.key(0)))
    with pytest.raises(dp.errors.ShapeError, match="at least as many inputs"):
        Feedback(dp.layers.Dense(1, 2, key=jax.random.key(0)))
    with pytest.raises(dp.errors.ShapeError, match="at least as many inputs"):
        Feedback(dp.Sequential(lambda x: x))
