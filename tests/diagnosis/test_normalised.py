"""Models whose parts have the statistics of a batch, as a trainer gives them."""

import jax
import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.diagnosis import Diagnostic, Finding

N, T, C = 6, 4, 3
RNG = np.random.default_rng(0)
X = (3.0 * RNG.normal(size=(N, T, C)) + 1.0).astype(np.float32)
GOAL = RNG.normal(size=(N, T, C)).astype(np.float32)
KEY = jax.random.key(0)


class Look(Diagnostic):
    """Tells the loss and the gradient."""

    def examine(self, evidence):
        back = evidence.backward
        yield Finding("ok", "", "", numbers={"loss": back.loss, **back.gradients})


def normalised(kind):
    steps = {} if kind == "TDBatchNorm" else {"steps": T}
    norm = getattr(dp.layers, kind)(C, **steps)
    return dp.Sequential(first=dp.layers.Dense(C, C, key=KEY), norm=norm, leak=dp.neurons.LeakyIntegrator(C, tau=3.0))


@pytest.mark.parametrize("kind", ["TDBatchNorm", "TEBatchNorm", "BatchNormThroughTime"])
def test_the_loss_and_the_gradient_are_those_of_a_step_of_training(kind):
    """A step of plain descent by 1 moves each array by its gradient."""
    trainer = dp.BPTT(normalised(kind), "mse", optax.sgd(1.0), dt=1.0, logger=None, progress_bar=False)
    before = trainer.target
    found = trainer.diagnose((X, GOAL), checks=[Look(), "Leaks"])
    numbers = found.rows[0][1].numbers
    assert found.ok, found
    assert "but for statistics of the batch" in str(found)
    assert found.rows[0][1].numbers.keys() >= {"first.weight", "norm.weight"}
    trainer.fit((X, GOAL), num_epoch=1)
    np.testing.assert_allclose(numbers["loss"], trainer.get_hist_metric("fit", "loss")[0], rtol=1e-5)
    for path in ("first.weight", "norm.weight"):
        moved = np.asarray(dp.state_dict(before)[path] - dp.state_dict(trainer.target)[path])
        np.testing.assert_allclose(numbers[path], np.sqrt(np.mean(moved**2)), rtol=1e-3)


def test_where_statistics_are_of_no_batch_it_stays_an_error_with_a_name():
    model = dp.Sequential(inner=normalised("TDBatchNorm"))
    with pytest.raises(dp.errors.CompositionError, match=r"inner\.norm: its statistics are those of a batch"):
        dp.diagnose(model, (X, GOAL), loss_fun="mse", dt=1.0, checks=["Leaks"])
