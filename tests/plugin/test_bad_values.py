"""No option that is a number takes what is none, in any component of dynplug and of its plugin packages."""

import inspect
import math
import re
import typing

import jax
import pytest
from checked_annotations import unchecked

import dynplug as dp
from dynplug.errors import DynplugError, MissingPackageError, PluginError
from dynplug.plugin import example_of, registry

KINDS = (
    *("neuron", "synapse", "layer", "source", "surrogate"),
    *("initializer", "connector", "encoder", "plasticity", "task"),
)

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


OPTIONS = [
    pytest.param(component, name, id=f"{component.id}-{name}")
    for kind in KINDS
    for component in registry().components(kind)
    for name in numeric_options(component)
]
NOT_NEGATIVE = re.compile("g[A-Z].*|gc|g_max|T_max|tau.*|duration|C|sigma|std|rate|(.*_)?scale|num_step|n|m|k|p|steps")
KEY = jax.random.key(0)


@pytest.mark.parametrize(("component", "name"), OPTIONS)
def test_what_is_no_number_is_refused(component, name):
    config = {"type": component.id, **example_of(component)}
    for bad in (math.nan, math.inf, True, "x", 1j):
        with pytest.raises(DynplugError) as raised, unchecked():
            dp.build({**config, name: bad}, kind=component.kind.name, key=KEY)
        cause = raised.value.__cause__ or raised.value
        assert isinstance(cause, DynplugError), f"{name}={bad!r}: {cause!r}"


@pytest.mark.parametrize(("component", "name"), [o for o in OPTIONS if NOT_NEGATIVE.fullmatch(o.values[1])])
def test_what_is_never_below_zero_is_not(component, name):
    if component.id == "dynplug:Orthogonal@1" or name == "tau_ref":  # a reflection; refused with the step
        return
    with pytest.raises(DynplugError, match=rf"{name}\b.*-1"):
        dp.build({"type": component.id, **example_of(component), name: -1}, kind=component.kind.name, key=KEY)
