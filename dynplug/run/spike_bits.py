"""Spikes as bits: the device writes a few words a step, the host turns them into events."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt32

_UNITS = 31  # of a word; the bit above them says that some value was neither 0 nor 1
_STRANGE = 31


class Unpacked(NamedTuple):
    """The spikes of some steps as events: the index of each's step, of its sample, and of its unit."""

    step: np.ndarray
    sample: np.ndarray
    unit: np.ndarray


def pack(spike: Array) -> UInt32[Array, " words"]:
    """The spikes of one step, a bit for each unit.

    Among the units that fill whole words, `u` is bit `u // words` of word `u % words`: neighbours stand in neighbouring
    words, so that a processor packs several at once. The rest are the bits of one word more: to pad all of them instead
    takes four times as long.
    """
    spike = spike.reshape(-1)
    whole = spike.size // _UNITS
    filled, rest = spike[: whole * _UNITS].reshape(_UNITS, whole), spike[whole * _UNITS :]
    if rest.size == 0:
        return _words(filled)
    return jnp.concatenate([_words(filled), _words(jnp.pad(rest, (0, _UNITS - rest.size))[:, None])])


def unpack(words: np.ndarray, units: int) -> Unpacked | None:
    """The events of packed steps (steps, samples, words), ordered by step, sample and unit.

    `None` if some value was neither 0 nor 1.
    """
    whole, count = units // _UNITS, words.shape[-1]
    flat = words.reshape(-1)
    at = np.flatnonzero(flat)
    left: np.ndarray = flat[at]
    if (left >> _STRANGE).any():
        return None
    row, word = np.divmod(at, max(1, count))
    found = [at[:0]]
    while left.size:  # the lowest bit of each word, then the next: as often as one word has bits
        lowest: np.ndarray = left & (~left + np.uint32(1))
        bit = np.bitwise_count(lowest - np.uint32(1)).astype(np.int64)
        found.append(row * units + np.where(word < whole, bit * whole + word, whole * _UNITS + bit))
        left = left ^ lowest
        some = left != 0
        left, row, word = left[some], row[some], word[some]
    row, unit = np.divmod(np.sort(np.concatenate(found)), max(1, units))
    return Unpacked(*np.divmod(row, max(1, words.shape[1])), unit)


def _words(spike: Array) -> UInt32[Array, " words"]:
    """A word for each column, with one bit for each of its values."""
    bits = jnp.left_shift(jnp.uint32(1), jnp.arange(_UNITS, dtype=jnp.uint32))[:, None]
    nothing, strange = jnp.uint32(0), jnp.uint32(1 << _STRANGE)
    zero, one = jnp.zeros((), spike.dtype), jnp.ones((), spike.dtype)
    read = jnp.where(spike == zero, nothing, jnp.where(spike == one, bits, strange))
    return jax.lax.reduce(read, nothing, jax.lax.bitwise_or, (0,))
