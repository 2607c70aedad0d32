"""Spikes and potentials of small networks in Brian2, written to `brian2_networks.npz` beside this file.

    python -m venv brian2 && brian2/bin/pip install 'brian2==2.9.0' 'numpy<2.3' setuptools
    brian2/bin/python tests/recorded/brian2_network_values.py

Twenty excitatory and five inhibitory units, on one list of connections, without randomness, in double precision. The
equations are those that dynplug's docstrings state, step by step: a synapse jumps at the start of a step and gives its
mean over the step, which the target holds; a refractory period counts the steps in which the potential stands still.
What a spike of step `i` does to step `i + d` has a delay of `d - 1` steps here, since Brian2 applies it after the
update of a step, and of `d` steps in dynplug. Potentials are in mV, currents in nA or, for HH, µA/cm²: plain numbers.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import brian2 as b2
import numpy as np
from brian2 import ms

EXCITATORY, INHIBITORY, DT = 20, 5, 0.1
UNITS = EXCITATORY + INHIBITORY
MIXED = (1, 2, 15)
TAU_E, TAU_I = 5.0, 10.0

LEAKY = "dv/dt = (-60 - v + {drive}) / (20*ms) : 1 (unless refractory)"
ADEX = """dv/dt = (0.03 * (-70.6 - v + upswing) - w + {drive}) / (0.281*ms) : 1 (unless refractory)
    upswing = 2 * exp((clip(v, -1000, -30) + 50.4) / 2) : 1
    dw/dt = (0.004 * (v + 70.6) - w) / (144*ms) : 1"""
IZHIKEVICH = """dv/dt = (0.04 * v**2 + 5 * v + 140 - u + {drive}) / ms : 1 (unless refractory)
    du/dt = 0.02 * (0.2 * v - u) / ms : 1"""
HH = """dv/dt = (120 * m**3 * h * (50 - v) + 36 * n**4 * (-77 - v) + 0.3 * (-54.387 - v) + {drive}) / ms : 1
    dm/dt = (1 / exprel(-(v + 40) / 10) * (1 - m) - 4 * exp(-(v + 65) / 18) * m) / ms : 1
    dh/dt = (0.07 * exp(-(v + 65) / 20) * (1 - h) - h / (1 + exp(-(v + 35) / 10))) / ms : 1
    dn/dt = (0.1 / exprel(-(v + 55) / 10) * (1 - n) - 0.125 * exp(-(v + 65) / 80) * n) / ms : 1"""
AT_60: dict[str, Any] = {"threshold": "v >= -50", "reset": "v = -60", "method": "exponential_euler"}
ADEX_SPIKES: dict[str, Any] = {"threshold": "v >= -30", "reset": "v = -70.6; w += 0.0805", "method": "rk2"}
IZHIKEVICH_SPIKES: dict[str, Any] = {"threshold": "v >= 30", "reset": "v = -65; u += 8", "method": "rk2"}
HH_SPIKES: dict[str, Any] = {"threshold": "v >= 0", "refractory": "v >= 0", "reset": "", "method": "exponential_euler"}

CURRENT = "I + b_e + b_i"
CONDUCTANCE = "I + b_e * (0 - v) + b_i * (-80 - v)"

# The model and its spikes; the drive; weights of excitation and inhibition; lowest and highest current and initial
# potential; delays [steps]; refractory period [steps]; steps.
CASES: dict[str, tuple[Any, ...]] = {
    "lif-current-1": (LEAKY, AT_60, CURRENT, (5.0, -10.0), (12.0, 24.0), (-60.0, -50.5), (1,), 0, 600),
    "lif-current-2": (LEAKY, AT_60, CURRENT, (5.0, -10.0), (12.0, 24.0), (-60.0, -50.5), (2,), 0, 600),
    "lif-current-15": (LEAKY, AT_60, CURRENT, (5.0, -10.0), (12.0, 24.0), (-60.0, -50.5), (15,), 0, 600),
    "lif-current": (LEAKY, AT_60, CURRENT, (5.0, -10.0), (12.0, 24.0), (-60.0, -50.5), MIXED, 20, 600),
    "lif-conductance": (LEAKY, AT_60, CONDUCTANCE, (0.15, 0.6), (12.0, 24.0), (-60.0, -50.5), MIXED, 0, 600),
    "lif-refractory": (LEAKY, AT_60, CONDUCTANCE, (0.15, 0.6), (12.0, 24.0), (-60.0, -50.5), MIXED, 50, 600),
    "lif-jumps": (LEAKY, AT_60, None, (1.5, -3.0), (12.0, 24.0), (-60.0, -50.5), MIXED, 20, 600),
    "adex": (ADEX, ADEX_SPIKES, CONDUCTANCE, (0.01, 0.04), (0.6, 2.0), (-70.0, -52.0), MIXED, 0, 600),
    "adex-refractory": (ADEX, ADEX_SPIKES, CONDUCTANCE, (0.01, 0.04), (0.6, 2.0), (-70.0, -52.0), MIXED, 20, 600),
    "izhikevich": (IZHIKEVICH, IZHIKEVICH_SPIKES, CURRENT, (3.0, -5.0), (6.0, 20.0), (-65.0, -55.0), MIXED, 0, 600),
    "hh": (HH, HH_SPIKES, CONDUCTANCE, (0.05, 0.2), (6.0, 14.0), (-65.0, -60.0), MIXED, None, 600),
}


def connections(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Pairs of all units, each with probability 0.2, with a relative weight and the number of its delay."""
    pre, post = np.nonzero(rng.random((UNITS, UNITS)) < 0.2)
    return {
        "pre": pre,
        "post": post,
        "weight": rng.uniform(0.5, 1.5, len(pre)),
        "delay": rng.integers(len(MIXED), size=len(pre)),
        "unit": rng.random(UNITS),
    }


def simulate(case: str, edges: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The step and the unit of each spike, and the potentials at the end of every twentieth step."""
    model, spikes, drive, weights, (I_low, I_high), (V_low, V_high), delays, period, steps = CASES[case]
    b2.defaultclock.dt = DT * ms
    if period is not None:
        # Brian2 lets go in the step in which the period is over.
        spikes = spikes | {"refractory": (period + 1 if period else 0) * DT * ms}
    more = "\nI : 1\n" + "\n".join(f"{name} : 1" for name in ("g_e", "g_i", "b_e", "b_i"))
    group = b2.NeuronGroup(UNITS, model.format(drive=drive or "I") + more, **spikes)
    group.I = I_low + (I_high - I_low) * edges["unit"]
    group.v = V_low + (V_high - V_low) * edges["unit"][::-1]
    if model is IZHIKEVICH:
        group.u = "0.2 * v"
    if model is HH:
        group.m = "1 / exprel(-(v + 40) / 10) / (1 / exprel(-(v + 40) / 10) + 4 * exp(-(v + 65) / 18))"
        group.h = "0.07 * exp(-(v + 65) / 20) / (0.07 * exp(-(v + 65) / 20) + 1 / (1 + exp(-(v + 35) / 10)))"
        group.n = "0.1 / exprel(-(v + 55) / 10) / (0.1 / exprel(-(v + 55) / 10) + 0.125 * exp(-(v + 65) / 80))"
    held = [
        f"b_{x} = g_{x} * (1 - exp(-dt / ({tau}*ms))) * ({tau}*ms) / dt\ng_{x} = g_{x} * exp(-dt / ({tau}*ms))"
        for x, tau in (("e", TAU_E), ("i", TAU_I))
    ]
    group.run_regularly("\n".join(held), when="start")
    parts: list[Any] = [group]
    chosen = edges["delay"] % len(delays)
    for mine, weight, to in (
        (edges["pre"] < EXCITATORY, weights[0], "g_e_post += jump"),
        (edges["pre"] >= EXCITATORY, weights[1], "g_i_post += jump"),
    ):
        on_pre = to if drive else "v_post += jump * int(not_refractory_post)"
        synapses = b2.Synapses(group, group, "jump : 1", on_pre=on_pre)
        synapses.connect(i=edges["pre"][mine], j=edges["post"][mine])
        synapses.jump = weight * edges["weight"][mine]
        synapses.delay = (np.array(delays)[chosen[mine]] - 1) * DT * ms
        parts.append(synapses)
    found, trace = b2.SpikeMonitor(group), b2.StateMonitor(group, "v", record=True, when="end")
    network = b2.Network(*parts, found, trace)
    if drive is None:  # jumps come before the threshold
        network.schedule = ["start", "groups", "synapses", "thresholds", "resets", "end"]
    network.run(steps * DT * ms)
    return {
        "step": np.rint(np.asarray(found.t / ms) / DT).astype(int),
        "cell": np.asarray(found.i),
        "V": np.asarray(trace.v).T[19::20],
    }


if __name__ == "__main__":
    b2.prefs.codegen.target = "numpy"
    rng = np.random.default_rng(0)
    edges = connections(rng)
    found = {f"edges:{name}": values for name, values in edges.items()}
    for case in CASES:
        recorded = simulate(case, edges)
        cells = recorded["cell"]
        print(case, len(cells), "spikes,", np.sum(cells >= EXCITATORY), "inhibitory")
        found |= {f"{case}:{name}": values for name, values in recorded.items()}
    packages = {name: version(name) for name in ("brian2", "numpy")}
    found["made_with"] = np.array(str({"python": sys.version.split()[0], **packages}))
    np.savez_compressed(Path(__file__).with_name("brian2_networks.npz"), **found)
