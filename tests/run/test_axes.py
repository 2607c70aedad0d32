import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynplug.run.data_axes import device_or_host, rows_of

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("axis", ["B", "T", None])
def test_rows_are_cut_where_the_array_is_without_a_copy_of_all(axis):
    x = np.arange(60.0, dtype=np.float32).reshape(3, 20) if axis == "B" else np.arange(20.0)
    want = x[:, 4:9] if axis == "B" else x[4:9]
    on_host = rows_of(device_or_host(x), 4, 5, axis)
    assert np.shares_memory(on_host, x)
    device = device_or_host(jnp.asarray(x, jnp.float32))
    with jax.transfer_guard_device_to_host("disallow"):
        on_device = rows_of(device, 4, 5, axis)
    assert isinstance(on_device, jax.Array)
    assert rows_of(device, 0, 20, axis) is device
    for rows in (on_host, on_device):
        np.testing.assert_array_equal(rows, want)
