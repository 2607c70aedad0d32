"""Agreement with `jax.lax.scan` where a compiler easily errs: one case for each kind of fault found from outside."""

import functools
import gc
import inspect
import os
import subprocess
import sys
import weakref

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.timeloop import custom_derivative, scan
from dynplug.timeloop.analysis import Analysis, analyse

WAYS = [{}, {"loop": "step"}, {"remat": 2}]
EYE = jnp.eye(3)


@pytest.fixture(params=WAYS, ids=str)
def loop(request):
    return functools.partial(scan, **request.param)


@pytest.fixture
def by_lax(request):
    """The result of a function without arguments that runs `jax.lax.scan`: once for all ways in which `scan` runs."""
    others = {name: value for name, value in request.node.callspec.params.items() if name != "loop"}
    key = request.node.originalname, *others.items()

    def result(make):
        if key not in REFERENCES:
            REFERENCES[key] = make()
        return REFERENCES[key]

    return result


REFERENCES = {}


def compiled(f, argnums=0):
    """Values and gradients of `f(*args, loop)`, compiled."""
    return jax.jit(jax.value_and_grad(f, argnums, has_aux=True), static_argnames="loop")


def total(results):
    return sum(jnp.sin(v).sum() for v in jax.tree.leaves(results) if jnp.issubdtype(v.dtype, jnp.floating))


def same(one, other, **tolerance):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert jax.typeof(a) == jax.typeof(b)
        assert getattr(a, "weak_type", False) == getattr(b, "weak_type", False)
        np.testing.assert_allclose(a, b, **({"rtol": 1e-5, "atol": 1e-6} | tolerance))


PERMUTED = {
    "swapped": lambda w: (lambda c, x: ((c[1], c[0]), c[0] * (x @ w)), 2),
    "rotated": lambda w: (lambda c, x: ((c[1], c[2], c[0]), c[0] + x @ w), 3),
    "swapped beside a unit": lambda w: (lambda c, x: ((c[1], c[0], jnp.tanh(c[2] @ w + x)), c[0] * c[2]), 3),
    "swapped, with a sign": lambda w: (lambda c, x: ((-c[1], c[0]), c[0] * (x @ w)), 2),
    "added to one side": lambda w: (lambda c, x: ((c[1] + x @ w, c[0]), None), 2),
    "accumulated": lambda w: (lambda c, x: ((c[0] + jnp.tanh(x @ w),), None), 1),
    "accumulated, and an output of the input": lambda w: (lambda c, x: ((c[0] + x @ w,), jnp.sin(x @ w)), 1),
    "handed on": lambda w: (lambda c, x: ((c[0], c[1] @ w), c[0] * x), 2),
    "shifted along": lambda w: (lambda c, x: ((x @ w, c[0], c[1]), c[2]), 3),
    "never read": lambda w: (lambda c, x: ((x @ w, jnp.sin(c[1]) + x), x), 2),
    "a number": lambda w: (lambda c, x: ((jnp.zeros(3), c[0] + x @ w), c[0] + c[1]), 2),
}


@pytest.mark.parametrize("length", [1, 5])
@pytest.mark.parametrize("name", PERMUTED)
def test_carries_that_move_among_themselves(name, length, loop, by_lax):
    xs = jnp.arange(3.0 * length).reshape(length, 3) / 10

    def f(w, c, loop):
        return total(results := loop(PERMUTED[name](w)[0], c, xs)), results

    c = tuple(0.1 * (k + 1) * jnp.ones(3) for k in range(PERMUTED[name](EYE)[1]))
    expected = by_lax(lambda: compiled(f, (0, 1))(0.3 * EYE, c, loop=jax.lax.scan))
    same(compiled(f, (0, 1))(0.3 * EYE, c, loop=loop), expected)


@pytest.mark.parametrize("name", ["handed on", "shifted along", "never read"])
def test_carries_that_move_in_reversed_time(name, loop, by_lax):
    xs = jnp.arange(15.0).reshape(5, 3) / 10

    def f(w, c, loop):
        return total(results := loop(PERMUTED[name](w)[0], c, xs, reverse=True)), results

    c = tuple(0.1 * (k + 1) * jnp.ones(3) for k in range(PERMUTED[name](EYE)[1]))
    of = compiled(f, (0, 1))
    same(of(0.3 * EYE, c, loop=loop), by_lax(lambda: of(0.3 * EYE, c, loop=jax.lax.scan)))


@pytest.mark.parametrize("name", PERMUTED)
def test_none_of_them_is_left_to_lax_scan(name):
    step, count = PERMUTED[name](EYE)
    assert isinstance(analyse(step, (jnp.ones(3),) * count, jnp.ones((5, 3)), None, False, "auto", False), Analysis)


def test_a_readout_that_adds_up_trains_on_its_last_state():
    class Count(dp.DynamicalSystem):
        def init_state(self, ctx):
            return {"sum": jnp.zeros(4, ctx.dtype)}

        def update(self, state, x, ctx):
            return {"sum": state["sum"] + x}, None

    first, last = (dp.layers.Dense(n, m, key=jax.random.key(n)) for n, m in ((3, 30), (30, 4)))
    gradients = []
    for loop in ("plain", "auto"):

        def f(first, loop=loop):
            net = first >> dp.neurons.LIF(30) >> last >> Count()
            state, _ = dp.LoopOverTime(net, dt=1.0, loop=loop)(3 * jnp.ones((6, 3)))
            return (state["3.sum"] ** 2).sum()

        gradients.append(jax.grad(f)(first))
    assert float(jnp.abs(gradients[0].weight).sum()) > 0
    same(gradients[1].weight, gradients[0].weight)


UNUSED = {
    "a norm at zero": jnp.linalg.norm,
    "a square root at zero": lambda v: jnp.sqrt(v.sum()),
    "a logarithm at zero": lambda v: jnp.log(v**2),
    "a power at zero": lambda v: (v**2).sum() ** 0.25,
}


@pytest.mark.parametrize("name", UNUSED)
def test_an_output_that_nobody_uses_has_no_part_in_the_gradient(name, loop, by_lax):
    def f(w, x, loop):
        def step(c, x):
            V = 0.9 * c + x @ w
            return V, (V, UNUSED[name](V))

        _, (V, _) = loop(step, jnp.zeros(3), x)
        return ((V - 1) ** 2).sum()

    xs = jnp.zeros((5, 3))
    same(jax.grad(f, (0, 1))(EYE, xs, loop), by_lax(lambda: jax.grad(f, (0, 1))(EYE, xs, jax.lax.scan)))


def test_a_carry_that_nobody_uses_has_no_part_in_the_gradient(loop):
    def f(w):
        def step(c, x):
            V = 0.9 * c[0] + x @ w
            return (V, c[1] + jnp.linalg.norm(V)), V

        return ((loop(step, (jnp.zeros(3), 0.0), jnp.zeros((5, 3)))[1] - 1) ** 2).sum()

    assert bool(jnp.isfinite(jax.grad(f)(EYE)).all())


def test_constants_may_be_arrays_of_numpy(loop, by_lax):
    weight, scale = np.arange(9.0, dtype=np.float32).reshape(3, 3) / 10, np.linspace(0.5, 1.0, 3, dtype=np.float32)

    def f(c, xs, loop):
        results = loop(lambda c, x: (jnp.tanh(c @ weight + x), (c * scale, jnp.asarray(weight))), c, xs)
        return total(results), results

    args = jnp.ones(3), jnp.arange(15.0).reshape(5, 3) / 10
    same(compiled(f)(*args, loop), by_lax(lambda: compiled(f)(*args, jax.lax.scan)))


@pytest.mark.parametrize("jit", [False, True])
def test_a_step_may_write_to_a_reference(jit, loop):
    def f(xs):
        written = jax.new_ref(jnp.zeros(3))

        def step(c, x):
            written[...] = written[...] + x
            return c + 1.0, written[...]

        return loop(step, 0.0, xs), written[...]

    (count, seen), last = (jax.jit(f) if jit else f)(jnp.ones((4, 3)))
    assert count == 4
    assert (last == 4).all()
    assert (seen[:, 0] == jnp.arange(1.0, 5.0)).all()


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_cotangents_may_be_arrays_of_numpy(kind, loop):
    xs = jnp.arange(1.0, 16.0).reshape(5, 3) / 9

    def step(c, x):
        return jnp.sin(c * x), c

    def pulled(loop, kind):
        results, pull = jax.vjp(lambda c: loop(step, c, xs), jnp.ones(3))
        return pull(jax.tree.map(lambda v: kind(np.ones(v.shape, v.dtype)), results))[0]

    same(pulled(loop, kind), pulled(jax.lax.scan, jnp.asarray))


@pytest.mark.parametrize("jit", [False, True])
def test_cotangents_of_a_runner_may_be_arrays_of_numpy(jit):
    runner = dp.LoopOverTime(dp.layers.RNNCell(3, 4, key=jax.random.key(0)), dt=1.0, jit=jit)
    out, pull = jax.vjp(lambda x: runner(x)[1], jnp.ones((6, 3)))
    same(pull(np.ones(out.shape, np.float32))[0], pull(jnp.ones_like(out))[0])
    assert float(jnp.abs(pull(np.ones(out.shape, np.float32))[0]).sum()) > 0


UNDIFFERENTIABLE = {
    "while": lambda s: jax.lax.while_loop(lambda v: jnp.any(v < 1.0), lambda v: v * 1.5 + 0.1, s) * 0.3,
    "callback": lambda s: jax.pure_callback(
        lambda v: np.asarray(v) * np.float32(0.9), jax.ShapeDtypeStruct(s.shape, s.dtype), s
    ),
    "nextafter": lambda s: jnp.nextafter(s, 2 * s),
}


@pytest.mark.parametrize("name", UNDIFFERENTIABLE)
def test_what_no_derivative_runs_through_is_not_differentiated(name, loop, by_lax):
    f = UNDIFFERENTIABLE[name]

    def loss(w, loop):
        def step(c, x):
            V, s, r = c
            s, r = f(s), f(jax.lax.stop_gradient(V) + r)
            V = 0.9 * V + x @ w * s + r
            return (V, s, r), V

        return total(loop(step, (jnp.zeros(3), jnp.ones(3), jnp.ones(3)), jnp.ones((5, 3))))

    same(jax.grad(loss)(EYE, loop), by_lax(lambda: jax.grad(loss)(EYE, jax.lax.scan)), rtol=1e-4)


@jax.custom_jvp
def printed(x):
    return x


@jax.custom_vjp
def printed_there(x):
    return x


@jax.custom_vjp
def printed_back(x):
    return x


def say(v):
    jax.debug.print("{}", v.sum())
    return v


printed.defjvp(lambda p, t: (say(p[0]), t[0]))
printed_there.defvjp(lambda x: (say(x), None), lambda _, g: (2 * g,))
printed_back.defvjp(lambda x: (x, None), lambda _, g: (say(g),))


@pytest.mark.parametrize("within", ["the step", "a branch"])
@pytest.mark.parametrize("look", [printed, printed_there, printed_back], ids=lambda f: f.__name__)
def test_derivative_rules_may_print(look, within, capfd):
    def f(w, loop):
        def step(c, x):
            seen = look(c) if within == "the step" else jax.lax.cond(x[0] > 9, jnp.sin, look, c)
            return jnp.tanh(seen @ w + x), c

        return total(loop(step, jnp.ones(3), jnp.ones((4, 3))))

    def printed_by(loop):
        gradient = jax.jit(jax.grad(f), static_argnums=1)(0.3 * EYE, loop)
        jax.effects_barrier()
        return gradient, sorted(map(float, capfd.readouterr().out.split()))

    found, expected = printed_by(scan), printed_by(jax.lax.scan)
    assert len(expected[1]) == 4
    same(jax.tree.map(jnp.asarray, found), jax.tree.map(jnp.asarray, expected))


def test_what_reaches_nothing_has_a_gradient_of_zero(loop):
    def f(w, loop):
        _, counts = loop(lambda c, x: (c + 1, (c + x @ w > 1).astype(jnp.int32)), jnp.zeros(3), jnp.ones((5, 3)))
        return counts.sum().astype(float) * w.sum()

    with jax.numpy_dtype_promotion("standard"):
        same(jax.grad(f)(EYE, loop), jax.grad(f)(EYE, jax.lax.scan))


def test_what_has_no_derivative_raises_as_in_lax_scan(monkeypatch):
    monkeypatch.setattr(custom_derivative, "fall_back", True)

    def f(c, loop):
        return loop(lambda c, x: (UNDIFFERENTIABLE["while"](c), c), c, None, 3)[1].sum()

    for loop in (jax.lax.scan, scan):
        with pytest.raises(ValueError, match="while_loop"):
            jax.grad(f)(jnp.ones(3), loop)


COUNTERS = {
    "Weyl sequence": (np.uint32(1), np.uint32(0x9E3779B9), 7),
    "int8": (np.int8(0), np.int8(1), 300),
    "uint8": (np.uint8(0), np.uint8(200), 5),
    "downwards": (np.uint32(100), np.uint32(2**32 - 1), 3),
    "int16 downwards": (np.int16(-32760), np.int16(-5), 7),
    "int32 at its end": (np.int32(2**31 - 2), np.int32(1), 5),
}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", COUNTERS)
def test_counters_wrap_around(name, reverse, loop):
    first, by, length = COUNTERS[name]
    expected = jax.lax.scan(lambda c, _: (c + by, c), jnp.asarray(first), None, length, reverse)
    same(loop(lambda c, _: (c + by, c), jnp.asarray(first), None, length, reverse), expected)


def test_zeros_keep_their_sign(loop):
    def step(c, x):
        z = jnp.concatenate([jnp.zeros(2), -jnp.zeros(2)])
        return c, (jnp.copysign(x, z), jnp.arctan2(z, -jnp.ones(4)) + 0 * x, -jnp.zeros(2) * x[:2])

    xs = jnp.ones((3, 4))
    found, expected = loop(step, jnp.zeros(()), xs), jax.lax.scan(step, jnp.zeros(()), xs)
    same(found, expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0,)])
def test_arrays_without_elements(shape, loop, by_lax):
    def f(c, xs, loop):
        results = loop(lambda c, x: (c * 0.5 + x, (c, c.sum())), c, xs)
        return total(results), results

    c, xs = jnp.zeros(shape), jnp.zeros((8, *shape))
    expected = by_lax(lambda: compiled(f, (0, 1))(c, xs, loop=jax.lax.scan))
    same(compiled(f, (0, 1))(c, xs, loop=loop), expected)


def test_types_are_those_of_lax_scan(loop):
    def step(c, x):
        return (c[0] + 1, c[1] * 2.0, c[2], c[3]), (c[1], 3.0, True, c[0], x * 0.5)

    init = (0, 1.5, jnp.bfloat16(2), np.int8(3))
    with jax.numpy_dtype_promotion("standard"):
        for xs in (jnp.arange(4), jnp.arange(4.0, dtype=jnp.bfloat16), np.arange(4, dtype=np.float32)):
            same(loop(step, init, xs), jax.lax.scan(step, init, xs))


def test_a_weak_carry_becomes_what_the_step_makes_of_it(loop):
    def step(c, x):
        return c + x, c

    with jax.numpy_dtype_promotion("standard"):
        xs = jnp.arange(4, dtype=jnp.bfloat16)
        same(loop(step, 0.0, xs), jax.lax.scan(step, 0.0, xs))


WRONG = {
    "no pair": (lambda c, x: c, jnp.zeros(3), jnp.ones((2, 3)), None),
    "another structure": (lambda c, x: ((c, c), x), jnp.zeros(3), jnp.ones((2, 3)), None),
    "another dtype": (lambda c, x: (c.astype(jnp.int32), x), jnp.zeros(3), jnp.ones((2, 3)), None),
    "another shape": (lambda c, x: (c[:2], x), jnp.zeros(3), jnp.ones((2, 3)), None),
    "lengths that differ": (lambda c, x: (c, None), jnp.zeros(3), (jnp.ones(2), jnp.ones(3)), None),
    "another length": (lambda c, x: (c, x), jnp.zeros(3), jnp.ones((2, 3)), 5),
    "no length": (lambda c, x: (c, x), jnp.zeros(3), None, None),
    "no time axis": (lambda c, x: (c, x), jnp.zeros(3), 1.0, None),
    "a carry that is no array": (lambda c, x: (c, x), {"v": jnp.zeros(3), "f": jnp.tanh}, jnp.ones((2, 3)), None),
    "a carry out of range": (lambda c, x: (c, x), 2**31, jnp.ones((2, 3)), None),
    "an input that is no array": (lambda c, x: (c, x[0]), jnp.zeros(3), (jnp.ones((2, 3)), "text"), None),
    "a direction that is an array": (lambda c, x: (c, x), jnp.zeros(3), jnp.ones((2, 3)), None, jnp.bool_(True)),
    "a direction that is a list": (lambda c, x: (c, x), jnp.zeros(3), jnp.ones((2, 3)), None, [True]),
}


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_errors_are_those_of_lax_scan(name, jit):
    step, *rest = WRONG[name]

    def run(loop):
        return jax.jit(lambda: loop(step, *rest))() if jit else loop(step, *rest)

    with pytest.raises((TypeError, ValueError, OverflowError)) as expected:
        run(jax.lax.scan)
    with pytest.raises(expected.type) as found:
        run(inspect.unwrap(scan))  # types are checked in tests alone
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("length", [3, np.int64(3), jnp.int32(3), np.array(3)], ids=lambda v: type(v).__name__)
def test_a_length_may_be_any_whole_number(length, loop):
    step, start = lambda c, x: (c + 1.0, 2.0 * c), jnp.ones(2)
    same(loop(step, start, length=length), jax.lax.scan(step, start, length=3))
    same(jax.jit(lambda c: loop(step, c, length=length))(start), jax.lax.scan(step, start, length=3))


@pytest.mark.parametrize("length", [-1, 2.5, "3", True], ids=str)
def test_a_length_that_is_none_is_answered_as_lax_scan_does(length):
    def outcome(loop):
        try:
            return loop(lambda c, x: (c + 1.0, c), jnp.ones(2), length=length)
        except Exception as error:
            return type(error), str(error)

    found, expected = outcome(inspect.unwrap(scan)), outcome(jax.lax.scan)
    assert jax.tree.map(str, found) == jax.tree.map(str, expected)


def test_the_last_step_may_be_the_first(loop, by_lax):
    def f(w, c, xs, loop):
        def step(c, x):
            c = jnp.tanh(0.5 * c + x @ w)
            return c, c * x

        results = loop(step, c, xs, reverse=True)
        return total(results), results

    args = 0.3 * EYE, jnp.ones(3), jnp.arange(15.0).reshape(5, 3) / 10
    expected = by_lax(lambda: jax.value_and_grad(f, (0, 1, 2), has_aux=True)(*args, jax.lax.scan))
    same(jax.value_and_grad(f, (0, 1, 2), has_aux=True)(*args, loop), expected)


def recurrent(w, loop, length=6):
    def step(c, x):
        c = jnp.tanh(c @ w + x)
        return c, (c**2, jnp.sin(x @ w))

    return loop(step, 0.1 * jnp.ones(3), jnp.arange(3.0 * length).reshape(length, 3) / 10)


def test_forward_mode(loop, x64, by_lax):
    w, t = 0.3 * jnp.eye(3), jnp.arange(9.0).reshape(3, 3) / 10

    def derivatives(loop):
        def h(w):
            return recurrent(w, loop)

        first = [
            lambda w: jax.jvp(h, (w,), (t,)),
            jax.jacfwd(h),
            lambda w: jax.linearize(h, w)[1](t),
        ]
        ways = (jax.jacfwd, jax.jacrev), (jax.jacrev, jax.jacfwd), (jax.jacrev, jax.jacrev)
        second = [outer(inner(lambda w: total(h(w)))) for outer, inner in ways]
        return [[jax.jit(f)(w) for f in some] for some in (first, second)]

    with jax.numpy_dtype_promotion("standard"):
        pairs = zip(derivatives(loop), by_lax(lambda: derivatives(jax.lax.scan)), strict=True)
        for (one, other), tolerance in zip(pairs, ({"rtol": 1e-10}, {"rtol": 1e-9, "atol": 1e-10}), strict=True):
            same(one, other, **tolerance)


def test_what_is_not_batched_stays_so(loop):
    def f(x, loop):
        return loop(lambda c, x: ((c[0] + 1.0, c[1] + x), c[0]), (0.0, 0.0), x)

    xs = jnp.arange(6.0).reshape(2, 3)
    axes = (((None, 0), None),)
    found = jax.vmap(functools.partial(f, loop=loop), out_axes=axes[0])(xs)
    same(found, jax.vmap(functools.partial(f, loop=jax.lax.scan), out_axes=axes[0])(xs))


@pytest.mark.parametrize("axes", [(0, None, None), (None, 0, None), (None, None, 0), (None, None, 1), (0, 0, 1)])
def test_gradients_of_a_batch_and_batches_of_gradients(axes, loop, x64, by_lax):
    def f(w, c, xs, loop):
        return total(loop(lambda c, x: (jnp.tanh(c @ w + x @ w.T), c), c, xs))

    rng = np.random.default_rng(0)
    shapes = [(3, 3), (3,), (5, 3)]
    args = [
        jnp.asarray(rng.normal(size=s if a is None else (*s[:a], 4, *s[a:])) * 0.5)
        for s, a in zip(shapes, axes, strict=True)
    ]

    @functools.partial(jax.jit, static_argnames="loop")
    def both(*args, loop):
        h = functools.partial(f, loop=loop)
        many = jax.vmap(jax.grad(h, (0, 1, 2)), axes)
        return many(*args), jax.grad(lambda *a: jax.vmap(h, axes)(*a).sum(), (0, 1, 2))(*args)

    same(both(*args, loop=loop), by_lax(lambda: both(*args, loop=jax.lax.scan)), rtol=1e-9)


def test_a_backward_pass_that_is_not_linear_sees_the_sum_over_a_batch(loop, x64, by_lax):
    def f(w, c, loop):
        return total(loop(lambda c, x: (jnp.tanh(c @ clipped(w) + x), c), c, jnp.ones((4, 3)) / 3))

    cs = jnp.arange(6.0).reshape(2, 3) / 5

    def gradient(loop):
        return jax.grad(lambda w: jax.vmap(lambda c: f(w, c, loop))(cs).sum())(0.3 * jnp.eye(3))

    def one_by_one():
        each = jax.jit(jax.grad(lambda w, c: f(w, c, jax.lax.scan)))
        return sum(np.asarray(each(0.3 * jnp.eye(3), c)) for c in cs)

    expected, apart = by_lax(lambda: (gradient(jax.lax.scan), one_by_one()))
    same(found := gradient(loop), expected, rtol=1e-9)
    assert np.abs(apart - np.asarray(found)).max() > 1e-3


def test_second_derivatives_go_by_the_rules_of_the_step(loop, x64, by_lax):
    """`jax.lax.scan` forgets the rule of a spike in the forward pass; the steps one by one do not."""
    xs = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)))

    def step(w):
        def one(V, x):
            V = 0.8 * V + x @ w
            s = spike(V - 0.37)
            return V * (1 - s), s

        return one

    def by_hand(step, V, xs):
        outs = []
        for x in xs:
            V, s = step(V, x)
            outs.append(s)
        return V, jnp.stack(outs)

    def f(w, loop):
        return total(loop(step(w), jnp.zeros(3), xs))

    @functools.partial(jax.jit, static_argnums=1)
    def derivatives(w, loop):
        def g(w):
            return f(w, loop)

        return (
            jax.grad(lambda w: (jax.grad(g)(w) ** 2).sum())(w),
            jax.jvp(jax.grad(g), (w,), (w,))[1],
            jax.grad(lambda w: jax.jvp(g, (w,), (w,))[1])(w),
        )

    w = 0.5 * jnp.eye(3) + 0.1
    same(derivatives(w, loop), by_lax(lambda: derivatives(w, by_hand)), rtol=1e-9)


@jax.custom_jvp
def spike(x):
    return (x > 0).astype(x.dtype)


spike.defjvp(lambda primals, tangents: (spike(primals[0]), tangents[0] / (1 + jnp.abs(primals[0])) ** 2))


def test_sums_over_a_named_axis(loop):
    def f(w, x, loop):
        def step(c, x):
            c = jnp.tanh(0.5 * c + jax.lax.psum(x @ w, "units"))
            return c, c

        return total(loop(step, jnp.zeros(3), x))

    xs = jnp.arange(30.0).reshape(2, 5, 3) / 30
    one, other = (
        jax.vmap(jax.grad(functools.partial(f, loop=each)), (None, 0), axis_name="units")
        for each in (loop, jax.lax.scan)
    )
    same(one(EYE, xs), other(EYE, xs))


LINEAR = {
    "table": lambda p, x, i: p.reshape(9, 4)[i],
    "table, one row": lambda p, x, i: jax.lax.dynamic_slice(p.reshape(9, 4), (i[0], 0), (1, 4)).repeat(5, 0),
    "product": lambda p, x, i: x @ p[:24].reshape(6, 4),
    "bias": lambda p, x, i: x[:, :4] + p[:4],
    "scale": lambda p, x, i: x[:, :4] * p[:4],
    "mask": lambda p, x, i: x @ (p[:24].reshape(6, 4) * jnp.arange(24.0).reshape(6, 4)),
    "convolution": lambda p, x, i: jax.lax.conv_general_dilated(x[:, None], p[:12].reshape(4, 1, 3), (2,), "SAME").mean(
        2
    ),
    "depthwise": lambda p, x, i: jax.lax.conv_general_dilated(
        x.reshape(5, 2, 3), p[:12].reshape(4, 1, 3), (1,), "SAME", feature_group_count=2
    ).mean(2),
    "gathered columns": lambda p, x, i: jnp.take(p.reshape(4, 9), i, axis=1).T,
    "clipped": lambda p, x, i: clipped(x @ p[:24].reshape(6, 4)),
    "clipped weight": lambda p, x, i: x @ clipped(p[:24].reshape(6, 4)),
}


@jax.custom_vjp
def clipped(x):
    """The identity, whose backward pass is not linear: that of a sum is not the sum of those."""
    return x


clipped.defvjp(lambda x: (x, None), lambda _, ct: (jnp.clip(ct, -0.01, 0.01),))


@pytest.mark.parametrize("name", LINEAR)
def test_the_gradient_of_what_all_steps_use(name, loop, x64, by_lax):
    rng = np.random.default_rng(0)
    p, x = jnp.asarray(rng.normal(size=36)), jnp.asarray(rng.normal(size=(7, 5, 6)))
    indices = jnp.asarray(rng.integers(0, 9, (7, 5)))

    def f(p, loop):
        def step(c, given):
            c = jnp.tanh(0.5 * c + LINEAR[name](p, *given))
            return c, c

        return total(loop(step, jnp.zeros((5, 4)), (x, indices)))

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        of = jax.jit(jax.grad(f), static_argnums=1)
        same(of(p, loop), by_lax(lambda: of(p, jax.lax.scan)), rtol=1e-9, atol=1e-12)


def temporary_bytes(f, *args):
    return jax.jit(f).lower(*args).compile().memory_analysis().temp_size_in_bytes


@pytest.mark.parametrize("way", [{}, {"loop": "layer"}, {"loop": "step"}], ids=str)
def test_the_gradient_of_a_table_takes_no_table_a_step(way):
    def f(table, length, loop):
        ids = jnp.arange(length * 2).reshape(length, 2) % 500
        return (loop(lambda c, i: (0.9 * c + table[i], c), jnp.zeros((2, 16)), ids)[1] ** 2).mean()

    table = jnp.ones((500, 16))
    ours, lax = (
        temporary_bytes(jax.grad(functools.partial(f, length=100, loop=each)), table)
        for each in (functools.partial(scan, **way), jax.lax.scan)
    )
    assert ours < max(2 * lax, 3 * table.nbytes)


def test_carries_that_nobody_reads_are_not_differentiated():
    def f(p, loop):
        def step(c, x):
            return tuple(jnp.tanh(p * v + 0.01 * k * x) for k, v in enumerate(c)), c[0] + c[-1]

        c = tuple(jnp.zeros(8) for _ in range(40))
        return (loop(step, c, jnp.ones((20, 8)))[1] ** 2).mean()

    ours, lax = (temporary_bytes(jax.grad(functools.partial(f, loop=each)), 0.5) for each in (scan, jax.lax.scan))
    assert ours <= 2 * lax


def equations(jaxpr):
    """The number of equations, including those of inner jaxprs."""
    found = 0
    for eqn in jaxpr.eqns:
        found += 1
        for value in jax.tree.leaves(eqn.params, is_leaf=lambda v: hasattr(v, "eqns") or hasattr(v, "jaxpr")):
            inner = getattr(value, "jaxpr", value)
            found += equations(inner) if hasattr(inner, "eqns") else 0
    return found


def test_the_size_of_a_residual_network_grows_with_its_blocks():
    def size(blocks):
        ps, c = [jnp.eye(32)] * blocks, [jnp.zeros((4, 32))] * blocks

        def f(ps):
            def step(c, x):
                new = []
                for p, v in zip(ps, c, strict=True):
                    new.append(jnp.tanh(0.9 * v + x @ p))
                    x = x + new[-1]
                return new, x

            return total(scan(step, c, jnp.ones((20, 4, 32)), loop="layer"))

        return equations(jax.make_jaxpr(jax.grad(f))(ps).jaxpr)

    assert size(16) < 2.3 * size(8)


def test_calls_with_the_same_step_are_compiled_once(caplog):
    def step(c, x):
        return jnp.tanh(0.9 * c + x), c

    c, xs = jnp.zeros(4), jnp.ones((5, 4))
    scan(step, c, xs)
    with jax.log_compiles(), caplog.at_level("WARNING"):
        scan(step, c, xs)
        jax.grad(lambda c: scan(step, c, xs)[1].sum())(c)
        caplog.clear()
        scan(step, c, xs)
        jax.grad(lambda c: scan(step, c, xs)[1].sum())(c)
    assert not [r for r in caplog.messages if r.startswith("Finished XLA compilation")]
    other = scan(step, c, xs, loop="step", remat=True), scan(step, c, xs, loop="step", remat=1)
    same(*other)


def test_what_is_known_of_a_step_goes_with_it():
    def step(c, x):
        return c + x, c

    scan(step, jnp.zeros(3), jnp.ones((4, 3)))
    known = weakref.ref(step)
    del step
    gc.collect()
    assert known() is None


def test_a_step_may_be_any_callable():
    class Step:
        def __call__(self, c, x):
            return c + x, c

    xs = jnp.arange(4.0)
    for step in (Step(), Step().__call__, functools.partial(Step())):
        same(scan(step, 0.0, xs), jax.lax.scan(step, 0.0, xs))


def test_without_jit_each_step_is_taken_in_python():
    seen = []
    with jax.disable_jit():
        scan(lambda c, x: (seen.append(float(x)) or c + x, c), 0.0, jnp.arange(3.0))
    assert seen == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("shape", ["n, 2, 3", "5, n, 3"])
def test_sizes_may_be_symbols(shape, loop, by_lax):
    n = {"n": 5 if shape.startswith("n") else 2}
    xs = jnp.arange(30.0).reshape([n.get(k) or int(k) for k in shape.split(", ")]) / 30

    def f(w, xs, loop):
        return total(loop(lambda c, x: (jnp.tanh(c @ w + jnp.sin(x @ w)), c), jnp.zeros(xs.shape[1:]), xs))

    specs = jax.ShapeDtypeStruct((3, 3), "float32"), jax.ShapeDtypeStruct(jax.export.symbolic_shape(shape), "float32")
    exported = jax.export.export(jax.jit(functools.partial(jax.value_and_grad(f), loop=loop)))(*specs)
    same(exported.call(0.3 * EYE, xs), by_lax(lambda: jax.value_and_grad(f)(0.3 * EYE, xs, jax.lax.scan)))


def test_what_cannot_be_split_runs_as_lax_scan(monkeypatch):
    monkeypatch.setattr(custom_derivative, "fall_back", True)

    def refuse(*_, **__):
        raise NotImplementedError

    monkeypatch.setattr(custom_derivative, "execute", refuse)
    same(recurrent(0.3 * EYE, scan), recurrent(0.3 * EYE, jax.lax.scan))
    one, other = (jax.grad(lambda w, each=each: total(recurrent(w, each)))(0.3 * EYE) for each in (scan, jax.lax.scan))
    same(one, other)


@pytest.mark.parametrize("broken", ["linearise", "transpose"])
def test_what_cannot_be_turned_round_is_left_to_jax(broken, monkeypatch):
    monkeypatch.setattr(custom_derivative, "fall_back", True)

    def refuse(*_, **__):
        raise NotImplementedError

    monkeypatch.setattr(custom_derivative, broken, refuse)
    one, other = (jax.grad(lambda w, each=each: total(recurrent(w, each)))(0.3 * EYE) for each in (scan, jax.lax.scan))
    same(one, other)
    one, other = (jax.jvp(lambda w, each=each: recurrent(w, each), (EYE,), (EYE,)) for each in (scan, jax.lax.scan))
    same(one, other)


SHARDS = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from dynplug.timeloop import custom_derivative, scan
from dynplug.timeloop.analysis import Analysis, analyse

custom_derivative.fall_back = False
w, c, xs = 0.3 * jnp.eye(3) + 0.1, jnp.ones((4, 3)), jnp.arange(60.0).reshape(5, 4, 3) / 60
step = lambda w: lambda c, x: (jnp.tanh(0.5 * c + x @ w), jnp.sin(c @ w))
f = lambda w, c, x, loop: loop(step(w), c, x)[1]
mesh = jax.make_mesh((2,), ("d",), axis_types=(AxisType.Auto,))
specs = dict(mesh=mesh, in_specs=(P(), P("d"), P(None, "d")))

def mapped(loop, check, jit):
    out = jax.shard_map(lambda *a: f(*a, loop), out_specs=P(None, "d"), check_vma=check, **specs)
    inside = jax.shard_map(
        lambda w, c, x: jax.grad(lambda w: f(w, c, x, loop).sum())(w) if check
        else jax.lax.psum(jax.grad(lambda w: f(w, c, x, loop).sum())(w), "d"),
        out_specs=P(), check_vma=check, **specs)
    outside = jax.grad(lambda *a: out(*a).sum(), (0, 1, 2))
    tangent = lambda *a: jax.jvp(out, a, a)
    return [jit(g)(w, c, xs) for g in (out, inside, outside, tangent)]

expected = {check: mapped(jax.lax.scan, check, jax.jit) for check in (True, False)}
for options in ({}, {"loop": "layer"}, {"loop": "step"}, {"remat": 2}):
    ours = lambda *a: scan(*a, **options)
    for check in (True, False):
        for jit in (jax.jit, lambda f: f):
            found = mapped(ours, check, jit), expected[check]
            for a, b in zip(*map(jax.tree.leaves, found), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    with jax.set_mesh(jax.make_mesh((2,), ("d",), axis_types=(AxisType.Explicit,))):
        d, x = jax.device_put(c, P("d")), jax.device_put(xs, P(None, "d"))
        found = []
        for loop in (ours, jax.lax.scan):
            g = jax.jit(jax.value_and_grad(lambda w, c, x: f(w, c, x, loop).sum(), (0, 1, 2)))
            out = jax.jit(lambda w, c, x: f(w, c, x, loop))(w, d, x)
            found.append((out, g(w, d, x)))
        assert jax.typeof(found[0][0]) == jax.typeof(found[1][0])
        for a, b in zip(*map(jax.tree.leaves, found), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
print("all the same")
"""


def test_loops_on_several_devices(two_devices):
    done = subprocess.run(
        [sys.executable, "-c", SHARDS],
        env=os.environ | two_devices,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert "all the same" in done.stdout, done.stderr[-3000:]
