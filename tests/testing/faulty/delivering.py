"""Ways to deliver, wrong on purpose."""

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from dynplug.delivery import Delivery


class Right(Delivery):
    """All connections."""

    def __call__(self, x, weight, fanout, pre):
        sent = x[pre] if weight is None else weight * x[pre]
        return jnp.zeros(fanout.post_size, x.dtype).at[fanout.post].add(sent)

    def suits(self, fanout, fixed):
        return ""


class OfPositiveOnes(Right):
    def __call__(self, x, weight, fanout, pre):
        return super().__call__(jnp.maximum(x, 0), weight, fanout, pre)


class InSinglePrecision(Right):
    def __call__(self, x, weight, fanout, pre):
        return super().__call__(x, weight, fanout, pre).astype(jnp.float32)


@custom_vmap
def alone(x):
    return x


@alone.def_vmap
def _(size, batched, x):
    return jnp.broadcast_to(x[:1], x.shape), True


class SharesOneSample(Right):
    def __call__(self, x, weight, fanout, pre):
        return super().__call__(alone(x), weight, fanout, pre)


class DerivesEventsAlone(Right):
    derives_itself = True

    def __call__(self, x, weight, fanout, pre):
        return super().__call__(jnp.where(x != 0, x, jax.lax.stop_gradient(x)), weight, fanout, pre)


class LeavesOutNan(Right):
    def __call__(self, x, weight, fanout, pre):
        return super().__call__(jnp.nan_to_num(x), weight, fanout, pre)


class CountsItsConnections(Right):
    def suits(self, fanout, fixed):
        return "many" if fanout.start[-1] > 10 else ""


class AnswersYes(Right):
    def suits(self, fanout, fixed):
        return fixed


def fault(check, target, **others):
    return {"check": check, "kind": "delivery", "target": target, **others}


FAULTS = [
    fault("delivers_the_sum", OfPositiveOnes),
    fault("keeps_the_dtype_of_the_weights", InSinglePrecision),
    fault("samples_are_delivered_apart", SharesOneSample, also=("derives_the_full_sum",)),
    fault("derives_the_full_sum", DerivesEventsAlone),
    fault("what_is_not_a_number_arrives", LeavesOutNan),
    fault("says_whether_it_suits", CountsItsConnections),
    fault("says_whether_it_suits", AnswersYes),
]
