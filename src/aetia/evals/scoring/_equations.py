"""Which equations and quantities does a text state, and do the equations hold?

Numbers are exact fractions; a result that is shown to so many digits may be rounded, or cut off, at the last.
"""

# ruff: noqa: RUF001  replies have such characters

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Equation", "agrees", "equations", "quantities"]

_TOKEN = re.compile(r"\s*(?:(?P<number>\d{1,30}(?:\.\d{1,30})?|\.\d{1,30})(?P<percent>\s?%)?|(?P<sign>[-+*/()^]))")
_SIDE = frozenset("0123456789.+-*/()% \t×÷·−")
_SIGNS = str.maketrans("×÷·−", "*/*-")
_REACH = 240  # letters of a side of an equation
_LAST = 400  # equations of a reply, the last of them
_QUANTITY = re.compile(
    r"(?P<name>\b(?:P|E)\((?:[^()\n]|\([^()\n]{0,40}\)){1,100}\)(?:\s?-\s?P\((?:[^()\n]|\([^()\n]{0,40}\)){1,100}\))?"
    r"|\b(?:ATE|CDE|ETT|NDE|NIE|TE|PN|PS|PNS)\b)\s{0,3}(?:=|≈|is|为|是)\s{0,3}(?>(?P<value>-?\d{1,30}(?:\.\d{1,30})?)(?P<percent>%)?)"
    r"(?!\s{0,3}[-+*/×÷·])"
)


@dataclass(frozen=True)
class Equation:
    """A calculation that is written down.

    Args:
        text: As it is written.
        value: What its left side is.
        said: What its right side is.
        numbers: The numbers of the left side.
        digits: How many decimals the right side shows.
    """

    text: str
    value: Fraction
    said: Fraction
    numbers: tuple[Fraction, ...]
    digits: int

    @property
    def holds(self) -> bool:
        """Whether both sides are equal, up to the last digit shown; 0.3 = 30% is."""
        return agrees(self.value, self.said, self.digits) or self.said == 100 * self.value


def equations(text: str) -> Iterator[Equation]:
    """Every calculation of a text whose left side has an operator and whose right side is a number or a calculation."""
    for found in deque(re.finditer(r"=|≈|≃", text), maxlen=_LAST):
        start, end = found.start(), found.end()
        while start > max(0, found.start() - _REACH) and text[start - 1] in _SIDE:
            start -= 1
        while end < min(len(text), found.end() + _REACH) and text[end] in _SIDE:
            end += 1
        left = _longest(text[start : found.start()], from_end=True)
        if left is None or len(left[1]) < 2:  # most are names of probabilities, as in P(B=1)
            continue
        right = _longest(text[found.end() : end], from_end=False)
        if right is None:
            continue
        shown = text[found.end() : end].translate(_SIGNS)
        digits = max((len(one) for one in re.findall(r"\d\.(\d{1,30})", shown)), default=0)
        digits += 2 if "%" in shown else 0
        yield Equation(text[start:end].strip(), left[0], right[0], left[1], digits)


def quantities(text: str) -> Iterator[tuple[str, Fraction, int]]:
    """Every named quantity with its value and how many decimals are shown, as in `P(B=1|A=0) = 0.4358`."""
    for found in deque(_QUANTITY.finditer(text), maxlen=_LAST):
        value, digits = Fraction(found["value"]), len(found["value"].partition(".")[2])
        if found["percent"]:
            value, digits = value / 100, digits + 2
        yield re.sub(r"\s+", "", found["name"]), value, digits


def agrees(exact: Fraction, said: Fraction, digits: int) -> bool:
    """Whether a number that is shown to so many decimals may be the exact one, rounded or cut off."""
    return abs(exact - said) < Fraction(1, 10**digits) if digits else exact == said


def _longest(text: str, *, from_end: bool) -> tuple[Fraction, tuple[Fraction, ...]] | None:
    """The value of the longest part at that end of a text that is a calculation, with its numbers."""
    tokens = _tokens(text.translate(_SIGNS))
    for cut in range(len(tokens)):
        part = tokens[cut:] if from_end else tokens[: len(tokens) - cut]
        if not from_end and part[-1] in {"+", "-", "*", "/"}:
            continue
        value = _evaluated(part)
        if value is not None:
            return value, tuple(one for one in part if isinstance(one, Fraction))
    return None


def _tokens(text: str) -> list[Fraction | str]:
    found: list[Fraction | str] = []
    place = 0
    while place < len(text) and len(found) < 60:
        token = _TOKEN.match(text, place)
        if token is None:
            place += 1
            continue
        if token["number"] is not None:
            found.append(Fraction(token["number"]) / (100 if token["percent"] else 1))
        else:
            found.append(token["sign"])
        place = token.end()
    return found


def _evaluated(tokens: list[Fraction | str]) -> Fraction | None:
    """The value of a calculation; None if it is none, or divides by zero."""
    value, place = _sum(tokens, 0, 0)
    return value if place == len(tokens) else None


def _sum(tokens: list[Fraction | str], place: int, depth: int) -> tuple[Fraction | None, int]:
    total, place = _product(tokens, place, depth)
    while total is not None and place < len(tokens) and tokens[place] in {"+", "-"}:
        sign = 1 if tokens[place] == "+" else -1
        further, place = _product(tokens, place + 1, depth)
        total = None if further is None else total + sign * further
    return total, place


def _product(tokens: list[Fraction | str], place: int, depth: int) -> tuple[Fraction | None, int]:
    total, place = _factor(tokens, place, depth)
    while total is not None and place < len(tokens) and (tokens[place] in {"*", "/"} or tokens[place] == "("):
        is_division = tokens[place] == "/"
        further, place = _factor(tokens, place if tokens[place] == "(" else place + 1, depth)
        if further is None or (is_division and not further):
            return None, place
        total = total / further if is_division else total * further
    return total, place


def _factor(tokens: list[Fraction | str], place: int, depth: int) -> tuple[Fraction | None, int]:
    item = tokens[place] if place < len(tokens) and depth < 20 else None
    if isinstance(item, Fraction):
        return item, place + 1
    if item == "-":
        value, place = _factor(tokens, place + 1, depth + 1)
        return (None if value is None else -value), place
    if item == "(":
        value, place = _sum(tokens, place + 1, depth + 1)
        is_closed = place < len(tokens) and tokens[place] == ")"
        return (value, place + 1) if is_closed else (None, place)
    return None, place
