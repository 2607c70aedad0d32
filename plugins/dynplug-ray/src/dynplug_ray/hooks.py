"""The components of this package. Only `dynplug.api` is imported here, so that listing them imports no JAX."""

from dynplug.api import LauncherSpec, hookimpl


@hookimpl
def dynplug_register_launchers() -> list[LauncherSpec]:
    """Ray."""
    return [
        LauncherSpec(
            name="ray",
            target="dynplug_ray.ray_launcher:Ray",
            summary="trials as tasks of Ray",
        )
    ]
