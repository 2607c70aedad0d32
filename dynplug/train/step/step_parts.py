"""The parts of a training step that are the same for all batches."""

import equinox as eqx
from jaxtyping import PyTree

from dynplug.train.step.bounds import Bounds
from dynplug.train.step.forward import Forward
from dynplug.train.step.gradient_transformation import Optimizer
from dynplug.train.step.objective import Minimised
from dynplug.train.step.tracking import Tracking


class StepParts(eqx.Module):
    """All that a step needs beside the training's state, a batch and a key. It is a tree, whose arrays are traced.

    **Attributes:**

    - `forward`: the forward pass of a batch, and its precision.
    - `objective`: the function to minimise.
    - `optimizer`: an `optax.GradientTransformation`.
    - `bounds`: the parameters that stay above zero.
    - `static`: the untrained part of the model.
    - `tracking`: other values logged of a step, if any.
    """

    forward: Forward
    objective: Minimised
    optimizer: Optimizer
    bounds: Bounds
    static: PyTree
    tracking: Tracking | None = None

    def model(self, values: PyTree) -> PyTree:
        """The model with such parameters and statistics."""
        return eqx.combine(values, self.static)
