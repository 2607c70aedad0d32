"""Networks in training: derivatives, batches, signs."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp

DT = 0.5
CURRENT = dp.synapses.Exponential(tau=4.0)


def test_signs_of_dale_hold_through_training():
    nodes = {"A": dp.neurons.LIF(4), "B": dp.neurons.LeakyIntegrator(3)}
    magnitude = dp.initializers.Uniform(0.1, 1.0)
    edges = {
        "up": dp.Projection("A", "B", "AllToAll", weight=magnitude, synapse=CURRENT, sign="excitatory"),
        "down": dp.Projection("A", "B", "AllToAll", weight=magnitude, synapse=CURRENT, sign="inhibitory"),
    }
    net = dp.Network(nodes, edges, input_to="A", output_from="B", key=jax.random.key(0))
    assert np.all(net["down"].weights < 0)
    assert dp.train_vars(net).keys() == {"up.weight.magnitude", "down.weight.magnitude"}
    x = jnp.full((2, 30, 4), 2.0)
    trainer = dp.BPTT(net, loss_fun="mse", optimizer=optax.sgd(100.0), dt=DT, progress_bar=False)
    trainer.fit((x, jnp.full((2, 30, 3), 5.0)), num_epoch=3)
    assert np.all(trainer.target["down"].weights < 0)
    assert np.all(trainer.target["up"].weights > 0)
    assert not np.allclose(trainer.target["up"].weights, net["up"].weights)


@pytest.mark.claim(
    "network-gradients",
    "The gradient of an event-driven recurrent network equals that of a dense one, by every delivery (relative)",
    tolerance=1e-9,
    reference="a layer with a dense weight matrix",
    components=("layer:Network",),
)
def test_gradients_are_those_of_a_dense_layer(measured):
    """Through several steps of a recurrent network, by every method of delivery, and by weights given as one number."""
    rng = np.random.default_rng(0)
    matrix = np.where(rng.random((6, 6)) < 0.5, rng.normal(size=(6, 6)), 0.0)
    x = jnp.asarray(rng.uniform(0.0, 3.0, (20, 6)))
    with jax.enable_x64(True):
        lif = dp.neurons.LIF(6)
        dense = dp.Recurrent(
            lif, dp.layers.Dense(6, 6, W_initializer=matrix, b_initializer=None) >> dp.synapses.Delta(6)
        )

        def loss(model):
            _, out = dp.LoopOverTime(model, dt=DT)(x.astype(float))
            return jnp.sum(jnp.cumsum(out, 0) ** 2)

        expected = np.asarray(eqx.filter_grad(loss)(dense).connection.systems[0].weight)
        assert np.abs(expected).max() > 0.1
        for delivery in ("auto", "events", "sparse", "dense", "gather"):
            edge = dp.Projection(
                "A", "A", matrix, weight=matrix, delay=DT, synapse=dp.synapses.Delta(), delivery=delivery
            )
            net = dp.Network({"A": lif}, {"p": edge}, input_to="A", output_from="A")
            found = eqx.filter_grad(loss)(net)["p"].weight
            post, pre = np.asarray(net["p"].fanout.post), np.repeat(np.arange(6), np.diff(net["p"].fanout.start))
            measured.relative(found, expected[post, pre], floor=1e-3)


def test_a_batch_is_its_samples(random_network):
    net = random_network("AB")
    x = jax.random.uniform(jax.random.key(1), (3, 30, 6), maxval=6.0)
    _, outs = dp.LoopOverTime(net, dt=DT, data_first_axis="B")({"A": x})
    for b in range(3):
        _, alone = dp.LoopOverTime(net, dt=DT)({"A": x[b]})
        np.testing.assert_array_equal(outs["B"][b], alone["B"])
    assert outs["B"].sum() > 0
