"""A program from a family and a seed: its source, and what the source makes."""

import random
import re
from dataclasses import dataclass
from string import Template
from typing import Any

import jax.numpy as jnp
import numpy as np

from .families import FAMILIES, MISTAKES
from .pieces import COUNTER, LEAKY, WEIGHTS, Family, Slot
from .tools import SPECIAL, TOOLS

WAYS = [
    {},
    {"loop": "layer"},
    {"loop": "step"},
    {"loop": "plain"},
    {"remat": True},
    {"remat": 3},
    {"loop": "step", "remat": 2},
    {"loop": "layer", "remat": 2},
]
TRANSFORMS = (  # see `transforms.py`
    "jvp",
    "linearize",
    "jacfwd",
    "grad of grad",
    "jvp of grad",
    "grad",
    "eager grad",
    "vjp",
    "vjp of numpy",
    "vjp across jit",
    "forward",
    "checkpoint",
    "donated",
    "vmap of grad over weights",
    "vmap of grad over init",
    "vmap of grad over xs",
    "vmap of grad over all",
    "grad of vmap over weights",
    "grad of vmap over init",
    "within a scan",
    "within itself",
)
COMMON = ("grad", "grad", "grad", "vjp", "vjp of numpy", "forward")
BACKWARD = TRANSFORMS[5:]


@dataclass(frozen=True)
class Program:
    """One program; `source` makes `make`, `w`, `init`, `xs`, `length`."""

    family: str
    seed: int
    source: str
    transform: str
    wrt: tuple[str, ...]
    reverse: bool
    heavy: bool
    way: dict[str, Any]
    x64: bool

    def __str__(self) -> str:
        return (
            f"# {self.family} {self.seed}: {self.transform} with respect to {', '.join(self.wrt)}\n"
            f"# scan(step, init, xs, length{', reverse=True' * self.reverse}, **{self.way})"
            f"{', every product heavy' * self.heavy}, {'double' if self.x64 else 'single'} precision\n{self.source}"
        )

    def made(self) -> dict[str, Any]:
        """The step's maker, and what it is run with."""
        values = np.random.default_rng(self.seed)
        dtype = jnp.float64 if self.x64 else jnp.float32
        names = TOOLS | {
            "F": dtype,
            "R": lambda *shape: jnp.asarray(values.normal(size=shape), dtype),
            "X": lambda *shape: jnp.asarray(values.choice(SPECIAL, size=shape), dtype),
        }
        exec(self.source, names)
        return names


def program(family: str, seed: int, transform: str | None = None) -> Program:
    """The program of a family and a seed."""
    rng = random.Random(f"{family} {seed}")
    kind = FAMILIES[family]
    drawn = TRANSFORMS[seed % len(TRANSFORMS)] if family == "transforms" else _transform(family, rng)
    transform = transform or drawn
    shape = rng.choice([(0, 4), (2, 0), (2, 4), (1, 1)]) if family == "empties" else (2, 4)
    lengths = [0, 1, 2, 3, 5, 7, 13] if family == "empties" else [1, 2, 3, 3, 4, 5, 5, 6, 7, 8, 13]
    mistake = rng.choice(MISTAKES) if family == "mistakes" else {}
    lone = mistake.get("xs") == "None" if mistake else rng.random() < 0.15
    source = _Source(kind, rng, lone).write(shape, rng.choice(lengths), mistake, transform)
    wrt = (
        ("w",)
        if transform == "jacfwd"
        else rng.choice([("w",), ("w", "init"), ("w", "init", "xs"), ("w", "xs"), ("init",), ("xs", "init")])
    )
    if mistake:
        wrt = ("w", "init")
    return Program(
        family=family,
        seed=seed,
        source=source,
        transform=transform,
        wrt=tuple(p for p in wrt if p != "xs" or "\nxs = None" not in source),
        reverse=rng.random() < 0.3,
        heavy=rng.random() < 0.7,
        way=rng.choice(WAYS) if rng.random() < 0.6 else {},
        x64=rng.random() < (0.5 if family in ("carries", "dtypes", "empties", "specials", "unused") else 1.0),
    )


def spread(count: int, first: int, families: list[str]) -> dict[str, range]:
    """The seeds of each class, which are `count` programs in all, or a few more."""
    shares = {family: 1 + (family == "transforms" and len(families) > 1) for family in families}
    each = -(-count // sum(shares.values()))
    return {family: range(first, first + share * each) for family, share in shares.items()}


def _transform(family: str, rng: random.Random) -> str:
    if family == "specials":
        return rng.choice(["forward", "vjp", "vjp of numpy"])
    if family in ("mistakes", "empties", "dtypes"):
        return rng.choice([*COMMON, "eager grad", "vjp across jit", "vmap of grad over weights", "within a scan"])
    return rng.choice([*COMMON, *COMMON, *BACKWARD])


class _Source:
    """Writes the source of one program."""

    def __init__(self, kind: Family, rng: random.Random, lone: bool):
        self.kind, self.rng = kind, rng
        self.lone = lone  # no xs
        self.pool: list[str] = [] if lone else ["x['u']"]
        self.lines: list[str] = []

    def write(self, shape: tuple[int, int], length: int, mistake: dict[str, str], transform: str) -> str:
        rng, kind = self.rng, self.kind
        slots = self._slots()
        late = []
        for name, slot in slots.items():
            if slot.lines:
                late.append((name, slot))
            else:
                self.pool += [f"c['{name}']" for read in slot.reads if read == "$c"]
        if not self.pool:
            self.pool.append("jnp.ones(S, F)")
        late += [(name, slot) for name, slot in slots.items() if not slot.lines and slot.reads not in [(), ("$c",)]]
        ops = list(kind.ops)
        if " over " in transform:
            ops += ["$a + 0.1 * jax.lax.pmean($b, 'copies')"] * 3
        work: list[Any] = [rng.choice(ops) for _ in range(rng.choice([1, 1, 2, 2, 3, 5]))] + late
        rng.shuffle(work)
        for k, item in enumerate(work):
            if isinstance(item, str):
                self.lines.append(f"h{k} = {self._fill(item)}")
                self.pool.append(f"h{k}")
            else:
                name, slot = item
                self.lines += [self._fill(line, name) for line in slot.lines]
                for n, read in enumerate(slot.reads):
                    self.lines.append(f"read{n}_{name} = {self._fill(read, name)}")
                    self.pool.append(f"read{n}_{name}")
        new = ", ".join(f"'{name}': {self._fill(slot.next, name)}" for name, slot in slots.items())
        out = self._outputs()
        body = [*self.lines, f"new = {{{new}}}", f"out = {out}", mistake.get("ends", "return new, out")]
        text = "\n".join(f"        {line}" for line in body)
        init = ", ".join(f"'{name}': {slot.init}" for name, slot in slots.items())
        xs = "None" if self.lone else "{'u': X(T, *S)}" if "X(" in init else "{'u': R(T, *S)}"
        if "x['n']" in text:
            xs = xs[:-1] + ", 'n': jnp.arange(T) + 2}"
        if kind is FAMILIES["empties"] and not self.lone:
            xs = xs[:-1] + rng.choice(["", ", 'none': None", ", 'e': R(T, 0)", ", 't': ((), {})"]) + "}"
        used = {key: value for key, value in WEIGHTS.items() if f"w['{key}']" in text}
        lines = [
            f"T, S, U = {length}, {shape}, {shape[1]}",
            "ramp = 0.0137 * jnp.arange(1, U + 1, dtype=F) ** 1.1",
            *(["C = np.asarray(X(*S))"] if re.search(r"\bC\b", text) else []),
            f"w = {{{', '.join(f'{key!r}: {value}' for key, value in used.items())}}}",
            f"init = {mistake.get('init', f'{{{init}}}')}",
            f"xs = {mistake.get('xs', xs)}",
            f"length = {mistake.get('length', 'T' if self.lone else rng.choice(['T', 'None']))}",
            f"\ndef make(w, loop):\n    def step(c, x):\n{text}\n\n    return step\n",
        ]
        return "\n".join(lines)

    def _slots(self) -> dict[str, Slot]:
        """Parts of the carry: of the family, permuted ones, those that hand on what came before."""
        rng = self.rng
        several = 2 * (self.kind is FAMILIES["dtypes"])
        slots = [rng.choice(self.kind.slots) for _ in range(several + rng.choice([1, 1, 2, 3]))]
        groups = self.kind in (FAMILIES["carries"], FAMILIES["transforms"], FAMILIES["specials"])
        if groups or rng.random() < 0.2:
            first, n = len(slots), rng.randint(2, 4)
            if rng.random() < 0.5:  # a permutation, perhaps with one value that comes from elsewhere
                nexts = [f"c['s{first + k}']" for k in rng.sample(range(n), n)]
                if rng.random() < 0.5:
                    nexts[rng.randrange(n)] = "$a"
            else:
                nexts = ["$a", *(f"c['s{first + k}']" for k in range(n - 1))]
            slots += [Slot("X(*S)" if self.kind is FAMILIES["specials"] else "R(*S)", each) for each in nexts]
        elif rng.random() < 0.4 and self.kind not in (FAMILIES["mistakes"], FAMILIES["specials"]):
            slots.append(rng.choice(LEAKY))
        named = {}
        for k, slot in enumerate(slots):
            fixed = any(f in slot.next for f in ("nudged($c", "shrunk($c"))
            named[f"fixed{k}" if fixed else f"s{k}"] = slot
        return named | {"i": COUNTER}

    def _outputs(self) -> str:
        rng, kind = self.rng, self.kind
        outs = [
            "$a" if rng.random() < 0.6 or not kind.outs else rng.choice(kind.outs) for _ in range(rng.randint(1, 3))
        ]
        if kind in (FAMILIES["dtypes"], FAMILIES["empties"]):
            outs += rng.sample(kind.outs, 2)
        parts = [f"'y{k}': {self._fill(each)}" for k, each in enumerate(outs)]
        unused = rng.sample(kind.unused, rng.randint(1, 3)) if kind.unused else ["$a"] * rng.randint(0, 1)
        parts += [f"'unused{k}': {self._fill(each)}" for k, each in enumerate(unused)]
        return f"{{{', '.join(parts)}}}"

    def _fill(self, template: str, name: str = "") -> str:
        steps = ["c['i']"] if self.lone else ["c['i']", "x['n']"]
        return Template(template).substitute(
            a=self._value(), b=self._value(), c=f"c['{name}']", n=name, i=self.rng.choice(steps)
        )

    def _value(self) -> str:
        value = self.pool[-1 - min(int(self.rng.expovariate(0.5)), len(self.pool) - 1)]
        return f"({value})" if " " in value else value
