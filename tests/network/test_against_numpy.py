"""Networks against a simulation in NumPy that shares no code with ours."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings, strategies as st

import dynplug as dp

DT, TAU, TAU_S = 0.5, 10.0, 4.0
CURRENT = dp.synapses.Exponential(tau=TAU_S)


def by_hand(sizes, edges, inputs, steps):
    """Leaky neurons and exponential currents, step by step, connection by connection.

    `edges`: (source, target, pre, post, weight, delay in steps), of which those without a delay go from a population to
    a later one.
    """
    V = {p: np.zeros(n) for p, n in sizes.items()}
    g = {k: np.zeros(sizes[edge[1]]) for k, edge in enumerate(edges)}
    spikes = {p: np.zeros((steps, n)) for p, n in sizes.items()}
    decay, leak = np.exp(-DT / TAU_S), np.exp(-DT / TAU)
    for i in range(steps):
        for p in sizes:
            current = np.full(sizes[p], inputs.get(p, 0.0))
            for k, (source, target, pre, post, weight, delay) in enumerate(edges):
                if target != p:
                    continue
                for a, b, w, d in zip(pre, post, weight, delay, strict=True):
                    if i - d >= 0 and spikes[source][i - d, a]:
                        g[k][b] += w
                current += g[k] * (1 - decay) * TAU_S / DT
                g[k] *= decay
            V[p] = current + (V[p] - current) * leak
            spikes[p][i] = V[p] >= 1.0
            V[p][V[p] >= 1.0] = 0.0
    return spikes, V


@st.composite
def networks(draw):
    """Populations A, B and C, with random projections among them, some within the step, and delays of all kinds."""
    sizes = {p: draw(st.integers(1, 4)) for p in "ABC"}
    edges = []
    for _k in range(draw(st.integers(1, 4))):
        source, target = draw(st.sampled_from("ABC")), draw(st.sampled_from("ABC"))
        count = draw(st.integers(0, 6))
        pre = [draw(st.integers(0, sizes[source] - 1)) for _ in range(count)]
        post = [draw(st.integers(0, sizes[target] - 1)) for _ in range(count)]
        weight = [draw(st.integers(-8, 24)) / 8 for _ in range(count)]
        least = 0 if source < target else 1
        delay = [draw(st.integers(least, 4)) for _ in range(count)]
        if draw(st.booleans()):
            delay = [draw(st.integers(least, 4))] * count
        edges.append((source, target, pre, post, weight, delay))
    return sizes, edges


def built(sizes, edges, synapse=CURRENT):
    projections = {}
    for k, (source, target, pre, post, weight, delay) in enumerate(edges):
        same = len(set(delay)) == 1
        projections[f"p{k}"] = dp.Projection(
            source,
            target,
            (np.array(pre, int), np.array(post, int)),
            weight=np.array(weight, float),
            delay=(delay[0] * DT if same else np.array(delay, float) * DT) if delay else DT,
            synapse=synapse,
        )
    return dp.Network({p: dp.neurons.LIF(n, tau=TAU) for p, n in sizes.items()}, projections)


@settings(max_examples=25, deadline=None)
@given(networks())
def test_any_network_equals_the_sum_over_its_connections(drawn):
    sizes, edges = drawn
    inputs = {"A": 1.5, "C": 1.2}
    with jax.enable_x64(True):
        net = built(sizes, edges)
        _, outs = dp.LoopOverTime(net, dt=DT, loop="plain")(
            {p: jnp.full((40, sizes[p]), float(value)) for p, value in inputs.items()}
        )
        expected, _ = by_hand(sizes, edges, inputs, 40)
        for p in sizes:
            np.testing.assert_array_equal(outs[p], expected[p], err_msg=p)
