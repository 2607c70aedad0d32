"""dynplug's own settings: dtypes and ranks are never promoted in silence."""

import jax

pytest_plugins = ["dynplug.testing.claims"]

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
