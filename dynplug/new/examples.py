"""The example component of each kind: the values that fill its templates."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """The example of one kind.

    **Attributes:** `summary`, one line; `arguments`, those of a minimal instance; `imports`, the distributions that its
    module needs besides dynplug, with their minimum versions; `function`, whether it is a function or a class.
    """

    summary: str
    imports: tuple[str, ...]
    arguments: str = "{}"
    function: bool = False


_DIFFRAX, _EQUINOX, _JAX, _TYPES = "diffrax>=0.7", "equinox>=0.13.1", "jax>=0.10", "jaxtyping>=0.3"
_NUMPY, _OPTAX = "numpy>=2.0", "optax>=0.2.4"

EXAMPLES: dict[str, Example] = {
    "neuron": Example("quadratic integrate-and-fire", (_DIFFRAX, _EQUINOX, _JAX, _TYPES), '{"size": 3}'),
    "synapse": Example("exponential rise and decay", (_DIFFRAX, _EQUINOX, _JAX, _TYPES), '{"size": 3}'),
    "layer": Example("rate units with a time constant", (_EQUINOX, _JAX, _TYPES), '{"in_size": 3, "out_size": 2}'),
    "source": Example("spikes with a dead time", (_EQUINOX, _JAX, _TYPES), '{"size": 3}'),
    "loss": Example("logarithm of the hyperbolic cosine", (_JAX, _TYPES), function=True),
    "runner": Example("mean output over trials", (_EQUINOX, _JAX, _TYPES)),
    "surrogate": Example("density of the Laplace distribution", (_JAX, _TYPES)),
    "integrator": Example("third-order Runge-Kutta that preserves strong stability", (_DIFFRAX, _NUMPY)),
    "initializer": Example("random weights that obey Dale's law", (_EQUINOX, _JAX, _TYPES)),
    "connector": Example("nearby units on a ring", (_EQUINOX, _JAX, _TYPES, _NUMPY)),
    "encoder": Example("regular spikes at a given rate", (_EQUINOX, _JAX, _TYPES), '{"num_step": 8}'),
    "delivery": Example("a product with a sparse array of JAX", (_JAX, _TYPES)),
    "plasticity": Example("inhibition that learns to keep a rate", (_EQUINOX, _JAX, _TYPES)),
    "optimizer": Example("sign descent with momentum", (_JAX, _OPTAX), '{"learning_rate": 1e-3}', function=True),
    "schedule": Example(
        "linear rise, then inverse square root decay",
        (_JAX, _OPTAX),
        '{"peak_value": 1e-3, "warmup_steps": 10}',
        function=True,
    ),
    "observer": Example("metrics of each epoch as a CSV file", ()),
    "metric": Example("fraction of classes among the k largest predictions", (_JAX, _TYPES), function=True),
    "diagnostic": Example("outputs that do not change", (_JAX, _NUMPY)),
    "task": Example("telling short from long gaps between two pulses", (_JAX, _TYPES)),
}
