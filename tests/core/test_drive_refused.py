"""The drive of a synapse before what takes none is one named error, whatever it is and wherever it stands."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import dynplug as dp
from dynplug.errors import ShapeError

pytestmark = pytest.mark.quick

KEY = jax.random.key(0)
X = jnp.ones((2, 2))
SYNAPSE = dp.synapses.Exponential(2, tau=5.0)
TAKES_NONE = {
    "delay": dp.layers.Delay(2, 1.0),
    "short-term plasticity": dp.plasticity.TsodyksMarkram(2),
    "dropout": dp.layers.Dropout(0.5),
    "function of JAX": jnp.tanh,
    "function": lambda x: 2.0 * x,
    "linear": eqx.nn.Linear(2, 2, key=KEY),
    "norm": eqx.nn.LayerNorm(2),
    "dense": dp.layers.Dense(2, 2, W_initializer=1.0),
    "cell": dp.layers.GRUCell(2, 2, key=KEY),
    "synapse": SYNAPSE,
    "delta": dp.synapses.Delta(2),
}


@pytest.mark.parametrize("kind", TAKES_NONE)
def test_behind_a_synapse(kind):
    loop = dp.LoopOverTime(SYNAPSE >> TAKES_NONE[kind], dt=1.0, shared_arg={"fit": True})
    with pytest.raises(ShapeError, match="Drive"):
        loop(X, key=KEY)


def test_as_a_population_and_within_one():
    line = dp.layers.Delay(2, 1.0)
    edge = dp.Projection("a", "b", dp.connectors.OneToOne(), weight=1.0, synapse=dp.synapses.Exponential(tau=5.0))
    with pytest.raises(ShapeError, match=r"b \(Delay\) takes no Drive, the output of a synapse .*before neurons"):
        dp.LoopOverTime(dp.Network({"a": line, "b": line}, {"e": edge}, input_to="a"), dt=1.0)(X)
    with pytest.raises(ShapeError, match=r"system \(Delay\) takes no Drive"):
        dp.LoopOverTime(dp.Recurrent(line, SYNAPSE), dt=1.0)(X)


def test_another_error_of_what_takes_one_is_left_alone():
    def wrong(drive):
        return drive.current + None

    with pytest.raises(TypeError, match="NoneType"):
        dp.LoopOverTime(SYNAPSE >> wrong, dt=1.0)(X)
    _, current = dp.LoopOverTime(SYNAPSE >> (lambda drive: drive.current), dt=1.0)(X)
    assert current.shape == (2, 2)
