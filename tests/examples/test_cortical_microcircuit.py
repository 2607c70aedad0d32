"""The microcircuit of Potjans and Diesmann: its connections, and the current that stands for those it lacks."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

FILE = Path(__file__).parents[2] / "examples" / "cortical_microcircuit.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("cortical_microcircuit", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_circuit_has_the_connections_that_are_published(example):
    net, _ = example.microcircuit(0.02)
    sizes = {name: net[name].size[0] for name in example.NAMES}
    assert sum(sizes.values()) == pytest.approx(0.02 * 77169, abs=4)
    post = np.concatenate([net[f"from {name}"].fanout.post for name in example.NAMES])
    assert len(post) == pytest.approx(0.02**2 * 2.99e8, rel=0.01)
    received = np.bincount(post, minlength=sum(sizes.values()))[: sizes["L23E"]]
    pairs = np.array([20683.0 * n for n in example.SIZES])
    expected = np.sum(np.log1p(-example.PROBABILITIES[0]) / np.log1p(-1.0 / pairs)) / 20683
    assert received.mean() == pytest.approx(0.02 * expected, rel=0.02)


def test_the_current_stands_for_the_mean_that_is_missing(example):
    _, none = example.microcircuit(0.01)
    _, half = example.microcircuit(0.0025)
    assert set(none) == set(example.NAMES)
    share = (1 - np.sqrt(0.0025)) / (1 - np.sqrt(0.01))
    for name in none:
        assert half[name] == pytest.approx(share * none[name])
