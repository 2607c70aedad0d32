"""A runner refuses a target that is not a system, and says what to give."""

import subprocess
import sys

# annotations are checked in the tests, and would speak first
PROGRAM = """
import equinox as eqx, jax, jax.numpy as jnp
import dynplug as dp
from dynplug.errors import CompositionError, KeyRequiredError

def said(whole, wrong):
    try:
        whole(wrong)
    except CompositionError as error:
        print(error)
    else:
        print("nothing said")

class Like(eqx.Module):
    in_size = out_size = (2,)

    def init_state(self, ctx):
        return None

    def update(self, state, x, ctx):
        return None, x

lif = dp.neurons.LIF(2)
runners = {
    "BPTT": lambda target: dp.BPTT(target, "mse", dt=1.0),
    "BPFF": lambda target: dp.BPFF(target, "mse", dt=1.0),
    "DSRunner": lambda target: dp.DSRunner(target, dt=1.0),
    "LoopOverTime": lambda target: dp.LoopOverTime(target, dt=1.0),
}
for name, runner in runners.items():
    linear = eqx.nn.Linear(3, 2, key=jax.random.key(0))
    for wrong in (dp.neurons.LIF, linear, jnp.tanh, [dp.neurons.LIF(3)]):
        said(runner, wrong)
wholes = {
    "Recurrent": lambda part: dp.Recurrent(part, jnp.tanh),
    "Network": lambda part: dp.Network({"a": part}),
    "Sequential": lambda part: dp.Sequential(part),
    "before": lambda part: part >> lif,
    "behind": lambda part: lif >> part,
}
for whole in (*runners.values(), *wholes.values()):
    said(whole, Like())

loop, x = dp.LoopOverTime(lif, dt=1.0), jnp.ones((3, 2))
several = jax.random.split(jax.random.key(0), 3)
with_keys = [
    lambda key: loop(x, key=key),
    lambda key: loop.step(x[0], loop.reset_state(), key),
    lambda key: loop.reset_state(key=key),
    lambda key: dp.DSRunner(lif, dt=1.0, key=key),
    lambda key: dp.encoders.Poisson(3)(x / 2, key=key),
    lambda key: dp.inputs.white_noise(1.0).sample(2.0, dt=1.0, key=key),
]
for call in with_keys:
    for key in (3, several, "a", jnp.ones(2)):
        try:
            call(key)
        except KeyRequiredError as error:
            print(error)
        else:
            print("nothing said")
    call(jax.random.key(0)), call(jax.random.PRNGKey(0))
"""


def test_what_is_no_system_is_refused_with_what_to_give():
    ran = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    runs = " runs a system, with init_state and update, but "
    lift, several = (
        "A function or a stateless module is made one by dp.Lift(...). ",
        "Several in a row are dp.Sequential(...).",
    )
    lines = ran.stdout.splitlines()
    assert len(lines) == 16 + 9 + 24
    derive = "is none, although it has init_state and update: derive it from dp.DynamicalSystem"
    assert all(f"system, but Like {derive}" in line for line in lines[16:25])
    assert all(line.startswith("key is one random key, from which each sample draws") for line in lines[25:])
    assert "give jax.random.key(3); got 3." in lines[25]
    assert lines[:16] == [
        line
        for name in ("BPTT", "BPFF", "DSRunner", "LoopOverTime")
        for line in (
            f"{name} runs a system, but LIF is a class: give an instance of it.",
            f"{name}{runs}Linear is not one. {lift}{several}",
            f"{name}{runs}tanh is not one. {lift}{several}",
            f"{name}{runs}list is not one. {several}",
        )
    ]
