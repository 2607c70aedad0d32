"""Compiled programs, kept for later processes in a folder."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import jax
from jax.experimental.compilation_cache.compilation_cache import reset_cache

from dynplug.errors import OptionError
from dynplug.plugin import CACHE

_FOLDER = "jax_compilation_cache_dir"
_MOST = 2 * 2**30  # bytes that stay in the user's folder from one process to the next; chosen


def compilation_cache(folder: str | Path | None = None) -> str | None:
    """Keep compiled programs in a folder, from which later processes take them instead of compiling them anew.

    Small programs are kept too, unless `JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS` says which are not. JAX knows
    programs by their text, shapes, options, versions and kind of device, so that one that has changed is another.

    ```python
    dp.compilation_cache("compiled")     # at the start of a script; the command `dynplug train` calls it by itself
    ```

    **Arguments:**

    - `folder`: the folder. With `None`, in this order: the one that JAX was told already, as by the environment
        variable `JAX_COMPILATION_CACHE_DIR`, and nothing is changed; the one that `DYNPLUG_COMPILATION_CACHE` names,
        or none if that is `off`; `dynplug/compiled` in the user's folder for caches (`$XDG_CACHE_HOME` or `~/.cache`,
        `~/Library/Caches`, `%LOCALAPPDATA%`), which is kept below 2 GiB by dropping programs that were not used lately.

    **Returns:** the folder in use, or `None` if there is none, as where it cannot be written.

    **Raises:** `OptionError` for a `folder`, or one that `DYNPLUG_COMPILATION_CACHE` names, that cannot be made.
    """
    if folder is not None:
        return _use(_made(Path(folder)))
    if told := getattr(jax.config, _FOLDER):
        return str(told)
    if named := os.environ.get(CACHE):
        return None if named == "off" else _use(_made(Path(named)))
    try:
        mine = user_folder(os.environ)
        mine.mkdir(parents=True, exist_ok=True, mode=0o700)  # its programs are run: they are nobody else's to write
        _drop_unused(mine, _MOST)
    except (OSError, RuntimeError):  # no home, or one that cannot be written: as in some containers
        return None
    return _use(mine) if os.access(mine, os.W_OK) else None


def user_folder(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """The folder for compiled programs of the user, by the conventions of a platform."""
    if platform == "win32":
        base = Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        named = Path(environment.get("XDG_CACHE_HOME", ""))
        base = named if named.is_absolute() else Path.home() / ".cache"
    return base / "dynplug" / "compiled"


def _made(folder: Path) -> Path:
    folder = folder.expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"The folder for compiled programs, {folder}, cannot be made ({error}).") from error
    return folder


def _use(folder: Path) -> str:
    jax.config.update(_FOLDER, str(folder))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    reset_cache()  # JAX looks for a folder at the first program that it compiles, and then no more
    return str(folder)


def _drop_unused(folder: Path, most: int) -> None:
    """Delete the files that were not used for the longest time, until no more than `most` bytes are left."""
    files = [(path, path.stat()) for path in folder.rglob("*") if path.is_file()]
    left = sum(stat.st_size for _, stat in files)
    for path, stat in sorted(files, key=lambda file: max(file[1].st_atime, file[1].st_mtime)):
        if left <= most:
            break
        path.unlink(missing_ok=True)
        left -= stat.st_size
