"""Checks of the equations that a model states as text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax
import numpy as np

from dynplug.core import continuous
from dynplug.equations import BEFORE, SPIKE, WEIGHT, Stated, after_event, after_spike, at_start, derivative, read
from dynplug.errors import EquationError
from dynplug.testing.demands import close, demand
from dynplug.testing.quantities import Quantities, padded, places
from dynplug.testing.stepping import started, trial_of
from dynplug.testing.subject import Skip, Subject

_RELATIVE, _ABSOLUTE = 1e-8, 1e-10  # rounding, and the series by which models go over removable singularities
_MOMENT = 1e-6  # what happens besides in a step of no length
_COMPARABLE = 0.5  # the least share of places where both sides are finite


def follows_its_equations(subject: Subject) -> None:
    """`vector_field` equals `equations`, the text beside the fields, at random states and parameters."""
    stated = stated_by(subject)
    evidence_of(subject).compare(stated)


def starts_where_it_says(subject: Subject) -> None:
    """`init_state` equals `starts_at`, the text beside the fields, at random parameters."""
    starts_of(subject)(stated_by(subject))


def starts_of(subject: Subject) -> Callable[[Stated], None]:
    """A function that compares `init_state` with a text."""
    there = places(_quantities(subject), trial_of(subject))
    with jax.enable_x64(True):
        quantities = _quantities(subject)
        found, names = there.starts(quantities), there.names(quantities)
    known = {name: value for name, value in names.items() if name not in found}

    def compare(stated: Stated) -> None:
        lines = {name: f"{at_start(name)} = {node.text}" for name, node in stated.starts.items()}
        _demand_same(found, stated.start_values(known), lines, _RELATIVE)

    return compare


def spikes_as_it_says(subject: Subject) -> None:
    """`emit` spikes as `spikes_if` says, the text beside the fields, and changes the state as `on_spike` says."""
    spikes_of(subject)(stated_by(subject))


def spikes_of(subject: Subject) -> Callable[[Stated], None]:
    """A function that compares `emit` with a text."""
    there = places(_quantities(subject), trial_of(subject))
    before = {name: np.roll(values, 1, axis=0) for name, values in there.variables.items()}
    with jax.enable_x64(True):
        quantities = _quantities(subject)
        found, names = there.emitted(quantities, before), there.names(quantities)
    demand(SPIKE in found, f"It says when it spikes, and its state has no field {SPIKE!r}.")
    names |= {name + BEFORE: value for name, value in before.items()}

    def compare(stated: Stated) -> None:
        spike, after = stated.after_step(names)
        condition = stated.lines[SPIKE].text
        demand(spike.any() and not spike.all(), f"{SPIKE} = {condition}: so it is at {np.sum(spike)} of {spike.size}.")
        lines = {name: f"{after_spike(name)} = {node.text}" for name, node in stated.effects.items()}
        _demand_same(found, {SPIKE: spike.astype(float)}, {SPIKE: f"{SPIKE} = {condition}"}, _RELATIVE)
        _demand_same(found, after, lines, _RELATIVE)

    return compare


def answers_events_as_it_says(subject: Subject) -> None:
    """An event changes the state as `on_event` says, the text beside the fields."""
    events_of(subject)(stated_by(subject))


def events_of(subject: Subject) -> Callable[[Stated], None]:
    """A function that compares an infinitesimal step with an event with a text."""
    there = places(_quantities(subject), trial_of(subject))
    weights = np.random.default_rng(13).uniform(0.1, 2.0, len(there.t))
    with jax.enable_x64(True):
        quantities = _quantities(subject)
        found, names = there.received(quantities, weights), there.names(quantities)
    names |= {WEIGHT: padded(weights, max(np.ndim(value) for value in names.values()))}

    def compare(stated: Stated) -> None:
        lines = {name: f"{after_event(name)} = {node.text}" for name, node in stated.events.items()}
        _demand_same(found, stated.after_event(names), lines, _MOMENT)

    return compare


def _demand_same(
    found: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray], lines: dict[str, str], rtol: float
) -> None:
    for name, value in wanted.items():
        what = f"{name}, and what the text says ({lines.get(name, 'it stays as it is')})"
        close(found[name], np.broadcast_to(value, found[name].shape), what, rtol=rtol)


def equations_agree_in_units(subject: Subject) -> None:
    """Both sides of each equation, and the terms of each sum, have the same unit, according to the docstrings."""
    try:
        stated = stated_by(subject)
    except EquationError as error:
        raise Skip("its equations cannot be read: see the check 'follows_its_equations'") from error
    try:
        stated.check_units(_quantities(subject).unit)
    except EquationError as error:
        raise EquationError(
            f"{error} Units are those in brackets under **Arguments:** and in the docstring of the state's class. What "
            "has none there is a pure number; so is a literal, unless its unit follows it, as in 40[mV]."
        ) from None


@dataclass(frozen=True)
class Evidence:
    """The values of `vector_field` at random points, by variable, and of all names there."""

    found: dict[str, np.ndarray]
    names: dict[str, np.ndarray]

    def compare(self, stated: Stated) -> None:
        """Demand that the equations give the same values."""
        for name, wanted in stated.values(self.names).items():
            found = self.found[name]
            wanted = np.broadcast_to(wanted, found.shape)
            both = np.isfinite(found) & np.isfinite(wanted)
            text = f"{derivative(name)} = {stated.derivatives[name].text}"
            demand(np.mean(both) >= _COMPARABLE, f"{text}: it is not finite at {np.sum(~both)} of {both.size} places.")
            limit = _RELATIVE * np.abs(wanted) + _ABSOLUTE * np.median(np.abs(wanted[both]))
            with np.errstate(invalid="ignore"):
                wrong = both & (np.abs(found - wanted) > limit)
            if wrong.any():
                at = tuple(np.argwhere(wrong)[0].tolist())
                used = sorted(stated.used_by(name) & self.names.keys())
                values = ", ".join(f"{n} = {np.broadcast_to(self.names[n], found.shape)[at]:.6g}" for n in used)
                demand(
                    False,
                    f"{text}: that is {wanted[at]:.6g} where vector_field gives {found[at]:.6g}, with {values}; they "
                    f"differ at {np.sum(wrong)} of {wrong.size} places.",
                )


def stated_by(subject: Subject) -> Stated:
    """The equations that a component states.

    **Raises:** `EquationError` for a text that cannot be read, and for unknown names.
    """
    trial_of(subject)
    quantities = _quantities(subject)
    system, neuron = subject.instance, subject.kind == "neuron"
    more = {"spikes_if": system.spikes_if, "on_spike": system.on_spike} if neuron else {"on_event": system.on_event}
    stated = read(system.equations, system.definitions, system.starts_at, **more)
    stated.check_names(quantities.variables, {**quantities.parameters, **quantities.constants}, quantities.given)
    return stated


def evidence_of(subject: Subject) -> Evidence:
    """The values of the component's `vector_field`, in double precision."""
    there = places(_quantities(subject), trial_of(subject))
    with jax.enable_x64(True):
        quantities = _quantities(subject)
        found, names = there.field(quantities), there.names(quantities)
    shapes = {name: value.shape for name, value in there.variables.items()}
    return Evidence({n: np.broadcast_to(padded(found[n], len(s)), s) for n, s in shapes.items()}, names)


def _quantities(subject: Subject) -> Quantities:
    system = subject.make()
    return Quantities(system, continuous(started(system)), subject.kind)
