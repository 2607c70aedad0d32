import io
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.errors import (
    DataError,
    DataWarning,
    NonFiniteError,
    NoTrainableParametersError,
    OptionError,
    UnknownNameError,
    UnknownPathError,
)
from dynplug.train import BPTT
from dynplug.train.seeds import as_seed

SGD = optax.sgd(0.5)  # one object, so that equal trainers share their compiled program
KEY = jax.random.key(5)
X = np.asarray(jax.random.bernoulli(jax.random.key(6), 0.4, (20, 6, 3)))  # batch, time, inputs
Y = np.arange(20) % 2


def model(**options):
    k1, k2 = jax.random.split(KEY)
    return dp.Sequential(
        encode=dp.layers.Dense(3, 8, key=k1, W_initializer=dp.initializers.Normal(2.0)),
        hidden=dp.neurons.LIF(8, **{"tau": 4.0, **options}),
        readout=dp.layers.Dense(8, 2, key=k2),
        out=dp.neurons.LeakyIntegrator(2, tau=5.0),
    )


def trainer(net=None, **options):
    options = {"optimizer": SGD, "dt": 1.0, "logger": None, "progress_bar": False, **options}
    return BPTT(net or model(), options.pop("loss_fun", "cross_entropy"), **options)


def leaves(tree):
    return [np.asarray(a) for a in jax.tree.leaves(tree) if isinstance(a, jax.Array)]


def assert_same(a, b):
    for x, y in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.claim(
    "bptt-step",
    "Three epochs of BPTT are three steps of optax on the gradient of the pure loop (relative, and absolute "
    "below 0.01)",
    tolerance=1e-4,
    reference="optax and jax.grad by hand",
    components=("runner:BPTT", "optimizer:adam"),
)
def test_a_step_is_the_optimizers_step_on_the_loss_of_the_model(measured):
    """Against gradients of the pure loop, and optax by hand."""
    import equinox as eqx

    net, optimizer = model(), optax.adam(0.01)
    params, static = eqx.partition(net, eqx.is_inexact_array)

    def loss(params):
        _, out = dp.LoopOverTime(eqx.combine(params, static), dt=1.0, data_first_axis="B")(X)
        logp = jax.nn.log_softmax(out.mean(axis=1))
        return -jnp.mean(logp[jnp.arange(20), Y])

    state = optimizer.init(params)
    losses = []
    for _ in range(3):
        value, grads = jax.value_and_grad(loss)(params)
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimizer.update(grads, state)
            params = optax.apply_updates(params, updates)
        losses.append(float(value))

    t = trainer(net, optimizer=optimizer)
    t.fit((X, Y), num_epoch=3)
    np.testing.assert_allclose(t.get_hist_metric(), losses, rtol=1e-5)
    for got, want in zip(leaves(t.target), leaves(params), strict=True):
        measured.relative(got, want, floor=0.01)


@pytest.mark.claim(
    "bptt-learns",
    "BPTT trains a spiking network to tell two rates apart: its accuracy",
    at_least=0.9,
    reference="counts of the inputs' spikes",
    components=("runner:BPTT",),
)
def test_it_learns(measured):
    y = X[:, :, 0].sum(1) > X[:, :, 1].sum(1)
    t = trainer(optimizer=optax.adam(0.05), metrics=["accuracy"])
    t.fit((X, y.astype(int)), num_epoch=150)
    measured(t.get_hist_metric(metric="accuracy")[-1])
    assert t.get_hist_metric()[-1] < 0.5 * t.get_hist_metric()[0]


def test_axes_change_nothing_but_the_layout():
    by_batch, by_time = trainer(batch := model()), trainer(batch, data_first_axis="T")
    by_batch.fit((X, Y), (X, Y), num_epoch=2, batch_size=8)
    by_time.fit((X.swapaxes(0, 1), Y), (X.swapaxes(0, 1), Y), num_epoch=2, batch_size=8)
    for a, b in zip(leaves(by_batch.target), leaves(by_time.target), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    out = by_batch.predict(X)
    assert out.shape == (20, 6, 2)
    np.testing.assert_allclose(by_time.predict(X.swapaxes(0, 1)), out.swapaxes(0, 1), rtol=1e-4, atol=1e-6)


def test_targets_over_time_are_read_in_the_axes_of_the_data():
    y = np.asarray(jax.random.normal(KEY, (20, 6, 2)))
    losses = []
    for axis, swap in (("B", lambda a: a), ("T", lambda a: a.swapaxes(0, 1))):
        t = trainer(loss_fun="mse", data_first_axis=axis)
        t.fit((swap(X), swap(y)), num_epoch=1)
        losses.append(t.get_hist_metric()[0])
        out = swap(np.asarray(trainer(data_first_axis=axis).predict(swap(X))))
    np.testing.assert_allclose(losses, np.mean((out - y) ** 2), rtol=1e-5)


@pytest.mark.parametrize(("axis", "shape"), [("B", (20, 6, 2)), ("T", (6, 20, 2))])
def test_a_loss_of_ones_own_sees_the_axes_of_the_data_and_may_log_more(axis, shape):
    seen = []

    def loss(predicts, targets):
        seen.append((predicts.shape, targets.shape))
        value = jnp.mean(predicts**2)
        return value, {"double": 2 * value}

    t = trainer(loss_fun=loss, loss_has_aux=True, data_first_axis=axis)
    t.fit((X if axis == "B" else X.swapaxes(0, 1), Y), num_epoch=2)
    assert seen[0] == (shape, (20,))
    np.testing.assert_allclose(t.get_hist_metric(metric="double"), 2 * t.get_hist_metric(), rtol=1e-6)


def test_a_loss_by_name_function_or_configuration_is_one_loss():
    forms = ["cross_entropy", "CrossEntropy", dp.losses.cross_entropy, {"type": "cross_entropy", "reduce_time": "mean"}]
    values = []
    for form in forms:
        t = trainer(loss_fun=form, data_first_axis="T")
        t.fit((X.swapaxes(0, 1), Y), num_epoch=1)
        values.append(t.get_hist_metric()[0])
    assert len(set(values)) == 1
    last = trainer(loss_fun={"type": "cross_entropy", "reduce_time": "last"})
    last.fit((X, Y), num_epoch=1)
    assert last.get_hist_metric()[0] != values[0]


def test_metrics_are_means_over_samples_although_batches_differ_in_size():
    t = trainer(optimizer=optax.sgd(0.0), metrics=["accuracy", "cross_entropy"])  # which is the loss
    t.fit((X, Y), (X, Y), num_epoch=1, batch_size=8)  # 8 + 8 + 4
    right = np.mean(np.asarray(t.predict(X)).mean(1).argmax(-1) == Y)
    for phase in ("fit", "train", "test", "predict"):
        np.testing.assert_allclose(t.get_hist_metric(phase, "accuracy"), [right], rtol=1e-6)
        np.testing.assert_allclose(t.get_hist_metric(phase, "cross_entropy"), t.get_hist_metric(phase), rtol=1e-6)
    assert t.get_hist_metric("fit", "loss", "detailed").shape == (3,)


@pytest.mark.parametrize("seed", [2**32, 2**40, -1])
def test_a_seed_that_jax_would_cut_is_refused(seed):
    with pytest.raises(OptionError, match=rf"seed={seed} must be"):
        as_seed(seed)
    assert as_seed(2**32 - 1) == 2**32 - 1


def test_shuffling_follows_the_seed_and_the_epoch():
    results = [trainer(seed=s, shuffle_data=on) for s, on in ((0, True), (0, True), (1, True), (0, False), (1, False))]
    for t in results:
        t.fit((X, Y), num_epoch=2, batch_size=5)
    first, same, other, plain, plain_other = [t.get_hist_metric(which="detailed") for t in results]
    np.testing.assert_array_equal(first, same)
    np.testing.assert_array_equal(plain, plain_other)
    assert (first != other).any()
    assert (first != plain).any()


def test_dropout_acts_while_fitting_alone_and_follows_the_seed():
    net = model() >> dp.layers.Dropout(0.5)
    fits = []
    for seed in (0, 0, 1):
        t = trainer(net, seed=seed, shuffle_data=False)
        np.testing.assert_array_equal(t.predict(X), trainer(model()).predict(X))
        t.fit((X, Y), num_epoch=2)
        fits.append(t.get_hist_metric())
    np.testing.assert_array_equal(fits[0], fits[1])
    assert (fits[0] != fits[2]).all()


def test_constants_are_trained_if_asked_and_weights_are_kept_if_asked():
    t = trainer(trainable={"hidden.tau": True, "encode": False, "encode.bias": True})
    t.fit((X, Y), num_epoch=1)
    before, after = model(), t.target
    assert float(after["hidden"].tau) != before["hidden"].tau
    np.testing.assert_array_equal(after["encode"].weight, before["encode"].weight)
    assert (after["encode"].bias != before["encode"].bias).any()
    assert (after["readout"].weight != before["readout"].weight).any()
    assert after["out"].tau == 5.0


def test_a_learnt_initial_state_is_learnt():
    cell = dp.layers.RNNCell(3, 2, train_state=True, key=KEY)
    t = trainer(cell)
    t.fit((X, Y), num_epoch=1)
    assert (t.target.state0.value != 0).all()
    fixed = trainer(dp.layers.RNNCell(3, 2, key=KEY))
    fixed.fit((X, Y), num_epoch=1)
    assert (fixed.target.state0.value == 0).all()


def test_predicting_in_batches_is_predicting_at_once():
    t = trainer()
    np.testing.assert_allclose(t.predict(X, batch_size=7), t.predict(X), rtol=1e-5, atol=1e-6)


def test_shared_arguments_reach_the_model():
    class Gain(dp.DynamicalSystem):
        def init_state(self, ctx):
            return None

        def update(self, state, x, ctx):
            return None, x * ctx.shared["gain"]

    t = trainer(model() >> Gain())
    np.testing.assert_allclose(
        t.predict(X, shared_args={"gain": jnp.asarray(2.0)}), 2 * trainer().predict(X), rtol=1e-5, atol=1e-6
    )
    t.fit((X, Y), (X, Y), num_epoch=1, shared_args={"gain": jnp.asarray(0.0)})
    np.testing.assert_allclose(t.get_hist_metric(), [np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(t.get_hist_metric("test"), [np.log(2)], rtol=1e-6)


def test_a_line_per_epoch_goes_to_the_logger_and_reports_to_a_function(capsys):
    stream, reports = io.StringIO(), []
    t = trainer(logger=stream, metrics=["accuracy"])
    t.fit((X, Y), (X, Y), num_epoch=2, fun_after_report=lambda *report: reports.append(report))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Epoch 2/2: fit loss ")
    assert f"test loss {t.get_hist_metric('test')[1]:.4g}" in lines[1]
    assert [(epoch, phase) for epoch, _, phase in reports] == [(1, "fit"), (1, "test"), (2, "fit"), (2, "test")]
    assert set(reports[0][1]) == {"loss", "accuracy", "seconds"}
    assert capsys.readouterr().out == ""
    BPTT(model(), "cross_entropy", dt=1.0).fit((X, Y), num_epoch=1)
    assert capsys.readouterr().out.startswith("Epoch 1/1: fit loss ")


def test_the_optimizer_may_be_left_out_or_configured():
    default, configured = trainer(optimizer=None), trainer(optimizer={"type": "adam", "learning_rate": 1e-3})
    for t in (default, configured):
        t.fit((X, Y), num_epoch=2)
    assert_same(default.target, configured.target)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_finite_model():
    x = X.astype(np.float32).copy()
    x[9, 2, 1] = np.nan
    t = trainer(shuffle_data=False)
    reference = trainer(shuffle_data=False)
    reference.fit((X[:5], Y[:5]), num_epoch=1)
    with pytest.raises(NonFiniteError, match="Epoch 1, step 2: "):
        t.fit((x, Y), num_epoch=3, batch_size=5)
    assert_same(t.target, reference.target)
    assert len(t.get_hist_metric(which="detailed")) == 2
    t.fit((X, Y), num_epoch=1)
    assert np.isfinite(t.get_hist_metric()[-1])


def test_the_loss_is_named_if_it_is_the_loss():
    t = trainer(dp.layers.Dense(3, 2, key=KEY), loss_fun=lambda predicts, targets: jnp.mean(predicts[:, 0] - targets))
    with pytest.raises(
        NonFiniteError, match="Epoch 1, step 1: the target at index \\[0, 0\\] of the batch is not finite"
    ):
        t.fit((X, np.full((20, 2), np.nan)), num_epoch=1)


def test_a_gradient_that_is_not_finite_is_told_apart():
    def loss(predicts, targets):
        return jnp.sum(jnp.sqrt(predicts * 0.0))

    with pytest.raises(NonFiniteError, match=r"Epoch 1, step 1: the gradient of encode\.weight is not finite"):
        trainer(loss_fun=loss).fit((X, Y), num_epoch=1)


def test_an_update_that_is_not_finite_is_not_made():
    t = trainer(optimizer=optax.sgd(float("inf")))
    with pytest.raises(NonFiniteError, match=r"Epoch 1, step 1: the update of encode\.weight"):
        t.fit((X, Y), num_epoch=1)
    assert_same(t.target, model())


def test_an_interrupt_keeps_the_history(monkeypatch):
    from dynplug.train.step.compiled_step import CompiledStep

    t = trainer()
    t.fit((X, Y), num_epoch=1, batch_size=5)
    real, calls = CompiledStep.train, []

    def interrupted(*args, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(CompiledStep, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        t.fit((X, Y), num_epoch=2, batch_size=5)
    assert len(t.get_hist_metric(which="detailed")) == 4 + 2


def test_training_goes_on_where_it_was_saved(tmp_path):
    net = model() >> dp.layers.Dropout(0.2)
    options = {"optimizer": optax.adam(0.01), "seed": 3}
    whole, first, second = trainer(net, **options), trainer(net, **options), trainer(net, **{**options, "seed": 8})
    whole.fit((X, Y), (X, Y), num_epoch=4, batch_size=8)
    first.fit((X, Y), (X, Y), num_epoch=2, batch_size=8)
    first.save_states(tmp_path / "half.safetensors")
    second.load_states(tmp_path / "half.safetensors")
    second.fit((X, Y), (X, Y), num_epoch=2, batch_size=8)
    assert_same(whole.target, second.target)
    assert_same(whole._progress.train_state, second._progress.train_state)
    for phase in ("fit", "test"):
        np.testing.assert_array_equal(
            whole.get_hist_metric(phase, which="detailed"), second.get_hist_metric(phase, which="detailed")
        )


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'cross_entropy'"):
        trainer(loss_fun="cros_entropy")
    with pytest.raises(UnknownNameError, match="Did you mean 'accuracy'"):
        trainer(metrics=["acuracy"])
    with pytest.raises(UnknownNameError, match="Did you mean 'adam'"):
        trainer(optimizer={"type": "addam", "learning_rate": 1.0})
    with pytest.raises(UnknownPathError, match=r"Did you mean 'hidden\.tau'"):
        trainer(trainable={"hidden.tua": True})
    t = trainer()
    t.fit((X, Y), num_epoch=1)
    with pytest.raises(UnknownNameError, match="Did you mean 'loss'"):
        t.get_hist_metric(metric="los")
    with pytest.raises(UnknownNameError, match="Did you mean 'test'"):
        t.get_hist_metric("tets")
    with pytest.raises(OptionError, match="'detailed'"):
        t.get_hist_metric(which="all")


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(OptionError, match=r"'B' \(batch, time"):
        trainer(data_first_axis="N")
    with pytest.raises(OptionError, match="optax"):
        trainer(optimizer=0.1)
    with pytest.raises(OptionError, match="neither a registered name nor a function"):
        trainer(loss_fun=3)
    with pytest.raises(OptionError, match="list of names"):
        trainer(metrics="accuracy")
    with pytest.raises(OptionError, match="loss_has_aux"):
        trainer(loss_has_aux=True).fit((X, Y), num_epoch=1)
    with pytest.raises(OptionError, match="The loss is a tuple"):
        trainer(loss_fun=lambda p, y: (p.mean(), {"rate": p.max()})).fit((X, Y), num_epoch=1)
    with pytest.raises(DataError, match="must be a scalar"):
        trainer(loss_fun=lambda p, y: p).fit((X, Y), num_epoch=1)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "must be a number; its function returned None: does it end with a return"),
        ("low", "must be a number; its function returned a str"),
        ({"loss": 1.0}, "must be a number; its function returned a dict"),
    ],
)
def test_a_loss_or_metric_that_returns_no_number_is_named(returned, said):
    def odd(predicts, targets):
        return returned

    with pytest.raises(DataError, match=f"The loss {said}"):
        trainer(loss_fun=odd).fit((X, Y), num_epoch=1)
    with pytest.raises(DataError, match=f"What is logged as 'odd' {said}"):
        trainer(metrics=[odd]).fit((X, Y), num_epoch=1)


def test_a_loss_of_whole_numbers_has_no_gradient_but_a_metric_counts():
    def wrong(predicts, targets):
        return jnp.sum(jnp.argmax(predicts.mean(1), -1) != targets)

    with pytest.raises(DataError, match="The loss must be a real number, as an integer has no gradient"):
        trainer(loss_fun=wrong).fit((X, Y), num_epoch=1)
    trainer(metrics=[wrong]).fit((X, Y), num_epoch=1)


def test_what_is_logged_has_names_of_its_own():
    def first_is(predicts, targets, unit):
        return jnp.mean(jnp.argmax(predicts.mean(1), -1) == unit)

    def loss(predicts, targets):
        return jnp.mean(predicts**2), {"first_is": 0.0}

    t = trainer(metrics=[partial(first_is, unit=0)])
    t.fit((X, Y), num_epoch=1)
    assert 0.0 <= t.get_hist_metric("fit", "first_is") <= 1.0
    with pytest.raises(OptionError, match="there is more than one 'first_is'"):
        trainer(metrics=[partial(first_is, unit=0), partial(first_is, unit=1)])
    with pytest.raises(OptionError, match="cannot be called 'first_is'"):
        trainer(loss_fun=loss, loss_has_aux=True, metrics=[partial(first_is, unit=0)]).fit((X, Y), num_epoch=1)
    with pytest.raises(OptionError, match="cannot be called 'loss'"):
        trainer(loss_fun=lambda p, y: (p.mean(), {"loss": 1.0}), loss_has_aux=True).fit((X, Y), num_epoch=1)
    with pytest.raises(DataError, match="What is logged as 'spread' must be a scalar"):
        trainer(metrics=[spread]).fit((X, Y), num_epoch=1)


def spread(predicts, targets):
    return predicts.std(0)


def test_a_model_without_anything_to_train_names_what_could_be():
    with pytest.raises(NoTrainableParametersError, match=r"'0\.tau'"):
        trainer(dp.Sequential(dp.neurons.LIF(3)))
    with pytest.raises(NoTrainableParametersError):
        trainer(trainable={"encode": False, "readout": False})


def test_what_is_trained_is_said_by_path_in_one_table_or_in_several():
    by_path, by_table, all_of_it = (
        trainer(trainable=said)
        for said in ({"hidden.tau": True, "readout": False}, {"hidden": {"tau": True}, "readout": False}, None)
    )
    for t in (by_path, by_table, all_of_it):
        t.fit((X, Y), num_epoch=2)
    assert_same(by_path.target, by_table.target)
    assert isinstance(by_table.target["hidden"].tau, jax.Array)
    assert_same(by_table.target["readout"], model()["readout"])
    assert all_of_it.target["hidden"].tau == 4.0


@pytest.mark.parametrize("said", [{"hidden.tau": "yes"}, {"hidden": {"tau": 1}}, {"hidden.tau": None}])
def test_what_is_trained_is_true_or_false(said):
    with pytest.raises(OptionError, match=r"at 'hidden\.tau': give True or False by path, as \{'hidden\.tau': True\}"):
        trainer(trainable=said)


@pytest.mark.parametrize(
    ("axis", "x", "y", "said"),
    [
        ("B", (20, 6, 3), (19,), "has [20] samples and y of shape [(19,)] has [19]"),
        ("B", (6, 20, 3), (20,), "is it data_first_axis='T'?"),
        ("T", (20, 6, 3), (20,), "is it data_first_axis='B'?"),
        ("T", (6, 20, 3), (20, 6, 2), "if time and batch of y are exchanged"),
        ("B", (6, 20, 3), (20, 6, 2), "if time and batch of y are exchanged"),
        ("B", (20,), (20,), "lacks a time or a sample axis"),
        ("B", (0, 6, 3), (0,), "there is no sample"),
        ("B", (20, 0, 3), (20,), "x of shape (20, 0, 3) has no time step"),
        ("T", (0, 20, 3), (20,), "x of shape (0, 20, 3) has no time step"),
    ],
)
def test_data_that_disagree_are_named_and_swapped_axes_recognised(axis, x, y, said):
    with pytest.raises(DataError) as error:
        trainer(data_first_axis=axis).fit((np.zeros(x), np.zeros(y)), num_epoch=1)
    assert said in str(error.value)


def test_a_prediction_needs_a_time_step():
    with pytest.raises(DataError, match=r"inputs of shape \(20, 0, 3\) have no time step"):
        trainer().predict(np.zeros((20, 0, 3), np.float32))


def test_a_layer_that_stands_in_two_places_is_two_that_are_trained(getkey):
    twice = dp.layers.Dense(3, 3, key=getkey())
    with pytest.warns(DataWarning, match="0.weight and 2.weight; 0.bias and 2.bias: one array in several places"):
        dp.BPTT(dp.Sequential(twice, jnp.tanh, twice), "mse", dt=1.0)


def test_data_of_another_form_are_refused():
    with pytest.raises(DataError, match="pair"):
        trainer().fit(X, num_epoch=1)
    for refused in (trainer().predict, lambda x, **size: trainer().fit((x, Y), num_epoch=1, **size)):
        with pytest.raises(OptionError, match="batch_size=0 must be a whole number"):
            refused(X, batch_size=0)
    with pytest.raises(DataError, match="do not fit predictions"):
        trainer().fit((X, np.zeros((20, 5, 2, 2), int)), num_epoch=1)


def test_equal_trainers_share_their_compiled_program():
    traced = []

    class Counted(dp.DynamicalSystem):
        weight: jax.Array

        def init_state(self, ctx):
            return None

        def update(self, state, x, ctx):
            traced.append(1)
            return None, self.weight * x

    for _ in range(3):
        t = trainer(Counted(jnp.ones(())), loss_fun="mse")
        t.fit((X.astype(float), 2.0 * X.astype(float)), num_epoch=3)
    assert len(traced) == 2  # once for the shape of the outputs, at which targets are held, and once for the step
