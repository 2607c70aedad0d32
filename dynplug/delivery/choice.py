"""The choice among the ways of delivery, by a rule."""

from collections.abc import Iterator

from dynplug.delivery.backend import Delivery
from dynplug.delivery.fanout import Fanout
from dynplug.errors import DynplugError
from dynplug.plugin import Component, build, registry

# Measured by examples/benchmarks/delivery.py, on a CPU.
_PART = 0.03  # the share from which the derivative is that of a product
_RATES = 0.05  # the share from which, for units that all send, a product takes less time than all connections
_ROOM = 2**22  # pairs of units whose matrix may be made for it: 16 MiB in float32


def choose(fanout: Fanout, *, fixed: bool = True) -> tuple[str, str]:
    """The method that `deliver(..., method="auto")` takes for a fanout on this platform, and the reason.

    All registered ways are asked whether they suit, those of packages first, by the names of the packages, then
    dynplug's own; the first that does is taken. They look at sizes and platform, for activity is not known beforehand.
    On a CPU, `"events"` takes less time than all connections as long as fewer than about a tenth of the units are
    active in a step; for rates, ask for `"gather"` or `"dense"`.

    **Arguments:**

    - `fanout`: the connections.
    - `fixed`: whether weights stay the same from step to step; plastic ones do not.
    """
    for component in _in_order():
        backend = _made(component)
        reason = "" if isinstance(backend, str) else backend.suits(fanout, fixed)
        if reason:
            return registry().name_of(component), reason
    raise AssertionError("On each platform one of dynplug's own suits.")


def explain_delivery(fanout: Fanout) -> str:
    """Explain the method that `deliver(..., method="auto")` takes for a fanout, and name those of installed packages.

    ```python
    from dynplug.delivery import Fanout, explain_delivery

    fanout, _ = Fanout.of([0, 1], [1, 0], pre_size=1000, post_size=1000)
    assert explain_delivery(fanout).startswith("1000 to 1000 units, 2 connections: ")  # and what is taken, and why
    ```
    """
    method, reason = choose(fanout)
    others = [_told(component) for component in _in_order() if component.plugin.namespace != "dynplug"]
    return (
        f"{fanout.pre_size} to {fanout.post_size} units, {len(fanout)} connections: {method}: {reason}. Packages bring "
        f"{', '.join(others) or 'no other way; dynplug-kernels, which has a compiled one, is not installed'}."
    )


def for_rates(fanout: Fanout) -> str:
    """The method for units all of which send in every step, as rates and phases do."""
    pairs = fanout.pre_size * fanout.post_size
    return "dense" if pairs <= _ROOM and len(fanout) >= _RATES * pairs else "sparse"


def reads_receivers(way: str | Delivery) -> bool:
    """Whether a way, `"auto"` or that of a name, needs a fanout with `fanin`."""
    made = build(way, kind="delivery") if isinstance(way, str) and way != "auto" else way
    return isinstance(made, Delivery) and made.reads_receivers


def derives_by_matrix(fanout: Fanout) -> bool:
    """Whether the derivative of a delivery is that of a product rather than a sum over connections.

    The derivative reads all connections in every step, whatever was active. In batches, and over the steps of a loop,
    a product then does more at once.
    """
    pairs = fanout.pre_size * fanout.post_size
    return pairs <= _ROOM and len(fanout) >= _PART * pairs


def _in_order() -> Iterator[Component]:
    """All registered ways, those of packages and of this process first."""
    known = [*registry().components("delivery")]
    yield from sorted(known, key=lambda component: component.plugin.namespace == "dynplug")


def _made(component: Component) -> Delivery | str:
    """The way with its default arguments, or why it cannot be used: a package that fails takes nothing from others."""
    try:
        return build({"type": component.id}, kind="delivery")
    except DynplugError as error:
        return str(error)


def _told(component: Component) -> str:
    """A way and its package, or why it cannot be used."""
    name, made = registry().name_of(component), _made(component)
    return f"{name}, which fails ({made})" if isinstance(made, str) else f"{name} ({component.plugin.distribution})"
