"""The ring remembers any direction, with the bump of the closed form."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

FILE = Path(__file__).parents[2] / "examples" / "ring_attractor.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("ring_attractor", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.claim(
    "ring-attractor",
    "The bump of a ring of 256 rate units has the profile of the closed form, 500 ms after its cue (share of the peak)",
    tolerance=0.01,
    reference="Hansel, D. & Sompolinsky, H. (1998), Modeling feature selectivity in local cortical circuits",
    components=("layer:Network", "synapse:Direct"),
)
def test_the_bump_is_that_of_the_closed_form_and_stays_where_the_cue_was(example, measured):
    cue = 1.0
    _, rates, direction = example.remember(cue)
    assert np.abs(direction[-1] - cue) < 0.02
    expected = example.profile(np.angle(np.exp(1j * (example.ANGLES - cue))))
    assert expected.max() > 0.1
    measured.difference(rates[-1] / expected.max(), expected / expected.max())
