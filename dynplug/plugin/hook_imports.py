"""Whether hook modules import JAX: found out in processes of their own, since here it may be imported already."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence

_CODE = """
import importlib, json, sys
for module in sys.argv[1:]:
    try:
        importlib.import_module(module)
    except BaseException:
        pass
    print(json.dumps([module, "jax" in sys.modules]), flush=True)
    if "jax" in sys.modules:
        break
"""


def that_import_jax(modules: Sequence[str]) -> list[str]:
    """Those among some modules whose import brings in JAX. One process serves until one does, then another goes on."""
    path = os.pathsep.join(dict.fromkeys(p or os.getcwd() for p in sys.path))
    guilty: list[str] = []
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
        guilty += [module for module, imports in answers if imports]
        waiting = waiting[max(1, len(answers)) :]
    return guilty
