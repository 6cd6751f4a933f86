"""Which yes or no, and which of the options, does a reply say at a place?"""

# ruff: noqa: RUF001  replies have such characters

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from aetia.evals.item import Item
from aetia.evals.scoring._marks import Mark, Reply, reply_of

__all__ = ["Reading", "option_at", "options_mentioned", "yes_at", "yes_mentioned"]


@dataclass(frozen=True)
class Reading:
    """What is said at a place: the labels, none of them where an answer is refused, and where the words end."""

    labels: tuple[str, ...]
    end: int


_FILLER = re.compile(
    r"[\s,:\-–—>=.(\[{]{0,12}(?:(?:that|then|a|an|the|it is|it's|clearly|definitely|certainly|probably|most|likely|"
    r"simply|therefore|thus|hence|so|indeed|still|also|just|obviously|resounding|in fact|again|actually|now|"
    r"correct answer is|"
    r"应该|应|就|一定|肯定是|我|认为|答案)(?:\s{1,3}|(?<=[\u4e00-\u9fff]))[,:]?\s{0,3}){0,5}[\s(\[{]{0,4}"
)
_UNSURE = re.compile(
    r"(?:unclear|unknown|uncertain|undetermined|indeterminate|impossible to|not (?:known|clear|certain|determin|"
    r"possible to|enough)|cannot be (?:determined|known|answered)|can't be (?:determined|known|answered)|"
    r"inconclusive|ambiguous|不确定|无法(?:确定|判断|回答|得知)|不能确定|未知|不清楚)"
)
_END = r"(?=$|[\s,.;:!?)\]}/|\-–—']|因为|的|或|还是|和|以及|但)"
# "No confounders" and "true effects" speak of confounders and effects: these words answer only if none follows them
# that they could belong to.
_ANSWERS = (
    r"(?=\s{0,3}(?:$|[.,;:!?()\[\]{}|/=\n]|[-–—](?![a-z])|'|[\u4e00-\u9fff]|(?:because|since|as|it|there|this|that|these|"
    r"those|the|he|she|they|we|i|you|if|when|given|due|based|according|not|but|and|or|for|which|while|though|although|"
    r"however|therefore|so|here|in|is|to|with|from|on|after)\b))"
)
_YES = re.compile(
    r"(?P<not>not (?:a )?|并非|不是(?=[是对正肯]))?"
    r"(?:(?P<yes>(?:yes|yeah|yep)\b|(?:true|correct|affirmative)\b"
    + _ANSWERS
    + r"|(?:是的|对的|肯定的?|正确|可以|成立|存在|是|对|有|会|能|真)"
    + _END
    + r")|(?P<no>nope\b|(?:no|false|incorrect|wrong|negative)\b"
    + _ANSWERS
    + r"|(?:不是的?|不会|不能|不可以|不正确|不对|没有|不存在|不成立|否定的?|错误|否|非|无|错|假|不)"
    + _END
    + r"))"
)
_OTHER = re.compile(r"\s{0,2}(?:/|\||,?\s?\bor\b|或者?|还是)\s{0,2}(?:yes|no|true|false|是|否|不是)")
_BOTH = re.compile(
    r"\s{0,2}(?:&|\+|,?\s?(?:\band(?: also)?\b|\bas well as\b)|和|以及|,?\s?但也|又)\s{0,2}"
    r"(?P<second>yes|no|true|false|是|否|不是)(?=$|[\s,.;:!?)\]}])"
)
_NO_WORDS = frozenset({"no", "false", "否", "不是"})
_MENTION = re.compile(
    r"(?<![a-z0-9_])(?:(yes)\b|(true)\b" + _ANSWERS + r"|(?:no|false)\b" + _ANSWERS + r")(?![a-z0-9_'])"
)
_NOT = re.compile(r"(?:\bnot|n't|can't|不是|并非)\s{0,3}(?:be )?(?:the )?$")

_DIGITS: Mapping[str, int] = {
    **{word: number for number, word in enumerate("one two three four five six seven eight".split(), start=1)},
    **{word: number for number, word in enumerate("first second third fourth fifth sixth".split(), start=1)},
    **{word: number for number, word in enumerate("一二三四五六七八", start=1)},
    **{word: number for number, word in enumerate("abcdefgh", start=1)},
}
_WORDS = "one|two|three|four|five|six|seven|eight"
_NAMED = re.compile(
    rf"(?:option|choice|alternative|hypothesis|选项|方案|假设)[\s#(_]{{0,3}}(?P<k>\d{{1,2}}(?![\d.]\d)|(?:{_WORDS}|[a-h])\b|[一二三四五六七八])"
    r"|(?:the )?(?P<o>first|second|third|fourth|fifth|sixth) (?:option|choice|one|alternative|hypothesis|event)"
    r"|第(?P<z>[一二三四五六七八])(?:个|项)?"
)
_BARE = re.compile(r"(?P<k>\d{1,2})(?=$|[\s,;:!?)\]}]|\.(?!\d)|或|和|$)|(?P<l>[a-h])(?=$|[,;:!?)\]}.\n]|\s{0,3}$)")
_LETTERS = re.compile(r"[a-z](?:, ?[a-z])*$")
_NUMBER = re.compile(r"[-+]?\d[\d.,]*%?$")
_JOINED = re.compile(r"\s{0,3}(?P<or>/|,?\s?\bor\b|或者?|还是)?(?P<and>&|,?\s?\band\b|和|以及|,)?\s{0,3}(?:also )?")
_WRONG = re.compile(
    r"\s{0,3}(?:is|are|was|would be|是)?\s{0,2}"
    r"(?:wrong|incorrect|not|n't|false|out\b|(?:can ?not|can't|could not|couldn't|must not|mustn't) be|错|不|排除)"
)


def yes_at(reply: Reply, mark: Mark, item: Item) -> Reading | None:  # noqa: ARG001  as the other readers
    """The yes or no that is said there; two labels for both, none for "unclear"; None if nothing of the kind is."""
    text = reply.plain
    start = _start(text, mark)
    unsure = _UNSURE.match(text, start, mark.end)
    if unsure is not None:
        return None if mark.is_whole else Reading((), unsure.end())
    found = _YES.match(text, start, mark.end)
    if found is None or _OTHER.match(text, found.end()) is not None:
        return None
    is_yes = (found["yes"] is not None) != (found["not"] is not None)
    labels = ("yes",) if is_yes else ("no",)
    both = _BOTH.match(text, found.end(), mark.end)
    if both is not None and (both["second"] in _NO_WORDS) == is_yes:
        return Reading(("yes", "no"), both.end())
    return Reading(labels, found.end())


def yes_mentioned(reply: Reply) -> Iterator[tuple[int, str]]:
    """Each yes or no that is a word of its own, but for those after a not, or beside an or."""
    text = reply.plain
    for found in deque(_MENTION.finditer(text), maxlen=400):
        before = text[max(0, found.start() - 12) : found.start()]
        is_offered = _OTHER.match(text, found.end()) is not None or before.rstrip().endswith((" or", "/"))
        if not is_offered and not _NOT.search(before):
            yield found.start(), "yes" if found[1] is not None or found[2] is not None else "no"


def option_at(reply: Reply, mark: Mark, item: Item) -> Reading | None:
    """The option that is said there, by number, letter, or its text; several if they are joined."""
    text = reply.plain
    start = _start(text, mark)
    unsure = _UNSURE.match(text, start, mark.end)
    if unsure is not None:
        return Reading((), unsure.end())
    is_not = text.startswith(("not ", "不是"), start, mark.end)
    if is_not:
        start = _start(text, Mark(start + (4 if text.startswith("not ", start) else 2), mark.strength, mark.end))
    first = _one_option(reply, start, mark.end, item)
    if first is None:
        return None
    if is_not:
        others = [label for label in item.labels if label != first[0]]
        return Reading((others[0],), first[1]) if len(others) == 1 else None
    labels, end = [first[0]], first[1]
    while len(labels) <= len(item.options):
        joint = _JOINED.match(text, end, mark.end)
        further = _one_option(reply, joint.end(), mark.end, item) if joint and (joint["or"] or joint["and"]) else None
        if further is None or further[0] in labels or _WRONG.match(text, further[1], mark.end):
            break
        labels.append(further[0])
        end = further[1]
    if len(labels) > 1 and "?" in text[end : end + 3]:
        return None  # the prompt's own "(option 1 or option 2?)"
    if len(labels) == 1 and _WRONG.match(text, end, mark.end):
        return None
    return Reading(tuple(labels), end)


def options_mentioned(reply: Reply, item: Item) -> Iterator[tuple[int, str]]:
    """Each option that is named, or whose text stands in the reply, and is not said to be wrong."""
    text = reply.plain
    for found in deque(_NAMED.finditer(text), maxlen=400):
        label = _numbered(found, item)
        before = text[max(0, found.start() - 12) : found.start()]
        if label and not _WRONG.match(text, found.end()) and not _NOT.search(before):
            yield found.start(), label
    for label, option in _texts(item.options):
        place = text.find(option)
        if place >= 0 and not any(option in other and option != other for _, other in _texts(item.options)):
            yield place, label


def _start(text: str, mark: Mark) -> int:
    filler = _FILLER.match(text, mark.place, mark.end)
    return filler.end() if filler is not None else mark.place


def _one_option(reply: Reply, start: int, end: int, item: Item) -> tuple[str, int] | None:
    text = reply.plain
    named = _NAMED.match(text, start, end)
    if named is not None:
        label = _numbered(named, item)
        return (label, named.end()) if label else None
    for label, option in _texts(item.options):
        stop = start + len(option)
        if text.startswith(option, start) and not (text[stop - 1].isalnum() and text[stop : stop + 1].isalnum()):
            return label, stop
    if all(_NUMBER.match(option) for _, option in _texts(item.options)):
        return None
    bare = _BARE.match(text, start, end)
    if bare is None:
        return None
    if bare["l"] is not None:
        is_letter = reply.raw[bare.start()].isupper() and not any(
            _LETTERS.match(one) for _, one in _texts(item.options)
        )
        return (str(_DIGITS[bare["l"]]), bare.end()) if is_letter and _DIGITS[bare["l"]] <= len(item.options) else None
    return (str(int(bare["k"])), bare.end()) if 1 <= int(bare["k"]) <= len(item.options) else None


def _numbered(found: re.Match[str], item: Item) -> str:
    """The label of a named option; empty if the item has none of that number."""
    word = found["k"] or found["o"] or found["z"]
    number = int(word) if word.isdecimal() else _DIGITS[word]
    return str(number) if 1 <= number <= len(item.options) else ""


@lru_cache(maxsize=256)
def _texts(options: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Each option's label and its plain text, the longest first; options without a text of their own are left out."""
    plain = [(str(number), reply_of(option).plain.strip(" .")) for number, option in enumerate(options, start=1)]
    texts = [text for _, text in plain]
    return tuple(
        sorted(((n, text) for n, text in plain if text and texts.count(text) == 1), key=lambda one: -len(one[1]))
    )
