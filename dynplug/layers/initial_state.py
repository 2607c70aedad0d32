"""The initial state of a recurrent layer, fixed or trained."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from dynplug.core import Context, as_flag, param
from dynplug.errors import ParameterError
from dynplug.initializers import required


class InitialState(eqx.Module):
    """An initial hidden state."""

    @abstractmethod
    def __call__(self, ctx: Context) -> Float[Array, " out"]:
        """The hidden state before the first step."""


class Fixed(InitialState):
    """An initial state that is not trained."""

    value: Float[Array, " out"] = param()

    def __call__(self, ctx: Context) -> Float[Array, " out"]:
        return jnp.asarray(self.value, ctx.dtype)


class Learnt(InitialState):
    """An initial state that is trained."""

    value: Float[Array, " out"]

    def __call__(self, ctx: Context) -> Float[Array, " out"]:
        return jnp.asarray(self.value, ctx.dtype)


def initial_state(initializer: object, out_size: int, *, train: bool, key: PRNGKeyArray | None) -> InitialState:
    """The initial state of `out_size` units, which trainers change if `train`."""
    value = required(initializer, (out_size,), key=key, name="initial state (out,)")
    return Learnt(value) if as_flag("train_state", train, error=ParameterError) else Fixed(value)
