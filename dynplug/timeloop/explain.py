"""The plan of a loop as text."""

from collections import Counter
from collections.abc import Iterable, Sequence

import jax

from dynplug.timeloop.activity_analysis import activity, is_floating
from dynplug.timeloop.analysis import Analysis
from dynplug.timeloop.delays import resolve_delays
from dynplug.timeloop.fission import Stage
from dynplug.timeloop.jaxpr_types import Eqn
from dynplug.timeloop.linearise import linearise
from dynplug.timeloop.plan import Plan, bytes_between
from dynplug.timeloop.primitives import is_batchable, is_heavy
from dynplug.timeloop.program import Program, byte_count, struct
from dynplug.timeloop.stage_parts import parts_of
from dynplug.timeloop.target_device import Backend
from dynplug.timeloop.transpose import transpose


def describe(loop: Analysis | str, names: Sequence[str], length: int) -> str:
    """The text of the plan of a loop of `length` steps, whose carried values have these names."""
    if isinstance(loop, str):
        return f"{length} steps as one jax.lax.scan: {loop}."
    try:
        jax.eval_shape(loop.run)
    except Exception as error:
        return f"{length} steps as one jax.lax.scan: they cannot be split ({type(error).__name__}: {error})."
    hoisted, plan, every = loop.hoisted, loop.plan, names
    names = ["a value without a name" if k is None else every[k] for k in loop.loop.origin]
    program = hoisted.program
    carried = [names[k] for k in hoisted.carried]
    inside, resolved = resolve_delays(program, plan.chunk)
    stages, _ = plan.stages(inside)
    lines = [f"{length} steps, {'stage by stage' if plan.layers else 'step by step'}, {_chunks(length, plan.chunk)}"]
    lines[0] += f" ({plan.reason})"
    if hoisted.preheader_size:
        lines.append(f"Computed once, before the loop: {hoisted.preheader_size} equations")
    if unchanged := [name for name in every if name not in names] + [names[k] for k in hoisted.unchanged]:
        lines.append(f"The same at all steps: {', '.join(unchanged)}")
    if copies := [f"{names[k]} as {names[other]}" for k, other in hoisted.copies.items()]:
        lines.append(f"The same after each step: {', '.join(copies)}")
    if resolved:
        lines.append(f"Known at the start of each chunk: {', '.join(carried[k] for k in resolved)}")
    carried_inside = [name for k, name in enumerate(carried) if k not in resolved]
    if counted := [names[k] for k in hoisted.increments]:
        lines.append(f"Counted without a loop: {', '.join(counted)}")
    lines.append("Forward:")
    lines += [f"  {n}. {_stage(stage, carried_inside, inside, plan)}" for n, stage in enumerate(stages, 1)]
    lines += [f"  In a scan because {why}" for why in _left_inside(stages, carried_inside)]
    lines += _backward(program, carried, plan, length)
    return "\n".join(lines)


def _chunks(length: int, chunk: int) -> str:
    return "all at once" if chunk >= length else f"in chunks of {chunk}"


def _stage(stage: Stage, carried: Sequence[str], program: Program, plan: Plan) -> str:
    own = ", ".join(carried[k] for k in stage.carry)
    summed = _names(part.eqn for part in stage.contractions)
    work = "; ".join(filter(None, (_names(stage.eqns), f"summed over time: {summed}" if summed else "")))
    if stage.scan:
        return f"{_how(stage, program, plan.backend)}, carrying {own or 'nothing'}: {work}"
    return f"all steps in one call{f', with {own} as a shift' if own else ''}: {work or 'no work'}"


def _how(stage: Stage, program: Program, backend: Backend) -> str:
    """The way in which a stage runs step by step."""
    parts = parts_of(stage, program, backend.kernels)
    if isinstance(parts, str):
        unrolled = f", {backend.unroll} steps in an iteration" if backend.unroll > 1 else ""
        return f"one scan{unrolled}{f' (no kernel: {parts})' if backend.kernels else ''}"
    units = [part.recurrence.unit_count for part in parts if part.recurrence.units]
    listed = ", ".join(f"{n:,}" for n in units)
    kernels = f"{'one kernel' if len(units) == 1 else 'kernels'} of {listed} units"
    return kernels if len(units) == len(parts) else f"{kernels} and a scan of what concerns no units"


def _names(eqns: Iterable[Eqn]) -> str:
    def name(eqn: Eqn) -> str:
        shape = "x".join(map(str, struct(eqn.outvars[0]).shape))
        return f"{eqn.primitive.name}[{shape}]" if is_heavy(eqn) else eqn.primitive.name

    return ", ".join(f"{n} {name}" if n > 1 else name for name, n in Counter(map(name, eqns)).items())


def _left_inside(stages: Sequence[Stage], carried: Sequence[str]) -> Iterable[str]:
    """The operations that one might expect outside of a scan, and why they are inside."""
    for stage in (s for s in stages if s.scan):
        for eqn in stage.eqns:
            if not is_batchable(eqn):
                yield f"it is not known to be the same for all steps at once: {_names([eqn])}"
            elif is_heavy(eqn):
                yield f"it is part of a recurrence of {', '.join(carried[k] for k in stage.carry)}: {_names([eqn])}"


def _backward(program: Program, carried: Sequence[str], plan: Plan, length: int) -> list[str]:
    chunk, remat = plan.chunk, plan.remat
    consts, carry = (tuple(is_floating(struct(v)) for v in part) for part in (program.consts, program.carry))
    try:
        linear = linearise(program, activity(program, consts, carry, (False,) * len(program.xs)))
        back = transpose(linear, linear.active.carry, linear.active.ys)
    except Exception as error:
        return [f"Backward, where all is differentiated: as jax.lax.scan ({type(error).__name__}: {error})"]
    step = sum(map(byte_count, linear.residuals))
    inside, resolved = resolve_delays(back.program, chunk)
    stages, _ = plan.stages(inside)
    cotangents = [f"the cotangent of {carried[k]}" for k in back.carry]
    cotangents += [f"{carried[k]} after the step" for k in linear.carried_back]
    forward_stages, _ = plan.stages(resolve_delays(linear.forward, chunk)[0])
    within = (bytes_between(forward_stages) + bytes_between(stages)) * chunk
    cotangents = [name for k, name in enumerate(cotangents) if k not in resolved]
    starts = sum(map(byte_count, program.carry)) * -(-length // chunk)
    total = starts + step * chunk + within if remat else step * length + within
    how = "computed again from the start of each chunk" if remat else "kept"
    shapes = ", ".join(f"{struct(v).dtype}{list(struct(v).shape)}" for v in linear.residuals)
    return [
        f"Backward: {step:,} bytes a step are {how}: {shapes or 'nothing'}",
        *(f"  {n}. {_stage(stage, cotangents, inside, plan)}" for n, stage in enumerate(stages, 1)),
        f"Memory of a training step beside inputs and parameters: about {total / 1e6:.1f} MB",
    ]
