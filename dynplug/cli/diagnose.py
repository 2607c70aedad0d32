"""`dynplug diagnose`: find faults of a model before it is trained."""

import sys

import click

from dynplug.cli.output import cache_option, echo, echo_json, examples, import_option, json_option


@click.command(
    "diagnose",
    short_help="Say what may be wrong with a recipe's model.",
    epilog=examples(
        "dynplug diagnose digits",
        "dynplug diagnose my-recipe.toml --set model.hidden.tau=0.02",
        "dynplug diagnose my-recipe.toml --overfit 100 --json",
        "dynplug diagnose my-recipe.toml --import my.py",
    ),
)
@click.argument("recipe")
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Override a value of the recipe; may be repeated."
)
@click.option("--check", "checks", multiple=True, metavar="NAME", help="Run this diagnostic only; may be repeated.")
@click.option("--samples", type=int, help="Samples of a batch that are looked at, at most.  [default: 32]")
@click.option("--overfit", type=int, help="Train a copy on one batch for so many steps, to see whether it learns.")
@cache_option
@import_option
@json_option
def command(
    recipe: str,
    assignments: tuple[str, ...],
    checks: tuple[str, ...],
    samples: int | None,
    overfit: int | None,
    no_cache: bool,
    imports: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say what may be wrong with the model of RECIPE, the name of a task or a TOML file, on its first batch.

    One forward and one backward pass are run. Each line is a finding, with advice under it. Nothing is written or
    trained. The exit status is 1 if there is a warning.
    """
    from dynplug.recipe import Config, diagnose_config, import_files
    from dynplug.run import compilation_cache

    import_files(imports)
    config = Config.named(recipe).with_overrides(assignments)
    for note in config.notes:
        echo(note, err=as_json)
    if not no_cache:
        compilation_cache()
    found = diagnose_config(config, checks=checks or None, samples=samples, overfit=overfit)
    if as_json:
        echo_json(found.to_json())
    else:
        echo(found)
    sys.exit(0 if found.ok else 1)
