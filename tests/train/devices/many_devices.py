"""Checks on eight devices, each of which prints a line of JSON: its name, and what it found.

    python many_devices.py FOLDER                     all checks
    python many_devices.py FOLDER RANK ADDRESS        as one of two processes: trainings

The number of devices must be in XLA_FLAGS before JAX starts, and hence in a process of its own.
"""

import json
import re
import sys
from contextlib import suppress
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec as P

import dynplug as dp
from dynplug.api import hookimpl
from dynplug.cli import cli
from dynplug.errors import DynplugError
from dynplug.recipe import Config

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
if len(sys.argv) > 2:  # before anything is computed
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(sys.argv[3], 2, int(sys.argv[2]))

K = jax.random.split(jax.random.key(0), 3)
RNG = np.random.default_rng(0)
X, Y = RNG.random((20, 6, 3)).astype(np.float32), RNG.integers(0, 2, 20)
LENGTHS = RNG.integers(2, 7, 20)
SGD = optax.sgd(0.3)


class Centred(dp.DynamicalSystem):
    """Takes the mean of the batch from its input, step by step."""

    size: int = eqx.field(static=True)
    literal: bool = eqx.field(static=True, default=False)

    @property
    def in_size(self):
        return (self.size,)

    @property
    def out_size(self):
        return (self.size,)

    def init_state(self, ctx):
        return jnp.zeros(self.size)

    def update(self, state, x, ctx):
        mean = jax.lax.pmean(x, "batch") if self.literal else ctx.batch_mean(x)
        state = 0.5 * state + x - mean
        return state, state


def net(*between):
    return dp.Sequential(
        encode=dp.layers.Dense(3, 8, key=K[0], W_initializer=dp.initializers.Normal(1.0)),
        **{f"between{n}": part for n, part in enumerate(between)},
        hidden=dp.neurons.LIF(8, R=8.0),
        readout=dp.layers.Dense(8, 2, key=K[1]),
    )


def trainer(devices, loss="cross_entropy", model=None, kind=dp.BPTT, **options):
    options = {"optimizer": SGD, "logger": None, "progress_bar": False, "watch": False, **options}
    timed = {"dt": 1.0} if kind is dp.BPTT else {}
    return kind(model or net(dp.layers.Dropout(0.2)), loss, devices=devices, **timed, **options)


def measured(one, inputs=None):
    """All numbers that a trainer has come to, and what it predicts."""
    arrays = [np.asarray(a, float) for a in jax.tree.leaves(eqx.filter((one.target, one.average), eqx.is_array))]
    names = [("fit", name) for name in one.history.last("fit")]
    names += [("test", name) for name in one.history.last("test")] if one.history.epochs("test") else []
    curves = [one.get_hist_metric(phase, name, "detailed") for phase, name in names]
    return [*arrays, *curves, *([] if inputs is None else [np.asarray(one.predict(inputs), float)])]


def error(a, b):
    return max(float(np.max(np.abs(x - y))) for x, y in zip(a, b, strict=True))


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def compared(make, data=(X, Y), layouts=(8,), again=False, predict=None, **fit):
    """The error of trainings on several devices beside one device; with `again`, whether one repeats bit by bit."""

    def run(devices):
        one = make(devices)
        one.fit(data, None if predict is None else data, **{"num_epoch": 2, **fit})
        return one, measured(one, predict)

    _, alone = run(None)
    runs = [run(devices) for devices in layouts]
    found = {"moved": error(alone[:1], [np.asarray(make(None).target.systems[0].weight, float)]) > 1e-3}
    found["error"] = max(error(alone, numbers) for _, numbers in runs)
    if again:
        found["bitwise"] = same(runs[-1][1], run(layouts[-1])[1])
    return runs[-1][0], found


def program(one, x=X[:16], y=Y[:16]):
    """The operations between devices in a compiled step."""
    text = one._program("fit", {}, 0).compiled(one._progress.train_state, x, y).as_text()
    return re.findall(r" (all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute)(?:-start)?\(", text)


KIT = {"type": "accumulate", "steps": 2, "optimizer": {"type": "clip_by_global_norm", "max_norm": 0.5}}
KIT["optimizer"]["optimizer"] = {"type": "adam", "learning_rate": 0.02}


def check_means():
    """Of a mean over samples: batches that are not whole, clipping, accumulation, averages, random numbers."""
    scan = sys.modules["dynplug.timeloop.scan"]
    analyse, plain = scan.analyse, []

    def seen(*given):
        loop = analyse(*given)
        plain.append(loop if isinstance(loop, str) else "")
        return loop

    scan.analyse = seen
    kit = {"optimizer": KIT, "ema": 0.5, "track": ["gradient_norm"], "metrics": ["accuracy"]}
    one, found = compared(lambda d: trainer(d, **kit), layouts=(4, 8), again=True, predict=X, batch_size=12)
    scan.analyse = analyse
    return {
        **found,
        "plain": sorted(set(plain)),
        "between": program(one),
        "repr": "devices=8" in repr(one),
        "explain": one.explain(X[:2])[-180:],
    }


def check_any_loss():
    """Of a loss and metrics that are no means, after batch normalisation; time first."""

    def loss(predicts, targets):
        return optax.softmax_cross_entropy_with_integer_labels(predicts.mean(0), targets).mean() + predicts.std()

    def make(devices):
        model = net(dp.layers.TDBatchNorm(8), dp.layers.Dropout(0.2))
        return trainer(devices, loss, model, metrics=["f1"], data_first_axis="T")

    x = X.swapaxes(0, 1)
    one, found = compared(make, (x, Y), batch_size=12, predict=x)
    return {**found, "between": program(one, x[:, :16])}


def check_lengths():
    """Sequences of several lengths, penalties for rates of a layer, windows of time."""
    sparse = {"type": "rate_regularized", "monitor": "hidden.spike", "high": 0.1}
    make = lambda d: trainer(d, sparse, monitors=["hidden.spike"], truncate=4)  # noqa: E731
    return compared(make, lengths=LENGTHS, batch_size=12)[1]


def check_labels():
    """Labels of which some are missing, at whole devices."""
    some = np.where(np.arange(20) < 4, -1, Y)
    return compared(lambda d: trainer(d, {"type": "cross_entropy", "ignore_index": -1}), (X, some), batch_size=10)[1]


def check_carried():
    """States that go on from batch to batch, where devices divide a batch and where not."""
    even, found = compared(trainer, (X[:16], Y[:16]), batch_size=8, reset_state=False)
    _, odd = compared(trainer, (X[:10], Y[:10]), batch_size=5, reset_state=False)
    parts = {len(a.sharding.device_set) for a in jax.tree.leaves(even.state.system)}
    return {"moved": odd["moved"], "error": max(found["error"], odd["error"]), "lies_on": sorted(parts)}


def check_without_time():
    """Without time, in mixed precision, from a loader."""
    batches = [(X[:12, 0], Y[:12]), (X[12:, 0], Y[12:])]
    model = dp.layers.Dense(3, 8, key=K[0]) >> dp.layers.Dropout(0.2) >> dp.layers.Dense(8, 2, key=K[1])
    return compared(lambda d: trainer(d, "cross_entropy", model, dp.BPFF, precision="float16"), batches)[1]


def check_batch_mean():
    return compared(lambda d: trainer(d, model=net(Centred(8))), predict=X, batch_size=12)[1]


class Stop:
    """Ends a run after some steps, as Ctrl-C would."""

    def __init__(self, after):
        self.left = after

    @hookimpl
    def dynplug_after_step(self):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def check_resumed(folder):
    """A run that is killed goes on as if it had not been; with another number of devices to rounding."""
    go = {"batch_size": 8, "checkpoint_every": 1}
    whole = trainer(4)
    whole.fit((X, Y), num_epoch=2, **go, save_to=folder / "whole.safetensors")
    killed = trainer(4, observers=[Stop(5)])
    with suppress(KeyboardInterrupt):
        killed.fit((X, Y), num_epoch=2, **go, save_to=folder / "killed.safetensors")

    def resumed(devices):
        one = trainer(devices)
        one.load_states(folder / "killed.safetensors")
        assert (one.epoch, one.steps) == (1, 4), (one.epoch, one.steps)
        one.fit((X, Y), num_epoch=1, **go, save_to=folder / "on.safetensors")
        return measured(one)

    of_all = measured(whole)
    others = max(error(of_all, resumed(devices)) for devices in (None, 8))
    return {"bitwise": same(of_all, resumed(4)), "error": others}


def check_named():
    """However devices are named, the losses are the same."""
    devices = jax.devices()
    explicit = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Explicit,))
    auto = Mesh(np.array(devices).reshape(2, 4), ("a", "b"))
    names = [
        4,
        devices[:4],
        Mesh(np.array(devices[:4]), ("data",)),
        explicit,
        NamedSharding(explicit, P("data")),
        NamedSharding(Mesh(np.array(devices[:4]).reshape(4, 1), ("a", "b")), P("a")),
    ]
    losses = []
    for given in names:
        one = trainer(given)
        one.fit((X, Y), num_epoch=1, batch_size=8)
        losses.append(float(one.get_hist_metric()[0]))
    counts = [
        trainer(given)._placement.devices.size for given in ("all", NamedSharding(auto, P(("b", "a"))), devices[3])
    ]
    ordered = trainer(NamedSharding(auto, P(("b", "a"))))._placement.devices.mesh.devices.ravel().tolist()
    return {"losses": losses, "counts": counts, "order": [device.id for device in ordered]}


def refusal(function):
    try:
        function()
    except DynplugError as error:
        return [type(error).__name__, str(error)]
    return ["nothing", ""]


def check_refused():
    """Check the named errors for what several devices cannot do."""
    mesh = Mesh(np.array(jax.devices()), ("data",))
    x, y = jax.device_put((X[:16], Y[:16]), NamedSharding(mesh, P("data")))
    model = eqx.filter_shard(net(), NamedSharding(mesh, P()))
    two = Mesh(np.array(jax.devices()).reshape(2, 4), ("a", "b"))
    layer = dp.layers.Stateful(*eqx.nn.make_with_state(eqx.nn.BatchNorm)(8, axis_name="batch", mode="ema"))

    def assigned():
        one = trainer(None)
        one.target = eqx.filter_shard(one.target, NamedSharding(mesh, P()))

    return {
        "data": refusal(lambda: trainer(None).fit((x, y), num_epoch=1)),
        "batches": refusal(lambda: trainer(None).fit([(x, y)], num_epoch=1)),
        "inputs": refusal(lambda: trainer(None).predict(x)),
        "model": refusal(lambda: trainer(None, model=model)),
        "assigned": refusal(assigned),
        "to": refusal(lambda: trainer(None).to(NamedSharding(mesh, P()))),
        "to_of_many": refusal(lambda: trainer(8).to("cpu")),
        "nine": refusal(lambda: trainer(9)),
        "twice": refusal(lambda: trainer([jax.devices()[0]] * 2)),
        "two_axes": refusal(lambda: trainer(two)),
        "two_axes_replicated": refusal(lambda: trainer(NamedSharding(two, P()))),
        "idle": refusal(lambda: trainer(NamedSharding(two, P("b")))),
        "two_named": refusal(lambda: trainer(NamedSharding(two, P("a", "b")))),
        "literal": refusal(lambda: trainer(8, model=net(Centred(8, True))).fit((X, Y), num_epoch=1)),
        "stateful": refusal(lambda: trainer(8, model=net(layer)).fit((X[:16], Y[:16]), num_epoch=1)),
    }


def check_given_sharded():
    """Data and a model that the user has sharded, and runners, which leave it to JAX."""
    mesh = Mesh(np.array(jax.devices()), ("data",))
    over = NamedSharding(mesh, P("data"))
    x, y = jax.device_put((X[:16], Y[:16]), over)
    explicit = jax.device_put(x, NamedSharding(jax.make_mesh((8,), ("n",), axis_types=(AxisType.Explicit,)), P("n")))
    losses = []
    for data, devices in (((X[:16], Y[:16]), None), ((x, y), over), ([(x, y)], mesh)):
        model = net() if devices is None else eqx.filter_shard(net(), NamedSharding(mesh, P()))
        one = trainer(devices, model=model, shuffle_data=False)
        one.fit(data, num_epoch=2)
        losses.append(one.get_hist_metric().tolist())
    loop = dp.LoopOverTime(net(), dt=1.0, data_first_axis="B")
    runner = dp.DSRunner(net(), dt=1.0, monitors=["hidden.V"], data_first_axis="B", progress_bar=False)
    outs = [
        (loop(given)[1], runner.run(inputs=given, reset_state=True), runner.mon["hidden.V"])
        for given in (X[:16], x, explicit)
    ]
    alone, *others = [[np.asarray(a, float) for a in out] for out in outs]
    return {"losses": losses, "error": max(error(alone, other) for other in others)}


def trained(devices, folder, name):
    """A training with all that processes share: states that go on, statistics, random numbers, files."""
    model = net(dp.layers.TDBatchNorm(8), dp.layers.Dropout(0.2))
    one = trainer(devices, model=model, truncate=3, metrics=["f1"])
    best = {"keep_best": ("test/loss", "max"), "restore_best": True}
    one.fit((X, Y), (X, Y), num_epoch=2, batch_size=12, save_to=folder / f"{name}.safetensors", **best)
    one.fit((X[:12], Y[:12]), num_epoch=1, batch_size=6, reset_state=False)
    one.save_states(folder / f"{name}.carried.safetensors")
    one.load_states(folder / f"{name}.carried.safetensors")
    one.fit((X[:12], Y[:12]), num_epoch=1, batch_size=6, reset_state=False)
    numbers = [*measured(one), np.asarray(one.predict(X, batch_size=9))]
    return {"numbers": [a.ravel().tolist() for a in numbers]}


@dp.register("task", "twenty-four")
class TwentyFour(dp.tasks.Task):
    """As many sequences, long enough for a look at the model after the first ten steps."""

    def load(self, key):
        rng = np.random.default_rng(1)
        x, y = rng.random((24, 20, 3)).astype(np.float32), rng.integers(0, 2, 24)
        return dp.tasks.TaskData((x, y), (x[:8], y[:8]))

    @classmethod
    def recipe(cls):
        return """\
        task = { type = "twenty-four" }
        runner = { type = "BPTT", dt = 1.0, loss_fun = "cross_entropy", progress_bar = false, track = ["spike_rate"] }
        fit = { num_epoch = 3, batch_size = 12 }
        [model]
        type = "Sequential"
        encode = { type = "Dense", in_size = 3, out_size = 8 }
        hidden = { type = "LIF", size = 8, R = 8.0 }
        readout = { type = "Dense", in_size = 8, out_size = 2 }
        """


def configured(devices, folder, name):
    """A recipe that is trained, and gone on with from the shell; what is said at first, and without a folder."""
    config, said = Config.parse(TwentyFour.recipe(), "twenty-four"), []
    if devices is not None:
        config = config.with_overrides([f'runner.devices="{devices}"'])
    dp.train_config(config, folder / name, report=False, say=said.append)
    cli(["train", "--resume", str(folder / name), "--set", "fit.num_epoch=6"], standalone_mode=False)
    return {"said": said, "no_folder": refusal(lambda: dp.train_config(config)) if devices else None}


def main(folder, *process):
    folder = Path(folder)
    if process:
        found = {"process": trained("all", folder, "both"), "recipe": configured("all", folder, "recipe.both")}
        print(json.dumps({**found, "devices": len(jax.devices())}), flush=True)
        return
    checks = {name: value for name, value in globals().items() if name.startswith("check_")}
    checks["check_alone"] = lambda folder: trained(None, folder, "alone")
    checks["check_recipe_alone"] = lambda folder: configured(None, folder, "recipe.alone")
    for name, check in checks.items():
        found = check(folder) if check.__code__.co_argcount else check()
        print(json.dumps({name: found}), flush=True)


main(*sys.argv[1:])
