"""The components of this package. Only `dynplug.api` is imported here, so that listing them imports no JAX."""

from dynplug.api import DeliverySpec, hookimpl


@hookimpl
def dynplug_register_deliveries() -> list[DeliverySpec]:
    """One way to deliver."""
    return [
        DeliverySpec(
            name="compiled",
            target="dynplug_kernels.compiled:Compiled",
            summary="the connections of the active units, in C++ on a CPU",
        )
    ]
