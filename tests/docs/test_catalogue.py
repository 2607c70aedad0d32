"""The catalogue's pages, without the figures: what they say, and that what they show runs."""

import json
import sys
from pathlib import Path

import pytest

from dynplug.plugin import KINDS, registry

EXTENSION = Path(__file__).parents[2] / "docs" / "_extension"
NAMES = {
    "neuron": "LIF",
    "synapse": "Alpha",
    "layer": "Sequential",
    "source": "Poisson",
    "loss": "mse",
    "runner": "BPTT",
    "surrogate": "Arctan",
    "integrator": "Tsit5",
    "initializer": "Orthogonal",
    "connector": "FixedProbability",
    "encoder": "Poisson",
    "plasticity": "TripletSTDP",
    "delivery": "events",
    "optimizer": "nadam",
    "schedule": "cosine_decay_schedule",
    "observer": "EarlyStopping",
    "metric": "accuracy",
    "sampler": "random",
    "launcher": "processes",
    "diagnostic": "InitialScale",
    "task": "digits",
}


@pytest.fixture(scope="module")
def extension():
    """The modules that write pages, which import no Sphinx."""
    sys.path.insert(0, str(EXTENSION))
    import catalogue_page
    import catalogue_recipes

    yield catalogue_page, catalogue_recipes
    sys.path.remove(str(EXTENSION))


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_page_shows_runs_and_nothing_is_left_out(extension, kind):
    page, recipes = extension
    component = registry().find(kind, NAMES[kind])
    recipes.run(component)
    text = page.page_of(component, "file", ["builds"], page.Claims(()))
    for heading in ("Parameters", "How to make it", "Reference", "How it was checked"):
        assert f"\n## {heading}\n" in text
    assert "$$" in text
    assert "```{figure} file.svg\n:alt: " in text
    assert (
        "https://doi.org/10." in text
        or "https://arxiv.org/abs/" in text
        or kind in ("optimizer", "sampler", "launcher")
    )
    assert "- `builds`: An instance can be built" in text
    assert "By claims" not in text


@pytest.mark.parametrize("kind", ["loss", "metric"])
def test_every_measure_is_shown_with_targets_that_it_takes(extension, kind):
    _, recipes = extension
    for component in registry().components(kind):
        recipes.run(component)


def test_the_docstring_of_another_library_is_not_copied(extension):
    page, _ = extension
    text = page.page_of(registry().find("optimizer", "adam"), "adam", [], page.Claims(()))
    assert "This is `optax.adam`; the documentation of optax says more of it." in text
    assert "Examples" not in text


def test_claims_about_a_component_are_shown(extension, tmp_path):
    page, _ = extension
    claim = {"id": "lif", "text": "LIF's intervals equal the closed form", "tolerance": 1e-6, "measured": 2e-7}
    claim |= {"reference": "a closed form", "test": "tests/x.py::test_y", "components": ["neuron:LIF"]}
    (tmp_path / "claims.json").write_text(json.dumps([claim]))
    claims = page.Claims.read(tmp_path / "claims.json")
    shown = [page.page_of(registry().find("neuron", name), "x", [], claims) for name in ("LIF", "ALIF")]
    assert "LIF's intervals equal the closed form. Measured: 2e-07; tolerance 1e-06." in shown[0]
    assert "closed form" not in shown[1]
    del claim["tolerance"]
    (tmp_path / "claims.json").write_text(json.dumps([claim | {"at_least": 0.9, "measured": 0.95}]))
    shares = page.Claims.read(tmp_path / "claims.json")
    assert "Measured: 0.95; at least 0.9." in page.page_of(registry().find("neuron", "LIF"), "x", [], shares)
    assert page.Claims.read(tmp_path / "none.json").records == ()


def test_a_table_cell_and_a_doi_keep_their_signs(extension):
    page, _ = extension
    assert page._cell("$|x|$") == r"$\|x\|$"
    assert page._doi("10.1175/1(1963)0<1:D>2") == (
        r"[doi:10.1175/1\(1963\)0\<1:D\>2](<https://doi.org/10.1175/1(1963)0%3C1:D%3E2>)"
    )


def test_components_within_mappings_are_written_as_calls(extension):
    _, recipes = extension
    component = registry().find("layer", "Network")
    recipes.run(component)
    text = recipes.in_python(component)
    assert "nodes={'E': dp.neurons.LIF(size=3" in text
    assert "'synapse': dp.synapses.Exponential()" in text
