import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, ndtr

import dynplug as dp
from dynplug import errors
from dynplug.surrogates import Arctan, Gaussian, Sigmoid, SuperSpike, Triangle

pytestmark = pytest.mark.quick

NAMES = dp.list_components("surrogate")
CORE = [name for name in NAMES if hasattr(dp.surrogates, name)]
X = np.concatenate([[0.0], np.geomspace(1e-3, 3.0, 20), -np.geomspace(1e-3, 3.0, 20)])

PRIMITIVE = [  # smooth steps whose slope the surrogate is, with the parameters of two examples each
    (Sigmoid, {"alpha": 4.0}, lambda x, alpha: expit(alpha * x)),
    (Sigmoid, {"alpha": 1.5}, lambda x, alpha: expit(alpha * x)),
    (Arctan, {"alpha": 2.0}, lambda x, alpha: np.arctan(np.pi / 2.0 * alpha * x) / np.pi),
    (Arctan, {"alpha": 0.7}, lambda x, alpha: np.arctan(np.pi / 2.0 * alpha * x) / np.pi),
    (SuperSpike, {"beta": 10.0}, lambda x, beta: x / (1.0 + beta * np.abs(x))),
    (SuperSpike, {"beta": 1.0}, lambda x, beta: x / (1.0 + beta * np.abs(x))),
    (Gaussian, {"sigma": 0.5}, lambda x, sigma: ndtr(x / sigma)),
    (Gaussian, {"sigma": 2.0}, lambda x, sigma: ndtr(x / sigma)),
    (Triangle, {"gamma": 0.3, "width": 1.0}, lambda x, gamma, width: gamma * ramp(x, width)),
    (Triangle, {"gamma": 2.0, "width": 0.5}, lambda x, gamma, width: gamma * ramp(x, width)),
]


def ramp(x, width):
    """The integral of a triangle of height 1 and half-width `width`."""
    inside = np.clip(x, -width, width)
    return inside - np.sign(inside) * inside**2 / (2.0 * width)


@pytest.fixture(params=NAMES)
def surrogate(request):
    return dp.build({"type": request.param}, kind="surrogate")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_spikes_are_exactly_0_and_1_with_1_at_threshold(surrogate, dtype):
    with jax.enable_x64(dtype == "float64"):
        tiny = np.finfo(dtype).tiny
        spikes = surrogate(jnp.asarray([-np.inf, -1.0, -tiny, -0.0, 0.0, tiny, 1.0, np.inf], dtype))
        assert spikes.dtype == dtype
        np.testing.assert_array_equal(spikes, [0, 0, 0, 1, 1, 1, 1, 1])


def test_gradients_of_both_modes_are_the_derivative(x64, surrogate):
    x = jnp.asarray(X)
    derivative = np.asarray(surrogate.derivative(x))
    reverse = jax.jit(jax.grad(lambda x: jnp.sum(jnp.cos(x) * surrogate(x))))(x) + jnp.sin(x) * (x >= 0).astype(x.dtype)
    spike, forward = jax.jit(lambda x: jax.jvp(surrogate, (x,), (3.0 * jnp.ones_like(x),)))(x)
    np.testing.assert_allclose(reverse, np.cos(X) * derivative, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(forward, 3.0 * derivative, rtol=1e-12)
    np.testing.assert_array_equal(spike, X >= 0)


@pytest.mark.claim(
    "surrogate-second-derivatives",
    "Second derivatives through a spike are the slopes of the surrogate derivative",
    tolerance=1e-6,
    unit="1/mV²",
    reference="central differences",
    components=(
        "surrogate:Sigmoid",
        "surrogate:Arctan",
        "surrogate:SuperSpike",
        "surrogate:Gaussian",
        "surrogate:Triangle",
    ),
)
def test_second_derivative_is_the_slope_of_the_derivative_where_that_is_smooth(x64, surrogate, measured):
    x, h = X[np.abs(np.abs(X) - 0.5) < 0.45], 1e-5
    second = jax.jit(jax.vmap(jax.grad(jax.grad(surrogate))))(jnp.asarray(x))
    slope = (surrogate.derivative(jnp.asarray(x + h)) - surrogate.derivative(jnp.asarray(x - h))) / (2.0 * h)
    assert np.all(np.isfinite(second))
    measured.difference(second, slope)


def test_derivative_is_even_and_greatest_at_threshold(x64, surrogate):
    found = np.asarray(surrogate.derivative(jnp.asarray(X)))
    np.testing.assert_allclose(found, surrogate.derivative(jnp.asarray(-X)), atol=1e-14)
    assert found[0] == found.max() > 0


def test_derivative_stays_finite_far_from_threshold(surrogate):
    far = jnp.array([-1e30, -1e4, 1e4, 1e30])
    assert np.all(np.abs(jax.jit(jax.vmap(jax.grad(surrogate)))(far)) < 1e-4)


def test_parameters_get_no_gradient_through_spikes(surrogate):
    fields = [f.name for f in dataclasses.fields(surrogate)]
    spikes, gradient = jax.value_and_grad(lambda p: jnp.sum(type(surrogate)(**p)(jnp.array([-0.2, 0.3]))))(
        {name: jnp.asarray(getattr(surrogate, name)) for name in fields}
    )
    assert spikes == 1.0
    assert all(g == 0.0 for g in gradient.values())


@pytest.mark.parametrize("name", CORE)
def test_parameters_of_the_core_must_be_positive_and_their_derivatives_are(name):
    kind = dp.get("surrogate", name)
    for field in dataclasses.fields(kind):
        for bad in (0.0, -1.0, np.nan):
            with pytest.raises(errors.ParameterError, match=rf"{name}\({field.name}="):
                kind(**{field.name: bad})
    assert np.all(kind().derivative(jnp.asarray(X)) >= 0)


@pytest.mark.claim(
    "surrogate-slopes",
    "Each surrogate derivative is the slope of the smooth step after which it is named",
    tolerance=2e-7,
    unit="1/mV",
    reference="central differences of SciPy's and NumPy's functions; Neftci, E. O., Mostafa, H. & Zenke, F. (2019), "
    "doi:10.1109/MSP.2019.2931595",
    components=(
        "surrogate:Sigmoid",
        "surrogate:Arctan",
        "surrogate:SuperSpike",
        "surrogate:Gaussian",
        "surrogate:Triangle",
    ),
)
@pytest.mark.parametrize(("kind", "parameters", "primitive"), PRIMITIVE)
def test_derivative_is_the_slope_of_its_smooth_step(x64, kind, parameters, primitive, measured):
    h, x = 1e-6, X[1:]
    slope = (primitive(x + h, **parameters) - primitive(x - h, **parameters)) / (2.0 * h)
    measured.difference(kind(**parameters).derivative(jnp.asarray(x)), slope)


@pytest.mark.claim(
    "surrogate-defaults",
    "The default surrogates have their documented values a quarter of the threshold away (relative)",
    tolerance=1e-6,
    reference="values worked out by hand",
    components=(
        "surrogate:Sigmoid",
        "surrogate:Arctan",
        "surrogate:SuperSpike",
        "surrogate:Gaussian",
        "surrogate:Triangle",
    ),
)
def test_defaults_have_the_documented_width_and_height(x64, measured):
    at_a_quarter = {Sigmoid: 0.7864477, Arctan: 0.6184865, SuperSpike: 0.0816327, Gaussian: 0.7041307, Triangle: 0.225}
    for kind, value in at_a_quarter.items():
        measured.relative(kind().derivative(jnp.asarray(0.25)), value)


def test_parameters_may_be_one_a_unit(x64):
    sigma = np.array([0.5, 1.0, 2.0])
    found = Gaussian(sigma).derivative(jnp.ones(3))
    np.testing.assert_allclose(found, np.exp(-0.5 / sigma**2) / (sigma * np.sqrt(2.0 * np.pi)), rtol=1e-14)


def test_the_smooth_step_of_every_surrogate_of_the_core_is_checked():
    assert set(CORE) == {kind.__name__ for kind, *_ in PRIMITIVE}
