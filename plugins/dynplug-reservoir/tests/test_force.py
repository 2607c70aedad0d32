"""FORCE against batch least squares, and against its own equations written out in NumPy."""

import jax
import numpy as np
import pytest
from dynplug_reservoir import Feedback, ForceTrainer, Reservoir

import dynplug as dp

KEY = jax.random.key(5)
RNG = np.random.default_rng(7)
X = RNG.normal(size=(3, 40, 2))
Y = X[..., :1] * np.roll(X[..., 1:], 1, axis=1) + 0.3


@pytest.fixture(autouse=True)
def x64():
    """Double precision."""
    with jax.enable_x64(True):
        yield


def network(bias=0.0, weight=0.0):
    reservoir = Reservoir(2, 12, sparsity=0.5, bias_scale=0.3, key=KEY)
    return reservoir >> dp.layers.Dense(12, 1, W_initializer=weight, b_initializer=bias)


def features(model, bias):
    _, R = dp.LoopOverTime(model["0"], dt=1.0, data_first_axis="B")(X)
    R = np.asarray(R)
    return np.concatenate([R, np.ones((*R.shape[:2], 1))], axis=2) if bias else R


@pytest.mark.claim(
    "force-ridge",
    "A pass of FORCE is the ridge regression towards the start, in double precision (relative, and absolute "
    "below 0.01)",
    tolerance=1e-8,
    reference="NumPy's inverse",
    components=("runner:ForceTrainer",),
)
@pytest.mark.parametrize(
    ("options", "bias", "start"),
    [
        ({"alpha": 1e-3}, 0.0, 0.0),
        ({"alpha": 2.0}, None, 0.0),
        ({"alpha": 2.0}, 0.5, 0.4),
        ({"alpha": 0.1, "every": 3, "washout": 5}, None, 0.0),
    ],
)
def test_one_pass_is_the_ridge_regression_towards_the_start(options, bias, start, measured):
    model = network(bias, start)
    trainer = ForceTrainer(model, dt=1.0, logger=None, **options)
    trainer.fit((X, Y))
    washout, every, alpha = options.get("washout", 0), options.get("every", 1), options["alpha"]
    R = features(model, bias is not None)[:, washout::every].reshape(-1, 12 + (bias is not None))
    Z = Y[:, washout::every].reshape(-1)
    w0 = np.array([start] * 12 + [bias] * (bias is not None))
    inverse = np.linalg.inv(R.T @ R + alpha * np.eye(R.shape[1]))
    w = inverse @ (R.T @ Z + alpha * w0)
    measured.relative(trainer.target["1"].weight[0], w[:12], floor=0.01)
    if bias is not None:
        np.testing.assert_allclose(trainer.target["1"].bias, w[12:], rtol=1e-8)
    np.testing.assert_allclose(trainer._memory["P"], inverse, rtol=1e-7, atol=1e-10 / alpha)


def test_in_single_precision_it_stays_near():
    with jax.enable_x64(False):
        model = network()
        trainer = ForceTrainer(model, dt=1.0, alpha=0.1, logger=None)
        trainer.fit((np.float32(X), np.float32(Y)))
        R = features(model, True).astype(float).reshape(-1, 13)
        w = np.linalg.solve(R.T @ R + 0.1 * np.eye(13), R.T @ Y.reshape(-1))
        np.testing.assert_allclose(trainer.target["1"].weight[0], w[:12], atol=1e-4)


@pytest.mark.claim(
    "force-feedback",
    "With feedback, FORCE is its published equations, in double precision (relative, and absolute below 0.01)",
    tolerance=1e-8,
    reference="Sussillo, D. & Abbott, L. F. (2009), doi:10.1016/j.neuron.2009.07.018; NumPy",
    components=("runner:ForceTrainer", "layer:Feedback"),
)
@pytest.mark.parametrize("every", [1, 2])
def test_with_feedback_it_follows_the_published_equations(every, measured):
    reservoir = Reservoir(2, 20, spectral_radius=1.2, leak=0.3, sparsity=0.5, key=KEY)
    model = Feedback(reservoir >> dp.layers.Dense(20, 1, W_initializer=0.0, b_initializer=None))
    x, y = X[:1, :, :1], np.sin(np.arange(40) / 3.0)[None, :, None]
    seen = []

    def see(predicts, targets):
        seen.append(np.asarray(predicts))
        return 0.0

    trainer = ForceTrainer(model, dt=1.0, alpha=0.5, every=every, loss_fun=see, logger=None)
    trainer.fit((x, y))
    W, W_in = np.asarray(reservoir.W), np.asarray(reservoir.W_in)
    h, w, P, z, outputs = np.zeros(20), np.zeros(20), np.eye(20) / 0.5, 0.0, []
    for t in range(40):
        h = 0.7 * h + 0.3 * np.tanh(W @ h + W_in @ np.array([x[0, t, 0], z]))
        z = w @ h
        outputs.append(z)
        if t % every == 0:
            k = P @ h
            c = 1.0 / (1.0 + h @ k)
            P = P - c * np.outer(k, k)
            w = w - c * (z - y[0, t, 0]) * k
    measured.relative(trainer.target.system["1"].weight[0], w, floor=0.01)
    measured.relative(seen[0][0, :, 0], outputs, floor=0.01)


@pytest.mark.claim(
    "force-pattern",
    "After FORCE a network generates a sine of 60 steps by itself: its period (relative)",
    tolerance=0.05,
    reference="Sussillo, D. & Abbott, L. F. (2009), doi:10.1016/j.neuron.2009.07.018; NumPy's spectrum",
    components=("runner:ForceTrainer",),
)
def test_it_learns_to_generate_a_pattern_by_itself(measured):
    reservoir = Reservoir(1, 200, spectral_radius=1.5, leak=0.1, key=KEY)
    model = Feedback(reservoir >> dp.layers.Dense(200, 1, W_initializer=0.0))
    wave = np.sin(2 * np.pi * np.arange(2000) / 60.0)[None, :, None]
    trainer = ForceTrainer(model, dt=1.0, alpha=1.0, washout=20, logger=None)
    trainer.fit((np.zeros((1, 2000, 0)), wave))
    _, out = dp.LoopOverTime(trainer.target, dt=1.0)(1500.0)
    free = np.asarray(out)[300:, 0]
    spectrum = np.abs(np.fft.rfft(free * np.hanning(len(free))))
    measured.relative(len(free) / (1 + np.argmax(spectrum[1:])), 60.0)
    assert free.max() == pytest.approx(1.0, abs=0.2)
    assert free.min() == pytest.approx(-1.0, abs=0.2)


def trainer_of_two_epochs(seed=0):
    model = dp.Sequential(drop=dp.layers.Dropout(0.2), net=network(), readout=dp.layers.Dense(1, 1, key=KEY))
    return ForceTrainer(model, dt=1.0, readout="net.1", seed=seed, logger=None, metrics=["nrmse"])


def test_resumed_equals_uninterrupted(tmp_path):
    whole = trainer_of_two_epochs()
    whole.fit((X, Y), (X, Y), num_epoch=3)
    first = trainer_of_two_epochs()
    first.fit((X, Y), (X, Y), num_epoch=1)
    first.save_states(tmp_path / "half")
    second = trainer_of_two_epochs(seed=8)
    second.load_states(tmp_path / "half")
    second.fit((X, Y), (X, Y), num_epoch=2)
    assert jax.tree.all(jax.tree.map(np.array_equal, whole.target, second.target))
    np.testing.assert_array_equal(whole._memory["P"], second._memory["P"])
    assert whole.history.to_json() == second.history.to_json()
    assert whole.epoch == second.epoch == 3
    other = trainer_of_two_epochs(seed=1)
    other.fit((X, Y), num_epoch=1)
    assert other.get_hist_metric("fit")[0] != whole.get_hist_metric("fit")[0]


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"alpha": "a"}, {"alpha": True}, {"every": 0}])
def test_what_cannot_be_is_refused(options):
    with pytest.raises(dp.errors.OptionError, match=next(iter(options))):
        ForceTrainer(network(), dt=1.0, **options)


def test_what_is_not_finite_leaves_the_model_as_it_was():
    trainer = ForceTrainer(network(), dt=1.0, logger=None)
    before = trainer.target
    with pytest.raises(dp.errors.NonFiniteError, match="keeps its own"):
        trainer.fit((X, np.nan * Y))
    assert trainer.target is before
