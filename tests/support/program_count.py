"""Count of the programs that JAX has XLA compile, or takes from a cache in a file."""

import jax

_EVENT = "/jax/core/compile/backend_compile_duration"
_seen = []
jax.monitoring.register_event_duration_secs_listener(lambda event, *_, **__: _seen.append(event))


def programs(function):
    """The number of programs that a call needs which no call before it has left in memory, and its result."""
    jax.clear_caches()
    before = len(_seen)
    result = jax.block_until_ready(function())
    return sum(event == _EVENT for event in _seen[before:]), result
