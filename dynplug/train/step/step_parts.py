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

    - `forward`: how a batch goes through the model, and in which precision.
    - `objective`: what is minimised.
    - `optimizer`: an `optax.GradientTransformation`.
    - `bounds`: which parameters stay above zero.
    - `static`: what of the model is not trained.
    - `tracking`: what else is logged of a step, if anything.
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
