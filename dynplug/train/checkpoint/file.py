"""Checkpoints: arrays by path in one safetensors file, with a description in its header. No code, no pickle."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dynplug.core import (
    DEFINITION,
    SUM,
    Leaf,
    Loaded,
    arrays_by_path,
    check_values,
    definition,
    differences,
    fill,
    leaves,
    read_arrays,
    read_header,
    write_arrays,
)
from dynplug.errors import CheckpointError, against_disagreement, disagreement
from dynplug.plugin import registry
from dynplug.train.checkpoint.portable import warn_of_local

_FORMAT, _VERSION = "dynplug-checkpoint", 4  # 1 had no definition, 2 no checksum, 3 the best model in two forms
_SINCE_SUM = 3


def write(
    path: str | Path,
    trees: Mapping[str, Any],
    description: Mapping[str, Any],
    constants: Mapping[str, Any] | None = None,
) -> None:
    """Write the arrays of named trees and a JSON description; the file appears whole or not at all.

    A component that is registered in this process only is warned of. The header also tells the classes and constants of
    the tree called `"model"`, and which plugins were in use, so that whoever has others is told.

    **Arguments:**

    - `path`: the file.
    - `trees`: trees by name.
    - `description`: other values to keep, as JSON.
    - `constants`: other values that must be the same where it is read, as `{"dt": 1.0}`.

    **Raises:** `CheckpointError` where it cannot be written, on a full disk for example; an older file stays.
    """
    warn_of_local(dict(trees))
    used = {p.distribution: p.version for p in registry().plugins if p.status == "loaded"}
    header = {
        "format": _FORMAT,
        "version": str(_VERSION),
        "description": json.dumps(description),
        DEFINITION: json.dumps(_definition(trees, constants)),
        "packages": json.dumps(used),
    }
    write_arrays(path, arrays(trees), header)


def read(
    path: str | Path,
    trees: Mapping[str, Any],
    constants: Mapping[str, Any] | None = None,
    *,
    strict: bool = True,
    cast: bool = False,
) -> tuple[Loaded, Any]:
    """The named trees with their arrays replaced by those of a file, with what did not fit, and its description.

    **Arguments:**

    - `path`: the file.
    - `trees`, `constants`: as for `write`.
    - `strict`, `cast`: as for `dynplug.load_states`.

    **Raises:** `CheckpointError` where the file is missing, damaged or no checkpoint, or where `strict` is not met;
    `ParameterError` for a parameter that is not finite, or not above zero where it must be.
    """
    saved, header = read_arrays(path)
    _check_header(path, header)
    loaded = fill(dict(trees), _leaves(trees), saved, cast=cast)
    if DEFINITION in header:
        told, present = json.loads(header[DEFINITION]), _definition(trees, constants)
        loaded.differing.extend(differences(told, present, {*saved, *arrays(trees)}))
    if strict and not loaded.whole:
        problems = disagreement(loaded.missing, loaded.unexpected, loaded.differing)
        remedy = against_disagreement(loaded.differing)
        raise CheckpointError(f"{path} is of another model or optimizer: {problems}", remedy=remedy)
    check_values(loaded.tree.get("model"))
    return loaded, json.loads(header["description"])


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
        raise CheckpointError(
            f"{path} is a safetensors file, but not one that dynplug wrote as a checkpoint. If it holds a model: "
            "trainer.target = dynplug.load_states(path, trainer.target).tree"
        )
    if int(header["version"]) > _VERSION:
        raise CheckpointError(
            f"{path} has version {header['version']} of the format; this dynplug reads {_VERSION}. Update it: "
            "pip install --upgrade dynplug. The file stays as it is."
        )
    if int(header["version"]) >= _SINCE_SUM and SUM not in header:
        raise CheckpointError(f"{path} is damaged: it has lost its checksum.", damaged=True)


def arrays(trees: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays of named trees, by the paths that they have in a file."""
    return arrays_by_path(_leaves(trees))


def _leaves(trees: Mapping[str, Any]) -> list[Leaf]:
    return [replace(leaf, path=_of_tree(leaf.path)) for leaf in leaves(dict(trees))]


def _definition(trees: Mapping[str, Any], constants: Mapping[str, Any] | None) -> dict[str, Any]:
    model = {_of_tree(path): told for path, told in definition({"model": trees.get("model")}).items()}
    return {**model, **(constants or {})}


def _of_tree(path: str) -> str:
    """A path whose first part is the name of a tree."""
    return path.replace(".", "/", 1)
