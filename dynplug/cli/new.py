"""`dynplug new`."""

import click

from dynplug.cli.output import echo
from dynplug.new import create


@click.command("new")
@click.argument("kind")
@click.argument("name")
@click.option("--out", metavar="FOLDER", default=".", help="Where the package's folder is made; by default here.")
def command(kind: str, name: str, out: str) -> None:
    r"""Make a package with one component of a KIND, which installs and passes its tests at once.

    \b
        dynplug new neuron adex-lite
        pip install './dynplug-adex-lite[test]' && dynplug check dynplug-adex-lite
    """
    home = create(kind, name, out)
    for path in sorted(p for p in home.rglob("*") if p.is_file()):
        echo(f"  {path.relative_to(home)}")
    shown = home if home.is_absolute() else f"./{home}"
    echo(f"Made {home}. Next: pip install -e '{shown}[test]' && pytest {shown} && dynplug check {home.name}")
