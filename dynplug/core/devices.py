"""Placement of the arrays of a model, or of a state, on a device."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import equinox as eqx
import jax

from dynplug.core.nodes import is_array
from dynplug.errors import DeviceError


def to(tree: Any, device: Any) -> Any:
    """The same model, or state, with its arrays on a device, which is where computations with them then run.

    **Arguments:**

    - `tree`: a model, a state, any pytree.
    - `device`: `"cpu"`, `"gpu"` (or `"cuda"`), `"tpu"`: the first of that kind; a `jax.Device`; or a
        `jax.sharding.Sharding`.

    **Raises:** `DeviceError` for an unknown or missing device.
    """
    if isinstance(device, str):
        device = _find(device)
    elif not isinstance(device, (jax.Device, jax.sharding.Sharding)):
        raise DeviceError(
            f"Unknown device {device!r}: give 'cpu', 'gpu', 'tpu', a jax.Device or a jax.sharding.Sharding. A model's "
            "dtype is that of its arrays: cast those, as by jax.tree.map, or load_state_dict(..., cast=True)."
        )
    arrays, rest = eqx.partition(tree, is_array)
    return eqx.combine(jax.device_put(arrays, device), rest)


def default_platform() -> str:
    """The platform, `"cpu"`, `"gpu"` or `"tpu"`, of the device on which JAX computes what is nowhere yet."""
    device: Any = jax.config.jax_default_device  # pyright: ignore[reportAttributeAccessIssue]
    if device is None:
        return jax.default_backend()
    return device if isinstance(device, str) else device.platform


@contextmanager
def on_device_of(tree: Any) -> Iterator[None]:
    """Make the device of a tree's arrays the default, where it is of another platform: programs are planned for it."""
    if jax.default_backend() == "cpu":  # there is no other
        yield
        return
    devices = {d for a in jax.tree.leaves(tree) if isinstance(a, jax.Array) and a.committed for d in a.devices()}
    elsewhere = next((d for d in devices if d.platform != default_platform()), None)
    with nullcontext() if elsewhere is None else jax.default_device(elsewhere):
        yield


def _find(kind: str) -> Any:
    try:
        return jax.devices(kind)[0]
    except RuntimeError as error:
        there = sorted({device.platform for device in jax.devices()} | {"cpu"})
        raise DeviceError(f"There is no device {kind!r} here. Known: {', '.join(there)}. ({error})") from error
