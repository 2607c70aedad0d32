"""Train a spiking network on the Yin-Yang data set by its recipe, and draw what it answers everywhere in the sign.

    pip install 'dynplug[plot]' && python yin_yang.py

The whole training, of 150 epochs, from the command line: `dynplug train yin-yang`.
"""

import sys
import tempfile
import tomllib
from pathlib import Path

import jax
import numpy as np

import dynplug as dp

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "figures")

recipe = tomllib.loads(dp.tasks.YinYang.recipe())
recipe["fit"]["num_epoch"] = 30
recipe["runner"]["optimizer"]["learning_rate"]["decay_steps"] = 30 * 40  # steps in all
with tempfile.TemporaryDirectory() as runs:
    result = dp.train_config(recipe, Path(runs) / "yin-yang")
    model, config = dp.load_run(result.folder)
print(f"test accuracy {result.metrics['test']['accuracy']:.3f}")

side = np.linspace(0.0, 1.0, 81)
points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2).astype(np.float32)
points = points[np.hypot(*(points - 0.5).T) <= 0.5]
encode = dp.build(config["task"]["encoder"], kind="encoder")
spikes = encode(np.concatenate([points, 1.0 - points], axis=1), key=jax.random.key(0))
_, out = dp.LoopOverTime(model, dt=1.0, data_first_axis="T")(spikes)
answers = np.asarray(out).max(axis=0).argmax(axis=-1)

figure, (left, right) = dp.plot.figure(columns=2)
curves = {phase: result.history[phase]["accuracy"] for phase in ("fit", "test")}
dp.plot.learning_curve(left, curves, label="accuracy")
for part, colour in enumerate(("black", "lightgray", "tab:red")):
    right.plot(*points[answers == part].T, ".", color=colour, markersize=4)
right.set(aspect="equal", xlabel="u [-]", ylabel="v [-]", title="answers")
dp.plot.save(figure, folder / "yin_yang.png")
