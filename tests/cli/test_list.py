"""`dynplug list`."""

import json
import re

import pytest

from dynplug.plugin import registry
from dynplug.plugin.kinds import KINDS

pytestmark = pytest.mark.quick


def test_list_names_every_kind_and_component(dynplug):
    result = dynplug("list")
    assert result.code == 0
    lines = result.out.splitlines()
    for kind in KINDS.values():
        assert f"{kind.plural}: {kind.signature}" in lines
    for line in (
        r"  LIF +leaky integrate-and-fire",
        r"  adam +adaptive step sizes.*",
        r"  digits +handwritten digits.*",
    ):
        assert [text for text in lines if re.fullmatch(line, text)], line


@pytest.mark.parametrize("kind", ["synapse", "synapses"])
def test_list_of_one_kind_names_nothing_else(dynplug, kind):
    result = dynplug("list", kind)
    assert result.code == 0
    head, *rest = result.out.splitlines()
    assert head == "synapses: update(state, events, ctx) -> (state, Drive)"
    assert [line.split()[0] for line in rest[:3]] == ["Delta", "Exponential", "Alpha"]
    assert "LIF" not in result.out


def test_list_of_an_unknown_kind_is_one_line(dynplug, one_line):
    assert "no kind of component called 'neurn'. Did you mean 'neuron'?" in one_line(dynplug("list", "neurn"))


def test_list_says_which_distribution_a_component_is_from(dynplug, counter):
    result = dynplug("list", "runner")
    assert re.search(r"^  counter +counts epochs  \[dynplug-counting 0.3\]$", result.out, re.MULTILINE)
    assert re.search(r"^  BPTT +[^\[]+$", result.out, re.MULTILINE)


def test_a_list_comes_as_json_too(dynplug):
    listed = json.loads(dynplug("list", "neuron", "--json").out)
    (lif,) = [c for c in listed if c["id"] == "dynplug:LIF@1"]
    assert lif["summary"] == "leaky integrate-and-fire"
    assert lif["plugin"]["distribution"] == "dynplug"


def test_kinds_stand_apart_and_summaries_in_one_column(dynplug, counter):
    lines = dynplug("list").out.splitlines()
    heads = [n for n, line in enumerate(lines) if line and not line.startswith(" ")]
    assert len(heads) == len(KINDS)
    assert [n + 1 for n, line in enumerate(lines) if not line] == heads[1:]
    columns = {re.match(r"  \S+ +", line).end() for line in lines if line.startswith(" ")}
    assert len(columns) == 1
    longest = max(len(c.spec.name) for c in registry().components() if c.plugin.namespace == "dynplug")
    assert columns == {2 + longest + 2}
    narrow = dynplug("list", "loss").out.splitlines()
    assert narrow[0].startswith("losses: ")
    assert {re.match(r"  \S+ +", line).end() for line in narrow[1:]} == {2 + len("rate_regularized") + 2}


@pytest.mark.parametrize("kind", KINDS)
def test_summaries_tell_the_components_of_a_kind_apart(kind):
    own = [c.spec for c in registry().components(kind) if c.plugin.namespace == "dynplug"]
    summaries = [spec.summary.casefold() for spec in own]
    assert len(set(summaries)) == len(summaries)
    for spec in own:
        assert " " in spec.summary, spec.name  # more than a name or a library
        assert spec.summary.casefold() != spec.name.casefold()
