"""Identities that a spec states: what is wrong is found and named, in the text or in the component."""

import equinox as eqx
import jax.numpy as jnp
import pytest

import dynplug as dp
from dynplug.api import LossSpec
from dynplug.plugin import registry
from dynplug.testing import CHECKS
from dynplug.testing.checks import outcome_of
from dynplug.testing.identities import QUANTITIES
from dynplug.testing.subject import subject_of


@pytest.fixture(autouse=True)
def forget():
    yield
    dp.refresh()


def outcome(kind, target, identities, **example):
    dp.register(kind, "stating", summary="for a test", identities=identities, example=example)(target)
    return outcome_of(CHECKS["satisfies_its_identities"], subject_of(kind, "local:stating"))


def squares(predicts, targets, scale=1.0):
    return scale * jnp.mean((predicts - targets) ** 2)


@pytest.mark.parametrize(
    ("identities", "outcome_", "message"),
    [
        ({"value": "scale * mean((predicts - targets)**2)"}, "passed", ""),
        ({"e": "predicts - targets", "value": "scale * mean(e**2)"}, "passed", ""),
        ({"sqrt(value / scale)": "sqrt(mean((predicts - targets)**2))"}, "passed", ""),
        ({"value": "mean((predicts - targets)**2) + 0 * scale"}, "failed", "with {'scale': 1.5}: they differ by"),
        (
            {"value": "scale * mean(abs(predicts - targets))"},
            "failed",
            "value, and scale * mean(abs(predicts - targets))",
        ),
        ({"value": "mean((predict - targets)**2)"}, "failed", "unknown name 'predict'. Did you mean 'predicts'"),
        (
            {"valu": "mean((predicts - targets)**2)"},
            "failed",
            "a line for 'valu', which is unknown. Did you mean 'value'",
        ),
        ({"value": "mean(predicts"}, "failed", "cannot be read"),
        ({}, "skipped", "its spec states no `identities`"),
    ],
)
def test_what_is_wrong_is_named(identities, outcome_, message):
    result = outcome("loss", squares, identities)
    assert result.outcome == outcome_, result
    assert message in result.reason


class LeakyState(eqx.Module):
    h: jnp.ndarray


class Leaky(dp.DynamicalSystem):
    """A layer whose bias starts at zero and whose output is twice its state."""

    bias: jnp.ndarray
    leak: float

    def __init__(self, leak=1.0):
        self.bias, self.leak = jnp.zeros(3), leak

    def init_state(self, ctx):
        return LeakyState(jnp.zeros(3, ctx.dtype))

    def update(self, state, x, ctx):
        h = (1.0 - self.leak) * state.h + self.leak * (x - self.bias)
        return LeakyState(h), 2.0 * h


@pytest.mark.parametrize(
    ("line", "outcome_"),
    [
        ("2 * u + 2 * (1 - leak) * h_before", "passed"),
        ("2 * u", "failed"),  # the same for a leak of 1, which is what it has
        ("2 * leak * (x + bias) + 2 * (1 - leak) * h_before + 0 * u", "failed"),  # the same for a bias of zero
    ],
)
def test_arguments_and_arrays_are_moved_so_that_they_hide_nothing(line, outcome_):
    assert outcome("layer", Leaky, {"u": "leak * (x - bias)", "output": line}).outcome == outcome_


def test_what_an_instance_is_made_of_is_looked_at_as_it_was_built():
    assert outcome("layer", Leaky, {"mean(bias)": "0"}).outcome == "passed"
    assert outcome("layer", Leaky, {"mean(bias)": "1"}).outcome == "failed"


@pytest.mark.parametrize("kind", QUANTITIES)
def test_components_of_every_kind_that_can_state_identities_do(kind):
    assert any(c.spec.identities for c in registry().components(kind) if c.plugin.namespace == "dynplug")


def test_identities_are_texts():
    with pytest.raises(TypeError, match="identities"):
        LossSpec(name="one", target="a:b", identities={"value": 1})
