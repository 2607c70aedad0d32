"""The outputs of a trained model for inputs in a file."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from dynplug.errors import DataError
from dynplug.losses import is_reading_records
from dynplug.plugin import build
from dynplug.recipe.finished import load_run


def predict_file(
    run: str | Path, data: str | Path, out: str | Path, *, best: bool = False, batch_size: int | None = None
) -> tuple[tuple[int, ...], dict[str, float]]:
    """Write the outputs of a run's model for the inputs in a file of NumPy.

    **Arguments:**

    - `run`: the run folder.
    - `data`: an .npy array, or an .npz file with inputs `x` and, perhaps, targets `y`.
    - `out`: the .npz file to write, with `outputs`.
    - `best`: whether to take the checkpoint that `keep_best` keeps.
    - `batch_size`: samples computed at once; `None` for all.

    **Returns:** the shape of the outputs; and where there are targets, the run's loss and metrics by name.

    **Raises:** `DataError` for a file that holds no inputs, or inputs of another shape than the model's; and as
    `load_run`.
    """
    x, y = _read(Path(data))
    model, config = load_run(run, best=best)
    try:
        trainer = build(config["runner"], kind="runner", given={"target": model})
        outputs = np.asarray(trainer.predict(x, **({} if batch_size is None else {"batch_size": batch_size})))
    except (TypeError, ValueError) as error:
        raise DataError(f"{data}: inputs of shape {x.shape} do not go through the model of {run}: {error}") from error
    np.savez(out, outputs=outputs)
    return outputs.shape, {} if y is None else _measured(trainer, outputs, y)


def _measured(trainer: Any, outputs: np.ndarray, y: np.ndarray) -> dict[str, float]:
    objective, layout = getattr(trainer, "objective", None), getattr(trainer, "_layout", None)
    if objective is None or layout is None or not objective.auto_run or objective.has_aux:
        return {}
    measures = (("loss", objective.loss), *((metric.name, metric) for metric in objective.metrics))
    out, targets = jnp.asarray(outputs), jnp.asarray(y)
    values = {name: measure(out, targets, layout) for name, measure in measures if _needs_no_more(measure)}
    return {name: float(value) for name, value in values.items() if jnp.ndim(value) == 0}


def _needs_no_more(measure: Any) -> bool:
    """Whether a measure is a function of outputs and targets in known axes, and of no records."""
    return measure.batch_first and not is_reading_records(measure.function)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Inputs and, where there are some, targets."""
    try:
        found = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}.") from error
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is no file of NumPy, .npy or .npz: {error}") from error
    if isinstance(found, np.ndarray):
        return found, None
    with found:
        if "x" not in found:
            raise DataError(f"{path} has no array 'x', the inputs; it has {', '.join(map(repr, found)) or 'none'}.")
        return found["x"], found.get("y")
