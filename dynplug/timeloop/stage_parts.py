"""A stage of a distributed loop as recurrences."""

from dynplug.timeloop.fission import Stage
from dynplug.timeloop.program import Program
from dynplug.timeloop.recurrence import Part, Recurrence, split


def as_part(stage: Stage, program: Program) -> Part:
    """A whole stage as one part."""
    carry = tuple(program.carry[k] for k in stage.carry)
    carry_out = tuple(program.carry_out[k] for k in stage.carry)
    outs, sums = stage.outs, stage.sums
    rec = Recurrence(stage.eqns, program.consts, carry, stage.ins, carry_out, outs, sums, len(carry))
    return Part(rec, *(tuple(range(len(values))) for values in (carry, outs, sums)))


def parts_of(stage: Stage, program: Program, compiler: str | None) -> list[Part] | str:
    """The parts of a stage that are kernels, and last what concerns no units, or the reason why a scan runs it all."""
    if compiler is None:
        return "there is no compiler of kernels"
    return split(as_part(stage, program).recurrence, compiler)
