"""Options of the runners: each one changes something, and each is refused where it has no meaning."""

import io
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import ArgumentError, OptionError
from dynplug.timeloop import Loop

RUNNERS = [dp.DSRunner, dp.LoopOverTime]


class Told(dp.DynamicalSystem):
    """Puts out what it is told."""

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, {
            "t": ctx.t,
            "fit": jnp.asarray(ctx.fit),
            "gain": jnp.asarray(ctx.shared.get("gain", 1.0)),
        }


X = np.ones((2, 3, 1), np.float32)


def quick(target, **options):
    return dp.DSRunner(target, **{"dt": 0.5, "progress_bar": False, **options})


@pytest.mark.parametrize("make", RUNNERS)
@pytest.mark.parametrize(("option", "value"), [("loop", "plain"), ("loop", "step"), ("remat", 5)])
def test_the_loop_is_told(make, option, value, monkeypatch):
    told, real = [], Loop.advance

    def advance(self, *args, **kwargs):
        told.append(getattr(self, option))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Loop, "advance", advance)
    runner = make(dp.neurons.LIF(2), dt=0.5, **{option: value})
    (runner if make is dp.LoopOverTime else runner.run)(4.0)
    assert set(told) == {value}


@pytest.mark.parametrize("make", RUNNERS)
@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("loop", "layers", "Did you mean 'layer'"),
        ("remat", 0, "at least 1"),
        ("data_first_axis", "N", "'B' .* or 'T'"),
    ],
)
def test_values_that_are_no_choice_are_refused_at_construction(make, option, value, message):
    with pytest.raises(OptionError, match=message):
        make(Told(), dt=0.5, **{option: value})


@pytest.mark.parametrize("option", ["record_every", "chunk"])
def test_numbers_of_steps_are_positive(option):
    with pytest.raises(OptionError, match=f"{option}=0"):
        quick(Told(), **{option: 0})


@pytest.mark.parametrize(
    ("option", "value", "instead"),
    [
        ("dyn_vars", {"V": jnp.zeros(3)}, "runner.state"),
        ("fun_inputs", lambda tdi: None, "Give the function as inputs"),
        ("fun_monitors", {"a": lambda tdi: None}, "Give the functions as monitors"),
    ],
)
def test_old_forms_are_refused_with_the_new_one(option, value, instead):
    with pytest.raises(ArgumentError, match=f"takes no '{option}'. .*{instead}"):
        quick(Told(), **{option: value})


def test_time_starts_where_it_is_told_and_goes_in_steps_of_dt():
    r = quick(Told(), dt=0.25, t0=3.0)
    np.testing.assert_allclose(r.run(1.0)["t"], [3.0, 3.25, 3.5, 3.75])
    np.testing.assert_allclose(r.mon.ts, [3.25, 3.5, 3.75, 4.0])
    for duration in (0.3, 0.6, 0.7):  # which a truncated quotient makes a step too short
        assert len(quick(Told(), dt=0.1).run(duration)["t"]) == round(duration * 10)


def test_shared_arguments_reach_the_system_and_are_left_alone():
    shared = {"gain": jnp.asarray(3.0), "fit": True}
    out = quick(Told()).run(1.0, shared_args=shared)
    assert out["fit"].all()
    np.testing.assert_array_equal(out["gain"], [3.0, 3.0])
    assert set(shared) == {"gain", "fit"}
    assert not quick(Told()).run(1.0)["fit"].any()


def test_eval_time_tells_the_seconds_first():
    class Slow(dp.DynamicalSystem):
        def init_state(self, ctx):
            return None

        def update(self, state, x, ctx):
            jax.debug.callback(lambda: time.sleep(0.02))
            return None, ctx.t

    r = quick(Slow())
    began = time.perf_counter()
    seconds, out = r.run(5.0, eval_time=True)
    assert 0.2 <= seconds <= time.perf_counter() - began
    np.testing.assert_allclose(out, 0.5 * np.arange(10))


def concrete(jit):
    """Whether the values that a system sees are concrete, in a run with and without compilation."""
    seen = []

    class Asking(dp.DynamicalSystem):
        def init_state(self, ctx):
            return {"a": jnp.ones((), ctx.dtype)}

        def update(self, state, x, ctx):
            seen.append(not isinstance(state["a"], jax.core.Tracer))
            return {"a": 0.5 * state["a"]}, state["a"]

    np.testing.assert_array_equal(quick(Asking(), jit=jit).run(2.0), [1.0, 0.5, 0.25, 0.125])
    return seen


def test_jit_is_a_bool_or_one_for_each_phase():
    for off in (False, {"predict": False}, {"predict": False, "fit": True}):
        assert concrete(off) == [True] * 4
    for on in (True, {"predict": True, "fit": False}, {"fit": False}, {}):
        assert not any(concrete(on))
    with pytest.raises(OptionError, match=r"unknown phase 'predcit'. Did you mean 'predict'"):
        quick(Told(), jit={"predcit": True})


def test_a_run_that_is_not_compiled_gives_the_same_with_everything_on():
    def run(jit):
        r = dp.DSRunner(
            dp.neurons.LIF(3, tau=5.0),
            inputs=[("V", 0.1), ("input", lambda ctx: 1.0 + ctx.t, "func")],
            monitors=["V"],
            dt=0.5,
            jit=jit,
            data_first_axis="T",
            progress_bar=False,
        )
        return r.run(inputs=np.ones((6, 2, 3), np.float32)), r.mon["V"]

    for got, want in zip(run(False), run(True), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_progress_bar_is_shown_on_a_terminal_if_asked_for(monkeypatch):
    for shown in (True, False):
        monkeypatch.setattr(sys, "stderr", Terminal())
        quick(dp.neurons.LIF(2), progress_bar=shown, chunk=4).run(11.5)
        assert ("23/23" in sys.stderr.getvalue()) is shown


def test_outputs_that_nobody_reads_are_left_out(tmp_path):
    def run(**options):
        r = quick(dp.neurons.LIF(2, tau=5.0), monitors=["V"], **options)
        return r.run(4.0, inputs=3.0), r.mon["V"]

    out, V = run()
    none, same = run(return_outputs=False, record_to=tmp_path)
    assert out.shape == V.shape == (8, 2)
    assert none is None
    np.testing.assert_allclose(same, V, rtol=1e-6)
    assert {path.name for path in tmp_path.iterdir()} == {"V.npy", "ts.npy"}


@pytest.mark.parametrize(
    "call",
    [
        lambda: quick(Told()).run(2.0, reset_state="False"),
        lambda: quick(Told(), memory_efficient="no"),
        lambda: dp.LoopOverTime(Told(), dt=0.5, no_state="False"),
        lambda: dp.BPTT(dp.layers.Dense(1, 1, W_initializer=0.0), "mse", dt=1.0).predict(X, reset_state="False"),
        lambda: dp.BPTT(dp.layers.Dense(1, 1, W_initializer=0.0), "mse", dt=1.0).fit((X, X), restore_best="False"),
    ],
)
def test_a_text_is_no_flag(call):
    with pytest.raises(ArgumentError, match="must be True or False, without quotes"):
        call()
