"""Which parts of a model are trained."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_training import KEY, X, Y, assert_same, model, trainer

import dynplug as dp
from dynplug.errors import DataWarning, NoTrainableParametersError, OptionError


def test_constants_are_trained_if_asked_and_weights_are_kept_if_asked():
    t = trainer(trainable={"hidden.tau": True, "encode": False, "encode.bias": True})
    t.fit((X, Y), num_epoch=1)
    before, after = model(), t.target
    assert float(after["hidden"].tau) != before["hidden"].tau
    np.testing.assert_array_equal(after["encode"].weight, before["encode"].weight)
    assert (after["encode"].bias != before["encode"].bias).any()
    assert (after["readout"].weight != before["readout"].weight).any()
    assert after["out"].tau == 5.0


def test_a_learnt_initial_state_is_learnt():
    cell = dp.layers.RNNCell(3, 2, train_state=True, key=KEY)
    t = trainer(cell)
    t.fit((X, Y), num_epoch=1)
    assert (t.target.state0.value != 0).all()
    fixed = trainer(dp.layers.RNNCell(3, 2, key=KEY))
    fixed.fit((X, Y), num_epoch=1)
    assert (fixed.target.state0.value == 0).all()


def test_what_is_trained_is_said_by_path_in_one_table_or_in_several():
    by_path, by_table, all_of_it = (
        trainer(trainable=said)
        for said in ({"hidden.tau": True, "readout": False}, {"hidden": {"tau": True}, "readout": False}, None)
    )
    for t in (by_path, by_table, all_of_it):
        t.fit((X, Y), num_epoch=2)
    assert_same(by_path.target, by_table.target)
    assert isinstance(by_table.target["hidden"].tau, jax.Array)
    assert_same(by_table.target["readout"], model()["readout"])
    assert all_of_it.target["hidden"].tau == 4.0


@pytest.mark.parametrize("said", [{"hidden.tau": "yes"}, {"hidden": {"tau": 1}}, {"hidden.tau": None}])
def test_what_is_trained_is_true_or_false(said):
    with pytest.raises(OptionError, match=r"at 'hidden\.tau': give True or False by path, as \{'hidden\.tau': True\}"):
        trainer(trainable=said)


def test_a_model_without_anything_to_train_names_what_could_be():
    with pytest.raises(NoTrainableParametersError, match=r"'0\.tau'"):
        trainer(dp.Sequential(dp.neurons.LIF(3)))
    with pytest.raises(NoTrainableParametersError):
        trainer(trainable={"encode": False, "readout": False})


def test_a_layer_that_stands_in_two_places_is_two_that_are_trained(getkey):
    twice = dp.layers.Dense(3, 3, key=getkey())
    with pytest.warns(DataWarning, match="0.weight and 2.weight; 0.bias and 2.bias: one array in several places"):
        dp.BPTT(dp.Sequential(twice, jnp.tanh, twice), "mse", dt=1.0)
