"""A check of the memory for a network's connections before they are drawn."""

import os
from collections.abc import Callable

from dynplug.connectors import Connections
from dynplug.errors import NetworkMemoryError

_BYTES = 44  # a connection at the peak of drawing: two indices of 8 bytes, their order, sorted copies, a weight


def check_memory(name: str, connector: Callable[..., Connections], sizes: list[tuple[int, int]]) -> None:
    """Raise `NetworkMemoryError` if a connector announces more connections than fit into memory."""
    expected = getattr(connector, "expected", None)
    if expected is None:
        return
    count = sum(expected(pre, post) for pre, post in sizes)
    needed, there = count * _BYTES, available()
    if needed > there:
        raise NetworkMemoryError(
            f"{name}: {connector} makes about {count:.3g} connections, which takes {needed / 2**30:.3g} GiB to draw; "
            f"{there / 2**30:.3g} GiB are free. Connect fewer units, or with a lower probability."
        )


def available() -> int:
    """The free memory of this machine [bytes], as the operating system reports it."""
    try:
        with open("/proc/meminfo") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):  # no Linux
        names = getattr(os, "sysconf_names", {})
        known = "SC_PHYS_PAGES" in names and "SC_PAGE_SIZE" in names
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else 2**62
