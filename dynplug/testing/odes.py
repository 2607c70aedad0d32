"""Checks of neurons and synapses that are ordinary differential equations."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, PyTree
from scipy.integrate import solve_ivp

from dynplug.core import Drive, ODESystem, continuous, leaves
from dynplug.testing.demands import demand
from dynplug.testing.stepping import DT, quick_jit, run, started, step, trial_of
from dynplug.testing.subject import Skip, Subject

_DURATION = 16 * DT  # [ms]
_COUNTS = (8, 16, 32)
_CURRENTS = (1.0, 0.1, 0.0)
_EXACT = 1e-9  # an error below this is rounding
SLACK = 0.4  # how far a fitted order may lie below the integrator's


def field_is_unitwise(subject: Subject) -> None:
    """No unit's equation depends on another unit: exponential Euler would silently integrate it wrongly."""
    trial_of(subject)
    system = subject.instance
    y, drive = continuous(_moving(system, subject.kind)), Drive(current=jnp.asarray(0.3))
    jacobian = jax.jit(jax.jacfwd(lambda y: system.vector_field(jnp.asarray(0.0), y, drive)))(y)
    units = int(np.prod(system.size))
    for leaf in leaves(jacobian):
        if np.shape(leaf.value) == (*system.size, *system.size):
            block = np.asarray(leaf.value).reshape(units, units)
            demand(
                np.all(block == np.diag(np.diag(block))),
                f"The field couples units, in the derivative {leaf.path}: let a unit reach another by what it sends, "
                "or name an integrator other than ExponentialEuler.",
            )


def converges_at_its_order(subject: Subject) -> None:
    """As steps shrink, the run approaches the solution of `vector_field` at the order of the integrator."""
    with jax.enable_x64(True):
        system = subject.make()
        first = _moving(system, subject.kind)
        given = _silent_runs(system, first, subject.kind)
        if given is None:
            raise Skip("it spikes whatever the current is, and so is not smooth")
        x, ends = given
        exact = _solution(system, first, x)
        order = system.integrator.order(diffrax.ODETerm(system.vector_field))
    scale = np.maximum(np.abs(exact), 1e-3)
    errors = [float(np.max(np.abs(end - exact) / scale)) for end in ends]
    fitted = np.log2(errors[-2] / max(errors[-1], 1e-300))
    demand(
        errors[-1] < _EXACT or fitted >= order - SLACK,
        f"With {_COUNTS} steps of {type(system.integrator).__name__} the errors are {[f'{e:.2g}' for e in errors]}: "
        f"order {fitted:.2f}, but that integrator's is {order}. Does emit change what it integrates?",
    )


def _silent_runs(system: ODESystem, first: PyTree, kind: str) -> tuple[np.ndarray, list[np.ndarray]] | None:
    """An input that elicits no spike, and the final states for each number of steps."""
    for current in _CURRENTS if kind == "neuron" else (0.0,):
        x, ends = np.full(system.size, current), []
        for count in _COUNTS:
            xs = np.broadcast_to(x, (count, *x.shape))
            last, (states, _) = run(system, xs, None, _DURATION / count, first)
            if np.any(np.asarray(getattr(states, "spike", 0.0)) != 0):
                break
            ends.append(np.asarray(ravel_pytree(continuous(last))[0]))
        else:
            return x, ends
    return None


def _solution(system: ODESystem, first: PyTree, x: np.ndarray) -> np.ndarray:
    """The solution by SciPy, which shares no code with the integrators."""
    received = system.receive(jnp.asarray(x))
    flat, unflatten = ravel_pytree(continuous(first))

    @eqx.filter_jit
    def field(t: Array, y: Array) -> Array:
        return ravel_pytree(system.vector_field(t, unflatten(y), Drive(received.current, received.conductance)))[0]

    def derivative(t: float, y: np.ndarray) -> np.ndarray:
        return np.asarray(field(jnp.asarray(t), jnp.asarray(y)))

    solved = solve_ivp(derivative, (0.0, _DURATION), np.asarray(flat), method="DOP853", rtol=1e-12, atol=1e-13)
    return solved.y[:, -1]


@quick_jit
def _after(system: ODESystem, state: PyTree, x: Array) -> PyTree:
    return step(system, state, x)[0]


def _moving(system: ODESystem, kind: str) -> PyTree:
    """A state away from any fixed point: a synapse's after an event, a neuron's with each unit displaced."""
    state = started(system)
    if kind == "synapse":
        event = jnp.linspace(0.5, 1.0, int(np.prod(system.size))).reshape(system.size)
        return _after(system, state, event)

    def moved(y: Array) -> Array:
        by = jnp.linspace(0.5, 1.0, y.size, dtype=y.dtype).reshape(y.shape)
        return y + 0.05 * (1.0 + jnp.abs(y)) * by

    return eqx.combine(jax.tree.map(moved, continuous(state)), state)
