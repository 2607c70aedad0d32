"""The evidence that diagnostics examine: activity, gradients and the need of memory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, PyTree

from dynplug.core import DynamicalSystem
from dynplug.diagnosis.spiking_activity import Activity


class Backward(NamedTuple):
    """The results of a backward pass.

    **Attributes:**

    - `loss`: the loss [-].
    - `gradients`: of each trained array, by path, the root mean square of the loss's gradient.
    - `steps`: of each array of the state, by path, before each step, (time,): the root mean square over samples and
        units of the loss's derivative by the value with which the step begins.
    - `outputs`: the outputs, (time, batch, ...).
    """

    loss: float
    gradients: dict[str, Array]
    steps: dict[str, Array]
    outputs: PyTree


@dataclass(frozen=True)
class Need:
    """The memory of a training step [bytes].

    **Attributes:**

    - `predicted`: the need of a step on the whole batch.
    - `available`: the memory of the device; `None` if unknown.
    - `peak`: the most that the device has held so far; `None` where it does not say.
    - `samples`: in the batch.
    - `remat`: whether chunks of the forward pass are recomputed.
    """

    predicted: int
    available: int | None
    peak: int | None
    samples: int
    remat: bool


@dataclass(frozen=True)
class Evidence:
    """A model, its activity on a batch, and the gradient of its loss. Diagnostics read it and change nothing.

    **Attributes:**

    - `model`: the model.
    - `dt`: the step [ms]; `duration`: of a sample [ms].
    - `inputs`: arrays of NumPy, (time, batch, ...), or a tree of them.
    - `timeless`: whether a sample is one step by its nature.
    - `activity`: the activity of the units.
    - `backward`: the gradient; `None` where there was no backward pass, as after the first epoch of a training.
    - `need`: the memory of a training step, which is compiled for it; `None` where there was no backward pass, or where
        the compiler does not say.
    - `again`: the outputs, (time, batch, ...), of the same program for other inputs of the same shapes.
    - `redone`: the activity of the same program for other values of the model's trained arrays, by path.
    - `rescaled`: the activity of the same program for inputs times a number.
    - `deterministic`: whether no part of the model draws random numbers.
    - `overfitted`: for a number of training steps on this batch alone, the loss before each of them; `None` where it
        was not asked for.
    """

    model: DynamicalSystem
    dt: float
    duration: float
    activity: Activity
    inputs: PyTree = None
    timeless: bool = False
    backward: Backward | None = None
    need: Callable[[], Need | None] | None = None
    again: Callable[[PyTree], PyTree] | None = None
    redone: Callable[[dict[str, ArrayLike]], Activity] | None = None
    rescaled: Callable[[float], Activity] | None = None
    deterministic: bool = True
    overfitted: np.ndarray | None = None
