"""Models as a tutorial on building them would show them: parameters, states, layers of one's own, deep networks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug import errors


def quiet(model, loss="mse", rate=1e-2, **options):
    optimizer = {"type": "adam", "learning_rate": rate}
    return dp.BPTT(model, loss, optimizer, dt=1.0, logger=None, progress_bar=False, **options)


# one model for simulation and for training


def test_a_neuron_is_the_same_in_simulation_in_training_and_in_a_batch():
    x = np.random.default_rng(0).normal(1.0, 2.0, (5, 40, 3)).astype(np.float32)
    lif = dp.neurons.LIF(3)
    one = dp.LoopOverTime(lif, dt=1.0)
    fitting = dp.LoopOverTime(lif, dt=1.0, shared_arg={"fit": True})
    batch = dp.LoopOverTime(lif, dt=1.0, data_first_axis="B")(x)[1]
    assert batch.sum() > 10
    for sample, of_batch in zip(x, batch, strict=True):
        np.testing.assert_array_equal(one(sample)[1], of_batch)
        np.testing.assert_array_equal(fitting(sample)[1], of_batch)


def test_what_has_nothing_to_train_is_refused_with_what_could_be_trained():
    with pytest.raises(errors.NoTrainableParametersError, match=r"constants are .*'tau'.*trainable=\{'path': True\}"):
        quiet(dp.neurons.LIF(1))
    with pytest.raises(errors.NoTrainableParametersError, match="Nothing in this Sequential"):
        quiet(dp.layers.Dense(2, 1, key=jax.random.key(0)) >> dp.neurons.LIF(1), trainable={"0": False})
    quiet(dp.neurons.LIF(1), trainable={"tau": True})


def test_a_part_may_be_kept_from_training(getkey):
    model = dp.Sequential(fixed=dp.layers.Dense(2, 3, key=getkey()), out=dp.layers.Dense(3, 1, key=getkey()))
    trainer = quiet(model, trainable={"fixed": False})
    trainer.fit((np.ones((4, 5, 2)), np.ones((4, 5, 1))), num_epoch=2)
    np.testing.assert_array_equal(trainer.target["fixed"].weight, model["fixed"].weight)
    assert np.any(trainer.target["out"].weight != model["out"].weight)


# how parameters start


@pytest.mark.parametrize(
    ("given", "weight"),
    [
        (np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3)),
        (jnp.full((2, 3), 0.5), np.full((2, 3), 0.5)),
        (0.25, np.full((2, 3), 0.25)),
        (lambda shape: np.full(shape, shape[0]), np.full((2, 3), 2.0)),
        (lambda key, shape, dtype: jax.random.uniform(key, shape, dtype) * 0 + 7, np.full((2, 3), 7.0)),
        (dp.initializers.Constant(4.0), np.full((2, 3), 4.0)),
        (jax.nn.initializers.constant(3.0), np.full((2, 3), 3.0)),
    ],
    ids=["numpy", "jax", "number", "of the shape", "of key, shape, dtype", "initializer", "of JAX"],
)
def test_a_weight_is_given_in_any_of_these_forms(getkey, given, weight):
    layer = dp.layers.Dense(3, 2, W_initializer=given, key=getkey())
    np.testing.assert_array_equal(layer.weight, weight)


def test_a_weight_is_out_by_in_and_the_other_way_round_is_refused():
    with pytest.raises(errors.ParameterError, match=r"weight \(out, in\) has shape \(3, 2\), but \(2, 3\) is needed"):
        dp.layers.Dense(3, 2, W_initializer=np.ones((3, 2)))


def test_none_leaves_the_bias_out_and_a_random_weight_has_the_spread_that_was_asked_for(getkey):
    layer = dp.layers.Dense(200, 100, W_initializer=dp.initializers.Normal(0.01), b_initializer=None, key=getkey())
    assert layer.bias is None
    np.testing.assert_allclose(np.std(layer.weight), 0.01, rtol=0.03)
    assert set(dp.state_dict(layer)) == {"weight"}


def test_parts_have_the_names_that_they_are_given(getkey):
    model = dp.Sequential(hidden_layer=dp.layers.Dense(4, 3, key=getkey()), out=dp.layers.Dense(3, 1, key=getkey()))
    assert model.names == ("hidden_layer", "out")
    assert model["hidden_layer"].out_size == (3,)
    assert "hidden_layer.weight" in dp.state_dict(model)


# a state that is learnt


def memory(key, *, train_state):
    """Without input and without biases, only the initial state can make a difference to the output."""
    k1, k2 = jax.random.split(key)
    cell = dp.layers.RNNCell(1, 8, b_initializer=None, train_state=train_state, key=k1)
    return dp.Sequential(cell=cell, out=dp.layers.Dense(8, 2, b_initializer=None, key=k2))


def test_a_sequence_that_nothing_announces_is_learnt_into_the_initial_state(getkey):
    t = np.arange(12)
    wave = np.stack([np.sin(t), np.cos(t)], axis=-1)
    data = (np.zeros((3, 12, 1)), np.stack([wave] * 3))
    learner, key = quiet(memory(k := getkey(), train_state=True)), k
    learner.fit(data, num_epoch=500)
    without = quiet(memory(key, train_state=False))
    without.fit(data, num_epoch=3)
    power = np.mean(wave**2)
    assert learner.get_hist_metric()[-1] < 0.02 * power
    np.testing.assert_allclose(without.get_hist_metric(), power, rtol=1e-5)
    assert np.all(without.predict(data[0]) == 0.0)
    start = learner.target["cell"].state0.value
    assert start.shape == (8,)  # no batch axis
    states = dp.LoopOverTime(learner.target, dt=1.0, data_first_axis="B").reset_state(5)
    np.testing.assert_array_equal(states["cell.h"], np.stack([start] * 5))


# a layer of one's own


class RecurrentLayerState(eqx.Module):
    h: jax.Array


class RecurrentLayer(dp.DynamicalSystem):
    """A user's own implementation of `dp.layers.RNNCell`."""

    win: jax.Array
    wrec: jax.Array

    def __init__(self, in_size, out_size, *, key):
        k1, k2 = jax.random.split(key)
        self.win = jax.random.normal(k1, (out_size, in_size)) / in_size**0.5
        self.wrec = jax.random.normal(k2, (out_size, out_size)) / out_size**0.5

    def init_state(self, ctx):
        return RecurrentLayerState(jnp.zeros(self.wrec.shape[0], ctx.dtype))

    def update(self, state, x, ctx):
        h = jnp.tanh(self.win @ x + self.wrec @ state.h)
        return RecurrentLayerState(h), h


def test_a_recurrent_layer_of_ones_own_is_as_good_as_ours(getkey):
    own = RecurrentLayer(3, 4, key=getkey())
    ours = dp.layers.RNNCell(3, 4, W_initializer=own.win, U_initializer=own.wrec, b_initializer=None)
    x = np.random.default_rng(1).normal(size=(2, 6, 3)).astype(np.float32)
    loops = [dp.LoopOverTime(cell, dt=1.0, data_first_axis="B") for cell in (own, ours)]
    np.testing.assert_allclose(loops[0](x)[1], loops[1](x)[1], rtol=1e-5, atol=1e-6)
    assert set(dp.train_vars(own)) == {"win", "wrec"}
    trainer = quiet(own >> dp.layers.Dense(4, 1, key=getkey()))
    trainer.fit((x, x[..., :1]), num_epoch=100)
    assert trainer.get_hist_metric()[-1] < 0.3 * trainer.get_hist_metric()[0]


class Keep(dp.DynamicalSystem):
    """Dropout by a user: it keeps with probability `prob`, while fitting."""

    prob: float = eqx.field(static=True)

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        if not ctx.fit:
            return None, x
        kept = jax.random.bernoulli(ctx.random_key(), self.prob, x.shape)
        return None, jnp.where(kept, x / self.prob, 0.0)


def test_a_layer_of_ones_own_reads_the_phase_and_draws_from_the_context(getkey):
    x = np.ones((4, 50, 100), np.float32)
    fitting = dp.LoopOverTime(Keep(0.8), dt=1.0, shared_arg={"fit": True}, data_first_axis="B")
    out = np.asarray(fitting(x, key=getkey())[1])
    np.testing.assert_allclose(np.mean(out == 0.0), 0.2, atol=0.01)
    np.testing.assert_allclose(out[out != 0.0], 1.25)
    np.testing.assert_array_equal(dp.LoopOverTime(Keep(0.8), dt=1.0, data_first_axis="B")(x)[1], x)


def test_a_trainer_sets_the_phase_of_such_a_layer(getkey):
    x = np.ones((8, 20, 30), np.float32)
    trainer = quiet(dp.layers.Dense(30, 30, W_initializer=np.eye(30), key=getkey()) >> Keep(0.5), rate=0.0)
    trainer.fit((x, x), test_data=(x, x), num_epoch=1)
    assert trainer.get_hist_metric("fit")[0] == pytest.approx(1.0, abs=0.05)  # each output is 0 or 2
    assert trainer.get_hist_metric("test")[0] == 0.0
    np.testing.assert_array_equal(trainer.predict(x), x)


def test_arguments_of_the_users_own_reach_every_layer():
    class Scaled(dp.DynamicalSystem):
        def init_state(self, ctx):
            return None

        def update(self, state, x, ctx):
            return None, x * ctx.shared["gain"]

    loop = dp.LoopOverTime(Scaled() >> Scaled(), dt=1.0, shared_arg={"gain": 3.0})
    np.testing.assert_array_equal(loop(np.ones((2, 1), np.float32))[1], np.full((2, 1), 9.0))


# values do not flow by >>


class Wrong(dp.DynamicalSystem):
    layer: dp.DynamicalSystem

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, x >> self.layer


@pytest.mark.parametrize("jit", [True, False])
def test_a_value_before_a_layer_inside_an_update_is_refused_with_the_form_to_write(getkey, jit):
    wrong = Wrong(dp.layers.Dense(2, 2, key=getkey()))
    xs = np.ones((3, 4, 2), np.float32)
    with pytest.raises(
        errors.CompositionError, match=r"self\.layer\.update\(state_of_layer, x, ctx\.child\('layer'\)\)"
    ):
        dp.LoopOverTime(wrong, dt=1.0, jit=jit)(xs[0])
    with pytest.raises(errors.CompositionError, match="Got a value where a system is needed"):
        dp.LoopOverTime(wrong, dt=1.0, data_first_axis="B", jit=jit)(xs)
    with pytest.raises(errors.CompositionError, match="Got a value where a system is needed"):
        quiet(wrong).fit((xs, xs), num_epoch=1)


@pytest.mark.parametrize("transform", [jax.jit, jax.vmap, jax.grad, lambda f: lambda x: jax.lax.map(f, x)])
def test_traced_values_are_refused_too(getkey, transform):
    layer = dp.layers.Dense(1, 1, key=getkey())
    value = jnp.ones(()) if transform is jax.grad else jnp.ones(3)
    with pytest.raises(errors.CompositionError, match="Got a value where a system is needed"):
        transform(lambda x: (x >> layer).update(None, x, None))(value)


@pytest.mark.parametrize("value", [1, 2.5, 1j, True, np.float32(1), np.ones(2), [1.0, 2.0], dp.Drive(current=1.0)])
def test_any_value_is_refused_on_either_side(value):
    layer = dp.neurons.LIF(2)
    with pytest.raises(errors.CompositionError, match=rf"Got a value .*Got {type(value).__name__}"):
        value >> layer
    with pytest.raises(errors.CompositionError, match=rf"Got a value .*Got {type(value).__name__}"):
        layer >> value


# a deep network


class DeepRNN(dp.DynamicalSystem):
    """Layers of LSTM cells, each followed by dropout, and a dense readout, called by a user's own update."""

    cells: dp.Sequential
    lout: dp.layers.Dense

    def __init__(self, num_in, num_recs, num_out, *, key, p=0.2):
        keys = jax.random.split(key, len(num_recs) + 1)
        sizes = (num_in, *num_recs)
        parts = {}
        for n in range(len(num_recs)):
            parts[f"l{n + 1}"] = dp.layers.LSTMCell(sizes[n], sizes[n + 1], key=keys[n])
            parts[f"d{n + 1}"] = dp.layers.Dropout(p)
        self.cells = dp.Sequential(**parts)
        self.lout = dp.layers.Dense(num_recs[-1], num_out, key=keys[-1])

    def init_state(self, ctx):
        return {"cells": self.cells.init_state(ctx.child("cells"))}

    def update(self, state, x, ctx):
        cells, x = self.cells.update(state["cells"], x, ctx.child("cells"))
        _, out = self.lout.update(None, x, ctx.child("lout"))
        return {"cells": cells}, out


def test_the_deep_network_has_the_sizes_and_the_parameters_of_the_tutorial(getkey):
    model = DeepRNN(100, [200, 200, 200, 100], 10, key=getkey())
    shape = jax.eval_shape(lambda x: dp.LoopOverTime(model, dt=1.0, data_first_axis="B")(x)[1], jnp.ones((2, 3, 100)))
    assert shape.shape == (2, 3, 10)
    sizes = [(100, 200), (200, 200), (200, 200), (200, 100)]
    expected = sum(4 * out * (into + out + 1) for into, out in sizes) + 10 * 101
    assert sum(a.size for a in dp.train_vars(model).values()) == expected
    assert list(dp.nodes(model, level=1)) == ["", "cells", "lout"]


@pytest.mark.claim(
    "deep-lstm-accuracy",
    "Two LSTM layers with dropout find a bump in noise on data held out: their accuracy",
    at_least=0.95,
    reference="labels of the data",
    components=("layer:LSTMCell", "layer:Dropout", "runner:BPTT"),
)
def test_a_deep_network_learns_which_step_was_marked_and_drops_only_while_fitting(getkey, measured):
    rng = np.random.default_rng(3)
    y = rng.integers(3, size=300)
    x = 0.1 * rng.normal(size=(300, 6, 4))
    x[np.arange(300), 2 * y % 5, y] += 1.0  # the class is where and in which channel the bump is
    model = DeepRNN(4, [16, 12], 3, key=getkey())
    loss = {"type": "cross_entropy", "reduce_time": "last"}
    trainer = quiet(model, loss, 1e-2, metrics=[{"type": "accuracy", "reduce_time": "last"}])
    trainer.fit((x[:250], y[:250]), test_data=(x[250:], y[250:]), num_epoch=12, batch_size=25)
    measured(trainer.get_hist_metric("test", "accuracy")[-1])
    np.testing.assert_array_equal(trainer.predict(x[:5]), trainer.predict(x[:5]))
