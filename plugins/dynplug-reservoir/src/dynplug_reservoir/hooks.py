"""The components of this package. Only `dynplug.api` is imported here, so that listing them imports no JAX."""

from dynplug.api import LayerSpec, LossSpec, MetricSpec, RunnerSpec, TaskSpec, hookimpl


@hookimpl
def dynplug_register_layers() -> list[LayerSpec]:
    """Reservoirs, and wrappers that close loops."""
    return [
        LayerSpec(
            name="Reservoir",
            target="dynplug_reservoir.reservoir:Reservoir",
            summary="echo state network with fixed random weights",
            aliases=("ESN",),
            example={"in_size": 2, "out_size": 8, "sparsity": 1.0},
            identities={
                "h": "(1 - leak) * h_before + leak * tanh(W @ h_before + W_in @ x + bias)",
                "output": "h",
                "radius(W)": "spectral_radius",
            },
        ),
        LayerSpec(
            name="NVAR",
            target="dynplug_reservoir.nvar:NVAR",
            summary="delayed inputs and their monomials",
            aliases=("NG-RC",),
            example={"in_size": 2},
        ),
        LayerSpec(
            name="Feedback",
            target="dynplug_reservoir.feedback:Feedback",
            summary="a system that also receives its last output",
            example={"system": {"type": "Dense", "in_size": 3, "out_size": 1}},
            identities={"z": "system.weight @ concat(x, z_before) + system.bias", "output": "z"},
        ),
        LayerSpec(
            name="ClosedLoop",
            target="dynplug_reservoir.closed_loop:ClosedLoop",
            summary="a predictor that goes on from its own predictions",
            example={"system": {"type": "Dense", "in_size": 2, "out_size": 2}},
            identities={"prediction": "increment * x + system.weight @ x + system.bias", "output": "prediction"},
        ),
    ]


@hookimpl
def dynplug_register_losses() -> list[LossSpec]:
    """One loss."""
    return [
        LossSpec(
            name="nrmse",
            target="dynplug_reservoir.losses:nrmse",
            summary="normalised root mean square",
            identities={"value": "sqrt(mean((predicts - targets)**2)) / std(targets)"},
        )
    ]


@hookimpl
def dynplug_register_metrics() -> list[MetricSpec]:
    """The loss as a metric."""
    return [
        MetricSpec(
            name="nrmse",
            target="dynplug_reservoir.losses:nrmse",
            summary="normalised root mean square",
            identities={"value": "sqrt(mean((predicts - targets)**2)) / std(targets)"},
        )
    ]


@hookimpl
def dynplug_register_runners() -> list[RunnerSpec]:
    """Trainers of linear readouts."""
    return [
        RunnerSpec(
            name="RidgeTrainer",
            target="dynplug_reservoir.ridge_trainer:RidgeTrainer",
            summary="a readout by ridge regression",
        ),
        RunnerSpec(
            name="LinearTrainer",
            target="dynplug_reservoir.linear_trainer:LinearTrainer",
            summary="a readout by least squares",
        ),
        RunnerSpec(
            name="ForceTrainer",
            target="dynplug_reservoir.force_trainer:ForceTrainer",
            summary="a readout by recursive least squares, online",
            aliases=("FORCE",),
        ),
    ]


@hookimpl
def dynplug_register_tasks() -> list[TaskSpec]:
    """One task."""
    return [TaskSpec(name="lorenz63", target="dynplug_reservoir.lorenz63:Lorenz63", summary="Lorenz's chaotic system")]
