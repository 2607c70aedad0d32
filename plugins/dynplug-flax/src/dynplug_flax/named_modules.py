"""Modules by name, for configurations, which hold no objects."""

import inspect
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
from flax import nnx
from jaxtyping import PRNGKeyArray

from dynplug.errors import KeyRequiredError, ParameterError, UnknownNameError, nearest
from dynplug_flax.module_form import Module

_LIBRARIES = {"linen": (nn, nn.Module), "nnx": (nnx, nnx.Module)}


def named_module(name: str, options: Mapping[str, Any], key: PRNGKeyArray | None) -> Module:
    """A module of Flax's own, such as `"linen.Dense"`, made with options.

    **Raises:** `UnknownNameError`, `ParameterError`; `KeyRequiredError` for one of nnx, whose arrays are drawn at once.
    """
    known = {
        f"{library}.{found}": cls
        for library, (module, base) in _LIBRARIES.items()
        for found, cls in vars(module).items()
        if isinstance(cls, type) and issubclass(cls, base)
    }
    if name not in known:
        raise UnknownNameError(f"FlaxLayer: Flax has no module {name!r}. {nearest(name, known)}")
    given = dict(options)
    if "rngs" in inspect.signature(known[name].__init__).parameters and name.startswith("nnx."):
        if key is None:
            raise KeyRequiredError(f"FlaxLayer: {name} draws random numbers: give key=jax.random.key(0).")
        given["rngs"] = nnx.Rngs(key)
    try:
        return known[name](**given)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"FlaxLayer: {name} cannot be made with options={dict(options)}: {error}") from error
