"""A population that receives its own output: as one written by hand, at every delay, forward and backward."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.errors import CompositionError, DurationError, ShapeError

N = 5


def connection(scale=1.0):
    return dp.layers.Dense(
        N, N, W_initializer=dp.initializers.Normal(scale), b_initializer=None, key=jax.random.key(1)
    ) >> dp.synapses.Exponential(N, tau=3.0)


class ByHand(dp.DynamicalSystem):
    """The same with all past outputs in a list, oldest first."""

    cell: dp.neurons.LIF
    back: dp.DynamicalSystem
    steps: int

    def init_state(self, ctx):
        past = jnp.zeros((self.steps, N), ctx.dtype)
        return {"cell": self.cell.init_state(ctx), "back": self.back.init_state(ctx), "past": past}

    def update(self, state, x, ctx):
        back, drive = self.back.update(state["back"], state["past"][0], ctx)
        cell, spikes = self.cell.update(state["cell"], dp.Drive(current=x) + drive, ctx)
        return {"cell": cell, "back": back, "past": jnp.concatenate([state["past"][1:], spikes[None]])}, spikes


@pytest.mark.claim(
    "recurrent-by-hand",
    "A recurrent population has the gradient of one whose past spikes are in a list (relative to the largest)",
    tolerance=1e-4,
    reference="the same system written by hand, run by jax.lax.scan",
    components=("layer:Recurrent",),
)
@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("loop", ["auto", "plain"])
def test_it_equals_one_written_by_hand_and_so_does_its_gradient(steps, loop, measured):
    cell, xs = dp.neurons.LIF(N, tau=5.0), np.random.default_rng(0).uniform(0.0, 3.0, (40, N)).astype(np.float32)
    ours = dp.Recurrent(cell, connection(), delay=None if steps == 1 else steps * 0.5)
    theirs = ByHand(cell, connection(), steps)

    def loss(model, loop):
        spikes = dp.LoopOverTime(model, dt=0.5, loop=loop)(xs)[1]
        return jnp.sum(spikes * jnp.cos(jnp.arange(spikes.size).reshape(spikes.shape))), spikes

    (value, spikes), slope = eqx.filter_value_and_grad(loss, has_aux=True)(ours, loop)
    (wanted, expected), reference = eqx.filter_value_and_grad(loss, has_aux=True)(theirs, "plain")
    assert 10 < expected.sum() < expected.size
    np.testing.assert_array_equal(spikes, expected)
    np.testing.assert_allclose(value, wanted, rtol=1e-6)
    of_ours, of_theirs = slope.connection["0"].weight, reference.back["0"].weight
    measured(np.abs(of_ours - of_theirs).max() / np.abs(of_theirs).max())


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9))
def test_a_spike_arrives_after_exactly_its_delay(steps):
    """A unit that is pushed over its threshold once pushes itself again, delay after delay."""
    model = dp.Recurrent(
        dp.neurons.LIF(1, tau=1e6),
        dp.layers.Dense(1, 1, W_initializer=2.0, b_initializer=None) >> dp.synapses.Delta(1),
        delay=steps * 0.25,
    )
    events = dp.Drive(jump=jnp.zeros((60, 1)).at[3].set(2.0))
    spikes = np.asarray(dp.LoopOverTime(model, dt=0.25)(events)[1])
    assert np.flatnonzero(spikes).tolist() == list(range(3, 60, steps))


def test_it_stands_in_a_chain_and_is_trained():
    k1, k2 = jax.random.split(jax.random.key(0))
    model = dp.Sequential(
        into=dp.layers.Dense(3, N, key=k1),
        hidden=dp.Recurrent(dp.neurons.LIF(N), connection()),
        out=dp.layers.Dense(N, 2, key=k2),
    )
    x = np.random.default_rng(0).uniform(0.0, 4.0, (8, 20, 3)).astype(np.float32)
    trainer = dp.BPTT(model, "cross_entropy", dt=1.0, logger=None, progress_bar=False)
    trainer.fit((x, np.arange(8) % 2), num_epoch=2)
    before, after = model["hidden"].connection["0"].weight, trainer.target["hidden"].connection["0"].weight
    assert not np.array_equal(before, after)
    state = dp.LoopOverTime(model, dt=1.0).reset_state().system
    assert dp.lookup(state, "hidden.system.V").shape == (N,)


def test_any_system_may_return_to_itself():
    step = dp.Recurrent(dp.layers.Dense(2, 2, W_initializer=1.0, b_initializer=None), dp.Lift(lambda z: 0.5 * z))
    out = dp.LoopOverTime(step, dt=1.0)(jnp.ones((3, 2)))[1]
    np.testing.assert_allclose(out[:, 0], [2.0, 4.0, 6.0])


def test_what_does_not_fit_is_refused():
    lif = dp.neurons.LIF(3)
    with pytest.raises(ShapeError, match=r"takes shape \(4,\), but \(3,\)"):
        dp.Recurrent(lif, dp.layers.Dense(4, 3, key=jax.random.key(0)))
    with pytest.raises(ShapeError, match=r"outputs shape \(4,\), but \(3,\)"):
        dp.Recurrent(lif, dp.layers.Dense(3, 4, key=jax.random.key(0)))
    with pytest.raises(CompositionError, match="out_size"):
        dp.Recurrent(dp.Lift(lambda x: x), dp.layers.Dense(3, 3, key=jax.random.key(0)))
    back = dp.layers.Dense(3, 3, key=jax.random.key(0))
    for delay in (0.0, 0.3, 1.4):
        with pytest.raises(DurationError):
            dp.LoopOverTime(dp.Recurrent(lif, back, delay=delay), dt=1.0).reset_state()
