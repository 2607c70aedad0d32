"""Checks of samplers."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dynplug.errors import ConfigError
from dynplug.search import Choice, Outcome, Sampler, Search, Space
from dynplug.testing.demands import demand
from dynplug.testing.subject import Subject

_MANY = {"a": {"uniform": [0.5, 2.0]}, "b.c": {"loguniform": [1e-3, 1.0]}, "d": {"int": [2, 5]}, "e": ["x", "y"]}
_LISTED = {"a": {"linspace": [0.5, 2.0, 2]}, "b.c": [1e-3, 1.0], "d": {"int": [2, 3]}, "e": ["x", "y"]}
_ASKED = 6


def asks_within_the_space(subject: Subject) -> None:
    """The values of each trial are those of all hyperparameters, within their distributions."""
    with tempfile.TemporaryDirectory() as folder:
        search = _search(subject, folder)
        asked = _sampled(subject.make(), search)
    demand(bool(asked), "It chooses no trial.")
    for number, values in enumerate(asked):
        demand(set(values) == set(search.space), f"Trial {number} has values of {sorted(values)}.")
        for path, value in values.items():
            demand(_within(search.space[path], value), f"Trial {number} has {path}={value!r}, outside of its values.")


def goes_on_as_if_never_killed(subject: Subject) -> None:
    """A new sampler that is told the outcomes of all finished trials repeats the choices of unfinished ones."""
    with tempfile.TemporaryDirectory() as folder:
        search = _search(subject, folder)
        first = subject.make()
        asked = _sampled(first, search)
        done, last = asked[:-1], len(asked) - 1
        again = subject.make()
        for _ in range(2):
            for number, values in enumerate(done):
                again.tell(search, values, _outcome(number))
        demand(again.ask(search, last) == asked[last], f"Asked again for trial {last}, it chooses other values.")


def _search(subject: Subject, folder: str) -> Search:
    """A search whose space the sampler takes: continuous, or else of lists."""
    for n, space in enumerate((_MANY, _LISTED)):
        home = Path(folder, str(n))
        home.mkdir()
        search = Search(Space.parse(space), folder=home)
        try:
            subject.make().ask(search, 0)
        except ConfigError:
            continue
        return Search(search.space, folder=Path(folder))
    raise AssertionError("It takes neither continuous distributions nor lists.")


def _sampled(sampler: Sampler, search: Search) -> list[Mapping[str, object]]:
    """Some trials, each but the last told of before the next is asked for."""
    asked: list[Mapping[str, object]] = []
    for number in range(_ASKED):
        values = sampler.ask(search, number)
        if values is None:
            break
        asked.append(values)
        if number < _ASKED - 1:
            sampler.tell(search, values, _outcome(number))
    return asked


def _outcome(number: int) -> Outcome:
    return Outcome(number, "finished", float((7 * number) % 5))


def _within(distribution: Any, value: Any) -> bool:
    if isinstance(distribution, Choice):
        return value in distribution.options
    return distribution.low <= value <= distribution.high
