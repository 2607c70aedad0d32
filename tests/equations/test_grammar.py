"""The grammar of equations, against Python's own arithmetic, and refusal of all else."""

import math

import numpy as np
import pytest

from dynplug.equations import parse, read
from dynplug.errors import EquationError

pytestmark = pytest.mark.quick

NAMES = {"a": 2.0, "b": 3.0, "c": -5.0, "gates.Na.m": 0.5}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b * c", -13.0),
        ("(a + b) * c", -25.0),
        ("a - b - c", 4.0),
        ("a / b / c", 2.0 / 3.0 / -5.0),
        ("-a ** 2", -4.0),
        ("(-a)**2", 4.0),
        ("a**b", 8.0),
        ("a ** b ** 2", 512.0),
        ("a**-1", 0.5),
        ("-(a - b)", 1.0),
        ("1e-3 * a", 0.002),
        ("  a\n + b ", 5.0),
        ("2 * gates.Na.m", 1.0),
        ("0.04[1/ms/mV] * a**2 + 140[mV/ms]", 140.16),
        ("3[µA/cm²] + 4[µM cm²/(µA ms)]", 7.0),
        ("exp(a)", math.exp(2)),
        ("expm1(a)", math.expm1(2)),
        ("log(a)", math.log(2)),
        ("log1p(a)", math.log1p(2)),
        ("sqrt(a)", math.sqrt(2)),
        ("abs(c)", 5.0),
        ("tanh(a)", math.tanh(2)),
        ("sinh(a)", math.sinh(2)),
        ("cosh(a)", math.cosh(2)),
        ("sin(a)", math.sin(2)),
        ("cos(a)", math.cos(2)),
        ("exprel(a)", math.expm1(2) / 2),
        ("exprel(0)", 1.0),
        ("min(a, b, c)", -5.0),
        ("max(a, b)", 3.0),
        ("clip(c, -1, 1)", -1.0),
        ("where(a < b, 10, 20)", 10.0),
        ("where(a > b, 10, 20)", 20.0),
        ("where(a <= 2, 10, 20)", 10.0),
        ("where(b >= 4, 10, 20)", 20.0),
    ],
)
def test_a_text_means_what_it_means_in_python(text, value):
    found = parse(text).value(NAMES)
    assert found == pytest.approx(value, rel=1e-14)
    arrays = {name: np.full(3, number) for name, number in NAMES.items()}
    np.testing.assert_allclose(np.broadcast_to(parse(text).value(arrays), 3), value, rtol=1e-14)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("a +", "cannot be read"),
        ("a = b", "cannot be read"),
        ("a; b", "cannot be read"),
        ("f'{a}'", "not in the grammar"),
        ("'a'", "not in the grammar"),
        ("True", "not in the grammar"),
        ("1j", "not in the grammar"),
        ("lambda: a", "not in the grammar"),
        ("[a]", "not in the grammar"),
        ("(a, b)", "not in the grammar"),
        ("{a}", "not in the grammar"),
        ("a if b else c", "not in the grammar"),
        ("a < b", "not in the grammar"),
        ("a and b", "not in the grammar"),
        ("a // b", "not in the grammar"),
        ("a % b", "not in the grammar"),
        ("+a", "not in the grammar"),
        ("(a := b)", "not in the grammar"),
        ("[x for x in a]", "not in the grammar"),
        ("a[mV]", "A unit in brackets follows a number or the current I"),
        ("(a + b).real", "not in the grammar"),
        ("exp(a).real", "not in the grammar"),
        ("a.exp(b)", "not in the grammar"),
        ("exp(*a)", "not in the grammar"),
        ("exp(x=a)", "not in the grammar"),
        ("a^2", r"write powers with \*\*"),
        ("eval(a)", "there is no function 'eval'"),
        ("__import__('os')", "there is no function '__import__'"),
        ("Exp(a)", "there is no function 'Exp'. Did you mean 'exp'"),
        ("exp(a, b)", "exp takes 1 arguments; got 2"),
        ("clip(a, b)", "clip takes 3 arguments; got 2"),
        ("min(a)", "min takes 2 to 9 arguments; got 1"),
        ("where(a, b, c)", "`a` is not a condition"),
        ("where(a < b < c, b, c)", "`a < b < c` is not a condition"),
        ("where(a == b, b, c)", "`a == b` is not a condition"),
        ("where(a < b and c, b, c)", "`c` is not a condition"),
        ("where(a < b or b < c, b, c)", "`a < b or b < c` is not a condition"),
        ("a**1000", "has an exponent larger than 100"),
        ("a**-1e9", "has an exponent larger than 100"),
        ("1" + "0" * 400, "cannot be read"),
        ("1e999", "cannot be read"),
        ("a + " * 600 + "a", "2401 characters: split it up"),
        ("(" * 900 + "a" + ")" * 900, "cannot be read"),
        ("-" * 1900 + "a", "cannot be read"),
        ("40[mW]", r"Invalid unit \[mW\]: Unknown unit 'mW'"),
        ("40[2 mV]", r"Invalid unit \[2 mV\]"),
        ("40[mV + ms]", r"Invalid unit \[mV \+ ms\]"),
    ],
)
def test_what_is_not_in_the_grammar_is_refused(text, message):
    with pytest.raises(EquationError, match=message):
        parse(text)


def test_powers_of_numbers_cost_nothing():
    with np.errstate(over="ignore"):
        assert parse("9**99**a").value({"a": 99.0}) == np.inf


def test_an_attribute_is_but_a_name():
    assert list(parse("a.__class__ + a.real").names()) == ["a.__class__", "a.real"]


def test_definitions_may_stand_in_any_order():
    stated = read({"x": "c + a"}, {"c": "2 * b", "a": "b + t", "b": "x + 1"})
    assert stated.values({"x": np.array([1.0]), "t": 10.0})["x"] == 4.0 + 12.0
    assert list(stated.definitions) == ["b", "c", "a"]
    assert stated.used_by("x") == {"a", "b", "c", "x", "t"}


@pytest.mark.parametrize(
    ("equations", "definitions", "message"),
    [
        ({"V": "-V"}, {}, "`equations` has no line for 'w'"),
        ({"V": "-V", "w": "-w", "v": "1"}, {}, "'v', which is not a variable of the state. Did you mean 'V'"),
        ({"V": "-V", "w": "-w / tua"}, {}, "dw/dt = -w / tua: unknown name 'tua'. Did you mean 'tau'"),
        ({"V": "-V.real", "w": "-w"}, {}, "unknown name 'V.real'"),
        ({"V": "-V", "w": "-w"}, {"a": "V"}, "`definitions` has 'a', which is not used"),
        ({"V": "a", "w": "-w"}, {"a": "b + V", "b": "2 * a"}, "are circular: a -> b -> a"),
        ({"V": "a", "w": "-w"}, {"a": "a + V"}, "are circular: a -> a"),
        ({"V": "tau", "w": "-w"}, {"tau": "V"}, "'tau' is both a parameter and a definition"),
        ({"V": "V +", "w": "-w"}, {}, "dV/dt: `V \\+` cannot be read"),
        ({"V": "a", "w": "-w"}, {"a": "V +"}, "a: `V \\+` cannot be read"),
    ],
)
def test_names_have_one_meaning(equations, definitions, message):
    with pytest.raises(EquationError, match=message):
        read(equations, definitions).check_names(["V", "w"], ["tau"], ["t", "I"])
