import numpy as np
import pytest

import dynplug as dp
from dynplug import errors

pytestmark = pytest.mark.quick


@pytest.mark.claim(
    "input-group",
    "An input group hands on what it is given",
    tolerance=0.0,
    unit="spikes",
    reference="definition",
    components=("layer:InputGroup",),
)
def test_inputs_pass_and_can_be_monitored(measured):
    spikes = np.random.default_rng(0).random((6, 3)) < 0.5
    net = dp.Sequential(i=dp.layers.InputGroup(3), double=lambda x: 2.0 * x)
    runner = dp.DSRunner(net, monitors=["i.spike"], dt=1.0, progress_bar=False)
    np.testing.assert_array_equal(runner.run(inputs=spikes), 2.0 * spikes)
    measured.difference(runner.mon["i.spike"], spikes)


def test_its_size_is_checked_when_it_is_joined_and_when_it_is_run():
    assert dp.layers.InputGroup((2, 3)).out_size == (2, 3)
    with pytest.raises(errors.ShapeError, match=r"outputs shape \(3,\), but '1' \(LIF\) takes \(4,\)"):
        dp.layers.InputGroup(3) >> dp.neurons.LIF(4)
    with pytest.raises(errors.ShapeError, match=r"InputGroup takes an array of shape \(3,\), but was given \(4,\)"):
        dp.LoopOverTime(dp.layers.InputGroup(3), dt=1.0)(np.ones((2, 4)))
    with pytest.raises(errors.ParameterError):
        dp.layers.InputGroup(0)
