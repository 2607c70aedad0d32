"""Mixed precision: what is rounded, against NumPy, and what is not; scaled losses, against the rule by hand."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dynplug as dp
from dynplug.errors import CheckpointError, NonFiniteError, OptionError
from dynplug.recipe.config import Config
from dynplug.timeloop.activity_analysis import activity
from dynplug.timeloop.hoisting import hoist
from dynplug.timeloop.linearise import linearise
from dynplug.timeloop.program import byte_count, is_var
from dynplug.timeloop.traced_scan import trace_scan
from dynplug.train.step.reduced_products import reduced

sgd = functools.cache(optax.sgd)  # one object, so that equal trainers share their compiled program
BITS = {"bfloat16": jnp.bfloat16, "float16": np.float16}


def rounded(a, dtype):
    return np.asarray(a, np.float32).astype(BITS[dtype]).astype(np.float64)


def feed_forward(weight, loss, lr=1.0, **options):
    """A trainer of one matrix."""
    weight = np.asarray(weight, np.float32)
    layer = dp.layers.Dense(*weight.shape[::-1], W_initializer=weight, b_initializer=None)
    return dp.BPFF(layer, loss, sgd(lr), logger=None, progress_bar=False, shuffle_data=False, **options)


def operands(jaxpr):
    """The dtypes of operands and result of each product, in loops and calls too."""
    found = []
    for eqn in jaxpr.eqns:
        if eqn.primitive.name in ("dot_general", "conv_general_dilated"):
            found.append(tuple(str(v.aval.dtype) for v in (*eqn.invars, *eqn.outvars)))
        for value in eqn.params.values():
            for inner in value if isinstance(value, tuple) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                found += operands(inner) if hasattr(inner, "eqns") else []
    return found


@pytest.mark.claim(
    "mixed-precision-step",
    "With precision='bfloat16' or 'float16' predictions, and weights after a step of SGD, are those of products of "
    "rounded operands, summed in float32 (relative to the largest)",
    tolerance=2e-6,
    reference="NumPy, float64",
    components=("runner:BPFF",),
)
@pytest.mark.parametrize("dtype", BITS)
def test_a_step_is_that_of_rounded_operands(dtype, measured):
    rng = np.random.default_rng(0)
    w, x, target = (rng.normal(size=s).astype(np.float32) for s in ((4, 7), (32, 7), (32, 4)))
    t = feed_forward(w, "mse", precision=dtype)
    y = rounded(x, dtype) @ rounded(w, dtype).T
    out = np.asarray(t.predict(x))
    t.fit((x, target), (x, target), num_epoch=1)
    scale = 2.0**15 if dtype == "float16" else 1.0
    slope = rounded(scale * 2.0 * (out - target) / y.size, dtype)  # exact but for the difference: a tie is one in both
    moved = w - slope.T @ rounded(x, dtype) / scale
    new = np.asarray(t.target.weight)
    measured(max(np.abs(out - y).max() / np.abs(y).max(), np.abs(new - moved).max() / np.abs(moved).max()))
    assert np.abs(out - x @ w.T).max() > 1e-4  # what products of float32 give
    after = ((rounded(x, dtype) @ rounded(new, dtype).T - target) ** 2).mean()
    np.testing.assert_allclose(t.get_hist_metric("test"), after, rtol=1e-6)  # tests are computed so, too


@pytest.mark.parametrize("loop", ["auto", "plain"])
def test_all_products_of_a_training_step_have_operands_of_few_bits(trainer, data, loop):
    recurrent = dp.Recurrent(dp.neurons.LIF(4, tau=5.0), dp.layers.Dense(4, 4, key=jax.random.key(1)))
    conv = dp.Lift(eqx.nn.Conv1d(1, 1, 2, key=jax.random.key(0)))
    model = dp.Sequential(
        a=dp.layers.Dense(3, 4, key=jax.random.key(2)), b=recurrent, c=dp.Lift(lambda x: x[None]), d=conv
    )
    x = data[0]

    def program(t):
        step = t._program("fit", {}, 0)
        traced = jax.make_jaxpr(lambda s: step.train(s, x, np.zeros((20, 6, 1, 3), np.float32), None, 0, keep=False))
        return set(operands(traced(t._progress.train_state).jaxpr)), t

    float32, _ = program(trainer(model, "mse", loop=loop))
    mixed, t = program(trainer(model, "mse", loop=loop, precision="bfloat16"))
    assert float32 == {("float32", "float32", "float32")}
    assert mixed == {("bfloat16", "bfloat16", "float32")}
    assert {str(a.dtype) for a in t._progress.train_state.leaves} <= {"float32", "int32"}


@pytest.mark.parametrize("wrap", ["scan", "while", "cond", "jit", "checkpoint", "custom_jvp", "custom_vjp"])
def test_products_in_any_construct_are_found(wrap):
    """Also those of a stranger's layer; the values are those of operands that were rounded by hand."""
    w = np.random.default_rng(1).normal(size=(3, 3)).astype(np.float32)

    def dot(x):
        return w @ x

    own = jax.custom_vjp(dot)
    own.defvjp(lambda x: (dot(x), None), lambda _, g: (w.T @ g,))
    jvp = jax.custom_jvp(dot)
    jvp.defjvp(lambda x, dx: (dot(*x), dot(*dx)))
    made = {
        "scan": lambda x: jax.lax.scan(lambda c, _: (dot(c), None), x, None, 1)[0],
        "while": lambda x: jax.lax.fori_loop(0, jnp.int32(x[0] < 9.0), lambda _, c: dot(c), x),
        "cond": lambda x: jax.lax.cond(x[0] < 9.0, dot, lambda x: x, x),
        "jit": jax.jit(dot),
        "checkpoint": jax.checkpoint(dot),
        "custom_jvp": jvp,
        "custom_vjp": own,
    }[wrap]
    x = np.array([0.1, 0.2, 0.3], np.float32)
    expected = rounded(w, "bfloat16") @ rounded(x, "bfloat16")
    np.testing.assert_allclose(jax.jit(reduced(made, "bfloat16"))(x), expected, rtol=1e-6)
    if wrap != "while":
        slope = jax.jit(reduced(jax.grad(lambda x: made(x).sum()), "bfloat16"))(x)
        np.testing.assert_allclose(slope, rounded(w, "bfloat16").T @ np.ones(3), rtol=1e-6)


def test_products_of_integers_stay():
    a = np.arange(6).reshape(2, 3).astype(np.int32)
    np.testing.assert_array_equal(reduced(lambda a: a @ a.T * 1001, "bfloat16")(a), a @ a.T * 1001)


@pytest.mark.claim(
    "mixed-precision-states",
    "With precision='bfloat16' states are float32: 10 mV above rest a potential with a time constant of 20 ms falls as "
    "its closed form does, in 200 steps of 0.1 ms; in bfloat16 it would not fall at all",
    tolerance=5e-5,
    unit="mV",
    reference="closed form",
    components=("neuron:LeakyIntegrator",),
)
def test_states_are_those_of_float32(measured):
    def run(dtype):
        neuron = dp.neurons.LeakyIntegrator(1, tau=jnp.asarray(20.0, dtype), V_rest=jnp.asarray(-65.0, dtype))
        loop = dp.LoopOverTime(neuron, dt=0.1)
        return neuron, loop(jnp.zeros((200, 1), dtype), loop.reset_state({"V": -55.0}))[1][-1]

    neuron, single = run(jnp.float32)
    assert run(jnp.bfloat16)[1] == -55.0  # why there is no choice
    trainer = dp.BPTT(neuron, "mse", dt=0.1, precision="bfloat16", trainable={"tau": True}, logger=None)
    trainer.reset_state(1, {"V": -55.0})
    mixed = trainer.predict(np.zeros((1, 200, 1), np.float32), reset_state=False)[0, -1]
    expected = -65.0 + 10.0 * np.exp(-1.0)
    measured.difference(single, expected)
    measured.difference(mixed, expected)


def test_rounding_what_the_backward_pass_keeps_would_save_nothing():
    """Of a LIF neuron 4 bytes a step are kept; the derivatives that are computed from them would take 2 bytes each."""
    neuron, ctx = dp.neurons.LIF(3, tau=10.0), dp.Context(dt=1.0)
    traced = trace_scan(lambda s, x: neuron.update(s, x, ctx), neuron.init_state(ctx), jnp.ones((7, 3)), 7, False)
    program = hoist(traced.step(), len(traced.carry)).program
    moving = (False,) * len(program.consts), (True,) * len(program.carry), (True,) * len(program.xs)
    linear = linearise(program, activity(program, *moving))
    computed = {v for eqn in linear.recomputed for v in eqn.outvars}
    derivatives = {
        v for eqn in linear.tangent_eqns for v in eqn.invars if is_var(v) and v in computed and v.aval.shape == (3,)
    }
    assert sum(map(byte_count, linear.residuals)) == 4 * 3
    assert 2 * 3 * len(derivatives) >= 4 * 3


def test_an_update_below_the_resolution_is_not_lost():
    """In bfloat16, 1 - 0.001 is 1."""
    t = feed_forward([[1.0]], lambda out, _: out.mean(), lr=1e-3, precision="bfloat16")
    t.fit((np.ones((1, 1), np.float32), np.zeros(1)), num_epoch=10)
    np.testing.assert_allclose(t.target.weight, 0.99, rtol=1e-6)


def test_training_follows_that_in_float32(trainer, data):
    runs = {p: trainer(precision=p) for p in ("float32", *BITS)}
    for t in runs.values():
        t.fit(data, num_epoch=4, batch_size=7)
    losses = {p: t.get_hist_metric() for p, t in runs.items()}
    for p in BITS:
        assert not np.array_equal(losses[p], losses["float32"])
        np.testing.assert_allclose(losses[p], losses["float32"], rtol=float(jnp.finfo(jnp.bfloat16).eps))


def test_scaling_keeps_gradients_that_float16_does_not_know():
    """A slope of 1e-8, of which a product in float16 makes zero."""

    def moved(loss_scale):
        precision = dp.train.Precision("float16", loss_scale=loss_scale)
        t = feed_forward([[1.0]], lambda out, _: 1e-8 * out.mean(), lr=1e7, precision=precision)
        t.fit((np.ones((1, 1), np.float32), np.zeros(1)), num_epoch=1)
        return 1.0 - float(t.target.weight[0, 0])

    assert moved(1.0) == 0.0
    np.testing.assert_allclose(moved(2.0**15), 0.1, rtol=1e-3)


def scaled(steps, **options):
    """A slope of 4, whose product is finite in float16 for scales up to 2^13."""
    precision = {"compute": "float16", "loss_scale": 2.0**15, "good_steps": 3, **options}
    t = feed_forward([[1.0]], lambda out, _: 4.0 * out.mean(), lr=1e-3, precision=precision)
    t.fit((np.ones((1, 1), np.float32), np.zeros(1)), num_epoch=steps)
    return t


def test_scales_fall_by_an_overflow_and_rise_after_good_steps():
    t = scaled(10)
    powers = np.log2(t.get_hist_metric("fit", "loss_scale"))
    np.testing.assert_array_equal(powers, [15, 14, 13, 13, 13, 14, 13, 13, 13, 14])
    np.testing.assert_allclose(t.target.weight, 1.0 - 6 * 4e-3, rtol=1e-5)  # four steps of ten were left out


def test_a_step_that_is_left_out_changes_the_scale_alone(trainer, data, assert_same):
    precision = dp.train.Precision("float16", loss_scale=2.0**24)
    t = trainer(loss_fun=lambda out, _: 1e4 * out.mean(), optimizer=optax.adam(0.1), precision=precision)
    before = t._progress.train_state
    t.fit(data, num_epoch=1)
    after = t._progress.train_state
    assert_same(before.params, after.params)
    assert_same(before.optimizer.optimizer, after.optimizer.optimizer)
    assert float(after.optimizer.scale) == 2.0**23


def test_a_scale_of_one_is_not_to_blame():
    loss = lambda out, _: jnp.sqrt(jnp.sum(out * 0.0)) + out.mean()  # noqa: E731 - its slope is NaN, and it is not
    t = feed_forward([[1.0]], loss, precision={"compute": "float16", "loss_scale": 4.0})
    with pytest.raises(NonFiniteError, match="Epoch 3, step 1: the gradient of weight is not finite"):
        t.fit((np.ones((1, 1), np.float32), np.zeros(1)), num_epoch=5)
    assert t.epoch == 2


def test_a_loss_that_is_not_finite_is_an_error_at_once():
    t = feed_forward([[1.0]], lambda out, _: jnp.log(out.mean() * 0.0), precision="float16")
    with pytest.raises(NonFiniteError, match="the loss is not finite"):
        t.fit((np.ones((1, 1), np.float32), np.zeros(1)), num_epoch=1)
    assert t.epoch == 0


def test_what_overflows_in_float16_is_named(trainer, data):
    """The states, which are finite in float32."""
    model = dp.Sequential(a=dp.layers.Dense(3, 2, W_initializer=1e5), b=dp.neurons.LeakyIntegrator(2, tau=5.0))
    trainer(model, precision="float32").fit(data, num_epoch=1)
    with pytest.raises(NonFiniteError, match=r"the state b\.V"):
        trainer(model, precision="float16").fit(data, num_epoch=1)


def test_an_interrupted_training_goes_on_bit_by_bit(tmp_path, assert_same):
    whole, first = scaled(8), scaled(4)
    first.save_states(tmp_path / "a.safetensors")
    rest = scaled(0)
    rest.load_states(tmp_path / "a.safetensors")
    rest.fit((np.ones((1, 1), np.float32), np.zeros(1)), num_epoch=4)
    assert_same(whole._progress.train_state, rest._progress.train_state)
    np.testing.assert_array_equal(*(t.get_hist_metric("fit", "loss_scale") for t in (whole, rest)))


def test_a_checkpoint_knows_its_precision(trainer, data, tmp_path):
    t = trainer(precision="bfloat16")
    t.fit(data, num_epoch=1)
    t.save_states(tmp_path / "a.safetensors")
    for other in ("float32", "float16"):
        with pytest.raises(CheckpointError, match="precision"):
            trainer(precision=other).load_states(tmp_path / "a.safetensors")
    float32 = trainer()
    float32.load_states(tmp_path / "a.safetensors", strict=False)
    assert float32.epoch == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("bf16", "'bf16' is none of float32, bfloat16, float16"),
        ("float64", "float32"),
        (16, "give one of 'float32', 'bfloat16', 'float16'"),
        ({"computes": "float16"}, "It takes compute, loss_scale, good_steps"),
        ({"compute": "float16", "loss_scale": 0.5}, "loss_scale=0.5 must be"),
        ({"compute": "float16", "loss_scale": 2.0**25}, "loss_scale=33554432.0 must be"),
        ({"compute": "float16", "good_steps": 0}, "good_steps=0 must be"),
    ],
)
def test_what_is_no_precision_is_refused(trainer, given, message):
    with pytest.raises(OptionError, match=message):
        trainer(precision=given)


def test_parameters_of_other_dtypes_are_refused(trainer, net):
    half = jax.tree.map(lambda a: a.astype(jnp.bfloat16) if eqx.is_inexact_array(a) else a, net())
    with pytest.raises(OptionError, match=r"encode\.weight is bfloat16"):
        trainer(half, precision="bfloat16")
    with pytest.raises(OptionError, match="compiled"):
        trainer(precision="bfloat16", jit={"fit": False})


def test_explain_tells_it(trainer, data):
    assert "Precision" not in trainer().explain(data[0])
    assert "rounded to bfloat16 and summed in float32" in trainer(precision="bfloat16").explain(data[0])
    assert "scaled, at first by 1024" in trainer(precision=dp.train.Precision("float16", 1024.0)).explain(data[0])


@pytest.mark.parametrize("given", ['"float16"', '{ compute = "float16", loss_scale = 256.0 }'])
def test_a_recipe_names_it(given):
    text = '[task]\ntype = "digits"\n[model]\ntype = "LIF"\nsize = 3\nR = 1.0\n[runner]\ntype = "BPTT"\ndt = 1.0\n'
    text += f'loss_fun = "mse"\nprecision = {given}\ntrainable = {{ R = true }}\n'
    runner = Config.parse(text, "some.toml").resolved()["runner"].build(given={"target": dp.neurons.LIF(3, R=1.0)})
    assert runner.precision.compute == "float16"
    assert runner.precision.loss_scale == (256.0 if "256" in given else 2.0**15)
