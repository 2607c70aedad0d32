"""The directive `plugin-directory`: the plugins that are installed where the documentation is built."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from importlib.metadata import PackageMetadata, metadata

from catalogue import page_name
from docutils import nodes
from docutils.parsers.rst import Directive
from markdown_block import as_nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from dynplug.plugin import Plugin, registry


def directory(pages: Collection[str]) -> str:
    """Each plugin with its components, which are linked to their pages where there are such."""
    found: dict[str, list[Plugin]] = defaultdict(list)
    for plugin in registry().plugins:
        if plugin.namespace != "dynplug":
            if not plugin.usable:
                raise ExtensionError(f"The plugin {plugin.distribution} is {plugin.status}: {plugin.note}")
            found[plugin.distribution].append(plugin)
    if not found:
        raise ExtensionError("No plugin is installed. Those of this repository: pip install -e plugins/…")
    return "\n\n".join(entry(metadata(name), plugins, pages) for name, plugins in sorted(found.items()))


def entry(of: PackageMetadata, plugins: Iterable[Plugin], pages: Collection[str]) -> str:
    """One plugin: its version, licence, summary, names and links."""
    licence = of.get("License-Expression") or of.get("License") or "no licence stated"
    links = (url.partition(", ") for url in of.get_all("Project-URL") or ())
    lines = [f"**{of['Name']}** {of['Version']} · {licence}", f": {of['Summary']}", ""]
    lines += [f"  [{label}]({url})" for label, _, url in links]
    for plugin in plugins:
        kinds: dict[str, list[str]] = defaultdict(list)
        for kind, spec in plugin.specs:
            page = f"catalogue/{kind.name}/{page_name(f'{plugin.namespace}:{spec.name}')}"
            kinds[kind.name].append(f"[{spec.name}](/{page}.md)" if page in pages else f"`{spec.name}`")
        lines += [f"  - {name}: {', '.join(names)}" for name, names in kinds.items()]
    return "\n".join(lines)


class PluginDirectory(Directive):
    """The list."""

    def run(self) -> list[nodes.Node]:
        """The nodes of the list."""
        return as_nodes(self, directory(self.state.document.settings.env.found_docs))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("plugin-directory", PluginDirectory)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
