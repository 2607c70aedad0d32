"""Building objects from a configuration of plain nested dictionaries."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dynplug.plugin.configured import Configured, resolve

if TYPE_CHECKING:  # it imports JAX
    from jaxtyping import PRNGKeyArray


def build(
    config: Mapping[str, object] | str | Configured,
    *,
    key: "PRNGKeyArray | None" = None,
    kind: str | None = None,
    path: str = "",
    given: Mapping[str, object] | None = None,
) -> Any:
    """Build the component that a configuration describes.

    `config` is a registry id, or a mapping whose `type` is one and whose other items are the constructor's arguments.
    An argument that is itself a mapping with a `type` is built first. An argument named after a kind, such as
    `surrogate` or `W_initializer`, may also be a bare id, unless the constructor takes a string there by its annotation
    or default; what stands in a list named after one, such as `observers`, is of that kind. The kind of the outermost
    component is `kind`, or the mapping's own `kind`; without either, neurons, synapses and layers are searched first,
    then all other kinds.

    ```python
    lif = dp.build({"type": "LIF", "size": 128, "tau": 20.0, "surrogate": {"type": "SuperSpike", "beta": 5.0}})
    assert lif == dp.neurons.LIF(128, tau=20.0, surrogate=dp.surrogates.SuperSpike(5.0))
    layer = dp.build({"type": "Dense", "in_size": 3, "out_size": 2}, key=jax.random.key(0))
    assert layer.weight.shape == (2, 3)
    ```

    **Arguments:**

    - `config`: the configuration, for example `{"type": "LIF", "size": 128, "surrogate": "sigmoid"}`.
    - `key`: a `jax.random.key`, needed if a constructor takes one; each component gets its own key, derived from its
        path in the configuration.
    - `kind`: the kind of component, if known.
    - `path`: the path of `config` in a larger configuration, for messages.
    - `given`: arguments of the outermost component that are built already, such as a runner's `target`.

    **Raises:** `ConfigError`, which names the path; `KeyRequiredError`; `UnknownNameError`.
    """
    found = resolve(config, kind=kind, path=path)
    found.check(given or ())
    return found.build(key=key, given=given)
