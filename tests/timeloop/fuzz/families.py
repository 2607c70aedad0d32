"""All classes of programs by name."""

from .carried import CARRIES, DTYPES, EMPTIES, SPECIALS, UNUSED
from .computed import DELAYS, DENSE, INDEXING, NESTED, NETWORKS
from .pieces import LEAKY, SMOOTH, Family

MISTAKES = [
    {"ends": "return {**new, 's0': new['s0'].astype(jnp.int32)}, out"},
    {"ends": "return {**new, 's0': new['s0'][:1]}, out"},
    {"ends": "return (new,), out"},
    {"ends": "return {**new, 'more': 1.0}, out"},
    {"ends": "return {**new, 's0': None}, out"},
    {"ends": "return new"},
    {"ends": "return new, out, out"},
    {"ends": "return None"},
    {"ends": "return new, 'text'"},
    {"ends": "return new, {**out, 'f': jnp.sin}"},
    {"ends": "return new, object()"},
    {"ends": "return {**new, 's0': 'text'}, out"},
    {"ends": "return new, {**out, 'o': jnp.ones(3) @ jnp.ones(4)}"},
    {"ends": "raise KeyError('of the step')"},
    {"ends": "assert new['s0'].sum() > 0; return new, out"},
    {"ends": "np.asarray(new['s0']); return new, out"},
    {"ends": "int(new['s0'][0, 0]); return new, out"},
    {"ends": "return {**new, 's0': shrunk(new['s0'])}, out"},
    {"ends": "return {**new, 's0': nudged(new['s0'])}, out"},
    {"ends": "return {**new, 's0': halves(new['s0'])}, out"},
    {"ends": "return jax.tree.map(np.asarray, new), out"},
    {"xs": "{'u': R(T, *S), 'v': R(T + 1, *S)}"},
    {"xs": "{'u': R(T, *S), 'v': 1.0}"},
    {"xs": "{'u': R(T, *S), 'v': 'text'}"},
    {"xs": "{'u': R(T, *S)}", "length": "T + 1"},
    {"xs": "{'u': R(T, *S)}", "length": "T - 1"},
    {"xs": "{'u': R(T, *S)}", "length": "float(T)"},
    {"xs": "{'u': R(T, *S)}", "length": "'text'"},
    {"xs": "None", "length": "-1"},
    {"xs": "None", "length": "None"},
    {"xs": "None", "length": "2.5"},
    {"xs": "None", "length": "np.int64(T)"},
    {"xs": "None", "length": "jnp.int32(T)"},
    {"init": "{'s0': R(*S), 'more': 'text'}"},
    {"init": "{'s0': object()}"},
    {"init": "{'s0': R(*S), 'more': jnp.sin}"},
    {"init": "{'s0': 2**31}"},
]
FAMILIES = {
    "carries": CARRIES,
    "unused": UNUSED,
    "specials": SPECIALS,
    "dtypes": DTYPES,
    "empties": EMPTIES,
    "nested": NESTED,
    "indexing": INDEXING,
    "dense": DENSE,
    "networks": NETWORKS,
    "delays": DELAYS,
    "transforms": Family(
        NETWORKS.ops + NESTED.ops + INDEXING.ops[:12] + DENSE.ops[:8], NETWORKS.slots + DELAYS.slots[:5]
    ),
    "mistakes": Family([*SMOOTH, "$a @ w['A']"], [LEAKY[0]]),
}
