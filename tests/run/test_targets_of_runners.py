"""A runner refuses a target that is not a system, and says what to give."""

import subprocess
import sys

# annotations are checked in the tests, and would speak first
PROGRAM = """
import equinox as eqx, jax, jax.numpy as jnp
import dynplug as dp
from dynplug.errors import CompositionError

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
"""


def test_what_is_no_system_is_refused_with_what_to_give():
    ran = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    runs = " runs a system, with init_state and update, but "
    lift, several = (
        "A function or a stateless module is made one by dp.Lift(...). ",
        "Several in a row are dp.Sequential(...).",
    )
    lines = ran.stdout.splitlines()
    assert len(lines) == 16 + 9
    derive = "is none, although it has init_state and update: derive it from dp.DynamicalSystem"
    assert all(f"system, but Like {derive}" in line for line in lines[16:])
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
