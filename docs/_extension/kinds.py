"""The directives `kinds`, `kind` and `spec-fields`: the contracts of components, from the code that enforces them."""

import inspect

from docutils import nodes
from docutils.parsers.rst import Directive
from markdown_block import as_nodes, in_a_cell
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from dynplug.api import Spec
from dynplug.new import EXAMPLES
from dynplug.plugin import KINDS, registry


def overview() -> str:
    """One row a kind: what a component of it is called as, and who registers it."""
    rows = ["| kind | contract | of dynplug itself |", "|---|---|---|"]
    for kind in KINDS.values():
        own = sum(c.plugin.namespace == "dynplug" for c in registry().components(kind.name))
        rows.append(f"| [{kind.name}](#{kind.name}) | `{in_a_cell(kind.signature)}` | {own} |")
    return "\n".join(rows)


def contract(name: str) -> str:
    """The contract of a kind: hook, spec, signature, base class, template, and its own checks."""
    from checks import of_the_suite

    kind = KINDS[name]
    suite = of_the_suite()
    own = [check for check in suite if name in check["kinds"] and len(check["kinds"]) < len(KINDS)]
    general = sum(len(check["kinds"]) == len(KINDS) for check in suite)
    base = f"a subclass of `{kind.contract.replace(':', '.')}`" if kind.contract else "any callable"
    names = ", ".join(f"[`{c['name']}`](conformance.md#{c['name']})" for c in own)
    return "\n".join(
        [
            "| | |",
            "|---|---|",
            f"| contract | `{in_a_cell(kind.signature)}` |",
            f"| the target is | {base}. {in_a_cell(kind.spec.__doc__ or '')} |",
            f"| hook | `{kind.hook}() -> list[{kind.spec.__name__}]` |",
            f"| start with | `dynplug new {name} my-{name}` makes an example: {EXAMPLES[name].summary} |",
            f"| see | `dynplug list {name}` |",
            f"| checks | {general} of every component, and {len(own)} of this kind: {names} |",
        ]
    )


class Kinds(Directive):
    """The table of all kinds."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        return as_nodes(self, overview())


class SpecFields(Directive):
    """The fields of a spec, as its docstring has them."""

    def run(self) -> list[nodes.Node]:
        """The list."""
        return as_nodes(self, (inspect.getdoc(Spec) or "").partition("**Arguments:**")[2])


class OneKind(Directive):
    """The contract of the kind that is the argument."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table."""
        (name,) = self.arguments
        if name not in KINDS:
            raise ExtensionError(f"There is no kind {name!r}: {', '.join(KINDS)}.")
        return as_nodes(self, contract(name))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives with Sphinx."""
    app.add_directive("kinds", Kinds)
    app.add_directive("kind", OneKind)
    app.add_directive("spec-fields", SpecFields)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
