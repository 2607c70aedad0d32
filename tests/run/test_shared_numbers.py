"""A number that is shared is traced: another value is no other program, and nothing is promoted."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.errors import OptionError

X, SGD = np.ones((2, 3, 1), np.float32), optax.sgd(0.0)


def power(predicts, targets):
    return jnp.mean(predicts**2)


class Traced:
    """Counts; all of one kind are equal."""

    times = 0


class Scaled(dp.DynamicalSystem):
    """Multiplies by what is shared, and counts how often it is traced."""

    weight: jax.Array
    traced: type = eqx.field(static=True)

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        self.traced.times += 1
        scale = ctx.shared["gain"] * ctx.shared["steps"]
        out = self.weight * x * scale
        assert out.dtype == self.weight.dtype
        return None, out + (1.0 if ctx.fit else 0.0)


def trainer(model):
    return dp.BPTT(model, power, SGD, dt=1.0, logger=None)


def by_fit(model, **shared):
    t = trainer(model)
    t.fit((X, X), num_epoch=1, shared_args=shared)
    return np.sqrt(t.get_hist_metric()[-1]) - 1.0


def by_predict(model, **shared):
    return trainer(model).predict(X, shared_args=shared)[0, 0, 0]


def by_simulation(model, **shared):
    return dp.DSRunner(model, dt=1.0, progress_bar=False).run(inputs=X[0], shared_args=shared)[0, 0]


def by_loop(model, **shared):
    return dp.LoopOverTime(model, dt=1.0, shared_arg=shared)(X[0])[1][0, 0]


RUNS = pytest.mark.parametrize("run", [by_fit, by_predict, by_simulation, by_loop])


@RUNS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_another_number_is_no_other_program(run, dtype):
    class Count(Traced):
        pass

    with jax.enable_x64(dtype is np.float64):
        model = Scaled(jnp.asarray(1.0, dtype), Count)
        assert float(run(model, gain=1.5, steps=2)) == pytest.approx(3.0)
        first = Count.times
        assert float(run(model, gain=0.5, steps=3)) == pytest.approx(1.5)
        assert Count.times == first
        assert float(run(model, gain=dtype(2.0), steps=1)) == pytest.approx(2.0)


def test_fit_and_what_is_no_number_belong_to_the_program():
    loop = dp.LoopOverTime(Scaled(jnp.ones(()), Traced), dt=1.0, shared_arg={"gain": 1.0, "steps": 1, "fit": True})
    np.testing.assert_array_equal(loop(X[0])[1], X[0] + 1.0)
    assert loop.shared_arg["fit"] is True
    shared = dp.timeloop.traced_numbers({"fit": 1, "flag": True, "word": "a", "n": {"a": 2, "b": 0.5}})
    assert (shared["fit"], shared["flag"], shared["word"]) == (1, True, "a")
    assert all(value.weak_type for value in shared["n"].values())


class Shaped(dp.DynamicalSystem):
    use: type = eqx.field(static=True)

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, self.use.of(x, ctx.shared["n"])


class AsShape:
    def of(x, n):
        return x + jnp.zeros(n).sum()


class AsBranch:
    def of(x, n):
        return x if n > 1 else -x


class AsCount:
    def of(x, n):
        return x + len(range(n))


@pytest.mark.parametrize("use", [AsShape, AsBranch, AsCount])
def test_a_number_that_decides_about_the_program_belongs_into_the_constructor(use):
    for axis, x in ((None, X[0]), ("B", X)):
        with pytest.raises(OptionError, match=r"shared arguments \('n'\) are traced.*constructor"):
            dp.LoopOverTime(Shaped(use), dt=1.0, shared_arg={"n": 3}, data_first_axis=axis)(x)
