"""A name of the library in code, such as `dp.BPTT` or `dynplug.plot.raster`, leads to its place in the API."""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

NAME = re.compile(r"(?:dp|dynplug)((?:\.\w+)+)(?:\(.*\))?", re.DOTALL)


class LinkNames(SphinxPostTransform):
    """Makes a link of each literal that is the name of something in the API."""

    default_priority = 200

    def run(self, **kwargs: object) -> None:
        """Replace the literals of one page."""
        known = self.env.domains.python_domain.objects
        for literal in list(self.document.findall(nodes.literal)):
            name = NAME.fullmatch(literal.astext())
            place = known.get("dynplug" + name[1]) if name else None
            if place is None or isinstance(literal.parent, nodes.reference) or place.docname == self.env.docname:
                continue
            link = make_refnode(
                self.app.builder, self.env.docname, place.docname, place.node_id, nodes.literal("", literal.astext())
            )
            literal.replace_self(link)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform with Sphinx."""
    app.add_post_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
