"""The back end of a loop: its platform, its compiler of kernels, and the unrolling of scans.

A scan on a GPU costs about 10 microseconds an iteration, whatever it computes, because the host starts each of its
operations in every step. So there a recurrence becomes one kernel where it can (`kernels`), and a scan that stays one
is unrolled: by 8, one training step takes a third to a quarter of the time.

**Invariant:** what is chosen changes time and memory alone, never results beyond rounding.

**Limits:** under `jax.jit` the device of an array is not known while a program is traced, so the default device counts.

**Reference:** Pallas, https://docs.jax.dev/en/latest/pallas/index.html.
"""

import os
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import jax

from dynplug.core import default_platform
from dynplug.errors import OptionError, nearest
from dynplug.timeloop.jaxpr_types import Eqn
from dynplug.timeloop.recurrence import is_computable

KernelCompiler = Literal["mosaic", "triton", "interpreted"]
VARIABLE = "DYNPLUG_KERNELS"
_UNROLL = 8  # measured on an H100: examples/benchmarks/gpu.py


@dataclass(frozen=True)
class Backend:
    """The back end that runs a loop.

    **Arguments:**

    - `platform`: the platform of its device: `"cpu"`, `"gpu"`, `"tpu"`.
    - `kernels`: the compiler of kernels: Pallas's Mosaic or Triton, its interpreter (for tests), or `None`.
    - `unroll`: the number of steps in one iteration of a scan.
    """

    platform: str
    kernels: KernelCompiler | None = None
    unroll: int = 1

    def belongs_in_scan(self, eqn: Eqn) -> bool:
        """Whether an equation may stay in a scan: one that no kernel can compute would keep all of it out of one."""
        return self.kernels is None or is_computable(eqn, self.kernels)

    @property
    def is_cpu(self) -> bool:
        """Whether it is the central processor."""
        return self.platform == "cpu"


def current_backend() -> Backend:
    """The back end of JAX's default device, or the one that the environment variable `DYNPLUG_KERNELS` names.

    The variable is `"auto"`, `"off"`, or one of `"mosaic"`, `"triton"` and `"interpreted"`, which plan for a GPU
    whatever the device is.

    **Raises:** `OptionError` for another value.
    """
    asked = os.environ.get(VARIABLE, "auto")
    if asked not in (choices := ("auto", "off", *get_args(KernelCompiler))):
        raise OptionError(f"{VARIABLE}={asked!r} must be one of {', '.join(choices)}. {nearest(asked, choices)}")
    platform = default_platform()
    if asked in get_args(KernelCompiler):
        return Backend("gpu", asked, _UNROLL)  # pyright: ignore[reportArgumentType] - one of the choices
    if platform != "gpu":
        return Backend(platform)
    return Backend(platform, None if asked == "off" else _kernel_compiler(), _UNROLL)


@cache
def _kernel_compiler() -> KernelCompiler | None:
    """Mosaic where JAX's is able to and the GPU is of its kind, else Triton, where JAX still has it."""
    device = jax.devices()[0]
    if device.platform != "gpu" or "nvidia" not in device.device_kind.lower():
        return None
    capability = float(getattr(device, "compute_capability", 0) or 0)
    if capability >= 9.0 and jax.__version_info__ >= (0, 11):
        return "mosaic"
    try:
        from jax.experimental.pallas import triton  # noqa: F401 - deprecated since JAX 0.11, to be removed
    except ImportError:
        return None
    return "triton" if capability >= 7.0 else None
