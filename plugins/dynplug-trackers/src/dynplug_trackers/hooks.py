"""The components of this package. Only `dynplug.api` is imported here, so that listing them imports no JAX."""

from dynplug.api import ObserverSpec, hookimpl


@hookimpl
def dynplug_register_observers() -> list[ObserverSpec]:
    """One observer for each program."""
    return [
        ObserverSpec(
            name="TensorBoard",
            target="dynplug_trackers:TensorBoard",
            summary="metrics as event files, for TensorBoard",
        ),
        ObserverSpec(name="MLflow", target="dynplug_trackers:MLflow", summary="metrics as a run of MLflow"),
        ObserverSpec(name="WandB", target="dynplug_trackers:WandB", summary="metrics as a run of Weights & Biases"),
    ]
