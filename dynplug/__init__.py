"""dynplug: dynamical systems as Equinox modules, run and trained through time, extended by plugins.

All public names load on first use: `import dynplug` imports neither JAX nor a plugin.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dynplug import (
        api as api,
        connectors as connectors,
        core as core,
        delivery as delivery,
        diagnosis as diagnosis,
        encoders as encoders,
        errors as errors,
        initializers as initializers,
        inputs as inputs,
        integrators as integrators,
        interchange as interchange,
        layers as layers,
        losses as losses,
        measures as measures,
        network as network,
        neurons as neurons,
        plasticity as plasticity,
        plot as plot,
        run as run,
        sources as sources,
        surrogates as surrogates,
        synapses as synapses,
        tasks as tasks,
        testing as testing,
        timeloop as timeloop,
        train as train,
    )
    from dynplug.core import (
        Context as Context,
        Drive as Drive,
        DynamicalSystem as DynamicalSystem,
        Lift as Lift,
        Neuron as Neuron,
        ODESystem as ODESystem,
        Parameter as Parameter,
        Sequential as Sequential,
        Synapse as Synapse,
        as_size as as_size,
        continuous as continuous,
        discrete as discrete,
        event as event,
        load_state_dict as load_state_dict,
        load_states as load_states,
        lookup as lookup,
        nodes as nodes,
        param as param,
        save_states as save_states,
        state_dict as state_dict,
        target_size as target_size,
        to as to,
        train_vars as train_vars,
        variables as variables,
    )
    from dynplug.layers import Recurrent as Recurrent
    from dynplug.network import (
        Coupling as Coupling,
        GapJunction as GapJunction,
        Network as Network,
        Projection as Projection,
    )
    from dynplug.plugin import (
        build as build,
        get as get,
        list_components as list_components,
        override as override,
        refresh as refresh,
        register as register,
    )
    from dynplug.recipe import load_run as load_run
    from dynplug.run import (
        DSRunner as DSRunner,
        LoopOverTime as LoopOverTime,
        compilation_cache as compilation_cache,
    )
    from dynplug.timeloop import tune_allocator as tune_allocator
    from dynplug.train import BPFF as BPFF, BPTT as BPTT, diagnose as diagnose

__version__ = "0.1.0"

_MODULES = (
    *("api", "connectors", "core", "delivery", "diagnosis", "encoders", "errors", "initializers", "inputs"),
    *("integrators", "interchange", "layers", "losses", "measures", "network", "neurons", "plasticity", "plot"),
    *("run", "sources", "surrogates", "synapses", "tasks"),
    *("testing", "timeloop", "train"),
)
_NAMES = {
    "dynplug.core": (
        "Context Drive DynamicalSystem Lift Neuron ODESystem Parameter Sequential Synapse discrete event lookup "
        "continuous param as_size load_state_dict load_states nodes save_states state_dict target_size to train_vars "
        "variables"
    ),
    "dynplug.layers": "Recurrent",
    "dynplug.network": "Coupling GapJunction Network Projection",
    "dynplug.plugin": "build get list_components override refresh register",
    "dynplug.recipe": "load_run",
    "dynplug.timeloop": "tune_allocator",
    "dynplug.run": "DSRunner LoopOverTime compilation_cache",
    "dynplug.train": "BPFF BPTT diagnose",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = ["__version__", *_MODULES, *_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return import_module(f"dynplug.{name}")
        if name in _HOME:
            return getattr(import_module(_HOME[name]), name)
        raise AttributeError(f"module 'dynplug' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted(__all__)
