"""Forecast Lorenz's system by next generation reservoir computing, in the set-up of Gauthier et al. (2021).

    pip install plugins/dynplug-reservoir 'dynplug[plot]' && python lorenz63.py [FOLDER]

Two taps and their quadratic monomials, 28 features, learn from 400 steps what the state changes by; then the model runs
on its own predictions for one Lyapunov time. Each trial trains on the stretch that follows the last one's; the paper
takes ten.
"""

import sys
from pathlib import Path

import jax
import numpy as np
from dynplug_reservoir import NVAR, ClosedLoop, RidgeTrainer
from dynplug_reservoir.lorenz63 import lorenz63

import dynplug as dp

jax.config.update("jax_enable_x64", True)
DT, WARMUP, TRAIN, LYAPUNOV = 0.025, 200, 400, 44  # the step; 5, 10 and 1.104 units of time in steps
TRIALS = 40

trajectory = lorenz63(WARMUP + TRIALS * TRAIN + LYAPUNOV + 1, DT)
spread = trajectory.std()  # over time and components, as in the paper


def trial(first: int) -> tuple[float, float, np.ndarray]:
    """One trial on the stretch from step `first` on.

    The errors of training and of the forecast, in standard deviations; and the true states beside the forecast.
    """
    states, end = trajectory[first:], WARMUP + TRAIN
    seen, change = states[: end - 1], np.diff(states[:end], axis=0)

    features = NVAR(3, delay=2, order=2)
    model = features >> dp.layers.Dense(*features.out_size, 3, W_initializer=0.0, b_initializer=None)
    trainer = RidgeTrainer(model, dt=DT, alpha=2.5e-6, washout=WARMUP - 1, logger=None)
    trainer.fit((seen[None], change[None]))
    missed = (trainer.predict(seen[None])[0] - change)[WARMUP - 1 :]

    loop = dp.LoopOverTime(ClosedLoop(trainer.target, increment=True), dt=DT)
    state, ahead = loop(states[:end])
    _, rest = loop((LYAPUNOV - 2) * DT, state)
    forecast = np.concatenate([states[end - 1 : end], ahead[-1:], rest])  # the first is given, as in the paper
    true = states[end - 1 : end + LYAPUNOV - 1]
    return rms(missed) / spread, rms(forecast - true) / spread, np.stack([true, forecast])


def rms(error: np.ndarray) -> float:
    """The root mean square."""
    return float(np.sqrt(np.mean(np.square(error))))


trials = [trial(n * TRAIN) for n in range(TRIALS)]
errors = np.array([trial[:2] for trial in trials])
print("NRMSE, mean and its standard error   training                 forecast of one Lyapunov time")
for name, some in (("10 trials", errors[:10]), (f"{TRIALS} trials", errors)):
    mean, uncertainty = some.mean(axis=0), some.std(axis=0) / np.sqrt(len(some))
    train, test = (f"{m:.2e} +- {u:.2e}" for m, u in zip(mean, uncertainty, strict=True))
    print(f"{name:<36} {train:<24} {test}; median {np.median(some[:, 1]):.2e}")
print("the paper, 10 trials                 1.06e-04 +- 0.01e-04     2.40e-03 +- 0.53e-03")

figure, axes = dp.plot.figure(columns=3, width=11.0)
true, forecast = trials[0][2]
for axis, ax in enumerate(axes):
    both = np.stack([true[:, axis], forecast[:, axis]], axis=1)
    dp.plot.traces(ax, DT * np.arange(len(both)), both, label="xyz"[axis], title="true and forecast")
    ax.set(xlabel="time")
dp.plot.save(figure, Path(sys.argv[1] if len(sys.argv) > 1 else "figures") / "lorenz63.png")
