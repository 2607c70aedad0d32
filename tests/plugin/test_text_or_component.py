"""Text is the name of a component where a constructor takes a component, and text elsewhere."""

import inspect
from typing import Any

import pytest

import dynplug as dp
from dynplug.errors import ConfigError
from dynplug.plugin import registry
from dynplug.plugin.configured import kind_of_argument, parameters, takes_number, takes_text

pytestmark = pytest.mark.quick

TEXT = """
from __future__ import annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional
import dynplug as dp
if TYPE_CHECKING:
    from nowhere import Thing

class Row(dp.DynamicalSystem):
    given: Any
    def init_state(self, ctx): return None
    def update(self, state, x, ctx): return state, x

def row(surrogate: {annotation} = {default}): return Row(surrogate)
def bare(surrogate={default}): return Row(surrogate)
"""


@pytest.mark.parametrize(
    ("annotation", "default", "text"),
    [
        ("str", "None", True),
        ("str | None", "None", True),
        ("Optional[str]", "None", True),
        ("Literal['sigmoid', 'other']", "None", True),
        ("Annotated[str, 'which']", "None", True),
        ("Thing | str", "None", True),
        ("Any", "'sigmoid'", True),
        ("object", "'sigmoid'", True),
        ("Any", "None", False),
        ("Thing", "None", False),
        ("dp.surrogates.Surrogate | None", "None", False),
        ("Literal[1, 2]", "None", False),
    ],
)
def test_text_is_a_component_only_where_the_constructor_takes_one(install, fresh_registry, annotation, default, text):
    hooks = (
        "from dynplug.api import LayerSpec, hookimpl\n"
        "@hookimpl\n"
        "def dynplug_register_layers():\n"
        "    return [LayerSpec(name=n, target=f'text_model:{n}') for n in ('row', 'bare')]\n"
    )
    model = TEXT.format(annotation=annotation, default=default)
    install("dynplug-text", {"text_hooks": hooks, "text_model": model}, {"hooks": "text_hooks"})
    found = dp.build({"type": "text:row", "surrogate": "sigmoid"}).given
    assert found == "sigmoid" if text else isinstance(found, dp.surrogates.Sigmoid)
    found = dp.build({"type": "text:bare", "surrogate": "sigmoid"}).given
    assert found == "sigmoid" if default == "'sigmoid'" else isinstance(found, dp.surrogates.Sigmoid)
    built = dp.build({"type": "text:row", "surrogate": {"type": "sigmoid"}}).given
    assert isinstance(built, dp.surrogates.Sigmoid)  # a table with a type is a component everywhere


def test_each_parameter_of_dynplugs_own_components_is_read_as_its_default_is():
    """A parameter named like a kind takes text if, and only if, its default is text."""
    seen = set()
    for component in registry().components():
        for name, parameter in parameters(component.load()).items():
            if kind_of_argument(name) is not None:
                assert takes_text(parameter) == isinstance(parameter.default, str), (component.id, name)
                seen.add(name)
    assert {"surrogate", "integrator", "W_initializer", "optimizer", "metric", "encoder"} <= seen


def test_options_of_runners_that_bear_the_name_of_a_kind_are_text():
    loop = dp.build({"type": "LoopOverTime", "dt": 0.5, "loop": "layer"}, given={"target": dp.neurons.LIF(2)})
    assert loop.loop == "layer"
    with pytest.raises(ConfigError, match="loop='lyer'"):
        dp.build({"type": "LoopOverTime", "dt": 0.5, "loop": "lyer"}, given={"target": dp.neurons.LIF(2)})
    assert dp.build({"type": "EarlyStopping", "metric": "accuracy"}, kind="observer").metric == "accuracy"


@pytest.mark.parametrize("annotation", [inspect.Parameter.empty, Any, object])
def test_a_parameter_of_any_value_is_read_as_its_default_is(annotation):
    for default, number, text in ((1.5, True, False), ("text", False, True), (None, False, False)):
        parameter = inspect.Parameter("given", inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        assert (takes_number(parameter), takes_text(parameter)) == (number, text)
