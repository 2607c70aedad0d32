import os

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dynplug as dp
from dynplug.run import chunked as chunks


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 700), st.integers(1, 40))
def test_chunks_make_up_the_run_and_are_as_equal_as_can_be(length, chunk, every):
    sizes = list(chunks.chunk_sizes(length, chunk, every))
    assert sum(sizes) == length
    assert max(sizes) <= chunk
    assert len(set(sizes)) <= 2
    assert len(set(sizes[:-1])) <= 1
    if every <= chunk and len(sizes) > 1:
        assert sizes[0] % every == 0
    unit = every if every <= chunk else 1
    if any(length % (n * unit) == 0 for n in range(chunk // unit, chunk // (2 * unit), -1)):
        assert len(set(sizes)) == 1


@pytest.mark.parametrize(("size", "program"), [(10, "_one_thread"), (9000, "_many_threads")])
def test_a_small_step_is_left_on_one_thread(size, program, monkeypatch):
    called = []
    for name in ("_one_thread", "_many_threads"):
        real = getattr(chunks, name)
        monkeypatch.setattr(chunks, name, lambda *args, name=name, real=real: called.append(name) or real(*args))
    r = dp.DSRunner(dp.neurons.LIF(size, tau=5.0), monitors=["V"], dt=0.5, progress_bar=False)
    r.run(1.5, inputs=2.0)
    assert called == [program]
    np.testing.assert_allclose(r.mon["V"][-1], 2.0 * (1 - np.exp(-1.5 / 5.0)), rtol=1e-5)


def test_xla_knows_what_it_is_told():
    """A pass of another name would be disabled in silence."""
    hh, loop = dp.neurons.HH(4000), dp.timeloop.Loop(0.01, loop="plain")

    def run(state):
        return loop.advance(hh, state, None, 10)

    def text(**options):
        return jax.jit(run, **options).lower(loop.start(hh)).compile().as_text()

    assert "outer_dimension_partitions" not in text(compiler_options=chunks._ON_ONE_THREAD)
    if (os.cpu_count() or 1) > 1 and jax.default_backend() == "cpu":
        assert "outer_dimension_partitions" in text()
