"""The devices on which a trainer computes."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import jax
from jax.experimental import multihost_utils
from jaxtyping import PyTree

from dynplug.errors import DeviceError, OptionError
from dynplug.train.data import Layout
from dynplug.train.step.compiled_step import CompiledStep, StepProgram
from dynplug.train.step.device_mesh import DeviceMesh, as_device_mesh
from dynplug.train.step.sharded import Sharded


class Placement(ABC):
    """The placement of models, data and programs on devices."""

    @abstractmethod
    def program(self, program: CompiledStep, layout: Layout) -> StepProgram:
        """A program, as it runs here."""

    @abstractmethod
    def check(self, tree: PyTree, what: str) -> None:
        """Raise `DeviceError` where arrays are on devices that would not be used."""

    @abstractmethod
    def check_to(self, device: object) -> None:
        """Raise `DeviceError` where a trainer cannot be moved to a device."""

    @property
    @abstractmethod
    def writes(self) -> bool:
        """Whether this process is the one, of those that train together, that writes files and lines."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[bool]:
        """Says whether this process writes a file, and ends when it is there for all."""

    @property
    @abstractmethod
    def told(self) -> dict[str, int]:
        """The options that `repr` shows."""

    @abstractmethod
    def described(self) -> list[str]:
        """The lines that `explain` adds."""


@dataclass(frozen=True)
class OneDevice(Placement):
    """The device of the model's arrays."""

    def program(self, program: CompiledStep, layout: Layout) -> StepProgram:
        return program

    def check(self, tree: PyTree, what: str) -> None:
        check_on_one(tree, what)

    def check_to(self, device: object) -> None:
        if isinstance(device, jax.sharding.Sharding) and len(device.device_set) > 1:
            raise DeviceError(
                f"to({device}): a trainer is moved to one device. To train on several give it devices='all', a number, "
                "a list of devices, or this sharding's mesh."
            )

    @property
    def writes(self) -> bool:
        return True

    @contextmanager
    def writing(self) -> Iterator[bool]:
        yield True

    @property
    def told(self) -> dict[str, int]:
        return {}

    def described(self) -> list[str]:
        return []


@dataclass(frozen=True)
class ManyDevices(Placement):
    """Devices that share the samples of each batch."""

    devices: DeviceMesh

    def program(self, program: CompiledStep, layout: Layout) -> StepProgram:
        return Sharded(program, layout, self.devices)

    def check(self, tree: PyTree, what: str) -> None:
        for a in jax.tree.leaves(tree):
            if isinstance(a, jax.Array) and not (a.is_fully_addressable or a.is_fully_replicated):
                raise DeviceError(
                    f"{what} has an array of shape {a.shape} of which this process holds but a part: give each process "
                    "all of it, as NumPy arrays; each brings to its devices what they need."
                )

    def check_to(self, device: object) -> None:
        raise DeviceError(f"to({device!r}): this trainer computes on the {self.devices.size} devices of its `devices`.")

    @property
    def writes(self) -> bool:
        return jax.process_index() == 0

    @contextmanager
    def writing(self) -> Iterator[bool]:
        try:
            yield self.writes
        finally:
            if jax.process_count() > 1:
                multihost_utils.sync_global_devices("dynplug: a file is written")

    @property
    def told(self) -> dict[str, int]:
        return {"devices": self.devices.size}

    def described(self) -> list[str]:
        return [
            f"Devices: {self.devices.size}, each of which runs this for its share of the samples of a batch; gradients "
            "are summed once a step."
        ]


def as_placement(given: object, auto_run: bool, compiled: bool) -> Placement:
    """The placement for an argument `devices`. **Raises:** `DeviceError`, `OptionError`.

    **Arguments:**

    - `given`: as for `as_device_mesh`.
    - `auto_run`: whether the trainer runs the model; `compiled`, whether everything is compiled.
    """
    devices = as_device_mesh(given)
    if devices is None:
        return OneDevice()
    if not auto_run:
        raise OptionError(
            f"devices={given!r}: with loss_auto_run=False the loss runs the model on a whole batch, which no device "
            "has. Give a loss_fun of predictions and targets, or leave out devices."
        )
    if not compiled:
        raise OptionError(f"devices={given!r} is for compiled programs: leave out jit=False, or it.")
    return ManyDevices(devices)


def check_on_one(tree: PyTree, what: str) -> None:
    """Raise `DeviceError` where an array lies on several devices, which a trainer of one would not use."""
    for a in jax.tree.leaves(tree):
        if isinstance(a, jax.Array) and len(a.sharding.device_set) > 1:
            raise DeviceError(
                f"{what} has an array of shape {a.shape} on {len(a.sharding.device_set)} devices, but this trainer "
                "computes on one. Give it devices='all', a number, a list of devices or your mesh: batches are then "
                "spread over them."
            )
