"""The best epoch of a training, by a metric."""

from typing import Any, NamedTuple

from jaxtyping import PyTree


class BestEpoch(NamedTuple):
    """The best epoch so far.

    **Attributes:** `metric`, by which, as `"test/loss"`; `mode`, `"min"` if less of it is better, `"max"` if more is;
    `value`, its best value; `epoch`, when it was reached.
    """

    metric: str
    mode: str
    value: float
    epoch: int


class Kept(NamedTuple):
    """The best epoch, the parameters after it, and whether `fit` goes back to them in the end."""

    of: BestEpoch
    params: PyTree
    restores: bool

    def to_json(self) -> Any:
        """All but the parameters, as plain lists and dictionaries."""
        return {**self.of._asdict(), "restores": self.restores}

    @classmethod
    def from_json(cls, told: Any, params: PyTree) -> "Kept":
        """The record that `to_json` described, with these parameters."""
        return cls(BestEpoch(*(told[name] for name in BestEpoch._fields)), params, told["restores"])
