"""The components of this package. Only `dynplug.api` is imported here, so that listing them imports no JAX."""

from dynplug.api import NeuronSpec, SurrogateSpec, hookimpl


@hookimpl
def dynplug_register_neurons() -> list[NeuronSpec]:
    """One neuron."""
    return [
        NeuronSpec(
            name="resonate-and-fire",
            target="dynplug_resonate.resonate_and_fire:ResonateAndFire",
            summary="damped oscillation below the threshold",
            aliases=("RF",),
            example={"size": 3},
        )
    ]


@hookimpl
def dynplug_register_surrogates() -> list[SurrogateSpec]:
    """One surrogate derivative."""
    return [
        SurrogateSpec(
            name="multi-gaussian",
            target="dynplug_resonate.multi_gaussian:MultiGaussian",
            summary="normal density with negative flanks",
            capabilities=("signed",),
        )
    ]
