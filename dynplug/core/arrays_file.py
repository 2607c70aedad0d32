"""Arrays by name in one safetensors file: written whole or not at all, read without running anything from it.

A file's header holds a checksum of all its bytes, the header included, with zeros in place of the sum itself:
safetensors alone notices only missing bytes.
"""

import os
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from dynplug.errors import CheckpointError

SUM = "checksum"  # of all bytes
_SUM_OF_ARRAYS = "crc32"  # in older files, of the arrays in the order of their names
_NO_SUM = "0" * 8
_SUM_AT = re.compile(rb'"%s":"([0-9a-f]{8})"' % SUM.encode())  # within a text of the header its quotes are escaped
_NO_DTYPE = "float[468]_|u?int[24]$"  # safetensors does not write the others, or cannot read float8 as NumPy's
_CHUNK = 1 << 22  # [bytes]


def write_arrays(path: str | Path, arrays: Mapping[str, Array | np.ndarray], header: Mapping[str, str]) -> None:
    """Write arrays and a header; the file appears whole, or the previous one stays. Random keys of JAX become words.

    **Arguments:**

    - `path`: the file; its folder is created.
    - `arrays`: arrays by name.
    - `header`: texts by name.

    **Raises:** `CheckpointError` if it cannot be written, on a full disk or for a dtype that no file holds.
    """
    for name, value in arrays.items():
        if re.match(_NO_DTYPE, str(value.dtype)):
            raise CheckpointError(f"{path}: {name} is of dtype {value.dtype}, which no file holds: convert it.")
    data = bytearray(save({name: _on_host(value) for name, value in arrays.items()}, {**header, SUM: _NO_SUM}))
    at = _SUM_AT.search(data)
    assert at is not None
    data[at.start(1) : at.end(1)] = b"%08x" % zlib.crc32(data)
    write_atomically(path, data)


def write_atomically(path: str | Path, data: bytes | bytearray) -> None:
    """Write a file, whole or not at all: if the process is killed at any moment, the previous file stays.

    **Arguments:**

    - `path`: the file; its folder is created.
    - `data`: its contents.

    **Raises:** `CheckpointError` if it cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.partial")  # left over by a killed write, it is overwritten by the next
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

    **Raises:** `CheckpointError` if there is no such file, or it is damaged.
    """
    header = read_header(path)
    try:
        with safe_open(str(path), framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    if SUM not in header and header.get(_SUM_OF_ARRAYS, "") not in ("", _sum_of(arrays)):
        raise _damaged(path)
    return arrays, header


def read_header(path: str | Path) -> dict[str, str]:
    """The header of a file, the whole of which is verified by its checksum. **Raises:** as `read_arrays`."""
    try:
        with safe_open(str(path), framework="numpy") as file:
            header = file.metadata() or {}
        whole = SUM not in header or _is_whole(path)
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    if not whole:
        raise _damaged(path)
    return header


def _is_whole(path: str | Path) -> bool:
    """Whether a file has the checksum in its header."""
    with Path(path).open("rb") as file:
        start = file.read(8)
        start += file.read(int.from_bytes(start, "little"))
        at = _SUM_AT.search(start)
        if at is None:
            return False
        total = zlib.crc32(start[: at.start(1)] + _NO_SUM.encode() + start[at.end(1) :])
        while chunk := file.read(_CHUNK):
            total = zlib.crc32(chunk, total)
    return total == int(at[1], 16)


def _damaged(path: str | Path) -> CheckpointError:
    return CheckpointError(f"{path} is damaged: its contents are not what was written.", damaged=True)


def _unreadable(path: str | Path, error: Exception) -> CheckpointError:
    if isinstance(error, FileNotFoundError):
        return CheckpointError(f"There is no file {path}.", damaged=True)
    return CheckpointError(
        f"{path} cannot be read: it is damaged, or not a safetensors file ({error}).",
        damaged=not isinstance(error, OSError),
    )


def _sum_of(arrays: Mapping[str, np.ndarray]) -> str:
    total = 0
    for _, array in sorted(arrays.items()):
        total = zlib.crc32(np.ascontiguousarray(array).tobytes(), total)
    return str(total)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a loss of power, where the operating system allows it."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _on_host(value: Array | np.ndarray) -> np.ndarray:
    if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    return np.asarray(value, order="C")  # safetensors writes any other order as if it were this one
