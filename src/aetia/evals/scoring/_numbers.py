"""Which number does a reply say at a place? Percentages, fractions, thousands and powers of ten are read exactly."""

# ruff: noqa: RUF001  replies have such characters

import re
from collections import deque
from collections.abc import Iterator
from decimal import Context, Decimal
from fractions import Fraction

from aetia.evals.item import Item
from aetia.evals.scoring._choices import Reading
from aetia.evals.scoring._marks import Mark, Reply

__all__ = ["MORE_CUES", "decimal_text", "number_at", "number_in", "numbers", "numbers_mentioned"]

MORE_CUES = re.compile(
    r"\b(?:probability|effect|ate|ett|nde|nie|cde|result|value|difference|bound|total|sum|average)\b"
    r"|概率|效应|结果|数值|值"
)
"""Words before numbers that are an answer, if no cue of answers says another."""

_DIGITS = r"(?:\d{1,3}(?:,\d{3}){1,12}(?!\d)|\d{1,40})(?:\.\d{1,40})?|\.\d{1,40}"
_NUMBER = re.compile(
    r"(?<![a-z0-9_.])(?P<sign>[-+]\s?|(?:minus|negative)\s{1,2})?(?:"
    rf"\\?[dt]?frac\s?\{{\s?(?P<top>[-+]?\d{{1,20}})\s?\}}\s?\{{\s?(?P<under>\d{{1,20}})\s?\}}"
    rf"|(?P<digits>{_DIGITS})(?:e(?P<power>[-+]?\d{{1,3}}))?(?![\d])"
    r"(?:\s?(?:x|×|\*|\\times|times)\s?10(?:\s?\^\s?\{?\s?|\{|(?=[-+]\d))(?P<ten>[-+]?\d{1,3})\}?)?"
    r"(?:\s?/\s?(?P<over>\d{1,20})(?![\d./]))?)"
    r"(?P<percent>\s?\\?(?:%|percent\b|per cent\b))?"
    r"|百分之(?P<chinese>\d{1,10}(?:\.\d{1,10})?)"
)
_FILLER = re.compile(
    r"[\s,:\-–—>=({\[]{0,12}(?:(?:about|approximately|approx\.?|roughly|around|exactly|nearly|equal to|given by|just|"
    r"the|value|of|a|between|from|probability|probably|that|would be|is|be|therefore|thus|约|大约|大概|约为|"
    r"等于|是|为)[\s,:=]{0,3}){0,6}"
)
_NAME = re.compile(r"[a-z]{1,12}(?:\([^()\n]{0,60}\))?\s?=\s?")  # "P(Y=1|do(X=1)) = 0.3"
_RANGE = re.compile(
    r"\s{0,2}(?:,?\s?\b(?:or|and|to)\b(?!\s\d{1,2}\s(?:decimal|significant|digit|place|d\.?p))|或者?|到|和|至|-|–|~)\s{0,2}"
)
# What is counted may stand before the sign: "5 apples + 7 apples".
_OPERATOR = re.compile(
    r"\s{0,3}(?:[a-z]{2,20}\s{1,2}){0,2}(?:[+*/×÷=^<>]|-(?=[\s\d.(])|\\times|\\cdot|\\approx"
    r"|(?:x|times|plus|minus|divided by|multiplied by)\s{0,2}(?=[\d(])|(?<=\d)\((?=\d))"
)
_STAR = re.compile(r"\s?\*\s?(?=[\d(])")  # elsewhere a mark of bold letters
_EQUAL = re.compile(r"(?:=|≈|\\approx)\s{0,3}")
_CONTEXT = Context(prec=30)


def decimal_text(value: Fraction) -> str:
    """A number as a decimal, to 30 digits where it has more."""
    quotient = _CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return f"{quotient.normalize(_CONTEXT):f}" if quotient else "0"


def numbers(text: str) -> Iterator[tuple[int, int, Fraction, bool]]:
    """Every number of a plain text: where it begins and ends, its value, and whether it is a percentage."""
    for found in _NUMBER.finditer(text):
        value = _value(found)
        if value is not None:
            yield found.start(), found.end(), value, found["percent"] is not None or found["chinese"] is not None


def number_in(text: str) -> Fraction | None:
    """The number that a text is; None if it is none."""
    found = _NUMBER.fullmatch(text.strip().strip("\"'$ .").lower().replace("−", "-"))
    return _value(found) if found is not None else None


def number_at(reply: Reply, mark: Mark, item: Item) -> Reading | None:  # noqa: ARG001  as the other readers
    """The number that is said there; of a calculation its last result, and several of "0.2 or 0.3"."""
    text = reply.plain
    filler = _FILLER.match(text, mark.place, mark.end)
    start = filler.end() if filler is not None else mark.place
    if start and text[start - 1] == "-":
        start -= 1  # a sign, not a dash
    name = _NAME.match(text, start, mark.end)
    start = name.end() if name is not None else start
    found = _NUMBER.match(text, start)
    value = _value(found) if found is not None else None
    if found is None or value is None:
        return None
    operator = _OPERATOR.match(text, found.end(), mark.end) or _STAR.match(reply.raw, found.end(), mark.end)
    if operator is not None:
        return _last_result(text, found.end(), mark.end)
    joint = _RANGE.match(text, found.end(), mark.end)
    second = _NUMBER.match(text, joint.end()) if joint is not None else None
    other = _value(second) if second is not None else None
    if second is not None and other is not None and other != value:
        return Reading((decimal_text(value), decimal_text(other)), second.end())
    return Reading((decimal_text(value),), found.end())


def numbers_mentioned(reply: Reply) -> Iterator[tuple[int, str]]:
    """The numbers of a reply, as decimals; of more than 400 the last."""
    for found in deque(_NUMBER.finditer(reply.plain), maxlen=400):
        value = _value(found)
        if value is not None:
            yield found.start(), decimal_text(value)


def _last_result(text: str, start: int, end: int) -> Reading | None:
    reading: Reading | None = None
    for equal in _EQUAL.finditer(text, start, end):
        found = _NUMBER.match(text, equal.end())
        value = _value(found) if found is not None else None
        if found is not None and value is not None:
            reading = Reading((decimal_text(value),), found.end())
    return reading


def _value(found: re.Match[str]) -> Fraction | None:
    if found["chinese"] is not None:
        return Fraction(found["chinese"]) / 100
    if found["top"] is not None:
        under = int(found["under"])
        value = Fraction(int(found["top"]), under) if under else None
    else:
        value = Fraction(found["digits"].replace(",", ""))
        value *= Fraction(10) ** (_power(found["power"]) + _power(found["ten"]))
        if found["over"] is not None:
            value = value / int(found["over"]) if int(found["over"]) else None
    if value is None:
        return None
    value = -value if found["sign"] is not None and found["sign"][0] in "-mn" else value
    return value / 100 if found["percent"] is not None else value


def _power(text: str | None) -> int:
    return max(-60, min(60, int(text))) if text else 0
