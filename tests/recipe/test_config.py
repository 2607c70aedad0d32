"""Configurations: read, overridden, written, and blamed by file, line and key."""

import tomllib

import numpy as np
import pytest

from dynplug.errors import ConfigError
from dynplug.recipe.config import Config

pytestmark = pytest.mark.quick

TEXT = """\
# A comment, with a [section] in it.
seed = 7

[task]
type = "digits"

[model]
type = "Sequential"

[model.hidden]
type = "LIF" # a neuron
size = 4
tau = 10.0
R = 2.0
reset = "subtract"
surrogate = { type = "Sigmoid", alpha = 4.0 }

[model.readout]
type = "LeakyIntegrator"
size = 4

[runner]
type = "BPTT"
dt = 1.0
loss_fun = "mse"
optimizer = { type = "adam", learning_rate = 1e-3, b1 = 0.8 }

[fit]
num_epoch = 5
"""


@pytest.fixture
def config():
    return Config.parse(TEXT, "some.toml")


def hidden(config):
    return config.values["model"]["hidden"]


def test_values_are_those_of_the_file(config):
    assert config.values == tomllib.loads(TEXT)
    assert (config.source, config.text, config.notes) == ("some.toml", TEXT, [])


def test_seed_and_fit_may_be_left_out():
    config = Config.parse("[task]\n[model]\n[runner]\n", "x")
    assert config.values == {"task": {}, "model": {}, "runner": {}, "seed": 0, "fit": {}}


def test_what_is_written_reads_back_the_same(config):
    again = Config.parse(config.dump(), "again")
    assert again.values == config.values
    assert list(again.values) == list(config.values)
    assert list(again.values["model"]) == ["type", "hidden", "readout"]  # the order of a model's parts is their order


def test_a_file_is_read_as_utf8(tmp_path):
    (tmp_path / "a.toml").write_bytes(TEXT.replace("a neuron", "µ").encode())
    config = Config.from_file(str(tmp_path / "a.toml"))
    assert config.source == str(tmp_path / "a.toml")
    assert hidden(config)["size"] == 4


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("seed = x", "x.toml is not valid TOML: .*line 1"),
        ("a = 1\na = 2", "x.toml is not valid TOML: "),
        ("[task]\n[model]\n", r"x.toml, runner: The section \[runner\] is missing"),
        ("task = 5\n[model]\n[runner]\n", r"x.toml, line 1, task: must be a section .* got 5"),
        (
            "[task]\n[model]\n[runner]\n[fits]\n",
            r"x.toml, line 4, fits: There is no section 'fits'. Did you mean",
        ),
        ("seed = 1.5\n[task]\n[model]\n[runner]\n", "x.toml, line 1, seed: must be a whole number, 0 or more; got"),
        (
            "seed = -1\n[task]\n[model]\n[runner]\n",
            "x.toml, line 1, seed: must be a whole number, 0 or more; got -1",
        ),
        ("seed = true\n[task]\n[model]\n[runner]\n", "x.toml, line 1, seed: .*got True"),
        ("fit = 3\n[task]\n[model]\n[runner]\n", "x.toml, line 1, fit: must be a table; got 3"),
        ("[task]\n[model]\n[runner]\n[fit]\nnum_epoch = 2.5", "x.toml, line 5, fit.num_epoch: .*got 2.5"),
    ],
)
def test_what_is_no_configuration_is_refused(text, problem):
    with pytest.raises(ConfigError, match=problem):
        Config.parse(text, "x.toml")


DEEP = 3000


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (f"x = {'[' * DEEP}{']' * DEEP}", "x.toml is not valid TOML: it is nested too deeply"),
        (f"x = {'{a=' * DEEP}1{'}' * DEEP}", "x.toml is not valid TOML: it is nested too deeply"),
        (f"x = {'[' * 50}{']' * 50}", r"x.toml, line 4, fit.x(\[0\]){39}: It is nested too deeply"),
        (f"{'.'.join('x' * 500)} = 1", r"x.toml, line 3, fit(.x){40}: It is nested too deeply"),
        (f"[fit.{'.'.join('x' * 500)}]", r"x.toml, line 3, fit(.x){40}: It is nested too deeply"),
        (f"x = {2**63}", "x.toml, line 4, fit.x: 9223372036854775808 is no integer of 64 bits"),
        (f"x = [0, {-(2**63) - 1}]", r"x.toml, line 4, fit.x\[1\]: -9223372036854775809 is no integer of 64"),
        (f"x = {'123' * 2000}", "x.toml, line 4, fit.x: 12312312312312312312... is no integer of 64 bits"),
        ("x = {y = 1e400}", "x.toml, line 4, fit.x.y: 1e400 is no double"),
        ("x = -1_0.0e999", "x.toml, line 4, fit.x: -1_0.0e999 is no double"),
    ],
)
def test_what_nothing_can_be_computed_with_is_refused_with_its_place(line, problem):
    with pytest.raises(ConfigError, match=problem):
        Config.parse(f"[task]\n[model]\n[fit]\n{line}\n[runner]\n", "x.toml")


def test_the_greatest_numbers_and_infinity_are_values():
    text = f"[task]\n[model]\n[fit]\na = {2**63 - 1}\nb = {-(2**63)}\nc = 1.7e308\nd = -inf\n[runner]\n"
    config = Config.parse(text, "x.toml")
    assert config.values["fit"] == {"a": 2**63 - 1, "b": -(2**63), "c": 1.7e308, "d": -float("inf")}
    assert Config.parse(config.dump(), "again").values == config.values


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("[" * DEEP + "]" * DEEP, "--set model.hidden.tau: its value is nested too deeply"),
        ("[" * 50 + "]" * 50, "model.hidden.tau.*: It is nested too deeply"),
        ("1e999", "model.hidden.tau: 1e999 is no double"),
        ("9" * 5000, "model.hidden.tau: 9{20}... is no integer of 64 bits"),
    ],
)
def test_what_nothing_can_be_computed_with_is_refused_in_an_override_too(config, value, problem):
    with pytest.raises(ConfigError, match=problem):
        config.with_overrides([f"model.hidden.tau={value}"])


def test_a_byte_order_mark_is_no_text(tmp_path):
    (tmp_path / "a.toml").write_text(TEXT, encoding="utf-8-sig")
    assert Config.from_file(tmp_path / "a.toml").values == Config.parse(TEXT, "x.toml").values
    assert Config.parse(f"\ufeff{TEXT}", "x.toml").values == Config.parse(TEXT, "x.toml").values


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("3", 3),
        ("-2.5e-3", -0.0025),
        ("inf", float("inf")),
        ("true", True),
        ("True", "True"),
        ('"3"', "3"),
        ("'a b'", "a b"),
        ("a b", "a b"),
        ("[1, 2]", [1, 2]),
        ("{type = 'x', a = 1}", {"type": "x", "a": 1}),
        ("a=b", "a=b"),
        ("", ""),
        (" 5 ", 5),
    ],
)
def test_values_of_overrides_are_toml_or_else_text(config, written, value):
    assert hidden(config.with_overrides([f"model.hidden.tau={written}"]))["tau"] == value
    assert type(hidden(config.with_overrides([f"model.hidden.tau={written}"]))["tau"]) is type(value)


def test_overrides_leave_the_original_alone_and_the_last_one_counts(config):
    changed = config.with_overrides([" model.hidden.tau = 3.0", "model.hidden.tau=4.0", "seed=8", "runner.t0=1.0"])
    assert hidden(changed)["tau"] == 4.0
    assert changed.values["seed"] == 8
    assert changed.values["runner"]["t0"] == 1.0  # a key that was not there
    assert config.values == tomllib.loads(TEXT)
    assert (changed.source, changed.text) == (config.source, config.text)


def test_a_table_may_be_replaced_by_a_name_and_grow_from_one(config):
    changed = config.with_overrides(["model.hidden.surrogate=Arctan"])
    assert hidden(changed)["surrogate"] == "Arctan"
    changed = changed.with_overrides(["model.hidden.surrogate.alpha=2.0"])
    assert hidden(changed)["surrogate"] == {"type": "Arctan", "alpha": 2.0}


@pytest.mark.parametrize(
    ("assignment", "problem"),
    [
        ("model.hidden.tau", r"--set model.hidden.tau: write it as key=value"),
        ("model.hiden.tau=1", r"there is no table 'model.hiden'. Did you mean 'hidden'\?"),
        ("model.hidden.tau.x=1", "there is no table 'model.hidden.tau'"),
        ("fitt.num_epoch=1", r"there is no table 'fitt'. Did you mean 'fit'\?"),
        ("fits=1", r"fits: There is no section 'fits'. Did you mean 'fit'\?"),
        ("runner=BPTT", r"runner: must be a section .* \(set runner.type\); got 'BPTT'"),
        ("seed=-3", "seed: must be a whole number, 0 or more; got -3"),
        ("fit.num_epoch=0", "fit.num_epoch: must be a whole number, 1 or more; got 0"),
    ],
)
def test_an_override_that_leads_nowhere_is_refused(config, assignment, problem):
    with pytest.raises(ConfigError, match=problem):
        config.with_overrides([assignment])


def test_a_new_type_keeps_the_keys_it_takes_and_drops_the_others_with_one_line(config):
    changed = config.with_overrides(["model.hidden.type=Izhikevich"])
    assert hidden(changed) == {"type": "Izhikevich", "size": 4, "surrogate": {"type": "Sigmoid", "alpha": 4.0}}
    assert changed.notes == ["model.hidden: Izhikevich takes no tau, R, reset; dropped."]


def test_a_new_type_that_takes_all_keys_is_no_news(config):
    changed = config.with_overrides(["model.hidden.type=ALIF"])
    assert hidden(changed) == hidden(config) | {"type": "ALIF"}
    assert changed.notes == []


def test_keys_set_beside_a_new_type_are_never_dropped(config):
    """So that a mistake in them is an error later, not a silent loss; whatever the order."""
    for assignments in (
        ["model.hidden.tau=3.0", "model.hidden.type=HH"],
        ["model.hidden.type=HH", "model.hidden.tau=3"],
    ):
        changed = config.with_overrides(assignments)
        assert hidden(changed)["tau"] == 3.0
        assert "R" not in hidden(changed)
        assert changed.notes == ["model.hidden: HH takes no R, reset; dropped."]


def test_types_of_nested_components_are_replaced_alike(config):
    changed = config.with_overrides(["runner.optimizer.type=sgd", "model.hidden.surrogate.type=Gaussian"])
    assert changed.values["runner"]["optimizer"] == {"type": "sgd", "learning_rate": 1e-3}
    assert hidden(changed)["surrogate"] == {"type": "Gaussian"}
    assert changed.notes == [
        "runner.optimizer: sgd takes no b1; dropped.",
        "model.hidden.surrogate: Gaussian takes no alpha; dropped.",
    ]


def test_a_type_that_takes_any_key_keeps_them_all(config):
    changed = config.with_overrides(["model.readout.type=Sequential"])
    assert changed.values["model"]["readout"] == {"type": "Sequential", "size": 4}
    assert changed.notes == []


def test_a_part_called_like_a_kind_may_be_of_another():
    text = TEXT.replace("model.readout", "model.output_layer")
    changed = Config.parse(text, "x").with_overrides(["model.output_layer.type=LIF"])
    assert changed.values["model"]["output_layer"] == {"type": "LIF", "size": 4}


@pytest.mark.parametrize(
    ("assignment", "problem"),
    [
        ("model.hidden.type=LIFF", r"model.hidden.type: There is no component called 'LIFF'. Did you mean 'LIF'\?"),
        ("task.type=LIF", "task.type: There is no task called 'LIF'"),
        ("runner.type=adam", "runner.type: There is no runner called 'adam'"),
        ("model.hidden.type=5", "model.hidden: A component needs a 'type'"),
    ],
)
def test_an_unknown_new_type_is_refused(config, assignment, problem):
    with pytest.raises(ConfigError, match=problem):
        config.with_overrides([assignment])


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("seed", 2),
        ("task", 4),
        ("task.type", 5),
        ("model.hidden", 10),
        ("model.hidden.tau", 13),
        ("model.hidden.surrogate", 16),
        ("model.hidden.surrogate.alpha", 16),  # in an inline table
        ("model.hidden.new", 10),  # not in the file: the table it would be in
        ("runner.optimizer.type", 26),
        ("fit.num_epoch", 29),
    ],
)
def test_errors_are_blamed_by_file_line_and_key(config, path, line):
    with pytest.raises(ConfigError) as error, config.blamed():
        raise ConfigError("It is wrong.", path)
    assert str(error.value) == f"some.toml, line {line}, {path}: It is wrong."


def test_an_error_without_a_place_is_blamed_by_file_and_others_pass(config):
    with pytest.raises(ConfigError) as error, config.blamed():
        raise ConfigError("It is wrong.")
    assert str(error.value) == "some.toml: It is wrong."
    with pytest.raises(ZeroDivisionError), config.blamed():
        raise ZeroDivisionError


def test_numbers_of_numpy_are_numbers_of_a_configuration(config):
    given = tomllib.loads(TEXT) | {"seed": np.int64(3)}
    given["model"]["hidden"]["tau"] = np.float64(7.5)
    made = Config.from_values(given).with_values({"runner.dt": np.float32(0.5)}, {"runner.dt": "a test"})
    again = Config.parse(made.dump(), "again").values
    assert (again["seed"], hidden(made)["tau"], again["runner"]["dt"]) == (3, 7.5, 0.5)
    assert type(given["seed"]) is np.int64  # what was given is left as it was
    with pytest.raises(ConfigError, match="seed: must be a whole number, 0 or more; got True"):
        Config.from_values({**given, "seed": np.True_})
