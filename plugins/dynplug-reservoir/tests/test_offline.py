"""Closed-form readouts against the normal equations in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dynplug_reservoir import Feedback, LinearTrainer, Reservoir, RidgeTrainer

import dynplug as dp

KEY = jax.random.key(5)
RNG = np.random.default_rng(7)
X = RNG.normal(size=(4, 50, 2)).astype(np.float32)
Y = (X[..., :1] * np.roll(X[..., 1:], 1, axis=1) + 0.3).astype(np.float32)
WASHOUT = 10


def network(bias=0.0, units=15, outputs=1):
    reservoir = Reservoir(2, units, sparsity=0.5, leak=0.7, bias_scale=0.3, key=KEY)
    return reservoir >> dp.layers.Dense(units, outputs, b_initializer=bias, key=KEY)


def rows(model, x=X, washout=WASHOUT):
    """The inputs of the readout, as rows in double precision."""
    _, seen = dp.LoopOverTime(model["0"], dt=1.0, data_first_axis="B")(x)
    return np.asarray(seen, float)[:, washout:].reshape(-1, seen.shape[-1])


def normal_equations(R, Z, alpha, *, bias):
    """Coefficients and bias; the bias is a column of ones without a penalty."""
    if bias:
        R = np.hstack([R, np.ones((len(R), 1))])
    penalty = alpha * np.eye(R.shape[1])
    if bias:
        penalty[-1, -1] = 0.0
    W = np.linalg.solve(R.T @ R + penalty, R.T @ Z)
    return (W[:-1].T, W[-1]) if bias else (W.T, None)


@pytest.mark.parametrize("solver", ["svd", "cholesky"])
@pytest.mark.parametrize("bias", [0.0, None])
@pytest.mark.parametrize("alpha", [1e-3, 10.0])
def test_ridge_solves_the_normal_equations(solver, bias, alpha):
    model = network(bias)
    trainer = RidgeTrainer(model, dt=1.0, alpha=alpha, solver=solver, washout=WASHOUT, logger=None)
    trainer.fit((X, Y))
    weight, b = normal_equations(rows(model), Y[:, WASHOUT:].reshape(-1, 1).astype(float), alpha, bias=bias is not None)
    np.testing.assert_allclose(trainer.target["1"].weight, weight, rtol=2e-5, atol=2e-5 * np.abs(weight).max())
    if b is None:
        assert trainer.target["1"].bias is None
    else:
        np.testing.assert_allclose(trainer.target["1"].bias, b, rtol=2e-5, atol=1e-6)
    assert jax.tree.all(jax.tree.map(np.array_equal, trainer.target["0"], model["0"]))


@pytest.mark.claim(
    "ridge",
    "Ridge regression solves the normal equations, in double precision (relative, and absolute below 0.01)",
    tolerance=1e-9,
    reference="Hoerl, A. E. & Kennard, R. W. (1970), doi:10.1080/00401706.1970.10488634; NumPy's solve",
    components=("runner:RidgeTrainer",),
)
def test_in_double_precision_ridge_is_exact(measured):
    with jax.enable_x64(True):
        model = network()
        trainer = RidgeTrainer(model, dt=1.0, alpha=1e-4, washout=WASHOUT, logger=None)
        trainer.fit((X, Y))
        weight, b = normal_equations(rows(model), Y[:, WASHOUT:].reshape(-1, 1).astype(float), 1e-4, bias=True)
        measured.relative(trainer.target["1"].weight, weight, floor=0.01)
        np.testing.assert_allclose(trainer.target["1"].bias, b, rtol=1e-9)


@pytest.mark.claim(
    "least-squares",
    "The least-squares readout is that of the pseudoinverse, also with collinear inputs, in single precision "
    "(relative, and absolute below 0.1)",
    tolerance=1e-4,
    reference="NumPy's pinv",
    components=("runner:LinearTrainer",),
)
def test_least_squares_is_that_of_numpy_also_with_collinear_inputs(measured):
    twice = dp.Sequential(lambda x: jnp.concatenate([x, x]), dp.layers.Dense(4, 1, W_initializer=1.0))
    for model, R in ((network(), rows(network())), (twice, np.tile(X[:, WASHOUT:].reshape(-1, 2), 2).astype(float))):
        trainer = LinearTrainer(model, dt=1.0, washout=WASHOUT, logger=None)
        trainer.fit((X, Y))
        Z = Y[:, WASHOUT:].reshape(-1, 1).astype(float)
        weight = (np.linalg.pinv(R - R.mean(axis=0)) @ (Z - Z.mean(axis=0))).T
        measured.relative(trainer.target["1"].weight, weight, floor=0.1)
        np.testing.assert_allclose(trainer.target["1"].bias, Z.mean(axis=0) - weight @ R.mean(axis=0), atol=1e-5)
        zero = RidgeTrainer(model, dt=1.0, alpha=0.0, washout=WASHOUT, logger=None)
        zero.fit((X, Y))
        np.testing.assert_allclose(zero.target["1"].weight, weight, rtol=1e-4, atol=1e-5)


def test_time_first_and_batch_size_change_nothing():
    found = []
    swapped = X.swapaxes(0, 1), Y.swapaxes(0, 1)
    for axis, data, batch_size in (("B", (X, Y), None), ("T", swapped, None), ("B", (X, Y), 3)):
        trainer = RidgeTrainer(network(), dt=1.0, washout=WASHOUT, metrics=["nrmse"], data_first_axis=axis, logger=None)
        trainer.fit(data, data, batch_size=batch_size)
        out = np.asarray(trainer.predict(data[0], batch_size=batch_size))
        out = out.swapaxes(0, 1) if axis == "T" else out
        found.append((out, trainer.get_hist_metric("test", "nrmse")))
        error = out[:, WASHOUT:] - Y[:, WASHOUT:]
        assert trainer.get_hist_metric("fit")[0] == pytest.approx(np.mean(error**2), rel=1e-4)
        assert found[-1][1][0] == pytest.approx(np.sqrt(np.mean(error**2)) / Y[:, WASHOUT:].std(), rel=1e-4)
    for out, nrmse in found[1:]:
        np.testing.assert_allclose(out, found[0][0], atol=2e-4)
        assert nrmse == pytest.approx(found[0][1], rel=1e-3)


def test_a_function_of_ones_own_gets_the_axes_of_the_data():
    shapes = []

    def shape(predicts, targets):
        shapes.append((predicts.shape, targets.shape))
        return jnp.mean(predicts)

    data = X.swapaxes(0, 1), Y.swapaxes(0, 1)
    RidgeTrainer(network(), dt=1.0, loss_fun=shape, data_first_axis="T", logger=None).fit(data)
    assert shapes == [((50, 4, 1), (50, 4, 1))]


def test_classes_become_units_and_are_held():
    y = np.array([0, 2, 1, 2])
    held = np.repeat(np.eye(3, dtype=np.float32)[y][:, None], 50, axis=1)
    weights = []
    for targets in (y, np.repeat(y[:, None], 50, axis=1), held[:, 0], held):
        trainer = RidgeTrainer(network(outputs=3), dt=1.0, loss_fun="mse", logger=None)
        if np.issubdtype(targets.dtype, np.integer):
            trainer = RidgeTrainer(network(outputs=3), dt=1.0, loss_fun="cross_entropy", logger=None)
        trainer.fit((X, targets))
        weights.append(trainer.target["1"].weight)
    for weight in weights[1:]:
        np.testing.assert_array_equal(weights[0], weight)
    trainer = RidgeTrainer(network(outputs=3), dt=1.0, loss_fun="cross_entropy", metrics=["accuracy"], logger=None)
    trainer.fit((X, y))
    assert 0.0 <= trainer.get_hist_metric("fit", "accuracy")[0] <= 1.0


def test_a_readout_that_is_not_last_is_found_by_its_path():
    inner = dp.Sequential(mix=Reservoir(2, 15, sparsity=0.5, key=KEY), readout=dp.layers.Dense(15, 1, key=KEY))
    model = dp.Sequential(inner=inner, double=lambda y: 2.0 * y)
    trainer = RidgeTrainer(model, dt=1.0, alpha=0.1, readout="inner.readout", logger=None)
    trainer.fit((X, Y))
    plain = RidgeTrainer(inner, dt=1.0, alpha=0.1, logger=None)
    plain.fit((X, Y))
    np.testing.assert_array_equal(trainer.target["inner"]["readout"].weight, plain.target["readout"].weight)
    np.testing.assert_allclose(trainer.predict(X), 2 * np.asarray(plain.predict(X)), rtol=1e-6)


def test_reports_epochs_and_lines(capsys):
    reports = []
    trainer = RidgeTrainer(network(), dt=1.0)
    trainer.fit((X, Y), (X, Y), num_epoch=7, fun_after_report=lambda *report: reports.append(report))
    assert [(epoch, phase, sorted(metrics)) for epoch, metrics, phase in reports] == [
        (1, "fit", ["loss", "seconds"]),
        (1, "test", ["loss", "seconds"]),
    ]
    assert trainer.epoch == 1
    assert capsys.readouterr().out.startswith("Epoch 1/1: fit loss ")
    trainer.fit((X, Y), num_epoch=0)
    assert trainer.epoch == 1


def test_saved_and_loaded(tmp_path):
    trainer = RidgeTrainer(network(), dt=1.0, logger=None)
    trainer.fit((X, Y), (X, Y))
    trainer.save_states(tmp_path / "one.safetensors")
    other = RidgeTrainer(network(), dt=1.0, seed=9, logger=None)
    other.load_states(tmp_path / "one.safetensors")
    np.testing.assert_array_equal(other.predict(X), trainer.predict(X))
    assert (other.epoch, other.seed) == (1, 0)
    assert other.history.to_json() == trainer.history.to_json()
    another = RidgeTrainer(network(units=14), dt=1.0, logger=None)
    before = another.target
    with pytest.raises(dp.errors.CheckpointError, match=r"model/0\.W"):
        another.load_states(tmp_path / "one.safetensors")
    assert another.target is before
    (tmp_path / "damaged").write_bytes((tmp_path / "one.safetensors").read_bytes()[:100])
    for name in ("missing", "damaged"):
        with pytest.raises(dp.errors.CheckpointError, match=name):
            other.load_states(tmp_path / name)
    bptt = dp.BPTT(network(), "mse", dt=1.0, logger=None)
    bptt.save_states(tmp_path / "bptt")
    with pytest.raises(dp.errors.CheckpointError, match="another model or optimizer"):
        other.load_states(tmp_path / "bptt")


def make(model=None, **options):
    return RidgeTrainer(network() if model is None else model, **{"dt": 1.0, "logger": None, **options})


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (lambda: make(dp.layers.Dense), "CompositionError", "RidgeTrainer"),
        (lambda: make(readout="0"), "CompositionError", "is a Reservoir"),
        (lambda: make(readout="2"), "UnknownPathError", "2"),
        (lambda: make(network()["0"]), "CompositionError", "no last layer"),
        (lambda: make(dp.Sequential(lambda x: x)), "CompositionError", "is a Lift"),
        (lambda: make(Feedback(network())), "CompositionError", "ForceTrainer"),
        (lambda: make(alpha=-1.0), "OptionError", "alpha"),
        (lambda: make(alpha="a"), "OptionError", "alpha='a'"),
        (lambda: make(solver="qr"), "OptionError", "solver"),
        (lambda: make(washout=-1), "OptionError", "washout"),
        (lambda: make(data_first_axis="X"), "OptionError", "data_first_axis"),
        (lambda: make(metrics="nrmse"), "OptionError", "metrics"),
        (lambda: make(metrics=["nrmse", "nrmse"]), "OptionError", "more than one 'nrmse'"),
        (lambda: make(loss_fun=3.0), "OptionError", "loss"),
        (lambda: make(loss_fun="nrsme"), "UnknownNameError", "nrmse"),
        (lambda: make(washout=50).fit((X, Y)), "DataError", "washout=50"),
        (lambda: make().fit(X), "DataError", "pair"),
        (lambda: make().fit((X, Y[:3])), "DataError", "samples"),
        (lambda: make().fit((X[:0], Y[:0])), "DataError", "no sample"),
        (lambda: make().fit((X, {"y": Y})), "DataError", "one array of targets"),
        (lambda: make().fit((X, Y[:, :9])), "DataError", "do not fit"),
        (lambda: make().fit((X, np.array([0, 1, 2, 0]))), "DataError", "Class indices"),
        (lambda: make().fit((X, np.nan * Y)), "NonFiniteError", "not finite"),
    ],
)
def test_errors_say_what_is_wrong(made, error, message):
    with pytest.raises(getattr(dp.errors, error), match=message):
        made()


def test_cholesky_of_collinear_inputs_says_what_to_do():
    model = dp.Sequential(lambda x: jnp.concatenate([x, x, 0.0 * x]), dp.layers.Dense(6, 1, W_initializer=0.0))
    with pytest.raises(dp.errors.OptionError, match="take 'svd'"):
        RidgeTrainer(model, dt=1.0, alpha=0.0, solver="cholesky", logger=None).fit((X, Y))
