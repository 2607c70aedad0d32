"""Numbers of snnTorch, SpikingJelly and Norse, recorded by `torch_values.py`."""

from pathlib import Path

import numpy as np
import pytest

import dynplug as dp

FOUND = np.load(Path(__file__).with_name("torch.npz"))
DT = 1.0
INPUTS = FOUND["inputs"]


def tau_of(beta):
    return -DT / np.log(beta)


def greatest(case, model, xs):
    """The greatest difference of a potential from a recorded one, whose spikes must be the same."""
    _, (spikes, V) = dp.LoopOverTime(model, out_vars="1.V" if isinstance(model, dp.Sequential) else "V", dt=DT)(xs)
    theirs = {name: FOUND[f"{case}:{name}"] for name in ("V", "spike")}
    assert 0.1 < np.mean(theirs["spike"]) < 0.7
    np.testing.assert_array_equal(spikes, theirs["spike"])
    return np.max(np.abs(V - theirs["V"]))


def by_events(**options):
    return dp.synapses.Delta(4) >> dp.neurons.LIF(4, tau=tau_of(0.9), **options)


@pytest.mark.claim(
    "snntorch-leaky",
    "Delta >> LIF, tau = -dt / ln(beta), is Leaky(beta, reset_delay=False)",
    tolerance=1e-12,
    reference="snnTorch, tests/recorded/torch_values.py",
    components=("neuron:LIF",),
)
def test_leaky(x64, measured):
    resets = {"subtract": "subtract", "zero": "value"}
    measured(max(greatest(f"snntorch.{theirs}", by_events(reset=ours), INPUTS) for theirs, ours in resets.items()))


def test_the_delayed_reset_of_leaky_is_another_model():
    """By default snnTorch lowers the potential in the step after the spike, by the threshold undecayed."""
    V, V_default = FOUND["snntorch.subtract:V"], FOUND["snntorch.subtract.delay:V"]
    first = np.argmax(FOUND["snntorch.subtract.delay:spike"], axis=0)
    for unit, step in enumerate(first):
        np.testing.assert_allclose(V_default[:step, unit], V[:step, unit])
        np.testing.assert_allclose(V_default[step, unit] - V[step, unit], 1.0)
        np.testing.assert_allclose(V[step + 1, unit] - V_default[step + 1, unit], 1.0 - 0.9)


@pytest.mark.claim(
    "spikingjelly-lif",
    "LIF, tau = -dt / ln(1 - 1 / tau'), is LIFNode(tau')",
    tolerance=1e-12,
    reference="SpikingJelly, tests/recorded/torch_values.py",
    components=("neuron:LIF",),
)
def test_lif_node(x64, measured):
    differences = []
    for theirs, ours in {"hard": "value", "soft": "subtract"}.items():
        with_decay = dp.neurons.LIF(4, tau=tau_of(1.0 - 1.0 / 10.0), reset=ours)
        differences.append(greatest(f"spikingjelly.decay.{theirs}", with_decay, 6.0 * INPUTS))
        differences.append(greatest(f"spikingjelly.plain.{theirs}", by_events(reset=ours), INPUTS))
    measured(max(differences))


@pytest.mark.claim(
    "norse-lif-box",
    "LIF, tau = -dt / ln(1 - dt tau_mem_inv), is LIFBoxCell",
    tolerance=1e-12,
    reference="Norse, tests/recorded/torch_values.py",
    components=("neuron:LIF",),
)
def test_lif_box_cell(x64, measured):
    measured(greatest("norse.box", dp.neurons.LIF(4, tau=tau_of(0.9)), 6.0 * INPUTS))


@pytest.mark.claim(
    "norse-lif",
    "Exponential >> LIF is Norse's LIFCell",
    tolerance=1e-12,
    reference="Norse, tests/recorded/torch_values.py",
    components=("neuron:LIF", "synapse:Exponential"),
)
def test_lif_cell(x64, measured):
    tau_syn = tau_of(1.0 - 0.001 * 200.0)
    mean_over_a_step = tau_syn / DT * (1.0 - np.exp(-DT / tau_syn))
    model = dp.synapses.Exponential(4, tau=tau_syn) >> dp.neurons.LIF(4, tau=tau_of(0.9), R=1.0 / mean_over_a_step)
    measured(greatest("norse.lif", model, 6.0 * INPUTS))
