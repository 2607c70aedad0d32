"""Whether hook modules import JAX, or never return: found out in processes of their own. Their hooks are called too."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from subprocess import DEVNULL, PIPE
from typing import Any, NamedTuple

LIMIT = 20.0  # [s]; after which a module that is still being imported is taken for one that hangs

_CODE = """
import importlib, importlib.metadata, inspect, json, os, sys
from dynplug.api import Host
version = importlib.metadata.version("dynplug")
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for module in sys.argv[1:]:
    error = ""
    try:
        found = importlib.import_module(module)
    except BaseException as cause:
        try:
            error = f"{type(cause).__name__}: {cause}"
        except BaseException:
            error = type(cause).__name__
    else:
        for name in dir(found):
            try:
                if name.startswith("dynplug_register_"):
                    hook = getattr(found, name)
                    list(hook(Host(version)) if inspect.signature(hook).parameters else hook())
            except BaseException:
                pass
    print(json.dumps([module, "jax" in sys.modules, error]), file=answers, flush=True)
    if "jax" in sys.modules:
        break
"""


class Imported(NamedTuple):
    """What importing a module does: whether it brings in JAX, and the error that it ends with, if any."""

    jax: bool
    error: str


def imports_of(modules: Sequence[str], limit: float = LIMIT) -> dict[str, Imported]:
    """What importing each of some modules does. One process serves until one brings in JAX, then another goes on.

    **Arguments:**

    - `modules`: their names.
    - `limit`: how long one of them may take [s].
    """
    path = os.pathsep.join(dict.fromkeys(p or os.getcwd() for p in sys.path))
    found: dict[str, Imported] = {}
    waiting = list(dict.fromkeys(modules))
    while waiting:
        answers, end = _answers(waiting, path, limit)
        found.update((module, Imported(jax, error)) for module, jax, error in answers)
        if not answers:
            found[waiting[0]] = Imported(False, end)
        waiting = waiting[max(1, len(answers)) :]
    return found


def _answers(modules: list[str], path: str, limit: float) -> tuple[list[Any], str]:
    """What a process says of some modules, one after the other, and what became of it at the next one."""
    command, environment = [sys.executable, "-c", _CODE, *modules], {**os.environ, "PYTHONPATH": path}
    try:
        done = subprocess.run(
            command, stdout=PIPE, stderr=DEVNULL, stdin=DEVNULL, check=False, env=environment, timeout=limit
        )
        said, end = done.stdout, f"it ends the process, with {done.returncode}"
    except subprocess.TimeoutExpired as error:
        said, end = error.stdout or b"", f"it does not come to an end within {limit:g} s"
    return [json.loads(line) for line in said.splitlines()], end


def that_import_jax(modules: Sequence[str]) -> list[str]:
    """Those among some modules whose import brings in JAX."""
    return [module for module, done in imports_of(modules).items() if done.jax]


def that_never_return(modules: Sequence[str], limit: float = LIMIT) -> dict[str, str]:
    """Those among some modules whose import ends the process, or hangs, and which of the two."""
    endings = ("it ends the process", "it does not come to an end")
    return {module: done.error for module, done in imports_of(modules, limit).items() if done.error.startswith(endings)}
