"""Plugins: discovering and registering components, and building them from configurations, without importing JAX."""

from dynplug.plugin.build import build as build
from dynplug.plugin.completeness import undocumented as undocumented
from dynplug.plugin.component import Component as Component
from dynplug.plugin.configured import (
    Configured as Configured,
    as_written as as_written,
    check_values as check_values,
    kind_of_argument as kind_of_argument,
    kind_of_part as kind_of_part,
    parameters as parameters,
    read as read,
    resolve as resolve,
)
from dynplug.plugin.discovery import Plugin as Plugin, namespace_of as namespace_of, normalised as normalised
from dynplug.plugin.documentation import (
    argument_of as argument_of,
    bibtex as bibtex,
    documentation as documentation,
    unit_of as unit_of,
    variable_of as variable_of,
)
from dynplug.plugin.example import UNITS as UNITS, example_of as example_of, make_example as make_example
from dynplug.plugin.hints import (
    answers_for_arguments as answers_for_arguments,
    answers_when_made as answers_when_made,
    check_keywords as check_keywords,
    missing_attribute as missing_attribute,
)
from dynplug.plugin.hook_imports import Imported as Imported, imports_of as imports_of
from dynplug.plugin.kinds import KINDS as KINDS, Kind as Kind, kind_named as kind_named
from dynplug.plugin.loader import STRICT as STRICT, normalise as normalise
from dynplug.plugin.observing import observers as observers
from dynplug.plugin.problems import (
    CACHE as CACHE,
    VARIABLES as VARIABLES,
    Problem as Problem,
    examined as examined,
    problems_of as problems_of,
    shared_names as shared_names,
)
from dynplug.plugin.registry import (
    LOCAL as LOCAL,
    get as get,
    list_components as list_components,
    override as override,
    refresh as refresh,
    register as register,
    registry as registry,
)
from dynplug.plugin.strangers import (
    CtrlC as CtrlC,
    in_words as in_words,
    shortened as shortened,
    strangers_code as strangers_code,
)
from dynplug.plugin.unbuilt import Unbuilt as Unbuilt
