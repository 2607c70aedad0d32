"""Checks of runners: simulators and trainers."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree

from dynplug.core import DynamicalSystem, Sequential, leaves, lookup
from dynplug.layers import Dense
from dynplug.neurons import LeakyIntegrator
from dynplug.plugin import build, parameters, registry
from dynplug.testing.demands import close, demand, finite
from dynplug.testing.stepping import start, step
from dynplug.testing.subject import Subject

_SAMPLES, _STEPS, _IN, _OUT = 4, 8, 3, 2
_DT = 0.05  # [ms]
_RATE = 0.1
_ADAM = optax.adam(1e-2)  # one object, so that all runners of a check share one compiled program
_OPTIONS = {"dt": _DT, "loss_fun": "mse", "optimizer": _ADAM, "logger": None, "progress_bar": False}


def _runner(subject: Subject, model: DynamicalSystem, **options: object) -> Any:
    """A runner of a model: its example, completed by options that silence it."""
    accepted = parameters(subject.target)
    usual = {k: v for k, v in _OPTIONS.items() if k in accepted and k not in subject.example}
    return subject.make(0, target=model, **(usual | options))


def _model(neurons: Sequence[DynamicalSystem] = (), seed: int = 0) -> Sequential:
    """Dense layers with neurons in between, of three units each, and a readout."""
    keys = iter(jax.random.split(jax.random.key(seed), len(neurons) + 1))
    parts: list[DynamicalSystem] = []
    for neuron in neurons:
        parts += [Dense(_IN, _IN, key=next(keys)), neuron]
    return Sequential(*parts, Dense(_IN, _OUT, key=next(keys)))


def _plain(seed: int = 0) -> Sequential:
    return _model([LeakyIntegrator(_IN, tau=0.5, R=5.0)], seed)


def _core_neurons() -> dict[str, DynamicalSystem]:
    found = [c for c in registry().components("neuron") if c.plugin.namespace == "dynplug"]
    return {c.spec.name: build({"type": c.id, **c.spec.example}, kind="neuron") for c in found}


def _numbers(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _data(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Data (samples, time, units); without time for a runner that declares itself timeless."""
    x, y = _numbers(0, _SAMPLES, _STEPS, _IN), _numbers(1, _SAMPLES, _STEPS, _OUT)
    return (x[:, 0], y[:, 0]) if "timeless" in subject.spec.capabilities else (x, y)


def _fit(subject: Subject, runner: Any, epochs: int = 1) -> None:
    runner.fit(_data(subject), num_epoch=epochs)


def _of_every_neuron(do: Callable[[Sequential], None]) -> None:
    """Apply a function to a model of all core neurons; if it fails, to each alone, to name the one at fault."""
    neurons = _core_neurons()
    try:
        do(_model(list(neurons.values())))
    except Exception:
        for name, neuron in neurons.items():
            try:
                do(_model([neuron]))
            except Exception as error:
                error.add_note(f"The model was a Dense, {name} and a Dense.")
                raise
        raise


def trains_every_neuron(subject: Subject) -> None:
    """Fitting a model of all core neurons for an epoch changes its parameters, and all numbers stay finite."""

    def do(model: Sequential) -> None:
        before = [np.array(leaf.value) for leaf in leaves(model) if eqx.is_array(leaf.value)]
        runner = _runner(subject, model)
        _fit(subject, runner)
        finite(eqx.filter(runner.target, eqx.is_inexact_array), "the parameters after an epoch")
        changed = any(not np.array_equal(a, b) for a, b in zip(_arrays(runner), before, strict=True))
        demand(changed, "An epoch changes no parameter.")

    _of_every_neuron(do)


def predicts_in_the_axes_of_the_data(subject: Subject) -> None:
    """Predictions are finite and have the axes (samples, time, outputs), without time if it is `timeless`."""
    x, y = _data(subject)
    out = _runner(subject, _plain()).predict(x)
    demand(np.shape(out) == y.shape, f"For inputs {x.shape} predictions are {np.shape(out)}, not {y.shape}.")
    finite(out, "predictions")


def continues_where_it_stopped(subject: Subject) -> None:
    """Two consecutive fits end where a single fit of as many epochs ends."""
    once, twice = (_runner(subject, _plain()) for _ in range(2))
    _fit(subject, once, 3)
    _fit(subject, twice, 2)
    _fit(subject, twice, 1)
    close(_arrays(twice), _arrays(once), "parameters after 2 and 1 epochs, and after 3", rtol=0.0)


def resumes_from_a_file(subject: Subject) -> None:
    """A fit resumed from `save_states` ends where an uninterrupted one ends."""
    once, before, after = (_runner(subject, _plain(seed)) for seed in (0, 0, 1))
    _fit(subject, once, 3)
    _fit(subject, before, 2)
    with tempfile.TemporaryDirectory() as folder:
        before.save_states(Path(folder) / "states.safetensors")
        after.load_states(Path(folder) / "states.safetensors")
    _fit(subject, after, 1)
    close(_arrays(after), _arrays(once), "parameters after an interruption, and without", rtol=0.0)


def given_model_stays(subject: Subject) -> None:
    """The model passed to a trainer stays as it was: its arrays are neither changed nor donated."""
    model = _plain()
    before = [np.array(leaf.value) for leaf in leaves(model) if eqx.is_array(leaf.value)]
    _fit(subject, _runner(subject, model))
    after = [np.array(leaf.value) for leaf in leaves(model) if eqx.is_array(leaf.value)]
    close(after, before, "arrays of the given model after a fit, and before", rtol=0.0)


def first_step_is_bptt(subject: Subject) -> None:
    """The first gradient step is that of backpropagation through time, computed here without the runner."""
    model, (x, y) = _plain(), _data(subject)
    sgd = {"type": "sgd", "learning_rate": _RATE}
    runner = _runner(subject, model, optimizer=build(sgd, kind="optimizer"))
    _fit(subject, runner)

    def loss(model: Sequential) -> Array:
        def sample(x: Array) -> PyTree:
            first = start(model, dt=_DT)
            return jax.lax.scan(lambda s, x: step(model, s, x, dt=_DT), first, x)[1]

        return jnp.mean((jax.vmap(sample)(jnp.asarray(x)) - y) ** 2)

    gradient = eqx.filter_grad(loss)(model)
    for path in ("0.weight", "2.weight"):
        wanted = lookup(model, path) - _RATE * lookup(gradient, path)
        close(lookup(runner.target, path), wanted, f"{path} after a step, and by BPTT")


def runs_every_neuron(subject: Subject) -> None:
    """A model of all core neurons runs over inputs (time, units); outputs are finite, with the axes (time, outputs)."""

    def do(model: Sequential) -> None:
        _, out = _run(_runner(subject, model), _numbers(0, _STEPS, _IN))
        demand(np.shape(out) == (_STEPS, _OUT), f"For inputs {(_STEPS, _IN)} outputs are {np.shape(out)}.")
        finite(out, "outputs")

    _of_every_neuron(do)


def continues_a_run(subject: Subject) -> None:
    """Two consecutive runs give the same as one long run."""
    x, split = _numbers(0, _STEPS, _IN), 5
    _, whole = _run(_runner(subject, _plain()), x)
    runner = _runner(subject, _plain())
    state, first = _run(runner, x[:split])
    _, rest = _run(runner, x[split:], state)
    close(np.concatenate([first, rest]), np.asarray(whole), "outputs of two runs in a row, and of one", rtol=1e-6)


def _run(runner: Any, xs: np.ndarray, state: PyTree = None) -> tuple[PyTree, PyTree]:
    """The state to continue from, if any, and the outputs."""
    if hasattr(runner, "run"):
        return None, runner.run(inputs=xs)
    return runner(xs, state)


def _arrays(runner: Any) -> list[Array]:
    return [leaf.value for leaf in leaves(runner.target) if eqx.is_array(leaf.value)]
