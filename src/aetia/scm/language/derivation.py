"""How was an answer found? Its steps, each with formula, numbers and result."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from aetia.scm.language.expression import Expectation, Expression, Probability
from aetia.scm.language.printing import to_latex, to_text
from aetia.scm.language.query import Query
from aetia.scm.language.rewriting import parts

__all__ = ["Answer", "Number", "Step", "number_to_text"]

Number = float | Fraction

_LARGEST_DENOMINATOR = 100_000


@dataclass(frozen=True)
class Step:
    """One step of a derivation.

    Args:
        says: What the step does, a sentence: `P(Y) under do(X=1) by the back-door set {Z}`.
        target: What the step finds, in text: `P(Y=1 | do(X=1))`.
        formula: The expression that it is equal to.
        substituted: The same with the numbers put in, in text; empty where there are too many to be read.
        result: The number.
    """

    says: str
    target: str
    formula: Expression
    substituted: str
    result: Number

    def __str__(self) -> str:
        shown = [self._formula(to_text), self.substituted, number_to_text(self.result)]
        equal = [line for place, line in enumerate(shown) if line and line not in shown[:place]]
        return "\n".join([self.says, f"  {self.target}", *(f"    = {line}" for line in equal)])

    @property
    def latex(self) -> str:
        """The step as lines of an `align*`: what it finds, the formula, the numbers."""
        result = number_to_text(self.result)
        numbers = "" if self.substituted in {"", result} else self.substituted.replace("·", r"\cdot")
        lines = [self._formula(to_latex), numbers, result.replace("e-", r"\mathrm{e-}")]
        equal = [line for place, line in enumerate(lines) if line and line not in lines[:place]]
        return f"{_latex(self.target)} &= " + " \\\\\n&= ".join(equal)

    def _formula(self, write: Callable[[Expression], str]) -> str:
        """The formula written; empty if it is of numbers alone, which the substituted one shows better."""
        has_names = any(isinstance(part, Probability | Expectation) for part in _leaves(self.formula))
        return write(self.formula) if has_names else ""


def _leaves(formula: Expression) -> Iterator[Expression]:
    inside = parts(formula)
    for part in inside:
        yield from _leaves(part)
    if not inside:
        yield formula


@dataclass(frozen=True)
class Answer:
    """A query's exact answer and how it came about.

    Args:
        query: What was asked.
        value: The number.
        steps: The derivation, first step first.
        assumption: What had to be assumed beyond the model; empty if nothing.
    """

    query: Query
    value: Number
    steps: tuple[Step, ...]
    assumption: str = ""

    def __str__(self) -> str:
        numbered = [f"{place}. {step}".replace("\n", "\n   ") for place, step in enumerate(self.steps, 1)]
        assumed = [f"Assumed: {self.assumption}"] if self.assumption else []
        return "\n".join([f"{self.query} = {number_to_text(self.value)}", *assumed, *numbered])

    @property
    def latex(self) -> str:
        """The derivation as LaTeX paragraphs: each step's sentence, then its equations."""
        parts = [f"{_prose(step.says)}\n\\begin{{align*}}\n{step.latex}\n\\end{{align*}}" for step in self.steps]
        assumed = [f"Assumed: {_prose(self.assumption)}"] if self.assumption else []
        return "\n\n".join([*assumed, *parts])


def number_to_text(number: Number) -> str:
    """A fraction as it is, unless it is too long to be read; else six figures."""
    if isinstance(number, Fraction) and number.denominator <= _LARGEST_DENOMINATOR:
        return str(number)
    return f"{float(number):.6g}"


def _latex(target: str) -> str:
    """The text of a query as LaTeX: worlds as subscripts, `do` upright, names in italics."""
    found, closing = "", list[str]()
    for piece in re.findall(r"\w+|\s+|->|[^\w\s]", target):
        if piece == "[":
            is_mean = bool(re.search(r"(^|[^A-Za-z}])E$", found))
            closing.append("]" if is_mean else "}")
            found += "[" if is_mean else "_{"
        elif piece == "]" and closing:
            found += closing.pop()
        else:
            found += _piece(piece)
    return found


def _piece(piece: str) -> str:
    marks = {"|": r"\mid", "->": r"\to", "·": r"\cdot", "do": r"\mathrm{do}", "vs": r"\text{ vs }"}
    if piece in marks:
        return marks[piece]
    if len(piece) > 1 and (piece[0].isalpha() or "_" in piece):
        return rf"\mathit{{{_escaped(piece)}}}"
    return piece if piece.isspace() else _escaped(piece)


def _escaped(text: str) -> str:
    return re.sub(r"[_%&#${}]", lambda sign: "\\" + sign.group(), text).replace("^", r"\hat{}")


def _prose(text: str) -> str:
    """A sentence for LaTeX: its signs escaped."""
    arrows = {"<->": r"$\leftrightarrow$", "->": r"$\to$", "<-": r"$\leftarrow$"}
    return "".join(arrows.get(part) or _escaped(part) for part in re.split(r"(<->|->|<-)", text))
