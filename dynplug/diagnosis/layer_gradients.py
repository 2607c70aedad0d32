"""The gradient from layer to layer."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dynplug.core import nodes
from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding


@dataclass(frozen=True)
class LayerGradients(Diagnostic):
    r"""Gradients that vanish, explode or are cut off between layers.

    $$\frac 1{\mathrm{ratio}} \le \frac{|g_1|}{|g_n|} \le \mathrm{ratio}$$

    with $|g_k|$ the root mean square of the loss's gradient by the weights of layer $k$, the greatest of its arrays;
    $1$ is the first layer of the model, $n$ the last. A gradient that is exactly zero is cut off.

    ```python
    first, last = (dp.layers.Dense(4, 4, key=jax.random.key(seed)) for seed in (0, 1))
    model = first >> jax.lax.stop_gradient >> last
    x, y = np.ones((16, 50, 4), np.float32), np.zeros(16, np.int32)
    found = dp.diagnose(model, (x, y), loss_fun="cross_entropy", dt=1.0, checks=["LayerGradients"])
    assert [finding.where for finding in found.of("LayerGradients")] == ["0"]     # nothing reaches the first layer
    ```

    **Arguments:**

    - `ratio`: the greatest ratio that is no warning [-].

    **Reference:** Glorot, X. & Bengio, Y. (2010), Understanding the difficulty of training deep feedforward neural
    networks, PMLR 9, 249-256.
    """

    ratio: float = 1e5

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """One finding for the model, and one for each layer that no gradient reaches."""
        layers: dict[str, float] = {}
        systems = set(nodes(evidence.model))
        for path, size in (evidence.backward.gradients if evidence.backward else {}).items():
            layer = path
            while layer not in systems:
                layer = layer.rpartition(".")[0]
            layers[layer] = max(layers.get(layer, 0.0), float(size))
        if not layers or not np.isfinite(list(layers.values())).all():
            return  # what is not finite is told elsewhere
        if dead := [layer for layer, size in layers.items() if size == 0]:
            silent = any(seen.silent == 1 for seen in evidence.activity.populations.values())
            yield from (self._cut_off(layer, silent) for layer in dead)
        elif len(layers) > 1:
            yield self._ratio(layers)

    def _cut_off(self, layer: str, silent: bool) -> Finding:
        if silent:
            advice = "Look at the silent units first: weights behind them have no gradient."
            return Finding("note", layer, "the gradient is exactly zero", advice, {"gradient": 0.0})
        advice = (
            "Nothing can be learned here: look for a stop_gradient, a rounding, a comparison or integers between it "
            "and the loss, for units that never spike, or leave it out by trainable={path: False}."
        )
        return Finding("warning", layer, "the gradient is exactly zero: it is cut off", advice, {"gradient": 0.0})

    def _ratio(self, layers: dict[str, float]) -> Finding:
        (first, there), *_, (last, here) = layers.items()
        ratio = there / here
        what = f"first layer to last: {ratio:.3g} ({first or 'model'} {there:.3g}, {last} {here:.3g})"
        numbers = {"ratio": ratio, **layers}
        if ratio < 1 / self.ratio:
            advice = (
                "The gradient vanishes on its way to the first layer: make surrogates wider, bring units nearer to "
                "their threshold, or take fewer layers."
            )
            return Finding("warning", first, f"vanishes; {what}", advice, numbers)
        if ratio > self.ratio:
            advice = (
                "The gradient explodes on its way to the first layer: make weights smaller, lower the peak of "
                "surrogates, or clip it (optax.clip_by_global_norm)."
            )
            return Finding("warning", first, f"explodes; {what}", advice, numbers)
        return Finding("ok", "", what, numbers=numbers)
