"""The plan of a loop: its mode, the size of its chunks, and their rematerialisation in the backward pass.

`"layer"` distributes the loop over stages, each over all steps, and `"step"` keeps one scan; both are exact. `"auto"`
weighs what distribution gains, larger products, against what it costs, memory traffic between stages: it takes chunks
just long enough for efficient products, as longer ones leave the caches. With `remat`, chunks are of the size that
needs the least memory: of `n` steps with a carry of `a` bytes and `b` bytes between the stages, chunks of `k` steps
keep `a * n / k` for their starts and `(a + b) * k` within one, which is least at `k = sqrt(n * a / (a + b))`.

**Invariant:** the plan changes time and memory alone, never results beyond rounding. A chunk is never longer than a
delay that feeds back into itself.

**Limits:** decided by sizes of arrays, not by measurement on the machine at hand. The constants below were measured on
two CPU cores, as examples/benchmarks/README.md says under "The rule of auto".

**Reference:** of chunks about the square root of the steps, T. Chen, B. Xu, C. Zhang, C. Guestrin: Training deep nets
with sublinear memory cost (2016), arXiv:1604.06174.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

from dynplug.errors import OptionError, nearest
from dynplug.timeloop.delays import resolve_delays
from dynplug.timeloop.fission import Stage, distribute, recurrent_delays
from dynplug.timeloop.jaxpr_types import Eqn
from dynplug.timeloop.primitives import multiplications
from dynplug.timeloop.program import Program, byte_count
from dynplug.timeloop.target_device import Backend, current_backend

Mode = Literal["auto", "step", "layer", "plain"]

# From examples/benchmarks/time_loop.py (columns "auto" and "layer" of its README), but where it says otherwise:
_SMALL = 8 * 2**20  # bytes between the stages in all steps, below which chunks gain nothing
_ROWS = 320  # rows of a product, above which more rows gain nothing
_WORK = 40_000_000  # multiplications in the products of a chunk, beside which the chunk's own cost is small
_ROOM = 16 * 2**20  # bytes between the stages of a chunk; chosen, below the 32 MiB from which glibc returns memory
_SCANS = 24  # scans in a program; chosen, as each takes XLA time to compile, forward and backward


@dataclass(frozen=True)
class Plan:
    """The way a loop runs.

    **Arguments:**

    - `layers`: whether the loop is distributed over stages, each over all steps of a chunk; else it is one scan.
    - `chunk`: the number of steps in a chunk.
    - `remat`: whether the backward pass recomputes each chunk's forward pass instead of keeping residuals.
    - `reason`: the reason, in words.
    - `backend`: the back end that runs it.
    """

    layers: bool
    chunk: int
    remat: bool
    reason: str
    backend: Backend

    def stages(self, program: Program) -> tuple[list[Stage], tuple[Eqn, ...]]:
        """The stages of a program under this plan, and its epilogue."""
        return distribute(program, self.layers, self.backend.belongs_in_scan)


def check_options(loop: str, remat: bool | int) -> None:
    """Raise `OptionError` for an unknown `loop`, an impossible `remat`, or one that does not go with the other."""
    if loop not in get_args(Mode):
        raise OptionError(f"loop={loop!r} is no way to compile a loop. {nearest(str(loop), get_args(Mode))}")
    if not isinstance(remat, int) or (not isinstance(remat, bool) and remat < 1):
        raise OptionError(f"remat={remat!r} must be True, False, or the number of steps in a chunk, at least 1.")
    if loop == "plain" and remat:
        raise OptionError("loop='plain' is `jax.lax.scan` as it is: for remat take another, as 'auto'.")


def choose_plan(program: Program, length: int, mode: str, remat: bool | int) -> Plan:
    """The plan that the options ask for; what they leave open is decided by sizes, and by where the loop runs."""
    backend = current_backend()
    # The longest chunk that delays allow: one scan must not run past any delay, and stages not past one in a
    # recurrence. Delays of at least the chunk's length become inputs and outputs of it, so the plan is made for such a
    # program.
    layers = mode != "step"
    room = min((d for d in (recurrent_delays(program) if layers else program.delays) if d), default=length)
    resolved = resolve_delays(program, room)[0] if room < length else program
    plan = _choose(resolved, length, layers, mode, remat, backend)
    if room < min(plan.chunk, length):
        return replace(plan, chunk=_divisor(length, room, room), reason=f"a delay of {room} steps feeds back")
    if plan.chunk < (
        longest := max(program.delays, default=0)
    ):  # shorter chunks would move the delay's rows more often
        return replace(plan, chunk=_divisor(length, min(longest, room), room))
    return plan


def _choose(program: Program, length: int, layers: bool, mode: str, remat: bool | int, backend: Backend) -> Plan:
    if remat is not False and remat is not True and remat > 0:
        return Plan(layers, min(int(remat), length), True, f"chunks of {remat} steps, as asked", backend)
    if remat:
        size = _divisor(length, _rematerialised(program, length, backend))
        return Plan(layers, size, True, f"chunks of {size} steps take little memory", backend)
    if mode != "auto":
        return Plan(layers, length, False, "as asked", backend)
    return _auto(program, length, backend)


def _auto(program: Program, length: int, backend: Backend) -> Plan:
    stages, _ = distribute(program, True, backend.belongs_in_scan)
    rows = [n for stage in stages for n in stage.rows]
    if not rows:
        return Plan(True, length, False, "no product outside of a recurrence", backend)
    if (scans := sum(stage.scan for stage in stages)) > _SCANS and not any(program.delays):
        return Plan(False, length, False, f"{scans} scans would take long to compile", backend)
    if not backend.is_cpu:
        return Plan(True, length, False, "an accelerator likes large products", backend)
    traffic = bytes_between(stages)
    if traffic * length <= _SMALL:
        little = f"stages hand each other {traffic * length / 2**20:.1f} MiB, which is little"
        return Plan(True, length, False, little, backend)
    work = sum(map(multiplications, program.eqns))
    long_enough = math.ceil(max(_ROWS / min(rows), _WORK / max(1, work)))
    size = _divisor(length, min(long_enough, max(1, _ROOM // max(1, traffic))))
    why = f"products of {min(rows) * size} rows"
    return Plan(True, size, False, why if size < length else f"{why}; all steps in one chunk", backend)


def bytes_between(stages: list[Stage]) -> int:
    """The bytes that stages hand each other in one step."""
    return sum(byte_count(v) for stage in stages for v in stage.outs)


def _rematerialised(program: Program, length: int, backend: Backend) -> int:
    """The size of chunks whose starts, with one chunk's own values, take the least memory, if not too short."""
    stages, _ = distribute(program, True, backend.belongs_in_scan)
    start = sum(byte_count(v) * (d + 1) for v, d in zip(program.carry, program.delays, strict=True))
    least_room = round(math.sqrt(length * start / max(1, start + bytes_between(stages))))
    rows = [n for stage in stages for n in stage.rows]
    return max(1, least_room, math.ceil(_ROWS / 2 / min(rows)) if rows else 1)


def _divisor(length: int, size: int, most: int | None = None) -> int:
    """A divisor of the length within a factor of two of `size`, so that chunks are alike; `size` if there is none."""
    if size >= length:
        return length
    near = [n for n in range(max(1, size // 2), min(length, 2 * size, most or length) + 1) if length % n == 0]
    return min(near, key=lambda n: abs(math.log(n / size)), default=size)
