"""Texts and numbers in reports: shown as they are, and short."""

import re
import sys

import numpy as np
import pytest
from planted_trainer import Planted, X
from read_pages import Page, written

from dynplug.recipe.report import Reported
from dynplug.recipe.report.html_parts import counts_table, facts, page, table
from dynplug.recipe.report.learned_parameters import in_short
from dynplug.recipe.report.made_with import command_line, in_units


def test_whatever_users_write_is_shown_not_run(tmp_path):
    bad = "</pre><img src=x onerror=alert(2)>"
    t = Planted().measured(fit={"loss": [1.0], bad: [2.0]})
    found, _, _ = written(
        tmp_path, Reported("<script>alert(1)</script>", t, (X, X), config=bad, ended=bad, command=bad)
    )
    assert "<script>alert(1)</script>" in found.text
    assert found.text.count(bad) >= 4
    assert not {tag for tag, _ in found.elements} & {"script", "img"}
    assert Page(table(["<b>"], [["&lt;", '"']], caption="<i>")).rows == [["<b>"], ["&lt;", '"']]
    assert Page(page("{braces} & <tags>", ["<p>"], {"<i>": "", "<u>": "<p>x</p>"})).text.count("<u>") == 1


def test_long_names_are_cut_along_axes_and_whole_elsewhere(tmp_path):
    name = "a_name_that_somebody_gave_to_a_metric_without_thinking_of_figures" * 2
    found, text, _ = written(tmp_path, Reported("t", Planted().measured(fit={"loss": [1.0], name: [2.0]}), (X, X)))
    assert found.row(f"training {name}")[1] == "2"
    assert f">{name[:25]}...</text>" in text
    assert found.sizes == pytest.approx([12.0] * len(found.sizes), rel=0.01)


def test_numbers_are_short():
    assert in_short(np.array([2.0, 4.0])) == "3 ± 1"
    assert in_short(np.array([9.0, 9.0])) == "9"
    assert in_short(np.array(1.23456)) == "1.235"
    assert in_short(np.zeros(0)) == in_short(None) == ""
    assert [in_units(s) for s in (0.25, 59.0, 59.7, 3599.6, 7260.0)] == [
        "0.2 s",
        "59.0 s",
        "1 min 0 s",
        "1 h 0 min",
        "2 h 1 min",
    ]


def test_counts_are_shaded_by_their_share_and_facts_without_value_are_left_out():
    shades = re.findall(
        r"<td style=\"background: rgb\(([\d ]+) / ([\d.]+)\)\">", counts_table([[3.0, 1.0], [0.0, 4.0]], "")
    )
    assert [hue for hue, _ in shades] == ["0 114 178", "213 94 0", "0 114 178"]
    assert float(shades[1][1]) < float(shades[0][1]) < float(shades[2][1]) <= 0.55
    assert Page(counts_table([[0.0, 0.0], [1.0, 0.0]], "")).rows[1] == ["0", "0", "0", ""]
    assert Page(facts({"a": 0, "b": "", "c": None, "d": "x"})).rows == [["a", "0"], ["d", "x"]]


def test_the_command_is_that_of_this_process_if_it_is_one(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/dynplug", "train", "digits", "--set", "a=b c"])
    assert command_line() == "dynplug train digits --set 'a=b c'"
    monkeypatch.setattr(sys, "argv", ["/site-packages/dynplug/__main__.py", "train", "digits"])
    assert command_line() == "dynplug train digits"
    monkeypatch.setattr(sys, "argv", ["train.py", "dynplug"])
    assert command_line() == ""
