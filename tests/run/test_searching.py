"""A search over numbers, each of which is compiled in, is told once how one program serves all."""

import warnings

import jax.numpy as jnp
import pytest

import dynplug as dp
from dynplug.errors import ParameterError, RecompilationWarning
from dynplug.run import searching


@pytest.fixture(autouse=True)
def nothing_known():
    searching._numbers_of.cache_clear()


def search(values, count=12):
    for n in range(count):
        searching.note_numbers(values(n))


def test_the_numbers_that_vary_are_named_once():
    with pytest.warns(
        RecompilationWarning, match=r"This LIF has been run with 8 values of tau\. .*tau=jnp.array"
    ) as told:
        search(lambda n: dp.neurons.LIF(3, tau=10.0 + n))
    assert len(told) == 1


def test_a_runner_notes_its_model(monkeypatch):
    seen = []
    monkeypatch.setattr("dynplug.run.ds_runner.note_numbers", seen.append)
    model = dp.neurons.LIF(1)
    dp.DSRunner(model, dt=1.0, progress_bar=False).run(2.0)
    assert seen == [model]


@pytest.mark.parametrize(
    "values",
    [
        lambda n: dp.neurons.LIF(3, tau=jnp.array(10.0 + n)),
        lambda n: dp.neurons.LIF(3),
        lambda n: dp.neurons.LIF(n + 1),
        lambda n: dp.neurons.LIF(3, tau=10.0 + n % 7),
    ],
    ids=["arrays", "the same", "other sizes", "few"],
)
def test_what_is_compiled_once_or_seldom_says_nothing(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search(values)


@pytest.mark.parametrize("time", [[1.0, 2.0], jnp.array([1.0, 2.0]), "1", float("nan"), None], ids=repr)
def test_a_delay_is_one_number(time):
    with pytest.raises((ParameterError, TypeError), match="Delay"):
        dp.layers.Delay(2, time)
