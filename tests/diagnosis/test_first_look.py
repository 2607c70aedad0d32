"""After the first epoch a training says, once, if its units are silent or saturated."""

import jax
import numpy as np
import optax
import pytest
from networks import FEATURES, network

import dynplug as dp
from dynplug.errors import DiagnosisWarning

# weights behind silent units have no gradient, of which a training warns too
pytestmark = pytest.mark.filterwarnings("ignore::dynplug.errors.ZeroGradientWarning")

STILL = optax.sgd(0.0)  # one object, so that equal trainers share their compiled program


def trained(batch, model, epochs=1, repeat=10, **options):
    """A training with ten steps an epoch that change nothing."""
    options = {"optimizer": STILL, "logger": None, "progress_bar": False, **options}
    trainer = dp.BPTT(model, "cross_entropy", dt=1.0, **options)
    x, y = batch
    trainer.fit([(x, np.zeros_like(y))] * repeat, num_epoch=epochs)  # of one class, so that no gradient is zero
    return trainer


def test_a_silent_layer_is_warned_of_once(batch):
    with pytest.warns(DiagnosisWarning, match=r"Silence \(hidden\): 100% of the units silent") as said:
        trained(batch, network(0.05), epochs=3)
    (one,) = [w for w in said if w.category is DiagnosisWarning]
    assert "watch=False" in str(one.message)


def test_a_saturated_layer_is_warned_of(batch):
    model = dp.Sequential(
        input=dp.layers.Dense(FEATURES, 8, W_initializer=4.0),
        hidden=dp.neurons.LIF(8),
        output=dp.layers.Dense(8, 2, key=jax.random.key(0)),
    )
    with pytest.warns(DiagnosisWarning, match="100% saturated"):
        trained((np.ones_like(batch[0]), batch[1]), model)


def test_it_can_be_switched_off(batch):
    trained(batch, network(0.05), watch=False)


@pytest.mark.parametrize(
    ("scale", "repeat", "samples"), [(4.0, 10, 12), (0.05, 9, 12), (0.05, 10, 4)], ids=["sound", "few steps", "short"]
)
def test_nothing_is_said_of_a_sound_one_or_of_too_little(batch, scale, repeat, samples):
    trained((batch[0][:samples], batch[1][:samples]), network(scale), repeat=repeat)


def test_epochs_of_one_step_are_looked_at_after_ten(batch):
    with pytest.warns(DiagnosisWarning, match="Silence"):
        trained(batch, network(0.05), repeat=1, epochs=10)


def test_a_training_is_the_same_with_it_and_without(batch):
    one, other = (trained(batch, network(), 2, optimizer=optax.adam(0.01), watch=watch) for watch in (True, False))
    np.testing.assert_array_equal(one.target["input"].weight, other.target["input"].weight)


def test_a_cheap_diagnostic_of_ones_own_is_run(batch):
    @dp.register("diagnostic", "grumbles", summary="grumbles", capabilities=("cheap",))
    class Grumbles(dp.diagnosis.Diagnostic):
        def examine(self, evidence):
            assert evidence.backward is None
            yield dp.diagnosis.Finding("warning", "here", "is bad", "Mend it.")

    try:
        with pytest.warns(DiagnosisWarning, match=r"grumbles \(here\): is bad. Mend it."):
            trained(batch, network())
    finally:
        dp.refresh()
