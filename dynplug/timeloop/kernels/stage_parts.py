"""A stage of a distributed loop as recurrences."""

from dynplug.timeloop.fission import Stage
from dynplug.timeloop.kernels.recurrence import Part, Recurrence, split
from dynplug.timeloop.program import Program


def parts_of(stage: Stage, program: Program, compiler: str | None) -> list[Part] | str:
    """The parts of a stage, or the reason why a scan runs it as a whole."""
    if compiler is None:
        return "there is no compiler of kernels"
    carry = tuple(program.carry[k] for k in stage.carry)
    carry_out = tuple(program.carry_out[k] for k in stage.carry)
    return split(
        Recurrence(stage.eqns, program.consts, carry, stage.ins, carry_out, stage.outs, stage.sums, len(carry)),
        compiler,
    )
