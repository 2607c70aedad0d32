"""A module of Flax as a system."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray, PyTree

from dynplug import Context, DynamicalSystem, as_size
from dynplug.core import statistic
from dynplug.errors import CompositionError, KeyRequiredError, OptionError
from dynplug.layers import check_input
from dynplug_flax.collection_roles import roles_of
from dynplug_flax.held_arrays import fitting, in_default_precision, precise
from dynplug_flax.module_form import Module, ModuleForm, NeedsKey, Variables
from dynplug_flax.named_modules import named_module
from dynplug_flax.tried_out import accepted, check_fits, form_of


class FlaxState(eqx.Module):
    """The carry of a cell, and the collections that change with the steps."""

    carry: PyTree
    held: Variables


class FlaxLayer(DynamicalSystem):
    r"""A module of Flax, of `flax.linen` or `flax.nnx`, as a layer. A recurrent cell keeps its carry as the state.

    $$c_t,\, y_t = f_\theta(c_{t-1},\, x_t)$$

    Parameters are trained. Dropout and the like draw from the context's key, and they and batch normalisation are told
    whether a trainer is fitting: in linen by arguments called `train`, `training`, `is_training`, `deterministic` or
    `use_running_average` that nobody has set, in nnx as by `train()` and `eval()`. Running statistics of a batch
    change while fitting; they are those of each step, over the axis `"batch"`: `nn.BatchNorm(axis_name="batch")`.

    ```python
    import flax.linen as nn
    from dynplug_flax import FlaxLayer

    encode, hidden = jax.random.split(jax.random.key(0))
    model = dp.Sequential(
        encode=FlaxLayer(nn.Sequential([nn.Dense(8), nn.Dropout(0.2)]), 3, key=encode),
        hidden=FlaxLayer(nn.GRUCell(16), 8, key=hidden),
        spikes=dp.neurons.LIF(16),
    )
    ```

    **Arguments:**

    - `module`: an instance of `flax.linen.Module` or `flax.nnx.Module`; or the name of a class of Flax's own, such as
        `"linen.Dense"` or `"nnx.GRUCell"`.
    - `in_shape`: the shape of the input of one sample at one step: a number of units or several numbers.
    - `options`: the arguments of a class that is given by its name.
    - `variables`: weights to begin with: what `module.init` or `module.apply` of linen returns, or an `nnx.State`.
    - `collections`: the roles of other collections of linen, or types of variables of nnx, by name: `"state"` for
        one that changes with the steps of each sample, `"statistic"` for one that is the same for a batch and changes
        while fitting, `"fixed"`.
    - `key`: a `jax.random.key`, by which a module of linen is initialised, or one that is given by its name.

    **Attributes:** `params`, and `held`, the other collections.

    **Raises:** `CompositionError` for a module that takes several inputs, goes through time by itself, or normalises by
    one sample; `ShapeError` for one that takes no such input; `OptionError` for a collection without a role;
    `ParameterError` for variables of other names or shapes; `KeyRequiredError`, `UnknownNameError`.

    **Reference:** Heek, J. et al. (2024), Flax: a neural network library and ecosystem for JAX, version 0.12,
    https://github.com/google/flax.
    """

    params: Variables
    held: Variables = statistic()
    form: ModuleForm = eqx.field(static=True)
    roles: tuple[tuple[str, str], ...] = eqx.field(static=True)
    takes_integers: bool = eqx.field(static=True)
    draws_carry: bool = eqx.field(static=True)
    in_size: tuple[int, ...] = eqx.field(static=True)
    out_size: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(
        self,
        module: Module | str,
        in_shape: int | Sequence[int],
        options: Mapping[str, Any] | None = None,
        *,
        variables: PyTree = None,
        collections: Mapping[str, str] | None = None,
        key: PRNGKeyArray | None = None,
    ):
        if isinstance(module, str):
            module = named_module(module, options or {}, key)
        elif options is not None:
            raise OptionError(f"FlaxLayer: options={dict(options)} are for a module that is given by its name.")
        self.in_size, self.form = () if in_shape == () else as_size(in_shape), form_of(module)
        with _promoting():
            x, shapes, out = accepted(self.form, module, self.in_size)
            self.roles = roles_of(self.form, shapes, collections or {})
            if variables is None:
                found = in_default_precision(self.form.drawn(module, jnp.zeros(x.shape, x.dtype), self._needed(key)))
            else:
                known = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, precise(a.dtype)), shapes)
                found = fitting(self.form.name, known, self.form.opened(variables))
            self.params = found.get(self.form.trained, {})
            self.held = {name: tree for name, tree in found.items() if name != self.form.trained}
            check_fits(self.form, found, x, self._with("state"), self._with("statistic"))
            self.draws_carry = self.form.is_cell and _differs(*(self._carry(jax.random.key(n)) for n in (0, 1)))
        self.takes_integers = x.dtype == np.int32
        self.out_size = getattr(out, "shape", None)

    def init_state(self, ctx: Context) -> FlaxState | None:
        held = {name: self.held[name] for name in self._with("statistic", "state")}
        if not (self.form.is_cell or held):
            return None
        if not self.form.is_cell:
            return FlaxState(None, held)
        with _promoting():
            carry = self._carry(ctx.random_key() if self.draws_carry else jax.random.key(0))
        return FlaxState(jax.tree.map(lambda a: _as_floating(a, ctx.dtype), carry), held)

    def update(self, state: FlaxState | None, x: PyTree, ctx: Context) -> tuple[FlaxState | None, PyTree]:
        changing = self._with("state")
        if ctx.fit and (statistics := self._with("statistic")):
            self._check_batch(ctx)
            changing = [*changing, *statistics]
        x = check_input(self, x, np.dtype(np.int32) if self.takes_integers else self._dtype(ctx), ctx)
        variables = self._all | ({} if state is None else state.held)
        inputs = (state.carry, x) if state is not None and self.form.is_cell else (x,)
        try:
            with _promoting():
                out, changed = self.form.call(variables, inputs, fit=ctx.fit, key=ctx.key, changing=changing)
        except NeedsKey:
            ctx.random_key()  # raises
            raise
        if state is None:
            return None, out
        carry, out = out if self.form.is_cell else (None, out)
        new = FlaxState(carry, state.held | changed)
        return jax.tree.map(lambda old, a: jnp.asarray(a, old.dtype), state, new), out

    @property
    def module(self) -> Module:
        """The module as Flax has it: of linen as it was given, of nnx with the present weights, for predictions."""
        return self.form.module(self._all)

    @property
    def variables(self) -> PyTree:
        """The weights as Flax has them: a dictionary for `module.apply`, or an `nnx.State` for `nnx.update`."""
        return self.form.closed(self._all)

    def with_variables(self, variables: PyTree) -> "FlaxLayer":
        """The layer with other weights; collections that are not given stay as they are.

        **Arguments:**

        - `variables`: as those that `variables` returns, or a module of nnx.

        **Raises:** `ParameterError` for other names or shapes.
        """
        given, known = self.form.opened(variables), self._all
        found = known | fitting(self.form.name, {n: known[n] for n in known if n in given}, given)
        held = {name: found[name] for name in self.held}
        return eqx.tree_at(lambda s: (s.params, s.held), self, (found.get(self.form.trained, {}), held))

    @property
    def learned(self) -> Callable[[FlaxState], "FlaxLayer"]:
        """A function of the states of a batch to the layer with the statistics that are in them, if it has any.

        Trainers ask whether it is there: batches may be made up to one size where it is not.
        """
        statistics = self._with("statistic")
        if not statistics:
            raise AttributeError("learned")

        def of(state: FlaxState) -> "FlaxLayer":
            seen = {n: jax.tree.map(lambda a: jax.lax.stop_gradient(a[0]), state.held[n]) for n in statistics}
            return eqx.tree_at(lambda s: s.held, self, self.held | seen)

        return of

    @property
    def _all(self) -> Variables:
        return {self.form.trained: self.params, **self.held}

    def _needed(self, key: PRNGKeyArray | None) -> PRNGKeyArray | None:
        if key is None and self.form.draws:
            raise KeyRequiredError(
                f"FlaxLayer: {self.form.name} draws random numbers: give key=jax.random.key(0), or variables."
            )
        return key

    def _with(self, *roles: str) -> list[str]:
        """The collections of some roles."""
        return [name for name, role in self.roles if role in roles]

    def _carry(self, key: PRNGKeyArray) -> PyTree:
        return self.form.carry(self._all, self.in_size, key)

    def _dtype(self, ctx: Context) -> np.dtype:
        return next((a.dtype for a in jax.tree.leaves(self.params) if jnp.issubdtype(a.dtype, jnp.floating)), ctx.dtype)

    def _check_batch(self, ctx: Context) -> None:
        called = f"{ctx.path or 'FlaxLayer'}: {self.form.name}"
        if ctx.valid is not None:
            raise CompositionError(
                f"{called} would take padding for data: train it on sequences of one length, or normalise by "
                "dp.layers.TDBatchNorm and the like."
            )
        if ctx.batch is None:
            raise CompositionError(f"{called} is fitted by the statistics of a batch, and there is none.")


@contextmanager
def _promoting() -> Iterator[None]:
    """Let dtypes and ranks be promoted, as Flax expects it."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def _as_floating(a: Array, dtype: np.dtype) -> Array:
    return a.astype(dtype) if jnp.issubdtype(a.dtype, jnp.floating) else a


def _differs(one: PyTree, other: PyTree) -> bool:
    """Whether two carries differ, as those do that are drawn."""
    return any(np.any(a != b) for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))
