r"""Inputs as functions of time: currents, or rates. They add, scale and multiply.

The value in a step is that at its start, $t_i = t_0 + i\,\Delta t$. What lasts from `start` to `stop` is on in the
steps with `start` $\le t_i <$ `stop`, exactly, however long the run.

```python
current = dp.inputs.step(0.3, 20.0, 80.0) + 0.1 * dp.inputs.sine(1.0, 0.08)
runner = dp.DSRunner(dp.neurons.LIF(3), dt=0.1)
runner.run(100.0, inputs=current)     # the model's own input
runner = dp.DSRunner(dp.neurons.LIF(3), inputs=("input", current, "func"), dt=0.1)     # or of any part
I = current.sample(100.0, dt=0.1)     # an array, for a plot or for LoopOverTime
assert I.shape == (1000,)
```
"""

from dynplug.inputs.input import Input as Input
from dynplug.inputs.noise import white_noise as white_noise
from dynplug.inputs.oscillations import chirp as chirp, sine as sine
from dynplug.inputs.pieces import constant as constant, ramp as ramp, step as step
from dynplug.inputs.pulse_trains import pulses as pulses
