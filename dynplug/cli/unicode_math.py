r"""LaTeX formulas as Unicode text for a terminal: `\tau \frac{dV}{dt} = -V` as `τ dV/dt = -V`.

It covers the LaTeX of docstrings, not all of LaTeX: unknown commands are kept by name, as functions are (`\log x`
becomes `log x`), and nothing raises.
"""

import re
import unicodedata
from collections import deque

_TOKEN = re.compile(r"\\(?:begin|end)\{\w+\*?\}(?:\{[lcr| ]*\})?|\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)
_WIDE = "\u2003"  # a \quad, until all other spaces are set

_GREEK = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lamda mu nu xi pi rho sigma tau upsilon phi chi psi omega
"""
_PAIRS = """
lambda λ  Lambda Λ  varepsilon ε  varphi φ  vartheta ϑ  varrho ϱ  ell ℓ  infty ∞  top ⊤  prime ′
partial ∂  nabla ∇  sum ∑  prod ∏  int ∫  cdot ·  times ×  div ÷  pm ±  mp ∓  ast *  circ ∘  star ⋆
le ≤  leq ≤  ge ≥  geq ≥  ne ≠  neq ≠  approx ≈  sim ∼  equiv ≡  propto ∝  ll ≪  gg ≫
to →  rightarrow →  leftarrow ←  gets ←  mapsto ↦  Rightarrow ⇒  in ∈  notin ∉  subset ⊂  cup ∪  cap ∩
forall ∀  exists ∃  mid |  vert |  langle ⟨  rangle ⟩  dots …  ldots …  cdots …
"""
_SPACES = {",": " ", ";": " ", ":": " ", "!": "", "quad": _WIDE, "qquad": _WIDE, "\\": "\n"}
_SYMBOLS = {
    **{name: unicodedata.lookup(f"GREEK SMALL LETTER {name}") for name in _GREEK.split()},
    **{name.title(): unicodedata.lookup(f"GREEK CAPITAL LETTER {name}") for name in _GREEK.split()},
    **dict(zip(_PAIRS.split()[::2], _PAIRS.split()[1::2], strict=True)),
    **_SPACES,
    **dict.fromkeys(("left", "right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "displaystyle", "limits"), ""),
}
_FONTS = {"mathrm", "mathit", "mathbf", "mathsf", "mathcal", "mathbb", "boldsymbol", "operatorname"}
_FONTS |= {"text", "textrm", "textit", "textbf", "texttt"}
_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307", "ddot": "\u0308", "vec": "\u20d7"}

_RAISED = str.maketrans("0123456789-⊤T", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀᵀ")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_FACTOR = re.compile(r"√?(?:\d+(?:\.\d+)?|[^\W\d_]+[\u0300-\u036f\u20d7]?[₀-₉]*(?:_\w+)?[⁻⁰¹²³⁴-⁹]*)?(?:\(\))?")


def in_unicode(latex: str) -> str:
    """A formula as text; the rows of an environment such as `align` become lines."""
    try:
        text = _sequence(deque(_TOKEN.findall(latex)))
    except RecursionError:  # groups within groups within groups
        return latex
    text = re.sub(rf" *{_WIDE}[ {_WIDE}]*", "   ", re.sub(r" +", " ", text))
    text = re.sub(r"(?<=[(\[{∂∇Δ]) +| +(?=[)\]},;])", "", text)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _sequence(tokens: deque[str], end: str = "") -> str:
    """The text up to the token `end`, which is consumed."""
    text, function = "", False  # whether the name of a function came last
    while tokens and (token := tokens.popleft()) != end:
        if token in ("^", "_"):
            text = text.rstrip() + (_superscript if token == "^" else _subscript)(_argument(tokens))
            continue
        piece = _piece(token, tokens)
        if token == r"\frac":
            as_factor = function or _multiplies(tokens)
        else:
            as_factor = token == "{" and tokens and tokens[0] == "^"
        text += _factor(piece) if as_factor else piece
        if _is_function(token) and tokens and tokens[0] not in ("(", "_", "^", r"\left", r"\!"):
            text += " "
        function = _is_function(token) or (function and not piece.strip())
    return text


def _piece(token: str, tokens: deque[str]) -> str:
    """A token with its arguments as text."""
    name = token[1:]
    if token.isspace() or token in ("&", "~"):
        return " "
    if token == "{":
        return _sequence(tokens, "}")
    if len(token) == 1 or name in ("{", "}", "&", "%", "_", "|"):
        return "" if token in ("}", "$") else token.removeprefix("\\")
    if name.startswith("begin"):
        return _environment(name[6:].partition("}")[0], tokens)
    if name == "frac":
        return _fraction(_argument(tokens), _argument(tokens))
    if name == "sqrt":
        return f"√{_factor(_argument(tokens))}"
    if name in _FONTS:
        return _argument(tokens)
    if name in _ACCENTS:
        return _accented(name, _argument(tokens))
    if name in ("left", "right") and tokens and tokens[0] == ".":
        tokens.popleft()
    return _SYMBOLS.get(name, "" if name.startswith("end") else name)


def _argument(tokens: deque[str]) -> str:
    """The argument of a command or a script: a group, or a single token with its own arguments."""
    while tokens and tokens[0].isspace():
        tokens.popleft()
    return _piece(tokens.popleft(), tokens).strip() if tokens and tokens[0] != "}" else ""


def _superscript(text: str) -> str:
    if text and not text.strip("′"):
        return text
    return text.translate(_RAISED) if re.fullmatch(r"-?\d+|[⊤T]", text) else f"^{_factor(text)}"


def _subscript(text: str) -> str:
    if text.isdecimal():
        return text.translate(_LOWERED)
    return f"_{text}" if re.fullmatch(r"\w+", text) else f"_({text})"


def _fraction(above: str, below: str) -> str:
    above = f"({above})" if re.search(r"(?<!^)[-+=<>≤≥←→/,;]", _outside(above)) else above
    slash = " / " if " " in above + below else "/"
    return f"{above}{slash}{_factor(below)}"


def _accented(name: str, text: str) -> str:
    return unicodedata.normalize("NFC", text + _ACCENTS[name]) if len(text) == 1 else f"{name}({text})"


def _environment(name: str, tokens: deque[str]) -> str:
    rows = [" ".join(row.split()) for row in _sequence(tokens, rf"\end{{{name}}}").splitlines() if row.strip()]
    return f"{{{'; '.join(rows)}}}" if name == "cases" else "\n".join(rows)


def _factor(text: str) -> str:
    """A text, in parentheses unless it is a single factor: a number, a symbol, a function's value, or in them."""
    return text if _FACTOR.fullmatch(_outside(text)) else f"({text})"


def _outside(text: str) -> str:
    """A text with all pairs of parentheses emptied."""
    before = ""
    while text != before:
        before, text = text, re.sub(r"\((?!\))(?:[^()]|\(\))*\)", "()", text)
    return text


def _is_function(token: str) -> bool:
    name = token[1:]
    known = name in _SYMBOLS or name in _FONTS or name in _ACCENTS or name in ("frac", "sqrt")
    return token.startswith("\\") and name.isalpha() and not known


def _multiplies(tokens: deque[str]) -> bool:
    """Whether what comes next is another factor."""
    token = next((t for t in tokens if not t.isspace() and t.removeprefix("\\") not in (",", ";", ":", "!")), "")
    if not token.startswith("\\"):
        return token.isalnum() or token in ("(", "{", "^")
    symbol = _SYMBOLS.get(token[1:], token[1:])
    return token == r"\left" or symbol.isalpha() or symbol in ("∂", "∇", "∑", "∏", "∫")
