"""Placement of the arrays of a model, or of a state, on a device."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

import equinox as eqx
import jax
from jax.core import Tracer
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding
from jaxtyping import PyTree

from dynplug.core.nodes import is_array
from dynplug.errors import DeviceError

Tree = TypeVar("Tree")


def to(tree: Tree, device: object) -> Tree:
    """The same model, or state, with its arrays on a device, which is where computations with them then run.

    ```python
    model = dp.to(dp.layers.Dense(3, 2, key=jax.random.key(0)), "cpu")
    assert [device.platform for device in model.weight.devices()] == ["cpu"]
    ```

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


def with_auto_axes(a: Tree) -> Tree:
    """An array on the same devices, on a mesh with automatic axes: explicit ones would burden every operation."""
    if isinstance(a, Tracer) or not isinstance(a, jax.Array) or not isinstance(a.sharding, NamedSharding):
        return a
    mesh = a.sharding.mesh
    if not isinstance(mesh, Mesh) or all(kind == AxisType.Auto for kind in mesh.axis_types):
        return a
    return jax.device_put(a, NamedSharding(Mesh(mesh.devices, mesh.axis_names), a.sharding.spec))


def whole_here(tree: Tree) -> Tree:
    """A tree with complete arrays in this process. Arrays spread over processes are gathered: all must call this."""
    if jax.process_count() == 1:
        return tree

    def here(leaf: object) -> object:
        if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable:
            return leaf
        if leaf.is_fully_replicated:
            return leaf.addressable_data(0)
        return jax.device_put(multihost_utils.process_allgather(leaf, tiled=True), jax.local_devices()[0])

    return jax.tree.map(here, tree)


def default_platform() -> str:
    """The platform, `"cpu"`, `"gpu"` or `"tpu"`, of JAX's default device."""
    device = jax.config.jax_default_device  # pyright: ignore[reportAttributeAccessIssue]
    if device is None:
        return jax.default_backend()
    return device if isinstance(device, str) else device.platform


@contextmanager
def on_device_of(tree: PyTree) -> Iterator[None]:
    """Make the device of a tree's arrays the default if its platform is another one: programs are planned for it."""
    if jax.default_backend() == "cpu":  # there is no other
        yield
        return
    devices = {d for a in jax.tree.leaves(tree) if isinstance(a, jax.Array) and a.committed for d in a.devices()}
    elsewhere = next((d for d in devices if d.platform != default_platform()), None)
    with nullcontext() if elsewhere is None else jax.default_device(elsewhere):
        yield


def on_host() -> AbstractContextManager[object]:
    """Make the CPU the default device, if available: a GPU takes long to compile programs for a few numbers."""
    if jax.default_backend() == "cpu":
        return nullcontext()
    try:
        return jax.default_device(jax.local_devices(backend="cpu")[0])
    except RuntimeError:  # as with JAX_PLATFORMS=cuda
        return nullcontext()


def _find(kind: str) -> jax.Device:  # pyright: ignore[reportInvalidTypeForm]
    try:
        return jax.devices(kind)[0]
    except RuntimeError as error:
        there = sorted({device.platform for device in jax.devices()} | {"cpu"})
        raise DeviceError(f"There is no device {kind!r} here. Known: {', '.join(there)}. ({error})") from error
