"""When, and whether, what is configured is built."""

import pickle
from typing import Annotated, Any

import pytest

import dynplug as dp
from dynplug.errors import ConfigError
from dynplug.plugin import Unbuilt

pytestmark = pytest.mark.quick


def test_what_is_given_is_not_built_from_the_configuration_too():
    made = []

    @dp.register("surrogate", "counting", summary="counts")
    class Counting(dp.surrogates.Sigmoid):
        def __post_init__(self):
            made.append(self)

    try:
        config = {"type": "LIF", "size": 1, "surrogate": "counting"}
        given = dp.surrogates.Arctan()
        assert dp.build(config, given={"surrogate": given}).surrogate is given
        assert made == []
        assert [dp.build(config).surrogate] == made
    finally:
        dp.refresh()


def test_a_constructor_may_ask_for_what_is_configured_before_it_is_built():
    @dp.register("runner", "asking", summary="asks")
    class Asking:
        def __init__(
            self, target, *, loss_fun: Annotated[Any, Unbuilt("loss")], more: Annotated[Any, Unbuilt("neuron")]
        ):
            self.loss_fun, self.more = loss_fun, more

    def asked(loss, more=None):
        return dp.build({"type": "asking", "loss_fun": loss, "more": more}, path="r", given={"target": None})

    try:
        for loss, options in (("huber", {}), ({"type": "huber", "delta": 2.0}, {"delta": 2.0})):
            found = asked(loss).loss_fun
            assert (found.called, found.config, found.path) == ("huber", loss, "r.loss_fun")
            assert pickle.loads(pickle.dumps(found)) == found
            assert getattr(dp.build(found), "keywords", {}) == options
        assert asked(max).loss_fun is max  # a function is no name
        assert [dp.build(one) for one in asked(max, [{"type": "LIF", "size": 2}]).more] == [dp.neurons.LIF(2)]
        with pytest.raises(ConfigError, match=r"r.more\[1\].type: There is no neuron called 'huber'"):
            asked(max, [{"type": "LIF", "size": 2}, "huber"])
        with pytest.raises(ConfigError, match=r"r\.loss_fun\.delt: huber takes no 'delt'"):
            asked({"type": "huber", "delt": 2.0})
    finally:
        dp.refresh()


def test_nothing_is_built_before_all_names_are_known():
    made = []

    def counting(x):
        made.append(x)
        return dp.layers.Dense(2, 2, W_initializer=x)

    try:
        dp.register("layer", "counting", summary="counts")(counting)
        parts = {"type": "Sequential", "a": {"type": "counting", "x": 1.0}, "b": {"type": "LIF", "size": 2}}
        dp.build(parts)
        assert made == [1.0]
        for wrong in ({"type": "LIFF"}, {"type": "LIF", "size": 2, "taau": 1.0}, {"type": "LIF"}):
            with pytest.raises(ConfigError):
                dp.build({**parts, "b": wrong})
        assert made == [1.0]
    finally:
        dp.refresh()
