"""Arithmetic in a spec: text -> a function of the names in scope, by a whitelist, never `eval`.

Only what `_COMPILERS` lists has a meaning: of calls those of `FUNCTIONS`. Attributes and lambdas have none.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

MAX_LENGTH = 500
MAX_POWER = 64
MAX_NESTING = 50
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\Z")
"""The label of a step in a labelled block, as an argument: stem.fine."""

Variables = Mapping[str, Any]
Evaluate = Callable[[Variables], Any]


class ExpressionError(Exception):
    """An expression is wrong at `offset` (characters from its start, `length` of them)."""

    def __init__(self, message: str, offset: int = 0, length: int = 1, unknown: str | None = None):
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.length = length
        self.unknown = unknown


class Expression(NamedTuple):
    """A compiled expression and the names it reads."""

    evaluate: Evaluate
    names: frozenset[str]
    name: str | None  #: the text, if the whole expression is one bare word


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Expression:
    """Compile an expression. Raises ExpressionError if it is not one."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression of more than {MAX_LENGTH} characters")
    if _PATH.match(text.strip()):
        return Expression(lambda scope: text.strip(), frozenset(), text.strip())
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        offset = (getattr(error, "offset", 1) or 1) - 1
        raise ExpressionError("not an arithmetic expression", min(offset, max(len(text) - 1, 0))) from None
    names: set[str] = set()
    evaluate = _compile(tree, names, 0)
    return Expression(evaluate, frozenset(names), tree.id if isinstance(tree, ast.Name) else None)


def between_commas(text: str) -> list[str]:
    """The parts of a text between the commas that stand in no bracket."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _compile(tree: ast.expr, names: set[str], depth: int) -> Evaluate:
    compiler = _COMPILERS.get(type(tree))
    if compiler is None or depth > MAX_NESTING:
        what = _FORBIDDEN.get(type(tree), "this")
        raise ExpressionError(f"{what} is not allowed in an expression", tree.col_offset, _length(tree))
    return compiler(tree, names, depth + 1)


def _length(tree: ast.expr) -> int:
    return max(1, (tree.end_col_offset or tree.col_offset + 1) - tree.col_offset)


def _name(tree: ast.Name, names: set[str], depth: int) -> Evaluate:
    name, offset = tree.id, tree.col_offset
    if name in ("true", "false"):
        truth = name == "true"
        return lambda scope: truth
    names.add(name)

    def look_up(scope: Variables) -> Any:
        try:
            return scope[name]
        except KeyError:
            raise ExpressionError(f"unknown name {name!r}", offset, len(name), unknown=name) from None

    return look_up


def _constant(tree: ast.Constant, names: set[str], depth: int) -> Evaluate:
    value = tree.value
    if not isinstance(value, (bool, int, float, str)):
        raise ExpressionError("only numbers and words are values", tree.col_offset, _length(tree))
    return lambda scope: value


def _arithmetic(tree: ast.BinOp, names: set[str], depth: int) -> Evaluate:
    function = _BINARY.get(type(tree.op))
    if function is None:
        raise ExpressionError("only + - * / // % ** are operators", tree.col_offset, _length(tree))
    left, right = _compile(tree.left, names, depth), _compile(tree.right, names, depth)
    offset, length = tree.col_offset, _length(tree)

    def apply(scope: Variables) -> Any:
        a, b = left(scope), right(scope)
        if not isinstance(a, (int, float)) or not isinstance(b, (int, float)):
            wrong = b if isinstance(a, (int, float)) else a
            raise ExpressionError(f"{_shown(wrong)} is not a number", offset, length)
        try:
            return function(a, b)
        except ZeroDivisionError:
            raise ExpressionError("division by zero", offset, length) from None
        except OverflowError:
            raise ExpressionError("a number too large", offset, length) from None

    return apply


def _unary(tree: ast.UnaryOp, names: set[str], depth: int) -> Evaluate:
    function = _UNARY.get(type(tree.op))
    if function is None:
        raise ExpressionError("only - and not stand before a value", tree.col_offset, _length(tree))
    operand = _compile(tree.operand, names, depth)
    offset, length = tree.col_offset, _length(tree)

    def apply(scope: Variables) -> Any:
        value = operand(scope)
        if function is not operator.not_ and not isinstance(value, (int, float)):
            raise ExpressionError(f"{_shown(value)} is not a number", offset, length)
        return function(value)

    return apply


def _compare(tree: ast.Compare, names: set[str], depth: int) -> Evaluate:
    terms = [_compile(term, names, depth) for term in (tree.left, *tree.comparators)]
    functions = [_COMPARE.get(type(op)) for op in tree.ops]
    offset, length = tree.col_offset, _length(tree)
    if None in functions:
        raise ExpressionError("only == != < <= > >= compare", offset, length)

    def apply(scope: Variables) -> bool:
        values = [term(scope) for term in terms]
        try:
            return all(f(a, b) for f, a, b in zip(functions, values, values[1:], strict=False) if f)
        except TypeError:
            raise ExpressionError("these cannot be compared", offset, length) from None

    return apply


def _boolean(tree: ast.BoolOp, names: set[str], depth: int) -> Evaluate:
    terms = [_compile(term, names, depth) for term in tree.values]
    if isinstance(tree.op, ast.And):
        return lambda scope: all(term(scope) for term in terms)
    return lambda scope: any(term(scope) for term in terms)


def _call(tree: ast.Call, names: set[str], depth: int) -> Evaluate:
    offset, length = tree.col_offset, _length(tree)
    called = tree.func.id if isinstance(tree.func, ast.Name) else ""
    if called not in FUNCTIONS:
        raise ExpressionError(f"only {', '.join(FUNCTIONS)} can be called", offset, length)
    function, fewest, most = FUNCTIONS[called]
    if tree.keywords or not fewest <= len(tree.args) <= most:
        count = "one number" if most == 1 else "two or more numbers"
        raise ExpressionError(f"{called} takes {count}", offset, length)
    arguments = [_compile(argument, names, depth) for argument in tree.args]

    def apply(scope: Variables) -> Any:
        values = [argument(scope) for argument in arguments]
        if wrong := [value for value in values if not isinstance(value, (int, float))]:
            raise ExpressionError(f"{_shown(wrong[0])} is not a number", offset, length)
        try:
            return function(*values)
        except (OverflowError, ValueError):
            raise ExpressionError("a number too large", offset, length) from None

    return apply


def _element(tree: ast.Subscript, names: set[str], depth: int) -> Evaluate:
    whole, place = _compile(tree.value, names, depth), _compile(tree.slice, names, depth)
    offset, length = tree.col_offset, _length(tree)

    def apply(scope: Variables) -> Any:
        values, index = whole(scope), place(scope)
        if not isinstance(values, (list, tuple)):
            raise ExpressionError("only a list has elements", offset, length)
        if isinstance(index, bool) or not isinstance(index, int):
            raise ExpressionError("an element is named by a whole number, from 0", offset, length)
        try:
            return values[index]
        except IndexError:
            raise ExpressionError(f"the list has {len(values)} elements, from 0", offset, length) from None

    return apply


def _choice(tree: ast.IfExp, names: set[str], depth: int) -> Evaluate:
    test, then, otherwise = (_compile(term, names, depth) for term in (tree.test, tree.body, tree.orelse))
    return lambda scope: then(scope) if test(scope) else otherwise(scope)


def _power(a: float, b: float) -> Any:
    if abs(b) > MAX_POWER or abs(a) > 1e6 or (a == 0 and b < 0) or (a < 0 and not float(b).is_integer()):
        raise OverflowError
    return a**b


def _multiply(a: float, b: float) -> Any:
    if abs(a) > 1e30 or abs(b) > 1e30:
        raise OverflowError
    return a * b


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else "a list" if isinstance(value, (list, tuple)) else "it"


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _multiply,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
MANY = 20
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "min": (min, 2, MANY),
    "max": (max, 2, MANY),
    "ceil": (math.ceil, 1, 1),
    "floor": (math.floor, 1, 1),
    "round": (round, 1, 1),
    "int": (int, 1, 1),
}
"""What an expression may call, as Python has it (halves to even); its least and most arguments."""
_COMPILERS: dict[type[ast.expr], Callable[[Any, set[str], int], Evaluate]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.BinOp: _arithmetic,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.IfExp: _choice,
    ast.Call: _call,
    ast.Subscript: _element,
}
_FORBIDDEN: dict[type[ast.expr], str] = {
    ast.Slice: "a part of a list",
    ast.Attribute: "an attribute",
    ast.Lambda: "a lambda",
    ast.List: "a list",
    ast.Tuple: "a list",
    ast.Dict: "a mapping",
    ast.ListComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.Starred: "a star",
    ast.NamedExpr: "an assignment",
    ast.Await: "await",
    ast.JoinedStr: "a formatted string",
}
