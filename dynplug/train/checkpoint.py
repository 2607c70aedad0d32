"""Checkpoints: arrays by path in one safetensors file, with a description in its header. No code, no pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from dynplug.core import leaves, read_arrays, read_header, write_arrays
from dynplug.errors import CheckpointError
from dynplug.plugin import registry
from dynplug.train.portable import warn_of_local

_FORMAT, _VERSION = "dynplug-checkpoint", 1


def write(path: str | Path, trees: Mapping[str, Any], description: Mapping[str, Any]) -> None:
    """Write the arrays of named trees and a JSON description; the file appears whole or not at all.

    A component that is registered in this process only is warned of.

    The header also says which plugins were in use, so that whoever lacks one is told.

    **Raises:** `CheckpointError` where it cannot be written, on a full disk for example; an older file stays.
    """
    warn_of_local(dict(trees))
    used = {p.distribution: p.version for p in registry().plugins if p.status == "loaded"}
    header = {
        "format": _FORMAT,
        "version": str(_VERSION),
        "description": json.dumps(description),
        "packages": json.dumps(used),
    }
    write_arrays(path, _arrays(trees), header)


def read(path: str | Path, trees: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """The named trees with their arrays replaced by those of a file, and the file's description.

    **Raises:** `CheckpointError` where the file is missing, damaged, no checkpoint, or of other arrays than `trees`.
    """
    saved, header = read_arrays(path)
    _check_header(path, header)
    _compare(path, _arrays(trees), saved)
    filled = {name: _fill(name, tree, saved) for name, tree in trees.items()}
    return filled, json.loads(header["description"])


def describe(path: str | Path) -> Any:
    """The description in a checkpoint, without its arrays. **Raises:** as `read`."""
    header = read_header(path)
    _check_header(path, header)
    return json.loads(header["description"])


def missing_packages(path: str | Path) -> str:
    """A sentence about the plugins that made a checkpoint and cannot be used here; empty if there is none."""
    packages: dict[str, str] = json.loads(read_header(path).get("packages", "{}"))
    here = {p.distribution: p for p in registry().plugins}
    gone = [f"{name}=={version}" for name, version in packages.items() if name not in here]
    idle = [
        f"{name} is {here[name].status}: {here[name].note}"
        for name in packages
        if name in here and not here[name].usable
    ]
    parts = [f"{path} was made with packages that are not installed: pip install {' '.join(gone)}"] if gone else []
    return "; ".join([*parts, *idle])


def _check_header(path: str | Path, header: Mapping[str, str]) -> None:
    if header.get("format") != _FORMAT:
        raise CheckpointError(f"{path} is a safetensors file, but not one that dynplug wrote as a checkpoint.")
    if int(header["version"]) > _VERSION:
        raise CheckpointError(
            f"{path} has version {header['version']} of the format; this dynplug reads {_VERSION}. Update it: "
            "pip install --upgrade dynplug. The file stays as it is."
        )


def _arrays(trees: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{name}/{leaf.path}": leaf.value
        for name, tree in trees.items()
        for leaf in leaves(tree)
        if eqx.is_array(leaf.value)
    }


def _fill(name: str, tree: Any, saved: Mapping[str, Any]) -> Any:
    values = [
        _like(leaf.value, saved[f"{name}/{leaf.path}"]) if eqx.is_array(leaf.value) else leaf.value
        for leaf in leaves(tree)
    ]
    return jax.tree.unflatten(jax.tree.structure(tree), values)


def _like(old: Any, saved: Any) -> Any:
    if jnp.issubdtype(old.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(saved), impl=jax.random.key_impl(old))
    return jnp.asarray(saved)


def _compare(path: str | Path, wanted: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
    forms = {name: jax.eval_shape(_words, value) for name, value in wanted.items()}
    problems = [f"missing {name}" for name in wanted if name not in saved]
    problems += [f"unexpected {name}" for name in saved if name not in wanted]
    problems += [
        f"{name} is {saved[name].dtype}{list(saved[name].shape)}, not {form.dtype}{list(form.shape)}"
        for name, form in forms.items()
        if name in saved and (saved[name].shape != form.shape or saved[name].dtype != form.dtype)
    ]
    if problems:
        raise CheckpointError(f"{path} is of another model or optimizer: {'; '.join(problems)}.")


def _words(value: Any) -> Any:
    return jax.random.key_data(value) if jnp.issubdtype(value.dtype, jax.dtypes.prng_key) else value
