"""`dynplug new`."""

import click

from dynplug.cli.output import ALL_KINDS, echo, examples
from dynplug.new import create


@click.command(
    "new",
    short_help="Create a plugin package with one component.",
    epilog=f"{ALL_KINDS}\n\n"
    + examples(
        "dynplug new neuron adex-lite",
        "pip install -e './dynplug-adex-lite[test]'",
        "dynplug check dynplug-adex-lite",
    ),
)
@click.argument("kind")
@click.argument("name")
@click.option("--out", metavar="FOLDER", default=".", help="The folder to create the package in.  [default: here]")
def command(kind: str, name: str, out: str) -> None:
    """Create a plugin package, dynplug-NAME, with one component of a KIND.

    The package holds a working example with its tests and can be installed at once.
    """
    home = create(kind, name, out)
    for path in sorted(p for p in home.rglob("*") if p.is_file()):
        echo(f"  {path.relative_to(home)}")
    shown = home if home.is_absolute() else f"./{home}"
    echo(f"Made {home}. Next: pip install -e '{shown}[test]' && pytest {shown} && dynplug check {home.name}")
