"""Docstrings say what a thing is or does: they do not begin as an indirect question."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

import dynplug as dp

pytestmark = pytest.mark.quick

ROOT = Path(dp.__file__).parent
FILES = sorted([*ROOT.rglob("*.py"), *ROOT.parent.glob("plugins/*/src/**/*.py")])
QUESTION = re.compile(
    r"((at|by|for|from|in|of|on|through|to|under|with) )?(what|where|how|when|which|whether|who|whose|why)\b",
    re.IGNORECASE,
)
ENTRY = re.compile(r"^\s*- `[^:]*`: (what|where|how|when|which|who|whose|why)\b.*", re.MULTILINE)
TRUTH = re.compile(r"\b(bool|Bool|TypeGuard|TypeIs)\b")


def text_of(node):
    """The docstring of a module, class, function or field; empty for any other statement."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return node.value.value.strip()
    return ""


def questions(source):
    """The docstrings that begin as a question, but for "Whether ..." of truth values, returned or kept in a field."""
    nodes = list(ast.walk(ast.parse(source)))
    returning = [(n.returns, n.body[0]) for n in nodes if isinstance(n, ast.FunctionDef) and n.returns]
    statements = [pair for n in nodes if isinstance(n, ast.ClassDef) for pair in pairwise(n.body)]
    fields = [(field.annotation, doc) for field, doc in statements if isinstance(field, ast.AnnAssign)]
    true_or_false = {doc for annotation, doc in [*returning, *fields] if TRUTH.search(ast.unparse(annotation))}
    asked = [(n, text) for n in nodes if QUESTION.match(text := text_of(n))]
    return [text.partition("\n")[0] for n, text in asked if not (n in true_or_false and text.startswith("Whether "))]


def entries(source):
    """The descriptions of arguments and attributes that begin as a question."""
    return [found[0].strip() for node in ast.walk(ast.parse(source)) for found in ENTRY.finditer(text_of(node))]


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('"""What a model is."""', 1),
        ('"""On which devices it computes."""', 1),
        ('class A:\n    """\n    How it goes.\n    """', 1),
        ('LEVELS = 1, 2\n"""How bad it is."""', 1),
        ('class A:\n    def f(self) -> int:\n        """Whether it is."""', 1),
        ('class A:\n    def f(self) -> bool:\n        """When it is."""', 1),
        ('class A:\n    def f(self) -> bool:\n        """Whether it is."""', 0),
        ('class A:\n    a: int\n    """Whether it is."""', 1),
        ('class A:\n    a: bool\n    """Whether it is."""', 0),
        ('def f():\n    """Whatever it takes, and what is left."""', 0),
    ],
)
def test_indirect_questions_are_found(source, count):
    assert len(questions(source)) == count


def test_descriptions_that_ask_are_found():
    told = "- `a`: the number.\n- `b`: how many.\n- `c`, `d`: whether it is, and where.\n    - `e`: which."
    assert entries(f'"""Sum.\n\n{told}\n"""') == ["- `b`: how many.", "- `e`: which."]


@pytest.mark.parametrize("asking", [questions, entries])
def test_docstrings_ask_nothing(asking):
    found = {str(path.relative_to(ROOT.parent)): asking(path.read_text(encoding="utf-8")) for path in FILES}
    assert {path: texts for path, texts in found.items() if texts} == {}
