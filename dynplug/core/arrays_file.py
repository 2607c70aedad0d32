"""Arrays by name in one safetensors file: written whole or not at all, read without running anything from it."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from dynplug.errors import CheckpointError


def write_arrays(path: str | Path, arrays: Mapping[str, Any], header: Mapping[str, str]) -> None:
    """Write arrays and a header; the file appears whole, or the one before it stays. Keys of JAX become words.

    **Arguments:**

    - `path`: the file; its folder is made.
    - `arrays`: arrays by name.
    - `header`: texts by name.
    """
    path = Path(path)
    data = save({name: _on_host(value) for name, value in arrays.items()}, dict(header))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read_arrays(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and the header of a file.

    **Raises:** `CheckpointError` where there is no such file, or it is damaged.
    """
    try:
        with safe_open(str(path), framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            return arrays, file.metadata() or {}
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no file {path}.") from error
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read: it is damaged, or no safetensors file ({error}).") from error


def _on_host(value: Any) -> np.ndarray:
    if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    return np.asarray(value, order="C")  # safetensors writes other orders as if they were this one
