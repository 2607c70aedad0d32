"""Docstrings of public functions and classes have an example, which runs."""

import inspect
import os
import re

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small_recipe import small_recipe

import dynplug as dp
from dynplug.plugin import LOCAL, registry
from dynplug.testing import CHECKS, named

GIVEN = {"dp": dp, "jax": jax, "jnp": jnp, "np": np, "eqx": eqx, "optax": optax, "diffrax": diffrax}
PUBLIC = {getattr(dp, name): f"dp.{name}" for name in dp.__all__ if not inspect.ismodule(getattr(dp, name))}
DEMANDED = {
    given: name
    for given, name in PUBLIC.items()
    if inspect.isclass(given) or inspect.isroutine(given)  # the rest is a type or a number
}
COMPONENTS = {component.load() for component in registry().components()}  # whose examples conformance runs
MODULES = {getattr(dp, name): f"dp.{name}" for name in dp.__all__ if inspect.ismodule(getattr(dp, name))}


def examples_of(given):
    """The examples in the docstrings of a module, a class and its methods, or a function."""
    methods = [getattr(given, name) for name in vars(given)] if inspect.isclass(given) else []
    texts = [inspect.getdoc(documented) or "" for documented in (given, *methods)]
    return [example for text in texts for example in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]


VOLUNTARY = {
    given: f"{of}.{name}"
    for module, of in MODULES.items()
    for name, given in vars(module).items()
    if getattr(given, "__module__", "").startswith("dynplug.") and examples_of(given) and given not in COMPONENTS
}
INTRODUCED = {module: name for module, name in MODULES.items() if examples_of(module) and module is not dp.testing}
SHOWN = {**INTRODUCED, **VOLUNTARY, **DEMANDED}  # what `dp.testing` shows is for a package that readers have
SMALL = small_recipe(seed=None)
SWEEP = f"""{SMALL}
[sweep]
metric = "test/loss"
space = {{ "model.hidden.tau" = [5.0, 20.0] }}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that examples name, and what they leave."""
    made = tmp_path_factory.mktemp("examples")
    (made / "small.toml").write_text(SMALL)
    (made / "sweep.toml").write_text(SWEEP)
    before = os.getcwd()
    os.chdir(made)
    yield made
    os.chdir(before)
    if any(component.plugin.namespace == LOCAL for component in registry().components()):
        dp.refresh()


@pytest.fixture
def settings():
    """Those of JAX, which an example may change, are set back."""
    before = dict(jax.config.values)
    yield
    for name, value in before.items():
        if jax.config.values[name] != value:
            jax.config.update(name, value)


@pytest.mark.usefixtures("folder", "settings")
@pytest.mark.parametrize("given", SHOWN, ids=SHOWN.get)
def test_what_users_call_shows_an_example_that_runs(given):
    assert examples_of(given), f"{SHOWN[given]} has no example"
    for example in examples_of(given):
        exec(compile(example, SHOWN[given], "exec"), dict(GIVEN))


def test_every_component_shows_an_example():
    """The conformance suite runs it."""
    ours = [s for s in named(None) if s.spec.target.startswith("dynplug")]
    assert not [s.title for s in ours if CHECKS["examples_run"].lacking(s)]
