"""`dynplug compare`: differences between the configurations of runs, and their metrics."""

import click

from dynplug.cli.output import echo, echo_json, examples, json_option


@click.command(
    "compare",
    short_help="Compare the configurations and results of runs.",
    epilog=examples("dynplug compare runs/first runs/second", "dynplug compare runs/* --json"),
)
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN")
@json_option
def command(runs: tuple[str, ...], as_json: bool) -> None:
    """Compare run folders: the values in which their configurations differ, and the metrics of their last epochs."""
    if len(runs) < 2:
        raise click.UsageError("Give two run folders or more.")
    from dynplug.recipe import compare_runs

    told = compare_runs(runs)
    if as_json:
        echo_json(told)
        return
    rows = [["", *runs]]
    rows += [[path, *(_shown(value) for value in values)] for path, values in told["differing"].items()]
    rows += [["epoch", *map(_shown, told["epoch"])]]
    rows += [[name, *map(_shown, values)] for name, values in told["metrics"].items()]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        first, *rest = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        echo("  ".join([first, *rest]).rstrip())


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
