"""Parts of a page of HTML that needs no other file, and no script."""

import html
from collections.abc import Iterable, Mapping, Sequence

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head><body><main>
<h1>{title}</h1>
{body}
</main></body></html>
"""

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #56606a; --paper: #fff; --line: #d5dae0; --code: #f4f6f8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --soft: #a3adb7; --paper: #15191d; --line: #3a424a; --code: #1f252b } }
@media print { :root { --ink: #000; --soft: #444; --paper: #fff; --line: #bbb; --code: #fff; color-scheme: light } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1098px; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .6rem; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; padding-bottom: .2rem; border-bottom: 1px solid var(--line) }
p { max-width: 46rem; margin: .6rem 0; overflow-wrap: anywhere } .lead { font-size: 1.12rem }
caption { color: var(--soft); text-align: left; padding: .2rem 0 }
caption { max-width: calc(100vw - 2rem); position: sticky; left: 0 }
.wide { overflow-x: auto } .figures + .wide { margin-top: 1.4rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .9rem .25rem 0; text-align: left; vertical-align: top; white-space: nowrap }
tbody th { font-weight: normal } thead th { font-weight: 600 } tr { border-bottom: 1px solid var(--line) }
.facts th { color: var(--soft) } .facts td { white-space: normal; overflow-wrap: anywhere }
.counts th, .counts td { padding: .3rem .1rem; min-width: 1.75rem; text-align: center; font-size: 12px }
.counts .none { color: var(--soft) } .counts tbody th, .counts thead th { font-weight: 600 }
.figures { display: flex; flex-wrap: wrap; gap: 1.4rem 24px } figure { margin: 0; width: 350px; max-width: 100% }
figcaption { font-size: 13px; line-height: 1.4; overflow-wrap: anywhere } figcaption span { color: var(--soft) }
figure svg { display: block; width: 100%; height: auto }
pre, code { font-family: ui-monospace, monospace; font-size: 13px }
pre { background: var(--code); padding: .8rem 1rem; margin: 0; overflow-x: auto }
.counts :is(th, td):last-child { padding-left: .6rem }
@media (max-width: 480px) { table { font-size: 13px } th, td { padding-right: .6rem }
  .counts th, .counts td { min-width: 1.55rem; padding: .3rem 0 } }
@media print { main { max-width: none; padding: 0 } figure, tr, h2 { break-inside: avoid } h2 { break-after: avoid }
  pre, th, td { white-space: pre-wrap; overflow-wrap: anywhere } pre { padding: 0 } .wide { overflow: visible } }
"""


def page(title: str, lead: Iterable[str], sections: Mapping[str, str]) -> str:
    """A page that begins with paragraphs of text, and then has sections, HTML by heading; empty ones are left out."""
    paragraphs = [paragraph(text, "lead" if n == 0 else "") for n, text in enumerate(filter(None, lead))]
    parts = [f"<section>\n<h2>{html.escape(head)}</h2>\n{text}\n</section>" for head, text in sections.items() if text]
    return _PAGE.format(title=html.escape(title), style=_STYLE, body="\n".join([*paragraphs, *parts]))


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f"<p{_kind(kind)}>{html.escape(text)}</p>"


def table(head: Sequence[object], rows: Iterable[Sequence[object]], *, caption: str = "") -> str:
    """A table of anything, escaped; the first cell of each row is its heading."""
    body = [f"<tr>{_cell(first, 'th', 'row')}{''.join(_cell(c) for c in rest)}</tr>" for first, *rest in rows]
    return _wide(caption, "", "".join(_cell(cell, "th", "col") for cell in head), body)


def facts(rows: Mapping[str, object]) -> str:
    """A table of values by name, without the empty ones."""
    body = [
        f"<tr>{_cell(name, 'th', 'row')}{_cell(told)}</tr>" for name, told in rows.items() if told not in ("", None)
    ]
    return _wide("", "facts", "", body)


def counts_table(counts: Sequence[Sequence[float]], caption: str) -> str:
    """Numbers by true class (rows) and answer (columns), shaded by share in the row, and the share of right answers."""
    rows: list[str] = []
    for true, row in enumerate(counts):
        total = sum(row)
        cells = [_count(n, total, right=true == answer) for answer, n in enumerate(row)]
        share = _cell(f"{100 * row[true] / total:.3g} %" if total else "")
        rows.append(f"<tr>{_cell(true, 'th', 'row')}{''.join(cells)}{share}</tr>")
    head = [_cell("true", "th", "col"), *(_cell(n, "th", "col") for n in range(len(counts)))]
    return _wide(caption, "counts", "".join([*head, _cell("right", "th", "col")]), rows)


def figure(title: str, about: str, svg: str) -> str:
    """A figure with its title and a description."""
    told = f"<figcaption><b>{html.escape(title)}</b> <span>{html.escape(about)}</span></figcaption>"
    return f"<figure>{svg}\n{told}</figure>"


def figures(all_of_them: Sequence[str]) -> str:
    """Figures side by side, as many as there is room for."""
    return '<div class="figures">\n' + "\n".join(all_of_them) + "\n</div>" if all_of_them else ""


def code(text: str) -> str:
    """A preformatted text."""
    return f'<pre tabindex="0">{html.escape(text)}</pre>'


def _count(n: float, total: float, *, right: bool) -> str:
    if not n:
        return '<td class="none">0</td>'
    hue = "0 114 178" if right else "213 94 0"
    depth = 0.08 + 0.47 * (n / total) ** 0.5  # so that a few errors are seen, and text is legible on all of them
    return f'<td style="background: rgb({hue} / {depth:.2f})">{n:g}</td>'


def _cell(text: object, tag: str = "td", scope: str = "") -> str:
    scoped = f'{tag} scope="{scope}"' if scope else tag
    return f"<{scoped}>{html.escape(str(text))}</{tag}>"


def _wide(caption: str, kind: str, head: str, rows: Iterable[str]) -> str:
    """A table that scrolls by itself where it is wider than the page."""
    parts = [f"<caption>{html.escape(caption)}</caption>"] * bool(caption)
    parts += [f"<thead><tr>{head}</tr></thead>"] * bool(head)
    return "\n".join(
        [f'<div class="wide" tabindex="0"><table{_kind(kind)}>', *parts, "<tbody>", *rows, "</tbody></table></div>"]
    )


def _kind(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
