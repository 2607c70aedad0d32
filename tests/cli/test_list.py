"""`dynplug list`."""

import json
import re

import pytest

from dynplug.plugin.kinds import KINDS


def test_list_names_every_kind_and_component(dynplug):
    result = dynplug("list")
    assert result.code == 0
    lines = result.out.splitlines()
    for kind in KINDS.values():
        assert f"{kind.plural}: {kind.signature}" in lines
    for line in (r"  LIF +leaky integrate-and-fire", r"  adam +optax", r"  digits +handwritten digits.*"):
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
