"""The components of this package. Only `dynplug.api` is imported here, so that listing them imports no JAX."""

from dynplug.api import SamplerSpec, hookimpl


@hookimpl
def dynplug_register_samplers() -> list[SamplerSpec]:
    """Optuna."""
    return [
        SamplerSpec(
            name="optuna",
            target="dynplug_optuna.optuna_sampler:Optuna",
            summary="values by Optuna, which learns from the trials before",
            example={"num_trial": 6},
        )
    ]
