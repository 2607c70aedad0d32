"""Data of which a part would be lost, the mask or the imaginary part, are refused wherever they come in."""

import jax
import numpy as np
import pytest

import dynplug as dp
from dynplug.errors import DataError

pytestmark = pytest.mark.quick

ONES = np.ones((2, 4, 3), np.float32)
LOSSY = {
    "masked": (np.ma.masked_greater(ONES, 0.0), "masked array"),
    "masked rows": ([np.ma.masked_greater(ONES[0], 0.0), ONES[1]], "masked array"),
    "complex": (ONES + 1j, "complex"),
    "complex rows": ((ONES + 1j).tolist(), "complex"),
}
DENSE = dp.layers.Dense(3, 3, key=jax.random.key(0))


def trainer():
    return dp.BPTT(DENSE, "mse", dt=1.0, progress_bar=False, logger=None)


WAYS = {
    "loop": lambda x: dp.LoopOverTime(DENSE, dt=1.0, data_first_axis="B")(x),
    "step": lambda x: dp.LoopOverTime(DENSE, dt=1.0).step(x, dp.LoopOverTime(DENSE, dt=1.0).reset_state()),
    "runner": lambda x: dp.DSRunner(DENSE, dt=1.0, data_first_axis="B", progress_bar=False).run(inputs=x),
    "stimulus": lambda x: dp.DSRunner(DENSE, inputs=("input", x), dt=1.0),
    "varying stimulus": lambda x: dp.DSRunner(DENSE, inputs=("input", x, "iter"), dt=1.0),
    "fit": lambda x: trainer().fit((x, ONES), num_epoch=1),
    "targets": lambda x: trainer().fit((ONES, x), num_epoch=1),
    "predict": lambda x: trainer().predict(x),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("lossy", LOSSY)
def test_it_is_refused(lossy, way):
    data, said = LOSSY[lossy]
    if way == "varying stimulus" and isinstance(data, list):
        data = np.asarray(data) if said == "complex" else data
    with pytest.raises(DataError, match=said):
        WAYS[way](data)
