"""Named errors for invalid networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checked_annotations import unchecked

import dynplug as dp
from dynplug.errors import (
    AlgebraicLoopError,
    CompositionError,
    DurationError,
    KeyRequiredError,
    NetworkMemoryError,
    ParameterError,
    ShapeError,
    UnknownPathError,
)

DT = 0.5
CURRENT = dp.synapses.Exponential(tau=4.0)


def projection(**changes):
    given = {"weight": 1.0, "delay": DT, "synapse": CURRENT} | changes
    return dp.Projection(
        given.pop("source", "A"), given.pop("target", "B"), given.pop("connector", "AllToAll"), **given
    )


WRONG = {
    "no such source": (
        {"p": projection(source="C")},
        UnknownPathError,
        "p: there is no population 'C'.*Known: A, B",
    ),
    "no such target": ({"p": projection(target=["A", "b"])}, UnknownPathError, "Did you mean 'B'"),
    "a loop": (
        {"there": projection(delay=None), "back": projection(source="B", target="A", delay=0.0)},
        AlgebraicLoopError,
        "The cycle .* has no delay.*'(there|back)', '(there|back)'",
    ),
    "a loop of one": ({"p": projection(target="A", delay=None)}, AlgebraicLoopError, "The cycle A -> A"),
    "name of a population": ({"A": projection()}, CompositionError, "a population and a projection called 'A'"),
    "a dot": ({"a.b": projection()}, CompositionError, "a name without dots; got 'a.b'"),
    "no projection": ({"p": CURRENT}, CompositionError, "'p' is no projection; give dp.Projection"),
    "weights": ({"p": projection(weight=np.ones(5))}, ShapeError, r"p: weight has shape \(5,\).*each of the 6"),
    "matrix": ({"p": projection(connector=np.ones((2, 3)))}, ShapeError, r"\(post, pre\), \(3, 2\)"),
    "index": ({"p": projection(connector=([5], [0]))}, ShapeError, "pre has indices from 5 to 5, for 2 units"),
    "Dale": ({"p": projection(weight=-1.0, sign="excitatory")}, ParameterError, "magnitudes.*the lowest is -1"),
    "conductance": (
        {"p": projection(weight=-1.0, synapse=dp.synapses.Exponential(output=dp.synapses.COBA(0.0)))},
        ParameterError,
        "a conductance has no negative weights",
    ),
    "a list": ([projection()], CompositionError, "projections by name, in a dictionary; got list"),
    "text": ({"p": projection(weight="big")}, ParameterError, "p: weight must be a number.*the text 'big'"),
    "no key": ({"p": projection(connector=dp.connectors.FixedProbability(0.5))}, KeyRequiredError, "key="),
    "no size": ({"p": projection(synapse=dp.synapses.Exponential(4, tau=np.ones(4)))}, ParameterError, "one per unit"),
    "not a number": ({"p": projection(weight=float("nan"))}, ParameterError, "p: weights must be finite"),
    **{
        f"weight {bad!r}": ({"p": projection(weight=bad)}, ParameterError, "p: weight must be a number, an array")
        for bad in (None, 1j, True, ["a"] * 6)
    },
    "a function": (
        {"p": projection(connector=jnp.tanh)},
        ParameterError,
        r"A connector is one such as .* or a function of \(pre, post, \*, key\); got ",
    ),
    "pairs": (
        {"p": projection(target=["A", "B"], connector=([0], [5]))},
        ShapeError,
        "indices from 5 to 5, for 5 units",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_networks_are_refused_by_name(case):
    edges, error, message = WRONG[case]
    with pytest.raises(error, match=f"(?s){message}"):
        dp.Network({"A": dp.neurons.LIF(2), "B": dp.neurons.LIF(3)}, edges)


def test_wrong_arguments_of_a_projection():
    for wrong, error, message in (
        ({"synapse": dp.synapses.Exponential}, CompositionError, "takes a synapse such as"),
        ({"synapse": 5.0}, CompositionError, "takes a synapse such as"),
        ({"sign": "positive"}, ParameterError, "'excitatory', 'inhibitory' or None"),
        ({"delay": -1.0}, ParameterError, r"delay \[ms\]=-1.0 must be a finite number of at least 0"),
        ({"delay": "a"}, ParameterError, r"delay \[ms\]='a' must be a finite number"),
        ({"delay": np.array([1.0, np.nan])}, ParameterError, r"delay \[ms\]=.* must be a finite number"),
        ({"target": []}, ParameterError, "takes the name of its target"),
    ):
        with pytest.raises(error, match=message):
            projection(**wrong)


LEARNING = {"plasticity": dp.plasticity.PairSTDP(), "weight": 0.5}


@pytest.mark.parametrize(
    ("source", "target", "without"),
    [
        (dp.neurons.LIF(2), dp.neurons.LeakyIntegrator(3), "B"),
        (dp.neurons.LIF(2), dp.neurons.WilsonCowan(3), "B"),
        (dp.sources.WhiteNoise(2, sigma=1.0), dp.neurons.LIF(3), "A"),
        (dp.neurons.ThresholdLinear(2), dp.neurons.LIF(3), "A"),
    ],
)
def test_plasticity_where_nothing_spikes_is_refused_by_name(source, target, without):
    with pytest.raises(CompositionError, match=f"p: PairSTDP changes weights by the spikes .* '{without}' has none"):
        dp.Network({"A": source, "B": target}, {"p": projection(**LEARNING)})


@pytest.mark.parametrize("source", [dp.sources.Poisson(2, rate=1.0), dp.layers.InputGroup(2), dp.neurons.HH(2)])
@pytest.mark.parametrize("target", [dp.neurons.LIF(3, tau_ref=1.0), dp.layers.InputGroup(3)])
def test_plasticity_of_what_spikes_or_relays_spikes_is_allowed(source, target):
    net = dp.Network({"A": source, "B": target}, {"p": projection(**LEARNING, target="B")})
    assert net["p"].plasticity == LEARNING["plasticity"]


def test_wrong_steps_and_inputs(run):
    net = dp.Network({"A": dp.neurons.LIF(2), "B": dp.neurons.LIF(3)}, {"p": projection(delay=0.7)})
    with pytest.raises(DurationError, match=r"p: A delay of 0\.7 ms is 1\.4 steps"):
        run(net, 1)
    net = dp.Network({"A": dp.neurons.LIF(2), "B": dp.neurons.LIF(3)}, {"p": projection()})
    for x, error, message in (
        ({"C": 1.0}, UnknownPathError, "Input for 'C'.*Known: A, B"),
        (1.0, ShapeError, r"a dictionary.*shape \(\) and no `input_to`"),
        ({"B": jnp.ones(2)}, ShapeError, r"B takes inputs of shape \(3,\), but was given \(2,\)"),
    ):
        with pytest.raises(error, match=f"(?s){message}"):
            run(net, 1, x)
    with pytest.raises(UnknownPathError, match="input_to: there is no population 'C'"):
        dp.Network({"A": dp.neurons.LIF(2)}, input_to="C")
    for option in ("input_to", "output_from"):
        with unchecked(), pytest.raises(ParameterError, match=rf"{option}=\['A'\]\) takes the name of one population"):
            dp.Network({"A": dp.neurons.LIF(2)}, **{option: ["A"]})
    with pytest.raises(UnknownPathError, match="no part 'q'"):
        net["q"]
    gap = dp.GapJunction("A", "B", "AllToAll", g=1.0)
    with pytest.raises(CompositionError, match="'B' has no potential V"):
        run(dp.Network({"A": dp.neurons.LIF(2), "B": dp.layers.RNNCell(2, 2, key=jax.random.key(0))}, {"g": gap}), 1)


def test_what_is_constant_needs_no_key_and_a_delay_beyond_all_memory_is_refused(run):
    net = {"A": dp.neurons.LIF(2), "B": dp.neurons.LIF(3)}
    constant = {"weight": dp.initializers.Constant(0.5), "delay": dp.initializers.Constant(1.5)}
    made = dp.Network(net, {"p": projection(**constant)})["p"]
    assert made.delays == (1.5,)
    assert np.all(made.weight == 0.5)
    with pytest.raises(NetworkMemoryError, match=r"p: delay=1e\+15 ms holds the outputs of 2 units for that long"):
        run(dp.Network(net, {"p": projection(delay=1e15)}), 1)
