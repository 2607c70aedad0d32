"""The operations of kernels: every elementwise primitive of JAX, or the reason why not."""

import math
import re
from functools import cache, partial

import jax
import jax.extend.core.primitives as primitives
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from scipy import special

from dynplug.timeloop import scan
from dynplug.timeloop.analysis import analyse
from dynplug.timeloop.explain import describe
from dynplug.timeloop.kernel_ops import _LACKING as LACKING, operation, operation_count
from dynplug.timeloop.primitives import is_batchable
from dynplug.timeloop.recurrence import MOST_ADDED, is_computable

COMPILER = "mosaic" if jax.__version_info__ >= (0, 11) else "triton"


def lowered(f, *args):
    """The program that a function is for an NVIDIA GPU, as text, and the number of its kernels."""
    text = jax.jit(f).trace(*args).lower(lowering_platforms=("cuda",)).as_text()
    return text, len(re.findall(r"custom_call @(?:mosaic_gpu_v2|__gpu\$xla\.gpu\.triton)", text))


# -- Every primitive -----------------------------------------------------------------------------------------------

# What needs parameters; everything else that takes numbers and gives as many is found.
WITH_PARAMETERS = {
    "bitcast": lambda x: lax.bitcast_convert_type(x, f"int{8 * x.dtype.itemsize}"),
    "to float": lambda x: x.astype(jnp.float32),
    "to int": lambda x: x.astype(jnp.int32),
    "to bool": lambda x: x.astype(bool),
    "cube": lambda x: lax.integer_pow(x, 3),
    "inverse": lambda x: lax.integer_pow(x, -1),
    "round from zero": lambda x: lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO),
    "round to even": lambda x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN),
    "barrier": lambda x: lax.optimization_barrier(x),
    "choice": lambda x: lax.select_n(lax.ne(x, x), x, lax.exp(x) if x.dtype.kind == "f" else x),
    "cases": lambda x: lax.select_n(lax.ne(x, lax.abs(x)).astype(jnp.int32), x, lax.neg(x), lax.square(x)),
}
# Iterative, or no function of numbers alone.
STAY_SCANS = {
    *("lgamma", "digamma", "polygamma", "igamma", "igammac", "igamma_grad_a", "regularized_incomplete_beta", "zeta"),
    *("complex", "conj", "random_gamma", "random_fold_in", "eq_to", "le_to", "lt_to"),
}
MIX_UNITS = {"sort", "cummin", "cummax", "cumprod", "cumsum", "cumlogsumexp"}


def equations(f, *xs):
    """The equations of an elementwise function, or none of another kind of function."""
    try:
        eqns = jax.make_jaxpr(f)(*xs).jaxpr.eqns
    except Exception:  # whatever a primitive raises for arguments that are not its own
        return []
    alike = all(getattr(v.aval, "shape", None) == xs[0].shape for eqn in eqns for v in eqn.outvars)
    return eqns if alike and eqns and eqns[0].outvars else []


@cache
def elementwise(dtype):
    """All elementwise functions of a dtype: by name, the function of a list of arguments, and its equations."""
    ones = [jnp.ones((2, 3), dtype)] * 3
    found = {}
    for p in (getattr(primitives, name) for name in dir(primitives) if name.endswith("_p")):
        for count in (1, 2, 3):
            f = getattr(lax, p.name, getattr(lax, f"bitwise_{p.name}", p.bind))  # with the parameters that it needs
            eqns = equations(f, *ones[:count])
            if p.name not in {*found, *MIX_UNITS} and [eqn.primitive for eqn in eqns] == [p]:
                found[p.name] = partial(lambda f, count, *xs: f(*xs[:count]), f, count), eqns
    for name, f in WITH_PARAMETERS.items():
        if eqns := equations(f, ones[0]):
            found[name] = partial(lambda f, x, *rest: f(x), f), eqns
    return found


def in_kernels(dtype, compiler):
    """Those that a kernel computes."""
    return {n: f for n, (f, eqns) in elementwise(dtype).items() if all(is_computable(e, compiler) for e in eqns)}


def sample(dtype, rng):
    """Numbers of both signs, small enough for every function, and none of them zero."""
    shape = (5, 4, 3)
    if dtype == "bool":
        return jnp.asarray(rng.random(shape) < 0.5)
    if jnp.issubdtype(dtype, jnp.integer):
        return jnp.asarray(rng.integers(1, 7, shape) * (1 if dtype[0] == "u" else rng.choice([-1, 1], shape)), dtype)
    return jnp.asarray(rng.uniform(0.1, 2.5, shape) * rng.choice([-1.0, 1.0], shape), dtype)


def all_of(functions):
    """A step that computes all functions of what is carried and of its inputs; the first input is carried on."""

    def step(c, x):
        first, second = x
        after = lax.max(lax.min(c, first), first) if c.dtype != bool else (c & first) | first
        return after, {name: f(c, first, second) for name, f in functions.items()}

    return step


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int32", "int8", "bool"])
def test_every_elementwise_primitive_is_in_kernels_or_named(dtype):
    """A primitive that a later JAX adds fails here first."""
    with jax.enable_x64(dtype == "float64"):
        found, computed = elementwise(dtype), in_kernels(dtype, "interpreted")
    assert len(found) > 20
    left = found.keys() - computed.keys() - STAY_SCANS - ({"clamp"} if dtype == "bool" else set())  # XLA lacks it, too
    assert not left, f"give kernel_ops an identity of {left}, or name it as one that stays a scan"
    strangers = {eqn.primitive.name for _, eqns in found.values() for eqn in eqns if not is_batchable(eqn)}
    assert strangers <= {"random_gamma", "random_fold_in", "eq_to", "le_to", "lt_to"}, "list them in primitives.py"


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [("float32", 5e-6), ("float64", 2e-14), ("bfloat16", 0.02), *((d, 0) for d in ("int32", "int8", "uint16", "bool"))],
)
def test_every_primitive_in_a_kernel_gives_what_a_scan_gives(dtype, tolerance, kernels):
    rng = np.random.default_rng(3)
    with jax.enable_x64(dtype == "float64"):
        step = all_of(in_kernels(dtype, "interpreted"))
        start, xs = sample(dtype, rng)[0], (sample(dtype, rng), sample(dtype, rng))
        if jnp.issubdtype(dtype, jnp.integer):
            xs = xs[0], jnp.abs(xs[1])  # a shift
        expected, found = (jax.jit(partial(scan, step, loop=loop))(start, xs)[1] for loop in ("plain", "auto"))
    for name in expected:
        for a, b in zip(jax.tree.leaves(found[name]), jax.tree.leaves(expected[name]), strict=True):
            assert a.dtype == b.dtype
            a, b = (np.asarray(v, np.float64) if v.dtype == jnp.bfloat16 else np.asarray(v) for v in (a, b))
            assert np.isfinite(b).any()
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=name)


def steps_of(functions, dtype):
    """The functions, in as many steps as Mosaic needs, whose time grows with the square of the operations."""
    if COMPILER == "triton":
        return [functions]
    steps, room = [{}], MOST_ADDED
    for name, f in functions.items():
        added = sum(operation_count(eqn) - 1 for eqn in elementwise(dtype)[name][1])
        if added > MOST_ADDED:  # which stays a scan
            continue
        if added > room or len(steps[-1]) == 8:
            steps.append({})
            room = MOST_ADDED
        steps[-1][name] = f
        room -= added
    return steps


@pytest.mark.parametrize(
    "dtype",
    ["float32", "float64", "int32", "uint16", "bool", "int8" if COMPILER == "triton" else "bfloat16"],
)
def test_a_compiler_takes_every_primitive(dtype, kernels):
    kernels(COMPILER)
    rng = np.random.default_rng(3)
    with jax.enable_x64(dtype == "float64"):
        functions = in_kernels(dtype, COMPILER)
        assert len(functions) > 15
        start, xs = sample(dtype, rng)[0], (sample(dtype, rng), sample(dtype, rng))
        for some in steps_of(functions, dtype):
            # a warning, an error here, tells what it refuses
            text, count = lowered(partial(scan, all_of(some)), start, xs)
            assert count == 1
            assert "stablehlo.while" not in text


@pytest.mark.parametrize(
    ("reason", "f"),
    [
        ("lgamma of float32", lax.lgamma),
        ("complex of complex64, float32", lambda x: lax.abs(lax.complex(x, x))),
        (
            "bitcast_convert_type of float32, int8",
            lambda x: lax.bitcast_convert_type(x, jnp.int8)[..., 0].astype(float),
        ),
        ("zeta of float32", lambda x: lax.zeta(x + 2.0, x)),
    ],
)
def test_what_no_kernel_computes_is_a_scan_with_the_reason(reason, f, kernels):
    start, xs = jnp.full((3, 4), 0.2), jnp.ones((9, 3, 4))

    def step(c, x):
        after = f(0.5 * c[0] + x)
        return (after,), after

    plan = describe(analyse(step, (start,), xs, 9, False, "auto", False), ["v"], 9)
    assert f"no kernel: a kernel cannot compute {reason}" in plan


# -- Accuracy ----------------------------------------------------------------------------------------------------

SMALL = np.concatenate([[0.0, -0.0], *(s * np.logspace(-30, 1, 400) for s in (1, -1))])
WIDE = np.concatenate([SMALL, [np.inf, -np.inf, np.nan], *(s * np.logspace(1, 38, 300) for s in (1, -1))])
HALVES = np.arange(-6, 6.5, 0.5)


PAIRS = np.array(np.meshgrid(*[[0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 0.5, -1.5, 2, 3, -3, 1e9, -1e30, 1e-9]] * 2))
RANDOM = np.random.default_rng(0)
TWO = np.concatenate(
    [PAIRS.reshape(2, -1), RANDOM.normal(size=(2, 4000)) * 10.0 ** RANDOM.integers(-6, 6, (2, 4000))], 1
)
BASES = np.stack([RANDOM.uniform(0.01, 20, 4000) ** RANDOM.choice([1, 10, -5], 4000), RANDOM.normal(0, 9, 4000)])
TWICE = np.concatenate([TWO, BASES], 1)


def of_c(f):
    """A function of the C library, which shares nothing with SciPy's."""
    return np.vectorize(lambda x: np.longdouble(f(float(x))))


def bessel(order):
    """By the trapezoidal rule over a period, which converges faster than any power."""
    angles = np.arange(400) * 2 * np.pi / 400

    def f(x):
        x = np.asarray(x, np.longdouble)[:, None]
        return np.mean(np.exp(x * np.cos(angles) - np.abs(x)) * np.cos(order * angles), 1)

    return f


ROUND = lax.RoundingMethod
ONE = np.concatenate([np.linspace(-1, 1, 801), 1 - np.logspace(-7, -1, 200)])
ACCURACY = [  # the function, an independent one, arguments, and the largest error in units of the last place
    (lax.log1p, np.log1p, [np.concatenate([WIDE, np.linspace(-1, 2, 500)])], 6),
    (lax.expm1, np.expm1, [np.concatenate([WIDE, np.linspace(-80, 80, 500)])], 6),
    (lax.is_finite, np.isfinite, [WIDE], 0),
    (lax.floor, np.floor, [np.concatenate([WIDE, HALVES])], 0),
    (lax.ceil, np.ceil, [np.concatenate([WIDE, HALVES])], 0),
    (lambda x: lax.round(x, ROUND.TO_NEAREST_EVEN), np.round, [np.concatenate([WIDE, HALVES])], 0),
    (
        lambda x: lax.round(x, ROUND.AWAY_FROM_ZERO),
        of_c(lambda x: math.copysign(math.floor(abs(x) + 0.5), x)),
        [HALVES],
        0,
    ),
    (lax.nextafter, None, TWO, 0),
    (lax.rem, np.fmod, TWO, 0),
    (lax.pow, np.power, TWICE, 16),
    (lax.cbrt, np.cbrt, [WIDE], 6),
    (lax.sinh, np.sinh, [np.concatenate([SMALL, np.linspace(-88, 88, 300)])], 6),
    (lax.cosh, np.cosh, [np.concatenate([SMALL, np.linspace(-88, 88, 300)])], 6),
    (lax.asinh, np.arcsinh, [WIDE], 6),
    (lax.acosh, np.arccosh, [np.concatenate([WIDE, 1 + np.logspace(-6, 1, 300)])], 6),
    (lax.atanh, np.arctanh, [np.concatenate([SMALL, ONE])], 6),
    (lax.tan, np.tan, [np.linspace(-1.4, 1.4, 300)], 6),
    (lax.asin, np.arcsin, [np.concatenate([SMALL, ONE])], 12),
    (lax.acos, np.arccos, [np.concatenate([SMALL, ONE])], 12),
    (lax.atan, np.arctan, [WIDE], 12),
    (lax.atan2, np.arctan2, TWO, 12),
    (lax.erf, of_c(math.erf), [WIDE], 12),
    (lax.erfc, of_c(math.erfc), [np.concatenate([WIDE, np.linspace(-6, 9, 500)])], 12),
    (lax.bessel_i0e, bessel(0), [np.concatenate([SMALL, np.linspace(-30, 30, 300)])], 32),
    (lax.bessel_i1e, bessel(1), [np.linspace(-30, 30, 300)], 32),
    (lambda x: lax.integer_pow(x, 5), lambda x: x**5, [np.linspace(-20, 20, 301)], 6),
    (lambda x: lax.integer_pow(x, -3), lambda x: 1.0 / x**3, [np.linspace(0.1, 20, 301)], 6),
    (lambda x: lax.integer_pow(x, 0), np.ones_like, [HALVES], 0),
    (lax.square, np.square, [HALVES], 0),
]


@pytest.mark.claim(
    "kernels-operations",
    "Functions that compilers of kernels lack are computed by others (units in the last place; powers to 16, Bessel "
    "functions to 32)",
    tolerance=12.0,
    reference="NumPy's extended precision and the C library",
    components=("runner:LoopOverTime",),
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_identity_is_as_accurate_as_the_function(dtype, measured):
    """All in one program, as compilation takes longer than all else."""
    with jax.enable_x64(dtype == "float64"), np.errstate(all="ignore"):
        given = [[jnp.asarray(a, dtype) for a in at] for _, _, at, _ in ACCURACY]
        traced = [jax.make_jaxpr(f)(*xs).jaxpr.eqns for (f, *_), xs in zip(ACCURACY, given, strict=True)]
        computes = [operation(eqn) for (eqn,) in traced]
        results = jax.jit(lambda given: [compute(*xs) for compute, xs in zip(computes, given, strict=True)])(given)
        for (_, oracle, _, most), ((eqn,), xs, found) in zip(
            ACCURACY, zip(traced, given, results, strict=True), strict=True
        ):
            name, found = eqn.primitive.name, np.asarray(found)
            xs = [np.asarray(x) for x in xs]
            exact = np.nextafter(*xs) if oracle is None else oracle(*(x.astype(np.longdouble) for x in xs))
            if found.dtype == bool:
                np.testing.assert_array_equal(found, exact)
                continue
            rounded = np.asarray(exact, dtype)
            np.testing.assert_array_equal(np.isnan(found), np.isnan(rounded), err_msg=name)
            # XLA on a CPU flushes smaller numbers to zero, of arguments, too
            tiny = np.finfo(dtype).tiny
            normal = np.isfinite(rounded) & (np.abs(exact) >= tiny)
            normal &= np.all([(np.abs(x) >= tiny) | (x == 0) | ~np.isfinite(x) for x in xs], 0)
            np.testing.assert_array_equal(found[np.isinf(exact)], rounded[np.isinf(exact)], err_msg=name)
            zero = (exact == 0) & ~np.isnan(found)
            np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(rounded[zero]), err_msg=name)
            error = np.abs(found - exact)[normal] / np.spacing(np.abs(rounded[normal])).astype(np.longdouble)
            assert error.max() <= most, f"{name} of {[x[normal][error.argmax()] for x in xs]}"
            if most <= 12:
                measured(error.max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_identity_is_short_enough_for_mosaic(dtype):
    """That of erf_inv in float64 took 1,164 operations, as long as coefficients that are rounding alone were summed."""
    with jax.enable_x64(dtype == "float64"):
        counts = {n: sum(map(operation_count, eqns)) for n, (_, eqns) in elementwise(dtype).items() if n in LACKING}
    assert len(counts) > 20
    assert max(counts.values()) <= MOST_ADDED, counts
    if dtype == "float64":
        assert counts["erf_inv"] < 500
        assert counts["erf"] < 200


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_inverse_of_the_error_function_undoes_it(dtype):
    """In the steep part the error is that of the argument, so that half a unit of the argument is granted."""
    with jax.enable_x64(dtype == "float64"):
        tails = 1.0 - np.logspace(-6, -1, 400)
        x = jnp.asarray(
            np.concatenate([np.linspace(-0.999, 0.999, 801), tails, -tails, [0.0, -0.0, 1.0, -1.0, 1.5]]), dtype
        )
        (eqn,) = jax.make_jaxpr(lax.erf_inv)(x).jaxpr.eqns
        found = np.asarray(jax.jit(operation(eqn))(x))
    x = np.asarray(x, np.float64)
    np.testing.assert_array_equal(found[-3:], [np.inf, -np.inf, np.nan])
    assert np.signbit(found[-4])
    assert not np.signbit(found[-5])
    y = found[:-5].astype(np.float64)
    slope = 2.0 / np.sqrt(np.pi) * np.exp(-(y**2))
    off = np.array([math.erfc(abs(v)) for v in y]) - (1.0 - np.abs(x[:-5]))
    eps = np.finfo(dtype).eps
    assert np.all(np.abs(off / slope) <= 12 * eps * np.abs(y) + 4 * np.finfo(np.float64).eps / slope)
    np.testing.assert_allclose(found, special.erfinv(x), rtol=12 * eps)


MAPS = {
    "exp": jnp.exp,
    "expm1": jnp.expm1,
    "log1p": lambda x: jnp.log1p(x * x),
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "gelu": jax.nn.gelu,
    "cube": lambda x: x**3,
    "inverse": lambda x: 0.1 * (x + 2.0) ** -3,
    "root": lambda x: jnp.sqrt(jnp.abs(x) + 1.0),
    "sinh": jnp.sinh,
    "trigonometric": lambda x: jnp.sin(x) * jnp.cos(x),
    "whole": lambda x: x + jnp.floor(x) + jnp.ceil(x) + lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN),
    "cases": lambda x: jnp.where((x > 0.1) & ~(x > 0.8) | (x < -1.0) ^ jnp.isfinite(x), x, 0.2),
    "bounds": lambda x: jnp.clip(x, -1.0, 1.0) + jnp.maximum(x, 0.1),
    "powers": lambda x: jnp.abs(x + 2.0) ** 1.7 + jnp.cbrt(x),
    "phases": lambda x: jnp.mod(x, 0.7) + jnp.arctan2(x, 1.0 + x * x) + jnp.arcsinh(x),
    "probabilities": lambda x: jax.scipy.stats.norm.cdf(x) + jax.lax.erf_inv(0.3 * jnp.tanh(x)),
    "casts": lambda x: x + ((3.0 * x).astype(jnp.int32) << 1).astype(x.dtype),
}


@pytest.mark.parametrize("name", MAPS)
def test_a_compiler_takes_each_function_and_its_derivative(name, kernels):
    kernels(COMPILER)

    def total(carry, xs):
        end, outs = scan(lambda c, x: (MAPS[name](0.5 * c + x), c), carry, xs)
        return end.sum() + (outs**2).sum()

    text, count = lowered(jax.grad(total), jnp.full((3, 4), 0.2), jnp.full((9, 3, 4), 0.1))
    assert count == 2
    assert "stablehlo.while" not in text


def test_a_step_that_mosaic_would_compile_for_minutes_is_a_scan(kernels):
    def step(c, x):
        v = c[0]
        for k in range(4):
            v = jnp.abs(0.5 * v + x) ** (1.1 + 0.1 * k)
        return (v,), v

    start, xs = (jnp.ones((3, 4)),), jnp.ones((9, 3, 4))
    kernels("mosaic")
    plan = describe(analyse(step, start, xs, 9, False, "auto", False), ["v"], 9)
    assert re.search(r"no kernel: what Mosaic lacks takes \d+ operations more a step", plan)
    kernels("triton")
    assert "one kernel of 12 units" in describe(analyse(step, start, xs, 9, False, "auto", False), ["v"], 9)
