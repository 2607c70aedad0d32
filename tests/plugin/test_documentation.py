"""What is read from docstrings, and what a spec says instead."""

import re
import subprocess
import sys

import pytest

from dynplug.api import NeuronSpec, OptimizerSpec, Param
from dynplug.core.parameter import TRAINABLE, param
from dynplug.plugin import registry
from dynplug.plugin.documentation import bibtex, documentation, equations_of, params_of, reference_of
from dynplug.plugin.registry import Registry

PAPER = "Destexhe, A., Mainen, Z. F. & Sejnowski, T. J. (1994), A title, with a comma, doi:10.1162/neco.1994.6.1.14"


def test_the_fields_that_parameters_declare_are_those_that_documentation_reads():
    assert param(1.0, trainable=True, positive=True).metadata == {TRAINABLE: True, "dynplug.positive": True} | {
        k: v for k, v in param(1.0).metadata.items() if not k.startswith("dynplug.")
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
    ],
)
def test_bibtex_of_a_reference(reference, fields):
    entry = bibtex(reference, "key")
    lines = dict(line.strip().removesuffix("},").split(" = {") for line in entry.splitlines()[1:-1])
    assert fields.items() <= lines.items()
    assert entry.startswith("@misc{")
    assert entry.endswith("\n}")
    assert ("{key," in entry) == ("author" not in lines)


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
    with pytest.raises(ValueError, match=rf"x: citation '{re.escape(citation)}' is neither a DOI nor a BibTeX entry"):
        NeuronSpec(name="x", target="a:b", citation=citation)
    assert OptimizerSpec(name="x", target="a:b", citation="@article{a, title={b}}").citation


def test_one_string_is_no_tuple_of_names():
    """Without the type checks of these tests, which would say it first."""
    code = "from dynplug.api import NeuronSpec; NeuronSpec(name='x', target='a:b', aliases='RF')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "TypeError: x: aliases is one string: write ('RF',)."
