"""The text that explains a plan."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import dynplug as dp
from dynplug.timeloop import Loop, tune_allocator

pytestmark = pytest.mark.quick

NET = dp.Sequential(
    expand=dp.layers.Dense(40, 30, key=jax.random.key(0)),
    hidden=dp.neurons.LIF(30),
    recurrent=dp.layers.GRUCell(30, 30, key=jax.random.key(1)),
    readout=dp.layers.Dense(30, 20, key=jax.random.key(2)),
)


def plan(length=100, **options):
    loop = Loop(dt=1.0, batched=True, **options)
    return loop.explain(NET, loop.start(NET, batch_size=64), jnp.zeros((length, 64, 40)), length)


def test_stages_in_order_with_what_they_carry():
    text = plan()
    assert text.startswith("100 steps, stage by stage, all at once (stages hand each other 5.4 MiB, which is little)")
    order = ["dot_general[64x30]", "hidden.V", "dot_general[64x90]", "carrying recurrent", "dot_general[64x20]"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "Counted without a loop: i" in text
    assert "it is part of a recurrence of recurrent" in text


def test_a_stage_of_sums_alone_says_so():
    assert "all steps in one call: summed over time: dot_general[30x40]" in plan()
    assert ": ;" not in plan()


def test_long_loops_go_in_chunks():
    """Of 40 million multiplications: a step has 64 (40 30 + 90 60 + 30 20 + 30 30), and 80 divides 400."""
    assert plan(400).startswith("400 steps, stage by stage, in chunks of 80 (products of 5120 rows)")
    assert "in chunks of 80 " in plan(1600)


def test_the_ways_to_compile_a_loop_differ():
    assert plan(loop="layer").startswith("100 steps, stage by stage, all at once (as asked)")
    assert plan(loop="step").startswith("100 steps, step by step, all at once (as asked)")
    assert plan(loop="plain") == "100 steps as one jax.lax.scan: loop='plain' was asked for."
    assert "computed again from the start of each chunk" in plan(remat=True)
    assert plan(remat=30).startswith("100 steps, stage by stage, in chunks of 30 (chunks of 30 steps, as asked)")


def test_rematerialisation_says_that_it_needs_less_memory():
    def megabytes(text):
        return float(text.rsplit("about ", 1)[1].split()[0])

    assert megabytes(plan(1000, remat=True)) < megabytes(plan(1000)) / 3


def test_effects_are_the_reason_for_a_plain_loop():
    def loud(x):
        jax.debug.print("{}", x)
        return x

    model, loop = dp.Lift(loud), Loop(dt=1.0)
    assert "as one jax.lax.scan: the step has effects" in loop.explain(model, loop.start(model), jnp.zeros(5), 5)


def test_what_has_no_derivative_is_named():
    def settle(x):
        return jax.lax.while_loop(lambda v: jnp.any(v > 1), lambda v: v / 2, x)

    model, loop = dp.layers.RNNCell(3, 4, key=jax.random.key(0)) >> dp.Lift(settle), Loop(dt=1.0)
    text = loop.explain(model, loop.start(model), jnp.zeros((5, 3)), 5)
    assert "Backward, where all is differentiated: as jax.lax.scan (ValueError: Reverse-mode" in text


def test_what_cannot_be_split_is_named(monkeypatch):
    def refuse(*_, **__):
        raise NotImplementedError("no such operation")

    monkeypatch.setattr("dynplug.timeloop.custom_derivative.execute", refuse)
    assert plan() == "100 steps as one jax.lax.scan: they cannot be split (NotImplementedError: no such operation)."


def test_many_blocks_go_step_by_step():
    def residual(blocks):
        parts = [dp.layers.RNNCell(32, 32, key=jax.random.key(n)) for n in range(blocks)]
        net, loop = dp.Sequential(*parts), Loop(dt=1.0)
        return loop.explain(net, loop.start(net), jnp.zeros((5, 32)), 5)

    assert "stage by stage" in residual(3)
    assert "step by step, all at once (30 scans would take long to compile)" in residual(30)


def test_tuning_the_allocator_says_whether_it_did(monkeypatch):
    assert tune_allocator() in (True, False)
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert tune_allocator() is False


@pytest.mark.parametrize("loop", ["auto", "step", "layer", "plain"])
def test_every_way_runs_the_network_alike(loop, x64):
    x = jax.random.normal(jax.random.key(5), (9, 3, 40))
    expected = dp.LoopOverTime(NET, dt=1.0, data_first_axis="T", loop="plain")(x)[1]
    found = dp.LoopOverTime(NET, dt=1.0, data_first_axis="T", loop=loop)(x)[1]
    assert jnp.allclose(found, expected, atol=1e-5)


def test_what_is_too_dear_to_repeat_is_computed_before_the_loop_even_where_it_grows():
    """A sum of starts is larger than they are. Repeating them is cheap, and stays inside."""

    class Repeated(dp.DynamicalSystem):
        starts: Any
        in_size: tuple[int] = eqx.field(static=True, default=(40,))
        out_size: tuple[int] = eqx.field(static=True, default=(40,))

        def init_state(self, ctx):
            return jnp.zeros(40, ctx.dtype)

        def update(self, state, x, ctx):
            place = jnp.cumsum(jnp.zeros(40).at[self.starts].add(1.0))
            repeated = jnp.broadcast_to(self.starts.sum().astype(ctx.dtype), 40)
            return jnp.tanh(state + x) * place + repeated, state

    text = dp.LoopOverTime(Repeated(jnp.array([3, 9])), dt=1.0).explain(jnp.zeros((10, 40)))
    forward = text[text.index("Forward:") : text.index("Backward:")]
    assert "Computed once, before the loop" in text
    assert "cumsum" not in forward
    assert "broadcast_in_dim" in forward
