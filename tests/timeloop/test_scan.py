"""The compiled loop against `jax.lax.scan`, for steps put together at random and for steps made to be difficult."""

import functools
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from jax.experimental import io_callback

from dynplug.errors import OptionError
from dynplug.timeloop import primitives, scan
from dynplug.timeloop.analysis import analyse

UNITS, BATCH = 4, 2
CASES = int(os.environ.get("DYNPLUG_SCAN_CASES", "12"))  # 300 and more where there is time
WAYS = [
    {},
    {"loop": "layer"},
    {"loop": "step"},
    {"remat": True},
    {"remat": 3},
    {"loop": "step", "remat": 2},
]


@pytest.fixture
def all_heavy(monkeypatch):
    """Every product counts as heavy, however small."""
    monkeypatch.setattr(primitives, "_HEAVY_PRODUCT", 1)


@jax.custom_jvp
def spike(x):
    return (x > 0).astype(x.dtype)


spike.defjvp(lambda primals, tangents: (spike(primals[0]), tangents[0] / (1 + jnp.abs(primals[0])) ** 2))

OPERATIONS = {
    "linear": lambda w, a, b, c: a @ w[0],
    "other linear": lambda w, a, b, c: a @ w[1] + w[2],
    "tied linear": lambda w, a, b, c: a @ w[0] + b @ w[0].T,
    "tanh": lambda w, a, b, c: jnp.tanh(a),
    "spike": lambda w, a, b, c: spike(a - 0.1),
    "gate": lambda w, a, b, c: jax.nn.sigmoid(a) * b,
    "add": lambda w, a, b, c: a - 0.5 * b,
    "leak": lambda w, a, b, c: jnp.exp(-(w[2] ** 2)) * a + b,
    "reset": lambda w, a, b, c: jnp.where(a > 0.2, 0.0, a) + 0.1 * b,
    "jit": lambda w, a, b, c: jax.jit(lambda u, v: jnp.sin(u) @ w[1] - v)(a, b),
    "cond": lambda w, a, b, c: jax.lax.cond(c["count"] % 3 == 0, lambda: a @ w[0], lambda: b),
    "inner scan": lambda w, a, b, c: jax.lax.scan(lambda u, _: (jnp.tanh(u @ w[1]), None), a, length=2)[0] + b,
    "while": lambda w, a, b, c: a * jax.lax.while_loop(lambda n: n < 3, lambda n: n + 1, c["count"]).astype(a.dtype),
    "normalise": lambda w, a, b, c: a - a.mean(0, keepdims=True),
    "noise": lambda w, a, b, c: a + jax.random.normal(jax.random.fold_in(jax.random.key(3), c["count"]), a.shape),
    "dropout": lambda w, a, b, c: a * jax.random.bernoulli(jax.random.fold_in(c["key"], c["count"]), 0.5, a.shape),
    "flag": lambda w, a, b, c: jnp.where(c["flag"], a, b),
    "fixed": lambda w, a, b, c: a * c["fixed"],
    "sort": lambda w, a, b, c: jnp.sort(a, axis=-1) + b,
    "slices": lambda w, a, b, c: jnp.concatenate([a[:, 1:], b[:, :1]], axis=1),
    "checkpoint": lambda w, a, b, c: jax.checkpoint(lambda u: jnp.sin(u @ w[0]))(a) + b,
}

operation = st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 30), st.integers(0, 30))


@st.composite
def steps(draw):
    """A random step: operations on earlier values, the values that it carries on, and its outputs."""
    made = draw(st.lists(operation, min_size=1, max_size=9))
    handed = draw(st.tuples(*[st.integers(0, 30)] * 3))
    put_out = draw(st.lists(st.integers(0, 30), min_size=1, max_size=3))
    return made, handed, put_out


def build(made, handed, put_out, weights):
    def step(c, x):
        values = [x, *c["v"]]
        for name, i, j in made:
            values.append(OPERATIONS[name](weights, values[-1 - i % len(values)], values[j % len(values)], c))
        latest = values[::-1]
        new = {
            "v": tuple(latest[i % len(latest)] for i in handed),
            "count": c["count"] + 2,
            "counts": c["counts"] - 1,
            "flag": latest[0] > 0,
            "fixed": c["fixed"],
            "key": c["key"],
            "steps": jnp.where(c["flag"].any(), c["steps"] + 1, 0),
        }
        return new, {"out": [latest[i % len(latest)] for i in put_out], "constant": weights[2], "steps": c["steps"]}

    return step


def start(x):
    return {
        "v": tuple(0.3 * (k + 1) * jnp.ones_like(x[0]) for k in range(3)),
        "count": jnp.int32(1),
        "counts": jnp.arange(3),
        "flag": jnp.zeros((BATCH, UNITS), bool),
        "fixed": jnp.linspace(0.5, 1.5, UNITS, dtype=x.dtype)[None].repeat(BATCH, 0),
        "key": jax.random.key(1),
        "steps": jnp.int32(0),
    }


def results(loop, description, length):
    """Outputs, final carry, and the gradients of a sum of both for weights, inputs and the first carry."""
    rng = np.random.default_rng(length)
    weights = [jnp.asarray(rng.normal(size=s)) * 0.6 for s in [(UNITS, UNITS), (UNITS, UNITS), (1, UNITS)]]
    weights[2] = weights[2].repeat(BATCH, 0)
    x = jnp.asarray(rng.normal(size=(length, BATCH, UNITS)))

    def total(weights, x, v):
        carry, out = loop(build(*description, weights), start(x) | {"v": v}, x, length)
        scale = jnp.arange(1.0, length + 1.0)[:, None, None]
        value = sum((jnp.sin(o) * scale).sum() for o in out["out"]) + sum((v**2).sum() for v in carry["v"])
        carry["key"] = jax.random.key_data(carry["key"])
        return value + out["constant"].sum(), (carry, out)

    return jax.jit(jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True))(weights, x, start(x)["v"])


def assert_same(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.claim(
    "time-loop-random-steps",
    "The compiled time loop gives the outputs, carries and gradients of jax.lax.scan for steps put together "
    "at random (relative, and absolute below 0.1)",
    tolerance=1e-8,
    reference="jax.lax.scan",
    components=("runner:LoopOverTime",),
)
@pytest.mark.usefixtures("x64", "all_heavy")
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=CASES < 100)
@given(description=steps(), length=st.integers(1, 8), way=st.sampled_from(WAYS))
def test_random_steps(measured, description, length, way):
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        expected = results(jax.lax.scan, description, length)
        found = results(functools.partial(scan, **way), description, length)
    assert_same(found, expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        measured.relative(a, b, floor=0.1)


def leaky(weight, weak=1.0):
    """A layer of leaky units that spike, behind a matrix product."""

    def step(V, x):
        V = 0.9 * V + jnp.tanh(x @ weight) * weak
        s = spike(V - 0.5)
        return V - 0.5 * s, s

    return step


def every_equation(f, *args):
    """All equations of a function, those of the functions that it calls included."""

    def walk(jaxpr):
        for eqn in jaxpr.eqns:
            yield eqn
            for value in jax.tree.leaves(eqn.params, is_leaf=lambda v: hasattr(v, "eqns") or hasattr(v, "jaxpr")):
                inner = getattr(value, "jaxpr", value)
                if hasattr(inner, "eqns"):
                    yield from walk(inner)

    return list(walk(jax.make_jaxpr(f)(*args).jaxpr))


def primitives_of(f, *args):
    """All primitives of a function, those of the functions that it calls included, and those within loops apart."""

    def walk(jaxpr, inside):
        for eqn in jaxpr.eqns:
            yield eqn, inside
            loops = inside or eqn.primitive.name in ("scan", "while")
            for value in jax.tree.leaves(eqn.params, is_leaf=lambda v: hasattr(v, "eqns") or hasattr(v, "jaxpr")):
                inner = getattr(value, "jaxpr", value)
                if hasattr(inner, "eqns"):
                    yield from walk(inner, loops)

    found = list(walk(jax.make_jaxpr(f)(*args).jaxpr, False))
    return [e.primitive.name for e, inside in found if inside], [e.primitive.name for e, inside in found if not inside]


W = jnp.asarray(np.random.default_rng(0).normal(size=(40, 30)), jnp.float32)
X = jnp.asarray(np.random.default_rng(1).normal(size=(12, 5, 40)), jnp.float32)
V0 = jnp.zeros((5, 30))


def loss(weight, x=X, **options):
    _, s = scan(leaky(weight), V0, x, len(x), **options)
    return (s.mean(0) ** 2).sum()


def test_a_product_leaves_the_loop_and_its_gradient_is_one_product():
    inside, outside = primitives_of(jax.grad(functools.partial(loss, loop="layer")), W)
    assert "dot_general" not in inside
    assert outside.count("dot_general") == 2  # forward, and the weight's gradient; nobody asked for the input's
    inside, _ = primitives_of(jax.grad(functools.partial(loss, loop="plain")), W)
    assert "dot_general" in inside


def test_a_product_with_its_weight_on_the_left_is_not_turned_round_in_time():
    def run(x):
        return scan(lambda V, x: (0.9 * V + jax.vmap(lambda x: W.T @ x)(x), V), V0, x, loop="layer")[1]

    products = [e for e in every_equation(run, X) if e.primitive.name == "dot_general"]
    assert [e.outvars[0].aval.shape for e in products] == [(12, 5, 30)]
    np.testing.assert_allclose(run(X), jax.lax.scan(lambda V, x: (0.9 * V + x @ W, V), V0, X)[1], rtol=1e-4, atol=1e-5)


def test_a_product_that_would_store_more_than_it_computes_stays_in_the_loop():
    def attend(rows, x):
        rows = jnp.concatenate([rows[1:], x[None]])
        return rows, jnp.einsum("rbn,bn->br", rows, x)

    inside, outside = primitives_of(lambda x: scan(attend, jnp.zeros((32, 5, 40)), x, loop="layer"), X)
    assert "dot_general" in inside
    assert "dot_general" not in outside


def test_convolutions_in_groups_stay_in_the_loop_on_a_cpu(monkeypatch):
    kernel, images = jnp.ones((4, 1, 3, 3)), jnp.ones((5, 2, 4, 8, 8))

    def run(kernel):
        def step(V, x):
            return V, jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", feature_group_count=4)

        return (scan(step, 0.0, images, loop="layer")[1] ** 2).sum()

    inside, outside = primitives_of(jax.grad(run), kernel)
    assert "conv_general_dilated" in inside
    assert "conv_general_dilated" not in outside
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    inside, outside = primitives_of(jax.grad(run), kernel)
    assert "conv_general_dilated" not in inside
    assert outside.count("conv_general_dilated") == 2


@pytest.mark.parametrize(("units", "held"), [(4, False), (300, True)])
def test_inputs_that_a_step_cuts_up_are_taken_out_whole_on_a_cpu(units, held):
    def step(h, x):
        a, b = jnp.split(x @ jnp.ones((8, 2 * units)) + jnp.tile(h, 2), 2, axis=-1)
        return jnp.tanh(a) * b, None

    inside, _ = primitives_of(lambda x: scan(step, jnp.zeros((8, units)), x, loop="layer")[0], jnp.ones((5, 8, 8)))
    assert ("cond" in inside) == held


def test_step_by_step_is_one_scan_each_way_and_the_weight_gradient_one_product():
    inside, outside = primitives_of(jax.grad(functools.partial(loss, loop="step")), W)
    assert inside.count("dot_general") == 1
    assert outside.count("dot_general") == 1
    assert outside.count("scan") == 2


def test_a_step_without_recurrence_is_one_call():
    inside, outside = primitives_of(lambda x: scan(lambda c, x: (c, jnp.tanh(x @ W) @ W.T), None, x, len(x)), X)
    assert inside == []
    assert outside.count("dot_general") == 2
    _, y = scan(lambda c, x: (c, jnp.tanh(x @ W)), None, X, len(X))
    np.testing.assert_allclose(y, jnp.tanh(X @ W), rtol=1e-5, atol=1e-6)


def test_what_is_the_same_in_every_step_is_computed_once():
    def run(tau):
        def step(V, x):
            return jnp.exp(-1 / tau)[None] * V + x, V

        return scan(step, V0, X[..., :30], len(X))[1]

    inside, outside = primitives_of(run, jnp.arange(1.0, 31.0))
    assert "exp" in outside
    assert "exp" not in inside


@pytest.mark.parametrize("length", [1, 7])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_value_that_is_not_read_and_ends_each_step_as_another_is_carried_once(length, reverse, x64):
    def step(carry, x):
        V, _, read, _ = carry
        V = jnp.tanh(0.9 * V + x + 0.1 * read)
        s = V**2
        return (V, s, s, s), V

    start = tuple(jnp.full(3, 0.1 * k) for k in range(4))
    x = jnp.linspace(-1.0, 1.0, 3 * length).reshape(length, 3)

    def total(loop, start, x):
        carry, ys = loop(step, start, x, reverse=reverse)
        return sum((k + 1) * (v**2).sum() for k, v in enumerate(carry)) + ys.sum(), carry

    found, expected = (
        jax.jit(jax.value_and_grad(functools.partial(total, loop), argnums=(0, 1), has_aux=True))(start, x)
        for loop in (functools.partial(scan, loop="step"), jax.lax.scan)
    )
    assert_same(found, expected)
    assert not np.any(found[1][0][1])  # the first value of what no step reads goes nowhere
    hoisted = analyse(step, start, x, None, reverse, "step", False).hoisted
    assert hoisted.copies == {1: 2, 3: 2}
    assert hoisted.carried == (0, 2)


def test_the_backward_pass_keeps_one_value_a_step_of_a_spiking_unit():
    def kept(**options):
        _, pull = jax.vjp(functools.partial(loss, **options), W)
        own = [X.nbytes, W.nbytes]
        return sum(v.nbytes for v in jax.tree.leaves(pull) if hasattr(v, "nbytes") and v.nbytes not in own)

    row = V0.nbytes * len(X)
    # beside the potential before its reset: the product's tanh, kept because a product is not repeated
    assert kept(loop="step") <= 2.5 * row


@pytest.mark.parametrize("options", WAYS)
def test_under_vmap_and_within_another_scan(options, x64):
    xs, V = (np.asarray(a, float) for a in (X.reshape(3, 4, 5, 40), V0))

    def run(weight):
        def outer(total, x):
            _, s = scan(leaky(weight), V, x, 4, **options)
            return total + s.sum(), s.mean()

        return jax.lax.scan(outer, 0.0, xs)[0]

    many = np.stack([W, 0.5 * W, -W]).astype(float)
    with jax.numpy_dtype_promotion("standard"):
        found = jax.jit(jax.vmap(jax.grad(run)))(many)
        one = jax.jit(jax.grad(run))
        alone = np.stack([one(w) for w in many])
    assert np.abs(alone).max() > 1e-3
    np.testing.assert_allclose(found, alone, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("loop", ["auto", "layer", "step"])
def test_chunks_of_which_the_last_is_shorter(loop, reverse, x64):
    """Values, carries and gradients, those of what all steps use included, in both directions of time."""
    xs = jnp.arange(21.0).reshape(7, 3) / 10

    def f(w, c, xs, loop):
        carry, ys = loop(lambda c, x: (jnp.tanh(c @ w + x), jnp.sin(c) * x), c, xs, reverse=reverse)
        return jnp.cos(carry).sum() + (jnp.cumsum(ys, 0) ** 2).sum(), (carry, ys)

    of = jax.jit(jax.value_and_grad(f, (0, 1, 2), has_aux=True), static_argnums=3)
    given = 0.3 * jnp.eye(3) + 0.1, 0.1 * jnp.ones(3), xs
    assert_same(of(*given, functools.partial(scan, loop=loop, remat=3)), of(*given, jax.lax.scan))


@pytest.mark.parametrize("options", WAYS)
def test_second_derivatives_by_reverse_over_reverse(options, x64):
    def f(w, loop):
        _, y = loop(lambda c, x: (jnp.tanh(x * w + c), c), 0.0, jnp.linspace(0.0, 1.0, 6), 6)
        return (y**2).sum()

    second, expected = (
        jax.jit(jax.grad(jax.grad(lambda w, loop=loop: f(w, loop))))(0.7)
        for loop in (functools.partial(scan, **options), jax.lax.scan)
    )
    np.testing.assert_allclose(second, expected, rtol=1e-9)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64, jnp.bfloat16, jnp.complex64])
def test_dtypes_are_kept(dtype, x64):
    def step(V, x):
        return V * jnp.asarray(0.5, dtype) + x @ x.T, V

    x = jnp.ones((6, 4, 4), dtype)
    new, y = scan(step, jnp.zeros((4, 4), dtype), x, 6)
    expected = jax.lax.scan(step, jnp.zeros((4, 4), dtype), x)
    assert (new.dtype, y.dtype) == (dtype, dtype)
    np.testing.assert_allclose(np.asarray(y, complex), np.asarray(expected[1], complex), rtol=1e-2)


def test_prints_happen_in_every_step(capfd):
    def step(V, x):
        jax.debug.print("at {}", x)
        return V + x, V

    scan(step, 0.0, jnp.arange(3.0), 3)
    jax.effects_barrier()
    assert capfd.readouterr().out.split() == ["at", "0.0", "at", "1.0", "at", "2.0"]


def test_callbacks_are_called_in_order():
    seen = []

    def step(V, x):
        y = io_callback(lambda v: seen.append(float(v)) or v, jax.ShapeDtypeStruct((), x.dtype), x, ordered=True)
        return V + y, V

    new, _ = scan(step, jnp.float32(0), jnp.arange(4, dtype=jnp.float32), 4)
    assert float(new) == 6.0
    assert seen == [0.0, 1.0, 2.0, 3.0]


def test_other_generators_draw_the_numbers_that_lax_scan_draws():
    key = jax.random.key(3, impl="rbg")

    def step(V, i):
        return V, jax.random.normal(jax.random.fold_in(key, i), (3,))

    steps = jnp.arange(5)
    np.testing.assert_array_equal(scan(step, 0.0, steps, 5)[1], jax.lax.scan(step, 0.0, steps)[1])


def test_a_carry_of_another_kind_is_the_error_of_lax_scan():
    with pytest.raises(TypeError, match="carry"):
        scan(lambda c, x: ((c, c), x), 0.0, jnp.arange(3.0), 3)
    with pytest.raises(TypeError, match="carry"):
        scan(lambda c, x: (c.astype(jnp.int32), x), jnp.float32(0), jnp.arange(3.0), 3)


def test_no_step_at_all():
    new, y = scan(leaky(W), V0, X[:0], 0)
    np.testing.assert_array_equal(new, V0)
    assert y.shape == (0, 5, 30)


def test_outputs_and_carries_that_are_numbers():
    new, y = scan(lambda c, x: (jnp.float32(2), (True, 3, 1.5, x)), jnp.float32(0), jnp.arange(4), 4)
    expected = jax.lax.scan(lambda c, x: (jnp.float32(2), (True, 3, 1.5, x)), jnp.float32(0), jnp.arange(4))
    assert_same((new, y), expected)


@pytest.mark.claim(
    "time-loop-convolution",
    "The gradient of a convolution's kernel, taken out of the time loop, is that of jax.lax.scan (relative)",
    tolerance=1e-9,
    reference="jax.lax.scan",
    components=("runner:LoopOverTime",),
)
def test_a_convolution_and_the_gradient_of_its_kernel(x64, measured):
    kernel = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2, 3, 3)))
    images = jnp.asarray(np.random.default_rng(1).normal(size=(5, 2, 2, 8, 8)))

    def f(kernel, loop):
        def step(V, x):
            V = 0.8 * V + jax.lax.conv_general_dilated(x, kernel, (2, 2), "SAME")
            return V - spike(V - 1), jnp.tanh(V)

        return (loop(step, jnp.zeros((2, 3, 4, 4)), images, 5)[1] ** 2).sum()

    ours = functools.partial(f, loop=functools.partial(scan, loop="layer"))
    inside, _ = primitives_of(jax.grad(ours), kernel)
    assert "conv_general_dilated" not in inside
    measured.relative(jax.grad(ours)(kernel), jax.grad(functools.partial(f, loop=jax.lax.scan))(kernel))


def test_memory_of_a_long_loop_grows_like_its_square_root():
    def bytes_for(length, **options):
        x = jax.ShapeDtypeStruct((length, 5, 40), jnp.float32)
        compiled = jax.jit(jax.grad(lambda w, x: loss(w, x, **options))).lower(W, x).compile()
        return compiled.memory_analysis().temp_size_in_bytes - 4 * length * 5 * 30  # less what `s.mean` itself needs

    short, long = (bytes_for(n, remat=True) for n in (400, 10_000))
    assert long < 8 * short  # 25 times the steps
    assert long < bytes_for(10_000, loop="plain") / 8


@pytest.mark.parametrize("options", [{"loop": "laver"}, {"remat": -1}, {"loop": "plain", "remat": True}])
def test_options_that_are_none(options):
    with pytest.raises(OptionError):
        loss(W, **options)
