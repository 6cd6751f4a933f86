"""How is an expression written, as text and as LaTeX?

    sum_z P(y | x, z) P(z)
    (sum_w P(x, y | w, r) P(w)) / (sum_w P(x | w, r) P(w))

A variable whose value is open stands in small letters where that leaves the names apart. A sum over a variable that
stands outside of it too is written with a prime: `sum_x' P(y | x', z) P(x')`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aetia.scm.language.expression import (
    Constant,
    Difference,
    Expectation,
    Expression,
    Probability,
    Product,
    Quotient,
    Sum,
    Variable,
)
from aetia.scm.language.query import Term
from aetia.scm.language.rewriting import free_variables, parts, terms

__all__ = ["to_latex", "to_text"]


def to_text(expression: Expression) -> str:
    """The expression in one line of text."""
    return _Writer(_TEXT, _symbols(expression)).write(expression, dict.fromkeys(free_variables(expression), 0), _LOOSE)


def to_latex(expression: Expression) -> str:
    """The expression as LaTeX, for mathematics mode."""
    return _Writer(_LATEX, _symbols(expression)).write(expression, dict.fromkeys(free_variables(expression), 0), _LOOSE)


_LOOSE, _SUMMAND, _FACTOR = range(3)
"""How tightly what stands around an expression binds."""


@dataclass(frozen=True)
class _Style:
    """The marks of one way of writing."""

    sum_sign: str
    bar: str
    do: str
    population: str
    expectation: str
    open_bracket: str
    close_bracket: str
    is_latex: bool


_TEXT = _Style("sum_", " | ", "do", "P^{}", "E", "(", ")", is_latex=False)
_LATEX = _Style(
    r"\sum_", r" \mid ", r"\operatorname{do}", r"P^{{{}}}", r"\mathbb{E}", r"\left(", r"\right)", is_latex=True
)


class _Writer:
    """Writes parts in scope: each name with as many primes as there are meanings of it further out."""

    def __init__(self, style: _Style, symbols: Mapping[str, str]) -> None:
        self.style, self.symbols = style, symbols

    def write(self, expression: Expression, scope: Mapping[str, int], around: int) -> str:
        match expression:
            case Product(factors):
                return self._product(factors, scope, around)
            case Quotient():
                return self._quotient(expression, scope, around)
            case Difference(minuend, subtrahend):
                first, second = self.write(minuend, scope, _LOOSE), self.write(subtrahend, scope, _SUMMAND)
                return self._bracketed(f"{first} - {second}", is_needed=around > _LOOSE)
            case Sum():
                return self._sum(expression, scope, around)
            case _:
                return self._leaf(expression, scope)

    def _leaf(self, expression: Constant | Variable | Probability | Expectation, scope: Mapping[str, int]) -> str:
        match expression:
            case Constant(value):
                return f"{value:g}" if float(value).is_integer() else str(value)
            case Variable(name):
                return self._symbol(name, scope)
            case Probability():
                return self._probability(expression, scope)
            case Expectation(outcome, given):
                bar = self._bar(given, (), scope)
                return f"{self.style.expectation}[{self._name(outcome.variable)}{bar}]"

    def _sum(self, expression: Sum, scope: Mapping[str, int], around: int) -> str:
        inner = dict(scope) | {name: scope[name] + 1 if name in scope else 0 for name in expression.over}
        names = ", ".join(self._symbol(name, inner) for name in expression.over)
        index = names if len(expression.over) == 1 and not self.style.is_latex else f"{{{names}}}"
        found = f"{self.style.sum_sign}{index} {self.write(expression.of, inner, _SUMMAND)}"
        return self._bracketed(found, is_needed=around == _FACTOR)

    def _product(self, factors: tuple[Expression, ...], scope: Mapping[str, int], around: int) -> str:
        if not factors:
            return "1"
        if len(factors) == 1:
            return self.write(factors[0], scope, around)
        # A sum reaches as far as it can: only the last factor may be one without brackets.
        last = _FACTOR if around == _FACTOR else _SUMMAND
        shown = [self.write(factor, scope, _FACTOR) for factor in factors[:-1]]
        tail = self.write(factors[-1], scope, last if isinstance(factors[-1], Sum) else _FACTOR)
        return " ".join([*shown, tail])

    def _quotient(self, expression: Quotient, scope: Mapping[str, int], around: int) -> str:
        if self.style.is_latex:
            above, below = (self.write(part, scope, _LOOSE) for part in parts(expression))
            return rf"\frac{{{above}}}{{{below}}}"
        shown = [
            f"({self.write(part, scope, _LOOSE)})" if parts(part) else self.write(part, scope, _FACTOR)
            for part in parts(expression)
        ]
        return self._bracketed(" / ".join(shown), is_needed=around == _FACTOR)

    def _probability(self, expression: Probability, scope: Mapping[str, int]) -> str:
        population = self._word(expression.population)
        head = self.style.population.format(population) if population else "P"
        event = ", ".join(self._term(term, scope) for term in expression.event)
        return f"{head}({event}{self._bar(expression.given, expression.do, scope)})"

    def _bar(self, given: tuple[Term, ...], do: tuple[Term, ...], scope: Mapping[str, int]) -> str:
        shown = [self._term(term, scope) for term in given]
        if do:
            shown.insert(0, f"{self.style.do}({', '.join(self._term(term, scope) for term in do)})")
        return self.style.bar + ", ".join(shown) if shown else ""

    def _term(self, term: Term, scope: Mapping[str, int]) -> str:
        if term.value is None:
            return self._symbol(term.variable, scope)
        return f"{self._name(term.variable)}={self._word(str(term.value))}"

    def _symbol(self, name: str, scope: Mapping[str, int]) -> str:
        shown = self.symbols[name]
        return (_latex_name(shown) if self.style.is_latex else shown) + "'" * scope.get(name, 0)

    def _name(self, name: str) -> str:
        return _latex_name(name) if self.style.is_latex else name

    def _word(self, word: str) -> str:
        if not self.style.is_latex or re.fullmatch(r"-?[0-9.]*", word) or re.fullmatch(r"[A-Za-z*]", word):
            return word
        return rf"\mathrm{{{_escaped(word)}}}"

    def _bracketed(self, text: str, *, is_needed: bool) -> str:
        return f"{self.style.open_bracket}{text}{self.style.close_bracket}" if is_needed else text


def _symbols(expression: Expression) -> dict[str, str]:
    """Of each variable how it is written when its value is open: small, if all names stay different."""
    names = sorted(set(_names(expression)))
    small = [name.lower() for name in names]
    return dict(zip(names, small if len(set(small)) == len(names) else names, strict=True))


def _names(expression: Expression) -> Iterator[str]:
    seen, waiting = set[int](), [expression]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        waiting.extend(parts(part))
        yield from (term.variable for term in terms(part))
        if isinstance(part, Sum):
            yield from part.over
        if isinstance(part, Variable):
            yield part.name


def _latex_name(name: str) -> str:
    """A letter with its number below; longer names upright as words."""
    simple = re.fullmatch(r"([A-Za-z])_?([0-9]*)", name)
    if simple:
        letter, number = simple.groups()
        return f"{letter}_{{{number}}}" if len(number) > 1 else f"{letter}_{number}" if number else letter
    return rf"\mathrm{{{_escaped(name)}}}"


def _escaped(word: str) -> str:
    replaced = {"\\": r"\backslash ", "~": r"\sim ", "^": r"\hat{}", " ": r"\ "}
    return "".join(replaced.get(letter, "\\" + letter if letter in "_{}$%&#" else letter) for letter in word)
