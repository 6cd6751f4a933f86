"""Which of the seven errors that CaLM's authors found by reading does a reply show?

Each is decided where what is known of the item decides it: its label, the answers that known mistakes give (rivals),
its derivation, its graph and numbers. Where that is not enough the error is undecided: nothing is guessed.
"""

# ruff: noqa: RUF001  replies have such characters

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from aetia.evals.item import Item
from aetia.evals.scoring._equations import Equation, agrees, equations, quantities
from aetia.evals.scoring._numbers import number_in, numbers
from aetia.evals.scoring.extraction import Answer, is_right, normal_text, statements

__all__ = ["READ_ERRORS", "Finding", "Verdict", "read_errors"]

Verdict = Literal["yes", "no", "undecided"]


@dataclass(frozen=True)
class Finding:
    """Whether a reply shows an error, and by what that is known."""

    verdict: Verdict
    because: str = ""


_LONGEST = 200_000
_CORRELATION = ("correlation", "observational", "association")
_ASSOCIATED = re.compile(r"correlat|associat|statistically depend|go together|相关|关联")
_LINK = re.compile(
    r"so|thus|therefore|hence|which means|impl(?:y|ies)|shows?|proves?|indicates?|means|because|"
    r"所以|因此|说明|表明|意味着"
)
_CAUSED = re.compile(r"\bcauses?\b|\bcausal|\bleads? to\b|\baffects?\b|导致|因果|影响")
_SENTENCE = re.compile(r"[^.。\n]{0,200}")
_DENIED = re.compile(  # or left open: what is only asked, supposed, or possible is not asserted
    r"\bnot\b|n't|\bno\b|\bnor\b|\bnever\b|\bcannot\b|without|rather than|instead of|missing|absent|\bwrong\b|"
    r"\bwhether\b|\bif\b|\bunless\b|\bcheck|\bmay\b|\bmight\b|\bcould\b|\bwould\b|suppose|assum|possib|"
    r"不|没有|并非|无法|未必|没|是否|如果|假如|假设|若|可能|检验|检查"
)
_BEFORE = re.compile(r"(?:^|[.;!?。；！？\n])\s*(?:(?:yes|no)\s*,)?(?P<said>[^.;!?。；！？\n]*)$")
_AFTER = re.compile(r"[^,.;!?，。；！？\n]*")
_HEDGE = re.compile(
    r"it depends|depends on|may or may not|might or might not|cannot be (?:determined|known|answered)|"
    r"can't (?:say|tell|be)|"
    r"unclear|uncertain|not (?:sure|certain|clear|enough|possible)|insufficient|hard to say|"
    r"difficult to (?:say|determine)|"
    r"possibly|perhaps|i don't know|取决于|无法(?:确定|判断|回答)|不(?:确定|清楚|知道)|难以|可能会?也可能|信息不足"
)
_RETRACTED = re.compile(
    r"\bwait\b|actually|correction|sorry|on second thought|let me re|mistake|更正|不对|重新|抱歉|错了"
)
_ARROW = re.compile(r"(?P<from>[^\s,;.:，。；()→>-]{1,40}) ?(?:->|→|=>) ?(?P<to>[^\s,;.:，。；()→>-]{1,40})")
_STOP = frozenset(
    "the and for are was were that this with from have has had not but you your its will would can could should may "
    "might which what when where who how why then than there their they them does did doing done yes answer option "
    "question following because given about into each any all more less also only just been being both "
    "between one two".split()
)


def read_errors(text: str, answer: Answer | None, item: Item) -> dict[str, Finding]:
    """Return for each of the seven errors whether the reply shows it.

    Args:
        text: The reply; of more than 200,000 letters the last are read.
        answer: The answer that it gives, by `extract`.
        item: What was asked; what it knows of rivals, derivation, graph and numbers decides more.

    Source: CaLM (arXiv 2405.00622), its qualitative errors; the predicates are this project's.
    What it does not show: errors in words that no engine checks; these stay undecided.
    """
    read = text[-_LONGEST:]
    return {name: check(read, answer, item) for name, check in READ_ERRORS.items()}


def _causal_hallucination(text: str, answer: Answer | None, item: Item) -> Finding:
    """The answer is what correlation would say, or the reply infers a cause from a correlation."""
    leap = _leap(text)
    if leap:
        return Finding("yes", leap)
    label = None if answer is None else answer.label
    if label is None:
        return Finding("undecided")
    if is_right(answer, item):
        return Finding("no", "the answer is right")
    rivals = {name: rival for name, rival in item.rivals.items() if not _is_same(rival, item.label, item)}
    fitting = [name for name, rival in rivals.items() if _is_same(rival, label, item)]
    known = [name for name in rivals if name.startswith(_CORRELATION)]
    if known and fitting and all(name in known for name in fitting):
        return Finding("yes", f"the answer of {fitting[0]}: {label}")
    if known and not any(name in known for name in fitting):
        return Finding("no", "correlation would give another answer")
    return Finding("undecided")


def _inferential_ambiguity(text: str, answer: Answer | None, item: Item) -> Finding:  # noqa: ARG001  as the others
    """The reply hedges, where the item has an answer."""
    if answer is not None or not text.strip():
        return Finding("no", "there is an answer" if answer is not None else "there is no reply")
    hedge = _HEDGE.search(text.lower())
    return Finding("yes", hedge.group()) if hedge is not None else Finding("undecided")


def _calculation_error(text: str, answer: Answer | None, item: Item) -> Finding:
    """A calculation of the right numbers, or to the right value, is wrong."""
    found = list(equations(text))
    wrong = [one for one in found if not one.holds]
    known = _known_numbers(item) if wrong else set()
    for one in wrong:
        if any(_is_close(one.value, value) for value in known) or _is_given(one, known):
            return Finding("yes", f"{one.text}: it is {float(one.value):.6g}")
    if wrong:
        return Finding("undecided", f"{wrong[0].text} is wrong; whether it was called for is not known")
    if found:
        return Finding("no", "every calculation holds")
    return Finding("no", "the answer is right") if is_right(answer, item) else Finding("undecided")


def _incorrect_reasoning(text: str, answer: Answer | None, item: Item) -> Finding:  # noqa: ARG001  as the others
    """A stated value or arrow contradicts the derivation, the numbers given, or the graph."""
    stated = list(quantities(text))
    known = dict(_known_quantities(item)) if stated else {}
    is_checked = False
    for name, value, digits in stated:
        if name in known:
            is_checked = True
            if not agrees(known[name], value, min(digits, 4)) and not _is_close(known[name], value):
                return Finding("yes", f"{name} is {float(known[name]):.6g}, not {float(value):.6g}")
    arrows = _arrows(str(item.facts.get("graph", "")))
    names = {name for arrow in arrows for name in arrow}
    for arrow in _arrows_asserted(text):
        if set(arrow) <= names:
            is_checked = True
            if arrow not in arrows:
                return Finding("yes", f"there is no arrow {arrow[0]} -> {arrow[1]}")
    return Finding("no", "what is stated agrees with the derivation") if is_checked else Finding("undecided")


def _misunderstanding(text: str, answer: Answer | None, item: Item) -> Finding:
    """The reply is about the item and answers in another form than was asked."""
    if answer is not None or not text.strip():
        return Finding("no", "there is an answer" if answer is not None else "there is no reply")
    if not (_content(text) & _content(_asked(item))):
        return Finding("undecided")
    lines = [line.strip(" .。*`\"'") for line in text.strip().splitlines() if line.strip()]
    last = normal_text(lines[-1]) if lines else ""
    is_number, is_yes = number_in(lines[-1]) is not None if lines else False, last in {"yes", "no", "是", "否"}
    if (item.form in {"binary", "choice"} and is_number) or (item.form in {"number", "choice"} and is_yes):
        return Finding("yes", f"the answer to another question: {lines[-1][:60]}")
    return Finding("undecided")


def _contradiction(text: str, answer: Answer | None, item: Item) -> Finding:
    """Different answers are asserted, and none is taken back."""
    if item.form == "text":
        return Finding("undecided")
    if answer is not None and answer.is_several:
        return Finding("yes", f"{', '.join(answer.several)} at once")
    least = 4 if item.form == "number" else 2
    found = [one for one in statements(text, item) if one.strength >= least and one.labels]
    for before, after in pairwise(found):
        is_other = not any(_is_same(one, other, item) for one in before.labels for other in after.labels)
        if is_other and not _RETRACTED.search(text[before.end : after.place].lower()):
            return Finding("yes", f"{before.labels[0]}, then {after.labels[0]}")
    return Finding("no", "one answer" if found else "no answer")


def _outlier(text: str, answer: Answer | None, item: Item) -> Finding:
    """The reply shares no word of content with the item, and answers nothing."""
    if answer is not None and item.form != "text":
        return Finding("no", "there is an answer")
    words = _content(text)
    if words & _content(_asked(item)):
        return Finding("no", "it speaks of what was asked")
    is_right_text = item.form == "text" and is_right(answer, item)
    return Finding("yes", "no word is shared") if len(words) >= 3 and not is_right_text else Finding("undecided")


READ_ERRORS: Mapping[str, Callable[[str, Answer | None, Item], Finding]] = {
    "causal hallucination": _causal_hallucination,
    "inferential ambiguity": _inferential_ambiguity,
    "calculation error": _calculation_error,
    "incorrect reasoning": _incorrect_reasoning,
    "misunderstanding": _misunderstanding,
    "contradiction": _contradiction,
    "outlier": _outlier,
}
"""The seven errors by name, each with what decides it."""


def _leap(text: str) -> str:
    """A sentence that infers a cause from a correlation, without a word that denies it."""
    small = text.lower()
    for found in deque(_ASSOCIATED.finditer(small), maxlen=400):
        rest = _SENTENCE.match(small, found.end())
        end = rest.end() if rest is not None else found.end()
        link = _LINK.search(small, found.end(), end)
        caused = _CAUSED.search(small, link.end(), end) if link is not None else None
        if caused is not None and not _DENIED.search(small, max(0, found.start() - 40), caused.end()):
            return text[found.start() : caused.end()][:160]
    return ""


def _is_same(one: str, other: str, item: Item) -> bool:
    if item.form == "number":
        left, right = number_in(one), number_in(other)
        return left is not None and right is not None and _is_close(left, right)
    return normal_text(one) == normal_text(other)


def _is_close(one: Fraction, other: Fraction) -> bool:
    """Equal when rounded to four decimals, or off by the rounding of the last."""
    return abs(one - other) <= Fraction(1, 10_000)


def _known_numbers(item: Item) -> set[Fraction]:
    """Every number of the item's text, derivation and label."""
    texts = [item.context, item.question, *item.derivation, item.label if item.form == "number" else ""]
    return {value for text in texts for _, _, value, _ in numbers(text.lower())} | set(
        dict(_known_quantities(item)).values()
    )


def _is_given(equation: Equation, known: set[Fraction]) -> bool:
    """Whether a calculation is of given numbers (or of 1 minus one) alone."""
    return all(one == 1 or any(_is_close(one, value) for value in known) for one in equation.numbers)


def _known_quantities(item: Item) -> Iterator[tuple[str, Fraction]]:
    given = item.facts.get("numbers", {})
    for name, value in given.items() if isinstance(given, Mapping) else ():
        number = number_in(str(value))
        if number is not None:
            yield re.sub(r"\s+", "", name), number
    for line in (item.context, *item.derivation):
        for name, value, _ in quantities(line):
            yield name, value


def _arrows_asserted(text: str) -> Iterator[tuple[str, str]]:
    """The arrows that are said to be there, without a word that denies them or leaves them open; of many the last."""
    for found in deque(_ARROW.finditer(text), maxlen=400):
        before = _BEFORE.search(text[max(0, found.start() - 200) : found.start()].lower())
        after = _AFTER.match(text[found.end() : found.end() + 60].lower())
        said = f"{before['said'] if before else ''} {after.group() if after else ''}"
        if not _DENIED.search(said):
            yield found["from"], found["to"]


def _arrows(text: str) -> set[tuple[str, str]]:
    return {(found["from"], found["to"]) for found in _ARROW.finditer(text)}


def _asked(item: Item) -> str:
    return " ".join((item.context, item.question, *item.options, item.label if item.form == "text" else ""))


def _content(text: str) -> set[str]:
    """The words of content: of letters those of three and more, of Chinese each pair of characters."""
    small = text.lower()
    words = {word for word in re.findall(r"[a-z]{3,40}", small) if word not in _STOP}
    runs = re.findall(r"[\u4e00-\u9fff]{2,}", small)
    return words | {run[place : place + 2] for run in runs for place in range(len(run) - 1)}
