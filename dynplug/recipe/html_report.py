"""A page about a training: one file of HTML that needs no other, to be read or sent years later."""

import base64
import html
import io
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from dynplug import __version__
from dynplug.core import leaves
from dynplug.plugin import registry
from dynplug.recipe.figures import curve, draw

REPORT, PICTURES = "report.html", ("result.png", "weights.png")

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222 }}
table {{ border-collapse: collapse }} td, th {{ padding: .2em .8em .2em 0; text-align: left }}
tr {{ border-bottom: 1px solid #ddd }}
pre {{ background: #f6f6f6; padding: 1em; overflow-x: auto }} img {{ max-width: 100% }}
</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


def write_report(
    folder: str | Path, title: str, config: str, runner: Any, inputs: Any, say: Callable[[str], None] = print
) -> None:
    """Write `report.html`, and the figures in it as files of their own, into a run's folder.

    Without matplotlib there are no figures, and `say` is told what to install.

    **Arguments:**

    - `folder`: the run's folder.
    - `title`: what was trained.
    - `config`: the configuration, as text.
    - `runner`: the trainer after `fit`.
    - `inputs`: samples, the sample first, of which the first is shown to the model.
    - `say`: gets a line where something is missing.
    """
    folder = Path(folder)
    try:
        pictures = {name: _png(figure) for name, figure in draw(runner, inputs).items()}
    except ImportError as error:
        say(f"No picture was made: {error}")
        pictures = {}
    for name, data in pictures.items():
        (folder / f"{name}.png").write_bytes(data)
    sections = {
        "Last epoch": _metrics(runner, runner.epoch),
        "Best epoch": _best(runner),
        "Pictures": "\n".join(_image(name, data) for name, data in pictures.items()),
        "Parameters": _parameters(runner.target),
        "Configuration": f"<pre>{html.escape(config)}</pre>",
        "Made with": _software(),
    }
    (folder / REPORT).write_text(page(title, sections), encoding="utf-8")


def page(title: str, sections: Mapping[str, str]) -> str:
    """A page of sections, HTML by heading; empty ones are left out."""
    body = "\n".join(f"<h2>{html.escape(head)}</h2>\n{text}" for head, text in sections.items() if text)
    return _PAGE.format(title=html.escape(title), body=body)


def table(head: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    """A table of anything, escaped."""

    def row(cells: Sequence[Any], tag: str) -> str:
        return f"<tr>{''.join(f'<{tag}>{html.escape(str(cell))}</{tag}>' for cell in cells)}</tr>"

    return "\n".join(["<table>", row(head, "th"), *(row(cells, "td") for cells in rows), "</table>"])


def _png(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=150)
    return file.getvalue()


def _image(name: str, data: bytes) -> str:
    return f'<p><img alt="{html.escape(name)}" src="data:image/png;base64,{base64.b64encode(data).decode()}"></p>'


def _best(runner: Any) -> str:
    best = getattr(runner, "best", None)  # not every trainer keeps one
    if best is None:
        return ""
    why = f"<p>The best by {html.escape(best.metric)}: {best.value:.6g}, the {best.mode}imum of all epochs.</p>"
    return f"{why}\n{_metrics(runner, best.epoch)}"


def _metrics(runner: Any, epoch: int) -> str:
    history = runner.history
    names = list(history.last("fit"))
    phases = {"fit": "training data", "test": "test data"}
    curves = {said: [curve(history, phase, name) for name in names] for phase, said in phases.items()}
    at = epoch - runner.epoch - 1  # from the end, as with reports of steps there are more values than epochs
    rows = [[said, *(f"{c[at]:.6g}" if len(c) >= -at else "" for c in of)] for said, of in curves.items() if len(of[0])]
    return table([f"epoch {epoch}", *names], rows)


def _parameters(model: Any) -> str:
    known = [leaf for leaf in leaves(model) if eqx.is_array(leaf.value)]
    rows = [
        [leaf.path, leaf.value.dtype, list(leaf.value.shape), leaf.value.size, "yes" if leaf.trainable else "no"]
        for leaf in known
    ]
    total = sum(int(np.size(leaf.value)) for leaf in known)
    return table(["path", "dtype", "shape", "numbers", "trainable as declared"], [*rows, ["all", "", "", total, ""]])


def _software() -> str:
    found = registry()
    device = jax.devices()[0]
    own = [("Python", platform.python_version(), ""), ("JAX", jax.__version__, device.device_kind)]
    plugins = [(p.distribution, p.version, p.status) for p in found.plugins if p.distribution != "dynplug"]
    rows = [("dynplug", __version__, ""), *own, *plugins, ("digest of all components", found.digest(), "")]
    return table(["what", "version", ""], rows)
