"""Checks of ways to deliver spikes through connections."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.delivery import Fanout, deliver
from dynplug.testing.demands import close, demand
from dynplug.testing.subject import Subject

_PRE, _POST, _CONNECTIONS, _SAMPLES = 9, 6, 40, 3
_ROUNDING = {"float16": 1e-2, "float32": 1e-5, "float64": 1e-13}


class _Trial:
    """Random pairs, of which some are there twice; two units send nothing, and one receives nothing."""

    def __init__(self, connections: int = _CONNECTIONS) -> None:
        numbers = np.random.default_rng(15)
        self.pre, self.post = numbers.integers(0, _PRE - 2, connections), numbers.integers(0, _POST - 1, connections)
        self.weight = numbers.integers(-9, 10, connections).astype(float)
        self.active = numbers.random((_SAMPLES, _PRE)) < 0.4
        self.spikes = self.active * numbers.uniform(0.5, 1.5, self.active.shape)

    def fanout(self) -> tuple[Fanout, np.ndarray]:
        """The connections, and the weights in their order."""
        fanout, order = Fanout.of(self.pre, self.post, _PRE, _POST, by_receiver=True)
        return fanout, self.weight[order]

    def sum(self, x: np.ndarray, weight: np.ndarray | float) -> np.ndarray:
        """The sum by its definition, in double precision."""
        y = np.zeros(_POST)
        with np.errstate(invalid="ignore"):
            np.add.at(y, self.post, weight * np.asarray(x, float)[self.pre])
        return y


_TRIAL = _Trial()


def _delivery(subject: Subject) -> Callable[..., Array]:
    """The delivery as a function of the sent values, the weights and the connections."""
    return lambda x, weight, fanout: deliver(x, weight, fanout, method=subject.instance)


def delivers_the_sum(subject: Subject) -> None:
    """The sum is that over all connections, exactly in whole numbers.

    So it is with pairs that are there twice, units without connections, no connections at all, one weight for all, and
    no unit that sends, one, some or all, of any sign.
    """
    rows = [np.zeros(_PRE), np.eye(_PRE)[2], _TRIAL.active[0], np.ones(_PRE), np.arange(_PRE) - 4.0]
    with jax.enable_x64(True):
        run = jax.jit(_delivery(subject))
        for trial in (_TRIAL, _Trial(connections=0)):
            fanout, own = trial.fanout()
            for weight, wanted in ((jnp.asarray(own), trial.weight), (jnp.asarray(3.0), 3.0)):
                for x in rows:
                    found, expected = np.asarray(run(jnp.asarray(x, float), weight, fanout)), trial.sum(x, wanted)
                    demand(
                        np.array_equal(found, expected),
                        f"Of {trial.pre.size} connections and units that send {x.astype(float).tolist()} it makes "
                        f"{found.tolist()}; the sum is {expected.tolist()}.",
                    )


def keeps_the_dtype_of_the_weights(subject: Subject) -> None:
    """The sum has the dtype of the weights, in half, single and double precision, and its precision."""
    for dtype, rounding in _ROUNDING.items():
        with jax.enable_x64(dtype == "float64"):
            fanout, weight = _TRIAL.fanout()
            found = jax.jit(_delivery(subject))(_TRIAL.spikes[0].astype(dtype), weight.astype(dtype), fanout)
            demand(found.dtype == dtype, f"Of weights in {dtype} it makes a sum in {found.dtype}.")
            expected = _TRIAL.sum(_TRIAL.spikes[0].astype(dtype), _TRIAL.weight)
            close(found, expected, f"the sum in {dtype}", rtol=rounding)


def samples_are_delivered_apart(subject: Subject) -> None:
    """`vmap` over sent values, over weights, over both, and over a batch of batches gives the sum of each sample."""
    fanout, weight = _TRIAL.fanout()
    run = _delivery(subject)
    xs, weights = jnp.asarray(_TRIAL.spikes, jnp.float32), jnp.stack([(1.0 + n) * weight for n in range(_SAMPLES)])
    weights = weights.astype(jnp.float32)
    sums = np.asarray([[_TRIAL.sum(x, (1.0 + n) * _TRIAL.weight) for x in _TRIAL.spikes] for n in range(_SAMPLES)])
    over_x = jax.vmap(run, (0, None, None))
    for what, found, expected in (
        ("what is sent", over_x(xs, weights[0], fanout), sums[0]),
        ("weights", jax.vmap(run, (None, 0, None))(xs[0], weights, fanout), sums[:, 0]),
        ("both", jax.vmap(run, (0, 0, None))(xs, weights, fanout), sums[np.arange(_SAMPLES), np.arange(_SAMPLES)]),
        ("batches with weights of their own", jax.vmap(over_x, (None, 0, None))(xs, weights, fanout), sums),
    ):
        close(found, expected, f"vmap over {what}", rtol=_ROUNDING["float32"])


def derives_the_full_sum(subject: Subject) -> None:
    """The derivative is that of the sum over all connections, also by units that send nothing; alone and in a batch."""
    fanout, weight = _TRIAL.fanout()
    pre = np.repeat(np.arange(_PRE), np.diff(fanout.start))
    run, post = _delivery(subject), fanout.post

    def by_matrix(x: Array, weight: Array, fanout: Fanout) -> Array:
        return jnp.zeros((_POST, _PRE), x.dtype).at[post, pre].add(weight) @ x

    xs, weight = jnp.asarray(_TRIAL.spikes, jnp.float32), jnp.asarray(weight, jnp.float32)

    def derivatives(way: Callable[..., Array]) -> tuple[PyTree, ...]:
        gradient = jax.grad(lambda x, weight: jnp.sin(0.1 * way(x, weight, fanout)).sum(), (0, 1))
        forward = jax.jvp(lambda x: way(x, weight, fanout), (xs[0],), (xs[1],))[1]
        return gradient(xs[0], weight), jax.vmap(gradient, (0, None))(xs, weight), forward

    whats = (
        "the gradient by what is sent and by weights",
        "the gradients of a batch",
        "the derivative in forward mode",
    )
    for what, found, wanted in zip(whats, derivatives(run), derivatives(by_matrix), strict=True):
        close(found, wanted, what)


def what_is_not_a_number_arrives(subject: Subject) -> None:
    """NaN that a unit sends reaches the units to which it is connected: a unit that has blown up is not silent."""
    fanout, weight = _TRIAL.fanout()
    x = np.where(np.arange(_PRE) == 0, np.nan, 0.0).astype(np.float32)
    found = np.asarray(_delivery(subject)(jnp.asarray(x), jnp.asarray(weight, jnp.float32), fanout))
    reached = np.unique(_TRIAL.post[_TRIAL.pre == 0])
    demand(np.all(np.isnan(found[reached])), f"A unit sends NaN to the units {reached.tolist()}, which get {found}.")


def says_whether_it_suits(subject: Subject) -> None:
    """`suits` returns a reason or "" from sizes alone, with and without rows of inputs: `"auto"` asks while tracing."""
    for by_receiver in (False, True):
        fanout, _ = Fanout.of(_TRIAL.pre, _TRIAL.post, _PRE, _POST, by_receiver=by_receiver)
        for fixed in (False, True):
            answers = []
            jax.eval_shape(lambda f, fixed=fixed, to=answers: to.append(subject.instance.suits(f, fixed)), fanout)
            demand(isinstance(answers[0], str), f"suits(fanout, {fixed}) returns {answers[0]!r}, which is no text.")
