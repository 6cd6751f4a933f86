"""Which answer does a reply give?

A reply is read by what answers look like, not by one pattern: objects `{"ANSWER": ...}`, boxes, cues ("the answer is",
"所以答案是"), answers alone on a line or at the beginning, and, failing these, what alone is mentioned. The plainest
kind that there is decides, and of that kind the last: reasoning changes its mind. A reply that refuses to answer, or
only repeats its prompt, has no answer; one that asserts two at once has several, which is told apart.

Reading takes time in proportion to the reply's length and never fails, whatever the reply.
"""

# ruff: noqa: RUF001  replies have such characters

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import TypeAlias

from aetia.evals.item import Item
from aetia.evals.scoring._choices import Reading, option_at, options_mentioned, yes_at, yes_mentioned
from aetia.evals.scoring._marks import Mark, Reply, Strength, alone, boxes, cues, objects, reply_of
from aetia.evals.scoring._numbers import MORE_CUES, decimal_text, number_at, number_in, numbers, numbers_mentioned

__all__ = ["Answer", "Statement", "extract", "is_right", "normal_text", "right_answers", "statements"]

_Reader: TypeAlias = Callable[[Reply, Mark, Item], Reading | None]

_KEYS = frozenset({"answer", "final answer", "label", "choice", "option", "答案", "最终答案"})
_NUMBER_KEYS = frozenset({"prob", "probability", "value", "result", "number", "概率", "结果", "数值"})
_COMMAND = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mathsf|operatorname|left|right|,|;|!)\s?")
_LONGEST_TEXT = 2000  # letters of an answer in words
_PLACES = 4  # CaLM's: numbers are equal if they are when rounded so
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


@dataclass(frozen=True)
class Statement:
    """One place of a reply that gives an answer.

    Args:
        place: Where it begins.
        end: Where it ends.
        strength: How plainly: 5 in an object, 4 in a box or as the final answer, 3 after a cue or alone on a line, 2 at
            the beginning, 1 by the way.
        labels: The labels that it asserts; none if it says that there is no telling.
    """

    place: int
    end: int
    strength: Strength
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """The answer that a reply gives.

    Args:
        label: `yes` or `no`; the option's number; a decimal; a text. None if several are asserted at once.
        several: The labels that are asserted, if they are several.
        quote: The words of the reply that give it.
        strength: See `Statement`.
    """

    label: str | None
    several: tuple[str, ...]
    quote: str
    strength: Strength

    @property
    def is_several(self) -> bool:
        """Whether it is no one answer."""
        return self.label is None


def extract(text: str, item: Item) -> Answer | None:
    """Return the answer that a reply gives, in the labels of the item; None if it gives none.

    Args:
        text: The reply, of any length and content.
        item: What was asked; its form, language and options decide what an answer is.
    """
    found = statements(text, item)
    if not found:
        return _whole_text(text) if item.form == "text" else None
    last = max(found, key=lambda one: (one.strength, one.place))
    labels = last.labels
    if last.strength == 1 and item.form != "number":
        mentioned = {label for one in found for label in one.labels}
        if len(mentioned) > 1:
            return None  # yes and no are both spoken of, and neither is said to be the answer
    if not labels:
        return None
    quote = text[last.place : last.end][:200]
    return Answer(labels[0] if len(labels) == 1 else None, labels[1:] and labels, quote, last.strength)


def statements(text: str, item: Item) -> tuple[Statement, ...]:
    """Return every place of a reply that gives an answer, in order; see `extract` for which one counts."""
    reply = reply_of(text)
    if item.form == "text":
        return tuple(_texts_said(reply))
    reader: _Reader = {"binary": yes_at, "choice": option_at, "number": number_at}[item.form]
    found = [*_in_objects(reply, reader, item), *_in_boxes(reply, reader, item), *_marked(reply, reader, item)]
    if not any(one.strength > 1 for one in found):
        found += [Statement(place, place + 1, 1, (label,)) for place, label in _mentioned(reply, item)]
    return tuple(sorted(found, key=lambda one: (one.place, one.strength)))


def is_right(answer: Answer | None, item: Item) -> bool:
    """Return whether an answer is the item's label: equal, as numbers to 4 decimals, or as texts but for their dress.

    A percentage is right for a label above 1 if the number before the sign is, so that 35% is right for 35.
    """
    if answer is None or answer.label is None:
        return False
    if item.form == "number":
        said, label = number_in(answer.label), number_in(item.label)
        if said is None or label is None:
            return False
        if _rounded(said) == _rounded(label):
            return True
        last = [is_percent for _, _, _, is_percent in numbers(reply_of(answer.quote).plain)][-1:]
        return last == [True] and abs(label) > 1 and _rounded(said * 100) == _rounded(label)
    if item.form == "text":
        return normal_text(answer.label) in right_answers(item)
    return answer.label == item.label


def right_answers(item: Item) -> frozenset[str]:
    """Return the right answers in one writing, so that items with the same answer share it."""
    if item.form == "number":
        value = number_in(item.label)
        return frozenset() if value is None else frozenset({str(_rounded(value))})
    if item.form == "text":
        return frozenset(normal_text(one) for one in (item.label, *item.accepted))
    return frozenset({item.label})


def normal_text(text: str) -> str:
    """Return a text without case, accents' encoding, articles, punctuation and doubled blanks."""
    small = unicodedata.normalize("NFKC", text).casefold()
    words = "".join(letter if letter.isalnum() else " " for letter in small)
    return " ".join(_ARTICLES.sub(" ", words).split())


def _in_objects(reply: Reply, reader: _Reader, item: Item) -> Iterator[Statement]:
    for keys in (_NUMBER_KEYS, _KEYS) if item.form == "number" else (_KEYS,):
        is_found = False
        for place, value in objects(reply, keys):
            reading = _inside(value, reader, item)
            if reading is not None:
                is_found = True
                yield Statement(place, place + len(value) + 1, 5, reading.labels)
        if is_found:
            return


def _in_boxes(reply: Reply, reader: _Reader, item: Item) -> Iterator[Statement]:
    for place, value in boxes(reply):
        content = _COMMAND.sub("", value)
        if item.form != "number":
            content = content.replace("{", " ").replace("}", " ")
        reading = _inside(content, reader, item)
        if reading is not None:
            yield Statement(place, place + len(value) + 8, 4, reading.labels)


def _inside(value: str, reader: _Reader, item: Item) -> Reading | None:
    """What a value is, read as a reply of its own from its first letter."""
    inner = reply_of(value)
    return reader(inner, Mark(0, 5, len(inner.plain)), item) if value.strip() else None


def _marked(reply: Reply, reader: _Reader, item: Item) -> Iterator[Statement]:
    for marks in cues(reply, MORE_CUES if item.form == "number" else None):
        for mark in marks:
            reading = reader(reply, mark, item)
            if reading is not None:
                yield Statement(mark.place, reading.end, mark.strength, reading.labels)
                break
    for mark in alone(reply):
        reading = reader(reply, mark, item)
        if reading is not None and not reply.plain[reading.end : mark.end].strip(" .!)]}:,;%-_"):
            yield Statement(mark.place, reading.end, 3, reading.labels)
    start = len(reply.plain) - len(reply.plain.lstrip())
    if item.form == "number":
        return  # a number that begins a reply begins a calculation as often
    reading = reader(reply, Mark(start, 2, min(len(reply.plain), start + 400)), item)
    if reading is not None and reading.labels:
        yield Statement(start, reading.end, 2, reading.labels)


def _mentioned(reply: Reply, item: Item) -> Iterator[tuple[int, str]]:
    if item.form == "binary":
        yield from yes_mentioned(reply)
    elif item.form == "choice":
        yield from options_mentioned(reply, item)
    else:
        yield from numbers_mentioned(reply)


def _texts_said(reply: Reply) -> Iterator[Statement]:
    for place, value in objects(reply, _KEYS):
        if value.strip():
            yield Statement(place, place + len(value), 5, (value.strip(),))
    for place, value in boxes(reply):
        yield Statement(place, place + len(value) + 8, 4, (_COMMAND.sub("", value).strip(" {}"),))
    for marks in cues(reply):
        for mark in marks[:1]:
            if reply.plain[mark.place - 1 : mark.place] in {"s", ":", "=", "是", "为"}:
                said = reply.raw[mark.place : min(mark.end, mark.place + _LONGEST_TEXT)].strip(" \n:：\"'“”*`.。")
                if said:
                    yield Statement(mark.place, mark.end, mark.strength, (said,))


def _whole_text(text: str) -> Answer | None:
    said = text.strip()[:_LONGEST_TEXT].strip("\"'“”*` ")
    return Answer(said, (), said[:200], 1) if said else None


def _rounded(value: Fraction) -> Decimal:
    return Decimal(decimal_text(value)).quantize(Decimal(1).scaleb(-_PLACES), ROUND_HALF_EVEN)
