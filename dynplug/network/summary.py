"""Parts of a network in words."""

import jax
import numpy as np
from jaxtyping import PyTree


def delay_range(delays: tuple[float, ...]) -> str:
    """The delays, an empty text if there are none."""
    low, high = min(delays), max(delays)
    if low == high:
        return f"delay {low:g} ms" if high else ""
    return f"delay {low:g} to {high:g} ms in {len(delays)} values"


def memory(*trees: PyTree) -> str:
    """The memory that arrays take."""
    count = sum(a.size * np.dtype(a.dtype).itemsize for a in jax.tree.leaves(trees) if hasattr(a, "dtype"))
    return f"{count / 2**20:.2g} MiB"
