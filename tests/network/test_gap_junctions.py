"""Gap junctions against closed forms."""

import jax
import numpy as np

import dynplug as dp


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
