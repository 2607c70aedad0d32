"""Checks of random keys and of side effects."""

import os
import sys
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr, Literal
from jaxtyping import PRNGKeyArray, PyTree

from dynplug.core import DynamicalSystem, leaves
from dynplug.errors import KeyRequiredError
from dynplug.testing.demands import close, demand
from dynplug.testing.driving import drive_of, traced
from dynplug.testing.stepping import Key, Trial, context, fed, run, run_anew, start, step, steps, trial_of
from dynplug.testing.subject import Skip, Subject

_MANY, _SIGMAS = 4000, 6.0


def repeats_itself(subject: Subject) -> None:
    """The same start, inputs and key give the same outputs, whatever ran in between."""
    trial = trial_of(subject)
    first = run(trial.system, trial.x, trial.key)
    other = subject.make(1)
    eqx.filter_eval_shape(steps, other, trial.x[::-1], trial.key)
    second = run_anew(trial.system, trial.x, trial.key)
    close(second, first, "two runs with the same inputs and key", rtol=0.0)


def writes_no_globals(subject: Subject) -> None:
    """Building and running it leaves its module, its class, NumPy's generator, settings and environment unchanged."""
    trial = trial_of(subject)
    other = subject.make(1)
    before = _globals(trial.system)
    subject.make(2)
    eqx.filter_eval_shape(steps, other, trial.x, trial.key)
    after = _globals(trial.system)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    demand(not changed, f"A run changes {', '.join(changed)}: keep what changes in the state.")


def _globals(system: DynamicalSystem) -> dict[str, str]:
    cls = type(system)
    places = {f"{cls.__module__}.": vars(sys.modules[cls.__module__]), f"{cls.__name__}.": vars(cls)}
    found = {
        f"{place}{name}": repr(value)
        for place, values in places.items()
        for name, value in list(values.items())
        if not name.startswith("__") and isinstance(value, (int, float, str, list, dict, set, np.ndarray, jax.Array))
    }
    state = np.random.get_state(legacy=False)
    numbers = {"numpy.random": repr((state["state"]["pos"], state["state"]["key"].tobytes()))}
    return found | numbers | {"os.environ": repr(dict(os.environ))} | _settings()


def _settings() -> dict[str, str]:
    """The settings of JAX, NumPy and the warnings module."""
    settings = {f"jax.config.{name}": repr(value) for name, value in jax.config.values.items()}
    return settings | {"numpy.errstate": repr(np.geterr()), "warnings.filters": repr(warnings.filters)}


def depends_on_its_key(subject: Subject) -> None:
    """Different keys give different states or outputs."""
    trial = trial_of(subject)
    one, other = (run(trial.system, trial.x, jax.random.key(n)) for n in (1, 2))
    same = all(np.array_equal(a.value, b.value) for a, b in zip(leaves(one), leaves(other), strict=True))
    demand(not same, "Two keys give the same outputs: is ctx.random_key() used?")


def is_random_by_key_alone(subject: Subject) -> None:
    """A system that depends on the key raises `KeyRequiredError` without one, rather than choosing one."""
    trial = trial_of(subject)
    if trial.stochastic or not _reads_key(trial):
        return
    for n in (1, 2):
        _, given = run(trial.system, trial.x, jax.random.key(n))
        _, none = run(trial.system, trial.x)
        close(given, none, "outputs with a key and without: it is random, so take the key from ctx.random_key()")


def is_random_while_fitting_at_most(subject: Subject) -> None:
    """Random outside of fitting implies random while fitting; if random only while fitting, the means are equal."""
    trial = trial_of(subject)
    if not trial.stochastic:
        demand(
            not _draws(trial.system, trial.zero, fit=False),
            "It draws numbers outside of fitting, and none while fitting.",
        )
        return
    if _draws(trial.system, trial.zero, fit=False):
        return
    x = jnp.asarray(trial.x[0])
    many = jax.vmap(lambda key: _output(trial.system, x, key, fit=True))(jax.random.split(jax.random.key(3), _MANY))
    for a, b in zip(leaves({"": many}), leaves({"": _output(trial.system, x, None, fit=False)}), strict=True):
        drawn, wanted = np.asarray(a.value, float), np.asarray(b.value, float)
        error = _SIGMAS * drawn.std(axis=0) / np.sqrt(_MANY) + 1e-6
        demand(
            np.all(np.abs(drawn.mean(axis=0) - wanted) <= error),
            f"The mean output while fitting is {drawn.mean(axis=0).tolist()}, without {wanted.tolist()}: scale what is "
            "drawn, so that the two agree.",
        )


def draws_for_each_unit(subject: Subject) -> None:
    """Each unit draws its own numbers, anew at each step."""
    trial, system = trial_of(subject), traced(subject)
    count = len(drive_of(subject))
    xs = np.broadcast_to(trial.x[:1], (count, *trial.x.shape[1:]))
    one, other = (run(system, xs, jax.random.key(n))[1] for n in (1, 2))
    rows: list[np.ndarray] = []
    for a, b in zip(leaves({"": one}), leaves({"": other}), strict=True):
        if np.shape(a.value)[1:] == np.shape(trial.zero) and np.shape(trial.zero) and a.value.dtype.kind != "V":
            rows.append(np.not_equal(a.value, b.value).reshape(count, -1))
    if not rows:
        raise Skip("it has neither states nor outputs of one number a unit")
    demand(
        any(np.any(row != row[:, :1]) or np.all(row) for row in rows),
        "Two keys make all units differ in the same steps alone: draw one number a unit.",
    )


def _draws(system: DynamicalSystem, x: PyTree, *, fit: bool) -> bool:
    try:
        eqx.filter_eval_shape(lambda: _output(system, x, None, fit=fit))
    except Exception as error:
        return isinstance(error, KeyRequiredError)
    return False


def _output(system: DynamicalSystem, x: PyTree, key: Key, *, fit: bool) -> PyTree:
    ctx = context(system, 0, key, fit=fit)
    return system.update(jax.tree.map(jnp.asarray, system.init_state(ctx)), fed(system, x), ctx)[1]


def _reads_key(trial: Trial) -> bool:
    """Whether anything is computed from a key."""
    system = trial.system

    def made(key: PRNGKeyArray) -> PyTree:
        ctx = context(system, 0, key)
        return system.update(system.init_state(ctx), fed(system, trial.zero), ctx)

    jaxpr = eqx.filter_make_jaxpr(made)(jax.random.key(0))[0].jaxpr
    return any(v is jaxpr.invars[0] for eqn in jaxpr.eqns for v in eqn.invars)


def uses_keys_once(subject: Subject) -> None:
    """No random key is used twice: neither drawn from twice, nor passed to two parts under the same name."""
    trial = trial_of(subject)
    state = start(trial.system, trial.key)

    def one(key: Key) -> PyTree:
        return step(trial.system, state, trial.x[0], 0, key)

    with jax.debug_key_reuse(True):
        eqx.filter_jit(one)(trial.key)
    made = jax.make_jaxpr(lambda key: jax.tree.leaves(eqx.filter(one(key), eqx.is_array)))(trial.key)
    twice = _derived_twice(made.jaxpr)
    demand(not twice, f"The same key is derived {twice} times and used each time: give ctx.child() different names.")


def _derived_twice(jaxpr: Jaxpr) -> int:
    """The largest number of times that a number is folded into the same key with its result used; 0 for once."""
    used = {id(v) for eqn in jaxpr.eqns for v in eqn.invars} | {id(v) for v in jaxpr.outvars}
    counts: dict[tuple[object, ...], int] = {}
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "random_fold_in" and id(eqn.outvars[0]) in used:
            derived = tuple(str(v.val) if isinstance(v, Literal) else id(v) for v in eqn.invars)
            counts[derived] = counts.get(derived, 0) + 1
    inner = [p for eqn in jaxpr.eqns for value in eqn.params.values() for p in _jaxprs(value)]
    most = max([*counts.values(), *map(_derived_twice, inner)], default=0)
    return most if most > 1 else 0


def _jaxprs(value: object) -> list[Jaxpr]:
    opened = getattr(value, "jaxpr", value)
    if isinstance(opened, Jaxpr):
        return [opened]
    return [p for item in value for p in _jaxprs(item)] if isinstance(value, (tuple, list)) else []
