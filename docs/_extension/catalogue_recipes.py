"""Texts that construct a component, in Python and in TOML. Both are run when its figure is drawn."""

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

import jax
import tomli_w

import dynplug as dp
from dynplug.errors import DataError
from dynplug.plugin import Component, example_of, parameters, registry, resolve

_PREDICTS = "predicts = jnp.zeros((4, 10, 6))  # (batch, time, classes)\n"
_TARGETS = (
    "targets = jnp.full((4, 10, 6), 1 / 6)\n",
    "targets = jnp.array([0, 2, 1, 5])  # the class of each sample\n",
)
_MODEL = "model = dp.neurons.LeakyIntegrator(3) >> dp.layers.Dense(3, 2, key=jax.random.key(0))\n"
_RUN: Mapping[str, Any] = {"target": "model", "dt": "1.0", "loss_fun": '"mse"'}

_PLACES: dict[str, str] = {
    "neuron": "model.hidden",
    "synapse": "model.synapse",
    "layer": "model.layer",
    "source": "model.source",
    "loss": "runner.loss_fun",
    "runner": "runner",
    "surrogate": "model.hidden.surrogate",
    "integrator": "model.hidden.integrator",
    "initializer": "model.input.W_initializer",
    "connector": "model.input.connector",
    "encoder": "task.encoder",
    "plasticity": "model.edges.rec.plasticity",
    "delivery": "model.edges.rec.delivery",
    "optimizer": "runner.optimizer",
    "schedule": "runner.optimizer.learning_rate",
    "observer": "runner.observers",
    "metric": "runner.metrics",
    "sampler": "sweep.sampler",
    "launcher": "sweep.launcher",
    "diagnostic": "diagnose.checks",
    "task": "task",
}
"""Where a component of a kind stands in the configuration of a training."""
_LISTS = ("runner.observers", "runner.metrics", "diagnose.checks")


def in_python(component: Component) -> str:
    """Source that makes the component of the spec's example."""
    found = resolve({"type": component.id, **example_of(component)}, kind=component.kind.name)
    imports: set[str] = set()
    if component.kind.name == "runner":
        needed = [n for n, p in parameters(found.target).items() if p.default is p.empty and n in _RUN]
        made = _call(found, imports, {name: _RUN[name] for name in needed})
        body = f"{_MODEL}runner = {made}"
        imports.add("import jax")
    elif not component.kind.factory:
        imports.add("import jax.numpy as jnp")
        call = _call(found, imports, {"predicts": "predicts", "targets": "targets"})
        body = f"{_PREDICTS}{_targets_of(found)}{call}"
    else:
        body = _call(found, imports, {})
    if "dp." in body:
        imports.add("import dynplug as dp")
    if "jax." in body:
        imports.add("import jax")
    order = sorted(imports, key=lambda line: ("dynplug" in line, line))
    return "\n".join([*order, "", body])


def _targets_of(found: Any) -> str:
    """Source of the first targets that a loss or metric takes."""
    for text in _TARGETS[:-1]:
        given: dict[str, Any] = {}
        exec(f"import jax.numpy as jnp\n{_PREDICTS}{text}", given)
        with suppress(DataError):
            found.target(given["predicts"], given["targets"], **found.arguments)
            return text
    return _TARGETS[-1]


def _call(found: Any, imports: set[str], more: Mapping[str, str]) -> str:
    """A call of the constructor, with its arguments, some of which are calls."""
    given = {name: _value(value, imports) for name, value in found.arguments.items()} | dict(more)
    if "key" in found.accepted and "key" not in given and found.component.kind.factory:
        given["key"] = "jax.random.key(0)"
    positional = [value for name, value in given.items() if name in ("predicts", "targets")]
    keywords = [f"{name}={value}" for name, value in given.items() if name not in ("predicts", "targets")]
    return f"{_public(found.component, found.target, imports)}({', '.join([*positional, *keywords])})"


def _value(value: Any, imports: set[str]) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {_value(part, imports)}' for name, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(_value(part, imports) for part in value)}]"
    return _call(value, imports, {}) if hasattr(value, "component") else repr(value)


def _public(component: Component, target: Any, imports: set[str]) -> str:
    """The shortest public name of a target: `dp.X`, `dp.module.X`, or that of its package, which is imported."""
    module, _, name = component.spec.target.partition(":")
    package, *inner = module.split(".")
    if package == "dynplug":
        if getattr(dp, name, None) is target:
            return f"dp.{name}"
        return f"dp.{'.'.join(inner)}.{name}"
    imports.add(f"import {package}")
    if getattr(import_module(package), name, None) is target:
        return f"{package}.{name}"
    imports.add(f"import {module}")
    return f"{module}.{name}"


def config_of(component: Component) -> Any:
    """The configuration of the spec's example: a mapping, or the mere name of a function that has no options."""
    name = registry().name_of(component)
    example = example_of(component)
    return name if not component.kind.factory and not example else {"type": name, **example}


def in_toml(component: Component) -> str:
    """The part of a configuration in which the component stands."""
    place = _PLACES[component.kind.name]
    config: Any = config_of(component)
    if place in _LISTS:
        config = [config]
    above = place.split(".")
    for key in reversed(above):
        config = {key: config}
    if component.kind.name == "schedule":
        config["runner"]["optimizer"] = {"type": "adam", **config["runner"]["optimizer"]}
    return tomli_w.dumps(config).strip()


def run(component: Component) -> None:
    """Run both texts, and fail where they make nothing, or something else than they say."""
    exec(compile(in_python(component), component.id, "exec"), {})
    config = tomllib.loads(in_toml(component))
    for key in _PLACES[component.kind.name].split("."):
        config = config[key]
    config = config[0] if isinstance(config, list) else config
    if config != config_of(component):
        raise ValueError(f"in TOML it is {config}, not {config_of(component)}")
    if component.kind.name != "runner":
        dp.build(config, kind=component.kind.name, key=jax.random.key(0))
