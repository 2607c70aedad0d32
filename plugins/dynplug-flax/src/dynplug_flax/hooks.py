"""The components of this package. Only `dynplug.api` is imported here, so that listing them imports no JAX."""

from dynplug.api import LayerSpec, hookimpl


@hookimpl
def dynplug_register_layers() -> list[LayerSpec]:
    """One layer, for all modules."""
    return [
        LayerSpec(
            name="FlaxLayer",
            target="dynplug_flax.flax_layer:FlaxLayer",
            summary="a module of Flax, of linen or of nnx",
            example={"module": "linen.GRUCell", "in_shape": 3, "options": {"features": 3}},
        )
    ]
