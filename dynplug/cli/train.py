"""`dynplug train`: train from a recipe, or resume a run."""

import click

from dynplug.cli.output import cache_option, echo, examples, import_option


@click.command(
    "train",
    short_help="Train a model from a recipe, or resume a run.",
    epilog=examples(
        "dynplug train digits",
        "dynplug train digits --set model.hidden.type=ALIF --set fit.num_epoch=10",
        "dynplug train my-recipe.toml --out runs/first",
        "dynplug train my-recipe.toml --import my.py",
        "dynplug train --resume runs/first --set fit.num_epoch=20",
    ),
)
@click.argument("recipe", required=False)
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Override a value of the recipe; may be repeated."
)
@click.option("--resume", metavar="RUN_FOLDER", help="Continue the run in this folder instead of starting a new one.")
@click.option("--out", metavar="FOLDER", help="The run folder to create.  [default: a new one in runs/]")
@cache_option
@import_option
def command(
    recipe: str | None,
    assignments: tuple[str, ...],
    resume: str | None,
    out: str | None,
    no_cache: bool,
    imports: tuple[str, ...],
) -> None:
    """Train a model from RECIPE: the name of a task, such as `digits`, or a TOML file.

    Every `type` in a recipe names a registered component, so --set can exchange any part of it. The run folder receives
    the configuration, the metrics, checkpoints and a report in HTML.

    --resume continues an interrupted run. `fit.num_epoch` is the total number of epochs: raise it to extend a run that
    is finished.

    Compiled programs are kept in the user's folder for caches, so that a later run of the same program starts sooner;
    or where the environment variable DYNPLUG_COMPILATION_CACHE says (`off` for nowhere), or JAX_COMPILATION_CACHE_DIR.
    """
    if (recipe is None) == (resume is None):
        raise click.UsageError("Give either a RECIPE, as in `dynplug train digits`, or --resume RUN_FOLDER.")
    if resume and out:
        raise click.UsageError("--resume continues in its own run folder: leave out --out.")
    from dynplug.recipe import Config, import_files, train_config
    from dynplug.run import compilation_cache
    from dynplug.timeloop import tune_allocator

    import_files(imports)
    config = (Config.of_run(resume) if resume else Config.named(str(recipe))).with_overrides(assignments)
    for note in config.notes:
        echo(note)
    tune_allocator()
    if not no_cache:
        compilation_cache()
    train_config(config, resume or out, resume=resume is not None, imports=imports, say=echo)
