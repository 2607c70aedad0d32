"""Seeds, as given or drawn."""

import numpy as np

from dynplug.core import as_whole


def as_seed(seed: int | None) -> int:
    """A seed as given, or for `None` one that the operating system draws."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    return as_whole("seed", seed, least=0)
