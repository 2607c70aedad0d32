"""The examples of the package run."""

import inspect
import re
from importlib.metadata import metadata

import jax
import pytest
from dynplug_flax import FlaxLayer
from flax_modules import T, X, assert_near

import dynplug as dp

pytestmark = pytest.mark.usefixtures("ranks")

README = metadata("dynplug-flax").get_payload()


@pytest.mark.parametrize("text", [inspect.cleandoc(FlaxLayer.__doc__), README], ids=["docstring", "README"])
def test_the_examples_run(text):
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict = {"jax": jax, "dp": dp}
    exec(blocks[0], names)
    assert dp.LoopOverTime(names["model"], dt=1.0)(X[0])[1].shape == (T, 16)
    if blocks[1:]:
        exec(blocks[1].replace("with_variables(variables)", "with_variables(trained.variables)"), names)
        assert_near(names["layer"].params, names["trained"].params)
