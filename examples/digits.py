"""Train a spiking network on handwritten digits from Python, and look at what its hidden layer does.

    pip install 'dynplug[demo]' && python digits.py

The same training from the command line, where every part can be exchanged: `dynplug train digits`.
"""

import sys
from pathlib import Path

import jax
import numpy as np
import optax

import dynplug as dp

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "figures")

k1, k2 = jax.random.split(jax.random.key(0))
model = dp.Sequential(
    input=dp.layers.Dense(64, 256, W_initializer=dp.initializers.KaimingNormal(scale=30.0), key=k1),
    synapse=dp.synapses.Exponential(256, tau=5.0),
    hidden=dp.neurons.LIF(256, tau=10.0),
    dropout=dp.layers.Dropout(0.3),
    output=dp.layers.Dense(256, 10, key=k2),
    readout=dp.neurons.LeakyIntegrator(10, tau=10.0, R=20.0),
)
train, (x_test, y_test) = dp.tasks.Digits().load(jax.random.key(1))
trainer = dp.BPTT(model, loss_fun="cross_entropy", metrics=["accuracy"], optimizer=optax.adam(2e-3), dt=1.0)
trainer.fit(train, test_data=(x_test, y_test), num_epoch=15, batch_size=64)

answers = trainer.predict(x_test).mean(axis=1).argmax(axis=-1)
print(f"test accuracy {np.mean(answers == y_test):.3f}")

runner = dp.DSRunner(trainer.target, monitors=["hidden.spike"], dt=1.0)
runner.run(inputs=x_test[0])
figure, (left, right) = dp.plot.figure(columns=2)
curves = {phase: trainer.get_hist_metric(phase, "accuracy") for phase in ("fit", "test")}
dp.plot.learning_curve(left, curves, label="accuracy")
dp.plot.raster(right, runner.mon.ts, runner.mon["hidden.spike"], title=f"hidden layer for a {y_test[0]}")
dp.plot.save(figure, folder / "digits.png")
