"""Cost of data parallelism: ratios to `devices=1`, in one run, on virtual devices of a CPU.

Each device has as many samples as the one has (weak scaling), whose steps are taken in turn with those of the others. A
machine of few cores does the work of many devices one after the other: its processor time a sample says what is added
by the spreading itself; that real devices do it at once, it cannot say. Memory is that of a step on one of the devices,
as XLA plans it, for the same batch on all of them.

    python devices.py [REPETITIONS]
"""

import os
import sys
import time

os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import numpy as np
import optax

import dynplug as dp

SAMPLES, STEPS, SIZES = 64, 50, (64, 128, 10)  # samples of a device
DEVICES = (1, 2, 4, 8)


def own_loss(predicts, targets):
    """A mean, but the trainer cannot know: outputs are gathered."""
    return optax.softmax_cross_entropy_with_integer_labels(predicts.mean(1), targets).mean()


def trainer(devices, loss):
    k1, k2 = jax.random.split(jax.random.key(0))
    model = dp.Sequential(
        dp.layers.Dense(SIZES[0], SIZES[1], key=k1, W_initializer=dp.initializers.Normal(1.0)),
        dp.neurons.LIF(SIZES[1], tau=10.0),
        dp.layers.Dense(SIZES[1], SIZES[2], key=k2),
        dp.neurons.LeakyIntegrator(SIZES[2], tau=10.0),
    )
    return dp.BPTT(model, loss, optax.adam(1e-3), dt=1.0, devices=devices, logger=None)


def batch(samples):
    rng = np.random.default_rng(1)
    x = (rng.random((samples, STEPS, SIZES[0])) < 0.1).astype(np.float32)
    return x, rng.integers(0, SIZES[2], samples)


def step(devices, loss):
    """A training step on the devices' samples, as a function that ends when it is done."""
    made = trainer(devices, loss)
    program, state, (x, y) = made._program("fit", {}, 0), made._progress.train_state, batch(SAMPLES * (devices or 1))

    def run():
        nonlocal state
        state = program.train(state, x, y, None, 0, keep=False).state
        state.ok.block_until_ready()

    return run


def timed(steps, repetitions):
    """Wall and processor time of each step, in turn."""
    found = np.zeros((repetitions, len(steps), 2))
    for n in range(repetitions):
        for k, run in enumerate(steps):
            wall, processor = time.perf_counter(), time.process_time()
            run()
            found[n, k] = time.perf_counter() - wall, time.process_time() - processor
    return found


def planned(devices):
    """The temporary memory of a step on a batch of all eight devices' samples, on one of those that share it."""
    made = trainer(devices, "cross_entropy")
    program, state = made._program("fit", {}, 0), made._progress.train_state
    return program.planned(state, *batch(SAMPLES * max(DEVICES))).temp_size_in_bytes


def main(repetitions=15):
    cases = [*((n, "cross_entropy") for n in DEVICES), (8, own_loss), (None, "cross_entropy")]
    steps = [step(*case) for case in cases]
    for run in steps * 2:
        run()
    found = timed(steps, repetitions)
    ratios = np.median(found / found[:, :1], axis=0)
    memory = {n: planned(n) for n in (*DEVICES, None)}
    print(f"{os.cpu_count()} cores, JAX {jax.__version__}")
    print("devices  loss           time a step  processor a sample  memory of a batch of 512, a device")
    for (n, loss), (wall, processor) in zip(cases, ratios, strict=True):
        name = loss if isinstance(loss, str) else "one's own"
        print(f"{n!s:7}  {name:13} {wall:12.2f} {processor / (n or 1):19.2f} {memory[n] / memory[1]:19.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
