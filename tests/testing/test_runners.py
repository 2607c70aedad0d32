"""The data given to a runner follow from its declared capabilities."""

import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.testing import check_component

ADAM = optax.adam(1e-2)  # one object, so that all runners share one compiled program


class OneStep:
    """BPTT for data without a time axis; it refuses others."""

    def __init__(self, target, *, dt):
        self.inner = dp.BPTT(target, "mse", ADAM, dt=dt, logger=None, progress_bar=False)

    @property
    def target(self):
        return self.inner.target

    def fit(self, data, *, num_epoch):
        x, y = data
        if np.ndim(x) != 2:
            raise dp.errors.DataError("there is a time axis")
        self.inner.fit((x[:, None], y[:, None]), num_epoch=num_epoch)

    def predict(self, x):
        return self.inner.predict(x[:, None])[:, 0]


@pytest.fixture
def registered():
    yield lambda **spec: dp.register("runner", "one-step", summary="no time", **spec)(OneStep)
    dp.refresh()


def test_a_timeless_trainer_gets_data_without_time(registered):
    report = check_component("runner", registered(capabilities=("timeless",)))
    assert report.ok, report
    assert {"trains_every_neuron", "predicts_in_the_axes_of_the_data", "continues_where_it_stopped"} <= set(report.ran)
    assert "save_states" in report.skipped["resumes_from_a_file"]


def test_any_other_trainer_gets_data_with_time(registered):
    report = check_component("runner", registered())
    assert "there is a time axis" in report.failed["trains_every_neuron"]
