"""Units against those of the SI, and equations whose units do and do not fit."""

from fractions import Fraction

import pytest

from dynplug.equations import PURE, parse, parse_unit, read
from dynplug.errors import EquationError

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mV/ms", "nA/nF"),
        ("nA", "µS mV"),
        ("mV", "MΩ nA"),
        ("MΩ", "1/µS"),
        ("ms", "MΩ nF"),
        ("kHz", "1/ms"),
        ("µA/cm²", "mS/cm² mV"),
        ("µA/cm²", "µF/cm^2 mV/ms"),
        ("1/(ms mM)", "ms⁻¹·mM⁻¹"),
        ("1/ms/mV", "1/(ms*mV)"),
        ("µM⁴", "µM**4"),
        ("M", "mol/L"),
        ("V", "J/C"),
        ("J/(mol K)", "J/(mol °C)"),
        ("rad/ms", "1/ms"),
        ("µM cm²/(µA ms)", "mM cm²/(mA ms)"),
        ("MΩ", "MΩ".replace("Ω", "\N{OHM SIGN}")),
        ("µM", "µM".replace("µ", "\N{GREEK SMALL LETTER MU}")),
        ("uA/cm²", "µA/cm²"),
        ("us", "µs"),
        ("Mohm", "MΩ"),
        ("-", "1"),
        ("", "rad"),
    ],
)
def test_units_that_are_the_same(one, other):
    assert parse_unit(one).same(parse_unit(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [("mV", "V"), ("nA", "µA"), ("nA", "µA/cm²"), ("ms", "s"), ("mM", "µM"), ("mS", "ms"), ("MΩ", "mΩ"), ("mV", "1")],
)
def test_units_that_are_not(one, other):
    assert not parse_unit(one).same(parse_unit(other))


@pytest.mark.parametrize("text", ["foo", "mV per spike", "10 mV", "mV +", "0", "mV)", "exp(mV)", "x²"])
def test_what_is_no_unit_is_refused(text):
    with pytest.raises(EquationError, match="Invalid unit"):
        parse_unit(text)


UNITS = {
    "V": "mV",
    "w": "nA",
    "I": "nA",
    "tau": "ms",
    "t": "ms",
    "R": "MΩ",
    "C": "nF",
    "g": "µS",
    "E": "mV",
    "n": "",
    "rate": "kHz",
    "Ca": "µM",
    "T": "mM",
    "f": "Hz",
    "G": "mS",
    "A": "mV²",
}


def unit_of(name):
    return parse_unit(UNITS[name])


@pytest.mark.parametrize(
    "text",
    [
        *("(E - V + R * I) / tau", "(g * (E - V) + I) / C", "-V * rate", "0", "0 * V", "0 - V / tau", "I / C"),
        *("0.04[1/ms/mV] * V**2 + 5[1/ms] * V + 140[mV/ms]", "I[mV/ms]", "exp(V / E) * E / tau", "E / tau * V / V"),
        *("V * (V + 40[mV]) / E / tau", "sqrt(V**2) / tau", "V**2 * E**-1 / tau", "abs(V) / tau", "A**0.5 / tau"),
        *("min(V, E, 0) / tau", "max(V, 3[mV]) / tau", "clip(V, 0, E) / tau", "where(V > E, V, 0) / tau"),
        *("where(n < 1, V, E) / tau", "n**n * V / tau", "2**((V - E) / 10[mV]) * V / tau", "cos(t * rate) * V / tau"),
        *("V * Ca / (1000[µM/mM] * T) / tau", "log1p(Ca / 1[µM]) * V / tau", "-(-V) / tau"),
    ],
)
def test_what_fits(text):
    read({"V": text}, {}).check_units(unit_of)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("E - V + R * I", r"dV/dt = E - V \+ R \* I: the sides are in \[mV/ms\] and \[mV\]"),
        ("(E - V + R) / tau", r"in `E - V \+ R` the units are \[mV\] and \[MΩ\], but must be the same"),
        ("(E - V - w) / tau", r"in `E - V - w` the units are \[mV\] and \[nA\]"),
        ("(E - V + 40) / tau", r"in `E - V \+ 40` the units are \[mV\] and \[1\]"),
        ("exp(V) * V / tau", r"in `exp\(V\)` the argument is in \[mV\], but must be a pure number"),
        ("tanh(V / tau)", r"in `tanh\(V / tau\)` the argument is in \[mV/ms\]"),
        ("2**V", r"in `2 \*\* V` the argument is in \[mV\]"),
        ("V**n / tau", r"in `V \*\* n` the argument is in \[mV\]"),
        ("min(V, 1) / tau", r"in `min\(V, 1\)` the units are \[mV\] and \[1\]"),
        ("clip(V, 0, 1) / tau", r"in `clip\(V, 0, 1\)` the units"),
        ("where(V > 1, V, E) / tau", r"in `V > 1` the units are \[mV\] and \[1\]"),
        ("where(V > E, V, tau) / tau", r"in `where\(V > E, V, tau\)` the units are \[mV\] and \[ms\]"),
        ("sqrt(V) / tau", r"the sides are in \[mV/ms\] and \[mV\^1/2/ms\]"),
        ("V * f", r"the sides are in \[mV/ms\] and \[mV Hz\], which differ by a factor of 1000, but must agree"),
        ("(G * (E - V) + I) / C", r"\[mS mV\] and \[nA\], which differ by a factor of 1000"),
        ("V * exp(T / Ca) / tau", r"the argument is in \[mM/μM\], but must be a pure number"),
        ("I[µA/cm²] / C", "the sides are in"),
        ("V * 1[1/s]", "which differ by a factor of 1000"),
    ],
)
def test_what_does_not_fit_is_named(text, message):
    with pytest.raises(EquationError, match=message):
        read({"V": text}, {}).check_units(unit_of)


def test_a_definition_has_the_unit_of_its_text():
    read({"V": "a / tau"}, {"a": "b * I", "b": "2 * R"}).check_units(unit_of)
    with pytest.raises(EquationError, match=r"a = b \* I \+ t: in `b \* I \+ t` the units are \[MΩ nA\] and \[ms\]"):
        read({"V": "a / tau"}, {"a": "b * I + t", "b": "2 * R"}).check_units(unit_of)


def test_each_variable_is_compared_with_its_own_unit():
    fine = {"V": "V / tau", "w": "w / tau"}
    read(fine, {}).check_units(unit_of)
    with pytest.raises(EquationError, match="dw/dt = V / tau: the sides are in"):
        read(fine | {"w": "V / tau"}, {}).check_units(unit_of)


def test_powers_of_units_are_exact():
    assert parse("V**3 / V**2").unit({"V": parse_unit("mV")}) == parse_unit("mV")
    assert parse("V**0").unit({"V": parse_unit("mV")}) == PURE
    assert parse("V**1.5").unit({"V": parse_unit("mV")}).powers == {"mV": Fraction(3, 2)}
