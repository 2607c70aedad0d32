"""The table of kinds, the hooks, the specs and dynplug's own components agree."""

import importlib
import inspect
import typing

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug import api
from dynplug.plugin import build, hookspecs, observers, registry
from dynplug.plugin.kinds import KINDS, kind_named

pytestmark = pytest.mark.quick

OWN = [c for c in registry().components() if c.plugin.namespace == "dynplug"]
HOOKS = {name: f for name, f in vars(hookspecs).items() if name.startswith("dynplug_register_")}
SPECS = {c for c in vars(api).values() if isinstance(c, type) and issubclass(c, api.Spec) and c is not api.Spec}
CONTRACTS = {
    "neuron": "DynamicalSystem",
    "synapse": "DynamicalSystem",
    "layer": "DynamicalSystem",
    "source": "Source",
    "surrogate": "Surrogate",
    "integrator": "AbstractSolver",
    "plasticity": "Plasticity",
    "delivery": "Delivery",
    "diagnostic": "Diagnostic",
    "task": "Task",
}


def test_every_kind_has_one_hook_and_every_hook_a_kind():
    assert sorted(kind.hook for kind in KINDS.values()) == sorted(HOOKS)


def test_every_kind_has_one_spec_and_every_spec_a_kind():
    assert len(KINDS) == len(SPECS)
    assert {kind.spec for kind in KINDS.values()} == SPECS


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_kind_its_hook_and_its_spec_bear_one_name(kind):
    assert kind.spec.__name__.lower() == f"{kind.name}spec"
    assert kind.hook.startswith(f"dynplug_register_{kind.name.rstrip('y')[:4]}")
    hook = HOOKS[kind.hook]
    assert list(inspect.signature(hook).parameters) == ["host"]
    assert typing.get_args(typing.get_type_hints(hook)["return"]) == (kind.spec,)
    assert typing.get_type_hints(hook)["host"] is api.Host
    assert kind_named(kind.name) is kind_named(kind.plural) is kind


@pytest.mark.parametrize("kind", KINDS)
def test_dynplug_itself_provides_every_kind(kind):
    assert [c for c in OWN if c.kind.name == kind]


@pytest.mark.parametrize("kind", KINDS)
def test_the_contract_of_a_kind_is_the_class_that_says_so(kind):
    contract = next(c for c in OWN if c.kind.name == kind).contract
    assert (contract and contract.__name__) == CONTRACTS.get(kind)


def test_models_are_made_of_neurons_synapses_layers_and_sources():
    assert {name for name, kind in KINDS.items() if kind.model} == {"neuron", "synapse", "layer", "source"}
    assert {name for name, kind in KINDS.items() if not kind.factory} == {"loss", "metric"}


@pytest.mark.parametrize("component", OWN, ids=lambda c: f"{c.kind.name}:{c.spec.name}")
def test_every_component_has_a_summary_and_resolves_by_its_name(component):
    assert component.spec.summary
    assert "\n" not in component.spec.summary
    module, _, attribute = component.spec.target.partition(":")
    target = getattr(importlib.import_module(module), attribute)
    assert dp.get(component.kind.name, component.spec.name) is target
    assert callable(target)


@pytest.mark.parametrize(
    "component", [c for c in OWN if c.kind.name != "runner"], ids=lambda c: f"{c.kind.name}:{c.spec.name}"
)
def test_every_example_builds_what_its_kind_promises(component):
    kind, spec = component.kind.name, component.spec
    built = build({"type": spec.name, **spec.example}, kind=kind, key=jax.random.key(0))
    assert CHECKS[kind](built) is True


def is_system(built, x=np.zeros(3, np.float32)):
    state = built.init_state(dp.Context(dt=0.1, key=jax.random.key(1)))
    new, _ = built.update(state, None if x is None else jnp.asarray(x), dp.Context(dt=0.1, key=jax.random.key(1)))
    return jax.tree.structure(new) == jax.tree.structure(state)


def is_loss(built):
    predicts, targets = jnp.array([[[1.0, 0.0]], [[0.0, 1.0]]]), jnp.zeros((2, 1, 2))
    return bool(jnp.isfinite(built(predicts, targets if built is not dp.losses.cross_entropy else jnp.array([0, 1]))))


def is_optimizer(built):
    params = jnp.array([1.0, -1.0])
    with jax.numpy_dtype_promotion("standard"):
        updates, _ = built.update(params, built.init(params), params)
    return bool((updates * params < 0).all())  # downhill, for the gradient of the parameters' own squares


def is_schedule(built):
    with jax.numpy_dtype_promotion("standard"):
        values = [float(built(step)) for step in (0, 10, 1000)]
    return all(0.0 <= value <= 1e-3 for value in np.float32(values).round(6)) and max(values) > 0.0


CHECKS = {
    "neuron": is_system,
    "synapse": is_system,
    "layer": is_system,
    "source": lambda built: is_system(built, None),
    "loss": is_loss,
    "metric": lambda built: float(built(jnp.array([[[2.0, 1.0]]]), jnp.array([0]))) == 1.0,
    "surrogate": lambda built: built(jnp.array([-1.0, 1.0])).tolist() == [0.0, 1.0],
    "integrator": lambda built: isinstance(built.order(None), int),
    "initializer": lambda built: bool(np.isfinite(built(jax.random.key(0), (3, 3), jnp.float32)).all()),
    "connector": lambda built: len(built(4, 4, key=jax.random.key(0)).pre) > 0,
    "encoder": lambda built: built(jnp.ones((2, 3)), key=jax.random.key(0)).shape == (20, 2, 3),
    "plasticity": lambda built: built.w_min == 0.0,
    "delivery": lambda built: isinstance(built, dp.delivery.Delivery),
    "optimizer": is_optimizer,
    "schedule": is_schedule,
    "observer": lambda built: observers([built]) is not None,
    "diagnostic": lambda built: callable(built.examine),
    "task": lambda built: type(built).recipe().startswith("#"),
}


@pytest.mark.parametrize("component", [c for c in OWN if c.kind.name == "runner"], ids=lambda c: c.spec.name)
def test_every_runner_is_made_of_a_target(component):
    target = dp.layers.Dense(2, 2, W_initializer=1.0)
    options = {"loss_fun": "mse"} if component.spec.name in ("BPTT", "BPFF") else {}
    runner = build({"type": component.spec.name, "dt": 0.5, **options}, kind="runner", given={"target": target})
    assert type(runner).__name__ == component.spec.name
    assert runner.dt == 0.5
    np.testing.assert_array_equal(runner.target.weight, np.ones((2, 2)))
