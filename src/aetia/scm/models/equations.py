"""What model do these equations describe?

    L in {0, 1}
    MD in {0, 1}
    FF = L or MD

A line gives a variable's values, its equation, or both (`FF in {0, 1} = L or MD`). An equation is an expression over
other variables: `and or not`, comparisons, `+ - * // %`, `min max`, `a if condition else b`, numbers, texts in
quotes and parentheses. It is read, never run as a program.
"""

import ast
import itertools
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

import numpy as np

from aetia.errors import CausalModelError, QueryError
from aetia.scm.language.query import Value
from aetia.scm.models.discrete import DiscreteModel, Mechanism

__all__ = ["Formula", "formula_of", "model_from_equations"]

_BINARY: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[..., bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_CALLS: Mapping[str, Callable[[Iterable[int]], int]] = {"min": min, "max": max}
_BOOLEAN: tuple[Value, ...] = (0, 1)
_LARGEST_TABLE = 1_000_000

_LINE = re.compile(r"^\s*(?P<name>\w+)\s*(?:in\s*\{(?P<values>[^}]*)\})?\s*(?:=(?!=)\s*(?P<formula>.+?))?\s*$")


class Formula:
    """An expression over variables, read once and then evaluated for any values of theirs.

    Args:
        text: The expression.
        tree: What it was parsed to, known to hold nothing but the operations above.
    """

    def __init__(self, text: str, tree: ast.expr) -> None:
        self.text = text
        self._tree = tree

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables it reads, in the order of their first mention."""
        calls = {id(node.func) for node in ast.walk(self._tree) if isinstance(node, ast.Call)}
        names = [node for node in ast.walk(self._tree) if isinstance(node, ast.Name) and id(node) not in calls]
        return tuple(dict.fromkeys(node.id for node in sorted(names, key=lambda node: (node.lineno, node.col_offset))))

    def __call__(self, world: Mapping[str, Value]) -> Value:
        """Its value where the variables have these values.

        Raises:
            CausalModelError: AE-7603 the operation has no value there (a division by zero, a sum of texts).
        """
        try:
            return _value(self._tree, world)
        except (ArithmeticError, TypeError) as problem:
            where = ", ".join(f"{name}={world[name]}" for name in self.variables)
            found = f"{self.text} has no value at {where}: {problem}."
            raise CausalModelError("AE-7603", found, mend="give it a value for all values of its parents.") from problem


def formula_of(text: str) -> Formula:
    """The expression that this text is.

    Raises:
        QueryError: AE-7601 the text is no expression of the operations above; the place is shown.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        for node in ast.walk(tree):
            _check(node)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        column = (getattr(problem, "offset", None) or 1) - 1
        details = (text.strip().replace("\n", " "), " " * column + "^")
        mend = "use and, or, not, comparisons, + - * // %, min, max and a if b else c over variables; == compares."
        raise QueryError("AE-7601", "The expression cannot be read.", mend=mend, details=details) from problem
    return Formula(text.strip(), tree)


def model_from_equations(text: str) -> DiscreteModel:
    """The functional model of these equations, a line or a clause between semicolons each.

    A variable without an equation is a root; nothing is said of how likely its values are, so that all are equally.
    A variable for which no values are named is 0 or 1.

    Example:
        >>> model_from_equations("FF = L or MD").graph.order
        ('L', 'MD', 'FF')

    Raises:
        QueryError: AE-7601 an equation cannot be read; AE-7602 a line is none.
        CausalModelError: AE-7603 an equation gives a value that its variable cannot take; AE-7604 its table would have
            more than a million rows.
        GraphError: AE-7103 the equations go in a circle.
    """
    values: dict[str, tuple[Value, ...]] = {}
    formulas: dict[str, Formula] = {}
    for line in filter(str.strip, re.split(r"[;\n]", text)):
        name, domain, formula = _line(line)
        if name in formulas or (name in values and domain):
            raise QueryError("AE-7602", f"{name} is said twice.", mend="give a variable one line.")
        if formula:
            formulas[name] = formula_of(formula)
        if domain or name not in values:
            values[name] = domain or _BOOLEAN
    for formula in formulas.values():
        values |= {name: _BOOLEAN for name in formula.variables if name not in values}
    roots = [name for name in values if name not in formulas]
    ordered = {name: values[name] for name in [*roots, *formulas]}
    tables = {name: _mechanism(name, formulas.get(name), ordered) for name in ordered}
    model = DiscreteModel(ordered, tables)
    assert model.graph.order is not None
    return model


def _line(line: str) -> tuple[str, tuple[Value, ...], str | None]:
    """The name, the values (none if not said) and the equation of a line."""
    match = _LINE.match(line)
    if match is None:
        mend = "write lines such as `X in {0, 1}`, `Y = X and not Z` or `Y in {0, 1, 2} = X + Z`."
        raise QueryError("AE-7602", f"The line {line.strip()!r} is no equation.", mend=mend)
    inside = (match["values"] or "").strip()
    domain = tuple(_literal(part) for part in inside.split(",")) if inside else ()
    return match["name"], domain, match["formula"]


def _literal(text: str) -> Value:
    word = text.strip().strip("'\"")
    return int(word) if re.fullmatch(r"-?\d+", word) else word


def _mechanism(name: str, formula: Formula | None, values: Mapping[str, tuple[Value, ...]]) -> Mechanism:
    own = values[name]
    if formula is None:
        return Mechanism(name, (), np.array([Fraction(1, len(own))] * len(own), dtype=object))
    parents = formula.variables
    sizes = [len(values[parent]) for parent in parents]
    if math.prod(sizes) * len(own) > _LARGEST_TABLE:
        found = f"The table of {name} would have {math.prod(sizes):,} rows of {len(own)} values."
        raise CausalModelError("AE-7604", found, mend="put variables between it and its parents, as sums of sums.")
    table = np.full([*sizes, len(own)], Fraction(0), dtype=object)
    for place in itertools.product(*map(range, sizes)):
        world = {parent: values[parent][index] for parent, index in zip(parents, place, strict=True)}
        value = formula(world)
        if value not in own:
            where = ", ".join(f"{parent}={world[parent]}" for parent in parents)
            found = f"{name} = {formula.text} gives {value} at {where}; {name} is one of {', '.join(map(str, own))}."
            raise CausalModelError("AE-7603", found, mend=f"name its values: `{name} in {{...}} = ...`.")
        table[(*place, own.index(value))] = Fraction(1)
    return Mechanism(name, parents, table)


def _check(node: ast.AST) -> None:
    """Refuses what is not one of the operations above.

    Raises:
        SyntaxError: With the offset of the place.
    """
    match node:
        case ast.Constant(value=int() | str()) | ast.Name() | ast.BoolOp() | ast.IfExp():
            return
        case ast.BinOp(op=op) if type(op) in _BINARY:
            return
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            return
        case ast.Compare(ops=ops) if all(type(op) in _COMPARISONS for op in ops):
            return
        case ast.Call(func=ast.Name(id=name), args=[_, *_], keywords=[]) if name in _CALLS:
            return
        case ast.expr():
            raise SyntaxError("not allowed", ("", 1, node.col_offset + 1, ""))


def _value(node: ast.expr, world: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=(int() | str()) as value):
            found: Value = value
        case ast.Name(id=name):
            found = world[name]
        case ast.BoolOp(op=op, values=parts):
            holds = all if isinstance(op, ast.And) else any
            found = int(holds(_value(part, world) for part in parts))
        case ast.UnaryOp(op=op, operand=operand):
            found = int(not _value(operand, world)) if isinstance(op, ast.Not) else -_number(operand, world)
        case ast.BinOp(left=left, op=op, right=right):
            found = _BINARY[type(op)](_number(left, world), _number(right, world))
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [_value(side, world) for side in (left, *others)]
            pairs = zip(sides, ops, sides[1:], strict=False)
            found = int(all(_COMPARISONS[type(op)](first, second) for first, op, second in pairs))
        case ast.IfExp(test=test, body=body, orelse=other):
            found = _value(body if _value(test, world) else other, world)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            found = _CALLS[name]([_number(argument, world) for argument in arguments])
        case _:
            raise TypeError(f"{ast.unparse(node)} is no operation")
    return found


def _number(node: ast.expr, world: Mapping[str, Value]) -> int:
    value = _value(node, world)
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return value
