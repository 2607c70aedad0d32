"""A folder kept to one process."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path


def lock(folder: str | Path) -> Callable[[], None]:
    """Lock a folder against other processes that ask for it, until this one ends, or what is returned is called.

    Nothing is left behind in it, and the system lets go of it however the process ends. Where there are no such locks,
    as on Windows and on some network file systems, nobody is kept out.

    **Raises:** `BlockingIOError` where another process holds it.
    """
    held = ExitStack()
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        return held.close
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if isinstance(error, BlockingIOError):
            raise
        return held.close
    held.callback(_let_go, handle, os.getpid())
    return held.close


def _let_go(handle: int, owner: int) -> None:
    """Unlock, though a process that was forked meanwhile still holds the handle; such a process unlocks nothing."""
    import fcntl

    if os.getpid() == owner:
        fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)
