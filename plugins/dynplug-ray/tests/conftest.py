"""dynplug's own settings; and one Ray for all tests, started outside of them."""

import jax
import pytest
import ray

pytest_plugins = ["dynplug.testing.claims"]

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True, scope="session")
def one_ray():
    """Ray on this machine."""
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield
    ray.shutdown()
