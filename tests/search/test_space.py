"""Spaces: what they read, what they draw, and what they refuse."""

import inspect

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

import dynplug as dp
from dynplug.errors import ConfigError, OptionError
from dynplug.search import Choice, Grid, Int, Random, Search, Space, Uniform

pytestmark = pytest.mark.quick


def test_tables_within_each_other_and_quoted_paths_are_one():
    space = Space.parse(
        {
            "seed": {"int": [0, 3]},
            "model": {"hidden": {"tau": [5.0, 10.0], "type": ["LIF", "ALIF"]}},
            "runner.optimizer.learning_rate": {"loguniform": [1e-4, 1e-1]},
            "task": {"test_share": {"uniform": [0.2, 0.5]}},
        }
    )
    assert dict(space) == {
        "seed": Int(0, 3),
        "model.hidden.tau": Choice((5.0, 10.0)),
        "model.hidden.type": Choice(("LIF", "ALIF")),
        "runner.optimizer.learning_rate": Uniform(1e-4, 1e-1, log=True),
        "task.test_share": Uniform(0.2, 0.5),
    }
    assert [path for path in space if space.is_log(path)] == ["runner.optimizer.learning_rate"]


def test_spaced_numbers_are_lists():
    space = Space.parse({"a": {"linspace": [1, 3, 5]}, "b": {"geomspace": [1e-3, 1e-1, 3]}, "c": {"choice": [1, "x"]}})
    assert space["a"].values() == [1.0, 1.5, 2.0, 2.5, 3.0]
    assert space["b"].values() == pytest.approx([1e-3, 1e-2, 1e-1])
    assert space.is_log("b")
    assert space["c"].values() == [1, "x"]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({}, r"sweep.space: must be a table of hyperparameters"),
        (None, r"sweep.space: must be a table of hyperparameters"),
        ({"a": []}, r"sweep.space.a: is an empty list: give the values to try"),
        ({"m": {"a": {"choice": []}}}, r"sweep.space.m.a: is an empty list"),
        ({"a": 3.0}, r"sweep.space.a: must be a list of values, or one of \{ choice = "),
        ({"a": {}}, r"sweep.space.a: must be a list of values"),
        ({"a": [1, 2, 1]}, r"sweep.space.a: holds 1 twice"),
        ({"a": {"uniform": [2.0, 1.0]}}, r"uniform = \[2.0, 1.0\]: give \[low, high\], finite numbers with low < high"),
        ({"a": {"uniform": [1.0]}}, r"give \[low, high\]"),
        ({"a": {"uniform": [0.0, float("inf")]}}, r"finite"),
        ({"a": {"loguniform": [0.0, 1.0]}}, r"must be above 0"),
        ({"a": {"int": [0.5, 3]}}, r"both must be whole numbers"),
        ({"a": {"linspace": [0, 1]}}, r"give \[low, high, number of values\]"),
        ({"a": {"linspace": [0, 1, 1]}}, r"2 or more; got 1"),
        ({"a": {"uniform": [0, 1], "b": [1]}}, r"stands beside b: a distribution stands alone"),
    ],
)
def test_what_is_no_space_is_refused_with_its_place(table, problem):
    with pytest.raises(ConfigError, match=problem):
        Space.parse(table, "sweep.space")


@given(st.floats(0, 1, exclude_max=True))
def test_every_share_is_a_value_within_the_bounds(share):
    assert 2.0 <= Uniform(2.0, 3.0).at(share) <= 3.0
    assert 1e-3 <= Uniform(1e-3, 1e-1, log=True).at(share) <= 1e-1
    assert Int(-2, 2).at(share) in range(-2, 3)
    assert Choice(("a", "b")).at(share) in ("a", "b")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"uniform": [2.0, 6.0]}, stats.uniform(2.0, 4.0)),
        ({"loguniform": [1e-3, 10.0]}, stats.loguniform(1e-3, 10.0)),
    ],
    ids=["uniform", "loguniform"],
)
def test_random_values_have_the_distribution_of_scipy(form, expected):
    search = Search(Space.parse({"a": form}))
    drawn = [Random(2000).ask(search, n)["a"] for n in range(2000)]
    assert stats.kstest(drawn, expected.cdf).pvalue > 1e-3


def test_random_integers_and_choices_come_equally_often():
    search = Search(Space.parse({"a": {"int": [0, 3]}, "b": ["x", "y", "z"]}))
    drawn = [Random(1200).ask(search, n) for n in range(1200)]
    for path, k in (("a", 4), ("b", 3)):
        _, counts = np.unique([values[path] for values in drawn], return_counts=True)
        assert len(counts) == k
        assert stats.chisquare(counts).pvalue > 1e-3


def test_random_trials_depend_on_seed_and_number_alone():
    search = Search(Space.parse({"a": {"uniform": [0, 1]}}))
    assert Random(5).ask(search, 3) == Random(9).ask(search, 3) != Random(5, seed=1).ask(search, 3)
    assert Random(5).ask(search, 4) is not None
    assert Random(5).ask(search, 5) is None
    with pytest.raises(OptionError, match="num_trial=0 must be a whole number, 1 or more"):
        dp.search.Random(0)
    with pytest.raises(OptionError, match="seed=-1"):
        dp.search.Random(1, seed=-1)


def test_a_grid_has_each_combination_once_the_last_changing_fastest():
    search = Search(Space.parse({"a": [1, 2], "b": {"int": [5, 7]}}))
    trials = [Grid().ask(search, n) for n in range(6)]
    assert [(t["a"], t["b"]) for t in trials] == [(1, 5), (1, 6), (1, 7), (2, 5), (2, 6), (2, 7)]
    assert list(trials[0]) == ["a", "b"]
    assert Grid().ask(search, 6) is None


def test_a_grid_of_a_continuum_says_what_to_write():
    with pytest.raises(ConfigError, match=r"sweep.space.a: has a continuum of values.*linspace.*sampler 'random'"):
        Grid().ask(Search(Space.parse({"a": {"uniform": [0, 1]}})), 0)


def unchecked(cls):
    """A class whose annotations are not checked, as outside of tests."""

    def make(given):
        made = object.__new__(cls)
        inspect.unwrap(cls.__init__)(made, given)
        return made

    return make


def spaced(number):
    return Space.parse({"a": {"linspace": [0.0, 1.0, number]}})["a"]


@pytest.mark.parametrize("made", [*map(unchecked, (Random, dp.sweep.Processes, dp.sweep.Vmap)), spaced])
def test_whole_numbers_are_those_of_numpy_too(made):
    assert made(np.int64(2)) == made(2)
    for wrong in (True, 2.0, "2", 0):
        with pytest.raises((OptionError, ConfigError), match=r"must be a whole number, \d or more|give \[low, high"):
            made(wrong)


def test_bounds_of_whole_numbers_may_be_numpys():
    space = Space.parse({"a": {"int": list(np.arange(-1, 2, 2))}})
    assert space["a"] == Int(-1, 1)
    assert type(space["a"].at(0.5)) is int
