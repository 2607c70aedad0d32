"""How a loop runs, and who decides it."""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import jax

from dynplug.errors import OptionError, nearest
from dynplug.timeloop.lags import blocked
from dynplug.timeloop.primitives import multiplications
from dynplug.timeloop.program import Program, byte_count
from dynplug.timeloop.stages import Stage, recurrent_lags, split

Schedule = Literal["auto", "step", "layer", "plain"]

_SMALL = 8 * 2**20  # bytes: where stages hand each other less in all steps, chunks gain nothing
_ROWS = 320  # in a product, from which on more rows gain nothing
_WORK = 40_000_000  # multiplications in the products of a chunk, beside which a chunk's own cost is small
_SCANS = 24  # that one program may consist of: each takes the compiler its time, forward and backward
_ROOM = 16 * 2**20  # bytes that the stages of a chunk may hand each other


@dataclass(frozen=True)
class Plan:
    """How a loop runs.

    **Arguments:**

    - `layers`: whether stage after stage, each over all steps of a chunk; else step after step.
    - `chunk`: the number of steps in a chunk.
    - `remat`: whether the backward pass computes each chunk's forward pass again, instead of keeping what it needs.
    - `reason`: why.
    """

    layers: bool
    chunk: int
    remat: bool
    reason: str


def check_options(schedule: str, remat: bool | int) -> None:
    """Raise `OptionError` where an option of a loop is none."""
    if schedule not in get_args(Schedule):
        raise OptionError(f"schedule={schedule!r} is none. {nearest(schedule, get_args(Schedule))}")
    if remat is not True and remat < 0:
        raise OptionError(f"remat={remat!r}: give True, False, or the number of steps in a chunk.")
    if schedule == "plain" and remat:
        raise OptionError("schedule='plain' is `jax.lax.scan` as it is: for remat take another schedule, as 'auto'.")


def choose(program: Program, length: int, schedule: str, remat: bool | int) -> Plan:
    """The plan that the options ask for; what they leave open is decided by sizes."""
    layers = schedule != "step"
    room = min((lag for lag in (recurrent_lags(program) if layers else program.lags) if lag), default=length)
    plan = _choose(blocked(program, room)[0] if room < length else program, length, layers, schedule, remat)
    if room < min(plan.chunk, length):
        return replace(plan, chunk=_divisor(length, room, room), reason=f"a delay of {room} steps feeds back")
    if plan.chunk < (longest := max(program.lags, default=0)):  # shorter chunks would move the delay's rows more often
        return replace(plan, chunk=_divisor(length, min(longest, room), room))
    return plan


def _choose(program: Program, length: int, layers: bool, schedule: str, remat: bool | int) -> Plan:
    if remat is not False and remat is not True and remat > 0:
        return Plan(layers, min(int(remat), length), True, f"chunks of {remat} steps, as asked")
    if remat:
        size = _divisor(length, _rematerialised(program, length))
        return Plan(layers, size, True, f"chunks of {size} steps take little memory")
    if schedule != "auto":
        return Plan(layers, length, False, "as asked")
    return _auto(program, length)


def _auto(program: Program, length: int) -> Plan:
    stages, _ = split(program)
    rows = [n for stage in stages for n in stage.rows]
    if not rows:
        return Plan(True, length, False, "no product outside of a recurrence")
    if (scans := sum(stage.scan for stage in stages)) > _SCANS and not any(program.lags):
        return Plan(False, length, False, f"{scans} scans would take long to compile")
    if jax.default_backend() != "cpu":
        return Plan(True, length, False, "an accelerator likes large products")
    handed = handed_on(stages)
    if handed * length <= _SMALL:
        return Plan(True, length, False, f"stages hand each other {handed * length / 2**20:.1f} MiB, which is little")
    work = sum(map(multiplications, program.eqns))
    long_enough = math.ceil(max(_ROWS / min(rows), _WORK / max(1, work)))
    size = _divisor(length, min(long_enough, max(1, _ROOM // max(1, handed))))
    why = f"products of {min(rows) * size} rows"
    return Plan(True, size, False, why if size < length else f"{why}; all steps in one chunk")


def handed_on(stages: list[Stage]) -> int:
    """The bytes that stages hand each other in a step."""
    return sum(byte_count(v) for stage in stages for v in stage.outs)


def _rematerialised(program: Program, length: int) -> int:
    """The chunk for which the starts of all chunks, and one chunk's values, take the least room, if not too short."""
    stages, _ = split(program)
    start = sum(byte_count(v) * (lag + 1) for v, lag in zip(program.carry, program.lags, strict=True))
    least_room = round(math.sqrt(length * start / max(1, start + handed_on(stages))))
    rows = [n for stage in stages for n in stage.rows]
    return max(1, least_room, math.ceil(_ROWS / 2 / min(rows)) if rows else 1)


def _divisor(length: int, size: int, most: int | None = None) -> int:
    """A chunk of about a size that divides the length, so that one program serves all; the size where there is none."""
    if size >= length:
        return length
    near = [n for n in range(max(1, size // 2), min(length, 2 * size, most or length) + 1) if length % n == 0]
    return min(near, key=lambda n: abs(math.log(n / size)), default=size)
