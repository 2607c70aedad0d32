"""Derivatives are those of the full sum, whichever method takes it: in both modes, twice, and in batches."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dynplug.delivery import deliver
from dynplug.delivery.choice import derives_by_matrix

METHODS = ["events", "gather", "sparse", "dense"]


# More than 3 % of the pairs are connected, and fewer: both forms of the derivative.
SIZES = {"by a matrix": (70, 40, 300), "by connections": (130, 90, 300)}
pytestmark = pytest.mark.parametrize("case", SIZES.values(), ids=SIZES, indirect=True)


def test_the_form_of_the_derivative_depends_on_the_share_of_pairs(case):
    assert derives_by_matrix(case.fanout) == (case.pre_size == 70)


@pytest.fixture
def pair(case):
    """A smooth function of what is sent and of the weights, by delivery and by a matrix, and where to take it."""
    x, weight = jnp.asarray(case.spikes() * case.rng.normal(size=case.pre_size)), jnp.asarray(case.weight[case.order])
    post, pre = case.post[case.order], case.pre[case.order]

    def by_delivery(method, x, weight):
        return jnp.sin(deliver(x, weight, case.fanout, method=method)).sum()

    def by_matrix(x, weight):
        return jnp.sin(jnp.zeros((case.post_size, case.pre_size)).at[post, pre].add(weight) @ x).sum()

    return by_delivery, by_matrix, x, weight


@pytest.mark.claim(
    "delivery-gradients",
    "Gradients through delivery by events are those of the full sum, also where there is no event",
    tolerance=1e-12,
    reference="jax.grad of a matrix product",
    components=("delivery:events",),
)
def test_gradients_are_those_of_a_matrix_product(x64, pair, measured):
    by_delivery, by_matrix, x, weight = pair
    assert (x == 0).sum() > 30  # where there is no event
    expected = jax.jit(jax.grad(by_matrix, (0, 1)))(x, weight)
    for method in METHODS:
        found = jax.jit(jax.grad(partial(by_delivery, method), (0, 1)))(x, weight)
        for a, b in zip(found, expected, strict=True):
            measured.difference(a, b)


@pytest.mark.parametrize("method", ["events", "gather"])
def test_both_modes_twice_against_finite_differences(x64, pair, method):
    by_delivery, _, x, weight = pair
    x = x + 0.1  # a finite difference of what is not zero remains an event
    check_grads(jax.jit(partial(by_delivery, method)), (x, weight), order=2, atol=1e-5, rtol=1e-5)


def test_hessians_are_those_of_a_matrix_product(x64, pair):
    by_delivery, by_matrix, x, weight = pair
    expected = jax.jit(jax.hessian(by_matrix, (0, 1)))(x, weight)
    for method in METHODS:
        hessian = jax.jit(jax.hessian(partial(by_delivery, method), (0, 1)))(x, weight)
        for a, b in zip(jax.tree.leaves(hessian), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-12, err_msg=method)


@pytest.mark.parametrize("method", METHODS)
def test_a_weight_for_all_has_a_gradient(x64, case, method):
    x = jnp.asarray(case.spikes())

    def loss(x, w):
        return jnp.sin(deliver(x, w, case.fanout, method=method)).sum()

    of_x, of_w = jax.grad(loss, (0, 1))(x, 0.3)
    total = case.expected(x, np.ones(300))
    np.testing.assert_allclose(of_w, (np.cos(0.3 * total) * total).sum(), rtol=1e-12)
    slope = np.zeros(case.pre_size)
    np.add.at(slope, case.pre, 0.3 * np.cos(0.3 * total)[case.post])
    np.testing.assert_allclose(of_x, slope, atol=1e-12)


def test_gradients_of_a_batch_and_batches_of_gradients(x64, pair, case):
    by_delivery, by_matrix, _, weight = pair
    xs = jnp.asarray(case.spikes(shape=(4,)))
    by_events = partial(by_delivery, "events")

    def of_batch(f):
        return jax.grad(lambda xs, w: jax.vmap(f, (0, None))(xs, w).sum(), (0, 1))

    def batch_of(f):
        return jax.vmap(jax.grad(f, (0, 1)), (0, None))

    for transformed in (of_batch, batch_of):
        found, expected = (jax.jit(transformed(f))(xs, weight) for f in (by_events, by_matrix))
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-12)


def test_what_has_no_tangent_costs_nothing(case):
    """If weights are not trained, no equation of the derivative has their tangent."""
    x, weight = jnp.zeros(case.pre_size), jnp.ones(300)
    one = jax.make_jaxpr(jax.grad(lambda x: deliver(x, weight, case.fanout, method="events").sum()))(x)
    two = jax.make_jaxpr(jax.grad(lambda x, w: deliver(x, w, case.fanout, method="events").sum(), (0, 1)))(x, weight)
    assert len(str(one)) < len(str(two))
