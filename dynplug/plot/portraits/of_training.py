"""Runners and observers on a small task."""

import inspect
from collections.abc import Callable

import jax
import numpy as np
import optax
from matplotlib.figure import Figure

from dynplug.core import DynamicalSystem, Sequential
from dynplug.layers import Dense
from dynplug.neurons import LIF, LeakyIntegrator
from dynplug.plot.portraits.sitter import Sitter, panels
from dynplug.plot.portraits.ticks import at_whole_numbers
from dynplug.plugin import build
from dynplug.run import LoopOverTime

_DT = 1.0  # [ms]
_SAMPLES, _STEPS, _IN, _OUT = 16, 40, 3, 1
_EPOCHS, _OBSERVED = 20, 60
_OPTIONS = {"dt": _DT, "loss_fun": "mse", "optimizer": optax.adam(0.05), "logger": None, "progress_bar": False}


def runner(sitter: Sitter, figure: Figure) -> None:
    """A small task: for a trainer, the loss and the predictions before and after; for a simulator, input and output."""
    (_trainer if hasattr(sitter.target, "fit") else _simulator)(sitter, figure)


def _simulator(sitter: Sitter, figure: Figure) -> None:
    above, below = panels(figure, 2)
    model = Sequential(LIF(1, V_reset=0.0), LeakyIntegrator(1, tau=20.0, R=5.0))
    runner = sitter.made(target=model, **_taken(sitter.target))
    xs = np.concatenate([np.zeros(20), np.full(100, 1.6), np.zeros(60)])[:, None].astype(np.float32)
    out = runner.run(inputs=xs) if hasattr(runner, "run") else runner(xs)[1]
    ts = _DT * (1 + np.arange(len(xs)))
    above.plot(ts, xs, drawstyle="steps-mid")
    above.set(xlabel="time [ms]", ylabel="input [nA]")
    below.plot(ts, np.asarray(out))
    below.set(xlabel="time [ms]", ylabel="readout [mV]")


def _trainer(sitter: Sitter, figure: Figure) -> None:
    above, below = panels(figure, 2)
    timeless = "timeless" in sitter.capabilities
    x, y = _task(_model(1), timeless)
    trainer = sitter.made(target=_model(0), **_taken(sitter.target))
    before = np.asarray(trainer.predict(x))
    trainer.fit((x, y), num_epoch=_EPOCHS)
    curve = np.atleast_1d(np.asarray(trainer.get_hist_metric("fit"), float))
    above.plot(1 + np.arange(len(curve)), curve, marker="." if len(curve) == 1 else "")
    above.set(xlabel="epoch [number]", ylabel="loss [-]")
    at_whole_numbers(above.xaxis)
    after = np.asarray(trainer.predict(x))
    below.plot(y.ravel(), before.ravel(), ".", color="0.7", markersize=3, label="before")
    below.plot(y.ravel(), after.ravel(), ".", color="C0", markersize=3, label="after")
    below.set(xlabel="target [-]", ylabel="prediction [-]")
    below.legend(frameon=False, markerscale=3)


def observer(sitter: Sitter, figure: Figure) -> None:
    """The loss on test data over the epochs of a training that overfits, with the observer and without it."""
    (ax,) = panels(figure, 1)
    numbers = np.random.default_rng(2)
    x, true = numbers.normal(size=(80, 12)), 0.3 * numbers.normal(size=(12, 1))
    y = x @ true + numbers.normal(size=(80, 1))
    x, y = x.astype(np.float32), y.astype(np.float32)
    train, test = (x[:16], y[:16]), (x[16:], y[16:])
    for observers, label, style in (([], "without it", {"color": "0.7"}), ([sitter.made], "with it", {"marker": "."})):
        weight = np.zeros((1, 12), np.float32)
        given = {"target": Dense(12, 1, W_initializer=weight), "loss_fun": "mse", "optimizer": optax.adam(0.1)}
        silent = {"logger": None, "progress_bar": False, "observers": observers}
        trainer = build({"type": "BPFF"}, kind="runner", given={**given, **silent})
        trainer.fit(train, test, num_epoch=_OBSERVED)
        curve = np.asarray(trainer.get_hist_metric("test"), float)
        ax.plot(1 + np.arange(len(curve)), curve, label=label)[0].set(**style)
    ax.set(xlabel="epoch [number]", ylabel="loss on test data [-]", ylim=(0.0, None))
    ax.legend(frameon=False)


def _model(seed: int) -> DynamicalSystem:
    one, two = jax.random.split(jax.random.key(seed))
    return Sequential(Dense(_IN, 8, key=one), LeakyIntegrator(8, tau=5.0), Dense(8, _OUT, key=two))


def _task(teacher: DynamicalSystem, timeless: bool) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and the outputs of another model for them; without a time axis, those of the first step."""
    x = np.random.default_rng(0).normal(size=(_SAMPLES, _STEPS, _IN)).astype(np.float32)
    x = x.reshape(-1, 1, _IN) if timeless else x
    _, y = LoopOverTime(teacher, dt=_DT, data_first_axis="B")(x)
    y = np.asarray(y)
    return (x[:, 0], y[:, 0]) if timeless else (x, y)


def _taken(target: Callable[..., object]) -> dict[str, object]:
    """The options that a runner takes."""
    return {name: value for name, value in _OPTIONS.items() if name in inspect.signature(target).parameters}
