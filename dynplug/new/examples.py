"""What the example component of each kind is: the part of its package that its templates cannot tell."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """The example of one kind.

    **Attributes:** `summary`, one line; `arguments`, those of a minimal instance; `imports`, the distributions its
    module needs beside dynplug, with the least versions; `function`, whether it is a function rather than a class.
    """

    summary: str
    imports: tuple[str, ...]
    arguments: str = "{}"
    function: bool = False


_DIFFRAX, _EQUINOX, _JAX, _TYPES = "diffrax>=0.7", "equinox>=0.13.1", "jax>=0.10", "jaxtyping>=0.3"
_NUMPY, _OPTAX = "numpy>=2.0", "optax>=0.2.4"

EXAMPLES: dict[str, Example] = {
    "neuron": Example("quadratic integrate-and-fire", (_DIFFRAX, _EQUINOX, _JAX, _TYPES), '{"size": 3}'),
    "synapse": Example("rise and decay of a conductance", (_DIFFRAX, _EQUINOX, _JAX, _TYPES), '{"size": 3}'),
    "layer": Example("rate units with a time constant", (_EQUINOX, _JAX, _TYPES), '{"in_size": 3, "out_size": 2}'),
    "loss": Example("logarithm of the hyperbolic cosine", (_JAX, _TYPES), function=True),
    "runner": Example("mean outputs over trials", (_EQUINOX, _JAX, _TYPES)),
    "surrogate": Example("Laplace's density", (_JAX, _TYPES)),
    "integrator": Example("third order, strong stability preserving", (_DIFFRAX, _NUMPY)),
    "initializer": Example("random weights that keep Dale's law", (_EQUINOX, _JAX, _TYPES)),
    "connector": Example("near units on a ring", (_EQUINOX, _JAX, _TYPES, _NUMPY)),
    "encoder": Example("regular spikes at a rate", (_EQUINOX, _JAX, _TYPES), '{"num_step": 8}'),
    "optimizer": Example("descent by signs, with momentum", (_JAX, _OPTAX), '{"learning_rate": 1e-3}', function=True),
    "schedule": Example(
        "a rise, then a fall with the root",
        (_JAX, _OPTAX),
        '{"peak_value": 1e-3, "warmup_steps": 10}',
        function=True,
    ),
    "observer": Example("metrics of each epoch as comma-separated values", ()),
    "metric": Example("share of classes among the best k", (_JAX, _TYPES), function=True),
    "task": Example("short or long gap between two pulses", (_JAX, _TYPES)),
}
