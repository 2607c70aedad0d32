"""Twenty models and some more with `jax.lax.scan` and with `dynplug.timeloop.scan`, the same step in both.

Each model runs in a process of its own, which a time-out ends. Printed are ratios to `jax.lax.scan`, of medians: the
time of the loss, of the loss with its gradient, the temporary memory of the latter, and the time to trace and compile
it, with JAX's caches cleared. Runs alternate in an order that is drawn anew each round, so that a busy machine slows
all alike. `*` marks what is over a bar: 1.1 for times, 1.3 for memory, 2 for compiling. The last three columns are of
`jax.lax.scan` with the gradient.

Loss and gradient must agree to 1e-3, each array of the gradient relative to its largest value. Where they do not, the
model says `DIFFERS`, and by how much they differ in float64, where rounding alone hardly moves a spike.

    python twenty_models.py [--quick] [--only NAME,NAME] [--loops auto,step] [--rounds N] [--json FILE]
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from models import MODELS

import dynplug.timeloop as timeloop

BARS = {"value": 1.1, "gradient": 1.1, "memory": 1.3, "compile": 2.0}
TOLERANCE = 1e-3
LAX = "lax.scan"
LEAST = 0.01  # a sample lasts this long [s]: many runs in a row where one is short
Found = dict[str, dict[str, list[Any]]]  # what was measured: {kind: {way: values}}


def tell(kind, way="", value: Any = None):
    """A line for the process that collects."""
    print(json.dumps([kind, way, value]), flush=True)


class Measured:
    """One model, whose ways to run are compiled and timed, and given up where they fail."""

    def __init__(self, name, loops):
        self.model = MODELS[name](np.random.default_rng(0))
        self.ways: dict[str, Any] = {LAX: jax.lax.scan}
        self.ways |= {s: partial(timeloop.scan, loop=s) for s in loops}
        self.random = np.random.default_rng(1)
        self.compiled: dict[str, dict[str, Any]] = {"gradient": {}, "value": {}}

    def each(self, stage, act):
        """Act for each way that has not failed so far, in an order drawn anew."""
        for way in self.random.permutation(list(self.ways)).tolist():
            tell("stage", way, stage)
            try:
                act(way)
            except Exception as e:
                lines = str(e).splitlines() or [""]
                tell("error", way, f"{stage}: {type(e).__name__}: {lines[0]:.200}")
                del self.ways[way]

    def compile(self, way, kind="gradient"):
        loss = partial(self.model.loss, self.ways[way])
        jax.clear_caches()
        began = time.perf_counter()
        function = jax.jit(jax.value_and_grad(loss) if kind == "gradient" else loss)
        compiled = function.lower(self.model.params, self.model.data).compile()
        if kind == "gradient":
            tell("compile", way, time.perf_counter() - began)
        return compiled

    def keep(self, way, kind):
        compiled = self.compiled[kind][way] = self.compile(way, kind)
        if kind == "gradient" and (memory := compiled.memory_analysis()):
            tell("memory", way, memory.temp_size_in_bytes)

    def run(self, way, kind):
        return jax.block_until_ready(self.compiled[kind][way](self.model.params, self.model.data))

    def compare(self):
        """Report the distance of each way's results from those of `lax.scan`."""
        results = {}

        def act(way):
            results[way] = [np.asarray(v, np.float64) for v in jax.tree.leaves(self.run(way, "gradient"))]

        self.each("running value and gradient", act)
        for way, found in results.items():
            pairs = zip(found, results[LAX], strict=True)
            tell("off", way, max((_distance(a, b) for a, b in pairs), key=lambda d: (np.isnan(d), d)))

    def time(self, kind, rounds, limit):
        counts = {}

        def calibrate(way):
            began = time.perf_counter()
            self.run(way, kind)
            counts[way] = max(1, round(LEAST / (time.perf_counter() - began)))

        def sample(way):
            began = time.perf_counter()
            for _ in range(counts[way]):
                self.run(way, kind)
            tell(kind, way, (time.perf_counter() - began) / counts[way])

        self.each(f"running {kind}", partial(self.run, kind=kind))
        self.each(f"running {kind}", calibrate)
        began = time.perf_counter()
        for k in range(rounds):
            if k < 3 or time.perf_counter() < began + limit:
                self.each(f"timing {kind}", sample)


def _distance(a, b):
    scale = np.abs(b).max()
    off = np.abs(a - b).max()
    return float(off / scale if scale else off)


def measure(name, loops, rounds, compilations, limit):
    """Compile, compare and time a model, in a process of its own."""
    jax.config.update("jax_enable_compilation_cache", False)
    measured = Measured(name, loops)
    measured.each("compiling value and gradient", partial(measured.keep, kind="gradient"))
    measured.compare()
    if not rounds:
        return
    measured.each("compiling value", partial(measured.keep, kind="value"))
    for kind in ("gradient", "value"):
        measured.time(kind, rounds, limit)
    for _ in range(compilations):
        measured.each("compiling value and gradient again", measured.compile)


def collect(name, options, **other) -> tuple[Found, str]:
    """Measure a model in a process of its own: the results, and the reason if the process failed."""
    given = vars(options) | other
    arguments = [f"--{key}={given[key]}" for key in ("loops", "rounds", "compilations", "timeout")]
    environment = os.environ | ({"JAX_ENABLE_X64": "1"} if not given["rounds"] else {})
    command = [sys.executable, __file__, "--child", name, *arguments]
    fate = ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=options.timeout, env=environment)
        text = done.stdout
        if done.returncode:
            fate = f"ended with {done.returncode}: {(done.stderr.strip().splitlines() or [''])[-1]:.200}"
    except subprocess.TimeoutExpired as e:
        text = e.stdout.decode() if isinstance(e.stdout, bytes) else e.stdout or ""
        fate = f"TIME-OUT after {options.timeout:g} s"
    found: Found = defaultdict(lambda: defaultdict(list))
    stage = "starting"
    for line in text.splitlines():
        if not line.startswith("[") or not line.endswith("]"):
            continue
        kind, way, value = json.loads(line)
        if kind == "stage":
            stage = f"{value}, {way}"
        else:
            found[kind][way].append(value)
    return found, f"{fate} ({stage})" if fate else ""


def median(kind, values):
    """The median. The first compilation also imports modules, and counts only if it is the sole one."""
    values = (values[1:] or values) if kind == "compile" else values
    return float(np.median(values)) if values else float("nan")


def row_of(way, found: Found) -> dict[str, Any]:
    row = {}
    for kind in BARS:
        ours, theirs = (median(kind, found[kind][w]) for w in (way, LAX))
        row[kind] = ours / theirs if theirs else float("nan")
    return row


def report(name, options):
    """Measure a model and print its lines; they are given back too."""
    found, fate = collect(name, options)
    floor = {kind: median(kind, found[kind][LAX]) for kind in BARS}
    rows = []
    for way in options.loops.split(","):
        notes = found["error"][way] + found["error"][LAX] + ([fate] if fate else [])
        off = found["off"][way][0] if found["off"][way] else None
        if off is not None and not off <= TOLERANCE:
            exact, _ = collect(name, options, rounds=0, loops=way)
            there = exact["off"][way]
            notes.append(f"DIFFERS by {off:.1e}, in float64 by {there[0]:.1e}" if there else f"DIFFERS by {off:.1e}")
        rows.append({"model": name, "loop": way, "lax": floor, "off": off, "note": "; ".join(notes)})
        rows[-1] |= row_of(way, found)
        print(line_of(rows[-1]), flush=True)
    return rows


def is_over(row, kind):
    return row[kind] > BARS[kind]


def line_of(row):
    cells = []
    for kind in BARS:
        mark = "*" if is_over(row, kind) else " "
        cells.append(("" if np.isnan(row[kind]) else f"{row[kind]:.2f}{mark}").rjust(9))
    lax = row["lax"]
    cells += [f"{lax['gradient'] * 1e3:8.2f}", f"{lax['memory'] / 1e6:8.2f}", f"{lax['compile']:8.2f}"]
    return f"{row['model']:21} {row['loop']:8}{''.join(cells)}  {row['note']}".rstrip()


def main(options):
    names = options.only.split(",") if options.only else list(MODELS)
    if unknown := set(names).difference(MODELS):
        sys.exit(f"There is no {', '.join(sorted(unknown))}; there are {', '.join(MODELS)}.")
    titles = "".join(f"{kind:>8} " for kind in BARS)
    print(f"{'model':21} {'loop':8}{titles}  lax [ms]    [MB]     [s]", flush=True)
    rows = [row for name in names for row in report(name, options)]
    print()
    for kind, bar in BARS.items():
        over = [f"{r['model']} ({r['loop']}) {r[kind]:.2f}" for r in rows if is_over(r, kind)]
        print(f"{kind} over {bar}: {', '.join(over) or 'none'}")
    noted = [f"{r['model']} ({r['loop']}): {r['note']}" for r in rows if r["note"]]
    print("\n".join(["failed, timed out or differs:", *noted] if noted else ["All agree."]))
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=1))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    parser.add_argument("--only", help="names of models, with commas between")
    parser.add_argument("--loops", default="auto", help="with commas between")
    parser.add_argument("--rounds", type=int, help="of timing; 15, or 5 of a quick run")
    parser.add_argument("--compilations", type=int, help="after the first; 5, or 3 of a quick run")
    parser.add_argument("--timeout", type=float, default=120.0, help="of a model [s]")
    parser.add_argument("--json", help="a file for all numbers")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.rounds = (5 if options.quick else 15) if options.rounds is None else options.rounds
    options.compilations = options.compilations or (3 if options.quick else 5)
    return options


if __name__ == "__main__":
    options = parse()
    if options.child:
        limit = options.timeout / 8
        measure(options.child, options.loops.split(","), options.rounds, options.compilations, limit)
    else:
        main(options)
