"""An observer: every scalar of a run goes to a file of JSON lines, as a TensorBoard writer would send it to its log.

Observers hear of a run only if it was started with them.
"""

import json
import sys
import time
from pathlib import Path

import jax

import dynplug as dp
from dynplug.api import hookimpl


class ScalarWriter:
    def __init__(self, path):
        self.path, self.step = Path(path), 0

    def write(self, tag, value, step):
        line = {"tag": tag, "value": value, "step": step, "wall_time": time.time()}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    @hookimpl
    def dynplug_after_step(self, metrics):
        self.step += 1
        for name, value in metrics.items():
            self.write(f"step/{name}", value, self.step)

    @hookimpl
    def dynplug_after_epoch(self, epoch, metrics):
        for phase, of_phase in metrics.items():
            for name, value in of_phase.items():
                self.write(f"{phase}/{name}", value, epoch)


k1, k2 = jax.random.split(jax.random.key(0))
model = (
    dp.layers.Dense(64, 64, key=k1)
    >> dp.synapses.Delta(64)
    >> dp.neurons.LIF(64, tau=20.0)
    >> dp.layers.Dense(64, 10, key=k2)
    >> dp.synapses.Delta(10)
    >> dp.neurons.LeakyIntegrator(10, tau=20.0)
)
folder = Path(sys.argv[1] if len(sys.argv) > 1 else "figures")
folder.mkdir(parents=True, exist_ok=True)
log = folder / "scalars.jsonl"
log.unlink(missing_ok=True)
stopping = dp.train.EarlyStopping(metric="accuracy", mode="max", patience=2, min_delta=0.005)
trainer = dp.BPTT(
    model,
    "cross_entropy",
    {"type": "adam", "learning_rate": 0.01},
    metrics=["accuracy"],
    dt=1.0,
    observers=[ScalarWriter(log), stopping],
)
train, test = dp.tasks.Digits().load(jax.random.key(1))
trainer.fit(train, test, num_epoch=30, batch_size=64)
print(f"best accuracy {stopping.best:.3f} in epoch {stopping.best_epoch}; {len(log.read_text().splitlines())} scalars")

lines = [json.loads(line) for line in log.read_text().splitlines()]
curves = {phase: [d["value"] for d in lines if d["tag"] == f"{phase}/accuracy"] for phase in ("fit", "test")}
figure, (axes,) = dp.plot.figure(width=5.0)
dp.plot.learning_curve(axes, curves, label="accuracy", title="from the file of scalars")
dp.plot.save(figure, folder / "observer.png")
