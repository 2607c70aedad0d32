"""Arrays by name in one safetensors file: written whole or not at all, read without running anything from it."""

import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from dynplug.errors import CheckpointError

_SUM = "crc32"  # of the arrays, in the order of their names: safetensors itself notices missing bytes alone


def write_arrays(path: str | Path, arrays: Mapping[str, Any], header: Mapping[str, str]) -> None:
    """Write arrays and a header; the file appears whole, or the one before it stays. Keys of JAX become words.

    **Arguments:**

    - `path`: the file; its folder is made.
    - `arrays`: arrays by name.
    - `header`: texts by name.

    **Raises:** `CheckpointError` where it cannot be written, on a full disk for example.
    """
    values = {name: _on_host(value) for name, value in arrays.items()}
    write_whole(path, save(values, {**header, _SUM: _sum(values)}))


def write_whole(path: str | Path, data: bytes) -> None:
    """Write a file, whole or not at all: killed at any moment, the one before it stays.

    **Arguments:**

    - `path`: the file; its folder is made.
    - `data`: what it shall hold.

    **Raises:** `CheckpointError` where it cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.partial")  # the next write takes it over from one that was killed
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if not isinstance(error, OSError):
            raise
        before = " The file that was there before is as it was." if path.exists() else ""
        raise CheckpointError(f"{path} could not be written ({error}).{before}") from error
    _sync_folder(path.parent)


def read_arrays(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and the header of a file.

    **Raises:** `CheckpointError` where there is no such file, or it is damaged.
    """
    try:
        with safe_open(str(path), framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            header = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    if header.get(_SUM, "") not in ("", _sum(arrays)):
        raise CheckpointError(f"{path} is damaged: its arrays are not those that were written.", damaged=True)
    return arrays, header


def read_header(path: str | Path) -> dict[str, str]:
    """The header of a file. **Raises:** as `read_arrays`."""
    try:
        with safe_open(str(path), framework="numpy") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str | Path, error: Exception) -> CheckpointError:
    if isinstance(error, FileNotFoundError):
        return CheckpointError(f"There is no file {path}.", damaged=True)
    return CheckpointError(
        f"{path} cannot be read: it is damaged, or no safetensors file ({error}).",
        damaged=not isinstance(error, OSError),
    )


def _sum(arrays: Mapping[str, np.ndarray]) -> str:
    total = 0
    for _, array in sorted(arrays.items()):
        total = zlib.crc32(np.ascontiguousarray(array).tobytes(), total)
    return str(total)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder outlive a loss of power, where the system lets one."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _on_host(value: Any) -> np.ndarray:
    if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    return np.asarray(value, order="C")  # safetensors writes other orders as if they were this one
