"""Which answer does CaLM read in a reply?

CaLM looks for listed phrases, in the order of their list, in a reply without its outer blanks and in small letters; the
phrases are data (`calm_phrases.json`). Here are the same answers by other means. What its rules read wrongly ("the
answer is no more than 3" is a no) they read wrongly here: `extraction` reads better. This is for comparing with
published figures.

Its answers: 1 and 0 for yes and no, 0 and 1 for the two options of PCD-C, the number of the option else, a text for
yes/no questions with a number, a number, and -1 or None where there is none.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal, TypeAlias, cast

from aetia.errors import EvaluationError
from aetia.evals.item import Item, Language
from aetia.runs.keys import JSON
from aetia.text import clean_text

__all__ = [
    "CALM_STYLES",
    "CalmLabel",
    "CalmQuestion",
    "CalmStyle",
    "calm_expected",
    "calm_label",
    "calm_phrases",
    "calm_question",
    "calm_style",
]

CalmLabel: TypeAlias = JSON
"""What its scripts call a label: see the head of this module."""

CalmStyle = Literal["plain", "in-context", "zero-shot-cot", "manual-cot", "explicit-function"]
"""The adaptations that its scripts tell apart; `plain` are the basic and the adversarial ones, in either form."""

CALM_STYLES: Mapping[str, CalmStyle] = {
    "basic": "plain",
    **{f"adversarial-{manner}": "plain" for manner in ("ignore", "doubt")},
    **{f"adversarial-{manner}-flat": "plain" for manner in ("ignore", "doubt")},  # the form of CaLM's own scripts
    "zero-shot-icl": "in-context",
    "one-shot-icl": "in-context",
    "two-shot-icl": "in-context",
    "three-shot-icl": "in-context",
    "zero-shot-cot": "zero-shot-cot",
    "manual-cot": "manual-cot",
    "explicit-function": "explicit-function",
}

Binary = Literal["AC-B", "AR-B", "CA-B_FA", "CA-B_FP", "CEI-B", "CLADDER", "ECI", "PCD-B"]
Family = Literal[Binary, "AS", "CR-C", "PCD-C", "Natural", "Probability", "CEG-O"]

_PREFIXES: Mapping[str, Family] = {
    "AR-B": "AR-B",
    "CA-B_FA": "CA-B_FA",
    "CA-B_FP": "CA-B_FP",
    "ECI-B": "ECI",
    "PCD-B": "PCD-B",
    "PCD-C": "PCD-C",
    "AC-B": "AC-B",
    "CEG-O": "CEG-O",
    "CR-C": "CR-C",
    "CEI-B": "CEI-B",
    **{f"{name}-B": "CLADDER" for name in ("CORR", "EAE", "CB", "CR", "BAS")},
    **{f"{name}-C": "AS" for name in ("BAS", "FAS", "IV")},
    **{f"{name}-B": "Natural" for name in ("ATE", "CDE", "ETT", "NDE", "NIE")},
    **{f"{name}-P": "Probability" for name in ("ATE", "CDE", "ETT", "NDE", "NIE", "PN", "PS")},
}
_GENERATED = {  # the generated tasks whose names do not begin with their scenario's
    "correlation": "CORR-B_correlation",
    "explaining-away": "EAE-B_exp-away",
    "collider-bias": "CB-B_collider-bias",
    "backadj": "BAS-B_backadj",
    "det-counterfactual": "CR-B_det-counterfactual",
    "actual-causality": "AC-B_causal_judgement",
}
_CHAINED = ("ATE", "CDE", "ETT", "NDE", "NIE")  # with chains of thought, only their objects {"answer": count
_OBJECT = re.compile(r"\{+[^}]*\}+")
_STRICT_OBJECT = re.compile(r'\{"answer":[^}]*\}')
_BARE_WORD = re.compile(r"(?<=[,:])\s*(\w+)\s*(?=[])},:])")
_QUOTES = str.maketrans("“”'", '"""')


@dataclass(frozen=True)
class CalmQuestion:
    """What CaLM's rules need to know of an item.

    Args:
        task: CaLM's name of the task without its language, as in `PCD-C_COPA`.
        options: The texts of the options.
        asks: Of PCD-C, what is asked for: `cause` or `effect`, in the item's language.
        language: Of the item.
    """

    task: str
    options: tuple[str, ...] = ()
    asks: str = ""
    language: Language = "en"

    @property
    def family(self) -> Family:
        """Which of CaLM's rules its replies are read by.

        Raises:
            EvaluationError: AE-8501 CaLM has no such task.
        """
        for length in (len(self.task), 7, 6, 5, 4):
            if self.task[:length] in _PREFIXES:
                return _PREFIXES[self.task[:length]]
        found = f"CaLM has no task {clean_text(self.task, 60)!r}, so that its rules read no replies to it."
        raise EvaluationError("AE-8501", found, mend="score it by its own answers: `extraction.extract`.")

    @property
    def scenario(self) -> str:
        """Its scenario, as in `PCD`."""
        return self.task.split("-")[0]


def calm_question(item: Item) -> CalmQuestion:
    """Return what CaLM's rules need of an item of its published files, or of a generated item of its scenarios.

    The fact `ask-for` says what a PCD-C item asks for; it is the text after the name's last part of the task else.

    Raises:
        EvaluationError: AE-8501 the item is none of CaLM's.
    """
    name = item.task.rpartition("/")[2]
    asks = item.facts.get("ask-for", item.facts.get("asks", ""))
    for ending in ("_EN", "_CN"):
        name = name.removesuffix(ending)
    question = CalmQuestion(_published_name(name, item), item.options, str(asks), item.language)
    _ = question.family
    return question


def calm_style(adaptation: str) -> CalmStyle:
    """Return which of CaLM's styles an adaptation is, by CaLM's name of it in either case; `-CN` makes no difference.

    Raises:
        EvaluationError: AE-8502 it is none of CaLM's adaptations.
    """
    name = adaptation.lower().removesuffix("-cn")
    if name not in CALM_STYLES:
        found = f"{clean_text(adaptation, 60)!r} is none of CaLM's adaptations."
        raise EvaluationError("AE-8502", found, mend=f"these are: {', '.join(CALM_STYLES)}.")
    return CALM_STYLES[name]


def calm_label(text: str, question: CalmQuestion, style: CalmStyle = "plain") -> CalmLabel:
    """Return the answer that CaLM's scripts read in a reply.

    Where its scripts end in an error (an integer of more digits than Python reads, brackets nested a thousand deep)
    there is no answer.

    Raises:
        EvaluationError: AE-8501 CaLM has no such task.

    Source: CaLM (arXiv 2405.00622), evaluation/labeling of its code.
    """
    family = question.family
    if family == "CEG-O":
        return text
    reply = text.strip().lower()
    if family == "Natural":
        return _in_object(reply, "answer", is_strict="cot" in style)
    if family == "Probability":
        strict = "cot" in style and question.scenario in _CHAINED
        return _number(_in_object(reply, "prob", is_strict=strict))
    if family in {"AS", "CR-C", "PCD-C"}:
        return _option(reply, question)
    return _yes_or_no(reply, family)


def calm_expected(label: str, question: CalmQuestion) -> CalmLabel:
    """Return an item's label as CaLM writes it.

    Raises:
        EvaluationError: AE-8501 CaLM has no such task.
    """
    family = question.family
    if family == "CEG-O":
        return label
    if family == "Natural":
        return label.strip().lower()
    if family == "Probability":
        return float(label)
    if family == "PCD-C":
        return int(label) - 1
    return int(label) if family in {"AS", "CR-C"} else int(label == "yes")


@cache
def calm_phrases() -> Mapping[str, JSON]:
    """Return the phrases by which CaLM recognises answers, and whose they are (`notice`)."""
    return json.loads(files("aetia.evals.scoring").joinpath("calm_phrases.json").read_text("utf-8"))


def _published_name(name: str, item: Item) -> str:
    """The name in CaLM's own writing: generated items write `ate-natural` for `ATE-B_ATE-natural`."""
    if "_" in name and name[0].isupper():
        return name
    if name in _GENERATED:
        return _GENERATED[name]
    scenario = name.partition("-")[0].upper()
    kind = {"binary": "B", "choice": "C", "number": "P", "text": "O"}[item.form]
    return f"{scenario}-{kind}_{name.partition('-')[2].upper() if scenario == 'CA' else name}"


def _at(place: JSON, *names: str) -> JSON:
    for name in names:
        place = place.get(name, []) if isinstance(place, dict) else []
    return place


def _texts(place: JSON) -> tuple[str, ...]:
    return tuple(cast("list[str]", place))


def _groups(place: JSON) -> tuple[tuple[str, ...], ...]:
    return tuple(_texts(group) for group in cast("list[JSON]", place))


@dataclass(frozen=True)
class _BinaryRules:
    begins_yes: tuple[str, ...]
    begins_no: tuple[str, ...]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    also_yes: tuple[tuple[str, ...], ...]
    also_no: tuple[tuple[str, ...], ...]
    neither: tuple[tuple[str, ...], ...]


@cache
def _binary_rules(family: str) -> _BinaryRules:
    common, own = _at(calm_phrases(), "binary"), _at(calm_phrases(), "families", family)
    begins = [_beginnings(_at(common, "begins", answer)) for answer in ("yes", "no")]
    paired = _at(own, "begins") == "pairs"
    yes, no = _aligned(begins) if paired else [_endings(one.items()) for one in begins]
    return _BinaryRules(
        yes,
        no,
        _texts(_at(own, "yes")) + _texts(_at(common, "yes")),
        _texts(_at(own, "no")) + _texts(_at(common, "no")),
        _groups(_at(own, "also_yes")),
        _groups(_at(own, "also_no")),
        _groups(_at(own, "neither")),
    )


def _yes_or_no(reply: str, family: str) -> int:
    rules = _binary_rules(family)
    if _has_group(reply, rules.neither):
        return -1
    if reply.startswith(rules.begins_yes):
        return 1
    if reply.startswith(rules.begins_no):
        return 0
    place = _first(reply, rules.yes)
    if place is not None or _has_group(reply, rules.also_yes):
        return 0 if _is_before(reply, rules.no, len(reply) if place is None else place) else 1
    if _first(reply, rules.no) is not None or _has_group(reply, rules.also_no):
        return 0
    return -1


def _first(reply: str, phrases: Sequence[str]) -> int | None:
    """Where the first phrase of the list that occurs at all occurs: not the first place of any of them."""
    return next((place for phrase in phrases if (place := reply.find(phrase)) >= 0), None)


def _is_before(reply: str, phrases: Sequence[str], place: int) -> bool:
    return any(0 <= reply.find(phrase) < place for phrase in phrases)


def _has_group(reply: str, groups: Sequence[Sequence[str]]) -> bool:
    return any(all(word in reply for word in group) for group in groups)


def _beginnings(place: JSON) -> dict[int, tuple[str, ...]]:
    return {int(key): _texts(texts) for key, texts in cast("dict[str, JSON]", place).items()}


def _endings(groups: Iterable[tuple[int, tuple[str, ...]]]) -> tuple[str, ...]:
    """Each text's endings of at least so many letters: a reply may begin within the cue that ended its prompt."""
    return tuple(text[-size:] for least, texts in groups for text in texts for size in range(least, len(text) + 1))


def _aligned(begins: Sequence[Mapping[int, tuple[str, ...]]]) -> list[tuple[str, ...]]:
    """The endings where the answers' lists are read side by side: each only as far as the shortest goes."""
    found: list[list[tuple[int, tuple[str, ...]]]] = [[] for _ in begins]
    for keys in zip(*begins, strict=False):
        shortest = min(len(one[key]) for one, key in zip(begins, keys, strict=True))
        for place, one, key in zip(found, begins, keys, strict=True):
            place.append((key, one[key][:shortest]))
    return [_endings(one) for one in found]


@dataclass(frozen=True)
class _ChoiceRules:
    texts: tuple[str, ...]
    begins: tuple[tuple[str, ...], ...]
    inner: tuple[tuple[str, ...], ...]


@lru_cache(maxsize=512)
def _choice_rules(question: CalmQuestion) -> _ChoiceRules:
    own, common = _at(calm_phrases(), "choices", question.family), _at(calm_phrases(), "options")
    texts = tuple(option.strip().lower() for option in question.options)
    templates = _groups(_at(own, "inner"))
    if len(texts) != len(templates):
        found = f"CaLM's rules for {question.task} are for {len(templates)} options; the item has {len(texts)}."
        raise EvaluationError("AE-8503", found, mend="score it by its own answers: `extraction.extract`.")
    phrases = _groups(_at(common, "phrases"))
    begins: list[dict[int, tuple[str, ...]]] = []
    inner: list[tuple[str, ...]] = []
    first = len(texts[0])
    for number, text in enumerate(texts):
        known = _beginnings(cast("list[JSON]", _at(common, "begins"))[number])
        known[len(text) - 1] = tuple(stem + text[:-1] for stem in _texts(_at(own, "stems")))
        begins.append(known)
        # Its second option is cut at the length of its first: kept, since its figures come from it.
        words = {"text": text, "stem": text[:-1], "cut": text[: max(first - 1, 0)], "asks": question.asks}
        shown = {**words, "set": "{" + repr(text[:-1]) + "}"}
        inner.append(tuple(one.format(**shown) for one in templates[number]) + phrases[number])
    is_alone = question.family == "PCD-C"
    endings = [_endings(one.items()) for one in begins] if is_alone else _aligned(begins)
    return _ChoiceRules(texts, tuple(endings), tuple(inner))


def _option(reply: str, question: CalmQuestion) -> int:
    rules, own = _choice_rules(question), _at(calm_phrases(), "choices", question.family)
    if _has_group(reply, _groups(_at(own, "neither"))) or (question.family == "AS" and not reply):
        return -1
    first = 0 if question.family == "PCD-C" else 1
    for number, (text, begins) in enumerate(zip(rules.texts, rules.begins, strict=True)):
        if reply.startswith(begins) or _is_option(reply, text, question.family):
            return number + first
    also = _groups(_at(own, "also"))
    for number, phrases in enumerate(rules.inner):
        place = _first(reply, phrases)
        if place is None and not (also and _has_group(reply, also[number : number + 1])):
            continue
        limit = place if number == 0 and place is not None else len(reply)
        while number + 1 < len(rules.inner) and _is_before(reply, rules.inner[number + 1], limit):
            number += 1  # noqa: PLW2901  each later option is looked at only if the one before it was found earlier
        return number + first
    return -1


def _is_option(reply: str, text: str, family: str) -> bool:
    """Whether the reply is the option's text, or a part of it; for CR-C also, whether it contains it."""
    if family == "PCD-C":
        return text in {reply, reply[: len(text)], f"{reply}."} or (len(reply) > 1 and reply in text)
    if reply == text:
        return True
    return len(text) > 1 and len(reply) > 0 and (reply in text or (family == "CR-C" and text in reply))


def _in_object(reply: str, name: str, *, is_strict: bool) -> JSON:
    """The value of that name in the first JSON object that has one; a brace is added, since replies are cut off."""
    value: JSON = None
    for found in (_STRICT_OBJECT if is_strict else _OBJECT).findall(reply + "}"):
        text = found.lower()
        if text.startswith("{{"):
            text = text[1 : -2 if text.endswith("}}}") else -1 if text.endswith("}}") else None]
        elif text.endswith("}}"):
            text = text[:-1]
        value = _object(text).get(name)
        if value is not None:
            return value
    return value


def _object(text: str) -> Mapping[str, JSON]:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        quoted = _BARE_WORD.sub(r' "\1" ', text).translate(_QUOTES)
    except (ValueError, RecursionError):
        return {}  # here its scripts end
    try:
        return json.loads(quoted)
    except (ValueError, RecursionError):
        return {}


def _number(value: JSON) -> float | None:
    if not value or not isinstance(value, str | int | float):
        return None  # a bare 0 is no answer to its scripts, "0" is one
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
