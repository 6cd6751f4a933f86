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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import TypeAlias

from aetia.evals.item import Item
from aetia.evals.scoring._choices import Reading, option_at, options_mentioned, yes_at, yes_mentioned
from aetia.evals.scoring._marks import Mark, Reply, Strength, alone, boxes, cues, objects, reply_of
from aetia.evals.scoring._numbers import MORE_CUES, decimal_text, number_at, number_in, numbers, numbers_mentioned
from aetia.evals.scoring.bands import is_near

__all__ = ["Answer", "Statement", "extract", "is_right", "normal_text", "right_answers", "statements"]

_Reader: TypeAlias = Callable[[Reply, Mark, Item], Reading | None]

_KEYS = frozenset({"answer", "final answer", "label", "choice", "option", "答案", "最终答案"})
_NUMBER_KEYS = frozenset({"prob", "probability", "value", "result", "number", "概率", "结果", "数值"})
_COMMAND = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mathsf|operatorname|left|right|,|;|!)\s?")
_LONGEST_TEXT = 2000  # letters of an answer in words
_PLACES = 4  # CaLM's: numbers are equal if they are when rounded so
_EXAMPLE = re.compile(r"(?:\bsuch as|\be\.g\.,?|例如|比如|[,，]\s?如)\s{0,3}\{[^{}]{0,400}\}", re.IGNORECASE)
_ASKED = re.compile(r"^[ \t>#*]{0,8}(?:question|问题)[ *]{0,4}[:：]", re.IGNORECASE | re.MULTILINE)
_TAIL = re.compile(r".*(?:\b(?:is|are|was|were)\b|[:：=]|是|为)", re.DOTALL)
_DENIED = re.compile(r"\b(?:not|no|never)\b|n't", re.IGNORECASE)
_FEW = 5  # words of a line that is an answer by itself
_IF = re.compile(r",?\s{1,2}(?:only )?if\b")
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
    # An object that is given as an example, as prompts do it, asserts nothing.
    reply = reply_of(_EXAMPLE.sub(lambda found: " " * len(found.group()), text))
    if item.form == "text":
        return _before_a_question(text, _texts_said(reply))
    reader: _Reader = {"binary": yes_at, "choice": option_at, "number": number_at}[item.form]
    found = [*_in_objects(reply, reader, item), *_in_boxes(reply, reader, item), *_marked(reply, reader, item)]
    if not any(one.strength > 1 for one in found):
        found += [Statement(place, place + 1, 1, (label,)) for place, label in _mentioned(reply, item)]
    return _before_a_question(text, sorted(found, key=lambda one: (one.place, one.strength)))


def is_right(answer: Answer | None, item: Item) -> bool:
    """Return whether an answer is the item's label: equal, as numbers to 4 decimals, or as texts but for their dress.

    Of a sentence its end counts too: "Olga's patient is Leo" says Leo, and "There are 3 of them" 3. A percentage is
    right for a label above 1 if the number before the sign is, so that 35% is right for 35. An estimate
    is right if it is near enough: see `bands`.
    """
    if answer is None or answer.label is None:
        return False
    if item.form == "number":
        said, label = number_in(answer.label), number_in(item.label)
        if said is None or label is None:
            return False
        if _rounded(said) == _rounded(label) or is_near(answer.label, item):
            return True
        last = [is_percent for _, _, _, is_percent in numbers(reply_of(answer.quote).plain)][-1:]
        return last == [True] and abs(label) > 1 and _rounded(said * 100) == _rounded(label)
    if item.form == "text":
        return not _said(answer.label).isdisjoint(right_answers(item))
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
    words = " ".join("".join(letter if letter.isalnum() else " " for letter in small).split())
    return " ".join(_ARTICLES.sub(" ", words).split()) or words


def _said(text: str) -> frozenset[str]:
    """What a text in words says: all of it, its end after an "is", and the only number there."""
    is_said = _TAIL.match(text)
    end = text[is_said.end() :] if is_said is not None else text
    found = {normal_text(text), normal_text(end)}
    counted = [] if _DENIED.search(end) else [value for _, _, value, _ in numbers(reply_of(end).plain)]
    return frozenset(found | {decimal_text(value) for value in counted if len(counted) == 1})


def _before_a_question(text: str, found: Iterable[Statement]) -> tuple[Statement, ...]:
    """What is said before a model that has answered asks itself another question."""
    every = tuple(found)
    first = min((one.end for one in every if one.strength > 2), default=len(text))
    asked = _ASKED.search(text, first)
    return every if asked is None else tuple(one for one in every if one.place < asked.start())


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
                if (labels := _meant(reading, mark, reply, item)) is not None:
                    yield Statement(mark.place, reading.end, mark.strength, labels)
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


def _meant(reading: Reading, mark: Mark, reply: Reply, item: Item) -> tuple[str, ...] | None:
    """What is asserted after a cue: of two labels the other one if it is denied, none under an "if"; None: nothing."""
    if reply.plain.endswith("would be", 0, mark.place) and _IF.match(reply.plain, reading.end):
        return ()
    if not mark.is_denied or not reading.labels:
        return reading.labels
    others = tuple(label for label in item.labels if label not in reading.labels)
    return others if len(others) == 1 else None


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
    """A reply without a cue: its first line if that is a few words, as answers are, else its last."""
    asked = _ASKED.search(text)
    own = text[: asked.start()] if asked is not None and text[: asked.start()].strip() else text
    lines = [line for line in own.strip()[:_LONGEST_TEXT].splitlines() if line.strip()]
    if not lines:
        return None
    line = lines[0] if len(lines[0].split()) <= _FEW else lines[-1]
    said = line.strip("\"'“”*` ")
    return Answer(said, (), said[:200], 1) if said else None


def _rounded(value: Fraction) -> Decimal:
    return Decimal(decimal_text(value)).quantize(Decimal(1).scaleb(-_PLACES), ROUND_HALF_EVEN)
