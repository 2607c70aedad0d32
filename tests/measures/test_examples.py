"""What the docstrings of the measures show runs."""

import inspect
import re

import numpy as np
import pytest

import dynplug as dp

NAMES = [name for name in dir(dp.measures) if "```python" in (inspect.getdoc(getattr(dp.measures, name)) or "")]


def test_some_measures_show_how_they_are_used():
    assert {"Events", "isi", "rate_over_time", "synchrony"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs(name):
    (example,) = re.findall(r"```python\n(.*?)```", inspect.getdoc(getattr(dp.measures, name)), re.DOTALL)
    exec(compile(example, name, "exec"), {"dp": dp, "np": np})


def test_the_numbers_in_the_examples_are_right():
    V = np.random.default_rng(0).normal(size=(1000, 50))
    assert round(dp.measures.synchrony(V), 2) == 0.15
    assert dp.measures.rate_over_time(([1.0, 2.0, 4.5], [0, 1, 0]), bin=2.0)[1].tolist() == [500.0, 0.0]
    assert [one.tolist() for one in dp.measures.isi(([1.0, 2.0, 4.5], [0, 1, 0]))] == [[3.5], []]
