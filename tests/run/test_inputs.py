"""Inputs of a run, against loops written by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import DurationError, OptionError, ShapeError, StateError, UnknownPathError


class Leak(dp.DynamicalSystem):
    """`a` halves and takes the input; `n` counts."""

    size: int = eqx.field(static=True, default=3)

    def init_state(self, ctx):
        return {
            "a": jnp.ones(self.size, ctx.dtype),
            "n": jnp.zeros((), jnp.int32),
            "on": jnp.zeros((), bool),
        }

    def update(self, state, x, ctx):
        x = jnp.zeros(self.size, ctx.dtype) if x is None else x
        a = 0.5 * state["a"] + x
        return {**state, "a": a, "n": state["n"] + 1}, 10.0 * a


class Pair(dp.DynamicalSystem):
    """A system that calls two others in an update of its own, and a third never."""

    first: Leak = Leak()
    second: Leak = Leak()
    idle: Leak = Leak()

    def init_state(self, ctx):
        return {name: getattr(self, name).init_state(ctx.child(name)) for name in ("first", "second", "idle")}

    def update(self, state, x, ctx):
        first, out = self.first.update(state["first"], x, ctx.child("first"))
        second, out = self.second.update(state["second"], 0.1 * out, ctx.child("second"))
        return {**state, "first": first, "second": second}, out


def runner(inputs, target=None, **options):
    target = Leak() if target is None else target
    return dp.DSRunner(target, **{"inputs": inputs, "monitors": [], "dt": 0.5, "progress_bar": False, **options})


def by_hand(steps, before=lambda a, i: a, x=lambda i: 0.0):
    a, out = np.ones(3), []
    for i in range(steps):
        a = 0.5 * before(a, i) + x(i)
        out.append(10.0 * a)
    return np.array(out)


OPERATIONS = {
    "+": lambda a, v: a + v,
    "-": lambda a, v: a - v,
    "*": lambda a, v: a * v,
    "/": lambda a, v: a / v,
    "=": lambda a, v: 0 * a + v,
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("value", [3.0, [1.0, 2.0, 4.0]])
def test_a_fixed_value_changes_a_variable_before_every_step(operation, value):
    change = OPERATIONS[operation]
    out = runner([("a", value, "fix", operation)]).run(3.0)
    np.testing.assert_allclose(out, by_hand(6, lambda a, i: change(a, np.array(value))), rtol=1e-6)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_value_changes_what_a_system_receives(operation):
    change, x = OPERATIONS[operation], np.linspace(1.0, 2.0, 18, dtype=np.float32).reshape(6, 3)
    want = by_hand(6, x=lambda i: change(x[i], 4.0))
    np.testing.assert_allclose(runner(("input", 4.0, "fix", operation)).run(inputs=x), want, rtol=1e-6)


def test_fixed_and_added_is_what_is_not_said_otherwise():
    want = by_hand(4, lambda a, i: a + 2.0)
    np.testing.assert_allclose(runner([("a", 2.0)]).run(2.0), want, rtol=1e-6)
    np.testing.assert_allclose(runner([("a", 2.0, "fix")]).run(2.0), want, rtol=1e-6)
    np.testing.assert_allclose(runner(("a", 2)).run(2.0), want, rtol=1e-6)


def rows(length):
    return np.arange(3.0 * length, dtype=np.float32).reshape(length, 3)


class Stream:
    """An iterable that is no array and begins anew."""

    def __iter__(self):
        return iter(rows(11))


@pytest.mark.parametrize(
    "make",
    [
        lambda: rows(11),
        lambda: rows(11).tolist(),
        lambda: jnp.asarray(rows(11)),
        lambda: iter(rows(11)),
        Stream,
        lambda: lambda: iter(rows(11)),
    ],
    ids=["numpy", "list", "jax", "iterator", "iterable", "function"],
)
@pytest.mark.parametrize("chunk", [3, 100])
def test_rows_go_by_the_index_of_the_step_through_chunks_and_runs(make, chunk):
    want = by_hand(11, lambda a, i: a * rows(11)[i])
    r = runner([("a", make(), "iter", "*")], chunk=chunk)
    got = [r.run(2.0), r.run(3.5)]
    np.testing.assert_allclose(np.concatenate(got), want, rtol=1e-6)


def test_rows_begin_anew_with_the_run_where_they_can():
    for value in (rows(11), Stream(), lambda: iter(rows(11))):
        r = runner([("a", value, "iter", "+")])
        first = r.run(2.0)
        np.testing.assert_array_equal(r.run(2.0, reset_state=True), first)
    r = runner([("a", iter(rows(11)), "iter", "+")])
    r.run(2.0)
    with pytest.raises(DurationError, match=r"'a' is an iterator that has advanced to step 4.*starts at step 0"):
        r.run(2.0, reset_state=True)


def test_a_run_may_start_late():
    for value in (rows(11), Stream()):
        r = runner([("a", value, "iter", "+")])
        r.state = dp.LoopOverTime(Leak(), dt=0.5).reset_state(i0=5)
        np.testing.assert_allclose(r.run(0.5)[0], 10 * 0.5 * (1.0 + rows(11)[5]))


def test_running_past_the_end_says_where():
    r = runner([("a", 1.0), ("a", rows(5), "iter")])
    r.run(1.0)
    with pytest.raises(DurationError, match=r"'a' has rows for 5 steps, but the run needs them up to step 6.*3 steps"):
        r.run(2.5)
    assert int(r.state.i) == 2  # nothing ran
    r = runner([("a", iter(rows(5)), "iter")], chunk=3)
    with pytest.raises(DurationError, match="'a' ended before step 5"):
        r.run(3.0)
    assert int(r.state.i) == len(r.mon.ts) == 3


def test_an_iterator_is_pulled_chunk_by_chunk_as_the_run_proceeds():
    pulled = []

    def stimulus():
        for i in range(100):
            pulled.append(i)
            yield np.ones(3, np.float32)

    r = runner([("a", stimulus, "iter")], chunk=5)
    assert pulled == []
    r.run(5.0)
    assert pulled == list(range(10))


def test_a_function_of_the_context_is_computed_at_every_step():
    want = by_hand(6, lambda a, i: a + np.sin(7.0 + 0.5 * i) * i)
    out = runner([("a", lambda ctx: jnp.sin(ctx.t) * ctx.i.astype(ctx.dtype), "func")], t0=7.0).run(3.0)
    np.testing.assert_allclose(out, want, rtol=1e-5)


def test_several_are_applied_in_their_order():
    want = by_hand(4, lambda a, i: (a + rows(4)[i]) * 2.0 - i)
    inputs = [
        ("a", rows(4), "iter"),
        ("a", 2.0, "fix", "*"),
        ("a", lambda ctx: ctx.i.astype(ctx.dtype), "func", "-"),
    ]
    np.testing.assert_allclose(runner(inputs).run(2.0), want, rtol=1e-6)


def test_a_callable_says_at_every_step_what_to_do():
    def inputs(ctx):
        return [("a", ctx.shared["gain"] * ctx.t), ("a", 2.0, "*"), ("input", 1.0)]

    want = by_hand(4, lambda a, i: (a + 3.0 * 0.5 * i) * 2.0, lambda i: 1.0)
    np.testing.assert_allclose(runner(inputs).run(2.0, shared_args={"gain": jnp.asarray(3.0)}), want, rtol=1e-6)
    one = runner(lambda ctx: ("a", 5.0, "=")).run(1.0)
    np.testing.assert_allclose(one, by_hand(2, lambda a, i: 0 * a + 5.0), rtol=1e-6)
    np.testing.assert_allclose(runner(lambda ctx: None).run(1.0), by_hand(2), rtol=1e-6)


def test_any_system_in_a_model_can_be_driven_without_its_knowing():
    x = rows(5)
    a, b, want = np.ones(3), np.ones(3), []
    for i in range(5):
        a = 0.5 * a + 1.0
        b = 0.5 * b + 0.1 * 10.0 * a * 2.0 + x[i]
        want.append(10.0 * b)
    for model in (Pair(), dp.Sequential(first=Leak(), less=lambda x: 0.1 * x, second=Leak())):
        inputs = [("first.input", 1.0), ("second.input", 2.0, "fix", "*"), ("second.input", x, "iter")]
        np.testing.assert_allclose(runner(inputs, model).run(2.5), want, rtol=1e-6)


def test_a_system_inside_a_driven_system_is_driven_too():
    model = dp.Sequential(outer=dp.Sequential(inner=Leak(), cell=Leak()), more=lambda x: x)
    a, b, want = np.ones(3), np.ones(3), []
    for _ in range(4):
        a = 0.5 * a + (1.0 + 2.0) * 3.0  # the outer input reaches the inner system first
        b = 0.5 * b + 10.0 * a
        want.append(10.0 * b)
    out = runner([("outer.inner.input", 3.0, "fix", "*"), ("outer.input", 2.0)], model).run(inputs=np.ones((4, 3)))
    np.testing.assert_allclose(out, want, rtol=1e-6)


def test_a_driven_system_is_still_itself_to_the_one_that_calls_it():
    class Asking(dp.DynamicalSystem):
        part: Leak = Leak(3)

        def init_state(self, ctx):
            return self.part.init_state(ctx)

        def update(self, state, x, ctx):
            return self.part.update(state, jnp.full(self.part.size, 2.0), ctx)

    np.testing.assert_allclose(runner(("part.input", 1.0), Asking()).run(2.0), by_hand(4, x=lambda i: 3.0), rtol=1e-6)


def test_an_array_adds_to_a_drive_as_a_current_and_scales_all_of_it():
    def potential(inputs, x):
        r = dp.DSRunner(dp.neurons.LIF(2, tau=5.0), inputs=inputs, monitors=["V"], dt=0.5, progress_bar=False)
        r.run(inputs=x)
        return r.mon["V"]

    synaptic = dp.Drive(current=np.full((4, 2), 0.1), jump=np.full((4, 2), 0.02))
    want = potential((), dp.Drive(current=np.full((4, 2), 0.4), jump=np.full((4, 2), 0.02)))
    np.testing.assert_allclose(potential(("input", 0.3), synaptic), want, rtol=1e-6)
    np.testing.assert_allclose(potential(("input", dp.Drive(current=0.3)), synaptic), want, rtol=1e-6)
    np.testing.assert_allclose(potential(("input", -0.3, "fix", "-"), synaptic), want, rtol=1e-6)
    doubled = jax.tree.map(lambda a: 2.0 * a, synaptic)
    np.testing.assert_allclose(potential(("input", 2.0, "fix", "*"), synaptic), potential((), doubled), rtol=1e-6)
    kicks = np.full((4, 2), 0.1)
    np.testing.assert_allclose(potential(("input", dp.Drive(jump=0.02)), kicks), potential((), synaptic), rtol=1e-6)


@pytest.mark.parametrize("axis", ["B", "T"])
def test_rows_have_the_axes_of_the_data(axis):
    x = np.asarray(jax.random.uniform(jax.random.key(0), (2, 7, 3)))  # batch, time, units
    value = x if axis == "B" else x.swapaxes(0, 1)
    r = runner([("a", value, "iter"), ("a", [1.0, 2.0, 3.0], "fix", "*")], data_first_axis=axis, chunk=3)
    r.reset_state(2)
    out = r.run(3.5)
    want = np.stack([by_hand(7, lambda a, i, b=b: (a + x[b, i]) * [1.0, 2.0, 3.0]) for b in range(2)])
    np.testing.assert_allclose(out if axis == "B" else out.swapaxes(0, 1), want, rtol=1e-6)
    streamed = runner([("a", iter(x.swapaxes(0, 1)), "iter")], data_first_axis=axis, chunk=3)
    streamed.reset_state(2)
    whole = runner([("a", value, "iter")], data_first_axis=axis)
    whole.reset_state(2)
    np.testing.assert_allclose(streamed.run(3.5), whole.run(3.5), rtol=1e-6)
    r.reset_state(4)
    with pytest.raises(ShapeError, match="has 2 samples, but the run has 4"):
        r.run(3.5)


def test_whole_numbers_stay_whole():
    r = runner([("n", 10), ("on", True, "fix", "=")], monitors=["n", "on"])
    r.run(1.5)
    np.testing.assert_array_equal(r.mon["n"], [11, 22, 33])
    assert r.mon["on"].all()
    with pytest.raises(StateError, match="float32 values into a variable of dtype int32"):
        runner([("n", 0.5)])
    with pytest.raises(StateError, match="'/'"):
        runner([("n", 2, "fix", "/")])
    with pytest.raises(StateError, match="dtype bool can only be set"):
        runner([("on", True)])


@pytest.mark.claim(
    "ds-runner-inputs",
    "Inputs to variables and to systems act as in a loop written by hand, in double precision (relative)",
    tolerance=1e-14,
    reference="NumPy",
    components=("runner:DSRunner",),
)
def test_double_precision_is_kept(x64, measured):
    model = dp.Sequential(Leak())
    out = runner([("0.a", 0.1, "fix"), ("0.input", rows(4).astype(np.float64) / 3, "iter")], model).run(2.0)
    assert out.dtype == np.float64
    want = by_hand(4, lambda a, i: a + 0.1, lambda i: rows(4)[i].astype(np.float64) / 3)
    measured.relative(out, want)


def test_a_variable_comes_before_an_input_of_the_same_name():
    class Own(dp.DynamicalSystem):
        def init_state(self, ctx):
            return {"input": jnp.zeros((), ctx.dtype)}

        def update(self, state, x, ctx):
            return {"input": jnp.zeros_like(state["input"])}, state["input"]

    np.testing.assert_array_equal(runner(("input", 2.0), Own()).run(1.0), [2.0, 2.0])


def test_another_value_or_run_compiles_nothing_anew():
    traced = []

    class Counted(dp.DynamicalSystem):
        def init_state(self, ctx):
            return {"a": jnp.zeros((), ctx.dtype)}

        def update(self, state, x, ctx):
            traced.append(1)
            return {"a": state["a"] + 1.0}, state["a"]

    model = Counted()
    for value in (1.0, 2.0):
        r = runner([("a", value)], model)
        r.run(2.0)
        once = len(traced)
        r.run(2.0)
    assert len(traced) == once


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ([("b", 1.0)], UnknownPathError, "'b' is neither a variable of the state nor the input of a system"),
        ([("first.aa", 1.0)], UnknownPathError, "Did you mean 'first.a'"),
        ([("thrd.input", 1.0)], UnknownPathError, "Did you mean '.*input'"),
        ([("first", 1.0)], UnknownPathError, "neither"),
        ([("first.a", 1.0, "fixed")], OptionError, "unknown type 'fixed': give one of 'fix', 'iter', 'func'"),
        ([("first.a", 1.0, "+")], OptionError, "An operation comes fourth"),
        ([("first.a", 1.0, "fix", "**")], OptionError, r"unknown operation '\*\*': give one of"),
        ([("first.a",)], OptionError, "write \\(target, value\\)"),
        ([3], OptionError, "Input 3: write"),
        (np.ones(3), OptionError, "The input of the model itself is an argument of run"),
        ([("first.a", lambda ctx: 1.0)], OptionError, "for a function of the context write type 'func'"),
        ([("first.a", iter([1.0]))], OptionError, "for varying values 'iter'"),
        ([("first.a", "a")], OptionError, "its value is .*a.*: give a number or an array"),
        ([("first.a", 1.0, "func")], OptionError, "give a function of the context"),
        ([("first.a", 1.0, "iter")], OptionError, "an array whose time axis has a row for each step"),
        ([("first.a", [1.0, 2.0])], ShapeError, r"'first.a' has shape \(2,\), the variable \(3,\)"),
        ([("first.a", np.ones((5, 2)), "iter")], ShapeError, r"'first.a' has shape \(2,\), the variable \(3,\)"),
        ([("first.a", dp.Drive(1.0))], ShapeError, "its value is a Drive"),
    ],
)
def test_what_cannot_be_is_refused_at_construction(inputs, error, message):
    with pytest.raises(error, match=message):
        runner(inputs, Pair())


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ([("idle.input", 1.0)], UnknownPathError, "'idle' receives no input"),
        ([("input", 1.0, "fix", "*")], OptionError, "no other input to change"),
        ([("second.input", [1.0, 2.0])], ShapeError, r"shape \(2,\), the system's other input \(3,\)"),
        ([("second.input", (1.0, 2.0))], ShapeError, "same structure"),
        (lambda ctx: ("secnd.a", 1.0), UnknownPathError, "Did you mean 'second.a'"),
        (lambda ctx: 1.0, OptionError, "returned 1.0: return \\(target, value\\)"),
        (lambda ctx: [1.0], OptionError, "returned, among others, 1.0"),
        (lambda ctx: [("first.a", 1.0, "fix")], OptionError, "operation 'fix'"),
        (lambda ctx: [("first.n", 1.5)], StateError, "dtype int32"),
        ([("first.a", lambda ctx: jnp.ones(4), "func")], ShapeError, r"shape \(4,\), the variable \(3,\)"),
    ],
)
def test_what_shows_only_in_a_step_is_refused_before_one_is_made(inputs, error, message):
    r = runner(inputs, Pair())
    with pytest.raises(error, match=message):
        r.run(1.0)
    assert int(r.state.i) == 0


def test_a_population_that_nothing_is_connected_with_yet_takes_an_input():
    net = dp.Network({"E": dp.neurons.LeakyIntegrator(2, tau=10.0)})
    out = dp.DSRunner(net, dt=1.0, inputs=("E.input", 1.0), progress_bar=False).run(5.0)
    np.testing.assert_allclose(out["E"][-1], 1.0 - np.exp(-0.5), rtol=1e-5)


def test_a_number_beside_series_is_told():
    net = dp.Network({"E": dp.neurons.LeakyIntegrator(2), "I": dp.neurons.LeakyIntegrator(2)})
    with pytest.raises(ShapeError, match=r"inputs: a number, 2\.0, stands beside arrays of several steps"):
        dp.DSRunner(net, dt=1.0, progress_bar=False).run(inputs={"E": np.ones((5, 2)), "I": 2.0})
