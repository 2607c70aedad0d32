"""What a system is told about the step it makes."""

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from dynplug.core.no_time import NoTime
from dynplug.errors import KeyRequiredError

if TYPE_CHECKING:
    Time = Float[Array, ""]
    Index = Int[Array, ""]
else:
    Time = Float[Array, ""] | NoTime
    Index = Int[Array, ""] | NoTime


class Context(eqx.Module):
    """Time, randomness and phase of one step: all that other libraries keep in globals.

    Runners make it; a container gives each of its children `ctx.child(name)`.

    **Arguments:**

    - `dt`: the length of the step [ms]; known when the program is compiled.
    - `t`: the time at the start of the step [ms].
    - `i`: the index of the step.
    - `key`: a `jax.random.key`; without one, stochastic systems raise `KeyRequiredError`.
    - `fit`: whether a trainer is fitting the model; read by dropout and its like, never by physics.
    - `shared`: the user's own arguments, shared by all systems.
    - `dtype`: the floating dtype of states.
    - `path`: where in the model the system is, for messages.
    """

    t: Time
    i: Index
    key: PRNGKeyArray | None
    shared: Mapping[str, Any]
    dt: float = eqx.field(static=True)
    fit: bool = eqx.field(static=True)
    dtype: np.dtype = eqx.field(static=True)
    path: str = eqx.field(static=True)

    def __init__(
        self,
        *,
        dt: float,
        t: ArrayLike | NoTime = 0.0,
        i: ArrayLike | NoTime = 0,
        key: PRNGKeyArray | None = None,
        fit: bool = False,
        shared: Mapping[str, Any] | None = None,
        dtype: Any = None,
        path: str = "",
    ):
        self.dt = dt
        self.dtype = np.dtype(jnp.result_type(float) if dtype is None else dtype)
        self.t = _known(t, self.dtype)
        self.i = _known(i, jnp.int32)
        self.key = key
        self.fit = fit
        self.shared = {} if shared is None else shared
        self.path = path

    def child(self, name: str) -> "Context":
        """The context of the child `name`: a path one step longer, and a key of its own."""
        return Context(
            dt=self.dt,
            t=self.t,
            i=self.i,
            key=None if self.key is None else jax.random.fold_in(self.key, zlib.crc32(name.encode())),
            fit=self.fit,
            shared=self.shared,
            dtype=self.dtype,
            path=f"{self.path}.{name}" if self.path else name,
        )

    def random_key(self) -> PRNGKeyArray:
        """The key, for a system that cannot do without. Use it once; split it for more."""
        if self.key is None:
            raise KeyRequiredError(
                f"{self.path or 'This system'} is stochastic and was given no random key: pass key=jax.random.key(0) "
                "to the runner."
            )
        return self.key


def _known(value: Any, dtype: Any) -> Any:
    return value if isinstance(value, NoTime) else jnp.asarray(value, dtype)
