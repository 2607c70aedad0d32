"""A neuron of one's own: the quadratic integrate-and-fire model, trained like any other."""

import sys
from pathlib import Path

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import dynplug as dp


class QIFState(eqx.Module):
    V: jax.Array
    spike: jax.Array | None = dp.discrete()


class QIF(dp.Neuron):
    size: tuple[int, ...] = eqx.field(static=True, converter=dp.as_size)
    tau: dp.Parameter = dp.param(10.0, positive=True)  # [ms]
    V_th: dp.Parameter = dp.param(5.0)  # [mV]
    surrogate: dp.surrogates.Surrogate = dp.surrogates.SuperSpike(1.0)
    integrator: diffrax.AbstractSolver = diffrax.Heun()

    def init_state(self, ctx):
        return QIFState(jnp.full(self.size, -1.0, ctx.dtype), jnp.zeros(self.size, ctx.dtype))

    def vector_field(self, t, y, drive):
        return QIFState((y.V**2 + drive(y.V)) / self.tau)

    def emit(self, old, new, ctx):
        spike = self.surrogate(new.V - self.V_th)
        return QIFState((1.0 - spike) * new.V - spike * self.V_th, spike), spike


key = jax.random.key(0)
model = dp.layers.Dense(20, 50, key=key) >> QIF(50) >> dp.layers.Dense(50, 2, key=key) >> dp.neurons.LeakyIntegrator(2)
y = np.arange(200) % 2
x = 5 * np.random.default_rng(0).random((200, 30, 20)) + y[:, None, None]
trainer = dp.BPTT(model, "cross_entropy", {"type": "adam", "learning_rate": 0.01}, metrics=["accuracy"], dt=1.0)
trainer.fit((x, y), num_epoch=30, batch_size=50)

runner = dp.DSRunner(trainer.target, monitors=["1.V"], dt=1.0, progress_bar=False)
runner.run(inputs=x[0])
figure, (left, right) = dp.plot.figure(columns=2)
dp.plot.learning_curve(left, {"fit": trainer.get_hist_metric("fit", "accuracy")}, label="accuracy")
dp.plot.traces(right, runner.mon.ts, runner.mon["1.V"][:, :5], title="five QIF neurons")
dp.plot.save(figure, Path(sys.argv[1] if len(sys.argv) > 1 else "figures") / "custom_neuron.png")
