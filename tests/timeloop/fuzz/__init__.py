"""Random programs, run by the compiled loop and by `jax.lax.scan`; `python tests/timeloop/fuzz --help`."""
