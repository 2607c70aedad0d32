"""Importing hook modules in processes of their own, to see whether they import JAX, hang or end the process.

Their hooks are called too.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from subprocess import DEVNULL, PIPE
from typing import NamedTuple

LIMIT = 20.0  # [s]; a module that takes longer to import is considered to hang

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
    """The outcome of importing a module: whether JAX was imported, and the error, or an empty string."""

    jax: bool
    error: str


def imports_of(modules: Sequence[str], limit: float = LIMIT) -> dict[str, Imported]:
    """The outcome of importing each module. A process serves until a module imports JAX; then another takes over.

    **Arguments:**

    - `modules`: their names.
    - `limit`: the time that a module may take [s].
    """
    path = os.pathsep.join(dict.fromkeys(p or os.getcwd() for p in sys.path))
    found: dict[str, Imported] = {}
    waiting = list(dict.fromkeys(modules))
    while waiting:
        answers, end = _answers(waiting, path, limit)
        found |= answers
        if not answers:
            found[waiting[0]] = Imported(False, end)
        waiting = waiting[max(1, len(answers)) :]
    return found


def _answers(modules: list[str], path: str, limit: float) -> tuple[dict[str, Imported], str]:
    """The outcomes that a process reports, module by module, and how it ended at the next one."""
    command, environment = [sys.executable, "-c", _CODE, *modules], {**os.environ, "PYTHONPATH": path}
    try:
        done = subprocess.run(
            command, stdout=PIPE, stderr=DEVNULL, stdin=DEVNULL, check=False, env=environment, timeout=limit
        )
        said, end = done.stdout, f"it ends the process with exit code {done.returncode}"
    except subprocess.TimeoutExpired as error:
        said, end = error.stdout or b"", f"it does not finish within {limit:g} s"
    return {module: Imported(jax, error) for module, jax, error in map(json.loads, said.splitlines())}, end


def that_import_jax(modules: Sequence[str]) -> list[str]:
    """The modules that import JAX."""
    return [module for module, done in imports_of(modules).items() if done.jax]


def that_never_return(modules: Sequence[str], limit: float = LIMIT) -> dict[str, str]:
    """The modules that hang or end the process when imported, with the reason."""
    endings = ("it ends the process", "it does not finish")
    return {module: done.error for module, done in imports_of(modules, limit).items() if done.error.startswith(endings)}
