"""Components built from configurations, with one key."""

import jax

import dynplug as dp

KEY = jax.random.key(11)
DENSE = {"type": "Dense", "in_size": 3, "out_size": 4}


def built(config, **options):
    """The component of a configuration."""
    return dp.build(config, key=KEY, **options)
