"""The choice among the ways of delivery, by a rule."""

import jax

from dynplug.delivery.fanout import Fanout

# From examples/benchmarks/delivery.py.
_FEW = 128 * 128  # pairs of units, below which a product takes less time than a loop takes to begin
_DENSE = 0.25  # the share of pairs that are connected, below which a product does too much in vain
_UNEVEN = 4.0  # the longest row of inputs in units of the mean one, above which rows are mostly padding


def choose(fanout: Fanout) -> tuple[str, str]:
    """The method that `deliver(..., method="auto")` takes for a fanout on this platform, and the reason.

    It looks at sizes and platform, for activity is not known beforehand. On a CPU, `"events"` takes less time than all
    connections as long as fewer than about a tenth of the units are active in a step; for rates, or for gradients of
    batches where more than some 3 % of the pairs are connected, ask for `"gather"` or `"dense"`.
    """
    pairs = fanout.pre_size * fanout.post_size
    density = len(fanout) / max(1, pairs)
    if pairs <= _FEW and density >= _DENSE:
        return "dense", f"{pairs} pairs of units, {density:.0%} of them connected: a small product"
    if jax.default_backend() == "cpu":
        return "events", "on a CPU the connections of the active units alone, unless most are active"
    if fanout.fanin is None:
        return "sparse", "on an accelerator all connections; the fanout was made without by_receiver=True"
    uneven = fanout.fanin.pre.size / max(1, len(fanout))
    if uneven > _UNEVEN:
        return "sparse", f"on an accelerator all connections; rows of inputs would be padded {uneven:.0f} times"
    return "gather", "on an accelerator all inputs of each unit, which takes less time than to ask which are active"


def explain_delivery(fanout: Fanout) -> str:
    """What `deliver(..., method="auto")` does with a fanout, in words.

    ```python
    from dynplug.delivery import Fanout, explain_delivery

    fanout, _ = Fanout.of([0, 1], [1, 0], pre_size=1000, post_size=1000)
    print(explain_delivery(fanout))  # 1000 to 1000 units, 2 connections: events, as on a CPU ...
    ```
    """
    method, reason = choose(fanout)
    return f"{fanout.pre_size} to {fanout.post_size} units, {len(fanout)} connections: {method}: {reason}"
