"""Readouts of several series of several lengths, in every form that data have."""

import jax
import numpy as np
import pytest
from dynplug_reservoir import ForceTrainer, Reservoir, RidgeTrainer, nrmse

import dynplug as dp

KEY, WASHOUT, LENGTHS = jax.random.key(5), 4, np.array([30, 12, 21])
RNG = np.random.default_rng(7)
X = [RNG.normal(size=(n, 2)) for n in LENGTHS]
Y = [x[:, :1] * np.roll(x[:, 1:], 1, axis=0) + 0.3 for x in X]


@pytest.fixture(autouse=True)
def x64():
    """Double precision."""
    with jax.enable_x64(True):
        yield


def network():
    reservoir = Reservoir(2, 8, sparsity=0.5, leak=0.7, bias_scale=0.3, key=KEY)
    return reservoir >> dp.layers.Dense(8, 1, W_initializer=0.0, key=KEY)


def padded(rows, filler):
    out = np.full((len(rows), 30, *rows[0].shape[1:]), filler)
    for n, row in enumerate(rows):
        out[n, : len(row)] = row
    return out


def rows(model):
    """The inputs of the readout, for each series by itself."""
    return [np.asarray(dp.LoopOverTime(model["0"], dt=1.0)(x)[1]) for x in X]


def swap(data):
    return tuple(a.swapaxes(0, 1) if a.ndim > 1 else a for a in data)


ARRAYS = (padded(X, 1e3), padded(Y, np.nan))
FORMS = {
    "lists": ((X, Y), {}),
    "arrays with lengths": (ARRAYS, {"lengths": LENGTHS}),
    "triple": ((*ARRAYS, LENGTHS), {}),
    "batches": ([(X[:2], Y[:2]), (X[2:], Y[2:])], {}),
    "batches of arrays": ([(X[n][None], Y[n][None]) for n in range(3)], {}),
    "function": (lambda: (X, Y), {}),
    "function of the epoch": (lambda epoch: iter([(X[:1], Y[:1]), (X[1:], Y[1:])]), {}),
}


@pytest.mark.claim(
    "ridge-series",
    "Ridge regression over several series of several lengths solves the normal equations of their steps (relative, and "
    "absolute below 0.01)",
    tolerance=1e-9,
    reference="NumPy's solve, of each series by itself",
    components=("runner:RidgeTrainer",),
)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("axis", ["B", "T"])
def test_ridge_takes_every_form(form, axis, measured):
    data, options = FORMS[form]
    if axis == "T":
        if form == "batches of arrays":
            data = [swap(pair) for pair in data]
        elif "array" in form or form == "triple":  # lists have no axis of samples, and stay as they are
            data = (*swap(data[:2]), *data[2:])
    model = network()
    trainer = RidgeTrainer(
        model, dt=1.0, alpha=1e-4, washout=WASHOUT, metrics=["nrmse"], data_first_axis=axis, logger=None
    )
    trainer.fit(data, data if not options else None, **options)
    R = np.concatenate([r[WASHOUT:] for r in rows(model)])
    Z = np.concatenate([y[WASHOUT:] for y in Y])
    A = np.hstack([R, np.ones((len(R), 1))])
    W = np.linalg.solve(A.T @ A + np.diag([1e-4] * 8 + [0.0]), A.T @ Z)
    measured.relative(trainer.target["1"].weight, W[:-1].T, floor=0.01)
    error = A @ W - Z
    assert trainer.get_hist_metric("fit")[0] == pytest.approx(np.mean(error**2), rel=1e-8)
    assert trainer.get_hist_metric("fit", "nrmse")[0] == pytest.approx(np.sqrt(np.mean(error**2)) / Z.std(), rel=1e-8)
    if not options:
        assert trainer.get_hist_metric("test")[0] == pytest.approx(np.mean(error**2), rel=1e-8)
    out = trainer.predict(X)
    for found, r in zip(out, rows(model), strict=True):
        np.testing.assert_allclose(found, r @ W[:-1] + W[-1], rtol=1e-8, atol=1e-9)


def test_force_goes_through_the_steps_of_each_series():
    model = network()
    trainer = ForceTrainer(model, dt=1.0, alpha=0.1, washout=WASHOUT, logger=None)
    trainer.fit((X, Y))
    R = np.concatenate([np.hstack([r, np.ones((len(r), 1))])[WASHOUT:] for r in rows(model)])
    Z = np.concatenate([y[WASHOUT:] for y in Y])
    w = np.linalg.solve(R.T @ R + 0.1 * np.eye(9), R.T @ Z)
    np.testing.assert_allclose(trainer.target["1"].weight[0], w[:8, 0], rtol=1e-8, atol=1e-10)


def test_classes_of_series():
    trainer = RidgeTrainer(network(), dt=1.0, loss_fun="mse", metrics=["nrmse"], logger=None)
    with pytest.raises(dp.errors.DataError, match="Class indices"):
        trainer.fit((X, [0, 1, 0]))
    model = network()["0"] >> dp.layers.Dense(8, 2, key=KEY)
    trainer = RidgeTrainer(
        model, dt=1.0, loss_fun="cross_entropy", metrics=["accuracy", "confusion_matrix"], logger=None
    )
    trainer.fit((X, [0, 1, 0]))
    out = [np.asarray(o).mean(0).argmax() for o in trainer.predict(X)]
    assert trainer.get_hist_metric("fit", "accuracy")[0] == pytest.approx(np.mean(np.array(out) == [0, 1, 0]))
    assert trainer.get_hist_metric("fit", "confusion_matrix").shape == (1, 2, 2)


def test_nrmse_of_steps_that_count():
    mask = np.arange(30) < LENGTHS[:, None]
    p, y = ARRAYS[1] + 0.1, ARRAYS[1]
    for normalize, scale in (("std", np.std), ("range", np.ptp), ("mean", lambda y: abs(np.mean(y)))):
        found = nrmse(jax.numpy.asarray(p), jax.numpy.asarray(y), normalize=normalize, mask=mask)
        assert float(found) == pytest.approx(0.1 / scale(y[mask]), rel=1e-10)


def test_a_series_that_is_shorter_than_the_washout_is_named():
    with pytest.raises(dp.errors.DataError, match="washout=12 leaves no steps to learn from: series 1 has 12 steps"):
        RidgeTrainer(network(), dt=1.0, washout=12, logger=None).fit((X, Y))
    with pytest.raises(dp.errors.DataError, match="sample 0 has a length of 31"):
        RidgeTrainer(network(), dt=1.0, logger=None).fit(ARRAYS, lengths=[31, 12, 21])
    with pytest.raises(dp.errors.DataError, match="gave no batch"):
        RidgeTrainer(network(), dt=1.0, logger=None).fit([])
