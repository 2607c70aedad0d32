"""Documentation read from docstrings, or from the spec instead."""

import re
import subprocess
import sys

import pytest

from dynplug.api import NeuronSpec, OptimizerSpec, Param
from dynplug.core.parameter import TRAINABLE, param
from dynplug.plugin import KINDS, registry
from dynplug.plugin.documentation import (
    argument_of,
    bibtex,
    documentation,
    equations_of,
    params_of,
    reference_of,
    unit_of,
    variable_of,
)
from dynplug.plugin.registry import Registry

PAPER = "Destexhe, A., Mainen, Z. F. & Sejnowski, T. J. (1994), A title, with a comma, doi:10.1162/neco.1994.6.1.14"


def test_the_fields_that_parameters_declare_are_those_that_documentation_reads():
    declared = param(1.0, trainable=True, positive=True).metadata
    assert {name: value for name, value in declared.items() if name.startswith("dynplug.")} == {
        TRAINABLE: True,
        "dynplug.positive": True,
        "dynplug.drawn": False,
        "dynplug.stepwise": False,
    }
    assert TRAINABLE == "dynplug.trainable"


def f(a, b=2.0, *, c=None):
    """F.

    **Arguments:**

    - `a`: the first,
        in two lines [mV].
    - `b`: the second.
    """


def test_parameters_are_those_of_the_signature_with_what_the_docstring_says():
    assert params_of(f) == (
        Param(name="a", unit="mV", doc="the first, in two lines [mV]."),
        Param(name="b", default="2.0", doc="the second."),
        Param(name="c", default="None"),
    )


def test_what_trainers_change_and_what_must_be_positive_is_read_from_the_fields():
    soma = {p.name: p for p in params_of(registry().find("neuron", "LIF").load())}
    assert soma["tau"].bounds == (0.0, None)
    assert soma["R"].bounds == (None, None)
    assert not soma["R"].trainable


def test_arguments_share_a_line_and_its_unit():
    text = "**Arguments:**\n\n- `gL`, `gNa`: conductances [mS/cm²].\n- `gc`: another,\n    coupling [-].\n- `x`: none."
    assert [unit_of(argument_of(text, name)) for name in ("gL", "gNa", "gc", "x", "g")] == ["mS/cm²"] * 2 + [
        "-",
        "",
        "",
    ]
    assert argument_of(text, "gc") == "another, coupling [-]."


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("Potential `V` [mV], current `w` [nA] and the last spike.", {"V": "mV", "w": "nA", "spike": ""}),
        ("Potential `V` [mV], gates `m`, `h`, `n` and the last spike.", {"V": "mV", "m": "", "h": "", "n": ""}),
        ("Voltage-like `V` and current-like `u` [both mV], and the last spike.", {"V": "mV", "u": "mV"}),
        ("Potentials `V`, `Vd` [mV], `w` [nA].", {"V": "mV", "Vd": "mV", "w": "nA"}),
        ("Potentials of soma `V` and dendrite `Vd` [mV], gates, `Ca` freely.", {"V": "mV", "Vd": "mV", "Ca": ""}),
        ("Fraction `r`, and how long it is there, `left` [ms].\n\n`event` is what arrives.", {"r": "", "left": "ms"}),
        ("Conductance `g` and its rise `h` [both µS], or currents [nA].", {"g": "µS", "h": "µS"}),
        ("State", {"V": ""}),
    ],
)
def test_variables_have_the_unit_of_their_clause(text, units):
    assert {name: unit_of(variable_of(text, name)) for name in units} == units


STATES = """
class Made:
    "Formulas that an instance makes."
    def __init__(self, tau): self.tau = tau
    @property
    def equations(self): return {"V": f"-V / {self.tau}", "gates.m": "0"}

class Fixed:
    "Formulas beside the class."
    equations = {"V": "-V"}
    definitions = {"a": "1"}
"""
STATING_HOOKS = """
from dynplug.api import RunnerSpec, hookimpl

@hookimpl
def dynplug_register_runners():
    return [RunnerSpec(name="made", target="states:Made", summary="x", example={"tau": 3}),
            RunnerSpec(name="unmade", target="states:Made", summary="x"),
            RunnerSpec(name="unbuilt", target="states:Made", summary="x", example={"tua": 3}),
            RunnerSpec(name="fixed", target="states:Fixed", summary="x")]
"""


def test_formulas_are_those_of_the_class_or_of_its_example(install, fresh_registry):
    install("dynplug-own", {"own_hooks": STATING_HOOKS, "states": STATES}, {"hooks": "own_hooks"})
    names = ("made", "unmade", "unbuilt", "fixed")
    found = {name: documentation(registry().find("runner", name)).formulas for name in names}
    assert found["made"] == {"dV/dt": "-V / 3", "d(gates.m)/dt": "0"}
    assert found["unmade"] == found["unbuilt"] == {}
    assert found["fixed"] == {"dV/dt": "-V", "a": "1"}


def test_displayed_equations_come_before_those_in_a_line():
    assert equations_of("as $x = 1$:\n\n$$a\n  = b$$\n$$c$$") == ("a = b", "c")
    assert equations_of("with $n$ inputs, $y = W x$.") == ("y = W x",)
    assert equations_of("none, it costs 5$ or 6$") == ()


def test_a_reference_ends_with_its_paragraph():
    assert reference_of("**Reference:** one\ntwo.\n\nthree") == "one two."
    assert reference_of("none") == ""


@pytest.mark.parametrize(
    ("reference", "fields"),
    [
        (
            f"{PAPER}.",
            {
                "author": "Destexhe, A. and Mainen, Z. F. and Sejnowski, T. J.",
                "year": "1994",
                "title": "A title, with a comma",
                "doi": "10.1162/neco.1994.6.1.14",
            },
        ),
        (f"{PAPER}; values of others.", {"note": "values of others."}),
        ("Bellec, G. et al. (2018), Learning, arXiv:1803.09574.", {"eprint": "1803.09574", "archiveprefix": "arXiv"}),
        ("Bellec, G. et al. (2018), Learning, arXiv:1803.09574.", {"author": "Bellec, G. and others"}),
        ("Glorot, X. & Bengio, Y. (2010), R & D, AISTATS.", {"title": r"R \& D", "howpublished": "AISTATS"}),
        ("Lorenz, E. N. (1963), T, doi:10.1175/1(1963)0<1:D>2.0.CO;2; more", {"doi": "10.1175/1(1963)0<1:D>2.0.CO;2"}),
        ("10.48550/arXiv.1412.6980", {"doi": "10.48550/arXiv.1412.6980"}),
        ("folklore", {"note": "folklore"}),
        ("Ab, C. (2014), T, section 1.3, doi:10.1/x.", {"title": "T", "note": "section 1.3", "doi": "10.1/x"}),
        ("Ab, C. (2014), T, pp. 3-5, doi:10.1/x, a note.", {"title": "T", "note": "pp. 3-5; a note."}),
        ("Ab, C. (2014), Parts, sections of a whole, doi:10.1/x.", {"title": "Parts, sections of a whole"}),
        ("Ab, C. (2014), T, doi:10.1/x_1. (`V_th` 5 %.)", {"doi": "10.1/x_1", "note": r"(V\_th 5 \%.)"}),
    ],
)
def test_bibtex_of_a_reference(reference, fields):
    entry = bibtex(reference, "key")
    lines = dict(line.strip().removesuffix("},").split(" = {") for line in entry.splitlines()[1:-1])
    assert fields.items() <= lines.items()
    assert entry.startswith("@misc{")
    assert entry.endswith("\n}")
    assert ("{key," in entry) == ("author" not in lines)


def test_the_key_of_an_entry_is_ascii():
    assert bibtex("Barabási-Ørn, A. (1999), T, doi:10.1/x.", "key").startswith("@misc{barabasirn1999,")


@pytest.mark.parametrize("kind", KINDS)
def test_the_title_of_an_entry_names_the_whole_work(kind):
    for component in registry().components(kind):
        if reference := documentation(component).reference:
            title = re.search(r"title ?= ?\{(.*)\}", bibtex(reference, "key"))
            assert not title or not re.search(r"section|chapter|pp\.|Repository|\d$", title[1]), title[1]


def test_a_bibtex_entry_stays_as_it_is():
    assert bibtex("@book{x, title={A & B}}\n", "key") == "@book{x, title={A & B}}"


HOOKS = """
from dynplug.api import OptimizerSpec, Param, hookimpl

@hookimpl
def dynplug_register_optimizers():
    return [OptimizerSpec(name="own", target="optax:sgd", params=(Param(name="learning_rate", unit="1"),),
        equations=("w' = w - g",), citation="10.1000/xyz")]
"""


def test_a_spec_says_it_for_a_target_of_others(install):
    install("dynplug-own", {"own_hooks": HOOKS}, {"hooks": "own_hooks"})
    written = documentation(Registry().find("optimizer", "own"))
    assert written.params == (Param(name="learning_rate", unit="1"),)
    assert written.equations == ("w' = w - g",)
    assert (written.reference, written.doi) == ("10.1000/xyz", "10.1000/xyz")
    assert "Stochastic Gradient Descent" in written.text


@pytest.mark.parametrize("citation", ["Somebody (1999)", "doi:10.1000/x", "@article"])
def test_a_citation_is_a_doi_or_bibtex(citation):
    with pytest.raises(ValueError, match=rf"x: citation must be a DOI or a BibTeX entry; got '{re.escape(citation)}'"):
        NeuronSpec(name="x", target="a:b", citation=citation)
    assert OptimizerSpec(name="x", target="a:b", citation="@article{a, title={b}}").citation
    assert OptimizerSpec(name="x", target="a:b", citation="Ab, C. & De, F. (1999), Title, arXiv:9901.00001").citation


def test_arguments_of_others_are_described_by_the_spec():
    told = {"a": "the first one [nA].", "gone": "in an older version."}
    assert [(p.name, p.unit, p.doc) for p in params_of(f, told)] == [
        ("a", "nA", "the first one [nA]."),
        ("b", "", "the second."),
        ("c", "", ""),
    ]


def test_one_string_is_no_tuple_of_names():
    """Without the type checks of these tests, which would say it first."""
    code = "from dynplug.api import NeuronSpec; NeuronSpec(name='x', target='a:b', aliases='RF')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "TypeError: x: aliases must be a tuple of strings: write ('RF',)."
