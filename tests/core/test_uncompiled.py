"""`uncompiled` compiles almost nothing, and its results are those of a plain call."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from program_count import programs

import dynplug as dp
from dynplug.core import leaves, to_jax, uncompiled
from dynplug.initializers import initialize

FORMS = [
    np.ones(3, np.float32),
    np.ones(3),
    np.arange(6).reshape(2, 3),
    np.array(True),
    np.zeros((0, 2)),
    [1.0, 2.0],
    3,
]


def form(x):
    return x.dtype, x.shape, getattr(x, "weak_type", None), x.committed


def same(a, b):
    """Bits, dtypes, shapes, weak types, and whether it is said where they are."""
    a, b = ([(leaf.path, jnp.asarray(leaf.value)) for leaf in leaves(tree)] for tree in (a, b))
    assert [path for path, _ in a] == [path for path, _ in b]
    for (_, x), (_, y) in zip(a, b, strict=True):
        assert form(x) == form(y)
        if not jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            assert np.asarray(x).tobytes() == np.asarray(y).tobytes()


@pytest.mark.parametrize("double", [False, True])
def test_arrays_of_numpy_become_those_of_jax_without_a_program(double):
    with jax.enable_x64(double):
        for value in FORMS:
            number, found = programs(lambda value=value: to_jax(value))
            same(found, jnp.asarray(value))
            assert number == 0 or not isinstance(value, np.ndarray)


def start(ctx):
    V = jnp.broadcast_to(jnp.asarray(-65.0, ctx.dtype), (5,))
    near = jnp.abs(V + 40.0) < 1.0
    u = jnp.where(near, 0.2 * V, V / 8.0) + V**2
    return {"V": V, "u": u, "left": jnp.zeros_like(V, jnp.int32), "unused": None, "t": ctx.t}


@pytest.mark.parametrize("double", [False, True])
def test_exact_operations_need_no_program(double):
    with jax.enable_x64(double):
        ctx = dp.Context(dt=0.1, t=np.float64(1.5) if double else np.float32(1.5))
        number, found = programs(lambda: uncompiled(lambda: start(ctx)))
        many, expected = programs(lambda: start(ctx))
    same(found, expected)
    assert number == 0
    assert many >= 5  # else there was nothing to save


def test_all_else_is_computed_by_jax_once_for_each_operation():
    V = np.full(5, -61.0, np.float32)

    def function():
        x = (jnp.asarray(V, jnp.float32) + 40.0) / 10.0  # of which XLA makes a product with a tenth
        return jnp.exp(x), jnp.exp(x + 1.0), jax.random.normal(key, (5,))

    key = jax.random.key(0)
    number, found = programs(lambda: uncompiled(function))
    same(found, function())
    assert number == 3


def test_what_a_call_computes_together_is_not_taken_apart():
    """A product to which something is added may be rounded once."""
    a, b, c = (np.random.default_rng(n).normal(size=64).astype(np.float32) for n in range(3))
    together = jax.jit(lambda a, b, c: a * b + c)
    number, found = programs(lambda: uncompiled(lambda: together(a, b, c)))
    same(found, together(a, b, c))
    assert number == 1


@pytest.mark.parametrize(
    "function",
    [
        lambda: {"x": jnp.ones(3) if float(jnp.ones(()) + 1.0) > 1.0 else None},
        lambda: (jnp.full((3,), 2.0), jnp.asarray(1.0)),
        lambda: jax.device_put(jnp.ones(3), jax.devices()[0]) + 1.0,
        lambda: ("text", 3, None, jnp.tanh, np.ones(2)),
        lambda: jax.random.split(jax.random.key(1)),
        lambda: jnp.full((2,), 1e-40, jnp.float32) * 1.0,
        lambda: jnp.full((2,), 3.0, jnp.bfloat16) / 7.0,
    ],
    ids=["a branch", "weak types", "a device", "no arrays", "keys", "subnormal", "bfloat16"],
)
def test_whatever_a_function_returns_it_returns(function):
    found, expected = uncompiled(function), function()
    arrays, rest = zip(*(eqx.partition(tree, eqx.is_array) for tree in (found, expected)), strict=True)
    same(*arrays)
    assert repr(rest[0]) == repr(rest[1])
    assert jax.tree.structure(found) == jax.tree.structure(expected)


def test_its_errors_are_its_own():
    def function():
        raise dp.errors.ParameterError("a mistake of the user's")

    with pytest.raises(dp.errors.ParameterError, match="a mistake") as caught:
        uncompiled(function)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_arrays_stay_where_the_user_has_put_them():
    placed = jax.device_put(jnp.ones(3), jax.devices()[0])
    for function in (jnp.zeros_like, lambda a: a + 1.0, lambda _: placed + 1.0):
        assert function(placed).committed
        assert uncompiled(function, placed).committed


def test_within_a_function_that_is_compiled_nothing_becomes_a_constant_of_it():
    def function():
        return uncompiled(lambda: jnp.zeros(1000) + 1.0)

    assert not any(np.size(value) > 1 for value in jax.make_jaxpr(function)().consts)


@pytest.mark.parametrize("batch_size", [None, 2])
def test_states_begin_without_programs(batch_size):
    model = dp.Sequential(a=dp.neurons.ALIF(6, tau=7.0), b=dp.synapses.Exponential(6), c=dp.neurons.LeakyIntegrator(6))
    loop = dp.LoopOverTime(model, dt=1.0, data_first_axis=None if batch_size is None else "T")
    number, _ = programs(lambda: loop.reset_state(batch_size))
    assert number == 0


def test_parameters_need_the_programs_of_their_draws_alone():
    key, dtype = jax.random.key(0), jnp.result_type(float)
    for drawn in (dp.initializers.Normal(), dp.initializers.KaimingNormal(), dp.initializers.Uniform(-1.0, 2.0)):
        number, made = programs(lambda drawn=drawn: initialize(drawn, (3, 5), key=key, name="weight"))
        same(made, drawn(key, (3, 5), dtype))
        assert number <= 2  # from JAX 0.12 on a normal number is made of a uniform one in another program
    assert programs(lambda: dp.layers.Dense(5, 3, W_initializer=0.5, b_initializer=np.ones(3)))[0] == 0


def test_a_first_run_and_a_first_epoch_need_few_programs():
    """Operation by operation it would be 25 and 12."""
    runner = dp.DSRunner(dp.neurons.HH(3), monitors=["V"], dt=0.01, progress_bar=False)
    assert (
        programs(lambda: runner.run(inputs=np.full((20, 3), 10.0, np.float32)))[0] <= 3
    )  # an exponential, a quotient, the run
    model = dp.Sequential(input=dp.layers.Dense(4, 3, key=jax.random.key(0)), hidden=dp.neurons.LIF(3, tau=10.0))
    data = np.ones((6, 5, 4), np.float32), np.arange(6) % 3

    def fit():
        trainer = dp.BPTT(model, "cross_entropy", dt=1.0, logger=None, progress_bar=False)
        trainer.fit(data, num_epoch=1, batch_size=3)
        return trainer.get_hist_metric()

    assert programs(fit)[0] <= 5  # two of a key, one about keys, an exponential, the step


def test_a_start_may_be_differentiated_and_vectorised():
    def first(V):
        return dp.LoopOverTime(dp.neurons.LIF(2, V_rest=V), dt=1.0).reset_state()["V"].sum()

    assert float(jax.grad(first)(jnp.asarray(-60.0))) == 2.0
    assert jax.vmap(first)(jnp.array([-60.0, 1.0])).tolist() == [-120.0, 2.0]
