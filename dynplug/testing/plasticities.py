"""Checks of rules that change weights."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from dynplug.core import Context, leaves
from dynplug.delivery import Fanout
from dynplug.plasticity import Plasticity, learned
from dynplug.testing.demands import close, demand, finite
from dynplug.testing.subject import Subject

_PRE, _POST, _CONNECTIONS, _STEPS = 7, 5, 24, 240
_RATE = 0.15  # spikes of a unit in a step
_EXACT = 1e-5


class _Trial:
    """Random connections, of which some join the same two units, and random spikes, of which many follow each other."""

    def __init__(self) -> None:
        numbers = np.random.default_rng(16)
        self.pre, self.post = (numbers.integers(0, size, _CONNECTIONS) for size in (_PRE, _POST))
        self.sent = (numbers.random((_STEPS, _PRE)) < _RATE).astype(np.float32)
        self.spiked = (numbers.random((_STEPS, _POST)) < _RATE).astype(np.float32)
        self.spiked[1:, :2] = self.sent[:-1, :2]  # the first two units follow the first two senders
        self.share = np.linspace(0.0, 1.0, _CONNECTIONS).astype(np.float32)  # of the way between the bounds

    def fanout(
        self, pre_names: np.ndarray | None = None, post_names: np.ndarray | None = None
    ) -> tuple[Fanout, np.ndarray]:
        """The connections, of units that may have other numbers."""
        pre = self.pre if pre_names is None else pre_names[self.pre]
        post = self.post if post_names is None else post_names[self.post]
        return Fanout.of(pre, post, _PRE, _POST, by_receiver=True)

    def weights(self, rule: Plasticity, order: np.ndarray) -> Array:
        """From the lowest to the highest."""
        low, high = float(rule.w_min), float(rule.w_max)
        return jnp.asarray((low + (high - low) * self.share)[order], jnp.float32)


_TRIAL = _Trial()


@partial(jax.jit, static_argnames="dt")
def _ran(rule: Plasticity, weight: Array, sent: Array, spiked: Array, fanout: Fanout, dt: float = 1.0) -> Array:
    return learned(rule, weight, sent, spiked, fanout, dt=dt, key=jax.random.key(0))


def weights_of(subject: Subject, rule: Plasticity) -> Array:
    """The weights over time, which begin between the bounds of the subject's own instance."""
    fanout, order = _TRIAL.fanout()
    return _ran(rule, _TRIAL.weights(subject.instance, order), _TRIAL.sent, _TRIAL.spiked, fanout)


def keeps_traces_and_weights_in_form(subject: Subject) -> None:
    """Traces keep their structure, shapes and dtypes, and so do weights, in single and in double precision."""
    for wide in (False, True):
        with jax.enable_x64(wide):
            fanout, order = _TRIAL.fanout()
            ctx = Context(dt=1.0, key=jax.random.key(0))
            rule = subject.make()

            def step(
                rule: Plasticity = rule, fanout: Fanout = fanout, order: np.ndarray = order, ctx: Context = ctx
            ) -> PyTree:
                weight = _TRIAL.weights(rule, order).astype(ctx.dtype)
                state = rule.init_state(fanout, ctx)
                sent, spiked = (jnp.asarray(train[0], ctx.dtype) for train in (_TRIAL.sent, _TRIAL.spiked))
                return (state, weight), rule.update(state, weight, sent, spiked, fanout, ctx)

            forms = [
                [(leaf.path, leaf.value.shape, leaf.value.dtype) for leaf in leaves({"": tree})]
                for tree in eqx.filter_eval_shape(lambda: jax.tree.map(jnp.asarray, step()))
            ]
            demand(
                forms[0] == forms[1], f"A step makes traces and weights, {_words(forms[0])}, into {_words(forms[1])}."
            )


def _words(form: list[tuple[str, tuple[int, ...], np.dtype]]) -> str:
    return ", ".join(f"{path} {dtype}{list(shape)}" for path, shape, dtype in form)


def spikes_change_weights(subject: Subject) -> None:
    """Spikes of both sides change weights, to finite values."""
    fanout, order = _TRIAL.fanout()
    start = _TRIAL.weights(subject.instance, order)
    found = _ran(subject.instance, start, _TRIAL.sent, _TRIAL.spiked, fanout)
    finite(found, "the weights")
    demand(np.any(np.asarray(found[-1]) != np.asarray(start)), f"No weight has changed in {_STEPS} steps with spikes.")


def weights_stay_within_their_bounds(subject: Subject) -> None:
    """Weights from `w_min` to `w_max` stay there, step by step."""
    rule = subject.instance
    low, high = float(rule.w_min), float(rule.w_max)
    found = np.asarray(weights_of(subject, rule))
    rounding = _EXACT * max(abs(low), abs(high))
    demand(
        np.min(found) >= low - rounding and np.max(found) <= high + rounding,
        f"Weights from {np.min(found):g} to {np.max(found):g} leave its bounds, {low:g} to {high:g}.",
    )


def other_connections_stay_as_they_are(subject: Subject) -> None:
    """A step changes connections from units that send and onto units that spike, and no others."""
    fanout, order = _TRIAL.fanout()
    rule, before = subject.instance, _STEPS // 2
    pre, post = _TRIAL.pre[order], _TRIAL.post[order]
    for sender, receiver in ((2, None), (None, 3), (None, None)):
        sent, spiked = _TRIAL.sent[: before + 1].copy(), _TRIAL.spiked[: before + 1].copy()
        sent[before], spiked[before] = np.arange(_PRE) == sender, np.arange(_POST) == receiver
        weights = np.asarray(_ran(rule, _TRIAL.weights(rule, order), sent, spiked, fanout))
        still = (pre != sender) & (post != receiver)
        others = np.flatnonzero((weights[-1] != weights[-2]) & still)
        demand(
            not others.size,
            f"{others.size} weights changed between units of which none was active in the step.",
        )


def ignores_the_numbering_of_units(subject: Subject) -> None:
    """Units that are numbered otherwise, and connections in another order, learn the same weights."""
    rule = subject.instance
    fanout, order = _TRIAL.fanout()
    found = _ran(rule, _TRIAL.weights(rule, order), _TRIAL.sent, _TRIAL.spiked, fanout)[-1]
    numbers = np.random.default_rng(17)
    pre_names, post_names = numbers.permutation(_PRE), numbers.permutation(_POST)
    fanout, other = _TRIAL.fanout(pre_names, post_names)
    sent, spiked = np.empty_like(_TRIAL.sent), np.empty_like(_TRIAL.spiked)
    sent[:, pre_names], spiked[:, post_names] = _TRIAL.sent, _TRIAL.spiked
    again = _ran(rule, _TRIAL.weights(rule, other), sent, spiked, fanout)[-1]
    one, two = np.empty(_CONNECTIONS), np.empty(_CONNECTIONS)
    one[order], two[other] = found, again
    close(two, one, "the weights of units with other numbers", rtol=_EXACT)


def learns_the_same_whatever_the_step(subject: Subject) -> None:
    """The same spike times give the same weights in steps of 1 ms and of 0.5 ms."""
    rule = subject.instance
    fanout, order = _TRIAL.fanout()
    start = _TRIAL.weights(rule, order)
    found = _ran(rule, start, _TRIAL.sent, _TRIAL.spiked, fanout)
    fine = [np.zeros((2 * _STEPS, train.shape[1]), np.float32) for train in (_TRIAL.sent, _TRIAL.spiked)]
    for train, given in zip(fine, (_TRIAL.sent, _TRIAL.spiked), strict=True):
        train[::2] = given
    close(_ran(rule, start, *fine, fanout, dt=0.5)[1::2], found, "the weights in finer steps", rtol=1e-3)


def samples_learn_apart(subject: Subject) -> None:
    """A batch, by `vmap`, learns what its samples learn one by one."""
    rule = subject.instance
    fanout, order = _TRIAL.fanout()
    start = _TRIAL.weights(rule, order)
    batch = jnp.stack([start, start[::-1]]), np.stack([_TRIAL.sent, _TRIAL.sent[::-1]])
    trains = np.stack([_TRIAL.spiked, _TRIAL.spiked[::-1]])
    together = jax.vmap(_ran, (None, 0, 0, 0, None))(rule, *batch, trains, fanout)
    for k in range(2):
        alone = _ran(rule, batch[0][k], batch[1][k], trains[k], fanout)
        close(together[k], alone, f"the weights of sample {k} of a batch", rtol=_EXACT)
