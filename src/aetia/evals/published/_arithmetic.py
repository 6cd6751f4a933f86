"""What is the value of a sum as a person writes it, such as `1,000*20%` or `(2+3)/4`?"""

import ast
import operator
import re
from collections.abc import Callable
from fractions import Fraction

__all__ = ["value_of"]

_LONGEST = 200  # characters of a sum
_POWER = 64  # the largest exponent
_KEPT = re.compile(r"[^0-9.+\-*/()]")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?|\.\d+)%")
_ZEROS = re.compile(r"(?<![\d.])0+(?=\d)")
_OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def value_of(text: str) -> Fraction | None:
    """The exact value of a sum of decimals, with + - * / ** and brackets; None if it is none.

    Commas, spaces, units and currency signs are passed over, `x` and its like are times, and `%` is a hundredth.
    """
    if len(text) > _LONGEST:
        return None
    plain = _PERCENT.sub(r"(\1/100)", text.replace(",", "").replace("\u00d7", "*").replace("x", "*"))
    plain = _ZEROS.sub("", _KEPT.sub("", plain))
    try:
        return _value(ast.parse(plain, mode="eval").body, plain)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError):
        return None


def _value(node: ast.expr, source: str) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return Fraction(ast.get_source_segment(source, node) or "")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        inner = _value(node.operand, source)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, source), _value(node.right, source)
        if type(node.op) in _OPERATIONS:
            return _OPERATIONS[type(node.op)](left, right)
        if isinstance(node.op, ast.Pow) and right.denominator == 1 and abs(right) <= _POWER:
            return left ** int(right)
    raise ValueError(source)
