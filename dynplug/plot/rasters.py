"""Plots of the spikes of populations."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from dynplug.errors import OptionError
from dynplug.measures import Events, as_events, rate_over_time
from dynplug.plot.activity import limits, rows

Train = Events | tuple[ArrayLike, ArrayLike]  # of a population: its times [ms] and its units
Spikes = Train | Mapping[str, Train]

_MANY = 20_000  # marks; more make a file of vectors larger than one of dots


def raster(ax: Axes, ts: Any, spikes: ArrayLike | None = None, *, title: str = "") -> None:
    """Plot spikes as a raster, a mark for each: `raster(ax, runner.spikes)`, or `raster(ax, ts, spikes)`.

    **Arguments:**

    - `ax`: the axes.
    - `ts`: the `Events` of a population, a pair `(t, i)` of times [ms] and units, or a mapping of populations by name,
        which are drawn one above the other; or, if `spikes` are given, their times [ms].
    - `spikes`: spikes (time, units), if they are not events.
    - `title`: the title.

    **Raises:** `OptionError` for a batch; `ShapeError` if there is not one row of spikes for each time.
    """
    if spikes is not None:
        ts, spikes = rows(ts, spikes)
        step, unit = np.nonzero(spikes)
        _marks(ax, ts[step], unit, "black")
        ax.set(xlim=limits(ts), ylim=(-1, spikes.shape[1]), xlabel="time [ms]", ylabel="unit", title=title)
        return
    populations = _named(ts)
    bottom, middles = 0, []
    for k, (name, events) in enumerate(populations.items()):
        if events.batch_size is not None:
            raise OptionError(
                f"A raster is of one sample, and {name or 'this population'} has a batch: give events[0]."
            )
        _marks(ax, events.t, bottom + events.i, "black" if len(populations) == 1 else f"C{k}")
        middles.append(bottom + (events.size - 1) / 2)
        bottom += events.size
    ax.set(xlim=_extent(populations), ylim=(-1, bottom), xlabel="time [ms]", ylabel="unit", title=title)
    if len(populations) > 1:
        ax.set_yticks(middles, list(populations))
        ax.set_ylabel("")


def psth(ax: Axes, events: Spikes, *, bin: float, title: str = "") -> None:
    """Plot the rate of a population over time [Hz], the mean of all units, and of all samples of a batch.

    **Arguments:**

    - `ax`: the axes.
    - `events`: the `Events` of a population, a pair `(t, i)` of times [ms] and units, or a mapping of populations by
        name, each of which is a line.
    - `bin`: the length of the windows in which spikes are counted [ms].
    - `title`: the title.

    **Raises:** `OptionError` or `DurationError` for windows that do not fit; see `dynplug.measures.rate_over_time`.
    """
    populations, greatest = _named(events), 0.0
    for name, one in populations.items():
        middles, rate = rate_over_time(one, bin)
        ax.step(middles, rate, where="mid", linewidth=0.8, marker="." if len(rate) == 1 else "", label=name)
        greatest = max(greatest, float(rate.max()))
    ax.set(
        xlim=_extent(populations),
        ylim=(0.0, 1.05 * greatest or 1.0),
        xlabel="time [ms]",
        ylabel="rate [Hz]",
        title=title,
    )
    if len(populations) > 1:
        ax.legend(frameon=False)


def _named(events: Spikes) -> dict[str, Events]:
    """Populations by name; one alone has none."""
    given = events if isinstance(events, Mapping) else {"": events}
    if not given:
        raise OptionError(
            "There are no spikes to plot: DSRunner records those of the populations named by spikes=[...]."
        )
    return {name: as_events(one) for name, one in given.items()}


def _extent(populations: Mapping[str, Events]) -> tuple[float, float]:
    """The time from the start of the first to the end of the last, with a margin [ms]."""
    ends = [end for events in populations.values() for end in (events.start, events.stop)]
    return limits(np.sort(ends))


def _marks(ax: Axes, t: np.ndarray, unit: np.ndarray, colour: str) -> None:
    ax.scatter(t, unit, s=4, marker="|", color=colour, rasterized=len(t) > _MANY)
