"""The memory of a training step."""

from collections.abc import Iterable
from dataclasses import dataclass

from dynplug.diagnosis.diagnostic import Diagnostic
from dynplug.diagnosis.evidence import Evidence
from dynplug.diagnosis.finding import Finding


@dataclass(frozen=True)
class MemoryNeed(Diagnostic):
    r"""The memory that a training step on the whole batch takes, as XLA has planned it for the compiled step.

    $$M = M_\mathrm{arguments} + M_\mathrm{outputs} + M_\mathrm{temporary} - M_\mathrm{aliased} \le
    \mathrm{most} \cdot M_\mathrm{device}$$

    Whatever else the process holds comes on top.

    ```python
    model = dp.layers.Dense(4, 8, key=jax.random.key(0)) >> dp.neurons.LIF(8)
    x, y = np.ones((16, 50, 4), np.float32), np.zeros(16, np.int32)
    found = dp.diagnose(model, (x, y), loss_fun="cross_entropy", dt=1.0, checks=["MemoryNeed"])
    assert found.of("MemoryNeed")[0].numbers["predicted"] > x.nbytes
    ```

    **Arguments:**

    - `most`: the share of the device's memory above which it is a warning [-].

    **Reference:** Chen, T. et al. (2016), Training deep nets with sublinear memory cost, arXiv:1604.06174.
    """

    most: float = 0.8

    def examine(self, evidence: Evidence) -> Iterable[Finding]:
        """One finding, if the compiler reports its memory."""
        need = None if evidence.need is None else evidence.need()
        if need is None:
            return
        numbers = {"predicted": need.predicted, "available": need.available, "peak": need.peak}
        what = f"{in_units(need.predicted)} predicted for {need.samples} samples"
        what += "" if need.available is None else f", the device has {in_units(need.available)}"
        what += "" if need.peak is None else f" and has held {in_units(need.peak)}"
        if need.available is None or need.predicted <= self.most * need.available:
            yield Finding("ok", "", what, numbers=numbers)
            return
        smaller = "take a smaller batch, or chunks by accumulate=..., or cut time by truncate=..."
        advice = (
            f"It will not fit: {smaller}."
            if need.remat
            else (f"It will not fit: let BPTT recompute the forward pass in chunks, remat=True; else {smaller}.")
        )
        yield Finding("warning", "", what, advice, numbers)


def in_units(count: int) -> str:
    """A number of bytes as text with a unit."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
