"""Seeds, as given or drawn."""

import numpy as np

from dynplug.core import as_whole
from dynplug.errors import OptionError


def as_seed(seed: int | None) -> int:
    """A seed as given, or for `None` one that the operating system draws.

    **Raises:** `OptionError` for what is no whole number of 32 bits: JAX drops what is beyond them.
    """
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    if as_whole("seed", seed, least=0) >= 2**32:
        raise OptionError(
            f"seed={seed} must be below 2**32, as JAX draws the same numbers from seeds that differ by it."
        )
    return int(seed)
