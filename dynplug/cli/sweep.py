"""`dynplug sweep`: many trainings of one configuration."""

import click

from dynplug.cli.output import cache_option, echo, echo_json, examples, import_option, json_option


@click.command(
    "sweep",
    short_help="Train a recipe with other values, many times.",
    epilog=examples(
        "dynplug sweep sweep.toml",
        "dynplug sweep sweep.toml --set sweep.launcher=processes",
        "dynplug sweep sweep.toml --out sweeps/first --json",
    ),
)
@click.argument("file")
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Override a value of the file; may be repeated."
)
@click.option("--out", metavar="FOLDER", help="The sweep's folder.  [default: sweeps/FILE]")
@cache_option
@import_option
@json_option
def command(
    file: str, assignments: tuple[str, ...], out: str | None, no_cache: bool, imports: tuple[str, ...], as_json: bool
) -> None:
    """Train the recipe in FILE, a TOML file, once for each combination of values that its section [sweep] chooses.

    Each trial has a run folder of its own. A sweep that was killed is gone on with by the same command: no trial is
    lost, and none repeated. The sweep's folder receives a table and a picture.

    Compiled programs are kept as by `dynplug train`, so that trials of the same shapes, in whichever process of this
    machine, are compiled once.
    """
    from dynplug.recipe import Config, import_files
    from dynplug.run import compilation_cache
    from dynplug.sweep import sweep_config
    from dynplug.timeloop import tune_allocator

    tune_allocator()
    import_files(imports)
    config = Config.from_file(file).with_overrides(assignments)
    if not no_cache:
        compilation_cache()
    result = sweep_config(config, out, imports=imports, say=lambda line: echo(line, err=as_json))
    if as_json:
        echo_json(result.to_json())
        return
    echo(str(result))
