"""Components that say something wrong of themselves."""

import dynplug as dp
from dynplug.api import Param


class Layer(dp.DynamicalSystem):
    gain: float = 2.0

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, self.gain * x


class Silent(Layer):
    """A gain.

    **Arguments:**

    - `bias`: it has none.
    """


class InSeconds(Layer):
    """A gain.

    **Arguments:**

    - `gain`: what the input is multiplied by [1/s].
    """


class CitesNothing(Layer):
    """A gain.

    **Reference:** Nobody (2001), On gains, doi:nature.2001.42.
    """


class Shows(Layer):
    """A gain.

    ```python
    Shows(gain=3.0)
    ```
    """


class Needs(Layer):
    def __init__(self, gain):
        self.gain = gain


FAULTS = [
    {"check": "names_are_well_formed", "kind": "layer", "target": Layer, "spec": {"aliases": ("Faulty",)}},
    {"check": "names_are_well_formed", "kind": "layer", "target": Layer, "spec": {"summary": ""}},
    {"check": "arguments_are_documented", "kind": "layer", "target": Silent},
    {"check": "units_are_coherent", "kind": "layer", "target": InSeconds},
    {"check": "citation_is_well_formed", "kind": "layer", "target": CitesNothing},
    {"check": "examples_run", "kind": "layer", "target": Shows},
    {
        "check": "params_match_constructor",
        "kind": "layer",
        "target": Layer,
        "spec": {"params": (Param(name="gain", default="3.0"),)},
    },
    {
        "check": "params_match_constructor",
        "kind": "layer",
        "target": Layer,
        "spec": {"params": (Param(name="gain", default="2.0"), Param(name="bias"))},
    },
    {"check": "builds", "kind": "layer", "target": Needs},
]
