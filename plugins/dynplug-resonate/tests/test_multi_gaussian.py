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


@pytest.mark.parametrize("options", [{}, {"h": 0.4, "s": 3.0, "sigma": 1.0}])
def test_the_derivative_is_the_published_formula(options):
    gradient = jax.vmap(jax.grad(MultiGaussian(**options)))(jnp.asarray(X, jnp.float32))
    np.testing.assert_allclose(gradient, published(X, **options), rtol=1e-4, atol=1e-6)


def test_the_step_itself_stays_hard():
    x = jnp.array([-1.0, -1e-6, 0.0, 1e-6, 1.0])
    np.testing.assert_array_equal(MultiGaussian()(x), [0.0, 0.0, 1.0, 1.0, 1.0])


def test_the_flanks_are_negative_and_the_area_is_one_minus_h():
    x = jnp.linspace(-30.0, 30.0, 6001)
    derivative = np.asarray(MultiGaussian().derivative(x), float)
    assert (derivative[np.abs(x) < 0.5] > 0).all()
    assert (derivative[(np.abs(x) > 1.5) & (np.abs(x) < 10)] < 0).all()
    assert derivative.sum() * 0.01 == pytest.approx(1 - 0.15, rel=1e-3)


def test_a_width_must_be_positive():
    with pytest.raises(ValueError, match=r"MultiGaussian\(sigma=...\) must be greater than zero"):
        MultiGaussian(sigma=0.0)
