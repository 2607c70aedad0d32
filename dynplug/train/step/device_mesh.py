"""Several devices, each of which has a part of the samples of every batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from dynplug.core import is_whole
from dynplug.errors import DeviceError, OptionError

AXIS = "devices"  # of the mesh


@dataclass(frozen=True)
class DeviceMesh:
    """Several devices, for the samples of a batch. Equal ones share compiled programs.

    **Attributes:** `mesh`, of one axis, whatever mesh it was made of: an axis with explicit types would have every
    model and loss say how its arrays lie.
    """

    mesh: Mesh

    @classmethod
    def of(cls, devices: Sequence[Any]) -> "DeviceMesh":
        """The mesh of these devices, in their order."""
        return cls(Mesh(np.array(devices), (AXIS,), axis_types=(AxisType.Auto,)))

    @property
    def size(self) -> int:
        """The number of devices."""
        return self.mesh.size

    @property
    def copied(self) -> NamedSharding:
        """The sharding of what all devices have."""
        return NamedSharding(self.mesh, PartitionSpec())

    def filled(self, rows: int) -> int:
        """The number of samples, made up to a multiple of the devices."""
        return -(-rows // self.size) * self.size

    def copies(self, tree: PyTree) -> PyTree:
        """A tree with its arrays on all devices; those that are there stay."""
        return jax.tree.map(lambda a: self._placed(a, self.copied), tree)

    def parts(self, tree: PyTree, axis: Callable[[int], int]) -> PyTree:
        """A tree with its arrays cut along the axis of samples, which is by the rank: each device has its part.

        A number of samples that the devices do not divide is made up by their like.
        """

        def part(a: PyTree) -> PyTree:
            along = axis(np.ndim(a))
            size = self.filled(a.shape[along])
            if size != a.shape[along]:
                a = np.take(np.asarray(a), np.arange(size) % a.shape[along], along)
            return self._placed(a, NamedSharding(self.mesh, along_axis(along)))

        return jax.tree.map(part, tree)

    def _placed(self, a: PyTree, sharding: NamedSharding) -> PyTree:
        if isinstance(a, jax.Array):
            if a.sharding == sharding:
                return a
            if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
                data = self._placed(jax.random.key_data(a), sharding)
                return jax.random.wrap_key_data(data, impl=jax.random.key_impl(a))
            if a.is_fully_addressable and jax.process_count() == 1:
                return jax.device_put(a, sharding)
        whole = np.asarray(a)  # each process has all of it, and brings what its own devices need
        whole = whole.astype(jax.dtypes.canonicalize_dtype(whole.dtype), copy=False)
        return jax.make_array_from_callback(whole.shape, sharding, lambda at: whole[at])


def along_axis(axis: int) -> PartitionSpec:
    """The partition of an axis along the devices."""
    return PartitionSpec(*[None] * axis, AXIS)


def as_device_mesh(given: object) -> DeviceMesh | None:
    """The devices that a user names; `None` for `None`. **Raises:** `DeviceError`, `OptionError`.

    **Arguments:**

    - `given`: `"all"`; a number of devices; a `jax.Device`, or several; a `jax.sharding.Mesh` of one axis; or a
        `jax.sharding.NamedSharding` of samples.
    """
    if given is None:
        return None
    devices = _devices(given)
    _check(given, devices)
    if not _keys_by_number():
        raise OptionError(
            f"devices={given!r}: random numbers would depend on the number of devices. Leave the JAX options "
            "jax_threefry_partitionable and jax_default_prng_impl as they are."
        )
    return DeviceMesh.of(devices)


def _devices(given: object) -> list[Any]:
    if isinstance(given, Mesh):
        return _of_mesh(given)
    if isinstance(given, NamedSharding) and isinstance(given.mesh, Mesh):
        return _of_sharding(given)
    if isinstance(given, jax.Device):
        return [given]
    here = jax.devices()
    if isinstance(given, str) and given == "all":
        return list(here)
    if is_whole(given, least=0):
        number: Any = given
        if not 1 <= number <= len(here):
            kind = here[0].platform
            raise DeviceError(f"devices={number}: JAX sees {len(here)} of {kind}, so give 1 to {len(here)}, or 'all'.")
        return list(here[:number])
    if isinstance(given, (list, tuple)) and given and all(isinstance(one, jax.Device) for one in given):
        return list(given)
    raise DeviceError(
        f"devices={given!r}: give 'all', a number of devices, a list of jax.Device, a jax.sharding.Mesh of one axis or "
        "a NamedSharding of samples."
    )


def _of_mesh(mesh: Mesh) -> list[Any]:
    if len(mesh.axis_names) != 1:
        raise DeviceError(
            f"devices: a mesh with the axes {mesh.axis_names} does not say along which samples lie. Give one of one "
            "axis, jax.make_mesh((n,), ('batch',)), or jax.sharding.NamedSharding(mesh, PartitionSpec('batch'))."
        )
    return list(mesh.devices.flat)


def _of_sharding(sharding: NamedSharding) -> list[Any]:
    """The devices of a mesh in the order of its axes along which samples lie."""
    mesh, named = sharding.mesh, [entry for entry in sharding.spec if entry is not None]
    assert isinstance(mesh, Mesh)
    if not named:
        return _of_mesh(mesh)
    along = named[0] if isinstance(named[0], tuple) else (named[0],)
    idle = [name for name in mesh.axis_names if name not in along and mesh.shape[name] > 1]
    if len(named) > 1 or idle:
        raise DeviceError(
            f"devices: {sharding.spec} on a mesh with the axes {dict(mesh.shape)} is more than samples along devices: "
            "parameters are whole on each. Name all axes of the mesh for the one axis of samples, as "
            f"PartitionSpec({mesh.axis_names!r}), or give a mesh of fewer devices."
        )
    rest = (name for name in mesh.axis_names if name not in along)
    order = [mesh.axis_names.index(name) for name in (*along, *rest)]
    return list(mesh.devices.transpose(order).flat)


def _check(given: object, devices: list[Any]) -> None:
    if len(set(devices)) != len(devices):
        raise DeviceError(f"devices={given!r} names a device twice.")
    if len(kinds := sorted({device.platform for device in devices})) > 1:
        raise DeviceError(f"devices: one program runs on devices of one kind; got {' and '.join(kinds)}.")
    without = set(range(jax.process_count())) - {device.process_index for device in devices}
    if without:
        raise DeviceError(
            f"devices={given!r}: process {min(without)} of {jax.process_count()} would have none. Give 'all', or some "
            "of each process."
        )


@cache
def _keys_by_number() -> bool:
    """Whether the random numbers of a sample follow from its number alone."""

    @jax.jit  # one program instead of many
    def drawn() -> Any:
        key = jax.random.key(0)
        numbered = jax.vmap(lambda n: jax.random.fold_in(key, n))(jnp.arange(5, dtype=jnp.uint32))
        return jax.random.key_data(jax.random.split(key, 5)), jax.random.key_data(numbered)

    split, numbered = map(np.asarray, drawn())
    return str(jax.random.key_impl(jax.random.key(0))) == "threefry2x32" and bool(np.array_equal(split, numbered))
