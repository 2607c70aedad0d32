"""Rates and irregularity of random networks in Brian2, written to `brian2_rates.npz` beside this file.

    python -m venv brian2 && brian2/bin/pip install 'brian2==2.9.0' 'numpy<2.3' setuptools
    brian2/bin/python tests/recorded/brian2_rate_values.py

The networks are those of `examples/vogels_abbott.py` and `examples/brunel.py` with fewer neurons, each of another seed.
Of each the mean rate of excitatory neurons [Hz], and the mean coefficient of variation of their intervals. A step is as
dynplug's: synapses give their mean over it, and a refractory period counts the steps in which the potential stands
still. "COBA, own" and "CUBA, own" are with Brian2's own solutions and refractory periods.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import brian2 as b2
import numpy as np
from brian2 import ms, second

DT, START, STOP, SEEDS = 0.1, 100.0, 500.0, 24
SIZE, PROBABILITY = 1000, 0.08
SCALE = 0.2
CURRENTS = "dv/dt = ({e} + {i} - 49 - v) / (20*ms) : 1 (unless refractory)"
CONDUCTANCES = "dv/dt = ({e} * (0 - v) + {i} * (-80 - v) - 60 - v + 20) / (20*ms) : 1 (unless refractory)"
OWN = "\ndg_e/dt = -g_e / (5*ms) : 1\ndg_i/dt = -g_i / (10*ms) : 1"
HELD = "\ng_e : 1\ng_i : 1\nb_e : 1\nb_i : 1"
STATES = {"SR": (3.0, 2.0), "SI fast": (6.0, 4.0), "AI": (5.0, 2.0), "SI slow": (4.5, 0.9)}


def vogels_abbott(model: str, w_e: float, w_i: float, own: bool) -> tuple[Any, list[Any]]:
    """A delay of 0 here is one of a step in dynplug."""
    model = model.format(e="g_e", i="g_i") + OWN if own else model.format(e="b_e", i="b_i") + HELD
    refractory = (5.0 if own else 5.0 + DT) * ms
    cells = b2.NeuronGroup(
        SIZE, model, threshold="v >= -50", reset="v = -60", refractory=refractory, method="exponential_euler"
    )
    for x, tau in () if own else (("e", 5.0), ("i", 10.0)):
        share = np.exp(-DT / tau)
        cells.run_regularly(f"b_{x} = {(1 - share) * tau / DT} * g_{x}\ng_{x} = {share} * g_{x}", when="start")
    cells.v = "-60 + 10 * rand()"
    excitatory, inhibitory = cells[: SIZE * 4 // 5], cells[SIZE * 4 // 5 :]
    exc = b2.Synapses(excitatory, cells, on_pre=f"g_e_post += {w_e}")
    inh = b2.Synapses(inhibitory, cells, on_pre=f"g_i_post += {w_i}")
    for synapses in (exc, inh):
        synapses.connect(p=PROBABILITY)
    return excitatory, [cells, exc, inh]


def brunel(g: float, eta: float, rng: np.random.Generator) -> tuple[Any, list[Any]]:
    """Jumps come before the threshold, and are lost while a neuron is refractory."""
    size, degree, J = round(12_500 * SCALE), round(1000 * SCALE), 0.1 / SCALE
    cells = b2.NeuronGroup(
        size,
        "dv/dt = -v / (20*ms) : 1 (unless refractory)",
        threshold="v >= 20",
        reset="v = 10",
        refractory=(2.0 + DT) * ms,
        method="exact",
    )
    cells.run_regularly(f"v += 0.1 * poisson({eta * 20 / (0.1 * 20) * DT}) * int(not_refractory)", when="after_groups")
    parts = [cells]
    for first, last, number, weight in ((0, size * 4 // 5, degree, J), (size * 4 // 5, size, degree // 4, -g * J)):
        pre = np.concatenate([rng.choice(np.arange(first, last), number, replace=False) for _ in range(size)])
        on_pre = f"v_post += {weight} * int(not_refractory_post)"
        synapses = b2.Synapses(cells, cells, on_pre=on_pre, delay=(1.5 - DT) * ms)
        synapses.connect(i=pre, j=np.repeat(np.arange(size), number))
        parts.append(synapses)
    return cells[: size * 4 // 5], parts


def statistics(observed: Any, parts: list[Any], jumps: bool) -> tuple[float, float]:
    """The mean rate [Hz], and the mean coefficient of variation of units with three spikes or more."""
    spikes = b2.SpikeMonitor(observed)
    network = b2.Network(*parts, spikes)
    if jumps:
        network.schedule = ["start", "groups", "synapses", "thresholds", "resets", "end"]
    network.run(STOP * ms)
    trains = [np.asarray(t / ms) for t in spikes.spike_trains().values()]
    intervals = [np.diff(t[t >= START]) for t in trains]
    rate = np.mean([np.sum(t >= START) for t in trains]) / ((STOP - START) * ms / second)
    return float(rate), float(np.mean([i.std() / i.mean() for i in intervals if len(i) >= 2]))


if __name__ == "__main__":
    b2.defaultclock.dt = DT * ms
    found: dict[str, np.ndarray] = {}
    networks: dict[str, Any] = {
        "CUBA": lambda rng: vogels_abbott(CURRENTS, 1.62, -9.0, own=False),
        "COBA": lambda rng: vogels_abbott(CONDUCTANCES, 0.6, 6.7, own=False),
        "CUBA, own": lambda rng: vogels_abbott(CURRENTS, 1.62, -9.0, own=True),
        "COBA, own": lambda rng: vogels_abbott(CONDUCTANCES, 0.6, 6.7, own=True),
        **{name: lambda rng, state=state: brunel(*state, rng) for name, state in STATES.items()},
    }
    for name, make in networks.items():
        values = []
        for seed in range(SEEDS):
            b2.start_scope()
            b2.seed(seed)
            values.append(statistics(*make(np.random.default_rng(seed)), jumps=name in STATES))
        found[name] = np.array(values)
        print(name, found[name].mean(0), "+-", found[name].std(0, ddof=1) / SEEDS**0.5, flush=True)
    packages = {name: version(name) for name in ("brian2", "numpy")}
    found["made_with"] = np.array(str({"python": sys.version.split()[0], **packages}))
    np.savez_compressed(Path(__file__).with_name("brian2_rates.npz"), **found)
