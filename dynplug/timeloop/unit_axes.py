"""The axes along which a step's units lie, and whether each unit goes through the step by itself.

Every axis of every value is a node. An elementwise equation ties the axes of its operands to those of its result, and
so does one that broadcasts, reshapes or transposes without mixing units: axes that are tied are one *unit axis*. If no
value has the same unit axis twice, as an outer product has, then each unit can be computed alone, whatever the shapes
in which a step holds the values of its units.

**Invariant:** a value depends, at given places along its unit axes, on other values at the same places alone.

**Limits:** a reshape that merges or splits axes is taken to mix units, though it need not.

**Reference:** B. A. Galler, M. J. Fischer: An improved equivalence algorithm, Communications of the ACM 7 (1964), 301,
doi:10.1145/364099.364331.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scipy.cluster.hierarchy import DisjointSet

from dynplug.timeloop.jaxpr_types import Atom, Eqn, Var
from dynplug.timeloop.program import aval_of, is_var

Axis = tuple[Var, int]


class Mixed(Exception):
    """The step mixes units; the message says where."""


@dataclass(frozen=True, eq=False)
class UnitAxes:
    """The unit axes of some variables.

    **Arguments:**

    - `of`: for each variable the unit axis along each of its axes, by number; `None` along an axis of size 1.
    - `groups`: the sets of unit axes that values have together: units of two groups have nothing to do with each other.
    """

    of: dict[Var, tuple[int | None, ...]]
    groups: tuple[frozenset[int], ...]

    def group_of(self, v: Atom) -> frozenset[int] | None:
        """The group that a value belongs to; `None` for one that is the same for all units."""
        mine = {a for a in self.of.get(v, ()) if a is not None} if is_var(v) else set[int]()
        return next((group for group in self.groups if mine and mine <= group), None)


def unit_axes(eqns: Iterable[Eqn], values: Iterable[Var], carried: Iterable[tuple[Var, Atom]]) -> UnitAxes:
    """The unit axes of these values, and of all that the equations compute; what is carried has the same ones
    before and after the step.

    **Raises:** `Mixed` where an equation mixes units.
    """
    axes: DisjointSet = DisjointSet()
    known: dict[Var, None] = {}

    def enter(v: Var) -> None:
        known[v] = None
        for d in range(len(_shape(v))):
            axes.add((v, d))

    def tie(pairs: Iterable[tuple[Axis, Axis]]) -> None:
        for a, b in pairs:
            axes.merge(a, b)

    for v in values:
        enter(v)
    for eqn in eqns:
        for v in eqn.outvars:
            enter(v)
        if (pairs := _LAYOUT.get(eqn.primitive.name, _same)(eqn)) is None:
            raise Mixed(eqn.primitive.name)
        tie(pairs)
    for v, after in carried:
        if is_var(after):
            tie(((v, d), (after, d)) for d in range(len(_shape(v))))

    number = {root: n for n, root in enumerate(dict.fromkeys(axes[a] for a in axes if _size(a) > 1))}
    of = {v: tuple(number.get(axes[v, d]) if n > 1 else None for d, n in enumerate(_shape(v))) for v in known}
    groups: DisjointSet = DisjointSet(number.values())
    for v, mine in of.items():
        own = [a for a in mine if a is not None]
        if len(set(own)) < len(own):
            raise Mixed(f"values of all pairs of units ({'x'.join(map(str, _shape(v)))})")
        for a in own[1:]:
            groups.merge(own[0], a)
    return UnitAxes(of, tuple(frozenset(group) for group in groups.subsets()))


def _same(eqn: Eqn) -> list[tuple[Axis, Axis]]:
    out = eqn.outvars[0]
    arrays = [v for v in (*eqn.invars, *eqn.outvars[1:]) if is_var(v) and _shape(v)]
    return [((v, d), (out, d)) for v in arrays for d, n in enumerate(_shape(v)) if n == _shape(out)[d]]


def _broadcast(eqn: Eqn) -> list[tuple[Axis, Axis]]:
    v, out = eqn.invars[0], eqn.outvars[0]
    if not is_var(v):
        return []
    places = map(int, eqn.params["broadcast_dimensions"])
    return [((v, d), (out, p)) for d, p in enumerate(places) if _shape(v)[d] == _shape(out)[p]]


def _reshaped(eqn: Eqn) -> list[tuple[Axis, Axis]] | None:
    v, out = eqn.invars[0], eqn.outvars[0]
    if not is_var(v):
        return []
    before, after = ([d for d, n in enumerate(_shape(a)) if n != 1] for a in (v, out))
    if [_shape(v)[d] for d in before] != [_shape(out)[d] for d in after]:
        return None
    return [((v, d), (out, p)) for d, p in zip(before, after, strict=True)]


def _transposed(eqn: Eqn) -> list[tuple[Axis, Axis]]:
    v, out = eqn.invars[0], eqn.outvars[0]
    return [((v, d), (out, p)) for p, d in enumerate(map(int, eqn.params["permutation"]))] if is_var(v) else []


_LAYOUT: dict[str, Callable[[Eqn], Sequence[tuple[Axis, Axis]] | None]] = {
    "broadcast_in_dim": _broadcast,
    "reshape": _reshaped,
    "squeeze": _reshaped,
    "expand_dims": _reshaped,
    "transpose": _transposed,
}
LAYOUT = frozenset(_LAYOUT)


def _shape(v: Atom) -> tuple[int, ...]:
    return aval_of(v).shape


def _size(axis: Axis) -> int:
    return _shape(axis[0])[axis[1]]
