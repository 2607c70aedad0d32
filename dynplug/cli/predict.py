"""`dynplug predict`: the outputs of a trained model for new inputs."""

from pathlib import Path

import click

from dynplug.cli.output import cache_option, echo, echo_json, examples, import_option, json_option


@click.command(
    "predict",
    short_help="Compute the outputs of a trained model.",
    epilog=examples(
        "dynplug predict runs/first data.npz", "dynplug predict runs/first data.npz --out out.npz --batch-size 64"
    ),
)
@click.argument("run")
@click.argument("data")
@click.option("--out", metavar="FILE", help="The file to write.  [default: DATA with .outputs in its name]")
@click.option("--best", is_flag=True, help="Take the checkpoint that fit.keep_best keeps, not the newest.")
@click.option("--batch-size", type=click.IntRange(1), help="Samples computed at once.  [default: all]")
@cache_option
@import_option
@json_option
def command(
    run: str,
    data: str,
    out: str | None,
    best: bool,
    batch_size: int | None,
    no_cache: bool,
    imports: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compute the outputs of the model in the run folder RUN for the inputs in DATA, and write them.

    DATA is a NumPy file: an .npy array of inputs, or an .npz file with the inputs as `x` and, if they are known, the
    targets as `y`. Inputs have the axes of the run's training data. The output file holds `outputs`; with `y`, the
    run's loss and metrics are printed. Sequences of several lengths are padded to one, with the number of steps of each
    as `lengths`: what comes later counts for nothing, and its outputs are 0.
    """
    from dynplug.recipe import import_files, predict_file
    from dynplug.run import compilation_cache

    import_files(imports)
    if not no_cache:
        compilation_cache()
    target = Path(out) if out else Path(data).with_suffix(".outputs.npz")
    shape, measured = predict_file(run, data, target, best=best, batch_size=batch_size)
    if as_json:
        echo_json({"out": str(target), "shape": shape, "metrics": measured})
        return
    _say(target, shape, measured)


def _say(target: Path, shape: tuple[int, ...], measured: dict[str, float]) -> None:
    for name, value in measured.items():
        echo(f"{name} {value:.6g}")
    echo(f"Wrote outputs of shape {tuple(shape)} to {target}")
