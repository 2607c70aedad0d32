"""A network in words."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree


def lines(network: Any) -> Iterator[str]:
    """A line for each population and each projection."""
    for name, system in zip(network.names, network.systems, strict=True):
        size = getattr(system, "out_size", None) or getattr(system, "size", ())
        yield f"{name}: {' x '.join(map(str, size))} {type(system).__name__}"
    shared = {name: group[0] for group in network.groups for name in group[1:]}
    for name, edge in zip(network.edge_names, network.edges, strict=True):
        yield f"{name}: {edge.described(shared.get(name))}"


def of_pathway(path: Any, shares: str | None) -> str:
    """A projection: its populations, connections, delays, synapses, delivery and memory."""
    method, reason = path.way
    synapse = f"the synapses of {shares}" if shares else type(path.synapse).__name__
    parts = [
        f"{path.source} -> {', '.join(path.targets)}",
        f"{len(path.fanout):,} connections",
        _delay(path.delays) or "within the step",
        synapse,
        *(type(rule).__name__ for rule in (path.short_term, path.plasticity) if rule is not None),
        f"{_bytes(path.fanout, path.weight) / 2**20:.2g} MiB",
        f"{method if isinstance(method, str) else type(method).__name__} ({reason})",
    ]
    return ", ".join(parts)


def of_coupling(coupled: Any) -> str:
    """A coupling: its populations, form, connections, delays, memory and delivery."""
    parts = [
        f"{coupled.source} -> {', '.join(coupled.targets)}",
        f"{coupled.form} coupling",
        f"{len(coupled.fanout):,} connections",
        *filter(None, [_delay(coupled.chain.delays)]),
        f"{_bytes(coupled.fanout, coupled.weight) / 2**20:.2g} MiB",
        coupled.delivery,
    ]
    return ", ".join(parts)


def of_junctions(junctions: Any) -> str:
    """Gap junctions: their populations and number."""
    return (
        f"{' = '.join(junctions.targets * (2 // len(junctions.targets)))}, {len(junctions.fanout) // 2:,} gap junctions"
    )


def _delay(delays: tuple[float, ...]) -> str:
    """The delays, an empty text if there are none."""
    low, high = min(delays), max(delays)
    if low == high:
        return f"delay {low:g} ms" if high else ""
    return f"delay {low:g} to {high:g} ms in {len(delays)} values"


def _bytes(*trees: PyTree) -> int:
    return sum(a.size * np.dtype(a.dtype).itemsize for a in jax.tree.leaves(trees) if hasattr(a, "dtype"))
