"""One step at a time, for inputs that arrive one by one, gives what a call over all of them does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import KeyRequiredError, OptionError, ShapeError, StateError

TIME, BATCH = 5, 3


class Clock(dp.DynamicalSystem):
    """Puts out all that the context tells, and what it was given."""

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        told = 1.0 * ctx.t, ctx.i, jnp.asarray(ctx.fit), ctx.shared["gain"], jax.random.uniform(ctx.random_key())
        return None, (told, x)


@pytest.fixture(scope="module")
def net():
    weights = dp.initializers.Normal(4.0)
    return dp.Sequential(
        encode=dp.layers.Dense(2, 5, key=jax.random.key(7), W_initializer=weights),
        late=dp.layers.Delay(5, 2.0),
        drop=dp.layers.Dropout(0.3),
        cell=dp.neurons.LIF(5, tau=5.0),
    )


def in_steps(loop, xs, state, key):
    """The state and the outputs (time, ...) of single steps over inputs (time, ...)."""
    outs = []
    for n in range(TIME):
        state, out = loop.step(jax.tree.map(lambda a, n=n: a[n], xs), state, key)
        outs.append(out)
    return state, jax.tree.map(lambda *rows: jnp.stack(rows), *outs)


@pytest.mark.parametrize(
    ("axis", "options"), [(None, {"out_vars": {"V": "cell.V"}}), ("T", {}), ("B", {"jit": False})], ids=str
)
def test_steps_are_a_run(net, axis, options):
    loop = dp.LoopOverTime(net, **options, dt=1.0, data_first_axis=axis, shared_arg={"fit": True})
    xs, key = jax.random.normal(jax.random.key(1), (TIME, BATCH, 2)), jax.random.key(2)
    xs = xs[:, 0] if axis is None else xs
    start = loop.reset_state(None if axis is None else BATCH, key=key)
    state, out = in_steps(loop, xs, start, key)
    want_state, want = loop(xs, key=key, data_first_axis=axis and "T")
    assert float(jax.tree.leaves(want)[0].sum()) > 0
    for got, wanted in zip(jax.tree.leaves((state, out)), jax.tree.leaves((want_state, want)), strict=True):
        assert got.shape == wanted.shape
        assert got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def test_a_step_has_the_context_of_a_run():
    loop = dp.LoopOverTime(Clock(), dt=0.5, t0=3.0, i0=4, shared_arg={"gain": 2.0})
    xs, key = {"a": jnp.arange(TIME), "b": jnp.ones((TIME, 2))}, jax.random.key(0)
    state, got = in_steps(loop, xs, loop.reset_state(), key)
    wanted_state, wanted = loop(xs, key=key)
    jax.tree.map(np.testing.assert_array_equal, (state, got), (wanted_state, wanted))
    _, (_, x) = loop.step(None, state, key)
    assert x is None


def test_steps_compile_once_and_in_a_function_of_ones_own():
    traced = []

    class Counted(dp.DynamicalSystem):
        def init_state(self, ctx):
            return jnp.zeros((), ctx.dtype)

        def update(self, state, x, ctx):
            traced.append(x)
            return state + x, state

    loop = dp.LoopOverTime(Counted(), dt=1.0)
    state = loop.reset_state()
    for x in (1.0, 2.0, 3.0):
        state, out = loop.step(x, state)
    assert float(out) == 3.0
    step = jax.jit(lambda x, state: loop.step(x, state))
    for x in (1.0, 2.0, 3.0):
        state, out = step(x, state)
    assert float(out) == 9.0
    assert len(traced) == 1


def test_what_cannot_be_a_step_is_named(net):
    loop, batched = (dp.LoopOverTime(net, dt=1.0, data_first_axis=axis) for axis in (None, "B"))
    state = loop.reset_state()
    with pytest.raises(ShapeError, match=r"Dense\) takes an array of shape \(2,\), but was given \(5, 2\)"):
        loop.step(jnp.ones((TIME, 2)), state)
    with pytest.raises(ShapeError, match=r"states that this run continues from have 3 samples, the inputs 4"):
        batched.step(jnp.ones((4, 2)), batched.reset_state(BATCH))
    with pytest.raises(ShapeError, match=r"The input of a step.*no axis 0: check data_first_axis"):
        batched.step(1.0, batched.reset_state(BATCH))
    with pytest.raises(StateError, match=r"no_state=True, but the system keeps"):
        dp.LoopOverTime(net, dt=1.0, no_state=True).step(jnp.ones(2), state)
    with pytest.raises(KeyRequiredError):
        dp.LoopOverTime(net, dt=1.0, shared_arg={"fit": True}).step(jnp.ones(2), state)
    late = dp.LoopOverTime(Clock(), dt=1e-4, shared_arg={"gain": 1.0}, i0=2**30)
    with pytest.raises(OptionError, match="cannot tell one step from the next"):
        late.step(None, late.reset_state(), jax.random.key(0))
