"""`dynplug train`."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from dynplug.cli.output import echo
from dynplug.plugin import registry


@click.command("train")
@click.argument("recipe", required=False)
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change the configuration.")
@click.option(
    "--resume",
    metavar="RUN_FOLDER",
    help="Go on with an interrupted run, or extend it; fit.num_epoch counts all epochs.",
)
@click.option("--out", metavar="FOLDER", help="The run folder; by default a new one under runs/.")
def command(recipe: str | None, assignments: tuple[str, ...], resume: str | None, out: str | None) -> None:
    """Train by RECIPE: the name of a task, as `digits`, or a TOML file.

    Every `type` in a configuration is the id of a registered component, so another neuron is one override away:

        dynplug train digits --set model.hidden.type=ALIF

    With --resume a run goes on until it has trained for `fit.num_epoch` epochs in all: --set fit.num_epoch=20 adds ten
    to a run of ten.
    """
    if (recipe is None) == (resume is None):
        raise click.UsageError("Give either a RECIPE, as in `dynplug train digits`, or --resume RUN_FOLDER.")
    if resume and out:
        raise click.UsageError("--resume goes on in its own run folder: leave out --out.")
    from dynplug.recipe import CHECKPOINT, CONFIG, METRICS, PICTURES, REPORT, Config, Training
    from dynplug.timeloop import tune_allocator

    if resume:
        folder, config = Path(resume), Config.from_file(Path(resume) / CONFIG)
    else:
        assert recipe is not None
        config = _recipe(recipe)
        folder = Path(out or f"runs/{Path(recipe).stem}-{datetime.now():%Y%m%d-%H%M%S}")
    config = config.with_overrides(assignments)
    for note in config.notes:
        echo(note)
    tune_allocator()
    training = Training(config, folder, resume=resume is not None, new=not (out or resume))
    folder = training.folder
    echo(f"Run folder: {folder}")
    training.run(echo)
    written = [name for name in (CONFIG, METRICS, CHECKPOINT, *PICTURES, REPORT) if (folder / name).exists()]
    echo(f"Wrote {', '.join(written)} to {folder}")


def _recipe(name: str) -> Any:
    from dynplug.recipe import Config

    if name.endswith(".toml"):
        return Config.from_file(name)
    component = registry().find("task", name)
    return Config.parse(component.load().recipe(), f"recipe {component.id}")
