"""Networks of spiking neurons: COBA, CUBA and Brunel's beside Brian2, and the cost of a spike as networks grow.

    python networks.py [BRIAN2]

BRIAN2 is a Python interpreter that has Brian2, and a C++ compiler on its path; without it there is dynplug alone. With
dynplug-kernels installed, dynplug is measured with its own delivery and with the compiled one. All alternate, so that a
busy machine slows all alike; printed are medians of the loop over the steps, spikes recorded, and ratios to dynplug.
Times are those of the processor, of all threads, since Brian2's C++ measures no others. The second table is of COBA's
neurons with 80 connections each, at their rate.
"""

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

import dynplug as dp

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import brunel  # noqa: E402
import vogels_abbott  # noqa: E402

REPETITIONS = 7
KNOWN = dp.list_components("delivery")
SIZES = {4_000: 100.0, 40_000: 100.0, 400_000: 20.0}  # [ms]


def runner_of(name: str, delivery: str) -> tuple[dp.DSRunner, float, Any]:
    """A runner, the duration [ms], and the input."""
    if name == "Brunel":
        net, duration, drive = brunel.network(brunel.STATES["AI"], 1.0, jax.random.key(0)), 200.0, None
    else:
        make, drive = vogels_abbott.NETWORKS[name]
        net, duration = make(jax.random.key(0)), 1000.0
    edges = [
        dataclasses.replace(e, delivery=delivery) if isinstance(e, dp.network.Pathway) and e.delivery == "auto" else e
        for e in net.edges
    ]
    return _runner(eqx.tree_at(lambda n: n.edges, net, tuple(edges))), duration, drive


def _runner(net: dp.Network) -> dp.DSRunner:
    key = jax.random.key(1)
    return dp.DSRunner(net, dt=0.1, spikes=["E", "I"], return_outputs=False, progress_bar=False, key=key)


def spikes_of(runner: dp.DSRunner) -> int:
    return sum(map(len, runner.spikes.values()))


def dynplug(name: str, delivery: str = "auto") -> Callable[[], tuple[float, float]]:
    runner, duration, drive = runner_of(name, delivery)

    def run() -> tuple[float, float]:
        runner.reset_state()  # Brian2's times do not have its initial values in them, either
        began = time.process_time()
        runner.run(duration, inputs=drive)
        took = time.process_time() - began
        return took, spikes_of(runner) / sum(e.size for e in runner.spikes.values()) / duration * 1000.0

    run()
    return run


@contextmanager
def brian2(python: str, mode: str, name: str) -> Iterator[Callable[[], tuple[float, float]]]:
    """Brian2 in a process of its own, which runs when it is asked."""
    command = [python, str(HERE / "brian2_networks.py"), mode, name]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ask, answers = process.stdin, process.stdout
        while answers.readline().strip() != "ready":
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}.")

        def run() -> tuple[float, float]:
            print(file=ask, flush=True)
            took, rate = answers.readline().split()
            return float(took), float(rate)

        yield run
        ask.close()


def beside_brian2(python: str) -> None:
    print("| network | | processor [ms] | ratio | rate [Hz] |\n|---|---|---|---|---|")
    for name in ("CUBA", "COBA", "Brunel"):
        with brian2(python, "cpp", name) as cpp, brian2(python, "cython", name) as cython:
            own = {"dynplug": "events"} | ({"dynplug-kernels": "compiled"} if "compiled" in KNOWN else {})
            ways = {way: dynplug(name, delivery) for way, delivery in own.items()}
            ways |= {"Brian2 C++": cpp, "Brian2 cython": cython}
            found = {way: [] for way in ways}
            for _ in range(REPETITIONS):
                for way, run in ways.items():
                    found[way].append(run())
        ours = np.median(found["dynplug"], 0)[0]
        for way, values in found.items():
            took, rate = np.median(values, 0)
            print(f"| {name} | {way} | {took * 1000:.0f} | {took / ours:.2f} | {rate:.1f} |", flush=True)


def growing() -> None:
    print("\n| neurons | connections | MiB | spikes | drawn in [s] | loop [ms] | without connections | a spike [µs] |")
    print("|---|---|---|---|---|---|---|---|")
    for size, duration in SIZES.items():
        began = time.perf_counter()
        net = vogels_abbott.coba(jax.random.key(0), size, 80 / size)
        drawn = time.perf_counter() - began
        alone = vogels_abbott.coba(jax.random.key(0), size, 1e-12)
        runners = [_runner(net), _runner(alone)]
        took = []
        for _ in range(REPETITIONS):
            took.append([])
            for runner in runners:
                began = time.process_time()
                runner.run(duration, inputs={"E": 20.0, "I": 20.0}, reset_state=True)
                took[-1].append(time.process_time() - began)
        loop, without = np.median(took[1:], 0)
        connections = sum(len(edge.fanout) for edge in net.edges)
        mib = sum(a.nbytes for a in jax.tree.leaves(net.edges) if hasattr(a, "nbytes")) / 2**20
        count = spikes_of(runners[0])
        print(
            f"| {size:,} | {connections:,} | {mib:.0f} | {count:,} | {drawn:.1f} | {loop * 1000:.0f} | "
            f"{without * 1000:.0f} | {(loop - without) / count * 1e6:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, JAX {jax.__version__}\n")
    if len(sys.argv) > 1:
        beside_brian2(sys.argv[1])
    growing()
    print(f"\nload {os.getloadavg()[0]:.1f}")
