"""What dynplug itself provides, registered as any plugin does. No JAX is imported here."""

from dynplug.api import (
    ConnectorSpec,
    EncoderSpec,
    InitializerSpec,
    IntegratorSpec,
    LayerSpec,
    LossSpec,
    MetricSpec,
    NeuronSpec,
    ObserverSpec,
    OptimizerSpec,
    RunnerSpec,
    ScheduleSpec,
    SurrogateSpec,
    SynapseSpec,
    TaskSpec,
    hookimpl,
)


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
        neuron("LeakyIntegrator", "leaky readout without spikes", "LI"),
        neuron("ALIF", "leaky integrate-and-fire with adaptive threshold"),
        neuron("AdExIF", "adaptive exponential integrate-and-fire", "AdEx"),
        neuron("Izhikevich", "Izhikevich's simple model"),
        neuron("HH", "Hodgkin-Huxley", "Hodgkin-Huxley"),
    ]


@hookimpl
def dynplug_register_synapses() -> list[SynapseSpec]:
    """Synapses of the core."""

    def synapse(name: str, summary: str) -> SynapseSpec:
        return SynapseSpec(name=name, target=f"dynplug.synapses:{name}", summary=summary, example={"size": 3})

    return [
        synapse("Delta", "a jump of the membrane potential"),
        synapse("Exponential", "exponential decay"),
        synapse("Alpha", "alpha function"),
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
        )

    return [
        LayerSpec(name="Sequential", target="dynplug.core:Sequential", summary="systems in a row"),
        layer("Delay", "the values of some time before", ("delayed",), size=3, time=2.0),
        layer("Dense", "weight and bias", in_size=3, out_size=3),
        LayerSpec(
            name="Sparse",
            target="dynplug.layers:Sparse",
            summary="weight of the pairs that a connector makes",
            inert={"method": "the same sum, taken in another order"},
            example={"in_size": 3, "out_size": 3, "connector": "AllToAll"},
        ),
        layer("RNNCell", "simple recurrent layer", in_size=3, out_size=3),
        layer("GRUCell", "gated recurrent unit", in_size=3, out_size=3),
        layer("LSTMCell", "long short-term memory", in_size=3, out_size=3),
        layer("Dropout", "random silencing while fitting", p=0.5),
        layer("InputGroup", "where inputs enter, for monitors", size=3),
    ]


@hookimpl
def dynplug_register_losses() -> list[LossSpec]:
    """Losses of the core."""
    return [
        LossSpec(name="cross_entropy", target="dynplug.losses:cross_entropy", summary="softmax cross-entropy"),
        LossSpec(name="mse", target="dynplug.losses:mse", summary="mean squared error"),
        LossSpec(name="mae", target="dynplug.losses:mae", summary="mean absolute error"),
        LossSpec(name="huber", target="dynplug.losses:huber", summary="quadratic, then linear"),
    ]


@hookimpl
def dynplug_register_metrics() -> list[MetricSpec]:
    """Metrics of the core."""
    return [MetricSpec(name="accuracy", target="dynplug.losses:accuracy", summary="share of right classes")]


@hookimpl
def dynplug_register_observers() -> list[ObserverSpec]:
    """Observers of the core. A run has those that it is given, `[[runner.observers]]` in a configuration."""
    return [
        ObserverSpec(
            name="EarlyStopping",
            target="dynplug.train:EarlyStopping",
            summary="stops when nothing gets better any more",
        )
    ]


@hookimpl
def dynplug_register_runners() -> list[RunnerSpec]:
    """Runners of the core."""
    return [
        RunnerSpec(name="LoopOverTime", target="dynplug.run:LoopOverTime", summary="a pure function over time"),
        RunnerSpec(name="DSRunner", target="dynplug.run:DSRunner", summary="simulation with monitors"),
        RunnerSpec(
            name="BPTT",
            target="dynplug.train:BPTT",
            summary="training by backpropagation through time",
            capabilities=("bptt",),
        ),
        RunnerSpec(
            name="BPFF",
            target="dynplug.train:BPFF",
            summary="training by backpropagation, without time",
            capabilities=("timeless",),
        ),
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
        surrogate("Triangle", "triangle"),
    ]


@hookimpl
def dynplug_register_integrators() -> list[IntegratorSpec]:
    """Exponential Euler, and diffrax's solvers of ordinary differential equations."""
    own = IntegratorSpec(
        name="ExponentialEuler", target="dynplug.integrators:ExponentialEuler", summary="exact for linear equations"
    )
    explicit = ("Euler", "Heun", "Midpoint", "Ralston", "Bosh3", "Tsit5", "Dopri5", "Dopri8")
    implicit = ("ImplicitEuler", "Kvaerno3", "Kvaerno4", "Kvaerno5")
    return [
        own,
        *(IntegratorSpec(name=n, target=f"diffrax:{n}", summary="diffrax, explicit") for n in explicit),
        *(IntegratorSpec(name=n, target=f"dynplug.integrators:{n}", summary="diffrax, implicit") for n in implicit),
    ]


@hookimpl
def dynplug_register_initializers() -> list[InitializerSpec]:
    """Initializers of the core."""

    def initializer(name: str, summary: str) -> InitializerSpec:
        return InitializerSpec(name=name, target=f"dynplug.initializers:{name}", summary=summary)

    return [
        initializer("Constant", "one value"),
        initializer("Normal", "normal with a standard deviation"),
        initializer("Uniform", "uniform between limits"),
        initializer("Orthogonal", "orthogonal matrix"),
        initializer("VarianceScaling", "variance by the number of inputs or outputs"),
        initializer("KaimingNormal", "variance 2 / inputs"),
        initializer("XavierNormal", "variance 2 / (inputs + outputs)"),
        initializer("LecunNormal", "variance 1 / inputs"),
    ]


@hookimpl
def dynplug_register_connectors() -> list[ConnectorSpec]:
    """Connectors of the core."""

    def connector(name: str, summary: str, *requires: str, **example: object) -> ConnectorSpec:
        target = f"dynplug.connectors:{name}"
        return ConnectorSpec(name=name, target=target, summary=summary, requires=requires, example=example)

    return [
        connector("AllToAll", "every pair"),
        connector("OneToOne", "each unit with that of its own index"),
        connector("FixedProbability", "each pair with one probability", p=0.5),
        connector("FixedInDegree", "each unit receives as many", n=2),
        connector("FixedOutDegree", "each unit sends as many", n=2),
        connector("SmallWorld", "Watts and Strogatz, by networkx", "networkx", k=2, p=0.1),
        connector("ScaleFree", "Barabási and Albert, by networkx", "networkx", m=2),
    ]


@hookimpl
def dynplug_register_encoders() -> list[EncoderSpec]:
    """Encoders of the core."""
    return [
        EncoderSpec(
            name="Latency",
            target="dynplug.encoders:Latency",
            summary="one spike, earlier for more",
            example={"num_step": 8},
        ),
        EncoderSpec(
            name="Poisson",
            target="dynplug.encoders:Poisson",
            summary="random spikes at a rate",
            example={"num_step": 8},
        ),
    ]


@hookimpl
def dynplug_register_optimizers() -> list[OptimizerSpec]:
    """Optax's optimizers that need no more than a learning rate, and what is put around an optimizer."""
    names = (
        *("adam", "adamw", "sgd", "rmsprop", "adagrad", "adabelief", "nadam", "radam", "lion"),
        *("adadelta", "adamax", "adamaxw", "amsgrad", "lamb", "lars", "nadamw", "novograd", "yogi"),
    )
    papers = {
        "adam": "10.48550/arXiv.1412.6980",
        "adamw": "10.48550/arXiv.1711.05101",
        "sgd": "10.1214/aoms/1177729586",
        "adabelief": "10.48550/arXiv.2010.07468",
        "radam": "10.48550/arXiv.1908.03265",
        "lion": "10.48550/arXiv.2302.06675",
    }
    rate, inner = {"learning_rate": 1e-3}, {"type": "adam", "learning_rate": 1e-3}
    return [
        *(
            OptimizerSpec(name=n, target=f"optax:{n}", summary="optax", example=rate, citation=papers.get(n, ""))
            for n in names
        ),
        OptimizerSpec(
            name="clip_by_global_norm",
            target="dynplug.train.step:clip_by_global_norm",
            summary="an optimizer that gets gradients of a limited norm",
            example={"optimizer": inner, "max_norm": 1.0},
        ),
        OptimizerSpec(
            name="accumulate",
            target="dynplug.train.step:accumulate",
            summary="an optimizer that steps once for several batches",
            aliases=("MultiSteps",),
            example={"optimizer": inner, "steps": 1},
        ),
    ]


@hookimpl
def dynplug_register_schedules() -> list[ScheduleSpec]:
    """Optax's schedules that are made of numbers."""

    def schedule(name: str, summary: str, **example: float | int) -> ScheduleSpec:
        return ScheduleSpec(name=name, target=f"optax:{name}", summary=f"optax, {summary}", example=example)

    up: dict[str, float | int] = {"init_value": 0.0, "peak_value": 1e-3, "warmup_steps": 10}
    return [
        schedule("constant_schedule", "one value", value=1e-3),
        schedule("linear_schedule", "a straight line", init_value=1e-3, end_value=0.0, transition_steps=100),
        schedule("polynomial_schedule", "a power", init_value=1e-3, end_value=0.0, power=2.0, transition_steps=100),
        schedule("exponential_decay", "by a factor", init_value=1e-3, transition_steps=100, decay_rate=0.9),
        schedule("cosine_decay_schedule", "half a cosine", init_value=1e-3, decay_steps=100),
        schedule("cosine_onecycle_schedule", "up and down", peak_value=1e-3, transition_steps=100),
        schedule("linear_onecycle_schedule", "up and down", peak_value=1e-3, transition_steps=100),
        schedule("warmup_constant_schedule", "up, then one value", **up),
        schedule("warmup_cosine_decay_schedule", "up, then half a cosine", **up, decay_steps=100),
        schedule(
            "warmup_exponential_decay_schedule", "up, then by a factor", **up, transition_steps=100, decay_rate=0.9
        ),
    ]


@hookimpl
def dynplug_register_tasks() -> list[TaskSpec]:
    """Tasks of the core."""
    return [TaskSpec(name="digits", target="dynplug.tasks:Digits", summary="handwritten digits, 8x8, as spikes")]
