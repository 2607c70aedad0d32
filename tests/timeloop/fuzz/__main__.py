"""Runs random programs and counts what the loop makes of them."""

import argparse
import collections
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
sys.path.insert(0, str(Path(__file__).parents[1]))

import jax

from dynplug.timeloop import scan
from fuzz.controls import CONTROLS, chunked, lax, unrolled
from fuzz.families import FAMILIES
from fuzz.judge import judge
from fuzz.programs import program, spread


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tests/timeloop/fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="programs in all")
    parser.add_argument("--seed", type=int, default=0, help="the first seed of each class")
    parser.add_argument("--class", dest="families", action="append", choices=list(FAMILIES), help="this class alone")
    parser.add_argument("--transform", help="one for all, such as 'shards over weights'")
    parser.add_argument("--print", action="store_true", help="print the programs")
    right = {"scan": scan, "lax": lax, "unrolled": unrolled, "chunked": chunked}
    loops = right | {name: each.loop for name, each in CONTROLS.items()}
    parser.add_argument("--loop", default="scan", choices=loops, help="another loop, right or wrong, to be tested")
    options = parser.parse_args()
    families = options.families or list(FAMILIES)
    counts: dict[str, collections.Counter] = {}
    seeds = spread(options.count, options.seed, families)
    for k, (family, seed) in enumerate((name, seed) for name in families for seed in seeds[name]):
        if options.print:
            print(program(family, seed, options.transform), flush=True)
        start = time.perf_counter()
        verdict = judge(family, seed, loops[options.loop], options.transform)
        counts.setdefault(family, collections.Counter())[verdict.kind] += 1
        if verdict.kind == "failed" or (verdict.kind == "raised" and family != "mistakes"):
            print(f"{family} {seed}: {verdict.reason}", flush=True)
        if (took := time.perf_counter() - start) > 20:
            print(f"{family} {seed}: {took:.0f} s", flush=True)
        if k % 100 == 99:
            jax.clear_caches()
    kinds = ("same", "better", "raised", "failed")
    print(f"\n{'class':12}{'programs':>10}" + "".join(f"{kind:>10}" for kind in kinds))
    for family, row in counts.items():
        print(f"{family:12}{row.total():10}" + "".join(f"{row[kind]:10}" for kind in kinds))
    return int(any(row["failed"] for row in counts.values()))


if __name__ == "__main__":
    sys.exit(main())
