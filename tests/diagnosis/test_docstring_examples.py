"""What the docstrings show runs."""

import inspect
import re

import jax
import numpy as np
import pytest

import dynplug as dp


@pytest.mark.parametrize(
    "thing", [dp.diagnose, dp.diagnosis.Finding, dp.diagnosis.Diagnostic], ids=lambda t: t.__name__
)
def test_the_example_runs(thing, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", inspect.getdoc(thing), re.DOTALL)
    exec(compile(example, thing.__name__, "exec"), {"dp": dp, "jax": jax, "np": np})
