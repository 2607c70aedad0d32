"""What this compiler cannot do is done by JAX, with the same results."""

import jax
import pytest
from compared_loops import EYE, recurrent, same, total

from dynplug.timeloop import custom_derivative, scan


def test_what_cannot_be_split_runs_as_lax_scan(monkeypatch):
    monkeypatch.setattr(custom_derivative, "fall_back", True)

    def refuse(*_, **__):
        raise NotImplementedError

    monkeypatch.setattr(custom_derivative, "execute", refuse)
    same(recurrent(0.3 * EYE, scan), recurrent(0.3 * EYE, jax.lax.scan))
    one, other = (jax.grad(lambda w, each=each: total(recurrent(w, each)))(0.3 * EYE) for each in (scan, jax.lax.scan))
    same(one, other)


@pytest.mark.parametrize("broken", ["linearise", "transpose"])
def test_what_cannot_be_turned_round_is_left_to_jax(broken, monkeypatch):
    monkeypatch.setattr(custom_derivative, "fall_back", True)

    def refuse(*_, **__):
        raise NotImplementedError

    monkeypatch.setattr(custom_derivative, broken, refuse)
    one, other = (jax.grad(lambda w, each=each: total(recurrent(w, each)))(0.3 * EYE) for each in (scan, jax.lax.scan))
    same(one, other)
    one, other = (jax.jvp(lambda w, each=each: recurrent(w, each), (EYE,), (EYE,)) for each in (scan, jax.lax.scan))
    same(one, other)
