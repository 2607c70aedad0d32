"""Gap junctions against closed forms."""

import jax
import numpy as np
import pytest
from scipy.linalg import expm

import dynplug as dp
from dynplug.errors import ParameterError


def test_gap_junctions_follow_the_coupled_equation(run):
    """Two passive cells relax to their mean, with the time constant of both leaks and twice the junction."""
    cells = dp.neurons.LIF(2, tau=10.0, R=2.0, V_th=1e9)
    g, dt, steps = 0.05, 0.01, 500
    gap = dp.GapJunction("A", "A", (np.array([0]), np.array([1])), g=g)
    with jax.enable_x64(True):
        net = dp.Network({"A": cells}, {"gap": gap})
        _, mon = run(net, steps, monitors=["A.V"], dt=dt, state={"A.V": [1.0, 0.0]})
    t = dt * np.arange(1, steps + 1)
    mean, difference = 0.5 * np.exp(-t / 10.0), np.exp(-t * (1 + 2 * 2.0 * g) / 10.0)
    np.testing.assert_allclose(mon["A.V"].mean(1), mean, rtol=5e-5)
    np.testing.assert_allclose(mon["A.V"][:, 0] - mon["A.V"][:, 1], difference, rtol=1e-3)


def test_gap_junctions_between_two_populations_conduct_both_ways(run):
    nodes = {"A": dp.neurons.LIF(2, V_th=1e9), "B": dp.neurons.LIF(1, V_th=1e9)}
    gap = dp.GapJunction("A", "B", (np.array([0, 1]), np.array([0, 0])), g=np.array([0.1, 0.3]))
    state, _ = run(dp.Network(nodes, {"gap": gap}), 1, dt=0.001, state={"B.V": 1.0})
    rates = np.concatenate([state["A"].V, state["B"].V - np.exp(-0.001 / 10)]) / 0.001 * 10.0
    np.testing.assert_allclose(rates, [0.1, 0.3, -0.4], rtol=1e-2)


SYMMETRIC = np.array([[0.0, 0.2, 0.0], [0.2, 0.0, 0.5], [0.0, 0.5, 0.0]])


@pytest.mark.parametrize(
    ("connector", "g"),
    [
        ((np.array([0, 1]), np.array([1, 2])), np.array([0.2, 0.5])),
        ((np.array([1, 2]), np.array([0, 1])), np.array([0.2, 0.5])),
        (
            (np.array([2, 1, 0, 1]), np.array([1, 0, 1, 1])),
            np.array([0.5, 0.2, 0.2, 9.0]),
        ),  # one twice, one with itself
        (SYMMETRIC, SYMMETRIC),
        ("AllToAll", SYMMETRIC),
    ],
    ids=["up", "down", "both ways", "a matrix", "all"],
)
def test_two_units_have_one_junction_however_they_are_joined(run, connector, g):
    """Against the exponential of the matrix of the coupled equations, tau V' = -V + R sum_j g_ij (V_j - V_i)."""
    cells = dp.neurons.LeakyIntegrator(3, tau=10.0, R=2.0)
    net = dp.Network({"A": cells}, {"gap": dp.GapJunction("A", "A", connector, g=g)})
    with jax.enable_x64(True):
        _, mon = run(net, 1000, monitors=["A.V"], dt=0.01, state={"A.V": [1.0, 0.0, -0.5]})
    rates = (2.0 * (SYMMETRIC - np.diag(SYMMETRIC.sum(1))) - np.eye(3)) / 10.0
    np.testing.assert_allclose(mon["A.V"][-1], expm(10.0 * rates) @ [1.0, 0.0, -0.5], atol=3e-4)


def test_a_probability_is_that_of_two_units():
    rule = dp.connectors.FixedProbability(0.3)
    net = dp.Network({"A": dp.neurons.LIF(200)}, {"gap": dp.GapJunction("A", "A", rule, g=1.0)}, key=jax.random.key(0))
    number, pairs = len(net["gap"].fanout) / 2, 200 * 199 / 2
    assert abs(number - 0.3 * pairs) < 4 * np.sqrt(0.3 * 0.7 * pairs)


@pytest.mark.parametrize(
    ("connector", "g", "said"),
    [
        ("AllToAll", np.triu(SYMMETRIC), "junction of units 0 and 1 has the conductances g 0.2 and 0"),
        ("OneToOne", 1.0, "joins each unit with itself alone"),
    ],
)
def test_what_is_no_junction_is_refused(connector, g, said):
    with pytest.raises(ParameterError, match=said):
        dp.Network({"A": dp.neurons.LIF(3)}, {"gap": dp.GapJunction("A", "A", connector, g=g)})
