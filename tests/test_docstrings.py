"""Public classes show how they are used, and what they show runs."""

import inspect
import re

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp

CLASSES = [name for name in dp.__all__ if inspect.isclass(getattr(dp, name)) and name != "ODESystem"]
GIVEN = {"dp": dp, "jax": jax, "jnp": jnp, "np": np, "eqx": eqx, "optax": optax, "diffrax": diffrax}


@pytest.mark.parametrize("name", CLASSES)
def test_the_example_of_a_class_runs(name):
    examples = re.findall(r"```python\n(.*?)```", inspect.getdoc(getattr(dp, name)), re.DOTALL)
    assert examples, f"{name} has no example"
    for example in examples:
        scope = dict(GIVEN)
        exec(compile(example, name, "exec"), scope)
        assert scope.keys() > GIVEN.keys()
