"""The components of this package. Only `dynplug.api` is imported here, so that listing them imports no JAX."""

from dynplug.api import LauncherSpec, hookimpl


@hookimpl
def dynplug_register_launchers() -> list[LauncherSpec]:
    """Submitit."""
    return [
        LauncherSpec(
            name="submitit",
            target="dynplug_submitit.submitit_launcher:Submitit",
            summary="trials as jobs of SLURM",
            example={"cluster": "local"},
        )
    ]
