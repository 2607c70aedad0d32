"""Statistics of a batch are Flax's, and are told from leaks and from padding."""

import flax.linen as nn
import jax
import numpy as np
import pytest
from dynplug_flax import FlaxLayer
from flax import nnx
from flax_modules import KEY, SGD, Block, C, Counting, N, T, X, flax

import dynplug as dp

pytestmark = pytest.mark.usefixtures("ranks")

RNG = np.random.default_rng(5)


@pytest.mark.claim(
    "flax-batch-statistics",
    "Statistics of a batch, and running ones after an epoch, are Flax's for the same batch at each step (absolute)",
    tolerance=1e-6,
    reference="Heek, J. et al. (2024), Flax, https://github.com/google/flax; Flax's own layers",
    components=("layer:FlaxLayer",),
)
@pytest.mark.parametrize("library", ["linen", "nnx"])
def test_statistics_are_those_of_each_step_over_the_batch(library, measured):
    """Flax normalises whole batches, without an axis name; running statistics change once a step."""
    goal = RNG.normal(size=X.shape).astype(np.float32)
    if library == "linen":
        layer = FlaxLayer(nn.BatchNorm(axis_name="batch", momentum=0.75), C, key=KEY)
        theirs, seen = nn.BatchNorm(momentum=0.75), layer.variables
    else:
        layer = FlaxLayer(nnx.BatchNorm(C, axis_name="batch", momentum=0.75, rngs=nnx.Rngs(0)), C)
        theirs = nnx.BatchNorm(C, momentum=0.75, rngs=nnx.Rngs(0))
    trainer = dp.BPTT(dp.Sequential(norm=layer), "mse", SGD, dt=1.0, logger=None, progress_bar=False)
    trainer.fit((X, goal), num_epoch=1)
    outs = []
    for t in range(T):
        with flax():
            if library == "linen":
                out, new = theirs.apply(seen, X[:, t], use_running_average=False, mutable=["batch_stats"])
                seen = seen | new
            else:
                out = theirs(X[:, t])
        outs.append(out)
    measured.difference(trainer.get_hist_metric("fit", "loss")[0], np.mean((np.stack(outs, 1) - goal) ** 2))
    learned = trainer.target["norm"]
    expected = seen["batch_stats"] if library == "linen" else nnx.to_pure_dict(nnx.state(theirs, nnx.BatchStat))
    measured.difference(jax.tree.leaves(learned.held), jax.tree.leaves(expected))
    assert not np.array_equal(jax.tree.leaves(learned.held)[0], jax.tree.leaves(layer.held)[0])
    with flax():  # and predictions go by the running ones
        if library == "linen":
            wanted = theirs.apply(learned.variables, X, use_running_average=True)
        else:
            theirs.eval()
            nnx.update(theirs, learned.variables)
            wanted = theirs(X)
    measured.difference(trainer.predict(X), wanted)


class Centred(dp.DynamicalSystem):
    """Reads the batch."""

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, x - ctx.batch_mean(x)


def test_a_leak_is_found_beside_collections_that_are_no_statistics_of_batches():
    layer = FlaxLayer(Counting(), 1, collections={"cache": "state", "constants": "fixed"}, key=KEY)
    norm = FlaxLayer(nn.BatchNorm(axis_name="batch"), 1, key=KEY)
    x = np.random.default_rng(0).normal(size=(8, 4, 1)).astype(np.float32)

    def found(*parts):
        return str(dp.diagnose(dp.Sequential(*parts), (x, x), loss_fun="mse", dt=1.0, checks=["Leaks"]))

    assert "samples and runs are independent\n" in f"{found(layer)}\n"
    assert "outputs depend on other samples of the batch" in found(layer, Centred())
    assert "independent, but for statistics of the batch" in found(layer, norm)


def test_sequences_of_several_lengths_are_taken_where_nothing_is_of_a_batch():
    model = dp.Sequential(part=FlaxLayer(nn.Dense(4), C, key=KEY))
    goal = np.ones((N, T, 4), np.float32)
    losses = []
    for x in (X, np.where(np.arange(T)[:, None] < 2, X, 7.0).astype(np.float32)):
        trainer = dp.BPTT(model, "mse", SGD, dt=1.0, logger=None, progress_bar=False)
        trainer.fit((x, goal), num_epoch=1, lengths=[2] * N)
        losses.append(trainer.get_hist_metric("fit", "loss")[0])
    assert losses[0] == losses[1]
    with pytest.raises(dp.errors.CompositionError, match="part: Block would take padding for data"):
        fitted(FlaxLayer(Block(), C, key=KEY), lengths=[2] * N)


def fitted(layer, **options):
    trainer = dp.BPTT(dp.Sequential(part=layer), "mse", SGD, dt=1.0, logger=None, progress_bar=False)
    trainer.fit((X, np.ones((N, T, 4), np.float32)), num_epoch=1, **options)
