"""Each component shows in its docstring how it is used, and what it shows runs."""

import inspect
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.plugin import registry

OURS = [component for component in registry().components() if component.plugin.distribution == "dynplug-resonate"]


@pytest.mark.parametrize("component", OURS, ids=lambda component: f"{component.kind.name}-{component.spec.name}")
def test_a_component_shows_an_example_that_runs(component, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", inspect.getdoc(component.load()), re.DOTALL)
    assert examples, f"{component.id} has no example"
    for example in examples:
        exec(compile(example, component.id, "exec"), {"dp": dp, "jax": jax, "jnp": jnp, "np": np})
