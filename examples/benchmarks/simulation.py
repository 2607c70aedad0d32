"""Simulating 1000 Hodgkin-Huxley neurons for 100 ms in steps of 0.01 ms beside one `lax.scan` written by hand.

`DSRunner` runs with a monitor of every potential and its progress bar on. The two alternate, so that a busy machine
slows both. The hand-written loop is the same method, exponential Euler, with the same guard against 0/0; it returns the
potentials, or the potentials and the spikes, which are what `DSRunner` returns as outputs. All end as NumPy arrays.

    python simulation.py [REPETITIONS]
"""

import io
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

import dynplug as dp

N, STEPS, DT, CURRENT = 1000, 10_000, 0.01, 10.0


def ramp(x):
    """x / (1 - exp(-x)), which is 1 + x/2 + x²/12 near 0."""
    near = jnp.abs(x) < 1e-2
    away = jnp.where(near, 1.0, x)
    return jnp.where(near, 1 + x / 2 + x * x / 12, away / (1 - jnp.exp(-away)))


def rates(V):
    return (
        (ramp((V + 40) / 10), 4 * jnp.exp(-(V + 65) / 18)),
        (0.07 * jnp.exp(-(V + 65) / 20), 1 / (1 + jnp.exp(-(V + 35) / 10))),
        (0.1 * ramp((V + 55) / 10), 0.125 * jnp.exp(-(V + 65) / 80)),
    )


def by_hand(spikes):
    def step(state, _):
        V, m, h, n = state
        sodium, potassium = 120 * m**3 * h, 36 * n**4
        g = sodium + potassium + 0.3
        rest = (sodium * 50 - potassium * 77 - 0.3 * 54.387 + CURRENT) / g
        new = rest + (V - rest) * jnp.exp(-g * DT)
        gates = [
            alpha / (alpha + beta) + (x - alpha / (alpha + beta)) * jnp.exp(-(alpha + beta) * DT)
            for x, (alpha, beta) in zip((m, h, n), rates(V), strict=True)
        ]
        spike = ((V < 20) & (new >= 20)).astype(V.dtype)
        return (new, *gates), (new, spike if spikes else None)

    @jax.jit
    def run():
        V = jnp.full(N, -65.0)
        gates = [alpha / (alpha + beta) for alpha, beta in rates(V)]
        return jax.lax.scan(step, (V, *gates), None, STEPS)[1]

    return lambda: jax.tree.map(np.asarray, run())


def with_dynplug(outputs):
    hh = dp.neurons.HH(N)
    runner = dp.DSRunner(hh, monitors=["V"], dt=DT, return_outputs=outputs)

    def run():
        out = runner.run(STEPS * DT, inputs=CURRENT, reset_state=True)
        return runner.mon["V"], out

    return run


class Terminal(io.StringIO):
    """So that the progress bar is drawn, wherever this runs."""

    def isatty(self):
        return True


def measure(outputs, repetitions):
    """Median times [ms] of both, and the median of their ratios. Their spikes must agree."""
    ours, hand = with_dynplug(outputs), by_hand(outputs)
    (V, _), (by_hand_V, _) = ours(), hand()
    crossings = [np.sum((v[:-1] < 20) & (v[1:] >= 20)) for v in (V, by_hand_V)]
    assert crossings[0] == crossings[1] > 0, crossings
    times = []
    for _ in range(repetitions):
        began = time.perf_counter()
        ours()
        between = time.perf_counter()
        hand()
        times.append((between - began, time.perf_counter() - between))
    measured = np.array(times)
    return *np.median(measured, axis=0) * 1e3, np.median(measured[:, 0] / measured[:, 1])


sys.stderr = Terminal()
for outputs, what in ((False, "all V"), (True, "all V and spikes")):
    ours, hand, ratio = measure(outputs, int(sys.argv[1]) if len(sys.argv) > 1 else 10)
    print(f"HH, {N} neurons, {STEPS} steps, {what}: DSRunner {ours:.0f} ms, by hand {hand:.0f} ms, ratio {ratio:.2f}")
assert f"{STEPS}/{STEPS}" in sys.stderr.getvalue()
