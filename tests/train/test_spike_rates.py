"""The rates of a model's units by epoch, against a count of inputs above zero, each of which is a spike."""

import io

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp

RNG = np.random.default_rng(3)
SGD = optax.sgd(0.1)
DT, T = 0.5, 7
SHIFTS = np.array([-0.8, 0.0, 0.8, 1.6], np.float32)  # so that each unit has a rate of its own
X = RNG.normal(size=(40, T, 4)).astype(np.float32) + SHIFTS
Y = RNG.normal(size=(40, T, 2)).astype(np.float32)
LENGTHS = RNG.integers(2, T + 1, 40)


class Spiked(eqx.Module):
    spike: jax.Array


class Above(dp.DynamicalSystem):
    """Spikes where its input is above zero."""

    size: int = eqx.field(static=True, default=4)

    @property
    def in_size(self):
        return (self.size,)

    @property
    def out_size(self):
        return (self.size,)

    def init_state(self, ctx):
        return Spiked(jnp.zeros(self.size))

    def update(self, state, x, ctx):
        spike = (x > 0).astype(x.dtype)
        return Spiked(spike), spike


def trained(data, test=None, *, track=("spike_rate",), num_epoch=2, layout="B", fit=None, **options):
    model = dp.Sequential(hidden=Above(), drop=dp.layers.Dropout(0.5), readout=dp.layers.Dense(4, 2, W_initializer=0.1))
    quiet = {"logger": None, "progress_bar": False, "shuffle_data": False, "watch": False}
    t = dp.BPTT(model, "mse", SGD, dt=DT, track=track, data_first_axis=layout, **{**quiet, **options})
    t.fit(data, test, num_epoch=num_epoch, batch_size=36, **(fit or {}))
    return t


def rate(x, lengths=None):
    """Of (samples, time, units) [kHz]."""
    counted = np.ones(x.shape[:2], bool) if lengths is None else np.arange(x.shape[1]) < lengths[:, None]
    return np.mean((x > 0)[counted]) / DT


@pytest.mark.claim(
    "spike-rate-by-epoch",
    "Rates by epoch are counts of spikes (relative)",
    tolerance=1e-6,
    reference="NumPy",
    components=("runner:BPTT",),
)
def test_rates_are_those_of_the_first_test_samples_once_an_epoch(measured):
    t = trained((X, Y), (X[::-1], Y))
    found = t.get_hist_metric("test", "spike_rate/hidden")
    assert found.shape == (2,)
    measured.relative(found, rate(X[::-1][:32]))
    assert "spike_rate/hidden" not in t.history.last("fit")
    assert t.get_hist_metric("test", "spike_rate/hidden", "detailed").size == 0  # it is of no batch


def test_without_test_data_they_are_of_the_last_batch():
    t = trained((X, Y))  # a batch of 36, and one of 4 that is made up to as many
    np.testing.assert_allclose(t.history.last("fit")["spike_rate/hidden"], rate(X[36:]), rtol=1e-6)


@pytest.mark.parametrize("layout", ["B", "T"])
def test_steps_beyond_the_length_of_a_sequence_do_not_count(layout):
    x, y = (X, Y) if layout == "B" else (X.swapaxes(0, 1), Y.swapaxes(0, 1))
    t = trained((x, y), (x, y), layout=layout, num_epoch=1, fit={"lengths": (LENGTHS, LENGTHS)})
    np.testing.assert_allclose(t.history.last("test")["spike_rate/hidden"], rate(X[:32], LENGTHS[:32]), rtol=1e-6)


def test_nothing_of_the_training_depends_on_them():
    with_it, without = trained((X, Y), (X, Y)), trained((X, Y), (X, Y), track=())
    assert eqx.tree_equal(with_it.target, without.target)
    for phase in ("fit", "test"):
        np.testing.assert_array_equal(with_it.get_hist_metric(phase), without.get_hist_metric(phase))
    assert not any("rate" in name for name in without.history.last("test"))


def test_they_are_in_the_line_of_an_epoch_and_go_with_the_history(tmp_path):
    heard, text = [], io.StringIO()
    t = trained((X, Y), (X, Y), logger=text, fit={"fun_after_report": lambda *told: heard.append(told)})
    assert f"spike_rate/hidden {rate(X[:32]):.4g}" in text.getvalue()
    assert [phase for _, metrics, phase in heard if "spike_rate/hidden" in metrics] == ["test", "test"]
    t.save_states(tmp_path / "file")
    new = trained((X, Y), num_epoch=0)
    new.load_states(tmp_path / "file")
    np.testing.assert_array_equal(*(one.get_hist_metric("test", "spike_rate/hidden") for one in (t, new)))


def test_with_reports_of_steps_they_stand_at_each_of_the_epoch():
    t = trained((X, Y), fit={"num_report": 1})
    assert t.get_hist_metric("fit", "loss").shape == t.get_hist_metric("fit", "spike_rate/hidden").shape == (4,)


def test_where_nothing_spikes_there_is_no_rate():
    t = dp.BPFF(dp.layers.Dense(4, 2, key=jax.random.key(0)), "mse", SGD, track=["spike_rate"], logger=None)
    t.fit((X[:, 0], Y[:, 0]), num_epoch=1)
    assert t.history.last("fit").keys() == {"loss"}
