"""Results of snnTorch, SpikingJelly and Norse, written to `torch.npz` beside this file for `test_torch.py`.

    python -m venv torch && torch/bin/pip install torch==2.5.1 snntorch==1.0.0 spikingjelly==0.0.0.0.14 norse==1.1.0
    torch/bin/python tests/recorded/torch_values.py

The versions that made the file are in its entry `made_with`. All is in double precision.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(2026)
found: dict[str, np.ndarray] = {"inputs": rng.uniform(0.0, 0.6, size=(100, 4))}
inputs = torch.tensor(found["inputs"])


def rows(step):
    """The results of a step for every row of the inputs."""
    columns = zip(*(step(x) for x in inputs), strict=True)
    return [torch.stack([torch.as_tensor(value) for value in column]).detach().numpy() for column in columns]


def snntorch():
    import snntorch as snn

    for reset in ("subtract", "zero"):
        for delay in (True, False):
            neuron = snn.Leaky(beta=0.9, threshold=1.0, reset_mechanism=reset, reset_delay=delay)
            memory = [torch.zeros(4)]

            def step(x, neuron=neuron, memory=memory):
                spike, memory[0] = neuron(x, memory[0])
                return spike, memory[0]

            case = f"snntorch.{reset}{'.delay' if delay else ''}"
            found[f"{case}:spike"], found[f"{case}:V"] = rows(step)


def spikingjelly():
    from spikingjelly.activation_based import neuron

    for decay in (True, False):
        for reset in (0.0, None):
            cell = neuron.LIFNode(tau=10.0, decay_input=decay, v_threshold=1.0, v_reset=reset)

            def step(x, cell=cell, gain=6.0 if decay else 1.0):
                return cell(gain * x), cell.v

            case = f"spikingjelly.{'decay' if decay else 'plain'}.{'soft' if reset is None else 'hard'}"
            found[f"{case}:spike"], found[f"{case}:V"] = rows(step)


def norse():
    from norse.torch import LIFBoxCell, LIFBoxParameters, LIFCell, LIFParameters

    for name, cell in (
        ("norse.box", LIFBoxCell(p=LIFBoxParameters(tau_mem_inv=torch.tensor(100.0)), dt=0.001)),
        ("norse.lif", LIFCell(p=LIFParameters(), dt=0.001)),
    ):
        memory = [None]

        def step(x, cell=cell, memory=memory):
            spike, memory[0] = cell(6.0 * x, memory[0])
            return (spike, memory[0].v, *((memory[0].i,) if hasattr(memory[0], "i") else ()))

        for variable, values in zip(("spike", "V", "i"), rows(step), strict=False):
            found[f"{name}:{variable}"] = values


if __name__ == "__main__":
    for record in (snntorch, spikingjelly, norse):
        record()
    packages = {name: version(name) for name in ("torch", "snntorch", "spikingjelly", "norse", "numpy")}
    found["made_with"] = np.array(str({"python": sys.version.split()[0], **packages}))
    np.savez_compressed(Path(__file__).with_name("torch.npz"), **found)
