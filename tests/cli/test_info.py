"""`dynplug info`."""

import io
import json
import re
import sys
from contextlib import redirect_stdout
from unittest.mock import patch

import pytest

import dynplug as dp
from dynplug.cli import main
from dynplug.cli.plain_text import plain_text
from dynplug.plugin import KINDS, documentation, registry

pytestmark = pytest.mark.quick


def test_info_shows_equations_units_and_origin(dynplug):
    result = dynplug("info", "neuron", "lif")
    assert result.code == 0
    head, origin, signature, blank, *doc = result.out.splitlines()
    assert head == "neuron dynplug:LIF@1"
    assert origin == f"  from dynplug {dp.__version__}, dynplug.neurons:LIF"
    assert signature.startswith("  LIF(size, tau=10.0, R=1.0, ")
    assert blank == ""
    assert "- `tau`: membrane time constant [ms]." in doc
    assert "    τ dV/dt = -(V - V_rest) + R I(V),   V ≥ V_th: spike, then reset" in doc
    assert any(line.startswith("Reference: Gerstner") for line in doc)


def test_a_name_alone_is_enough_where_it_is_known_what_it_means(dynplug, one_line):
    assert dynplug("info", "LIF", "--json").out == dynplug("info", "neuron", "LIF", "--json").out
    assert dynplug("info", "Dense").out.startswith("layer dynplug:Dense@1\n")  # and no delivery, as in a recipe
    assert one_line(dynplug("info", "LIFF")) == (
        "Error: There is no component called 'LIFF'. Did you mean 'LIF'? See: dynplug list"
    )
    for kind in ("loss", "metric"):
        dp.register(kind, "twin")(dp.losses.mse)
    line = one_line(dynplug("info", "twin"))
    dp.refresh()
    assert line == "Error: 'twin' is ambiguous: add a 'kind', one of loss local:twin@1, metric local:twin@1."
    result = dynplug("info", "neuron")
    assert result.code == 2
    assert result.err.endswith("Give a name beside the kind: `dynplug list neuron` shows which there are.\n")


@pytest.mark.parametrize(
    ("kind", "name", "signature", "text"),
    [
        ("optimizer", "nadam", "nadam(learning_rate, ", "NAdam"),
        ("loss", "huber", "huber(predicts, targets, ", "\nArguments:\n"),
        ("runner", "counting:counter", "Counter(target, dt, step=1)", "Counts epochs."),
    ],
)
def test_info_of_functions_partials_and_plugins(dynplug, counter, kind, name, signature, text):
    result = dynplug("info", kind, name)
    assert result.code == 0
    assert signature in result.out.splitlines()[2]
    assert text in result.out


def test_info_of_an_unknown_name_is_one_line(dynplug, one_line):
    assert "no neuron called 'Izhikevitch'. Did you mean 'Izhikevich'?" in one_line(
        dynplug("info", "neuron", "Izhikevitch")
    )


def test_information_comes_as_json_too(dynplug):
    info = json.loads(dynplug("info", "neuron", "LIF", "--json").out)
    (tau,) = [p for p in info["params"] if p["name"] == "tau"]
    assert tau == {
        "name": "tau",
        "default": "10.0",
        "unit": "ms",
        "bounds": [0.0, None],
        "trainable": False,
        "doc": "membrane time constant [ms].",
    }
    assert info["params"][0]["default"] == ""  # size must be given
    assert info["text"].startswith("Leaky integrate-and-fire.")
    (equation,) = info["equations"]
    assert equation.startswith(r"\tau \frac{dV}{dt} = -(V - V_\mathrm{rest}) + R\,I(V),")
    assert info["doi"] == "10.1017/CBO9781107447615"
    assert info["reference"].startswith("Gerstner, W. et al. (2014), Neuronal Dynamics")


def test_the_source_comes_as_bibtex(dynplug):
    assert dynplug("info", "neuron", "AdExIF", "--bibtex").out == (
        "@misc{brette2005,\n"
        "  author = {Brette, R. and Gerstner, W.},\n"
        "  year = {2005},\n"
        "  title = {Adaptive exponential integrate-and-fire model as an effective description of neuronal activity},\n"
        "  doi = {10.1152/jn.00686.2005},\n"
        "}\n"
    )
    assert (
        "@article{tsitouras2011runge," in dynplug("info", "integrator", "Tsit5", "--bibtex").out
    )  # with the key that diffrax gives it


def test_a_source_that_is_not_there_is_one_line(dynplug, one_line):
    @dp.register("loss", "sourceless")
    def sourceless(predicts, targets):
        """A loss."""

    line = one_line(dynplug("info", "loss", "sourceless", "--bibtex"))
    assert "loss local:sourceless@1 cites no source. Its author can add one: **Reference:** in the docstring" in line
    dp.refresh()


def test_what_is_told_of_another_librarys_target_is_shown(dynplug):
    result = dynplug("info", "optimizer", "lars")
    assert "Reference: You, Y., Gitman, I. & Ginsburg, B. (2017), Large batch training" in result.out
    info = json.loads(dynplug("info", "optimizer", "lars", "--json").out)
    (rate,) = [p for p in info["params"] if p["name"] == "learning_rate"]
    assert (rate["unit"], rate["doc"]) == ("-", r"$\eta$, a number or a schedule [-].")
    assert "@misc{you2017," in dynplug("info", "optimizer", "lars", "--bibtex").out


def test_the_default_of_a_function_is_its_name(dynplug):
    info = json.loads(dynplug("info", "layer", "RNNCell", "--json").out)
    assert [p["default"] for p in info["params"] if p["name"] == "activation"] == ["tanh"]


def test_the_formulas_beside_the_class_are_shown(dynplug):
    lines = dynplug("info", "neuron", "AdExIF").out.splitlines()
    assert lines[-10:] == [
        "Equations as text:",
        "",
        "    dV/dt = (-gL * (V - EL) + gL * Delta_T * exp((V_held - V_T) / Delta_T) - w + I) / C",
        "    dw/dt = (a * (V - EL) - w) / tau_w",
        "    V_held = min(V, V_th)",
        "    V(0) = EL",
        "    w(0) = 0",
        "    spike = V >= V_th",
        "    V after a spike = V_reset",
        "    w after a spike = w + b",
    ]
    info = json.loads(dynplug("info", "neuron", "ALIF", "--json").out)
    assert info["formulas"] == {
        "dV/dt": "(-(V - V_rest) + R * I) / tau",
        "da/dt": "-a / tau_a",
        "V(0)": "V_rest",
        "a(0)": "0",
        "spike": "V >= V_th + beta * a",
        "V after a spike": "V_reset",
        "a after a spike": "a + 1",
    }
    assert json.loads(dynplug("info", "surrogate", "SuperSpike", "--json").out)["formulas"] == {
        "derivative": "1 / (1 + beta * abs(x))**2"
    }
    assert '"h after an event": "h + w"' in dynplug("info", "synapse", "Alpha", "--json").out


def test_the_identities_of_the_spec_are_shown(dynplug):
    out = dynplug("info", "loss", "huber").out
    assert (
        "\nEquations between what its example is given and what it does:\n\n"
        "    error = abs(predicts - targets)\n"
        "    value = mean(where(error < delta, error**2 / 2, delta * (error - delta / 2)))\n"
    ) in out
    assert "Equations as text" not in out
    info = json.loads(dynplug("info", "loss", "mse", "--json").out)
    assert info["identities"] == {"value": "mean((predicts - targets)**2)"}
    assert "Equations between" not in dynplug("info", "neuron", "LIF").out


def test_what_states_no_formulas_shows_none(dynplug):
    assert "Equations as text" not in dynplug("info", "synapse", "Delta").out
    assert json.loads(dynplug("info", "loss", "mse", "--json").out)["formulas"] == {}


@pytest.mark.parametrize("kind", KINDS)
def test_no_markup_of_a_docstring_reaches_the_terminal(kind):
    """Our own docstrings, and those of diffrax and optax."""
    for component in registry().components(kind):
        text = plain_text(documentation(component).text)
        code = re.compile(r" +(@|[\w]+ *=|>>>|\.\.\.|assert )")
        prose = "\n".join(line for line in text.splitlines() if not code.match(line))
        assert not re.search(r"\\[a-zA-Z]|\$|\*\*\w|``|^ *\.\. |^ *(\?\?\?|!!!)|:\w+:`|`_\b", prose, re.MULTILINE), (
            prose
        )


def test_a_terminal_without_unicode_gets_the_docstring_as_it_is(dynplug):
    class Latin(io.StringIO):
        encoding = "latin-1"

    out = Latin()
    with (
        redirect_stdout(out),
        patch.object(sys, "argv", ["dynplug", "info", "neuron", "LIF"]),
        pytest.raises(SystemExit),
    ):
        main()
    assert r"$$\tau \frac{dV}{dt}" in out.getvalue()


def test_equations_and_source_of_a_spec_are_shown(dynplug):
    @dp.register("loss", "spec-told", equations=(r"\frac{a + b}{2}",), citation="10.1000/182")
    def told(predicts, targets):
        """A loss."""

    assert dynplug("info", "loss", "spec-told").out.endswith("A loss.\n\n    (a + b) / 2\n\nReference: 10.1000/182\n")
    dp.refresh()
