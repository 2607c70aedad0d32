"""The refractory period: how long it lasts, what is held and what goes on."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import DurationError
from dynplug.neurons import ALIF, IF, LIF, AdExIF, Izhikevich
from dynplug.timeloop.program import dependents, trace

DRIVE = {LIF: 2.0, IF: 0.2, ALIF: 4.0, AdExIF: 1.0, Izhikevich: 15.0}
DT = 0.1


def recorded(neuron, xs, out_vars=("V",), dt=DT):
    _, (spikes, seen) = dp.LoopOverTime(neuron, list(out_vars), dt=dt)(xs)
    return np.asarray(spikes), [np.asarray(values) for values in seen]


@pytest.mark.parametrize("tau_ref", [0.1, 2.0, 10.0])
def test_the_interval_of_a_lif_is_the_closed_form(x64, tau_ref):
    spikes, _ = recorded(LIF(1, tau=10.0, tau_ref=tau_ref), np.full((3000, 1), 2.0))
    charging = np.ceil(10.0 * np.log(2.0) / DT) * DT
    np.testing.assert_allclose(np.diff(np.flatnonzero(spikes)) * DT, tau_ref + charging, atol=1e-9)


@pytest.mark.parametrize("solver", [dp.integrators.ExponentialEuler(), diffrax.Heun()])
def test_a_potential_alone_is_held_after_the_step_so_that_its_coefficients_are_the_same_for_all(solver):
    neuron, ctx = LIF(3, tau_ref=1.0, integrator=solver), dp.Context(dt=DT)
    state = eqx.tree_at(lambda s: (s.V, s.refractory), neuron.init_state(ctx), (jnp.full(3, 0.25), jnp.arange(3)))

    def step(state):
        return neuron.update(state, 2.0, ctx)[0]

    new = step(state).V
    free = eqx.tree_at(lambda s: s.refractory, state, jnp.zeros_like(state.refractory))
    np.testing.assert_array_equal(new, jnp.where(jnp.arange(3) == 0, step(free).V, 0.25))
    traced = trace(
        lambda *leaves: jax.tree.leaves(step(jax.tree.unflatten(jax.tree.structure(state), leaves))),
        *jax.tree.leaves(state),
    )
    from_state = dependents(traced.eqns, traced.ins)
    assert not [e for e in traced.eqns if e.primitive.name == "exp" and from_state.intersection(e.outvars)]


@pytest.mark.parametrize("model", DRIVE)
def test_the_potential_is_held_and_other_variables_go_on(model):
    neuron, period = model(1, tau_ref=3.0), 30
    others = {"ALIF": "a", "AdExIF": "w", "Izhikevich": "u"}.get(model.__name__)
    spikes, (V, *other) = recorded(neuron, np.full((3000, 1), DRIVE[model]), ["V", *([others] if others else [])])
    first = int(np.flatnonzero(spikes)[0])
    assert np.all(V[first : first + period + 1] == V[first])
    assert V[first + period + 1] != V[first]
    for values in other:
        assert np.all(np.diff(values[first : first + period + 1, 0]) != 0.0)
    assert np.all(np.diff(np.flatnonzero(spikes)) > period)


@pytest.mark.parametrize("reset", ["value", "subtract"])
def test_events_that_arrive_meanwhile_are_lost(reset):
    events = np.zeros((60, 1), np.float32)
    events[[0, 10, 31]] = 1.5
    spikes, _ = recorded(LIF(1, tau_ref=3.0, reset=reset), dp.Drive(jump=jnp.asarray(events)))
    assert np.flatnonzero(spikes).tolist() == [0, 31]


def test_each_unit_may_have_its_own():
    spikes, _ = recorded(LIF(3, tau_ref=np.array([0.0, 2.0, 5.0])), np.full((2000, 3), 2.0))
    charging = np.ceil(10.0 * np.log(2.0) / DT) * DT
    for unit, period in enumerate((0.0, 2.0, 5.0)):
        np.testing.assert_allclose(np.diff(np.flatnonzero(spikes[:, unit])) * DT, period + charging, atol=1e-6)


def test_without_one_no_counter_is_kept():
    assert LIF(1).init_state(dp.Context(dt=DT)).refractory is None
    assert LIF(1, tau_ref=1.0).init_state(dp.Context(dt=DT)).refractory.dtype == jnp.int32


def test_a_unit_that_cannot_spike_has_no_gradient():
    def spikes_at(step, jump, neuron):
        events = jnp.zeros((6, 1)).at[0].set(1.5).at[step].add(jump)
        return dp.LoopOverTime(neuron, dt=DT)(dp.Drive(jump=events))[1][step].sum()

    neuron = LIF(1, tau_ref=0.3)
    assert jax.grad(lambda jump: spikes_at(2, jump, neuron))(0.5) == 0.0
    assert jax.grad(lambda jump: spikes_at(5, jump, neuron))(0.5) > 0.0


@pytest.mark.parametrize("tau_ref", [0.55, -1.0])
def test_what_is_no_number_of_steps_is_refused(tau_ref):
    with pytest.raises(
        DurationError, match=rf"tau_ref={tau_ref:g}\) is {tau_ref / DT:g} steps of dt=0.1 ms: give zero or a multiple"
    ):
        dp.LoopOverTime(LIF(1, tau_ref=tau_ref), dt=DT).reset_state()


def test_any_neuron_whose_state_counts_steps_is_held():
    class State(eqx.Module):
        V: jax.Array
        refractory: jax.Array | None = dp.discrete()

    class Ramp(dp.Neuron):
        size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)
        integrator: object = dp.integrators.ExponentialEuler()

        def init_state(self, ctx):
            return State(jnp.zeros(self.size, ctx.dtype), jnp.full(self.size, 3))

        def vector_field(self, t, y, drive):
            return State(jnp.ones_like(y.V))

        def emit(self, old, new, ctx):
            return State(new.V, jnp.maximum(old.refractory - 1, 0)), new.V

    out = dp.LoopOverTime(Ramp(1), dt=1.0)(np.zeros((5, 1)))[1]
    np.testing.assert_allclose(out[:, 0], [0.0, 0.0, 0.0, 1.0, 2.0])
