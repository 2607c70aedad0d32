import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checked_annotations import unchecked
from scipy.special import ndtr

import dynplug as dp
from dynplug.errors import ParameterError
from dynplug.initializers import (
    Constant,
    KaimingNormal,
    LecunNormal,
    Normal,
    Orthogonal,
    Uniform,
    VarianceScaling,
    XavierNormal,
)

pytestmark = pytest.mark.quick

OUT, IN = 400, 100
"""A weight is (out, in), so that the counts of inputs and outputs are told apart."""


def draw(initializer, key, shape=(OUT, IN)):
    return np.asarray(initializer(key, shape, jnp.float32))


def test_constant_is_the_value(getkey):
    np.testing.assert_array_equal(draw(Constant(0.25), getkey()), 0.25)
    np.testing.assert_array_equal(draw(Constant(), getkey()), 0.0)


@pytest.mark.claim(
    "normal-initializer",
    "Normal has mean 0 and the deviation that was asked for, over 40,000 draws (in deviations)",
    tolerance=0.02,
    reference="normal law",
    components=("initializer:Normal",),
)
@pytest.mark.parametrize("std", [0.01, 2.0])
def test_normal_has_mean_zero_its_deviation_and_normal_tails(getkey, std, measured):
    w = draw(Normal(std), getkey())
    measured.difference([w.mean() / std, w.std() / std], [0.0, 1.0])
    np.testing.assert_allclose(np.mean(np.abs(w) > 2.0 * std), 0.0455, atol=0.004)


@pytest.mark.claim(
    "uniform-initializer",
    "Uniform fills its limits evenly: each tenth of them holds a tenth of 40,000 draws",
    tolerance=0.006,
    reference="uniform law",
    components=("initializer:Uniform",),
)
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.0, -1.0)])
def test_uniform_fills_its_limits_evenly(getkey, low, high, measured):
    w = draw(Uniform(low, high), getkey())
    assert w.min() >= low
    assert w.max() < high
    share, _ = np.histogram(w, 10, (low, high))
    measured.difference(share / w.size, 0.1)


@pytest.mark.claim(
    "orthogonal",
    "Orthogonal draws matrices with orthogonal rows or columns",
    tolerance=1e-13,
    reference="Saxe, A., McClelland, J. & Ganguli, S. (2014), arXiv:1312.6120; definition",
    components=("initializer:Orthogonal",),
)
@pytest.mark.parametrize(("shape", "scale"), [((30, 30), 1.0), ((50, 20), 0.5), ((20, 50), 2.0)])
def test_orthogonal_has_orthogonal_rows_or_columns(x64, getkey, shape, scale, measured):
    w = np.asarray(Orthogonal(scale)(getkey(), shape, jnp.float64))
    gram = w @ w.T if shape[0] <= shape[1] else w.T @ w
    measured.difference(gram, scale**2 * np.eye(min(shape)))


def test_orthogonal_is_uniform_over_rotations(getkey):
    # the trace of a Haar-distributed orthogonal matrix has mean 0 and variance 1
    draws = jax.vmap(lambda key: Orthogonal()(key, (4, 4), jnp.float32))(jax.random.split(getkey(), 4000))
    trace = np.trace(draws, axis1=1, axis2=2)
    np.testing.assert_allclose([trace.mean(), trace.var()], [0.0, 1.0], atol=0.06)


COUNT = {"fan_in": IN, "fan_out": OUT, "fan_avg": (IN + OUT) / 2}


@pytest.mark.parametrize("distribution", ["normal", "truncated_normal", "uniform"])
@pytest.mark.parametrize("mode", list(COUNT))
def test_variance_scaling_counts_what_its_mode_says(getkey, mode, distribution):
    w = draw(VarianceScaling(3.0, mode, distribution), getkey())
    std = np.sqrt(3.0 / COUNT[mode])
    np.testing.assert_allclose([w.mean() / std, w.std() / std], [0.0, 1.0], atol=0.02)
    # A normal cut at 2 has the deviation 0.8796: what then lies beyond 2 deviations, and where it ends.
    cut = (ndtr(-2.0 * 0.8796) - ndtr(-2.0)) / (0.5 - ndtr(-2.0))
    beyond = {"normal": 0.0455, "truncated_normal": cut, "uniform": 0.0}[distribution]
    np.testing.assert_allclose(np.mean(np.abs(w) > 2.0 * std), beyond, atol=0.004)
    if distribution != "normal":
        end = {"uniform": np.sqrt(3.0), "truncated_normal": 2.0 / 0.8796}[distribution]
        np.testing.assert_allclose(np.abs(w).max() / std, end, rtol=2e-3)


@pytest.mark.claim(
    "named-initializers",
    "Schemes named after LeCun, He and Glorot have the variance of their papers, over 40,000 draws (relative)",
    tolerance=0.03,
    reference="He, K. et al. (2015), doi:10.1109/ICCV.2015.123; LeCun, Y. et al. (1998), doi:10.1007/3-540-49430-8_2; "
    "Glorot, X. & Bengio, Y. (2010)",
    components=(
        "initializer:VarianceScaling",
        "initializer:LecunNormal",
        "initializer:KaimingNormal",
        "initializer:XavierNormal",
    ),
)
@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (VarianceScaling(), 1.0 / IN),
        (LecunNormal(), 1.0 / IN),
        (LecunNormal(0.5), 0.5 / IN),
        (KaimingNormal(), 2.0 / IN),
        (KaimingNormal(1.0), 1.0 / IN),
        (XavierNormal(), 2.0 / (IN + OUT)),
        (XavierNormal(3.0), 6.0 / (IN + OUT)),
    ],
)
def test_named_schemes_have_the_variance_of_their_papers(getkey, initializer, variance, measured):
    w = draw(initializer, getkey())
    measured.relative(w.var(), variance)
    np.testing.assert_allclose(w.mean() / np.sqrt(variance), 0.0, atol=0.02)


@pytest.mark.parametrize("name", [n for n in dp.list_components("initializer") if hasattr(dp.initializers, n)])
def test_shape_and_dtype_are_those_asked_for_and_the_key_decides(name):
    initializer = dp.build({"type": name}, kind="initializer")
    a, again, b = (initializer(jax.random.key(k), (8, 6), jnp.float32) for k in (1, 1, 2))
    assert (a.shape, a.dtype) == ((8, 6), jnp.float32)
    np.testing.assert_array_equal(a, again)
    assert np.any(a != b) == (name != "Constant")


@pytest.mark.parametrize("initializer", [Constant(), Uniform()])
def test_dtype_may_be_a_narrow_one(getkey, initializer):
    assert initializer(getkey(), (8, 6), jnp.bfloat16).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Uniform(-50.0, -60.0), r"low=-50.*high=-60.*the lower limit comes first"),
        (lambda: Uniform([0.0, 2.0], 1.0), "the lower limit comes first"),
        (lambda: Uniform(0.0, math.nan), r"Uniform\(high=...\) must be finite"),
        (lambda: Constant("a"), "the text 'a'"),
        (lambda: Normal(-0.1), "Normal: std=-0.1 must be a finite number of at least 0"),
        (lambda: KaimingNormal(scale=-1.0), "scale=-1.0 must be a finite number of at least 0"),
        (lambda: Orthogonal(math.inf), r"Orthogonal\(scale=...\) must be finite"),
        (lambda: VarianceScaling(1.0, "fan_inn"), "mode='fan_inn'.*'fan_in'"),
        (lambda: VarianceScaling(1.0, "fan_in", "unifrom"), "distribution='unifrom'.*'uniform'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_when_it_is_made(make, said):
    with unchecked(), pytest.raises(ParameterError, match=said):
        make()


def test_limits_may_be_equal_or_traced(getkey):
    assert np.all(draw(Uniform(0.5, 0.5), getkey()) == 0.5)
    drawn = jax.jit(lambda low, key: Uniform(low, 2.0)(key, (3,), jnp.float32))(1.0, getkey())
    assert np.all((drawn >= 1.0) & (drawn < 2.0))
