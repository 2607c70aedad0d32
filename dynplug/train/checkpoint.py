"""Checkpoints: arrays by path in one safetensors file, with a description in its header. No code, no pickle."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from dynplug.core import leaves
from dynplug.errors import CheckpointError
from dynplug.train.portable import warn_of_local

_FORMAT, _VERSION = "dynplug-checkpoint", 1


def write(path: str | Path, trees: Mapping[str, Any], description: Mapping[str, Any]) -> None:
    """Write the arrays of named trees and a JSON description; the file appears whole or not at all.

    A component that is registered in this process only is warned of.
    """
    warn_of_local(dict(trees))
    path = Path(path)
    arrays = {name: np.asarray(value) for name, value in _arrays(trees).items()}
    header = {"format": _FORMAT, "version": str(_VERSION), "description": json.dumps(description)}
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(save(arrays, header))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read(path: str | Path, trees: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """The named trees with their arrays replaced by those of a file, and the file's description.

    **Raises:** `CheckpointError` where the file is missing, damaged, no checkpoint, or of other arrays than `trees`.
    """
    try:
        with safe_open(str(path), framework="numpy") as file:
            header = file.metadata() or {}
            saved = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no checkpoint {path}.") from error
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read: it is damaged, or no checkpoint ({error}).") from error
    if header.get("format") != _FORMAT:
        raise CheckpointError(f"{path} is a safetensors file, but not one that dynplug wrote as a checkpoint.")
    if int(header["version"]) > _VERSION:
        raise CheckpointError(
            f"{path} has version {header['version']} of the format; this dynplug reads {_VERSION}. Update it."
        )
    _compare(path, _arrays(trees), saved)
    filled = {name: _fill(name, tree, saved) for name, tree in trees.items()}
    return filled, json.loads(header["description"])


def _arrays(trees: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{name}/{leaf.path}": leaf.value
        for name, tree in trees.items()
        for leaf in leaves(tree)
        if eqx.is_array(leaf.value)
    }


def _fill(name: str, tree: Any, saved: Mapping[str, Any]) -> Any:
    values = [
        jnp.asarray(saved[f"{name}/{leaf.path}"]) if eqx.is_array(leaf.value) else leaf.value for leaf in leaves(tree)
    ]
    return jax.tree.unflatten(jax.tree.structure(tree), values)


def _compare(path: str | Path, wanted: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
    problems = [f"missing {name}" for name in wanted if name not in saved]
    problems += [f"unexpected {name}" for name in saved if name not in wanted]
    problems += [
        f"{name} is {saved[name].dtype}{list(saved[name].shape)}, not {value.dtype}{list(value.shape)}"
        for name, value in wanted.items()
        if name in saved and (saved[name].shape != value.shape or saved[name].dtype != value.dtype)
    ]
    if problems:
        raise CheckpointError(f"{path} is of another model or optimizer: {'; '.join(problems)}.")
