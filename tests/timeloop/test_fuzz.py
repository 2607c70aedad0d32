"""The time loop against `jax.lax.scan` for random programs; and whether these programs find what is wrong.

`DYNPLUG_FUZZ` is the number of programs, `DYNPLUG_FUZZ_SEED` the first seed. `python tests/timeloop/fuzz` counts by
class, and runs one program again: `--class nested --seed 3 --count 1 --print`.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dynplug.timeloop import scan

sys.path.insert(0, str(Path(__file__).parent))
from fuzz.controls import CONTROLS, unrolled
from fuzz.families import FAMILIES
from fuzz.judge import judge
from fuzz.programs import program, spread

COUNT = int(os.environ.get("DYNPLUG_FUZZ", "200"))
FIRST = int(os.environ.get("DYNPLUG_FUZZ_SEED", "0"))
BLOCK = 6
SEEDS = spread(COUNT, FIRST, list(FAMILIES))
BLOCKS = [(family, seeds[k : k + BLOCK]) for family, seeds in SEEDS.items() for k in range(0, len(seeds), BLOCK)]


def failures(family, seeds, loop=scan):
    """A message for each program that failed."""
    for seed in seeds:
        verdict = judge(family, seed, loop, sure=loop is scan)
        if verdict.kind == "failed":
            yield f"{family} {seed}: {verdict.reason}\n{program(family, seed)}"


@pytest.mark.slow
@pytest.mark.parametrize(("family", "seeds"), BLOCKS, ids=lambda v: v if isinstance(v, str) else f"{v[0]}-{v[-1]}")
def test_random_programs(family, seeds):
    wrong = list(failures(family, seeds))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("family", FAMILIES)
def test_programs_run_and_depend_little_on_how_they_are_compiled(family):
    kind = judge(family, SEEDS[family][0], unrolled).kind
    assert kind in (["raised"] if family == "mistakes" else ["same", "better"])


@pytest.mark.parametrize(("name", "family"), [(name, f) for name, each in CONTROLS.items() for f in each.families])
def test_a_loop_with_a_fault_is_found(name, family):
    loop, _, says = CONTROLS[name]
    assert any(re.search(says, line) for line in failures(family, SEEDS[family], loop))


def test_a_program_is_the_same_each_time():
    assert all(program(family, 3) == program(family, 3) for family in FAMILIES)
    assert str(program("nested", 3)) != str(program("nested", 4))


def test_over_two_devices(two_devices):
    command = [sys.executable, str(Path(__file__).parent / "fuzz"), "--class", "transforms", "--count", "2"]
    command += ["--transform", "shards over all"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | two_devices)
    assert done.stdout.split()[-5:] == ["2", "2", "0", "0", "0"], done.stdout + done.stderr
