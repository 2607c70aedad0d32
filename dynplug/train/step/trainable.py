"""Selection of the trained leaves of a model."""

import warnings
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from dynplug.core import DynamicalSystem, Leaf, leaves
from dynplug.errors import DataWarning, NoTrainableParametersError, OptionError, UnknownPathError, nearest
from dynplug.timeloop import floating_dtype


def partition(model: DynamicalSystem, trainable: object = None) -> tuple[PyTree, PyTree]:
    """Split a model into its trainable part and the rest; `equinox.combine` joins them again.

    An inexact array is trainable unless its field was declared a constant. `trainable` overrides that by path:
    `{"hidden.tau": True, "readout": False}`, or `{"hidden": {"tau": True}}`, as TOML writes it; the longest path that
    fits decides. A number that becomes trainable becomes an array.

    **Raises:** `OptionError` for what is no such mapping; `UnknownPathError` for a path that leads to no parameter;
    `NoTrainableParametersError`.
    """
    wanted, known = _by_path(trainable), leaves(model)
    for path in wanted:
        if not any(_below(leaf.path, path) and _may_train(leaf.value) for leaf in known):
            paths = [leaf.path for leaf in known if _may_train(leaf.value)]
            raise UnknownPathError(f"trainable={{{path!r}: ...}} names no parameter. {nearest(path, paths)}")
    flags = [_is_trained(leaf, wanted) for leaf in known]
    if not any(flags):
        numbers = [leaf.path for leaf in known if _may_train(leaf.value)]
        raise NoTrainableParametersError(
            f"Nothing in this {type(model).__name__} is trainable. Its constants are {numbers}: "
            "name those to train, as trainable={'path': True}."
        )
    dtype = floating_dtype(model)
    treedef = jax.tree.structure(model)
    values = [
        jnp.asarray(leaf.value, None if eqx.is_array(leaf.value) else dtype) if on else leaf.value
        for leaf, on in zip(known, flags, strict=True)
    ]
    return eqx.partition(treedef.unflatten(values), treedef.unflatten(flags))


def warn_of_twins(params: PyTree) -> None:
    """Say where one array stands at several paths: each place is trained by itself, and they go apart."""
    places: dict[int, list[str]] = {}
    for leaf in leaves(params):
        if eqx.is_array(leaf.value):
            places.setdefault(id(leaf.value), []).append(leaf.path)
    if twins := [paths for paths in places.values() if len(paths) > 1]:
        warnings.warn(
            f"{'; '.join(' and '.join(paths) for paths in twins)}: one array in several places of the model, as where "
            "a layer is used twice. Training moves each by itself, so that they go apart. For weights that stay the "
            "same hold the layer once, in a system of your own that calls it twice; for separate ones make two layers.",
            DataWarning,
            stacklevel=4,
        )


def _by_path(trainable: object, path: str = "") -> dict[str, bool]:
    """True or false by path."""
    if trainable is None and not path:
        return {}
    if isinstance(trainable, Mapping):
        parts = [_by_path(value, f"{path}.{name}" if path else str(name)) for name, value in trainable.items()]
        return {path: asked for part in parts for path, asked in part.items()}
    if not (path and isinstance(trainable, bool)):
        at = f" at {path!r}" if path else ""
        raise OptionError(f"trainable={trainable!r}{at}: give True or False by path, as {{'hidden.tau': True}}.")
    return {path: trainable}


def _is_trained(leaf: Leaf, trainable: Mapping[str, bool]) -> bool:
    if not _may_train(leaf.value):
        return False
    asked = [path for path in trainable if _below(leaf.path, path)]
    if asked:
        return trainable[max(asked, key=len)]
    return leaf.trainable and eqx.is_inexact_array(leaf.value)


def _may_train(value: object) -> bool:
    return isinstance(value, float) or eqx.is_inexact_array(value)


def _below(path: str, ancestor: str) -> bool:
    return path == ancestor or path.startswith(f"{ancestor}.")
