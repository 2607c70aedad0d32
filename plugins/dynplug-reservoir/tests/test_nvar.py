"""The features against a plain construction, and the loop that is closed on them."""

from itertools import combinations_with_replacement

import jax
import numpy as np
import pytest
from dynplug_reservoir import NVAR

import dynplug as dp


def features(x, delay, orders, stride, constant):
    """All features of a whole series, from the definition; what came before it is zero."""
    rows = []
    for t in range(len(x)):
        linear = np.concatenate([x[t - n * stride] if t >= n * stride else 0 * x[0] for n in range(delay)])
        row = [1.0] * constant + list(linear)
        for order in orders:
            row += [np.prod(c) for c in combinations_with_replacement(linear, order)]
        rows.append(row)
    return np.array(rows)


@pytest.mark.claim(
    "nvar-features",
    "NVAR's features are those of the definition, in single precision (relative, and absolute below 0.05)",
    tolerance=2e-6,
    reference="Gauthier, D. J. et al. (2021), doi:10.1038/s41467-021-25801-2; NumPy",
    components=("layer:NVAR",),
)
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(
    ("delay", "order", "orders", "stride", "constant"),
    [
        (2, 2, [2], 1, True),
        (1, 3, [2, 3], 1, False),
        (3, 2, [2], 4, True),
        (2, 1, [], 3, True),
        (2, [3], [3], 2, False),
        (2, (4, 2), [2, 4], 1, True),
    ],
)
def test_the_features_are_those_of_the_definition(size, delay, order, orders, stride, constant, measured):
    layer = NVAR(size, delay=delay, order=order, stride=stride, constant=constant)
    x = np.random.default_rng(1).normal(size=(20, size)).astype(np.float32)
    state, out = dp.LoopOverTime(layer, dt=1.0)(x)
    expected = features(x.astype(float), delay, orders, stride, constant)
    assert layer.out_size == expected.shape[1:]
    measured.relative(out, expected, floor=0.05)
    length = 1 + (delay - 1) * stride
    np.testing.assert_array_equal(state["past"], x[::-1][:length])


def test_a_run_that_goes_on_equals_one_that_was_not_interrupted():
    layer = NVAR(2, delay=3, stride=2)
    x = np.random.default_rng(2).normal(size=(12, 2)).astype(np.float32)
    loop = dp.LoopOverTime(layer, dt=1.0)
    _, whole = loop(x)
    state, first = loop(x[:5])
    _, second = loop(x[5:], state)
    np.testing.assert_array_equal(whole, np.concatenate([first, second]))


def test_gradients_flow_through_the_products():
    def product(x):
        _, out = dp.LoopOverTime(NVAR(1, delay=2, order=2, constant=False), dt=1.0)(x)
        return out[-1, 3]  # x_t * x_{t-1}

    np.testing.assert_array_equal(jax.grad(product)(np.array([[7.0], [2.0], [3.0]], np.float32)).ravel(), [0, 3, 2])


@pytest.mark.parametrize(
    "options", [{"delay": 0}, {"stride": 0}, {"order": 0}, {"order": [1]}, {"order": 2.5}, {"in_size": 0}]
)
def test_what_cannot_be_is_refused(options):
    with pytest.raises(dp.errors.ParameterError, match=next(iter(options))):
        NVAR(**{"in_size": 1, **options})


def test_neighbours_are_checked():
    with pytest.raises(dp.errors.ShapeError, match="28"):
        NVAR(3) >> dp.layers.Dense(27, 3, W_initializer=0.0)
