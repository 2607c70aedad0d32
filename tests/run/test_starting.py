"""Runs that start from given values, in every runner."""

import jax
import numpy as np
import pytest
from checked_annotations import unchecked

import dynplug as dp
from dynplug.errors import OptionError, ShapeError, UnknownPathError

MODEL = dp.Sequential(
    into=dp.layers.Dense(2, 3, key=jax.random.key(0)),
    hidden=dp.neurons.LIF(3),
    out=dp.layers.Dense(3, 2, key=jax.random.key(1)),
)
UNITS = np.array([0.1, 0.2, 0.3], np.float32)


def of_loop(batch, *args):
    return dp.LoopOverTime(MODEL, dt=1.0, data_first_axis="B" if batch else None).reset_state(*args)


def of_simulation(batch, *args):
    runner = dp.DSRunner(MODEL, dt=1.0, data_first_axis="B" if batch else None)
    runner.reset_state(*args)
    return runner.state


def of_trainer(batch, *args):
    trainer = dp.BPTT(MODEL, "mse", dt=1.0)
    trainer.reset_state(*args)
    return trainer.state


@pytest.mark.parametrize("of", [of_loop, of_simulation])
@pytest.mark.parametrize("value", [0.25, UNITS])
def test_a_variable_starts_where_it_is_told(of, value):
    state = of(False, {"hidden.V": value})
    np.testing.assert_array_equal(state["hidden.V"], np.broadcast_to(np.float32(value), 3))
    assert state["hidden.V"].dtype == np.float32


@pytest.mark.parametrize("of", [of_loop, of_simulation, of_trainer])
@pytest.mark.parametrize("value", [0.25, UNITS, np.arange(12.0).reshape(4, 3)])
def test_of_a_batch_too(of, value):
    state = of(True, 4, {"hidden.V": value})
    np.testing.assert_array_equal(state["hidden.V"], np.broadcast_to(np.float32(value), (4, 3)))


def test_the_run_goes_on_from_there():
    runner = dp.DSRunner(dp.neurons.LIF(1, tau=10.0), monitors=["V"], dt=1.0)
    runner.reset_state({"V": 0.5})
    runner.run(3.0)
    np.testing.assert_allclose(runner.mon["V"][:, 0], 0.5 * np.exp(-np.arange(1, 4) / 10.0), rtol=1e-6)


@pytest.mark.parametrize("of", [of_loop, of_simulation])
@pytest.mark.parametrize("size", [2.0, 0, True])
def test_a_batch_is_of_whole_samples(of, size):
    with unchecked(), pytest.raises(OptionError, match=r"batch_size=.* must be a whole number, 1 or more"):
        of(True, size)


@pytest.mark.parametrize("of", [of_loop, of_simulation])
def test_paths_and_shapes_are_checked(of):
    with pytest.raises(UnknownPathError, match="no 'W'"):
        of(False, {"hidden.W": 0.0})
    with pytest.raises(UnknownPathError, match=r"'hidden' is no variable but has parts: V, spike"):
        of(False, {"hidden": 0.0})
    with pytest.raises(ShapeError, match=r"hidden.V has shape \(2,\); give one number, or one per unit: \(3,\)"):
        of(False, {"hidden.V": np.zeros(2)})
    with pytest.raises(OptionError, match="twice"):
        of(False, {"hidden.V": 0.0}, {"hidden.V": 0.0})


def test_a_trainer_needs_the_number_of_samples():
    with pytest.raises(OptionError, match="give their number too"):
        of_trainer(True, {"hidden.V": 0.0})
