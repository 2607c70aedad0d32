"""Numbers of BrainPy 2.8.2, recorded by `brainpy_values.py`, with what differs by default taken into account."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynplug as dp

FOUND = np.load(Path(__file__).with_name("brainpy.npz"))
REFERENCE = "BrainPy 2.8.2, tests/recorded/brainpy_values.py"
DT = 0.5
LOSSES = ("loss:cross_entropy", "loss:mse", "loss:mae", "loss:huber")


def saved(case):
    """The variables of a recorded network, as BrainPy saved them."""
    names = [name for name in FOUND if name.startswith(f"{case}:") and "." in name.partition(":")[2]]
    return {name.partition(":")[2]: FOUND[name] for name in names}


def network(kind, **options):
    key = jax.random.key(0)
    return dp.Sequential(hidden=getattr(dp.layers, kind)(3, 4, key=key, **options), out=dp.layers.Dense(4, 2, key=key))


def greatest(ours, theirs):
    theirs = np.asarray(theirs)
    assert np.shape(ours) == theirs.shape
    assert np.any(theirs)
    return np.max(np.abs(np.asarray(ours) - theirs))


def error_of_network(kind, **options):
    """The greatest difference in what the network predicts, with and without a trained initial state."""
    differences = []
    for train, case in ((False, kind), (True, f"{kind}.train_state")):
        model = dp.interchange.from_brainpy(network(kind, train_state=train, **options), saved(case)).tree
        _, out = dp.LoopOverTime(model, dt=1.0, data_first_axis="T")(FOUND["xs"])
        differences.append(greatest(out, FOUND[f"{case}:out"]))
    return max(differences)


@pytest.mark.claim(
    "brainpy-rnn-cell",
    "A BrainPy network of RNNCell and Dense, taken over, predicts the same",
    tolerance=1e-12,
    reference="BrainPy 2.8.2, tests/recorded/brainpy_values.py",
    components=("layer:RNNCell",),
)
def test_rnn_cell(x64, measured):
    measured(error_of_network("RNNCell", activation=jax.nn.relu))


@pytest.mark.claim(
    "brainpy-gru-cell",
    "A BrainPy network of GRUCell and Dense, taken over, predicts the same",
    tolerance=1e-12,
    reference="BrainPy 2.8.2, tests/recorded/brainpy_values.py",
    components=("layer:GRUCell",),
)
def test_gru_cell(x64, measured):
    measured(error_of_network("GRUCell", reset_after=False))


@pytest.mark.claim(
    "brainpy-lstm-cell",
    "A BrainPy network of LSTMCell and Dense, taken over, predicts the same",
    tolerance=1e-12,
    reference="BrainPy 2.8.2, tests/recorded/brainpy_values.py",
    components=("layer:LSTMCell",),
)
def test_lstm_cell(x64, measured):
    measured(error_of_network("LSTMCell"))


@pytest.mark.claim(
    "brainpy-nvar",
    "NVAR without its constant gives BrainPy's features in BrainPy's order",
    tolerance=1e-12,
    reference="BrainPy 2.8.2, tests/recorded/brainpy_values.py",
    components=("layer:reservoir:NVAR",),
)
def test_nvar(x64, measured):
    NVAR = pytest.importorskip("dynplug_reservoir.nvar").NVAR
    layer = NVAR(2, delay=3, order=2, stride=2, constant=False)
    measured(greatest(dp.LoopOverTime(layer, dt=1.0)(FOUND["NVAR:xs"])[1], FOUND["NVAR:out"]))


OWN = {"V_rest": -60.0, "V_reset": -65.0, "V_th": -45.0, "tau": 12.0, "R": 0.9}


def error_of_neuron(neuron, case, state=None, inputs="current", dt=DT, every=1, variables=("V", "spike")):
    loop = dp.LoopOverTime(neuron, out_vars={name: name for name in variables}, dt=dt)
    _, (_, found) = loop(FOUND[inputs], state)
    return max(greatest(found[name][every - 1 :: every], FOUND[f"{case}:{name}"]) for name in variables)


@pytest.mark.claim(
    "brainpy-lif",
    "LIF has BrainPy's potentials and spikes over 200 steps of random currents",
    tolerance=1e-12,
    reference="BrainPy 2.8.2, tests/recorded/brainpy_values.py",
    components=("neuron:LIF",),
)
def test_lif(x64, measured):
    measured(error_of_neuron(dp.neurons.LIF(5, **OWN), "LIF"))


@pytest.mark.claim(
    "brainpy-lif-training",
    'LIF(reset="subtract") is what BrainPy\'s Lif becomes in training mode',
    tolerance=1e-12,
    reference="BrainPy 2.8.2, tests/recorded/brainpy_values.py",
    components=("neuron:LIF",),
)
def test_lif_in_training_mode(x64, measured):
    measured(error_of_neuron(dp.neurons.LIF(5, **OWN, reset="subtract"), "LIF.training"))


@pytest.mark.claim(
    "brainpy-lif-defaults",
    "LIF with the constants that BrainPy's Lif has by default is that",
    tolerance=1e-12,
    reference="BrainPy 2.8.2, tests/recorded/brainpy_values.py",
    components=("neuron:LIF",),
)
def test_lif_with_their_defaults(x64, measured):
    measured(error_of_neuron(dp.neurons.LIF(5, V_reset=-5.0, V_th=20.0), "LIF.defaults"))


@pytest.mark.claim(
    "brainpy-leaky-integrator",
    "LeakyIntegrator has BrainPy's potentials over 200 steps",
    tolerance=1e-12,
    reference="BrainPy 2.8.2, tests/recorded/brainpy_values.py",
    components=("neuron:LeakyIntegrator",),
)
def test_leaky_integrator(x64, measured):
    neuron = dp.neurons.LeakyIntegrator(5, V_rest=-60.0, tau=12.0, R=0.9)
    measured(error_of_neuron(neuron, "LeakyIntegrator", variables=("V",)))


@pytest.mark.claim(
    "brainpy-hh",
    "HH has BrainPy's potentials and gates over 20 ms under four currents",
    tolerance=1e-08,
    reference="BrainPy 2.8.2, tests/recorded/brainpy_values.py",
    components=("neuron:HH",),
)
def test_hh(x64, measured):
    neuron = dp.neurons.HH(4)
    measured(error_of_neuron(neuron, "HH", inputs="HH:current", dt=0.01, every=10, variables=("V", "m")))
    out = dp.LoopOverTime(neuron, dt=0.01)(FOUND["HH:current"])[1]
    np.testing.assert_array_equal(np.sum(out, axis=0), FOUND["HH:spikes"])


@pytest.mark.claim(
    "brainpy-exponential",
    "Exponential's current is the mean over the step of BrainPy's Expon",
    tolerance=1e-12,
    reference="BrainPy 2.8.2, tests/recorded/brainpy_values.py",
    components=("synapse:Exponential",),
)
def test_exponential(x64, measured):
    tau = 7.0
    _, drive = dp.LoopOverTime(dp.synapses.Exponential(5, tau=tau), dt=DT)(FOUND["spikes"])
    mean_over_a_step = tau / DT * (1.0 - np.exp(-DT / tau))
    measured(greatest(drive.current, FOUND["Exponential:g"] * mean_over_a_step))


@pytest.mark.claim(
    "brainpy-losses",
    "cross_entropy, mse, mae and huber are BrainPy's",
    tolerance=1e-12,
    reference="BrainPy 2.8.2, tests/recorded/brainpy_values.py",
    components=("loss:cross_entropy", "loss:mse", "loss:mae", "loss:huber"),
)
def test_losses(x64, measured):
    p, y, labels = (jnp.asarray(FOUND[f"loss:{name}"]) for name in ("predicts", "targets", "labels"))
    differences = {
        "cross_entropy": dp.losses.cross_entropy(p[:, None], labels),
        "mse": dp.losses.mse(p, y),
        "mae": dp.losses.mae(p, y),
        "huber": dp.losses.huber(p, y, delta=0.8),
    }
    measured(max(greatest(value, np.mean(FOUND[f"loss:{name}"])) for name, value in differences.items()))


def test_what_differs_by_default():
    """Each of these differences is stated on the page about BrainPy."""
    hh = dp.neurons.HH(1)
    assert (float(FOUND["HH.defaults:gL"]), hh.gL) == (0.03, 0.3)
    assert (float(FOUND["HH.defaults:V_th"]), hh.V_th) == (20.0, 0.0)
    low, high = FOUND["HH.defaults:range"]
    assert -70.0 < low < -69.0
    assert -61.0 < high < -60.0
    assert hh.init_state(dp.Context(dt=0.01)).V == -65.0
    assert FOUND["LeakyIntegrator.defaults:V0"] == 0.0
    assert dp.neurons.LeakyIntegrator(1, V_rest=-60.0).init_state(dp.Context(dt=0.1)).V == -60.0
    runner = dp.DSRunner(dp.neurons.LIF(1), monitors=["V"], dt=0.5, t0=2.0, progress_bar=False)
    runner.run(2.0)
    np.testing.assert_allclose(runner.mon.ts, FOUND["DSRunner:ts"] + 0.5)
    assert FOUND["loss:huber"].shape == (6, 4)
