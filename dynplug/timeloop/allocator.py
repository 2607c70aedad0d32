"""Tuning of glibc's allocator, which returns freed memory to the system too eagerly."""

import ctypes
import platform

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _TOP_PAD, _ARENA_MAX = -3, -1, -2, -8  # glibc's malloc.h
_LARGE = 2**30


def tune_allocator() -> bool:
    """Make the C library keep the memory that a computation frees, for the rest of this process.

    XLA on a CPU takes its temporaries from `malloc` in every call. glibc returns large ones to the system, which must
    clear every page again in the next call: a training step may spend half of its time on that. After this call blocks
    of up to 1 GiB are kept and reused, at the price of memory that the process holds on to. The command `dynplug train`
    does this for itself; a library may not do it unasked.

    ```python
    import platform

    assert dp.tune_allocator() == (platform.libc_ver()[0] == "glibc")
    ```

    **Returns:** `True` where it was done, on Linux with glibc; `False` elsewhere, where there is nothing to do.

    **Reference:** mallopt(3).
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    options = {_MMAP_THRESHOLD: _LARGE, _TRIM_THRESHOLD: _LARGE, _TOP_PAD: 2**26, _ARENA_MAX: 1}
    return all(mallopt(ctypes.c_int(option), ctypes.c_int(value)) for option, value in options.items())
