import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import DurationError, OptionError, ShapeError, StateError, UnknownPathError


class Meter(dp.DynamicalSystem):
    """Sums its input; puts out time, input and what it was told."""

    def init_state(self, ctx):
        return {"total": jnp.zeros((), ctx.dtype)}

    def update(self, state, x, ctx):
        total = state["total"] + (jnp.zeros(()) if x is None else x)
        return {"total": total}, {
            "t": ctx.t,
            "fit": jnp.asarray(ctx.fit),
            "gain": jnp.asarray(ctx.shared.get("gain", 1.0)),
        }


@pytest.fixture(scope="module")
def net():
    key = jax.random.key(7)
    return dp.Sequential(
        encode=dp.layers.Dense(2, 5, key=key, W_initializer=dp.initializers.Normal(4.0)),
        cell=dp.neurons.LIF(5, tau=5.0),
    )


def test_axes_are_honoured_in_and_out(net):
    x = np.asarray(jax.random.normal(jax.random.key(1), (3, 11, 2)))  # batch, time, inputs
    by_batch = dp.LoopOverTime(net, "cell.V", dt=1.0, data_first_axis="B")
    by_time = dp.LoopOverTime(net, "cell.V", dt=1.0, data_first_axis="T")
    single = dp.LoopOverTime(net, "cell.V", dt=1.0)
    state, (out, V) = by_batch(x)
    assert out.shape == V.shape == (3, 11, 5)
    assert state["cell.V"].shape == (3, 5)
    assert float(out.sum()) > 0
    for got, want in zip(jax.tree.leaves(by_time(x.swapaxes(0, 1))[1]), (out, V), strict=True):
        np.testing.assert_allclose(got, want.swapaxes(0, 1), rtol=1e-5, atol=1e-6)
    for b in range(3):
        np.testing.assert_allclose(single(x[b])[1][1], V[b], rtol=1e-5, atol=1e-6)


def test_out_vars_is_any_tree_of_paths_after_each_step(net):
    x = jnp.ones((4, 2))
    loop = dp.LoopOverTime(net, {"V": "cell.V", "pair": ["cell.spike", "cell.V"]}, dt=1.0)
    state, (out, seen) = loop(x)
    np.testing.assert_array_equal(seen["pair"][0], out)
    np.testing.assert_array_equal(seen["pair"][1], seen["V"])
    np.testing.assert_array_equal(seen["V"][-1], state["cell.V"])
    with pytest.raises(UnknownPathError, match="Did you mean 'spike'"):
        dp.LoopOverTime(net, "cell.spikes", dt=1.0)(x)


def test_a_number_is_a_duration_and_an_array_are_inputs():
    loop = dp.LoopOverTime(Meter(), "total", dt=0.5, t0=2.0)
    _, (out, total) = loop(1.5)
    np.testing.assert_allclose(out["t"], [2.0, 2.5, 3.0])
    np.testing.assert_array_equal(total, np.zeros(3))
    _, (_, total) = loop(jnp.asarray([1.0, 2.0]))
    np.testing.assert_array_equal(total, [1.0, 3.0])


def test_going_on_from_a_state_needs_no_index(net):
    x, key = jax.random.normal(jax.random.key(2), (10, 2)), jax.random.key(3)
    loop = dp.LoopOverTime(net >> dp.layers.Dropout(0.4), dt=0.1, shared_arg={"fit": True})
    whole, out = loop(x, key=key)
    middle, first = loop(x[:4], key=key)
    end, second = loop(x[4:], middle, key)
    np.testing.assert_array_equal(out, jnp.concatenate([first, second]))
    assert int(middle.i) == 4
    assert int(end.i) == int(whole.i) == 10


def test_the_first_index_can_be_chosen():
    loop = dp.LoopOverTime(Meter(), dt=0.5)
    np.testing.assert_allclose(loop(1.0, i0=8)[1]["t"], [4.0, 4.5])
    state = loop.reset_state(i0=6)
    np.testing.assert_allclose(loop(1.0, state)[1]["t"], [3.0, 3.5])


def test_shared_arguments_reach_the_system_and_fit_among_them_its_flag():
    shared = {"gain": jnp.asarray(3.0), "fit": True}
    _, out = dp.LoopOverTime(Meter(), dt=1.0, shared_arg=shared)(1.0)
    assert bool(out["fit"][0])
    assert float(out["gain"][0]) == 3.0
    assert "fit" in shared  # the caller's dictionary is not touched
    assert not bool(dp.LoopOverTime(Meter(), dt=1.0)(1.0)[1]["fit"][0])


def test_it_is_a_pure_function_under_any_transformation(net):
    loop = dp.LoopOverTime(net, dt=1.0, jit=False)
    x = jax.random.normal(jax.random.key(4), (3, 6, 2))
    single = jax.jit(lambda x: loop(x)[1])
    np.testing.assert_allclose(jax.vmap(single)(x)[1], single(x[1]), rtol=1e-6)
    grads = eqx.filter_grad(lambda loop, x: jnp.sum(loop(x)[1]))(loop, x[0])
    assert float(jnp.abs(grads.target["encode"].weight).sum()) > 0


def test_jit_compiles_once_and_without_it_nothing_is_compiled():
    traced = []

    class Counted(dp.DynamicalSystem):
        def init_state(self, ctx):
            return None

        def update(self, state, x, ctx):
            traced.append(type(x).__name__)
            return None, x

    for _ in range(3):
        dp.LoopOverTime(Counted(), dt=1.0)(jnp.ones(5))
    once = len(traced)
    dp.LoopOverTime(Counted(), dt=1.0, jit=False)(jnp.ones(5))
    assert once == 1
    assert len(traced) > once


def test_a_batch_needs_a_size(net):
    batched = dp.LoopOverTime(net, dt=1.0, data_first_axis="T")
    with pytest.raises(ShapeError, match="batch_size"):
        batched.reset_state()
    with pytest.raises(ShapeError, match="batch_size"):
        dp.LoopOverTime(net, dt=1.0).reset_state(3)
    with pytest.raises(ShapeError, match="does not determine the batch size"):
        batched(3.0)
    cell = dp.LoopOverTime(dp.neurons.LIF(5), dt=1.0, data_first_axis="T")
    assert cell(3.0, cell.reset_state(4))[1].shape == (3, 4, 5)


@pytest.mark.parametrize("number", [np.int64(3), np.float32(3.0), np.float64(3.0)])
def test_a_number_of_numpy_is_a_duration_too(number):
    state, _ = dp.LoopOverTime(dp.neurons.LIF(1), dt=1.0)(number)
    assert state.i == 3


def test_bad_axes_and_durations_are_named(net):
    with pytest.raises(OptionError, match="data_first_axis='N'"):
        dp.LoopOverTime(net, dt=1.0, data_first_axis="N")
    with pytest.raises(DurationError, match="whole number of steps"):
        dp.LoopOverTime(net, dt=1.0)(2.5)
    for given in ("100", True, None, [1.0]):
        with pytest.raises(DurationError, match=r"A duration of .* is no number"):
            dp.core.step_count(given, 1.0)


def test_the_axes_can_be_said_at_the_call(net):
    x = np.asarray(jax.random.normal(jax.random.key(1), (3, 11, 2)))
    loop = dp.LoopOverTime(net, dt=1.0)
    for axis, xs in (("B", x), ("T", x.swapaxes(0, 1))):
        state, out = loop(xs, data_first_axis=axis)
        _, want = dp.LoopOverTime(net, dt=1.0, data_first_axis=axis)(xs)
        np.testing.assert_array_equal(out, want)
        _, more = loop(xs, state, data_first_axis=axis)
        assert more.shape == out.shape
    by_time = dp.LoopOverTime(net, dt=1.0, data_first_axis="T")
    np.testing.assert_array_equal(by_time(x, data_first_axis="B")[1], loop(x, data_first_axis="B")[1])
    with pytest.raises(OptionError, match="data_first_axis='N'"):
        loop(x, data_first_axis="N")


def test_the_first_index_of_the_loop():
    loop = dp.LoopOverTime(Meter(), dt=0.5, i0=8)
    state, out = loop(1.0)
    np.testing.assert_allclose(out["t"], [4.0, 4.5])
    np.testing.assert_allclose(loop(1.0, state)[1]["t"], [5.0, 5.5])
    np.testing.assert_allclose(loop(1.0, i0=2)[1]["t"], [1.0, 1.5])
    assert int(loop.reset_state().i) == 8
    assert int(loop.reset_state(i0=3).i) == 3


class Clock(dp.DynamicalSystem):
    """Reads whatever of the context it is asked to."""

    read: object

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, self.read(ctx.child("part"))


@pytest.mark.parametrize("missing", [{"t0": None}, {"i0": None}, {"t0": None, "i0": None}])
def test_without_a_start_no_time_is_made(net, missing):
    x, key = np.asarray(jax.random.normal(jax.random.key(1), (8, 2))), jax.random.key(0)
    system = net >> dp.layers.Dropout(0.4)
    options = {"dt": 1.0, "shared_arg": {"fit": True}}
    state, out = dp.LoopOverTime(system, **options, **missing)(x, key=key)
    want_state, want = dp.LoopOverTime(system, **options)(x, key=key)
    np.testing.assert_array_equal(out, want)  # an equation that is autonomous is integrated, and keys differ by step
    assert int(state.i) == int(want_state.i) == 8
    for read in (
        lambda ctx: jnp.sin(ctx.t),
        lambda ctx: 2.0 * ctx.t,
        lambda ctx: jnp.where(ctx.t > 1.0, 1.0, 0.0),
        lambda ctx: ctx.t.astype(float),
        lambda ctx: jnp.zeros(()) if ctx.t else jnp.ones(()),
        lambda ctx: jnp.asarray(ctx.t + 1.0),
    ):
        with pytest.raises(OptionError, match=r"reads ctx.t, and the loop makes none"):
            dp.LoopOverTime(Clock(read), dt=1.0, **missing)(3.0)
    by_index = dp.LoopOverTime(Clock(lambda ctx: ctx.i % 2), dt=1.0, **missing)
    if "i0" in missing:
        with pytest.raises(OptionError, match=r"reads ctx.i, and the loop makes none"):
            by_index(3.0)
    else:
        np.testing.assert_array_equal(by_index(3.0)[1], [0, 1, 0])


def test_no_state_is_believed_only_where_it_is_true(net):
    dense = dp.layers.Dense(2, 5, key=jax.random.key(0)) >> jnp.tanh
    x = np.asarray(jax.random.normal(jax.random.key(1), (3, 8, 2)))
    declared = dp.LoopOverTime(dense, no_state=True, dt=1.0, data_first_axis="B")
    _, out = declared(x)
    weight, bias = np.asarray(dense["0"].weight), np.asarray(dense["0"].bias)
    np.testing.assert_allclose(out, np.tanh(x @ weight.T + bias), rtol=1e-5, atol=1e-6)
    with pytest.raises(StateError, match=r"no_state=True, but the system keeps cell.V, cell.spike"):
        dp.LoopOverTime(net, no_state=True, dt=1.0)(x[0])


@pytest.mark.parametrize("go_on", [dp.LoopOverTime.__call__, dp.LoopOverTime.step], ids=["a call", "a step"])
def test_what_is_no_state_of_a_run_is_refused_by_name(net, go_on):
    """As users see it, whose arguments nothing compares with annotations before."""
    go_on = inspect.unwrap(go_on)
    loop, x = dp.LoopOverTime(net, dt=1.0), jnp.ones((3, 2))
    state = loop.reset_state()
    for wrong, told in ((state.system, "a dict"), (state.system["cell"].V, r"an array of shape \(5,\)")):
        with pytest.raises(StateError, match=f"which has the number of the next step.*state.system; got {told}"):
            go_on(loop, x, wrong)


def test_a_name_is_found_in_the_compiled_program(net):
    def text(**options):
        loop = dp.LoopOverTime(net, dt=1.0, jit=False, **options)
        return jax.jit(lambda x: loop(x)[1]).lower(jnp.ones((3, 2))).as_text(debug_info=True)

    assert "retina" in text(name="retina")
    assert "retina" not in text()


def test_out_vars_are_paths(net):
    with pytest.raises(OptionError, match=r"give a path such as 'hidden.V', or a pytree of paths"):
        dp.LoopOverTime(net, {"V": 3}, dt=1.0)


def test_a_batch_of_nothing_is_refused_and_what_is_said_instead_runs():
    noise = dp.sources.WhiteNoise(5, sigma=1.0)
    loop = dp.LoopOverTime(noise, dt=1.0, data_first_axis="B")
    with pytest.raises(ShapeError, match=r"over keys: jax\.vmap"):
        loop(20.0, loop.reset_state(3), key=jax.random.key(0))
    alone = dp.LoopOverTime(noise, dt=1.0)
    keys = jax.random.split(jax.random.key(0), 3)
    assert jax.vmap(lambda key: alone(20.0, key=key)[1])(keys).shape == (3, 20, 5)
