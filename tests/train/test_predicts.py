"""The arguments of a loss: predictions, monitors, or the model itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import DataError, OptionError, UnknownPathError, ZeroGradientWarning


@pytest.mark.parametrize("axis", ["B", "T"])
def test_a_loss_sees_what_is_monitored_over_time(trainer, net, data, axis):
    """A penalty on the firing rate, against the spikes of the pure loop."""
    x, y = data if axis == "B" else (data[0].swapaxes(0, 1), data[1])
    shapes = []

    def loss(predicts, targets):
        outputs, seen = predicts
        shapes.append((outputs.shape, {name: a.shape for name, a in seen.items()}))
        rate = jnp.mean(seen["hidden.spike"], axis=(0, 1))
        return jnp.sum(rate**2) + 0.0 * jnp.sum(outputs), {"rate": jnp.mean(rate)}

    t = trainer(loss_fun=loss, loss_has_aux=True, monitors=["hidden.spike", ("hidden.V", 0)], data_first_axis=axis)
    t.fit((x, y), num_epoch=40)
    lead = (20, 6) if axis == "B" else (6, 20)
    assert shapes[0] == ((*lead, 2), {"hidden.spike": (*lead, 8), "hidden.V": lead})
    _, (_, spikes) = dp.LoopOverTime(net(), "hidden.spike", dt=1.0, data_first_axis="B")(data[0])
    rates = np.asarray(spikes).mean((0, 1))
    np.testing.assert_allclose(t.get_hist_metric()[0], (rates**2).sum(), rtol=1e-5)
    np.testing.assert_allclose(t.get_hist_metric(metric="rate")[0], rates.mean(), rtol=1e-5)
    assert t.get_hist_metric()[-1] < 0.7 * t.get_hist_metric()[0]  # the gradient goes through the spikes


def test_registered_losses_and_metrics_read_the_outputs_beside_monitors(trainer, data, assert_same):
    plain, watched = trainer(metrics=["accuracy"]), trainer(metrics=["accuracy"], monitors=["hidden.V"])
    for t in (plain, watched):
        t.fit(data, num_epoch=2)
    assert_same(plain.target, watched.target)
    np.testing.assert_array_equal(plain.get_hist_metric(metric="accuracy"), watched.get_hist_metric(metric="accuracy"))


def test_metrics_of_ones_own_see_the_monitors_too(trainer, data):
    def spikes(predicts, targets):
        return jnp.sum(predicts[1]["hidden.spike"])

    t = trainer(metrics=[spikes], monitors={"hidden.spike": "hidden.spike"})
    t.fit(data, num_epoch=1)
    t.predict(data[0])
    assert t.get_hist_metric(metric="spikes")[0] > 0


def test_prediction_records_into_mon(trainer, net, data):
    x, _ = data
    host = trainer(monitors=["hidden.V"])
    device = trainer(monitors=["hidden.V"], numpy_mon_after_run=False)
    for t in (host, device):
        out = t.predict(x, batch_size=7)
        assert out.shape == (20, 6, 2)
    assert type(host.mon["hidden.V"]) is np.ndarray
    assert isinstance(device.mon["hidden.V"], jax.Array)
    _, (_, V) = dp.LoopOverTime(net(), "hidden.V", dt=1.0, data_first_axis="B")(x)
    np.testing.assert_allclose(host.mon["hidden.V"], V, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(device.mon["hidden.V"], host.mon["hidden.V"])
    with pytest.raises(UnknownPathError, match="Did you mean"):
        trainer(monitors=["hiden.V"])


def test_run_is_predict_and_time_is_told(trainer, data):
    t = trainer()
    np.testing.assert_array_equal(t.run(data[0]), t.predict(data[0]))
    seconds, out = t.predict(data[0], eval_time=True)
    assert 0.0 < seconds < 60.0
    np.testing.assert_array_equal(out, t.predict(data[0]))


def test_a_loss_may_run_the_model_itself(trainer, net, data, assert_same):
    """The same steps as with a loss of predictions; and what that cannot do."""
    model = net() >> dp.layers.Dropout(0.3)

    def loss(run, inputs, targets):
        return dp.losses.cross_entropy(run(inputs), targets)

    plain, own = trainer(model), trainer(model, loss, loss_auto_run=False)
    for t in (plain, own):
        t.fit(data, data, num_epoch=2, batch_size=10)
    assert_same(plain.target, own.target)
    np.testing.assert_array_equal(plain.get_hist_metric("test"), own.get_hist_metric("test"))


def test_a_loss_that_runs_the_model_sees_it_and_may_run_it_twice(trainer, net, data):
    x, y = data
    seen = []

    def loss(run, inputs, targets):
        outputs, records = run(inputs)
        shifted, _ = run(1.0 - inputs, key=jax.random.fold_in(run.key, 1))
        seen.append((inputs.shape, targets.shape, outputs.shape, records["hidden.spike"].shape))
        weights = jnp.sum(dp.lookup(run.model, "readout.weight") ** 2)
        return weights, {"apart": jnp.mean((outputs - shifted) ** 2)}

    t = trainer(loss_fun=loss, loss_auto_run=False, loss_has_aux=True, monitors=["hidden.spike"])
    with pytest.warns(ZeroGradientWarning, match=r"does not depend on encode\.weight, encode\.bias, readout\.bias"):
        t.fit((x, y), num_epoch=1)
    np.testing.assert_allclose(t.get_hist_metric()[0], (np.asarray(net()["readout"].weight) ** 2).sum(), rtol=1e-5)
    apart = np.mean((np.asarray(trainer().predict(x)) - np.asarray(trainer().predict(1 - x))) ** 2)
    np.testing.assert_allclose(t.get_hist_metric(metric="apart"), [apart], rtol=1e-4)
    assert seen[0] == ((20, 6, 3), (20,), (20, 6, 2), (20, 6, 8))


def test_what_needs_predictions_is_refused_where_the_loss_runs_the_model(trainer, data):
    for options in ({"loss_fun": "mse"}, {"loss_fun": lambda run, x, y: 0.0, "metrics": ["accuracy"]}):
        with pytest.raises(OptionError, match=r"f\(run, inputs, targets\) of your own"):
            trainer(loss_auto_run=False, **options)
    with pytest.raises(OptionError, match="truncate=3"):
        trainer(loss_fun=lambda run, x, y: 0.0, loss_auto_run=False, truncate=3)
    with pytest.raises(OptionError, match="leave reset_state=True"):
        trainer(loss_fun=lambda run, x, y: 0.0, loss_auto_run=False).fit(data, reset_state=False)


def test_what_a_loss_returns_is_checked(trainer, data):
    with pytest.raises(OptionError, match="give loss_has_aux=True"):
        trainer(loss_fun=lambda p, y: (jnp.sum(p), {"a": 1.0})).fit(data, num_epoch=1)
    with pytest.raises(DataError, match="What is logged as 'a' must be a scalar"):
        trainer(loss_fun=lambda p, y: (jnp.sum(p), {"a": p}), loss_has_aux=True).fit(data, num_epoch=1)
    with pytest.raises(OptionError, match="called 'loss'"):
        trainer(loss_fun=lambda p, y: (jnp.sum(p), {"loss": 1.0}), loss_has_aux=True).fit(data, num_epoch=1)


def test_without_compilation_all_is_the_same_and_values_can_be_seen(trainer, data):
    kinds = []

    def loss(predicts, targets):
        kinds.append(isinstance(targets, jax.core.Tracer))
        return dp.losses.cross_entropy(predicts, targets)

    results = []
    for jit in (True, False, {"fit": False}, {"predict": False}):
        kinds.clear()
        t = trainer(loss_fun=loss, jit=jit)
        t.fit(data, num_epoch=1, batch_size=10)
        results.append((t.get_hist_metric(which="detailed"), np.asarray(t.predict(data[0])), all(kinds)))
    for losses, out, _ in results[1:]:
        np.testing.assert_allclose(losses, results[0][0], rtol=1e-5)
        np.testing.assert_allclose(out, results[0][1], rtol=1e-4, atol=1e-5)
    assert [traced for *_, traced in results] == [True, False, False, True]
    with pytest.raises(OptionError, match="unknown phase 'fitt'"):
        trainer(jit={"fitt": True})
