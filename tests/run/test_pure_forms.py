"""Values that other libraries keep inside of a runner: states, delays, the start of a run, a file of it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp

X = np.asarray(jax.random.uniform(jax.random.key(0), (17, 3), maxval=4.0))


class Delayed(dp.DynamicalSystem):
    """Puts out the input of `steps` steps ago. The state is the buffer; the context says where in it the step is."""

    steps: int = eqx.field(static=True)

    def init_state(self, ctx):
        return {"buffer": jnp.zeros((self.steps + 1, 3), ctx.dtype)}

    def update(self, state, x, ctx):
        rows = self.steps + 1
        buffer = state["buffer"].at[ctx.i % rows].set(x)
        return {"buffer": buffer}, buffer[(ctx.i - self.steps) % rows]


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_a_delay_is_updated_read_and_reset_with_the_state(steps):
    want = np.concatenate([np.zeros((steps, 3)), X])[:17].astype(np.float32)
    loop = dp.LoopOverTime(Delayed(steps), "buffer", dt=1.0)
    fresh = loop.reset_state()
    assert not fresh["buffer"].any()
    middle, (first, seen) = loop(X[:9], fresh)
    np.testing.assert_array_equal(first, want[:9])
    np.testing.assert_array_equal(seen[-1], middle["buffer"])
    np.testing.assert_array_equal(middle["buffer"][8 % (steps + 1)], X[8])  # what was put in last
    np.testing.assert_array_equal(loop(X[9:], middle)[1][0], want[9:])
    np.testing.assert_array_equal(loop(X[:9])[1][0], first)  # started anew
    runner = dp.DSRunner(Delayed(steps), dt=1.0, chunk=5, progress_bar=False)
    np.testing.assert_array_equal(runner.run(inputs=X), want)
    batched = dp.LoopOverTime(Delayed(steps), dt=1.0, data_first_axis="B")
    assert batched.reset_state(2)["buffer"].shape == (2, steps + 1, 3)
    np.testing.assert_array_equal(batched(np.stack([X, 2 * X]))[1][1], 2 * want)


def test_a_simulation_goes_on_from_a_file_in_another_runner(tmp_path):
    def runner():
        return dp.DSRunner(dp.neurons.LIF(3, tau=5.0), monitors=["V"], dt=0.5, progress_bar=False)

    whole, first, second = runner(), runner(), runner()
    out = whole.run(inputs=X)
    first.run(inputs=X[:8])
    dp.save_states(tmp_path / "run.safetensors", first.state)
    second.reset_state()
    second.state, missing, unexpected, differing = dp.load_states(tmp_path / "run.safetensors", second.state)
    assert not missing
    assert not unexpected
    assert not differing
    np.testing.assert_array_equal(second.run(inputs=X[8:]), out[8:])
    np.testing.assert_allclose(second.mon.ts, whole.mon.ts[8:])


def test_a_run_starts_from_any_state():
    r = dp.DSRunner(dp.neurons.LIF(3, tau=5.0), monitors=["V"], dt=0.5, progress_bar=False)
    r.reset_state()
    r.state = eqx.tree_at(lambda state: state.system.V, r.state, jnp.asarray([0.1, 0.2, 0.3]))
    r.run(0.5)
    np.testing.assert_allclose(r.mon["V"][0], np.array([0.1, 0.2, 0.3]) * np.exp(-0.1), rtol=1e-6)


def test_a_runner_is_a_pytree_or_holds_one():
    loop = dp.LoopOverTime(dp.layers.Dense(3, 2, key=jax.random.key(0)), dt=1.0)
    leaves, treedef = jax.tree.flatten(loop)
    again = jax.tree.unflatten(treedef, leaves)
    np.testing.assert_array_equal(again(X)[1], loop(X)[1])
    moved = dp.to(loop, jax.devices()[0])
    np.testing.assert_array_equal(moved(X)[1], loop(X)[1])
    assert set(dp.nodes(loop)) >= {"target"}
    assert set(dp.variables(loop.target)) == {"weight", "bias"}
