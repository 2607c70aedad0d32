"""The external inputs of a system during a run."""

from collections.abc import Callable

from jaxtyping import PyTree

from dynplug.core import Context, DynamicalSystem, lookup
from dynplug.errors import OptionError
from dynplug.run.data_axes import DataAxis
from dynplug.run.driven import address, check_variable
from dynplug.run.input_rows import InputRows
from dynplug.run.stimuli import Stimulus, is_one, parse
from dynplug.timeloop import floating_dtype


class Inputs:
    """Stimuli, a function that returns more of them from the context, and the sources of the rows of varying ones."""

    stimuli: tuple[Stimulus, ...] = ()
    function: Callable[[Context], object] | None = None

    def __init__(self, inputs: object, target: DynamicalSystem, state: PyTree, axis: DataAxis | None):
        """Stimuli from the forms that users write.

        **Arguments:**

        - `inputs`: one entry, a list of entries, or a function of the context.
        - `target`: the driven system.
        - `state`: its state, or its shapes and dtypes.
        - `axis`: the first axis of the data, time or batch.
        """
        self.axis: DataAxis | None = axis
        self._sources: tuple[InputRows | None, ...] = ()
        if inputs is None:
            return
        if callable(inputs):
            self.function = inputs
            return
        items = [inputs] if is_one(inputs) else inputs
        if not isinstance(items, (tuple, list)):
            raise OptionError(
                f"inputs={inputs!r}: give (target, value, type, operation), a list of them, or a function of the "
                "context. The input of the model itself is an argument of run."
            )
        parsed = [parse(item, floating_dtype(target)) for item in items]
        self.stimuli = tuple(stimulus for stimulus, _ in parsed)
        self._sources = tuple(source for _, source in parsed)
        for stimulus, source in parsed:
            if address(target, state, stimulus.target) is None:
                self._check(stimulus, source, lookup(state, stimulus.target))

    def check(self, first: int, count: int, batch_size: int | None) -> None:
        """Raise, before a run, if rows for its steps are not available."""
        for source in self._sources:
            if source is not None:
                source.check(first, count, batch_size, self.axis)

    def take(self, first: int, count: int) -> tuple[PyTree, ...]:
        """For each stimulus, its rows for `count` steps, or `None` if it needs none."""
        return tuple(None if source is None else source.take(first, count, self.axis) for source in self._sources)

    def end_run(self) -> None:
        """Note that a run has completed: its rows are not requested again, except by a restart."""
        for source in self._sources:
            if source is not None:
                source.end_run()

    def _check(self, stimulus: Stimulus, source: InputRows | None, variable: PyTree) -> None:
        value = stimulus.value if source is None else source.row(self.axis)
        if value is not None or (source is None and stimulus.function is None):
            check_variable(stimulus.target, stimulus.operation, variable, value)
