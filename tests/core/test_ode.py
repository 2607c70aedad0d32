import functools

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import IntegratorError, ShapeError, StateError

SPLIT = [diffrax.SemiImplicitEuler(), diffrax.KenCarp4(), diffrax.EulerHeun(), diffrax.ShARK(), diffrax.ItoMilstein()]


@pytest.mark.parametrize("solver", SPLIT, ids=lambda s: type(s).__name__)
def test_solvers_of_split_or_stochastic_systems_are_refused_by_name(solver):
    with pytest.raises(IntegratorError, match=type(solver).__name__):
        dp.LoopOverTime(dp.neurons.LIF(1, integrator=solver), dt=0.1)(0.2)


@functools.cache
def spiking(solver, bits):
    """The potential of a cell under a current, by a solver in a precision."""
    with jax.enable_x64(bits == 64):
        cell = dp.neurons.HH(1, integrator=solver)
        return np.asarray(dp.LoopOverTime(cell, "V", dt=0.02)(np.full((400, 1), 10.0))[1][1])


@pytest.mark.slow
@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize(
    "solver",
    [
        diffrax.Kvaerno5(),
        diffrax.Kvaerno5(root_finder=diffrax.VeryChord(rtol=1e-9, atol=1e-9)),
        dp.integrators.Kvaerno5(),
    ],
    ids=["without tolerances", "diffrax's chord method", "ours"],
)
def test_implicit_solvers_make_every_step_also_without_a_step_size_controller(solver, bits):
    explicit = spiking(diffrax.Tsit5(), bits)
    assert explicit.max() > 30.0  # a spike
    np.testing.assert_allclose(spiking(solver, bits), explicit, atol=0.5)


def test_discrete_fields_are_none_for_a_solver_and_come_back_after_it():
    cell = dp.neurons.HH(2)
    state = cell.init_state(dp.Context(dt=0.1))
    y = dp.continuous(state)
    assert y.spike is None
    assert y.V is state.V
    new, _ = eqx.filter_eval_shape(cell.update, state, 5.0, dp.Context(dt=0.1))
    assert new.spike.shape == (2,)


def test_a_synapse_takes_events_and_no_drive():
    with pytest.raises(ShapeError, match="another synapse"):
        dp.LoopOverTime(dp.synapses.Delta(2) >> dp.synapses.Exponential(2), dt=0.1)(np.ones((3, 2)))


@pytest.mark.parametrize(("units", "platform", "barriers"), [(1023, "cpu", 0), (1024, "cpu", 1), (1024, "gpu", 0)])
@pytest.mark.parametrize("model", [dp.neurons.LIF, dp.synapses.Exponential])
def test_what_several_results_are_made_of_is_computed_once_where_that_pays(
    model, units, platform, barriers, monkeypatch
):
    system, ctx = model(units), dp.Context(dt=0.1)
    state, x = system.init_state(ctx), np.linspace(0.0, 2.0, units, dtype=np.float32)

    def stepped():
        return jax.jit(lambda state, x: system.update(state, x, ctx))(state, x)

    plain = stepped()
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    traced = jax.make_jaxpr(lambda state, x: system.update(state, x, ctx))(state, x)
    assert str(traced).count("optimization_barrier") == barriers
    monkeypatch.setattr(jax.lax, "optimization_barrier", lambda x: x)
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(stepped()), strict=True):
        np.testing.assert_array_equal(a, b)


class Two(eqx.Module):
    V: jax.Array
    spike: jax.Array | None = dp.discrete()
    refractory: jax.Array | None = dp.discrete()


class Wrong(dp.Neuron):
    """Returns what it is told to in place of derivatives."""

    field: object = eqx.field(static=True)
    refractory: bool = eqx.field(static=True, default=False)
    size: tuple[int, ...] = eqx.field(static=True, default=(3,))
    integrator: diffrax.AbstractSolver = dp.integrators.ExponentialEuler()

    def init_state(self, ctx):
        zero = jnp.zeros(self.size, ctx.dtype)
        return Two(zero, zero, jnp.zeros(self.size, jnp.int32) if self.refractory else None)

    def vector_field(self, t, y, drive):
        return self.field((drive(y.V) - y.V) / 10.0)

    def emit(self, old, new, ctx):
        return new, new.V


class WrongSynapse(dp.Synapse):
    jump_to = "V"
    field: object = eqx.field(static=True)
    size: tuple[int, ...] = eqx.field(static=True, default=(3,))
    integrator: diffrax.AbstractSolver = dp.integrators.ExponentialEuler()

    def init_state(self, ctx):
        return Two(jnp.zeros(self.size, ctx.dtype))

    def vector_field(self, t, y, drive):
        return self.field(-y.V / 10.0)

    def emit(self, old, new, ctx):
        return new, dp.Drive(current=new.V)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (lambda dV: Two(dV.mean()), r"V has shape \(\); its variable has shape \(3,\)"),
        (lambda dV: Two(dV[:1]), r"V has shape \(1,\)"),
        (lambda dV: Two(dV[:2]), r"V has shape \(2,\)"),
        (lambda dV: Two(jnp.outer(dV, dV)), r"V has shape \(3, 3\)"),
        (lambda dV: Two(dV, dV), r"spike has shape \(3,\); its variable is None"),
        (lambda dV: Two(None), r"V is None"),
        (lambda dV: dV, r"must return a Two, .* got an array in which V is None; its variable has shape \(3,\)"),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        *(functools.partial(Wrong, integrator=s()) for s in (dp.integrators.ExponentialEuler, diffrax.Heun)),
        functools.partial(Wrong, refractory=True),
        WrongSynapse,
    ],
    ids=["exponential Euler", "Heun", "refractory", "synapse"],
)
def test_derivatives_have_the_shapes_of_their_variables(make, field, said):
    system, ctx = make(field), dp.Context(dt=0.1)
    with pytest.raises(StateError, match=said):
        eqx.filter_eval_shape(system.update, system.init_state(ctx), jnp.ones(3), ctx)
