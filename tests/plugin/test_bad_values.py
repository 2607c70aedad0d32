"""No option that is a number takes what is none, in any component of dynplug and of its plugin packages."""

import inspect
import math
import typing

import jax
import pytest
from checked_annotations import unchecked

import dynplug as dp
from dynplug.errors import DynplugError, MissingPackageError, PluginError
from dynplug.plugin import example_of, registry

KINDS = ("neuron", "synapse", "layer", "source", "surrogate", "initializer", "connector", "encoder", "plasticity")

pytestmark = pytest.mark.quick


def numeric_options(component):
    """The options whose default, example or annotation is a number."""
    try:
        target = component.load()
        hints = typing.get_type_hints(target.__init__ if inspect.isclass(target) else target)
    except (PluginError, MissingPackageError):
        return
    except (NameError, TypeError):
        hints = {}
    example = example_of(component)
    for name, option in inspect.signature(target).parameters.items():
        shown, hint = example.get(name, option.default), hints.get(name)
        is_number = isinstance(shown, (int, float)) or any(h in (float, int) for h in (hint, *typing.get_args(hint)))
        if is_number and not isinstance(shown, bool):
            yield name


@pytest.mark.parametrize(
    ("component", "name"),
    [
        pytest.param(component, name, id=f"{component.id}-{name}")
        for kind in KINDS
        for component in registry().components(kind)
        for name in numeric_options(component)
    ],
)
def test_what_is_no_number_is_refused(component, name):
    config = {"type": component.id, **example_of(component)}
    for bad in (math.nan, math.inf, True, "x", 1j):
        with pytest.raises(DynplugError) as raised, unchecked():
            dp.build({**config, name: bad}, kind=component.kind.name, key=jax.random.key(0))
        cause = raised.value.__cause__ or raised.value
        assert isinstance(cause, DynplugError), f"{name}={bad!r}: {cause!r}"
