"""That the check of equations sees every slip: each bundled model's text is changed, one place after the other."""

import ast
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import dynplug as dp
from dynplug.core import ODESystem
from dynplug.equations import Stated, parse
from dynplug.errors import ConformanceError
from dynplug.plugin import registry
from dynplug.testing import CHECKS
from dynplug.testing.checks import outcome_of
from dynplug.testing.equations import evidence_of, stated_by
from dynplug.testing.subject import subject_of

MODELS = [
    (c.kind.name, c.id)
    for c in registry().components()
    if c.kind.name in ("neuron", "synapse") and issubclass(c.load(), ODESystem)
]


class Slip(ast.NodeTransformer):
    """One slip, at the place with a number: another sign, a forgotten term, another power, a swapped name."""

    def __init__(self, at, pairs):
        self.at, self.pairs, self.count, self.done = at, pairs, -1, False

    def here(self):
        self.count += 1
        self.done |= self.count == self.at
        return self.count == self.at

    def visit_BinOp(self, node):
        if isinstance(node.op, (ast.Add, ast.Sub)):
            if self.here():
                return ast.BinOp(node.left, ast.Sub() if isinstance(node.op, ast.Add) else ast.Add(), node.right)
            if self.here():
                return node.left
            if self.here():
                return node.right
        if isinstance(node.op, ast.Pow) and self.here():
            return ast.BinOp(node.left, node.op, ast.Constant(node.right.value + 1))
        if isinstance(node.op, (ast.Mult, ast.Div)) and self.here():
            return ast.BinOp(node.left, ast.Div() if isinstance(node.op, ast.Mult) else ast.Mult(), node.right)
        return self.generic_visit(node)

    def visit_UnaryOp(self, node):
        return node.operand if self.here() else self.generic_visit(node)

    def visit_Subscript(self, node):
        """A number or the current with its unit; what is taken for the current has none."""
        value = self.visit(node.value)
        return ast.Subscript(value, node.slice) if value is node.value or isinstance(value, ast.Constant) else value

    def visit_Compare(self, node):
        """A threshold is not moved: no variable need have a value between the two."""
        node.left = self.visit(node.left)
        return node

    def visit_Constant(self, node):
        return ast.Constant(1.01 * node.value + 1e-3) if isinstance(node.value, (int, float)) and self.here() else node

    def visit_Name(self, node):
        return ast.Name(self.pairs[node.id]) if node.id in self.pairs and self.here() else node


def slips(text, pairs):
    """All texts that differ from one by a slip."""
    prepared = re.sub(r"\[([^\]]*)\]", r"['\1']", text)
    at = 0
    while True:
        slip = Slip(at, pairs)
        changed = slip.visit(ast.parse(prepared, mode="eval"))
        if not slip.done:
            return
        yield re.sub(r"\['([^']*)'\]", r"[\1]", ast.unparse(changed))
        at += 1


def neighbours(names):
    """Each name with another one, for which it may be taken."""
    names = sorted(names)
    return dict(zip(names, names[1:] + names[:1], strict=True)) if len(names) > 1 else {}


@pytest.mark.parametrize(("kind", "name"), MODELS, ids=lambda x: x.partition("@")[0])
def test_no_slip_is_overlooked(kind, name):
    subject = subject_of(kind, name)
    evidence, stated, system = evidence_of(subject), stated_by(subject), subject.make()
    assert passes(evidence, stated)
    pairs = neighbours(name for name in evidence.names if name.isidentifier() and name != "t")
    texts = {**system.equations, **system.definitions}
    overlooked = [
        f"{left} = {changed}"
        for left, text in texts.items()
        for changed in slips(text, pairs)
        if passes(evidence, with_line(stated, left, parse(changed)))
    ]
    assert overlooked == []


def with_line(stated, left, node):
    """Equations of which one line is changed; only those that it touches."""
    touched = {n: d for n, d in stated.derivatives.items() if left == n or left in stated.used_by(n)}
    used = set().union(*(stated.used_by(n) for n in touched))
    definitions = {n: d for n, d in stated.definitions.items() if n in used}
    if left in stated.derivatives:
        return Stated({left: node}, definitions)
    return Stated(touched, definitions | {left: node})


def passes(evidence, stated):
    try:
        evidence.compare(stated)
    except ConformanceError:
        return False
    return True


class MembraneState(eqx.Module):
    """Potential `V` [mV], adaptation `w` [nA] and the last spike."""

    V: jax.Array
    w: jax.Array
    spike: jax.Array | None = dp.discrete()


class Membrane(dp.Neuron):
    """A leaky membrane with an adaptation.

    **Arguments:**

    - `size`: how many.
    - `tau`, `tau_w`: time constants [ms].
    - `R`: resistance [MΩ].
    - `gain`: how many times the current counts.
    - `integrator`: a solver.
    """

    size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)
    tau: dp.Parameter = dp.param(10.0, positive=True)
    tau_w: dp.Parameter = dp.param(50.0, positive=True)
    R: dp.Parameter = dp.param(1.0)
    gain: float = 2.0
    integrator: object = dp.integrators.ExponentialEuler()

    def init_state(self, ctx):
        nothing = jnp.zeros(self.size, ctx.dtype)
        return MembraneState(nothing, nothing, nothing)

    def vector_field(self, t, y, drive):
        return MembraneState((-y.V + self.R * (self.gain * drive(y.V) - y.w)) / self.tau, -y.w / self.tau_w)

    def emit(self, old, new, ctx):
        spike = (new.V > 10.0).astype(new.V.dtype)
        return MembraneState((1.0 - spike) * new.V, new.w + spike, spike), spike


RIGHT = {"V": "(-V + R * (gain * I - w)) / tau", "w": "-w / tau_w"}


def outcomes(equations, definitions=None, target=Membrane, **example):
    """What the two checks say of a model with these equations."""
    body = {"equations": equations, "definitions": definitions or {}, "__doc__": target.__doc__}
    subject = subject_of("neuron", type(target)("Stating", (target,), body), {"size": 3} | example)
    return [outcome_of(CHECKS[name], subject) for name in ("follows_its_equations", "equations_agree_in_units")]


@pytest.mark.parametrize(
    ("equations", "definitions", "example"),
    [
        (RIGHT, {}, {}),
        (RIGHT | {"V": "(R * current - V) / tau"}, {"current": "gain * I - w"}, {}),
        (RIGHT, {}, {"size": (2, 2)}),
        (RIGHT, {}, {"tau": [5.0, 10.0, 20.0]}),
        (RIGHT, {}, {"R": 0.0}),
        (RIGHT | {"V": "(-V + R * (2 * I - w)) / tau + 0 * t"}, {}, {}),
    ],
)
def test_what_is_right_passes(equations, definitions, example):
    found = outcomes(equations, definitions, **example)
    assert [result.outcome for result in found] == ["passed", "passed"], found


@pytest.mark.parametrize(
    ("equations", "definitions", "message", "units"),
    [
        ({"V": "(V + R * (gain * I - w)) / tau"}, {}, "dV/dt = .*: that is .* where vector_field gives", "passed"),
        ({"w": "-w / tau"}, {}, r"with tau = [0-9.]+, w = [0-9.e-]+; they differ at \d+ of 192 places", "passed"),
        ({"w": "-w**2 / tau_w"}, {}, "dw/dt = -w", "failed"),
        ({"V": "(-V + gain * R * I) / tau"}, {}, "dV/dt", "passed"),
        ({"V": "log(-1 - abs(V / 1[mV])) * V / tau"}, {}, "it is not finite at 192 of 192 places", "passed"),
        ({"spike": "0"}, {}, "'spike', which is no variable of the state", "skipped"),
        ({"w": "-w / tau_v"}, {}, "there is no 'tau_v'. Did you mean 'tau_w'", "skipped"),
        ({}, {"x": "V"}, "`definitions` has 'x', which no line uses", "skipped"),
        ({"w": "-w /"}, {}, "dw/dt: `-w /` cannot be read", "skipped"),
    ],
)
def test_what_is_wrong_is_named(equations, definitions, message, units):
    first, second = outcomes(RIGHT | equations, definitions)
    assert (first.outcome, second.outcome) == ("failed", units)
    assert re.search(message, first.reason), first.reason


def test_a_variable_without_an_equation_is_named():
    first, _ = outcomes({"V": RIGHT["V"]})
    assert "`equations` has no line for 'w'" in first.reason


def test_a_model_that_states_nothing_is_told_how():
    for result in outcomes({}):
        assert result.outcome == "skipped"
        assert 'equations: ClassVar = {"V": "(V_rest - V + R * I) / tau"}' in result.reason


def test_units_are_those_of_the_docstrings():
    first, second = outcomes(RIGHT | {"w": "(-w + gain - gain) / tau_w"})
    assert (first.outcome, second.outcome) == ("passed", "failed")
    assert second.reason.startswith(
        "EquationError: dw/dt = (-w + gain - gain) / tau_w: in `-w + gain` the units are [nA] and [1], and have to be "
        "the same. Units are those in brackets under **Arguments:**"
    )


def test_a_unit_that_cannot_be_read_is_named_with_its_owner():
    doc = Membrane.__doc__.replace("[MΩ]", "[mV per nA]")
    _, second = outcomes(RIGHT, target=type(Membrane)("Other", (Membrane,), {"__doc__": doc}))
    assert "'R': [mV per nA] is no unit" in second.reason


def test_a_conductance_enters_through_the_current():
    """A field that ignores what depends on the potential is not that of its equation."""

    class Deaf(Membrane):
        def vector_field(self, t, y, drive):
            return super().vector_field(t, y, dp.Drive(drive.current))

    first, _ = outcomes(RIGHT, target=Deaf)
    assert first.outcome == "failed"
