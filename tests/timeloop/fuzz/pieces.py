"""Building blocks of the classes of programs.

In their sources `$a` and `$b` are values computed before, all of shape `S` and dtype `F`; `$i` counts steps; `$c` is
the own carry, `$n` its name. `w` holds weights, `x` what a step is given, `loop` is the loop that is tested.
"""

from typing import NamedTuple


class Slot(NamedTuple):
    """A part of the carry: first value, next value, what others may read, and lines that come before."""

    init: str
    next: str
    reads: tuple[str, ...] = ("$c",)
    lines: tuple[str, ...] = ()


class Family(NamedTuple):
    ops: list[str]
    slots: list[Slot]
    outs: list[str] = []
    unused: list[str] = []


WEIGHTS = {
    "A": "0.6 * R(U, U)",
    "B": "0.5 * R(U, U)",
    "v": "R(U)",
    "batched": "0.5 * R(2, U, U)",
    "table": "R(5, U)",
    "k3": "R(1, 1, 3)",
    "k2": "R(2, 1, 2)",
    "deep": "R(2, 1, 3)",
    "groups": "R(4, 2, 2)",
    "up": "R(1, 2, 3)",
    "image": "R(1, 1, 2, 2)",
}
SMOOTH = [
    "jnp.tanh($a)",
    "jnp.sin($a) + 0.3 * $b",
    "$a - 0.5 * $b",
    "jax.nn.sigmoid($a) * $b",
    "jnp.exp(-jnp.abs($a)) + $b",
    "$a * w['v'] + $b",
]
LEAKY = [
    Slot("R(*S)", "0.7 * $c + $a"),
    Slot("R(*S)", "jnp.tanh($c @ w['B'] + $a)"),
    Slot("jnp.zeros(S, F)", "$c + 0.3 * jnp.sin($a)"),
]
COUNTER = Slot("jnp.int32(1)", "$c + 1", reads=())
