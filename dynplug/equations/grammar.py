"""Parsing of expressions. The text is never run."""

import ast
import re
from collections.abc import Callable

from dynplug.equations.expression import Call, Name, Node, Number, Power
from dynplug.equations.functions import FUNCTIONS, OPERATORS
from dynplug.equations.units import PURE, Unit, symbol
from dynplug.errors import EquationError, nearest

_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.MatMult: "@"}
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_LARGEST = 100.0  # exponent; a larger one is a mistake
_LONGEST = 2000  # characters; Python's parser fails on much longer texts
_POWERS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
CURRENT = "I"
"""The name of the drive's current, at the present potential."""


def parse(text: str) -> Node:
    """Parse an expression.

    **Raises:** `EquationError` if it is not in the grammar.
    """
    return _read(_quoted(text), text)


def parse_condition(text: str) -> Node:
    """Parse a condition: a comparison, or several joined by `and`.

    **Raises:** `EquationError` for anything else.
    """
    return _read(_quoted(text), text, _condition)


def _quoted(text: str) -> str:
    """Quote units in brackets, so that Python's parser accepts them."""
    quoted = "'" in text or '"' in text
    return text if quoted else re.sub(r"\[([^\[\]]*)\]", r"['\1']", text)


def parse_unit(text: str) -> Unit:
    """Parse a unit such as `µA/cm²` or `1/(ms mM)`; an empty text, `-` and `1` denote a pure number.

    **Raises:** `EquationError` for an invalid unit.
    """
    written = text.strip()
    if written in ("", "-", "1"):
        return PURE
    written = written.replace("°C", "degC").replace("·", "*")
    written = re.sub("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda power: f"**{power[0].translate(_POWERS)}", written).replace("^", "**")
    written = re.sub(r"(?<=[\w)]) +(?=[\w(])", "*", written)
    try:
        node = _read(written, text)
        found = node.unit({name: symbol(name) for name in node.names()})
    except EquationError as error:
        raise EquationError(f"Invalid unit [{text}]: {error}") from None
    if found is None or re.search(r"(?<![\w*.-])(?!1\b)\d|[+<>]", written):
        raise EquationError(f"Invalid unit [{text}]: a unit consists of symbols, their powers, * and /.")
    return found


def _read(prepared: str, text: str, node: Callable[[ast.expr], Node] | None = None) -> Node:
    if len(text) > _LONGEST:
        raise EquationError(f"`{text[:40]}...` has {len(text)} characters: split it up with `definitions`.")
    try:
        return (node or _node)(ast.parse(" ".join(prepared.split()), mode="eval").body)
    except EquationError:
        raise
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise EquationError(f"`{text}` cannot be read: {getattr(error, 'msg', error)}.") from None


def _node(tree: ast.expr) -> Node:
    text = _written(tree)
    match tree:
        case ast.Constant(value=bool()):
            raise _refusal(text)
        case ast.Constant(value=int() | float() as number):
            return Number(text, float(number))
        case ast.Subscript(ast.Constant(int() | float() as number), ast.Constant(str() as unit)):
            return Number(text, float(number), parse_unit(unit))
        case ast.Subscript(ast.Name(name), ast.Constant(str() as unit)) if name == CURRENT:
            return Name(text, name, parse_unit(unit))
        case ast.Name() | ast.Attribute() if re.fullmatch(r"\w+(\.\w+)*", text):
            return Name(text, text)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Call(text, OPERATORS["negative"], (_node(operand),))
        case ast.BinOp(left=left, op=ast.Pow(), right=right) if (exponent := _number(right)) is not None:
            if abs(exponent) > _LARGEST:
                raise EquationError(f"`{text}` has an exponent larger than {_LARGEST:g}.")
            return Power(text, _node(left), exponent)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return Call(text, OPERATORS[_BINARY[type(op)]], (_node(left), _node(right)))
        case ast.BinOp(op=ast.BitXor()):
            raise EquationError(f"`{text}`: write powers with **.")
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(text, name, arguments)
        case _:
            raise _refusal(text)


def _call(text: str, name: str, arguments: list[ast.expr]) -> Node:
    if name not in FUNCTIONS:
        raise EquationError(f"`{text}`: there is no function {name!r}. {nearest(name, FUNCTIONS)}")
    function = FUNCTIONS[name]
    if not function.least <= len(arguments) <= function.most:
        takes = f"{function.least}" + f" to {function.most}" * (function.most > function.least)
        raise EquationError(f"`{text}`: {name} takes {takes} arguments; got {len(arguments)}.")
    if name == "where":
        return Call(text, function, (_condition(arguments[0]), *map(_node, arguments[1:])))
    return Call(text, function, tuple(map(_node, arguments)))


def _condition(tree: ast.expr) -> Node:
    match tree:
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            return Call(_written(tree), OPERATORS[_COMPARISONS[type(op)]], (_node(left), _node(right)))
        case ast.BoolOp(op=ast.And(), values=values):
            return Call(_written(tree), OPERATORS["and"], tuple(map(_condition, values)))
        case _:
            raise EquationError(
                f"`{_written(tree)}` is not a condition. `spikes_if` and the first argument of where must be "
                "comparisons by <, <=, > or >=, joined by `and`."
            )


def _number(tree: ast.expr) -> float | None:
    """The value of a literal such as `2` or `-2`; `None` for anything else."""
    match tree:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand) if (number := _number(operand)) is not None:
            return -number
        case _:
            return None


def _written(tree: ast.expr) -> str:
    return re.sub(r"\['([^']*)'\]", r"[\1]", ast.unparse(tree))


def _refusal(text: str) -> EquationError:
    return EquationError(
        f"`{text}` is not in the grammar of equations: names, numbers, + - * / **, parentheses, and the functions "
        f"{', '.join(FUNCTIONS)}. A unit in brackets follows a number or the current {CURRENT}."
    )
