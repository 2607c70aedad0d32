"""An initializer: the numbers that it draws."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from dynplug.plot.portraits.sitter import Sitter, panels

_OUT, _IN = 100, 200


def initializer(sitter: Sitter, figure: Figure) -> None:
    """Above, a histogram of a weight of 100 outputs and 200 inputs; below, its singular values."""
    above, below = panels(figure, 2)
    weight = np.asarray(sitter.made(jax.random.key(0), (_OUT, _IN), jnp.float32), float)
    spread = np.ptp(weight)
    above.hist(
        weight.ravel(), bins=60 if spread else 1, range=None if spread else (weight.min() - 0.5, weight.max() + 0.5)
    )
    above.set(
        xlabel="value [-]", ylabel="weights [number]", title=f"mean {weight.mean():.2g}, variance {weight.var():.2g}"
    )
    above.title.set_fontsize("medium")
    singular = np.linalg.svd(weight, compute_uv=False)
    below.plot(1 + np.arange(_OUT), singular, ".")
    below.set(xlabel="rank [index]", ylabel="singular value [-]", ylim=(0.0, 1.1 * singular[0] or 1.0))
