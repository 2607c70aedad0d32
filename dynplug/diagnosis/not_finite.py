"""The first value that is not finite."""

from collections.abc import Iterable
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import PyTree

from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding


@dataclass(frozen=True)
class NotFinite(Diagnostic):
    r"""NaN or infinity: the first step, the system and the variable.

    $$\min\,\{i : \exists k,\ |s_{i,k}| \not< \infty\}$$

    over the variables $k$ of the state that were finite before the first step; then the outputs, the loss and its
    gradient.

    ```python
    model = dp.Lift(jnp.log) >> dp.layers.Dense(4, 2, key=jax.random.key(0)) >> dp.neurons.LeakyIntegrator(2)
    x, y = np.ones((16, 50, 4), np.float32), np.zeros(16, np.int32)
    x[3, 20, 1] = 0.0     # which has no logarithm
    found = dp.diagnose(model, (x, y), loss_fun="cross_entropy", dt=1.0, checks=["NotFinite"])
    assert found.of("NotFinite")[0].numbers == {"step": 20}
    ```

    **Reference:** Goldberg, D. (1991), What every computer scientist should know about floating-point arithmetic,
    doi:10.1145/103162.103163.
    """

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """One finding: the place of the first such value, or that there is none."""
        if not _finite(evidence.inputs):
            what, advice = "the input is not finite", "Look at the data: replace or leave out what is missing."
            yield Finding("warning", "input", what, advice)
            return
        activity = evidence.activity
        begun = {p: np.asarray(a) for p, a in activity.finite.items() if bool(np.asarray(activity.start[p]))}
        first = {path: int(np.argmin(sound)) for path, sound in begun.items() if not sound.all()}
        if first:
            path = min(first, key=lambda path: first[path])
            step = first[path]
            advice = (
                f"It begins in step {step}, at {step * evidence.dt:.6g} ms: take a smaller dt than {evidence.dt:g} ms "
                "or another integrator, and look at the parameters and the input of this part."
            )
            yield Finding("warning", path, f"is not finite from step {step} on", advice, {"step": step})
            return
        back = evidence.backward
        if back is not None:
            for where, what in (("output", back.outputs), ("loss", back.loss), ("gradient", back.gradients)):
                if not _finite(what):
                    advice = (
                        "The states are finite: look for a division by zero, a logarithm or a root of zero, or a power "
                        "in what follows them."
                    )
                    yield Finding("warning", where, "is not finite", advice)
                    return
        yield Finding("ok", "", "all is finite")


def _finite(tree: PyTree) -> bool:
    arrays = map(np.asarray, jax.tree.leaves(tree))
    return all(np.isfinite(a).all() for a in arrays if np.issubdtype(a.dtype, np.inexact))
