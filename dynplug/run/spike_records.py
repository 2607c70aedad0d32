"""Spikes of a run as events, and their storage while it proceeds."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import NoReturn, overload

import numpy as np
from jaxtyping import PyTree

from dynplug.errors import DataError, OptionError, UnknownNameError, nearest
from dynplug.measures import Events
from dynplug.run.files import GrowingArray
from dynplug.run.spike_bits import unpack
from dynplug.run.spike_fields import SpikeFields

FOLDER = "spikes"


class Spikes(dict[str, Events]):
    """The spikes of a run: the `Events` of each population by name, also as attributes."""

    def __missing__(self, name: str) -> NoReturn:
        hint = nearest(name, self) if self else "Name populations by DSRunner(spikes=[...]), and run."
        raise UnknownNameError(f"The spikes of {name!r} are not recorded. {hint}")

    def __getattr__(self, name: str) -> Events:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]


class EventStore(ABC):
    """Takes the events of one population chunk by chunk: one array for each of their properties."""

    @abstractmethod
    def append(self, first: int, events: dict[str, np.ndarray]) -> None:
        """Store those of the chunk that begins with step `first`; a chunk may be stored again."""

    @abstractmethod
    def finish(self, end: int) -> dict[str, np.ndarray]:
        """Those of all chunks that begin before step `end`."""


class EventsInMemory(EventStore):
    """Keeps events in host memory."""

    def __init__(self) -> None:
        self._chunks: dict[int, dict[str, np.ndarray]] = {}

    def append(self, first: int, events: dict[str, np.ndarray]) -> None:
        self._chunks[first] = events

    def finish(self, end: int) -> dict[str, np.ndarray]:
        chunks = [events for first, events in self._chunks.items() if first < end]
        return {name: np.concatenate([events[name] for events in chunks]) for name in (chunks[0] if chunks else ())}


class EventsInFiles(EventStore):
    """Appends events to `.npy` files, one for each of their properties, from a time on replacing what is there.

    **Arguments:**

    - `stem`: the path of the files without the end of their names.
    - `start`: the time from which on they are replaced [ms].
    """

    def __init__(self, stem: Path, start: float):
        self._stem, self._start = stem, start
        self._files: dict[str, GrowingArray] = {}
        self._rows: dict[int, int] = {}  # the first row of each chunk
        self._end = 0

    def append(self, first: int, events: dict[str, np.ndarray]) -> None:
        if not self._files:
            self._open(events)
        row = self._rows.setdefault(first, self._end)
        for name, file in self._files.items():
            file.write(row, events[name])
        self._end = row + len(events["t"])

    def finish(self, end: int) -> dict[str, np.ndarray]:
        count = min((row for first, row in self._rows.items() if first >= end), default=self._end)
        return {name: file.read(count) for name, file in self._files.items()}

    def _open(self, events: dict[str, np.ndarray]) -> None:
        self._stem.parent.mkdir(parents=True, exist_ok=True)
        clock = self._path("t")
        before = int(np.searchsorted(np.load(clock, mmap_mode="r"), self._start, "right")) if clock.exists() else 0
        for name in sorted(events, key="t".__eq__):  # times last, so that everything else has at least as many rows
            self._files[name] = GrowingArray(self._path(name), (), events[name].dtype, before)

    def _path(self, name: str) -> Path:
        return self._stem.with_name(f"{self._stem.name}.{name}.npy")


class SpikeRecorder:
    """Turns the bits of one run into events, and keeps them in memory or in files.

    **Arguments:**

    - `fields`: the populations.
    - `dt`: the step [ms].
    - `t0`: the time at step 0 [ms].
    - `first`: the first step of the run.
    - `batch_size`: the number of samples, if there is a batch.
    - `folder`: the folder of the files; `None`: in memory.
    - `goes_on`: whether the run continues another; if not, an existing file is an error.
    """

    def __init__(
        self,
        fields: SpikeFields,
        dt: float,
        t0: float,
        first: int,
        batch_size: int | None,
        folder: Path | None,
        goes_on: bool,
    ):
        self._fields, self._dt, self._t0 = fields, dt, t0
        self._start, self._batch_size = self._time(first), batch_size
        self._stores = {name: self._store(name, folder) for name, _ in fields.paths}
        there = [] if folder is None or goes_on or not fields.paths else sorted((folder / FOLDER).glob("*.npy"))
        if there:
            raise DataError(
                f"{there[0]} exists, and a new run would overwrite it: move it away, or give another "
                "folder as record_to."
            )

    def append(self, first: int, bits: dict[str, PyTree]) -> None:
        """Store the events of a chunk that begins with step `first`; a chunk may be stored again."""
        for (name, path), shape in zip(self._fields.paths, self._fields.shapes, strict=True):
            words = np.asarray(bits[name])
            words = words.reshape(len(words), 1 if self._batch_size is None else self._batch_size, words.shape[-1])
            found = unpack(words, int(np.prod(shape, dtype=int)))
            if found is None:
                raise OptionError(
                    f"spikes: {path!r} has values other than 0 and 1 between {self._time(first):g} and "
                    f"{self._time(first + len(words)):g} ms, which are no events of one kind: record them all by "
                    f"monitors=[{path!r}]."
                )
            step, sample, unit = found
            events = {"t": self._time(first + step + 1), "i": unit.astype(np.int32)}
            if self._batch_size is not None:
                events["sample"] = sample.astype(np.int32)
            self._stores[name].append(first, events)

    def finish(self, end: int) -> Spikes:
        """The events of all chunks that begin before step `end`, where the run ended."""
        spikes, empty = Spikes(), np.zeros(0, np.int32)
        for (name, _), shape in zip(self._fields.paths, self._fields.shapes, strict=True):
            found = self._stores[name].finish(end)
            spikes[name] = Events(
                found.get("t", np.zeros(0)),
                found.get("i", empty),
                size=shape,
                start=self._start,
                stop=self._time(end),
                sample=None if self._batch_size is None else found.get("sample", empty),
                batch_size=self._batch_size,
            )
        return spikes

    @overload
    def _time(self, step: int) -> float: ...
    @overload
    def _time(self, step: np.ndarray) -> np.ndarray: ...
    def _time(self, step: int | np.ndarray) -> float | np.ndarray:
        """The time at the start of a step [ms]: the end of the step before it."""
        return self._t0 + step * self._dt

    def _store(self, name: str, folder: Path | None) -> EventStore:
        half = self._dt / 2.0  # no spike is there, however it is rounded
        return EventsInMemory() if folder is None else EventsInFiles(folder / FOLDER / name, self._start + half)
