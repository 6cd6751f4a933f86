"""Where in a reply may an answer stand? Its text in one writing, its objects and boxes, and the cues before answers.

Every pattern here repeats a bounded number of times, so that reading takes time in proportion to the reply's length.
"""

# ruff: noqa: RUF001  replies have such characters

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["Mark", "Reply", "Strength", "alone", "boxes", "cues", "objects", "reply_of"]

Strength = Literal[1, 2, 3, 4, 5]
"""How plainly an answer is given: mentioned, at the beginning, after a cue or alone on a line, as the final one, in an
object."""

_LAST = 400  # of a reply with more cues than these, the last count; the last decides anyway
_WINDOW = 140  # letters after a cue in which its answer has to begin

# One character for one, so that places in the plain text are places in the reply.
_BLANKS = {ord(mark): " " for mark in '\u3000\u00a0*`"“”„«»「」『』《》【】$\\~≈'}
_SIGNS = {ord(mark): "." for mark in "。．"} | {ord("、"): ",", ord("−"): "-", ord("‘"): "'", ord("’"): "'"}
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | _BLANKS | _SIGNS
_QUOTE = re.compile(r"(?<![a-z])'|'(?![a-z])")

_OBJECT = re.compile(r"\{[^{}]{0,4000}(?:\}|\Z)")
_FIELD = re.compile(
    r"""["'“”]?(?P<key>[A-Za-z_ \u4e00-\u9fff]{2,20})["'“”]?\s{0,8}[:：=]\s{0,8}"""
    r"""(?:"(?P<a>[^"]{0,400})"|'(?P<b>[^']{0,400})'|“(?P<c>[^”]{0,400})”|(?P<d>[^,，}\n]{0,200}))"""
)
_BOX = re.compile(r"\\f?box(?:ed)?\s{0,4}\{")
_CUE = re.compile(
    r"(?P<final>\bfinal (?:answer|verdict|decision)\b|最终(?:的)?答案|最终结论|#### ?)"
    r"|\b(?:answer|conclusion|verdict|decision)s?\b|\banswering\b|答案|结论|回答"
)
_PARENTHESIS = re.compile(r"[ ]{0,2}\([^()\n]{0,80}\)")
_CONNECTOR = re.compile(
    r"(?P<denied>(?:\b(?:can|could|should|would|must|may|might|will)(?: ?not|n't)|\bcan't|\bwon't|\bnever)\s{1,3}be\b"
    r"|\b(?:is|was)n't\b|不(?:会|能|可能|应该?)?[是为])"
    r"|\b(?:is|be|are|was|remains?|becomes?|as|reads?)\b|[:=]|是|为|選|选"
)
_DENIAL = re.compile(
    r"(?:\b(?:not|never|nor|wrong to|incorrect to|false to|mistaken to)|n't|不)\s{0,3}"
    r"(?:(?:think|believe|say|agree|conclude|claim|mean|assume|accept|认为|觉得|能说|同意)\s{0,3})?(?:that )?"
    r"(?:(?:the|its|this|my|your)\s{1,3})?(?:(?:correct|right|true)\s{1,3})?$"
)
_REACH = 50  # letters before a cue that may deny it
_SO = re.compile(
    r"\b(?:therefore|thus|hence|so|overall|in conclusion|in short|finally|consequently|ultimately"
    r"|(?:i|we)(?:'d| would| will| shall)? "
    r"(?:choose|select|pick|go with|say|answer|chose|conclude|believe(?: it is)?))\b"
    r"|所以|因此|综上(?:所述)?|我(?:认为|的)?选择?|选择|故"
)
_LINE = re.compile(r"[^\n]+")
_LIST_MARK = re.compile(r"[\s>#_\-•]{0,12}")


@dataclass(frozen=True)
class Reply:
    """A reply and the same text in one writing: small letters, plain punctuation, no quotes or marks."""

    raw: str
    plain: str


@dataclass(frozen=True)
class Mark:
    """A place where an answer may begin.

    Args:
        place: Where in the reply.
        strength: How plainly it is given, if there is one.
        end: The answer ends before.
        is_whole: Whether nothing but the answer may stand between the two.
        is_denied: Whether what stands there is said not to be the answer.
    """

    place: int
    strength: Strength
    end: int
    is_whole: bool = False
    is_denied: bool = False


def reply_of(text: str) -> Reply:
    """The reply in one writing, letter by letter."""
    small = text.lower()
    if len(small) != len(text):
        small = "".join(one if len(one := letter.lower()) == 1 else letter for letter in text)
    return Reply(text, _QUOTE.sub(" ", small.translate(_PLAIN)))


def objects(reply: Reply, keys: frozenset[str]) -> Iterator[tuple[int, str]]:
    """The values of these keys in the reply's objects, also in such as are cut off or badly quoted."""
    for found in _last(_OBJECT.finditer(reply.raw)):
        for one in _FIELD.finditer(found.group()):
            if one["key"].strip().lower().replace("_", " ") in keys:
                value = next((value for name in "abcd" if (value := one[name]) is not None), "")
                yield found.start() + one.start(), value


def boxes(reply: Reply) -> Iterator[tuple[int, str]]:
    r"""What stands in LaTeX's `\boxed{...}`."""
    for found in _last(_BOX.finditer(reply.raw)):
        depth, start = 1, found.end()
        for place in range(start, min(start + 400, len(reply.raw))):
            depth += {"{": 1, "}": -1}.get(reply.raw[place], 0)
            if depth == 0:
                yield found.start(), reply.raw[start:place]
                break


def cues(reply: Reply, more: re.Pattern[str] | None = None) -> Iterator[tuple[Mark, ...]]:
    """For each cue the places where its answer may begin, the likeliest first; `more` are cues of a form of answer."""
    text = reply.plain
    for found in _last(_CUE.finditer(text)):
        strength: Strength = 4 if found["final"] is not None else 3
        marks = _after(text, found.end(), strength, is_english=found.group().isascii())
        is_denied = _DENIAL.search(text, max(0, found.start() - _REACH), found.start()) is not None
        yield tuple(replace(mark, is_denied=mark.is_denied != is_denied) for mark in marks)
    for found in _last(_SO.finditer(text)):
        end = _sentence_end(text, found.end())
        yield (Mark(found.end(), 3, end),)
    for found in _last(more.finditer(text)) if more is not None else ():
        yield tuple(_after(text, found.end(), 2, is_english=False))


def alone(reply: Reply) -> Iterator[Mark]:
    """Each short line: an answer may stand alone on it."""
    for found in _last(_LINE.finditer(reply.plain)):
        if found.end() - found.start() <= 200:
            mark = _LIST_MARK.match(reply.plain, found.start(), found.end())
            yield Mark(mark.end() if mark else found.start(), 3, found.end(), is_whole=True)


def _last(found: Iterable[re.Match[str]]) -> Iterable[re.Match[str]]:
    return deque(found, maxlen=_LAST)


def _after(text: str, start: int, strength: Strength, *, is_english: bool) -> Iterator[Mark]:
    aside = _PARENTHESIS.match(text, start)
    begin = aside.end() if aside else start
    end = _sentence_end(text, begin)
    for found in _CONNECTOR.finditer(text, begin, min(end, begin + _WINDOW)):
        # A colon at the end of a line is followed by its answer on the next.
        stop = end if found.end() < end else _sentence_end(text, found.end() + 4)
        yield Mark(found.end(), strength, stop, is_denied=found["denied"] is not None)
    if is_english:
        yield Mark(begin, strength, end)


def _sentence_end(text: str, start: int) -> int:
    """Where the sentence ends; a full stop between digits is none, nor are line breaks before the first word."""
    place = start
    limit = min(len(text), start + 2 * _WINDOW)
    while place < limit and text[place] in " \n\r\t:=-":
        place += 1
    while place < limit:
        letter = text[place]
        if letter in "\n!?;" or (letter == "." and not (place + 1 < len(text) and text[place + 1].isalnum())):
            return place
        place += 1
    return limit
