import functools
import inspect

import diffrax
import equinox as eqx
import jax
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import IntegratorError, ShapeError

SPLIT = [diffrax.SemiImplicitEuler(), diffrax.KenCarp4(), diffrax.EulerHeun(), diffrax.ShARK(), diffrax.ItoMilstein()]


@pytest.mark.parametrize("solver", SPLIT, ids=lambda s: type(s).__name__)
def test_solvers_of_split_or_stochastic_systems_are_refused_by_name(solver):
    with pytest.raises(IntegratorError, match=type(solver).__name__):
        dp.LoopOverTime(dp.neurons.LIF(1, integrator=solver), dt=0.1)(0.2)


SOLVERS = {
    name: cls
    for name, cls in inspect.getmembers(diffrax, inspect.isclass)
    if issubclass(cls, diffrax.AbstractSolver) and not name.startswith("Abstract")
}


@pytest.mark.parametrize("name", SOLVERS)
def test_each_solver_of_diffrax_has_its_order_or_is_refused(name, x64):
    """Of a leak with two time constants, whose steps are twice as long for one as for the other."""
    solver = SOLVERS[name](diffrax.Heun()) if name == "HalfSolver" else SOLVERS[name]()
    leak = dp.neurons.LeakyIntegrator(2, tau=np.array([3.0, 6.0]), integrator=solver)
    try:
        V = np.asarray(dp.LoopOverTime(leak, dt=1.0)(np.ones((12, 2)))[1])
    except IntegratorError:
        return
    errors = np.abs(V[[5, 11], [0, 1]] - (1.0 - np.exp(-2.0)))
    assert np.log2(errors[0] / errors[1]) > solver.order(None) - 0.5


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
