"""Dropout."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from dynplug.core import Context, DynamicalSystem, check_number
from dynplug.errors import ParameterError


class Dropout(DynamicalSystem):
    r"""Zero each input with probability `p` while fitting, and scale the others by `1 / (1 - p)`.

    $$y_i = \frac{m_i}{1 - p}\,x_i, \qquad m_i \sim \mathrm{Bernoulli}(1 - p)$$

    A new mask is drawn for each step and each sample. Outside of fitting it does nothing.

    ```python
    loop = dp.LoopOverTime(dp.layers.Dropout(0.5), dt=1.0, shared_arg={"fit": True})
    _, y = loop(jnp.ones((100, 10)), key=jax.random.key(0))
    assert set(np.unique(y)) == {0.0, 2.0} and 0.8 < y.mean() < 1.2
    ```

    **Arguments:**

    - `p`: the probability of dropping an input [-].
    - `prob`: BrainPy's probability of keeping one; refused, with the `p` to write instead.

    **Reference:** Srivastava, N. et al. (2014), Dropout: a simple way to prevent neural networks from overfitting,
    JMLR 15, 1929-1958.
    """

    p: float = eqx.field(static=True)

    def __init__(self, p: float | None = None, *, prob: object = None):
        if prob is not None:
            raise ParameterError(f"Dropout takes p, the probability to drop: write Dropout(p=1 - {prob!r}).")
        check_number("Dropout: the probability to drop p", p, least=0.0, below=1.0)
        self.p = float(p)  # pyright: ignore[reportArgumentType]: `None` is refused

    def init_state(self, ctx: Context) -> None:
        return None

    def update(self, state: None, x: PyTree, ctx: Context) -> tuple[None, Float[Array, "..."]]:
        if not ctx.fit or self.p == 0.0:
            return None, x
        x = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(ctx.dtype)
        return None, eqx.nn.Dropout(self.p)(x, key=ctx.random_key())
