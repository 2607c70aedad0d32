"""The networks of `networks.py` in Brian2, run when it asks for it.

    brian2/bin/python brian2_networks.py cpp|cython COBA|CUBA|Brunel

Every line on the standard input asks for a run; the answer is the processor's time for its loop over the steps [s],
which is what Brian2's C++ measures, and the mean rate [Hz]. Compiling and drawing connections are not counted.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import brian2 as b2  # pyright: ignore[reportMissingImports]
import numpy as np
from brian2 import ms  # pyright: ignore[reportMissingImports]

SECOND = 1000.0
CURRENTS = "dv/dt = (g_e + g_i - 49 - v) / (20*ms) : 1 (unless refractory)"
CONDUCTANCES = "dv/dt = (g_e * (0 - v) + g_i * (-80 - v) - 60 - v + 20) / (20*ms) : 1 (unless refractory)"
DECAY = "\ndg_e/dt = -g_e / (5*ms) : 1\ndg_i/dt = -g_i / (10*ms) : 1"


def vogels_abbott(model, w_e, w_i):
    cells = b2.NeuronGroup(
        4000, model + DECAY, threshold="v > -50", reset="v = -60", refractory=5 * ms, method="exponential_euler"
    )
    cells.v = "-60 + 10 * rand()"
    exc = b2.Synapses(cells[:3200], cells, on_pre=f"g_e_post += {w_e}")
    inh = b2.Synapses(cells[3200:], cells, on_pre=f"g_i_post += {w_i}")
    exc.connect(p=0.02)
    inh.connect(p=0.02)
    return [cells, exc, inh], 1000.0


def brunel(g=5.0, eta=2.0):
    model = "dv/dt = -v / (20*ms) : 1 (unless refractory)"
    cells = b2.NeuronGroup(12_500, model, threshold="v >= 20", reset="v = 10", refractory=2 * ms, method="exact")
    noise = b2.PoissonInput(cells, "v", 1000, eta * 10 / 1000 / ms, weight=0.1)
    parts = [cells, noise]
    rng = np.random.default_rng(0)
    for first, last, number, weight in ((0, 10_000, 1000, 0.1), (10_000, 12_500, 250, -g * 0.1)):
        pre = np.concatenate([rng.choice(last - first, number, replace=False) for _ in range(12_500)]) + first
        synapses = b2.Synapses(cells, cells, on_pre=f"v_post += {weight}", delay=1.5 * ms)
        synapses.connect(i=pre, j=np.repeat(np.arange(12_500), number))
        parts.append(synapses)
    return parts, 200.0


NETWORKS = {
    "COBA": lambda: vogels_abbott(CONDUCTANCES, 0.6, 6.7),
    "CUBA": lambda: vogels_abbott(CURRENTS, 1.62, -9.0),
    "Brunel": brunel,
}


def main(mode, name):
    folder = tempfile.mkdtemp()
    if mode == "cpp":
        b2.set_device("cpp_standalone", directory=folder, build_on_run=False)
    else:
        b2.prefs.codegen.target = "cython"
    b2.defaultclock.dt = 0.1 * ms
    b2.seed(0)
    parts, duration = NETWORKS[name]()
    spikes = b2.SpikeMonitor(parts[0])
    network = b2.Network(*parts, spikes)
    per_hz = parts[0].N * duration / SECOND

    if mode == "cpp":
        network.run(duration * ms)
        b2.device.build(run=True, directory=folder)
        rate = spikes.num_spikes / per_hz
        program = Path(folder, "main")

        def run():
            subprocess.run([program], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            return float(Path(folder, "results", "last_run_info.txt").read_text().split()[0]), rate

    else:
        network.run(1 * ms)
        network.store()

        def run():
            network.restore()
            before, began = spikes.num_spikes, time.process_time()
            network.run(duration * ms)
            return time.process_time() - began, (spikes.num_spikes - before) / per_hz

    print("ready", flush=True)
    for _ in sys.stdin:
        print(*run(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
