"""Reports, and how they count."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

import dynplug as dp
from dynplug.errors import OptionError
from dynplug.neurons import LIF
from dynplug.testing import CheckReport, Result, check_component, checks_of, parametrize_with_checks
from dynplug.testing.checks import outcome_of
from dynplug.testing.stepping import unproven_trial_of
from dynplug.testing.subject import subject_of
from dynplug.testing.table import CHECKS


class Sluggish(dp.DynamicalSystem):
    """A layer whose output is an integer, and so has no gradient; its states are half precision."""

    def init_state(self, ctx):
        return jnp.zeros(3, jnp.float16)

    def update(self, state, x, ctx):
        return state, x


def test_a_component_by_name_is_checked():
    report = check_component("surrogate", "Arctan")
    assert report.ok, report
    assert report.component == "surrogate dynplug:Arctan@1"
    assert "builds" in report.passed
    assert set(report.ran) == set(report.passed)
    assert set(report.ran).isdisjoint(report.skipped)


def test_a_class_that_is_not_registered_is_checked():
    report = check_component("layer", Sluggish)
    assert report.component == "layer local:Sluggish@1"
    assert set(report.failed) == {"keeps_float32", "keeps_float64"}
    assert "float16" in report.failed["keeps_float32"]
    assert not report.ok
    assert "not registered" in report.skipped["names_are_well_formed"]


def test_a_component_of_a_notebook_is_checked_by_name_and_by_class():
    try:
        local = dp.register("layer", "sluggish", summary="half precision")(Sluggish)
        for named in ("local:sluggish", local):
            report = check_component("layer", named)
            assert report.component == "layer local:sluggish@1"
            assert "names_are_well_formed" in report.passed
    finally:
        dp.refresh()


@pytest.mark.parametrize("probability", [0.3, 0.7])
def test_instances_that_are_drawn_with_other_shapes_are_no_fault(probability):
    connector = {"type": "FixedProbability", "p": probability}
    report = check_component("layer", "Sparse", example={"in_size": 4, "out_size": 5, "connector": connector})
    assert report.ok, report
    assert {"compiles_once", "round_trips"} <= set(report.passed)


def test_an_example_given_takes_the_place_of_the_specs():
    report = check_component("neuron", LIF, example={"size": 0})
    assert "size must be a positive integer" in report.failed["builds"]
    assert "builds" in report.skipped["jit_equals_eager"]


def test_a_spec_tells_which_failures_are_expected_and_the_command_knows():
    told = {"keeps_float32": "half is meant", "keeps_float64": "half is meant"}
    try:
        dp.register("layer", "sluggish", summary="half precision", expected_failures=told)(Sluggish)
        report = check_component("layer", "local:sluggish")
        assert report.ok, report
        assert report.xfailed == told
        assert "expected to fail  keeps_float32: half is meant" in report.brief
        marked = {p.values[0].check.name: p.marks for p in parametrize_with_checks(["layer local:sluggish"]).args[1]}
        assert {name for name, marks in marked.items() if marks} == set(told)
        dp.register("layer", "sluggish", summary="half", expected_failures={**told, "builds": "a slip"})(Sluggish)
        report = check_component("layer", "local:sluggish")
        assert report.failed == {
            "builds": "It was expected to fail (a slip) and passed: remove it from the list.",
        }
        dp.register("layer", "sluggish", summary="half", expected_failures={**told, "keeps_float": "typo"})(Sluggish)
        report = check_component("layer", "local:sluggish")
        assert "no layer has such a check. Did you mean 'keeps_float" in report.failed["keeps_float"]
        with pytest.raises(OptionError, match="names 'keeps_float', which is no check"):
            parametrize_with_checks(["layer local:sluggish"])
    finally:
        dp.refresh()


class Stop(BaseException):
    """No error, and no end either."""


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, SystemExit])
def test_whatever_a_component_raises_is_a_failure(error):
    class Ending(dp.DynamicalSystem):
        def init_state(self, ctx):
            raise error("no")

        def update(self, state, x, ctx):
            return state, x

    report = check_component("layer", Ending)
    assert report.failed["keeps_float32"] == f"{error.__name__}: no"


def test_expected_failures_must_fail():
    known = {"keeps_float32": "half is meant", "keeps_float64": "half is meant"}
    report = check_component("layer", Sluggish, expected_failures=known)
    assert report.ok
    assert report.xfailed == known
    assert set(known) <= set(report.ran)
    report = check_component("layer", Sluggish, expected_failures=known | {"builds": "so I thought"})
    assert not report.ok
    assert "so I thought" in report.failed["builds"]
    assert "passed" in report.failed["builds"]


def test_an_unknown_check_is_an_error():
    with pytest.raises(dp.errors.OptionError, match=r"'keep_float32'.*'keeps_float32'"):
        check_component("layer", Sluggish, expected_failures={"keep_float32": "a slip"})


def test_nothing_but_skips_is_no_success():
    report = CheckReport("neuron x:y@1", (Result("one", "skipped", "no use"), Result("two", "skipped", "no use")))
    assert report.ran == []
    assert not report.ok
    assert report.headline.startswith("FAILED")


def test_a_report_prints_counts_and_reasons():
    results = (Result("a", "passed"), Result("b", "failed", "why"), Result("c", "xfailed", "known"))
    report = CheckReport("loss x:y@1", (*results, Result("d", "skipped", "no use")))
    assert str(report).splitlines() == [
        "FAILED  loss x:y@1: 3 checks ran, 1 passed, 1 failed, 1 expected to fail, 1 skipped",
        "  failed  b: why",
        "  xfailed  c: known",
        "  skipped  d: no use",
    ]
    good = dataclasses.replace(report, results=results[:1])
    assert str(good) == "ok      loss x:y@1: 1 checks ran, 1 passed"
    assert report.to_json()["failed"] == {"b": "why"}
    assert report.to_json()["ran"] == ["a", "b", "c"]


def test_what_cannot_be_imported_fails_once_with_its_cause():
    class Nothing(dp.DynamicalSystem):
        def __init__(self):
            raise ImportError("needs nowhere: pip install nowhere")

        init_state = update = None

    report = check_component("layer", Nothing)
    assert set(report.failed) == {"builds"}
    assert "pip install nowhere" in report.failed["builds"]


@pytest.mark.parametrize("first", [check.name for check in checks_of("layer")])
def test_what_checks_share_does_not_depend_on_which_comes_first(first):
    subject = subject_of("layer", "Dense")
    assert outcome_of(CHECKS[first], subject).outcome != "failed"
    shared = (subject.instance, unproven_trial_of(subject).x)
    assert {str(array.dtype) for array in jax.tree.leaves(shared)} == {"float32"}


def test_some_checks_alone_are_run_in_the_order_in_which_they_are_named():
    report = check_component("surrogate", "Arctan", checks=["names_are_well_formed", "builds"])
    assert [result.check for result in report.results] == ["names_are_well_formed", "builds"]
    assert report.ok, report


def test_a_check_that_is_not_of_the_kind_is_refused_with_the_nearest():
    with pytest.raises(OptionError, match="which is no check of a surrogate"):
        check_component("surrogate", "Arctan", checks=["build"])


def test_an_expected_failure_may_be_left_out_of_the_checks_that_are_run():
    known = checks_of("surrogate")[0].name
    report = check_component("surrogate", "Arctan", checks=["builds"], expected_failures={known: "for a reason"})
    assert [result.check for result in report.results] == ["builds"]
