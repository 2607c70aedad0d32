"""The surrogate against the normal densities of the standard library."""

from statistics import NormalDist

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_resonate import MultiGaussian

X = np.linspace(-4.0, 4.0, 161)


def published(x, h=0.15, s=6.0, sigma=0.5):
    """Yin, Corradi and Bohté's formula."""
    centre, right, left = NormalDist(0.0, sigma), NormalDist(sigma, s * sigma), NormalDist(-sigma, s * sigma)
    return np.array([(1 + h) * centre.pdf(v) - h * right.pdf(v) - h * left.pdf(v) for v in x])


@pytest.mark.claim(
    "multi-gaussian",
    "The multi-Gaussian derivative is the published formula (relative, and absolute below 0.01)",
    tolerance=1e-4,
    reference="Yin, B., Corradi, F. & Bohté, S. M. (2021), doi:10.1038/s42256-021-00397-w; Python's NormalDist",
    components=("surrogate:MultiGaussian",),
)
@pytest.mark.parametrize("options", [{}, {"h": 0.4, "s": 3.0, "sigma": 1.0}])
def test_the_derivative_is_the_published_formula(options, measured):
    gradient = jax.vmap(jax.grad(MultiGaussian(**options)))(jnp.asarray(X, jnp.float32))
    measured.relative(gradient, published(X, **options), floor=0.01)


def test_the_step_itself_stays_hard():
    x = jnp.array([-1.0, -1e-6, 0.0, 1e-6, 1.0])
    np.testing.assert_array_equal(MultiGaussian()(x), [0.0, 0.0, 1.0, 1.0, 1.0])


@pytest.mark.claim(
    "multi-gaussian-area",
    "The area under the multi-Gaussian derivative is 1 - h (relative)",
    tolerance=1e-3,
    reference="Yin, B., Corradi, F. & Bohté, S. M. (2021), doi:10.1038/s42256-021-00397-w; closed form",
    components=("surrogate:MultiGaussian",),
)
def test_the_flanks_are_negative_and_the_area_is_one_minus_h(measured):
    x = jnp.linspace(-30.0, 30.0, 6001)
    derivative = np.asarray(MultiGaussian().derivative(x), float)
    assert (derivative[np.abs(x) < 0.5] > 0).all()
    assert (derivative[(np.abs(x) > 1.5) & (np.abs(x) < 10)] < 0).all()
    measured.relative(derivative.sum() * 0.01, 1 - 0.15)


def test_a_width_must_be_positive():
    with pytest.raises(ValueError, match=r"MultiGaussian\(sigma=...\) must be greater than zero"):
        MultiGaussian(sigma=0.0)
