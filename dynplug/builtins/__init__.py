"""The components of dynplug itself, registered as those of any plugin. No JAX is imported here."""

from dynplug.api import (
    ConnectorSpec,
    DeliverySpec,
    EncoderSpec,
    InitializerSpec,
    LayerSpec,
    LossSpec,
    MetricSpec,
    NeuronSpec,
    PlasticitySpec,
    SourceSpec,
    SurrogateSpec,
    SynapseSpec,
    TaskSpec,
    hookimpl,
)
from dynplug.builtins.around_training import (
    dynplug_register_diagnostics as dynplug_register_diagnostics,
    dynplug_register_launchers as dynplug_register_launchers,
    dynplug_register_observers as dynplug_register_observers,
    dynplug_register_runners as dynplug_register_runners,
    dynplug_register_samplers as dynplug_register_samplers,
)
from dynplug.builtins.of_diffrax import dynplug_register_integrators as dynplug_register_integrators
from dynplug.builtins.of_optax import (
    dynplug_register_optimizers as dynplug_register_optimizers,
    dynplug_register_schedules as dynplug_register_schedules,
)
from dynplug.builtins.stated_identities import CONNECTORS, ENCODERS, INITIALIZERS, LAYERS, MEASURES


@hookimpl
def dynplug_register_neurons() -> list[NeuronSpec]:
    """Neurons of the core."""

    def neuron(name: str, summary: str, alias: str = "", capabilities: tuple[str, ...] = ()) -> NeuronSpec:
        return NeuronSpec(
            name=name,
            target=f"dynplug.neurons:{name}",
            summary=summary,
            aliases=(alias,) if alias else (),
            capabilities=capabilities,
            example={"size": 3},
        )

    return [
        neuron("IF", "perfect integrate-and-fire", capabilities=("persistent",)),
        neuron("LIF", "leaky integrate-and-fire"),
        neuron("LeakyIntegrator", "leaky integrator without spikes, for readouts", "LI"),
        neuron("ALIF", "leaky integrate-and-fire with adaptive threshold"),
        neuron("AdExIF", "adaptive exponential integrate-and-fire", "AdEx"),
        neuron("Izhikevich", "Izhikevich's simple model"),
        neuron("HH", "Hodgkin-Huxley model of the squid axon", "Hodgkin-Huxley"),
        neuron("ThresholdLinear", "rate that follows its input above a threshold"),
        neuron("WilsonCowan", "activities of an excitatory and an inhibitory population"),
        neuron("Kuramoto", "phase oscillator", capabilities=("persistent",)),
    ]


@hookimpl
def dynplug_register_synapses() -> list[SynapseSpec]:
    """Synapses of the core."""

    def synapse(name: str, summary: str) -> SynapseSpec:
        return SynapseSpec(name=name, target=f"dynplug.synapses:{name}", summary=summary, example={"size": 3})

    return [
        synapse("Delta", "instantaneous jump of the membrane potential"),
        synapse("Exponential", "exponential decay after each event"),
        synapse("Alpha", "rise and decay as an alpha function"),
        synapse("DualExponential", "exponential rise and decay"),
        SynapseSpec(
            name="Direct",
            target="dynplug.synapses:Direct",
            summary="a current or conductance without dynamics, for graded outputs",
            example={"size": 3},
            expected_failures={
                "charge_whatever_the_step": "it is for graded outputs, which last; an event lasts a step"
            },
        ),
    ]


@hookimpl
def dynplug_register_layers() -> list[LayerSpec]:
    """Layers of the core."""

    def layer(name: str, summary: str, capabilities: tuple[str, ...] = (), **example: object) -> LayerSpec:
        return LayerSpec(
            name=name,
            target=f"dynplug.layers:{name}",
            summary=summary,
            capabilities=capabilities,
            example=example,
            identities=LAYERS.get(name, {}),
        )

    return [
        LayerSpec(
            name="Sequential",
            target="dynplug.core:Sequential",
            summary="a chain of systems",
            example={
                "weights": {"type": "Dense", "in_size": 3, "out_size": 2},
                "leak": {"type": "LeakyIntegrator", "size": 2},
            },
        ),
        layer("Delay", "fixed delay", ("delayed",), size=3, time=2.0),
        layer("Dense", "all-to-all weights and a bias", in_size=3, out_size=3),
        LayerSpec(
            name="Sparse",
            target="dynplug.layers:Sparse",
            summary="weights of the pairs chosen by a connector, and a bias",
            inert={"method": "the same sum, taken in another order"},
            example={"in_size": 3, "out_size": 3, "connector": "AllToAll"},
            identities=LAYERS["Sparse"],
        ),
        layer("RNNCell", "simple recurrent unit", in_size=3, out_size=3),
        layer("GRUCell", "gated recurrent unit", in_size=3, out_size=3),
        layer("LSTMCell", "long short-term memory", in_size=3, out_size=3),
        LayerSpec(
            name="Recurrent",
            target="dynplug.layers:Recurrent",
            summary="a population that receives its own output",
            example={
                "system": {"type": "LIF", "size": 3, "tau": 1.0, "R": 3.0, "V_th": 0.2},
                "connection": {"type": "Dense", "in_size": 3, "out_size": 3},
            },
        ),
        LayerSpec(
            name="Network",
            target="dynplug.network:Network",
            summary="populations joined by projections",
            example={
                "nodes": {
                    "E": {"type": "LIF", "size": 3, "tau": 1.0, "R": 3.0, "V_th": 0.2},
                    "I": {"type": "LIF", "size": 2, "tau": 2.0, "V_th": 0.2},
                },
                "edges": {
                    "exc": {
                        "source": "E",
                        "target": "I",
                        "connector": "AllToAll",
                        "weight": {"type": "Uniform", "low": 0.5, "high": 1.0},
                        "synapse": {"type": "Exponential"},
                    },
                    "inh": {
                        "source": "I",
                        "target": ["E", "I"],
                        "connector": "AllToAll",
                        "weight": {"type": "Uniform", "low": -0.5, "high": 0.5},
                        "delay": 1.0,
                        "synapse": "Delta",
                    },
                },
                "input_to": "E",
                "output_from": "I",
            },
        ),
        LayerSpec(
            name="TsodyksMarkram",
            target="dynplug.plasticity:TsodyksMarkram",
            summary="short-term depression and facilitation of spikes",
            example={"size": 3, "tau_d": 100.0, "tau_f": 50.0},
        ),
        *(
            LayerSpec(
                name=name,
                target=f"dynplug.layers:{name}",
                summary=summary,
                example=example,
                inert={
                    "momentum": "it is the share of a batch in running statistics, which change while fitting alone"
                },
                identities=LAYERS[name],
            )
            for name, summary, example in (
                ("TDBatchNorm", "batch normalisation over samples and time, to a threshold", {"size": 3}),
                ("TEBatchNorm", "batch normalisation over samples and time, weighted by step", {"size": 3, "steps": 4}),
                ("BatchNormThroughTime", "batch normalisation of each step", {"size": 3, "steps": 4}),
            )
        ),
        layer("Dropout", "random silencing of units during training", p=0.5),
        layer("InputGroup", "named entry point for inputs", size=3),
    ]


@hookimpl
def dynplug_register_sources() -> list[SourceSpec]:
    """Sources of the core."""

    def source(name: str, summary: str, capabilities: tuple[str, ...] = (), **example: object) -> SourceSpec:
        return SourceSpec(
            name=name,
            target=f"dynplug.sources:{name}",
            summary=summary,
            capabilities=capabilities,
            example={"size": 3, **example},
        )

    return [
        source("Poisson", "spikes of independent Poisson processes", rate=0.2),
        source(
            "SpikeTimes",
            "spikes at given times",
            ("clocked",),
            times=[2.0, 9.0, 15.5, 40.0, 62.0, 85.0],
            indices=[0, 2, 1, 0, 1, 0],
        ),
        source("OrnsteinUhlenbeck", "noise with a correlation time", sigma=0.5),
        source("WhiteNoise", "noise without memory", sigma=0.5),
    ]


@hookimpl
def dynplug_register_losses() -> list[LossSpec]:
    """Losses of the core."""

    def loss(name: str, summary: str, failures: dict[str, str] | None = None) -> LossSpec:
        target, identities = f"dynplug.losses:{name}", MEASURES.get(name, {})
        return LossSpec(
            name=name, target=target, summary=summary, identities=identities, expected_failures=failures or {}
        )

    timed = {"ignores_duplicates": "it measures time: twice as many steps take twice as long"}
    return [
        loss("cross_entropy", "softmax cross-entropy"),
        loss("mse", "mean squared error"),
        loss("mae", "mean absolute error"),
        loss("huber", "quadratic for small errors, linear for large ones"),
        loss("spike_count", "squared error of the number of spikes"),
        loss("first_spike", "cross-entropy of the times of first spikes", timed),
        loss("van_rossum", "squared distance between spike trains", timed),
        loss("rate_regularized", "another loss, and a penalty for rates out of an interval"),
    ]


@hookimpl
def dynplug_register_metrics() -> list[MetricSpec]:
    """Metrics of the core."""

    def metric(name: str, summary: str, *capabilities: str, failures: dict[str, str] | None = None) -> MetricSpec:
        target, identities, failures = f"dynplug.losses:{name}", MEASURES.get(name, {}), failures or {}
        return MetricSpec(
            name=name,
            target=target,
            summary=summary,
            capabilities=capabilities,
            identities=identities,
            expected_failures=failures,
        )

    counted = {"ignores_duplicates": "it is a number"}
    return [
        metric("accuracy", "fraction of samples classified correctly", "more_is_better"),
        metric("top_k_accuracy", "fraction of samples whose class is among the best answers", "more_is_better"),
        metric("balanced_accuracy", "mean of the accuracies of the classes", "more_is_better"),
        metric("per_class_accuracy", "accuracy of each class"),
        metric("confusion_matrix", "number of samples by class and answer", failures=counted),
        metric("f1", "harmonic mean of precision and recall, over classes", "more_is_better"),
    ]


@hookimpl
def dynplug_register_surrogates() -> list[SurrogateSpec]:
    """Surrogate derivatives of the core."""

    def surrogate(name: str, summary: str) -> SurrogateSpec:
        return SurrogateSpec(name=name, target=f"dynplug.surrogates:{name}", summary=summary)

    return [
        surrogate("Sigmoid", "derivative of the logistic function"),
        surrogate("Arctan", "derivative of the arc tangent"),
        surrogate("SuperSpike", "derivative of the fast sigmoid"),
        surrogate("Gaussian", "normal density"),
        surrogate("Triangle", "triangular window"),
    ]


@hookimpl
def dynplug_register_initializers() -> list[InitializerSpec]:
    """Initializers of the core."""

    def initializer(name: str, summary: str) -> InitializerSpec:
        target = f"dynplug.initializers:{name}"
        return InitializerSpec(name=name, target=target, summary=summary, identities=INITIALIZERS[name])

    return [
        initializer("Constant", "one value for all"),
        initializer("Normal", "normal distribution"),
        initializer("Uniform", "uniform distribution between two limits"),
        initializer("Orthogonal", "random orthogonal matrix"),
        initializer("VarianceScaling", "variance scaled by the number of inputs or outputs"),
        initializer("KaimingNormal", "normal, variance 2 / inputs"),
        initializer("XavierNormal", "normal, variance 2 / (inputs + outputs)"),
        initializer("LecunNormal", "normal, variance 1 / inputs"),
    ]


@hookimpl
def dynplug_register_connectors() -> list[ConnectorSpec]:
    """Connectors of the core."""

    def connector(name: str, summary: str, *requires: str, **example: object) -> ConnectorSpec:
        target = f"dynplug.connectors:{name}"
        return ConnectorSpec(
            name=name,
            target=target,
            summary=summary,
            requires=requires,
            example=example,
            identities=CONNECTORS[name],
        )

    return [
        connector("AllToAll", "every pair"),
        connector("OneToOne", "units of equal index"),
        connector("FixedProbability", "each pair independently, with probability p", p=0.5),
        connector("FixedInDegree", "n random inputs for each unit", n=2),
        connector("FixedOutDegree", "n random targets for each unit", n=2),
        connector("SmallWorld", "Watts-Strogatz graph, drawn by networkx", "networkx", k=2, p=0.1),
        connector("ScaleFree", "Barabási-Albert graph, drawn by networkx", "networkx", m=2),
    ]


@hookimpl
def dynplug_register_deliveries() -> list[DeliverySpec]:
    """Ways of the core to deliver spikes, in the order in which they are asked whether they suit."""

    def delivery(name: str, summary: str) -> DeliverySpec:
        return DeliverySpec(name=name, target=f"dynplug.delivery:{name.capitalize()}", summary=summary)

    return [
        delivery("dense", "a product with the matrix of all pairs"),
        delivery("events", "the connections of the active units, one unit after the other"),
        delivery("gather", "the inputs of each unit, in padded rows"),
        delivery("sparse", "all connections, added up where they arrive"),
    ]


@hookimpl
def dynplug_register_encoders() -> list[EncoderSpec]:
    """Encoders of the core."""
    return [
        EncoderSpec(
            name="Latency",
            target="dynplug.encoders:Latency",
            summary="one spike, the earlier the larger the value",
            example={"num_step": 20},
            identities=ENCODERS["Latency"],
        ),
        EncoderSpec(
            name="Poisson",
            target="dynplug.encoders:Poisson",
            summary="random spikes at a rate proportional to the value",
            example={"num_step": 20},
            identities=ENCODERS["Poisson"],
        ),
    ]


@hookimpl
def dynplug_register_plasticity() -> list[PlasticitySpec]:
    """Rules of the core by which spikes change weights."""
    return [
        PlasticitySpec(
            name="PairSTDP", target="dynplug.plasticity:PairSTDP", summary="pairs of spikes, before and after"
        ),
        PlasticitySpec(
            name="TripletSTDP",
            target="dynplug.plasticity:TripletSTDP",
            summary="pairs and triplets of spikes, as in visual cortex",
            example={"A2_plus": 1e-3, "A3_minus": 2.3e-4},  # so that each of its terms is there
        ),
    ]


@hookimpl
def dynplug_register_tasks() -> list[TaskSpec]:
    """Tasks of the core."""
    return [
        TaskSpec(
            name="digits", target="dynplug.tasks:Digits", summary="handwritten digits of 8x8 pixels, encoded as spikes"
        ),
        TaskSpec(
            name="yin-yang",
            target="dynplug.tasks:YinYang",
            summary="points of the plane by the parts of the Yin-Yang sign, encoded as spikes",
        ),
    ]
