"""That the check of equations sees every slip: each bundled model's text is changed, one place after the other."""

import ast
import dataclasses
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import dynplug as dp
from dynplug.core import ODESystem
from dynplug.equations import WEIGHT, Stated, parse, parse_condition, read
from dynplug.errors import ConformanceError, EquationError
from dynplug.plugin import registry
from dynplug.testing import CHECKS
from dynplug.testing.checks import outcome_of
from dynplug.testing.equations import events_of, evidence_of, spikes_of, starts_of, stated_by
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
        """A threshold is not moved: no variable need have a value between the two. A comparison is turned round."""
        if self.here():
            turned = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
            node.ops = [turned[type(node.ops[0])]()]
            return node
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


ALIKE = {"dynplug:Izhikevich@1": ["starts: u = b * V_init"]}  # where V starts
HAPPENINGS = [
    ("starts", starts_of, lambda system: system.starts_at),
    ("effects", spikes_of, lambda system: getattr(system, "on_spike", {})),
    ("events", events_of, lambda system: getattr(system, "on_event", {})),
]


@pytest.mark.parametrize(("kind", "name"), MODELS, ids=lambda x: x.partition("@")[0])
def test_no_slip_is_overlooked_in_what_happens_at_the_start_at_a_spike_or_at_an_event(kind, name):
    subject = subject_of(kind, name)
    stated, system = stated_by(subject), subject.make()
    names = [*evidence_of(subject).names, *((WEIGHT,) if kind == "synapse" else ())]
    pairs = neighbours(n for n in names if n.isidentifier() and n != "t")
    overlooked = []
    for field, evidence_for, texts_of in HAPPENINGS:
        lines = getattr(stated, field)
        if not lines:
            continue
        compare = evidence_for(subject)
        compare(stated)
        for left, text in texts_of(system).items():
            for changed in slips(text, pairs):
                others = dataclasses.replace(stated, **{field: {**lines, left: parse(changed)}})
                if agrees(compare, others):
                    overlooked.append(f"{field}: {left} = {changed}")
    if stated.spike is not None:
        compare = spikes_of(subject)
        for changed in slips(system.spikes_if, pairs):
            if agrees(compare, dataclasses.replace(stated, spike=parse_condition(changed))):
                overlooked.append(f"spike = {changed}")
    assert overlooked == ALIKE.get(name, [])


def agrees(compare, stated):
    try:
        compare(stated)
    except (ConformanceError, KeyError):  # a name that is not known yet
        return False
    return True


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
    """The outcomes of the two checks for a model with these equations."""
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
        ({"spike": "0"}, {}, "'spike', which is not a variable of the state", "skipped"),
        ({"w": "-w / tau_v"}, {}, "unknown name 'tau_v'. Did you mean 'tau_w'", "skipped"),
        ({}, {"x": "V"}, "`definitions` has 'x', which is not used", "skipped"),
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
        "EquationError: dw/dt = (-w + gain - gain) / tau_w: in `-w + gain` the units are [nA] and [1], but must be "
        "the same. Units are those in brackets under **Arguments:**"
    )


def test_a_unit_that_cannot_be_read_is_named_with_its_owner():
    doc = Membrane.__doc__.replace("[MΩ]", "[mV per nA]")
    _, second = outcomes(RIGHT, target=type(Membrane)("Other", (Membrane,), {"__doc__": doc}))
    assert "'R': Invalid unit [mV per nA]" in second.reason


def test_a_conductance_enters_through_the_current():
    """A field that ignores what depends on the potential is not that of its equation."""

    class Deaf(Membrane):
        def vector_field(self, t, y, drive):
            return super().vector_field(t, y, dp.Drive(drive.current))

    first, _ = outcomes(RIGHT, target=Deaf)
    assert first.outcome == "failed"


HAPPENS = {
    "equations": RIGHT,
    "definitions": {"top": "10[mV]"},
    "starts_at": {"V": "0", "w": "0"},
    "spikes_if": "V > top",
    "on_spike": {"V": "0", "w": "w + 1[nA]"},
}
CHECKED = ("starts_where_it_says", "spikes_as_it_says", "equations_agree_in_units")


def happenings(**texts):
    """The outcomes of the checks of the start, of spikes and of units for a model with these texts."""
    body = {**HAPPENS, **texts, "__doc__": Membrane.__doc__}
    subject = subject_of("neuron", type(Membrane)("Stating", (Membrane,), body), {"size": 3})
    return [outcome_of(CHECKS[name], subject) for name in CHECKED]


def test_what_happens_as_it_says_passes():
    found = happenings()
    assert [result.outcome for result in found] == ["passed"] * 3, found


@pytest.mark.parametrize(
    ("texts", "failing", "message"),
    [
        ({"starts_at": {"V": "1[mV]", "w": "0"}}, CHECKED[:1], r"V\(0\) = 1\[mV\]"),
        ({"starts_at": {"V": "0"}}, CHECKED[:2], "`starts_at` has no line for 'w'"),
        ({"starts_at": {"V": "0", "w": "0", "u": "0"}}, CHECKED[:2], "`starts_at` has 'u', which is not a variable"),
        ({"starts_at": {"V": "0[nA]", "w": "0"}}, CHECKED[2:], r"V\(0\) = 0\[nA\]: the sides are in"),
        ({"spikes_if": "V > top / 2"}, CHECKED[1:2], "spike = V > top / 2"),
        ({"spikes_if": "V_before > top"}, CHECKED[1:2], "spike = V_before > top"),
        ({"spikes_if": "V > top and V_before > top"}, CHECKED[1:2], "spike"),
        ({"spikes_if": "V > 1e9 * top"}, CHECKED[1:2], r"so it is at 0 of 192"),
        ({"spikes_if": "V > w and V > top"}, CHECKED[2:], "units are"),
        ({"spikes_if": "V"}, CHECKED[:2], "`V` is not a condition"),
        ({"spikes_if": "V > W"}, CHECKED[:2], "unknown name 'W'"),
        ({"spikes_if": ""}, CHECKED[:2], "but `spikes_if` is missing"),
        ({"on_spike": {"V": "0"}}, CHECKED[1:2], "w, and what the text says"),
        ({"on_spike": {"V": "0", "w": "w + 1[mV]"}}, CHECKED[2:], "units are"),
        ({"on_spike": {"V": "0", "u": "1"}}, CHECKED[:2], "`on_spike` has 'u', which is not a variable"),
        ({"equations": RIGHT | {"V": f"{RIGHT['V']} + 0 * V_before"}}, CHECKED[:2], "unknown name 'V_before'"),
        (
            {"definitions": {"top": "10[mV]", "V_before": "top"}, "spikes_if": "V > V_before"},
            CHECKED[:2],
            "'V_before' is reserved",
        ),
    ],
)
def test_what_happens_otherwise_is_named(texts, failing, message):
    found = dict(zip(CHECKED, happenings(**texts), strict=True))
    assert tuple(name for name, result in found.items() if result.outcome == "failed") == failing, found
    assert any(re.search(message, found[name].reason) for name in failing), found


def test_a_spike_that_the_state_does_not_hold_cannot_be_compared():
    class Forgetful(Membrane):
        def emit(self, old, new, ctx):
            state, out = super().emit(old, new, ctx)
            return eqx.tree_at(lambda s: s.spike, state, None, is_leaf=lambda x: x is None), out

        def init_state(self, ctx):
            return eqx.tree_at(lambda s: s.spike, super().init_state(ctx), None)

    body = {**HAPPENS, "__doc__": Membrane.__doc__}
    subject = subject_of("neuron", type(Membrane)("Stating", (Forgetful,), body), {"size": 3})
    assert "its state has no field 'spike'" in outcome_of(CHECKS["spikes_as_it_says"], subject).reason


@pytest.mark.parametrize(
    ("on_event", "message"),
    [
        ({"g": "g + 2 * w"}, "g after an event = g \\+ 2 \\* w"),
        ({"g": "g + w / tau"}, "g after an event"),
        ({"h": "w"}, "`on_event` has 'h', which is not a variable"),
        ({"g": "g + v"}, "unknown name 'v'"),
    ],
)
def test_an_event_that_does_something_else_is_named(on_event, message):
    body = {"on_event": on_event, "__doc__": dp.synapses.Exponential.__doc__}
    synapse = type(dp.synapses.Exponential)("Stating", (dp.synapses.Exponential,), body)
    found = outcome_of(CHECKS["answers_events_as_it_says"], subject_of("synapse", synapse, {"size": 3}))
    assert found.outcome == "failed"
    assert re.search(message, found.reason), found


def test_the_weight_of_an_event_is_no_other_quantity():
    texts = ({"g": "-g / tau * w"}, {"w": "1"}, {}, "", {}, {"g": "g + w"})
    with pytest.raises(EquationError, match="'w' is reserved"):
        read(*texts).check_names(["g"], ["tau"], ["t"])


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        ("1 / (1 + gamma * abs(x))**2", "unknown name 'gamma'"),
        ("1 / (1 + beta * abs(x))", "the derivative, and 1 / "),
        ("1 / (1 + beta * |x|)**2", "cannot be read"),
    ],
)
def test_a_surrogate_that_does_not_follow_its_text_is_named(equation, message):
    target = type(dp.surrogates.SuperSpike)("Stating", (dp.surrogates.SuperSpike,), {"equation": equation})
    found = outcome_of(CHECKS["follows_its_equation"], subject_of("surrogate", target, {}))
    assert found.outcome == "failed"
    assert message in found.reason, found
