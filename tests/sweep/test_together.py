"""Trainers whose steps are computed as one: what goes by batches, by lengths and by counts is as of each by itself."""

import jax
import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.train.together import alike, run_together

CLASSES, FEATURES, SAMPLES = 3, 2, 9
SGD = optax.sgd(0.1)  # Adam would make much of the gradient of biases before a normalisation, which is rounding
METRICS = ["accuracy", "confusion_matrix", "balanced_accuracy"]


def trainer(seed, precision):
    keys = jax.random.split(jax.random.key(seed), 2)
    model = dp.Sequential(
        encode=dp.layers.Dense(FEATURES, 4, key=keys[0]),
        norm=dp.layers.TDBatchNorm(4),
        hidden=dp.neurons.LeakyIntegrator(4, tau=3.0 + seed),
        readout=dp.layers.Dense(4, CLASSES, key=keys[1]),
    )
    options = {"logger": None, "progress_bar": False, "precision": precision}
    return dp.BPTT(model, "cross_entropy", SGD, dt=1.0, metrics=METRICS, seed=seed, **options)


def data(seed):
    """Samples of several lengths, and labels; other ones for each seed."""
    rng = np.random.default_rng(seed)
    lengths = rng.permutation([2, 2, 2, 2, 3, 5, 5, 5, 5])
    x = [rng.normal(size=(length, FEATURES)).astype(np.float32) for length in lengths]
    return x, rng.integers(0, CLASSES, SAMPLES)


def fitted(one, seed):
    one.fit(data(seed), data(seed + 10), num_epoch=2, batch_size=4, buckets=2)
    return one


@pytest.mark.parametrize("precision", ["float32", {"compute": "float16", "loss_scale": 1024.0}])
def test_statistics_lengths_and_counts_are_those_of_each_by_itself(precision):
    alone = [fitted(trainer(seed, precision), seed) for seed in (0, 1)]
    together = [trainer(seed, precision) for seed in (0, 1)]
    for one in together:
        one.objective = together[0].objective
    assert alike(together[0]) == alike(together[1])
    runs = [lambda seed=seed, one=one: fitted(one, seed) for seed, one in enumerate(together)]
    assert run_together(together, runs) == together  # and no errors
    close = {"rtol": 1e-5, "atol": 1e-6} if precision == "float32" else {"rtol": 2e-2, "atol": 2e-2}
    for one, other in zip(alone, together, strict=True):
        for phase in ("fit", "test"):
            for name in ("loss", *METRICS):
                wanted = one.get_hist_metric(phase, name)
                np.testing.assert_allclose(other.get_hist_metric(phase, name), wanted, **close)
        assert one.get_hist_metric("test", "confusion_matrix").sum() == 2 * SAMPLES
        norms = one.target["norm"], other.target["norm"]
        for name in ("mean", "variance"):
            np.testing.assert_allclose(getattr(norms[1], name), getattr(norms[0], name), **close)
        assert np.all(norms[0].mean != 0)
        np.testing.assert_allclose(other.target["readout"].weight, one.target["readout"].weight, **close)
