"""The choice among the ways of delivery, by a rule."""

import jax

from dynplug.delivery.fanout import Fanout

# Measured by examples/benchmarks/delivery.py, on a CPU; the last two chosen.
_FEW = 128 * 128  # pairs of units, below which a product takes less time than a loop takes to begin
_DENSE = 0.25  # the share of pairs that are connected, below which a product does too much in vain
_PART = 0.03  # the share from which the derivative is that of a product
_RATES = 0.05  # the share from which, for units that all send, a product takes less time than all connections
_ROOM = 2**22  # pairs of units whose matrix may be made for it: 16 MiB in float32
_UNEVEN = 4.0  # the longest row of inputs in units of the mean one, above which rows are mostly padding


def choose(fanout: Fanout) -> tuple[str, str]:
    """The method that `deliver(..., method="auto")` takes for a fanout on this platform, and the reason.

    It looks at sizes and platform, for activity is not known beforehand. On a CPU, `"events"` takes less time than all
    connections as long as fewer than about a tenth of the units are active in a step; for rates, ask for `"gather"` or
    `"dense"`.
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


def for_rates(fanout: Fanout) -> str:
    """The method for units all of which send in every step, as rates and phases do."""
    pairs = fanout.pre_size * fanout.post_size
    return "dense" if pairs <= _ROOM and len(fanout) >= _RATES * pairs else "sparse"


def derives_by_matrix(fanout: Fanout) -> bool:
    """Whether the derivative of a delivery is that of a product rather than a sum over connections.

    The derivative reads all connections in every step, whatever was active. In batches, and over the steps of a loop,
    a product then does more at once.
    """
    pairs = fanout.pre_size * fanout.post_size
    return pairs <= _ROOM and len(fanout) >= _PART * pairs


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
