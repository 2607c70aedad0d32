"""Whether hook modules import JAX: found out in processes of their own, since here it may be imported already."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

_CODE = """
import importlib, json, sys
for module in sys.argv[1:]:
    error = ""
    try:
        importlib.import_module(module)
    except BaseException as cause:
        error = f"{type(cause).__name__}: {cause}"
    print(json.dumps([module, "jax" in sys.modules, error]), flush=True)
    if "jax" in sys.modules:
        break
"""


class Imported(NamedTuple):
    """What importing a module does: whether it brings in JAX, and the error that it ends with, if any."""

    jax: bool
    error: str


def imports_of(modules: Sequence[str]) -> dict[str, Imported]:
    """What importing each of some modules does. One process serves until one brings in JAX, then another goes on."""
    path = os.pathsep.join(dict.fromkeys(p or os.getcwd() for p in sys.path))
    found: dict[str, Imported] = {}
    waiting = list(dict.fromkeys(modules))
    while waiting:
        done = subprocess.run(
            [sys.executable, "-c", _CODE, *waiting],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": path},
        )
        answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]
        answers = answers or [[waiting[0], False, f"it ends the process, with {done.returncode}"]]
        found.update((module, Imported(jax, error)) for module, jax, error in answers)
        waiting = waiting[len(answers) :]
    return found


def that_import_jax(modules: Sequence[str]) -> list[str]:
    """Those among some modules whose import brings in JAX."""
    return [module for module, done in imports_of(modules).items() if done.jax]
