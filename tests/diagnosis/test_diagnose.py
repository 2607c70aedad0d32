"""A diagnosis: its form, its options, what it leaves alone, and what it answers to bad input."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from networks import BATCH, FEATURES, TIME, network

import dynplug as dp
from dynplug.diagnosis import Diagnosis, Diagnostic, Finding
from dynplug.errors import DataError, DiagnosisError, OptionError, ShapeError, UnknownNameError

CHEAP = ["Axes", "TimeConstants", "Silence"]


def diagnose(batch, model=None, **options):
    return dp.diagnose(model or network(), batch, **{"loss_fun": "cross_entropy", "dt": 1.0, **options})


def test_nothing_is_wrong_with_a_sound_network(sound):
    assert sound.ok
    assert sound.warnings == []
    assert {f.level for _, f in sound.rows} == {"ok"}
    assert sound.seconds > 0


def test_its_text_is_a_table_with_advice_under_each_finding(batch, sound):
    lines = str(sound).splitlines()
    assert lines[0] == "Sequential: 40 steps of 1 ms, 12 of 12 samples"
    assert len(lines) == len(sound.rows) + 2
    assert lines[-1].startswith("no warnings, ")
    found = Diagnosis(
        (("A", Finding("warning", "hidden", "is wrong", "Do this. " * 30)), ("Long", Finding("ok", "", "fine")))
    )
    first, second, *_ = str(found).splitlines()
    assert first == "WARNING  A     hidden  is wrong"
    assert second.startswith("         Do this.")
    assert max(map(len, str(found).splitlines())) <= 110
    assert str(found).splitlines()[-1] == "1 warning, 0.0 s"


def test_it_is_json_even_where_a_number_is_none(sound):
    found = Diagnosis(
        (("A", Finding("note", "x", "is", "Do.", {"a": np.float32(np.inf), "b": np.int32(2), "c": "d"})),)
    )
    assert json.loads(json.dumps(found.to_json()))["findings"][0]["numbers"] == {"a": None, "b": 2.0, "c": "d"}
    assert json.loads(json.dumps(sound.to_json()))["ok"] is True
    assert {row["check"] for row in sound.to_json()["findings"]} == {name for name, _ in sound.rows}


def test_the_checks_that_are_asked_for_are_run(batch):
    class Counts(Diagnostic):
        def examine(self, evidence):
            yield Finding("ok", "", f"{evidence.inputs.shape[1]} samples")

    found = diagnose(batch, checks=["Silence", {"type": "Axes", "excess": 0.1}, Counts()], samples=5)
    assert [name for name, _ in found.rows] == ["Silence", "Axes", "Counts"]
    assert found.of("Counts")[0].what == "5 samples"


def test_one_that_fails_is_a_row_and_the_others_go_on(batch):
    class Fails(Diagnostic):
        def examine(self, evidence):
            raise RuntimeError("no idea")

    found = diagnose(batch, checks=[Fails(), "Axes"])
    assert found.of("Fails")[0].level == "note"
    assert found.of("Fails")[0].what == "could not be run: RuntimeError: no idea"
    assert len(found.of("Axes")) == 1


@pytest.mark.parametrize(
    ("name", "limits", "model"),
    [
        ("Silence", {"most": 0.5}, {}),
        ("Silence", {"often": 0.0, "most": 0.3}, {}),
        ("SurrogateSupport", {"least": 0.9}, {}),
        ("LayerGradients", {"ratio": 2.0}, {}),
        ("TimeConstants", {"least": 0.1}, {"tau": 50.0}),
        ("Currents", {"most": 1e-3}, {}),
        ("MemoryNeed", {"most": 1e-9}, {}),
    ],
)
def test_the_limits_of_a_diagnostic_count(batch, name, limits, model):
    usual, strict = (diagnose(batch, network(**model), checks=[check]) for check in (name, {"type": name, **limits}))
    assert (usual.ok, strict.ok) == (True, False)


def test_the_gradient_is_that_of_the_loss_by_differences(batch):
    """Central differences of a smooth model in double precision, by the weights and by the initial state."""
    with jax.enable_x64(True):
        model = dp.layers.GRUCell(FEATURES, 3, key=jax.random.key(0), train_state=True)
        x, y = batch[0][:4].astype(float), np.random.default_rng(3).normal(size=(4, TIME, 3))
        kept = []

        class Keeps(Diagnostic):
            def examine(self, evidence):
                kept.append(evidence)
                return ()

        diagnose((x, y), model, loss_fun="mse", checks=[Keeps()])
        (evidence,) = kept
        paths = {leaf.path: leaf.value for leaf in dp.core.leaves(model) if leaf.path in evidence.backward.gradients}
        (state,) = [path for path, a in paths.items() if a.shape == (3,) and "bias" not in path][:1]

        def loss(values):
            moved = dp.load_state_dict(model, {**dp.state_dict(model), state: values}).tree
            _, out = dp.LoopOverTime(moved, dt=1.0, data_first_axis="B")(x)
            return float(jnp.mean((out - y) ** 2))

        step = 1e-6
        differences = [
            (loss(paths[state] + step * row) - loss(paths[state] - step * row)) / (2 * step) for row in np.eye(3)
        ]
        wanted = np.sqrt(np.mean(np.square(differences)))
        np.testing.assert_allclose(evidence.backward.gradients[state], wanted, rtol=1e-6)


def test_nothing_is_trained_and_the_trainer_stays(batch):
    trainer = dp.BPTT(network(), "cross_entropy", optax.adam(0.01), dt=1.0, logger=None, progress_bar=False)
    before = [np.asarray(a) for a in jax.tree.leaves(dp.variables(trainer.target))]
    trainer.diagnose(batch, checks=["OneBatch"], overfit=3)
    assert (trainer.epoch, trainer.steps) == (0, 0)
    for a, b in zip(before, jax.tree.leaves(dp.variables(trainer.target)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_overfitting_takes_as_many_steps_as_asked_and_tells_the_losses(batch):
    found = diagnose(batch, checks=["OneBatch"], overfit=30, optimizer=optax.adam(0.02))
    (row,) = found.of("OneBatch")
    assert row.level == "ok"
    assert row.what.startswith("30 steps on this batch alone took the loss from ")
    trainer = dp.BPTT(network(), "cross_entropy", optax.adam(0.02), dt=1.0, logger=None, progress_bar=False)
    trainer.fit(batch, num_epoch=30)
    history = trainer.get_hist_metric("fit", "loss")
    assert (row.numbers["first"], row.numbers["best"]) == pytest.approx((history[0], history.min()), rel=1e-4)


def test_axes_may_be_time_first_and_absent(batch):
    x, y = batch
    swapped = diagnose((x.swapaxes(0, 1), y), checks=CHEAP, data_first_axis="T")
    usual = diagnose(batch, checks=CHEAP)
    assert [f.what for _, f in swapped.rows] == [f.what for _, f in usual.rows]
    layer = dp.layers.Dense(FEATURES, 2, key=jax.random.key(0))
    trainer = dp.BPFF(layer, "cross_entropy", dt=1.0, logger=None, progress_bar=False)
    assert trainer.diagnose((x[:, 0], y)).ok


def test_a_model_that_draws_random_numbers_is_not_taken_for_a_leak(batch):
    model = dp.Sequential(drop=dp.layers.Dropout(0.5), output=dp.layers.Dense(FEATURES, 2, key=jax.random.key(0)))
    assert diagnose(batch, model, checks=["Leaks"]).ok


class Broken(dp.DynamicalSystem):
    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        raise ZeroDivisionError("out of order")


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"loss_fun": None}, OptionError, "diagnose needs loss_fun"),
        ({"dt": None}, OptionError, "diagnose needs dt"),
        ({"dt": -1.0}, OptionError, "dt"),
        ({"loss_fun": "mde"}, UnknownNameError, "mde"),
        ({"checks": ["Silense"]}, UnknownNameError, "Silence"),
        ({"checks": "Silence"}, OptionError, "give a list"),
        ({"checks": [3]}, OptionError, "3 is neither the name"),
        ({"samples": 0}, OptionError, "samples"),
        ({"overfit": 0}, OptionError, "overfit"),
        ({"loss_fun": lambda run, x, y: 0.0, "loss_auto_run": False}, OptionError, "no state is seen"),
        ({"model": Broken() >> dp.layers.Dense(FEATURES, 2, W_initializer=1.0)}, DiagnosisError, "out of order"),
        ({"model": dp.layers.Dense(FEATURES + 1, 2, W_initializer=1.0)}, ShapeError, "6"),
    ],
    ids=lambda v: v if isinstance(v, str) else None,
)
def test_bad_input_is_a_named_error(batch, options, error, says):
    with pytest.raises(error, match=says):
        diagnose(batch, **options)


def test_targets_that_are_no_classes_are_refused_as_in_a_training(batch):
    x, y = batch
    with pytest.raises(DataError, match="class indices must be from 0"):
        diagnose((x, y + 5))


@pytest.mark.parametrize("change", [lambda x, y: x, lambda x, y: (x, y[:-1]), lambda x, y: (x[:, 0, 0], y)])
def test_a_batch_that_is_none_is_a_named_error(batch, change):
    with pytest.raises(DataError, match="batch"):
        diagnose(change(*batch))


@pytest.mark.parametrize(("level", "advice"), [("bad", "Do."), ("warning", ""), ("note", "")])
def test_a_finding_says_how_bad_it_is_and_what_to_do(level, advice):
    with pytest.raises(OptionError, match="Finding"):
        Finding(level, "x", "is wrong", advice)


def test_the_number_of_samples_is_that_of_the_batch_at_most(batch):
    for samples, count in ((None, BATCH), (3, 3)):
        first = str(diagnose(batch, checks=[], samples=samples)).splitlines()[0]
        assert first == f"Sequential: {TIME} steps of 1 ms, {count} of {BATCH} samples"
