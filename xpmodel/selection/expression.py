"""Conditions that people type, such as ``teff < 5000 and m_h > -1``, and the stars they hold for.

Python's own parser reads them; only comparisons, arithmetic, and, or, not and a few functions
are known, so a text can compute, and do nothing else.
"""

from __future__ import annotations

import ast
import difflib
import io
import math
import operator
import re
import tokenize
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError

MAX_LENGTH = 2_000
# How deep an expression may be nested; a sum of n terms is n deep.
MAX_DEPTH = 100
# Whole numbers above this cannot be compared exactly once they are floats.
EXACT_FLOAT = 2**53
ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
COMPARISONS = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "log10": np.log10,
    "exp": np.exp,
}


class ExpressionError(InputError):
    """What is wrong with an expression, and where.

    Attributes
    ----------
    position : int
        Index of the character in the text.
    """

    def __init__(self, problem: str, text: str, position: int) -> None:
        self.position = min(max(position, 0), len(text))
        at = text[self.position : self.position + 20].split("\n")[0]
        where = f"at character {self.position + 1} ({at!r})" if at else "at its end"
        super().__init__(f"the expression {where}: {problem}")


@dataclass(frozen=True)
class _Condition:
    """For which stars something holds and for which it does not; neither where it is unknown."""

    holds: np.ndarray  # (N,) bool
    fails: np.ndarray  # (N,) bool


_Value: TypeAlias = np.ndarray | np.number | str | _Condition


def expression_mask(text: str, catalog: Catalog) -> np.ndarray:
    """The stars for which a condition holds.

    Parameters
    ----------
    text : str
        Comparisons (``<``, ``<=``, ``>``, ``>=``, ``==``, ``!=``, also in chains) of columns,
        numbers and quoted text, joined by ``and``, ``or``, ``not`` and parentheses, with
        ``+ - * / **``, ``abs``, ``sqrt``, ``log10`` and ``exp``.
    catalog : Catalog

    Returns
    -------
    ndarray, (N,) bool
        A star whose value is missing is in no comparison, negated or not; what the other parts
        of the expression say of it stands (Kleene's three-valued logic, as in SQL).

    Raises
    ------
    ExpressionError
        When the text is no such condition, or names a column that is not there.
    """
    text = _plain_lines(text)
    tree = _parse(text)
    evaluator = _Evaluator(text, catalog)
    with np.errstate(all="ignore"):  # what cannot be computed is NaN, and so unknown
        result = evaluator.visit(tree)
    if not isinstance(result, _Condition):
        raise ExpressionError("a condition is needed, such as teff < 5000", text, 0)
    return result.holds


def expression_columns(text: str) -> set[str]:
    """The names of columns that an expression uses.

    Raises
    ------
    ExpressionError
        When it cannot be read.
    """
    nodes = list(ast.walk(_parse(_plain_lines(text))))
    functions = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return {n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in functions}


def _plain_lines(text: str) -> str:
    # The parser takes a carriage return for the end of a line; every character keeps its place.
    return text.replace("\r", "\n")


def _parse(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters", text, MAX_LENGTH)
    _check_parentheses(text)
    # Parentheses let a text go over several lines; what they add is taken off positions.
    try:
        tree = ast.parse(f"({text}\n)", mode="eval").body
    except SyntaxError as error:
        line, column = error.lineno or 1, (error.offset or 1) - 1
        position = _position(text, line, column)
        problem = error.msg
        if position >= len(text):
            problem = "it ends too early"
        elif "'=='" in problem or text[position] == "=":
            problem = "equality is =="
        elif problem.startswith("invalid syntax"):
            problem = "cannot be read here"
        raise ExpressionError(problem, text, position) from None
    except (ValueError, MemoryError, RecursionError):
        raise ExpressionError("too complicated, or not text", text, 0) from None
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise ExpressionError(f"nested more than {MAX_DEPTH} deep", text, 0)
        level = [part for node in level for part in ast.iter_child_nodes(node)]
    return tree


def _check_parentheses(text: str) -> None:
    """Refuse parentheses of the text that would pair with those put around it."""
    opened = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(f"({text}\n)").readline):
            here = _position(text, *token.start)
            if token.type == tokenize.OP and token.string == "(":
                opened.append(here)
            elif token.type == tokenize.OP and token.string == ")":
                start = opened.pop()
                if here >= len(text) and opened:
                    raise ExpressionError("this parenthesis is never closed", text, start)
                if here < len(text) and not opened:
                    raise ExpressionError("no parenthesis is open here", text, here)
    except (tokenize.TokenError, SyntaxError):
        pass  # the parser says it better


def _position(text: str, line: int, column: int) -> int:
    """Index in the text of a place that the parser names, which counts our parenthesis."""
    lines = text.split("\n")
    return sum(len(s) + 1 for s in lines[: line - 1]) + column - (line == 1)


class _Evaluator(ast.NodeVisitor):
    """Values of an expression's parts: arrays, scalars, text or `_Condition`."""

    def __init__(self, text: str, catalog: Catalog) -> None:
        self._text = text
        self._catalog = catalog

    def _error(self, node: ast.expr, problem: str) -> ExpressionError:
        return ExpressionError(problem, self._text, self._place(node.lineno, node.col_offset))

    def _place(self, line: int, n_bytes: int) -> int:
        # The parser counts bytes of UTF-8 within a line.
        before = f"({self._text}\n)".split("\n")[line - 1].encode()[:n_bytes]
        return _position(self._text, line, len(before.decode(errors="ignore")))

    def _operator_error(self, node: ast.BinOp, problem: str) -> ExpressionError:
        """An error at the sign between two sides."""
        left, right = node.left, node.right
        start = self._place(left.end_lineno or 1, left.end_col_offset or 0)
        between = self._text[start : self._place(right.lineno, right.col_offset)]
        sign = re.search(r"[^\s()]", re.sub(r"#.*", lambda note: " " * len(note[0]), between))
        return ExpressionError(problem, self._text, start + (sign.start() if sign else 0))

    def generic_visit(self, node: ast.AST) -> None:
        """Refuse what is not known."""
        assert isinstance(node, ast.expr)  # `visit` is given no other
        raise self._error(node, "only comparisons, arithmetic, and, or, not are known here")

    def visit_Name(self, node: ast.Name) -> np.ndarray:
        catalog = self._catalog
        known = ["source_id", *catalog.numeric, *catalog.categorical]
        if node.id not in known:
            near = difflib.get_close_matches(node.id, known, 1)
            hint = f"; do you mean {near[0]}?" if near else ""
            raise self._error(node, f"no column {node.id!r} with values{hint}")
        return catalog[node.id]

    def visit_Constant(self, node: ast.Constant) -> np.number | str:
        value = node.value
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            exact = isinstance(value, int) and value >= EXACT_FLOAT
            if (exact and value >= 2**63) or value == math.inf:
                raise self._error(node, "too large a number")
            return np.int64(value) if exact else np.float64(value)
        raise self._error(node, f"{value!r} is neither a number nor text")

    def _number(self, node: ast.expr) -> np.ndarray:
        value = self.visit(node)
        if isinstance(value, _Condition | str) or np.asarray(value).dtype.kind not in "iuf":
            raise self._error(node, "a number or a numeric column is needed here")
        # float32 columns must not be compared at the precision of float32.
        value = np.asarray(value)
        if value.dtype == np.int64:
            return value
        value = np.asarray(value, np.float64)
        return np.where(np.isfinite(value), value, np.nan)

    def _condition(self, node: ast.expr) -> _Condition:
        value = self.visit(node)
        if not isinstance(value, _Condition):
            raise self._error(node, "a condition is needed here, such as teff < 5000")
        return value

    def visit_UnaryOp(self, node: ast.UnaryOp) -> np.ndarray | _Condition:
        if isinstance(node.op, ast.Not | ast.Invert):
            inner = self._condition(node.operand)
            return _Condition(inner.fails, inner.holds)
        value = self._number(node.operand)
        return -value if isinstance(node.op, ast.USub) else value

    def visit_BinOp(self, node: ast.BinOp) -> np.ndarray | _Condition:
        # & and | bind tighter than comparisons in Python, looser in a reader's mind: with
        # parentheses they are what numpy and pandas taught people to type.
        if isinstance(node.op, ast.BitAnd | ast.BitOr):
            parts = [self._condition(side) for side in (node.left, node.right)]
            return _all(parts) if isinstance(node.op, ast.BitAnd) else _any(parts)
        compute = ARITHMETIC.get(type(node.op))
        if compute is None:
            raise self._operator_error(node, "of arithmetic only + - * / ** are known")
        left, right = (np.asarray(self._number(n), np.float64) for n in (node.left, node.right))
        # Not so in IEEE 754: a power of what is missing is missing, be the exponent 0.
        return np.where(np.isnan(left) | np.isnan(right), np.nan, compute(left, right))

    def visit_BoolOp(self, node: ast.BoolOp) -> _Condition:
        parts = [self._condition(value) for value in node.values]
        return _all(parts) if isinstance(node.op, ast.And) else _any(parts)

    def visit_Call(self, node: ast.Call) -> np.ndarray:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name not in FUNCTIONS:
            raise self._error(node, f"of functions only {', '.join(FUNCTIONS)} are known")
        if len(node.args) != 1 or node.keywords:
            raise self._error(node, f"{name} takes one value")
        return FUNCTIONS[name](np.asarray(self._number(node.args[0]), np.float64))

    def visit_Compare(self, node: ast.Compare) -> _Condition:
        sides = [node.left, *node.comparators]
        return _all(
            [
                self._compare(op, left, right)
                for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
            ]
        )

    def _compare(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> _Condition:
        compute = COMPARISONS.get(type(op))
        if compute is None:
            raise self._error(right, "of comparisons only < <= > >= == != are known")
        a, b = self.visit(left), self.visit(right)
        if _is_text(a) or _is_text(b):
            if not (_is_text(a) and _is_text(b)) or not isinstance(op, ast.Eq | ast.NotEq):
                raise self._error(right, "text compares with text, by == or !=")
            known = np.logical_and(_present(a), _present(b))
            holds = compute(np.asarray(a, object), np.asarray(b, object))
        else:
            a, b = self._number(left), self._number(right)
            holds, known = compute(a, b), ~(np.isnan(a) | np.isnan(b))
        shape = (len(self._catalog),)
        holds, known = (np.broadcast_to(np.asarray(v, bool), shape) for v in (holds, known))
        return _Condition(holds & known, ~holds & known)


def _is_text(value: _Value) -> bool:
    return isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype.kind in "OU")


def _present(value: np.ndarray | str) -> np.ndarray | bool:
    return True if isinstance(value, str) else np.array([v is not None for v in value])


def _all(parts: Iterable[_Condition]) -> _Condition:
    parts = list(parts)
    holds = np.logical_and.reduce([p.holds for p in parts])
    return _Condition(holds, np.logical_or.reduce([p.fails for p in parts]))


def _any(parts: Iterable[_Condition]) -> _Condition:
    parts = list(parts)
    holds = np.logical_or.reduce([p.holds for p in parts])
    return _Condition(holds, np.logical_and.reduce([p.fails for p in parts]))
