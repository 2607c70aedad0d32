"""Plugins: which components exist, and how a configuration becomes objects. Nothing here imports JAX by itself."""

from dynplug.plugin.build import build as build
from dynplug.plugin.observing import observers as observers
from dynplug.plugin.registry import (
    get as get,
    list_components as list_components,
    override as override,
    refresh as refresh,
    register as register,
    registry as registry,
)
