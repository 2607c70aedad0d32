"""One Hodgkin-Huxley object, run in steps by dynplug and solved with adaptive steps by diffrax."""

import sys
from pathlib import Path

import diffrax
import jax.numpy as jnp
import numpy as np

import dynplug as dp

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "figures")

hh = dp.neurons.HH(1)

runner = dp.DSRunner(hh, monitors=["V", "m", "h", "n", "spike"], dt=0.01)
runner.run(50.0, inputs=10.0)
ts = runner.mon.ts
spikes = ts[runner.mon["spike"][:, 0] > 0]
print(f"{len(spikes)} spikes in 50 ms at 10 µA/cm², at {spikes.round(2)} ms")

solution = diffrax.diffeqsolve(
    diffrax.ODETerm(hh.vector_field),
    diffrax.Tsit5(),
    t0=0.0,
    t1=50.0,
    dt0=0.01,
    y0=dp.continuous(hh.init_state(dp.Context(dt=0.01))),
    args=dp.Drive(current=jnp.asarray(10.0)),
    saveat=diffrax.SaveAt(ts=jnp.asarray(ts, float)),
    stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-6),
)
assert solution.ys is not None
above = np.asarray(solution.ys.V[:, 0]) >= hh.V_th
spikes_adaptive = ts[1:][above[1:] & ~above[:-1]]
steps = int(solution.stats["num_accepted_steps"])
print(f"diffrax: {steps} adaptive steps instead of {len(ts)}, spikes at {spikes_adaptive.round(2)} ms")

figure, (left, right) = dp.plot.figure(columns=2)
dp.plot.traces(left, ts, np.concatenate([runner.mon["V"], solution.ys.V], axis=1), title="stepped and adaptive")
dp.plot.traces(right, ts, np.concatenate([runner.mon[x] for x in "mhn"], axis=1), label="m, h, n", title="gates")
dp.plot.save(figure, folder / "hodgkin_huxley.png")
