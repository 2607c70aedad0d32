"""The definition of a model in its file, and the error when another model reads the file."""

import enum
import functools
import json
from dataclasses import dataclass

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.core import definition, differences
from dynplug.errors import StateDictError

pytestmark = pytest.mark.quick

LIF, ALIF = dp.neurons.LIF, dp.neurons.ALIF


def net(hidden=None, **parts):
    hidden = LIF(3, tau=20.0) if hidden is None else hidden
    return dp.Sequential(a=dp.layers.Dense(2, 3, W_initializer=1.0), hidden=hidden, **parts)


class Color(enum.Enum):
    RED = 1


@dataclass(frozen=True)
class Settings:
    gain: float


class Odd(dp.DynamicalSystem):
    """A system with constants of all sorts."""

    number: float
    nothing: float | None
    function: object
    static: object = eqx.field(static=True)

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, x


def odd(number=1.0, nothing=None, function=jnp.tanh, static=0):
    return Odd(number, nothing, function, static)


def test_classes_and_constants_are_told_by_path_as_plain_json():
    told = definition(net())
    assert told[""] == "dynplug:Sequential"
    assert told["hidden"] == "dynplug:LIF"
    assert (told["hidden.tau"], told["hidden.reset"], told["hidden.size"]) == (20.0, "value", [3])
    assert (told["hidden.surrogate"], told["hidden.integrator"]) == ("dynplug:Sigmoid", "dynplug:ExponentialEuler")
    assert "a.weight" not in told
    assert json.loads(json.dumps(told)) == told


@pytest.mark.parametrize(
    ("other", "path", "saved", "present"),
    [
        (net(LIF(3, tau=5.0)), "hidden.tau", 20.0, 5.0),
        (net(LIF(3, tau=np.nextafter(20.0, 21.0))), "hidden.tau", 20.0, np.nextafter(20.0, 21.0)),
        (net(LIF(3, tau=20.0, reset="subtract")), "hidden.reset", "value", "subtract"),
        (net(LIF(3, tau=20.0, detach_reset=True)), "hidden.detach_reset", False, True),
        (net(ALIF(3, tau=20.0)), "hidden", "dynplug:LIF", "dynplug:ALIF"),
        (
            net(LIF(3, tau=20.0, surrogate=dp.surrogates.Triangle())),
            *("hidden.surrogate", "dynplug:Sigmoid", "dynplug:Triangle"),
        ),
        (net(LIF(3, tau=20.0, surrogate=dp.surrogates.Sigmoid(7.0))), "hidden.surrogate.alpha", 4.0, 7.0),
        (
            net(LIF(3, tau=20.0, integrator=diffrax.Euler())),
            *("hidden.integrator", "dynplug:ExponentialEuler", "diffrax:Euler"),
        ),
        (net(after=jnp.tanh), "after", None, "dynplug:Lift"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_model_is_named_with_path_saved_and_present_value(tmp_path, other, path, saved, present):
    dp.save_states(tmp_path / "f", net())
    with pytest.raises(StateDictError) as error:
        dp.load_states(tmp_path / "f", other)
    assert (path, saved, present) in error.value.differing
    assert f"{path} is {saved}, not {present}" in str(error.value)
    assert "strict=False" in str(error.value)
    loaded = dp.load_states(tmp_path / "f", other, strict=False)
    assert (path, saved, present) in loaded.differing
    assert definition(loaded.tree) == definition(other)


ALIKE = [
    {},
    {"number": float("nan")},
    {"number": float("inf")},
    {"nothing": 2.0},
    {"function": jax.nn.relu},
    {"function": functools.partial(jax.nn.leaky_relu, negative_slope=0.2)},
    {"function": functools.partial(jax.nn.leaky_relu, negative_slope=0.3)},
    {"function": lambda x: x},
    {"function": dp.neurons.LIF(2)},
    *({"static": value} for value in (1, 1.5, "a", (1, "a"), Color.RED, np.dtype("float32"))),
    *({"static": value} for value in (2j, Settings(1.0), Settings(2.0), frozenset("ab"), jnp.tanh, jnp.add, object())),
    {"static": (("a", 1),)},
]


@pytest.mark.parametrize("one", range(len(ALIKE)))
def test_any_constant_is_itself_and_no_other(one):
    saved = json.loads(json.dumps(definition(odd(**ALIKE[one]))))
    for n, other in enumerate(ALIKE):
        found = differences(saved, definition(odd(**other)))
        assert (n == one) == (not found), (ALIKE[one], other, found)


def test_a_number_that_was_trained_is_no_difference(tmp_path):
    trained = net(LIF(3, tau=jnp.asarray(7.0)))
    dp.save_states(tmp_path / "f", trained)
    loaded = dp.load_states(tmp_path / "f", net())
    assert loaded.whole
    assert float(loaded.tree["hidden"].tau) == 7.0


def test_what_has_gone_or_come_is_told_once(tmp_path):
    dp.save_states(tmp_path / "f", net(LIF(3, tau=20.0, V_th=0.5)))
    bigger = net(ALIF(3, tau=5.0, V_th=0.5), more=dp.neurons.LIF(3))
    differing = dp.load_states(tmp_path / "f", bigger, strict=False).differing
    assert [one.path for one in differing] == ["names", "hidden", "hidden.tau", "more"]


def test_a_class_of_a_script_is_found_again_where_it_is_imported(tmp_path):
    def make(module):
        cls = type("Net", (eqx.Module,), {"__annotations__": {"gain": float}, "__module__": module})
        return cls(2.0)

    dp.save_states(tmp_path / "f", make("__main__"))
    assert dp.load_states(tmp_path / "f", make("train")).whole
    dp.save_states(tmp_path / "f", make("package.one"))
    assert dp.load_states(tmp_path / "f", make("package.two")).whole
    with pytest.raises(StateDictError, match="it is package:Net, not other:Net"):
        dp.load_states(tmp_path / "f", make("other"))


def test_a_part_is_held_against_its_part_of_the_file(tmp_path):
    dp.save_states(tmp_path / "f", net())
    assert dp.load_states(tmp_path / "f", LIF(3, tau=20.0), prefix="a", strict=False).differing
    with pytest.raises(StateDictError, match="in_size is"):
        dp.load_states(tmp_path / "f", dp.layers.Dense(3, 3, W_initializer=1.0), prefix="a")
