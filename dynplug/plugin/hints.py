"""Hints for unknown names: names of other libraries, and their counterparts here."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from dynplug.errors import ArgumentError, nearest

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")

_EQUINOX = "every stateless layer of equinox.nn fits into a model: dp.Sequential(equinox.nn.{}(...), ...)."

_COMPONENTS: list[tuple[str, str]] = [  # names elsewhere, the counterpart here
    ("leaky lapicque lifnode lifcell lifbox lifrecurrent", "LIF, with tau [ms] for beta"),
    ("parametriclifnode plif", "LIF with trainable={'path.tau': True}"),
    ("ifnode integrateandfire", "IF"),
    ("li licell libox nonspikinglifnode", "LeakyIntegrator"),
    ("synaptic cubalif", "dp.synapses.Exponential(...) >> dp.neurons.LIF(...)"),
    ("hodgkinhuxley hhneuron", "HH"),
    ("adex adaptivelif alifnode lsnncell", "AdExIF or ALIF"),
    ("linear fullyconnected fc", "dp.layers.Dense(in_size, out_size, key=...)"),
    ("lstm gru rnn", "dp.layers.LSTMCell, GRUCell or RNNCell, which runners carry over time"),
    ("flatten", "the function jax.numpy.ravel"),
    ("relu tanh softmax gelu silu elu", "the function itself, as in `layer >> jax.nn.relu`"),
    (
        "batchnorm batchnorm1d batchnorm2d tdbn thresholddependentbatchnorm2d",
        "TDBatchNorm, BatchNormThroughTime or TEBatchNorm; or equinox.nn.LayerNorm, which needs no other sample",
    ),
    ("atan arctangent", "Arctan"),
    ("fastsigmoid", "SuperSpike"),
    ("piecewiselinear piecewisequadratic triangular", "Triangle"),
    ("crossentropyloss categoricalcrossentropy", "cross_entropy"),
    ("mseloss meansquarederror l2loss", "mse"),
    ("l1loss meanabsoluteerror", "mae"),
    ("smoothl1loss huberloss", "huber"),
]
_LAYERS = {"conv1d", "conv2d", "conv3d", "maxpool2d", "avgpool2d", "layernorm", "groupnorm", "embedding"}

_ARGUMENTS: list[tuple[str, str, str]] = [  # names elsewhere, the argument meant, the hint
    ("beta decay decay_rate", "tau", "a decay is a time constant: tau = -dt / log(beta) [ms]"),
    ("tau_mem tau_m tau_mem_inv tau_syn", "tau", "give tau [ms]"),
    ("threshold v_threshold vth theta", "V_th", "the threshold is V_th [mV]"),
    ("reset_mechanism reset_method", "reset", "give reset='value' or reset='subtract'"),
    ("spike_grad surrogate_function spike_fn", "surrogate", "give surrogate"),
    ("units n_neurons num_neurons shape hidden_size", "size", "the number of units is size"),
    ("in_features in_channels input_size n_in", "in_size", "give in_size"),
    ("out_features out_channels units hidden_size n_out", "out_size", "give out_size"),
    ("bias use_bias", "b_initializer", "without a bias: b_initializer=None"),
    ("lr step_size", "learning_rate", "give learning_rate"),
    ("learning_rate lr", "optimizer", "it belongs to the optimizer: optimizer=optax.adam(1e-3), or a configuration"),
    ("epochs n_epochs num_epochs max_epochs nb_epoch", "num_epoch", "give num_epoch"),
    ("validation_data val_data valid_data eval_data", "test_data", "give test_data=(x, y)"),
    ("loss criterion loss_fn loss_function", "loss_fun", "give loss_fun"),
    ("model net network module", "target", "the model is target"),
    ("optim opt", "optimizer", "give optimizer"),
    ("callbacks callback plugins", "observers", "give observers=[...]"),
    ("shuffle", "shuffle_data", "give shuffle_data"),
    ("verbose verbosity", "progress_bar", "see progress_bar, and logger=None for silence"),
    ("device accelerator", "loss_fun", "move the trainer afterwards: trainer.to(device); for several give devices"),
    ("num_devices n_devices gpus mesh sharding strategy", "devices", "give devices='all', a number, or a mesh"),
    ("fun_inputs", "inputs", "give the function as inputs: it gets the context and returns [(target, value), ...]"),
    ("fun_monitors", "monitors", "give the functions as monitors, by name: they get the state, or it and the context"),
    ("dyn_vars", "dt", "all that changes is the state: set runner.state to start from another"),
    ("batch_size epochs num_epoch", "loss_fun", "give it to fit(...)"),
    ("weight weights class_weights", "class_weight", "the weights of classes are class_weight"),
    ("smoothing", "label_smoothing", "give label_smoothing"),
    ("ignore ignore_label ignored", "ignore_index", "give ignore_index"),
    (
        "weight weights class_weight class_weights label_smoothing ignore_index reduce_time sample_weight",
        "loss_fun",
        "give it to the loss, as in loss_fun={'type': 'cross_entropy', 'class_weight': [1.0, 2.0]}",
    ),
]


_PACKAGES = {
    "optuna": "dynplug-optuna",
    "submitit": "dynplug-submitit",
    "slurm": "dynplug-submitit",
    "ray": "dynplug-ray",
    "flaxlayer": "dynplug-flax",
}


def called_here(name: str) -> str:
    """The counterpart of a component of another library, as the end of a message; empty if there is none."""
    if name.startswith("local:"):
        return "It was registered in a process by dp.register: import the file that does so, by --import FILE."
    plain = name.replace("_", "").casefold()
    if plain in _PACKAGES:
        return f"It is in a package of its own: pip install {_PACKAGES[plain]}."
    for others, own in _COMPONENTS:
        if plain in others.split():
            return f"Its counterpart here is {own}."
    return f"Use Equinox's: {_EQUINOX.format(name)}" if plain in _LAYERS else ""


def argument_hint(name: str, known: Iterable[str]) -> str:
    """The argument to use instead of an unknown one, as the end of a message."""
    known = list(known)
    for others, own, said in _ARGUMENTS:
        if own in known and name.casefold() in others.split():
            return f"{said[0].upper()}{said[1:]}."
    return nearest(name, known)


def missing_attribute(module: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error for an unknown name in a module."""
    public = [n for n in known if not n.startswith("_") and n != "Any"]
    return AttributeError(f"module {module!r} has no attribute {name!r}. {called_here(name) or nearest(name, public)}")


def answers_for_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function or constructor suggest the right name for an unknown keyword, and refuse a text for a flag."""
    accepted = inspect.signature(function).parameters
    name = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]

    @functools.wraps(function)
    def answering(*args: P.args, **kwargs: P.kwargs) -> R:
        check_keywords(name, kwargs, accepted)
        for flag, value in kwargs.items():
            if is_flag(accepted[flag]) and isinstance(value, str):
                raise ArgumentError(f"{name}: {flag}={value!r} must be True or False, without quotes.")
        return function(*args, **kwargs)

    return answering


def is_flag(parameter: inspect.Parameter) -> bool:
    """Whether a parameter is true or false, or left to its default by `None`."""
    return parameter.annotation in (bool, bool | None)


def answers_when_made(cls: type[C]) -> type[C]:
    """Let a class whose constructor was made for it, as a dataclass's, answer likewise."""
    cls.__init__ = answers_for_arguments(cls.__init__)
    return cls


def check_keywords(name: str, given: Iterable[str], accepted: Iterable[str]) -> None:
    """Raise `ArgumentError` for an unknown keyword, with the one to use instead."""
    for keyword in given:
        if keyword not in accepted:
            raise ArgumentError(
                f"{name} takes no {keyword!r}. {argument_hint(keyword, (n for n in accepted if n != 'self'))}"
            )
