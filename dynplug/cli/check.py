"""`dynplug check`: the conformance suite on the command line."""

import sys
from typing import TYPE_CHECKING

import click

from dynplug.cli.output import echo, echo_json, examples, json_option

if TYPE_CHECKING:
    from dynplug.testing import CheckReport

_OUTCOMES = ("ran", "passed", "failed", "xfailed", "skipped")


@click.command(
    "check",
    short_help="Test that components keep the contract of their kind.",
    epilog=examples("dynplug check dynplug-adex-lite", "dynplug check LIF --verbose", "dynplug check --list"),
)
@click.argument("name", required=False, metavar="[PACKAGE | COMPONENT]")
@click.option("--list", "only_list", is_flag=True, help="List the checks of each kind and run none.")
@click.option("-v", "--verbose", is_flag=True, help="List the checks that do not apply, with the reasons.")
@json_option
def command(name: str | None, only_list: bool, verbose: bool, as_json: bool) -> None:
    """Test that components keep the contract of their kind: those of a PACKAGE, a single COMPONENT, or all.

    Each component is imported, built and run. The exit status is 1 if a check fails, if a plugin was set aside, or if
    there was nothing to check.
    """
    if only_list:
        _list_checks(as_json)
        return
    from dynplug.plugin import registry
    from dynplug.testing import named, report_on

    aside = [p for p in registry().plugins if name is None and p.status == "quarantined"]
    reports: list[tuple[str, CheckReport]] = []
    for subject in named(name):
        report = report_on(subject)
        reports.append((subject.kind, report))
        if not as_json:
            echo(report if verbose else report.brief)
    counts = _counts(reports)
    ok = bool(reports) and all(report.ok for _, report in reports) and not aside
    if as_json:
        left = {p.distribution: p.note for p in aside}
        echo_json({"ok": ok, "components": [r.to_json() for _, r in reports], "kinds": counts, "set_aside": left})
    else:
        _table(counts)
        for p in aside:
            echo(f"FAILED  {p.distribution} {p.version} was set aside: {p.note}")
    sys.exit(0 if ok else 1)


def _counts(reports: list[tuple[str, "CheckReport"]]) -> dict[str, dict[str, int]]:
    """The numbers of components and checks, by kind and in total."""
    counts: dict[str, dict[str, int]] = {}
    for kind, report in [*reports, *(("all", report) for _, report in reports)]:
        row = counts.setdefault(kind, dict.fromkeys(("components", *_OUTCOMES), 0))
        row["components"] += 1
        for outcome in _OUTCOMES:
            row[outcome] += len(getattr(report, outcome))
    return counts


def _table(counts: dict[str, dict[str, int]]) -> None:
    columns = ("components", *_OUTCOMES)
    echo(f"\n{'checks by kind':<16}" + "".join(f"{c:>12}" for c in columns))
    for kind, row in counts.items():
        echo(f"{kind:<16}" + "".join(f"{row[c]:>12}" for c in columns))


def _list_checks(as_json: bool) -> None:
    from dynplug.testing import CHECKS

    if as_json:
        echo_json(
            [
                {"name": c.name, "kinds": list(c.kinds), "needs": [n.name for n in c.needs], "summary": c.summary}
                for c in CHECKS.values()
            ]
        )
        return
    for check in CHECKS.values():
        kinds = "every kind" if check.general else ", ".join(check.kinds)
        needs = "".join(f", where {n.name}" for n in check.needs)
        echo(f"{check.name}  [{kinds}{needs}]\n    {check.summary}")
