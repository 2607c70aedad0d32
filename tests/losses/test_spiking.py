"""Losses of spikes against closed forms and NumPy, their gradients against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax

import dynplug as dp
from dynplug.losses import first_spike, rate_penalty, rate_regularized, spike_count, time_of_first_spike, van_rossum

RNG = np.random.default_rng(8)
Z = (RNG.random((12, 9, 4)) < 0.25).astype(float)
Z[0, :, 2] = 0.0  # a unit that never spikes
Y = RNG.integers(0, 4, 12)
LENGTHS = RNG.integers(3, 10, 12)
MASK = np.arange(9) < LENGTHS[:, None]


@pytest.mark.claim(
    "spike-count",
    "The spike-count loss is its formula",
    tolerance=1e-14,
    reference="NumPy",
    components=("loss:spike_count",),
)
def test_counts_are_compared_with_those_wanted(x64, measured):
    wanted = np.where(np.arange(4) == Y[:, None], 0.7, 0.2)
    given = {"right": 0.7, "wrong": 0.2}
    measured.difference(spike_count(jnp.asarray(Z), Y, **given), np.mean((Z.mean(1) - wanted) ** 2))
    measured.difference(spike_count(jnp.asarray(Z), wanted), np.mean((Z.mean(1) - wanted) ** 2))
    rates = np.array([z[:n].mean(0) for z, n in zip(Z, LENGTHS, strict=True)])
    measured.difference(spike_count(jnp.asarray(Z), Y, mask=MASK, **given), np.mean((rates - wanted) ** 2))
    weight = RNG.random(12)
    found = spike_count(jnp.asarray(Z), Y, sample_weight=weight, **given)
    measured.difference(found, np.average(((Z.mean(1) - wanted) ** 2).mean(1), weights=weight))


def times(z, lengths):
    return np.array(
        [[next((i for i in range(n) if s[i]), n) for s in one.T] for one, n in zip(z, lengths, strict=True)]
    )


def numpy_cross_entropy(scores):
    return -np.mean(log_softmax(scores, -1)[np.arange(12), Y])


@pytest.mark.claim(
    "first-spike",
    "Times of first spikes, and the loss of their order, are those of a search",
    tolerance=1e-13,
    reference="NumPy; SciPy's log_softmax",
    components=("loss:first_spike",),
)
def test_first_spikes_are_found(x64, measured):
    for lengths, mask in ((np.full(12, 9), None), (LENGTHS, MASK)):
        found = times(Z, lengths)
        measured.difference(time_of_first_spike(jnp.asarray(Z), mask), found)
        loss = first_spike(jnp.asarray(Z), jnp.asarray(Y), tau=4.0, dt=0.5, mask=mask)
        measured.difference(loss, numpy_cross_entropy(-found * 0.5 / 4.0))
        accuracy = dp.losses.accuracy(jnp.asarray(Z), jnp.asarray(Y), reduce_time="first_spike", mask=mask)
        measured.difference(accuracy, np.mean(found.argmin(1) == Y))
    labels = np.where(np.arange(12) < 3, -1, Y)
    kept = first_spike(jnp.asarray(Z[3:]), jnp.asarray(Y[3:]))
    measured.difference(first_spike(jnp.asarray(Z), jnp.asarray(labels), ignore_index=-1), kept)


def test_a_spike_more_or_less_moves_the_time_by_the_steps_between(x64):
    slope = jax.grad(lambda z: time_of_first_spike(z).sum())(jnp.array([[[0.0], [0.0], [1.0], [0.0], [1.0], [0.0]]]))
    np.testing.assert_allclose(slope[0, :, 0], [-2.0, -1.0, -2.0, 0.0, 0.0, 0.0])


@pytest.mark.claim(
    "van-rossum",
    "The distance of van Rossum is that of the integral over all pairs of spikes (relative)",
    tolerance=1e-12,
    reference="van Rossum, M. C. W. (2001), doi:10.1162/089976601300014321; closed forms and NumPy",
    components=("loss:van_rossum",),
)
def test_the_distance_is_that_of_all_pairs(x64, measured):
    tau, dt = 7.0, 0.5
    one, none = np.zeros((1, 50, 1)), np.zeros((1, 50, 1))
    one[0, 49] = 1.0  # at the end: all of the integral comes after it
    measured.relative(van_rossum(jnp.asarray(one), jnp.asarray(none), tau=tau, dt=dt), 0.5)
    for by in (1, 4, 20):
        moved = np.roll(one, -by, axis=1)
        measured.relative(
            van_rossum(jnp.asarray(one), jnp.asarray(moved), tau=tau, dt=dt), 1.0 - np.exp(-by * dt / tau)
        )
    other = (RNG.random(Z.shape) < 0.25).astype(float)
    for mask in (None, MASK):
        d = Z - other if mask is None else (Z - other) * mask[..., None]
        kernel = np.exp(-np.abs(np.subtract.outer(np.arange(9), np.arange(9))) * dt / tau)
        wanted = np.mean(np.einsum("bic,ij,bjc->bc", d, kernel, d)) / 2.0
        measured.relative(van_rossum(jnp.asarray(Z), jnp.asarray(other), tau=tau, dt=dt, mask=mask), wanted)
    weight = RNG.random(12)
    d = Z - other
    wanted = np.average(np.einsum("bic,ij,bjc->bc", d, kernel, d).mean(1), weights=weight) / 2.0
    measured.relative(van_rossum(jnp.asarray(Z), jnp.asarray(other), tau=tau, dt=dt, sample_weight=weight), wanted)


@pytest.mark.claim(
    "rate-penalty",
    "The penalty of rates is its formula, beside any loss",
    tolerance=1e-13,
    reference="NumPy",
    components=("loss:rate_regularized",),
)
def test_rates_out_of_their_bounds_cost(x64, measured):
    def penalty(z, lengths):
        rates = np.array([one[:n].mean(0) for one, n in zip(z, lengths, strict=True)])
        return np.mean(np.clip(0.1 - rates, 0, None) ** 2 + np.clip(rates - 0.3, 0, None) ** 2)

    bounds, out, whole = {"low": 0.1, "high": 0.3}, jnp.asarray(RNG.normal(size=(12, 9, 4))), np.full(12, 9)
    measured.difference(rate_penalty(jnp.asarray(Z), **bounds), penalty(Z, whole))
    measured.difference(rate_penalty(jnp.asarray(Z > 0.5), mask=MASK, **bounds), penalty(Z, LENGTHS))
    records = {"a": jnp.asarray(Z), "b": jnp.asarray(Z[:, :, :2])}
    loss = {"type": "cross_entropy", "reduce_time": "last"}
    options = {"loss": loss, "strength": 2.0, **bounds}
    last = numpy_cross_entropy(np.asarray(out)[:, -1])
    found = rate_regularized((out, records), jnp.asarray(Y), monitor="a", **options)
    measured.difference(found, last + 2.0 * penalty(Z, whole))
    found = rate_regularized((out, records), jnp.asarray(Y), monitor=["a", "b"], **options)
    measured.difference(found, last + 2.0 * (penalty(Z, whole) + penalty(Z[:, :, :2], whole)))
    found = rate_regularized(jnp.asarray(Z), jnp.asarray(Y), **options)
    measured.difference(found, numpy_cross_entropy(Z[:, -1]) + 2.0 * penalty(Z, whole))


def test_gradients_are_those_of_finite_differences(x64):
    z, direction = RNG.random(Z.shape), RNG.normal(size=Z.shape)
    y, goal = jnp.asarray(Y), jnp.asarray(Z)
    functions = [
        lambda z: spike_count(z, y, mask=MASK),
        lambda z: first_spike(z, y, mask=MASK),
        lambda z: van_rossum(z, goal, mask=MASK),
        lambda z: rate_penalty(z, low=0.45, high=0.55, mask=MASK),
        lambda z: dp.losses.cross_entropy(z, y, reduce_time="sum_softmax", label_smoothing=0.2, class_weight={1: 3.0}),
    ]

    @jax.jit
    def values(z):
        return jnp.stack([f(z) for f in functions])

    h = 1e-6
    slope = (values(z + h * direction) - values(z - h * direction)) / (2 * h)
    gradient = jax.jit(jax.jacrev(values))(jnp.asarray(z))
    np.testing.assert_allclose(np.sum(gradient * direction[None], (1, 2, 3)), slope, rtol=1e-6)


KEY = jax.random.key(3)


def trainer(loss, metrics=(), **options):
    model = dp.Sequential(
        encode=dp.layers.Dense(3, 4, W_initializer=dp.initializers.Normal(6.0), key=KEY),
        hidden=dp.neurons.LIF(4, tau=3.0),
    )
    options = {"dt": 0.5, "logger": None, "loop": "plain", "shuffle_data": False, "optimizer": SGD, **options}
    return dp.BPTT(model, loss, metrics=metrics, **options)


SGD = {"type": "sgd", "learning_rate": 0.0}
X = RNG.normal(size=(12, 9, 3)).astype(np.float32)


def test_a_trainer_tells_losses_its_step_and_its_records():
    out = trainer("first_spike").predict(X)
    found = trainer({"type": "first_spike", "tau": 2.0})
    found.fit((X, Y), num_epoch=1)
    wanted = first_spike(out, Y, tau=2.0, dt=0.5)
    assert found.get_hist_metric()[0] == pytest.approx(float(wanted), rel=1e-5)
    assert float(wanted) != pytest.approx(float(first_spike(out, Y, tau=2.0)))
    loss = {"type": "rate_regularized", "loss": "spike_count", "monitor": "hidden.spike", "high": 0.05, "strength": 3.0}
    for axis in ("B", "T"):
        found = trainer(loss, monitors=["hidden.spike"], data_first_axis=axis)
        found.fit((X if axis == "B" else X.swapaxes(0, 1), Y), num_epoch=1, batch_size=5, lengths=LENGTHS)
        wanted = spike_count(out, Y, mask=MASK) + 3.0 * rate_penalty(out, high=0.05, mask=MASK)
        assert found.get_hist_metric()[0] == pytest.approx(float(wanted), rel=1e-5)


def test_metrics_of_counts_are_of_whole_epochs(tmp_path):
    names = ["confusion_matrix", "f1", "per_class_accuracy", {"type": "balanced_accuracy", "reduce_time": "last"}]
    t = trainer("spike_count", names)
    t.fit((X, Y), (X, Y), num_epoch=2, batch_size=5)
    out = t.predict(X)
    for name in ("confusion_matrix", "f1", "per_class_accuracy"):
        wanted = np.asarray(getattr(dp.losses, name)(out, Y))
        for phase in ("fit", "test"):
            np.testing.assert_allclose(t.get_hist_metric(phase, name), np.stack([wanted] * 2), rtol=1e-6)
    wanted = float(dp.losses.balanced_accuracy(out, Y, reduce_time="last"))
    assert t.history.last("test")["balanced_accuracy"] == pytest.approx(wanted)
    assert "confusion_matrix" not in t.history.last("test")
    assert len(t.get_hist_metric("fit", "f1", "detailed")) == 6
    by_steps = trainer("spike_count", names)
    by_steps.fit((X, Y), num_epoch=1, batch_size=5, num_report=2)
    first = dp.losses.f1(out[:10], Y[:10])
    assert by_steps.get_hist_metric("fit", "f1")[0] == pytest.approx(float(first), rel=1e-5)
    t.save_states(tmp_path / "c")
    again = trainer("spike_count", names)
    again.load_states(tmp_path / "c")
    np.testing.assert_array_equal(again.get_hist_metric("fit", "f1"), t.get_hist_metric("fit", "f1"))
    with pytest.raises(dp.errors.OptionError, match="'f1' counts answers and has no gradient"):
        trainer(dp.losses.f1)
