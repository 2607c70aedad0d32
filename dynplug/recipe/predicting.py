"""The outputs of a trained model for inputs in a file."""

import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import jax.numpy as jnp
import numpy as np

from dynplug.core import to_jax
from dynplug.errors import DataError
from dynplug.losses import is_reading_records
from dynplug.plugin import build, resolve
from dynplug.recipe.finished import load_run
from dynplug.train import GradientTrainer, Reportable, as_lengths, as_reportable
from dynplug.train.toolkit import unpadded


def predict_file(
    run: str | Path, data: str | Path, out: str | Path, *, best: bool = False, batch_size: int | None = None
) -> tuple[tuple[int, ...], dict[str, float]]:
    """Write the outputs of a run's model for the inputs in a file of NumPy.

    **Arguments:**

    - `run`: the run folder.
    - `data`: an .npy array, or an .npz file with inputs `x` and, perhaps, targets `y`, and `lengths`, the number of
        steps of each sample that count, (samples,), where sequences are padded to one length.
    - `out`: the .npz file to write, with `outputs`; and with `lengths`, if they were given: later outputs are 0.
    - `best`: whether to take the checkpoint that `keep_best` keeps.
    - `batch_size`: samples computed at once; `None` for all.

    **Returns:** the shape of the outputs; and where there are targets, the run's loss and metrics by name.

    **Raises:** `DataError` for a file that holds no inputs, or inputs of another shape than the model's; and as
    `load_run`.
    """
    x, y, lengths = _read(Path(data))
    model, config = load_run(run, best=best)
    given = {} if batch_size is None else {"batch_size": batch_size}
    try:
        runner = resolve(config["runner"], kind="runner")
        nobody = {"observers": ()} if "observers" in runner.accepted else {}  # they watch trainings, and may open files
        trainer = build(runner, given={"target": model, **nobody})
        if lengths is None:
            outputs = np.asarray(trainer.predict(x, **given))
        else:
            outputs, lengths = _of_sequences(trainer, x, lengths, given)
    except (TypeError, ValueError) as error:
        raise DataError(f"{data}: inputs of shape {x.shape} do not go through the model of {run}: {error}") from error
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    if lengths is None:
        np.savez(out, outputs=outputs)
    else:
        np.savez(out, outputs=outputs, lengths=lengths)
    return outputs.shape, {} if y is None else _measured(trainer, outputs, y, lengths)


def _of_sequences(
    trainer: Any, x: np.ndarray, lengths: np.ndarray, given: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The outputs of padded sequences, with the axes of the inputs and 0 after the end of each; and the lengths."""
    predict, layout = trainer.predict, as_reportable(trainer).layout
    if not isinstance(trainer, Reportable) or (time := layout.time(x.ndim)) is None:
        raise DataError(f"a {type(trainer).__name__} takes no sequences of several lengths: leave out 'lengths'.")
    steps = x.shape[time]
    ends = as_lengths(lengths, x.shape[layout.samples(x.ndim)], steps, "lengths")
    outs = predict(unpadded(x, ends, layout), **given)
    rows = [np.pad(np.asarray(out), [(0, steps - len(out)), *[(0, 0)] * (np.ndim(out) - 1)]) for out in outs]
    return np.asarray(layout.from_batch_first(np.stack(rows))), ends


def _measured(trainer: object, outputs: np.ndarray, y: np.ndarray, lengths: np.ndarray | None) -> dict[str, float]:
    if not isinstance(trainer, GradientTrainer) or not trainer.objective.auto_run or trainer.objective.has_aux:
        return {}
    objective, layout = trainer.objective, trainer.layout
    measures = (("loss", objective.loss), *((metric.name, metric) for metric in objective.metrics))
    out, targets = to_jax(outputs), to_jax(y)
    ends = None if lengths is None else to_jax(lengths)
    values = {
        name: measure(out, targets, layout, lengths=ends) for name, measure in measures if _needs_no_more(measure)
    }
    return {name: float(value) for name, value in values.items() if jnp.ndim(value) == 0}


def _needs_no_more(measure: Any) -> bool:
    """Whether a measure is a function of outputs and targets in known axes, and of no records."""
    return measure.batch_first and not is_reading_records(measure.function)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Inputs and, where there are some, targets and lengths."""
    arrays = _arrays(path)
    if "x" not in arrays:
        raise DataError(f"{path} has no array 'x', the inputs; it has {', '.join(map(repr, arrays)) or 'none'}.")
    return arrays["x"], arrays.get("y"), arrays.get("lengths")


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file by name; one that has none is called `x`."""
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
            return {"x": found} if isinstance(found, np.ndarray) else dict(found)
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path} is no file of NumPy, .npy or .npz, that holds numbers: write one by numpy.savez('data.npz', "
            "x=inputs)."
        ) from error
