import jax
import numpy as np
import pytest

import dynplug as dp
import dynplug.run.ds_runner as ds_runner
from dynplug.errors import DurationError, OptionError, ShapeError


def cell(size=3):
    return dp.neurons.LIF(size, tau=5.0)


def runner(**options):
    return dp.DSRunner(cell(), **{"monitors": ["V", "spike"], "dt": 0.5, "progress_bar": False, **options})


@pytest.mark.claim(
    "ds-runner-rows",
    "A monitored row is the closed form at the end of its step, in single precision (relative)",
    tolerance=1e-6,
    reference="Gerstner, W. et al. (2014), Neuronal Dynamics, section 1.3, doi:10.1017/CBO9781107447615; closed form",
    components=("runner:DSRunner", "neuron:LIF"),
)
def test_a_row_belongs_to_the_end_of_its_step(measured):
    r = runner(t0=10.0)
    r.run(2.0, inputs=2.0)
    np.testing.assert_allclose(r.mon.ts, [10.5, 11.0, 11.5, 12.0])
    measured.relative(r.mon["V"][:, 0], 2.0 * (1 - np.exp(-(r.mon.ts - 10.0) / 5.0)))


def test_records_are_those_of_a_pure_loop_whatever_the_chunks():
    inputs = np.asarray(jax.random.uniform(jax.random.key(0), (23, 3), maxval=4.0))
    r = runner(chunk=4)
    out = r.run(inputs=inputs)
    _, (want, (V, spike)) = dp.LoopOverTime(cell(), ("V", "spike"), dt=0.5)(inputs)
    assert float(want.sum()) > 0
    for got, expected in ((out, want), (r.mon.V, V), (r.mon.spike, spike)):
        assert isinstance(got, np.ndarray)
        np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert len(r.mon.ts) == 23


def test_a_second_run_goes_on_and_a_reset_starts_anew():
    inputs = np.asarray(jax.random.uniform(jax.random.key(1), (20, 3), maxval=4.0))
    whole, parts = runner(), runner(chunk=4)
    whole.run(inputs=inputs)
    first = (parts.run(inputs=inputs[:7]), parts.mon["V"])[1]
    parts.run(inputs=inputs[7:])
    np.testing.assert_allclose(np.concatenate([first, parts.mon["V"]]), whole.mon["V"], rtol=1e-6)
    np.testing.assert_allclose(parts.mon.ts, whole.mon.ts[7:])
    parts.run(inputs=inputs[:7], reset_state=True)
    np.testing.assert_array_equal(parts.mon["V"], first)
    parts.reset_state()
    assert int(parts.state.i) == 0


def test_a_constant_input_is_one_number_or_one_a_unit():
    r = runner()
    r.run(2.0, inputs=[0.1, 0.2, 0.3])
    per_unit = r.mon["V"]
    r.run(inputs=np.tile([0.1, 0.2, 0.3], (4, 1)), reset_state=True)
    np.testing.assert_allclose(per_unit, r.mon["V"], rtol=1e-6)
    assert not np.allclose(per_unit[:, 0], per_unit[:, 1])


@pytest.mark.parametrize("axis", ["B", "T"])
def test_batches_are_laid_out_as_asked(axis):
    x = np.asarray(jax.random.uniform(jax.random.key(2), (2, 6, 3), maxval=4.0))
    r = runner(data_first_axis=axis)
    out = r.run(inputs=x if axis == "B" else x.swapaxes(0, 1))
    want = np.stack([runner().run(inputs=sample) for sample in x])
    np.testing.assert_allclose(out if axis == "B" else out.swapaxes(0, 1), want, rtol=1e-6)
    assert r.mon["V"].shape == out.shape
    r.reset_state(batch_size=4)
    assert r.run(1.0, inputs=[1.0, 2.0, 3.0]).shape == ((4, 2, 3) if axis == "B" else (2, 4, 3))


def test_randomness_comes_from_the_key(getkey):
    net = dp.layers.Dropout(0.5)
    keep = [
        dp.DSRunner(net, dt=1.0, key=jax.random.key(seed), progress_bar=False).run(
            inputs=np.ones((8, 50)), shared_args={"fit": True}
        )
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(keep[0], keep[1])
    assert (keep[0] != keep[2]).any()
    assert 0.3 < (keep[0] == 0).mean() < 0.7


def test_the_progress_bar_counts_the_steps(monkeypatch, capsys):
    seen = []

    class Bar(ds_runner.tqdm):
        def update(self, n=1):
            seen.append(n)
            return super().update(n)

    monkeypatch.setattr(ds_runner, "tqdm", Bar)
    runner(progress_bar=True, chunk=4).run(11.5, inputs=1.0)
    assert sum(seen) == 23
    assert len(seen) > 1
    assert capsys.readouterr().err == ""  # not on a terminal


def test_a_run_without_an_extent_and_a_batch_without_a_size_are_refused():
    with pytest.raises(DurationError, match="The length of the run is not given"):
        runner().run()
    with pytest.raises(ShapeError, match=r"reset_state\(batch_size\)"):
        runner(data_first_axis="B").run(2.0)
    with pytest.raises(ShapeError, match="batch_size"):
        runner().reset_state(2)


def test_predict_is_run():
    np.testing.assert_array_equal(runner().predict(2.0, inputs=3.0), runner().run(2.0, inputs=3.0))


@pytest.mark.parametrize("axis", ["B", "T"])
def test_a_run_that_goes_on_has_as_many_samples(axis):
    run = dp.DSRunner(dp.neurons.LIF(2), monitors=["V"], dt=1.0, data_first_axis=axis, progress_bar=False)
    three, two = (np.ones((n, 5, 2) if axis == "B" else (5, n, 2), np.float32) for n in (3, 2))
    run.run(inputs=three)
    with pytest.raises(ShapeError, match=r"continues from have 3 samples, the inputs 2: .*reset_state"):
        run.run(inputs=two)
    run.run(inputs=two, reset_state=True)
    loop = dp.LoopOverTime(dp.neurons.LIF(2), dt=1.0, data_first_axis=axis)
    with pytest.raises(ShapeError, match=r"continues from have 3 samples, the inputs 2"):
        loop(two, loop(three)[0])


class Keyed(dp.DynamicalSystem):
    def init_state(self, ctx):
        return {"key": jax.random.key(3), "v": jax.numpy.zeros(2, ctx.dtype)}

    def update(self, state, x, ctx):
        return {"key": jax.random.split(state["key"])[0], "v": state["v"] + 1.0}, state["v"]


def test_a_random_key_is_no_record():
    with pytest.raises(OptionError, match=r"Monitor 'key' is a random key.*key_data"):
        dp.DSRunner(Keyed(), monitors=["key"], dt=1.0)
    words = {"key": lambda state: jax.random.key_data(state["key"])}
    run = dp.DSRunner(Keyed(), monitors=words, dt=1.0, progress_bar=False)
    run.run(3.0)
    assert run.mon["key"].shape == (3, 2)


def test_without_jit_remat_has_nothing_to_do():
    run = dp.DSRunner(dp.neurons.LIF(1), dt=1.0, jit=False, remat=True, progress_bar=False)
    assert run.run(3.0, inputs=0.5).shape == (3, 1)
