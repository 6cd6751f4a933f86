"""Which of the five errors that CaLM's scripts count does a list of replies show?

The same answer to every question; no text; not the form that the prompt demands; the prompt's own cues repeated; the
other language. CaLM counts none for CEG-O and with explicit functions, whose replies have no form.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from aetia.errors import EvaluationError
from aetia.evals.item import Language
from aetia.evals.scoring.calm_labels import CalmLabel, CalmQuestion, CalmStyle, calm_label, calm_phrases
from aetia.runs.keys import JSON

__all__ = ["CodedErrors", "ReplyErrors", "coded_errors", "demanded_key", "is_demanded", "reply_errors", "same_answer"]

Same: TypeAlias = Literal["", "All Yes", "All No", "All option1", "All option2", "All option3", "All option4"]
"""Which answer all replies give; empty if they differ, or if that answer is none of these."""

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]{2}")
_LONG_LATIN = re.compile(r"[A-Za-z]{7}")  # "answer" has six letters, and invented names fewer
_PLACEHOLDER = 0.1234  # the number in the example of the prompts for probabilities


@dataclass(frozen=True)
class ReplyErrors:
    """What is wrong with the form of one reply, by CaLM's scripts.

    Args:
        is_other_language: A Chinese character in the reply to an English item, or two Latin letters in a row (seven
            where objects are demanded) in the reply to a Chinese one.
        is_malformed: It does not begin, or end, as the prompt demands.
        is_repetition: It has the prompt's own cues.
        is_empty: It has no text.
    """

    is_other_language: bool
    is_malformed: bool
    is_repetition: bool
    is_empty: bool


@dataclass(frozen=True)
class CodedErrors:
    """Shares of replies with an error, by CaLM's scripts; `same` is which answer all of them give."""

    same: Same
    language: float
    malformed: float
    repetition: float
    empty: float


def reply_errors(text: str, question: CalmQuestion, style: CalmStyle = "plain") -> ReplyErrors:
    """Return what is wrong with the form of a reply.

    Raises:
        EvaluationError: AE-8501 CaLM has no such task; AE-8504 its scripts count no errors for it.

    Source: CaLM (arXiv 2405.00622), evaluation/errors.py and evaluation/error of its code.
    """
    rules = _rules(question, style)
    reply = text.strip().lower()
    return ReplyErrors(
        _is_other_language(reply, question.language, has_objects=question.family in {"Natural", "Probability"}),
        not _is_formed(reply, question, style, rules),
        any(cue in reply for cue in _texts(rules, "cues")),
        not reply,
    )


def coded_errors(replies: Sequence[str], questions: Sequence[CalmQuestion], style: CalmStyle = "plain") -> CodedErrors:
    """Return the five errors of the replies to a task's items; of adversarial adaptations, give the last replies.

    Raises:
        EvaluationError: As `reply_errors`; AE-8505 there are no replies.

    Source: CaLM (arXiv 2405.00622), evaluation/errors.py of its code.
    """
    if not replies:
        raise EvaluationError("AE-8505", "There are no replies to be scored.", mend="score at least one reply.")
    found = [reply_errors(text, question, style) for text, question in zip(replies, questions, strict=True)]
    labels = [calm_label(text, question, style) for text, question in zip(replies, questions, strict=True)]
    return CodedErrors(
        same_answer(labels, questions[0]),
        sum(one.is_other_language for one in found) / len(found),
        sum(one.is_malformed for one in found) / len(found),
        sum(one.is_repetition for one in found) / len(found),
        sum(one.is_empty for one in found) / len(found),
    )


def same_answer(labels: Sequence[CalmLabel], question: CalmQuestion) -> Same:
    """Return which answer all labels are; of numbers, `All Yes` is the number of the prompt's example, `All No` zero.

    Labels that are all "no answer", or all another number, are not the same answer to CaLM.
    """
    sames: dict[Same, tuple[CalmLabel, ...]] = {"All Yes": (1,), "All No": (0,)}
    if question.family == "Natural":
        sames = {"All Yes": ("yes", "是"), "All No": ("no", "否")}
    elif question.family == "Probability":
        sames = {"All Yes": (_PLACEHOLDER,), "All No": (0,)}
    elif question.family == "PCD-C":
        sames = {"All option1": (0,), "All option2": (1,)}
    elif question.family in {"AS", "CR-C"}:
        sames = {"All option1": (1,), "All option2": (2,), "All option3": (3,)}
        if question.family == "CR-C":
            sames["All option4"] = (4,)
    for name, told in sames.items():
        if all(label in told for label in labels):
            return name
    return ""


def demanded_key(question: CalmQuestion) -> str:
    """Return how the object begins that CaLM's prompts demand of replies to effects; empty for other questions."""
    if question.family not in {"Natural", "Probability"}:
        return ""
    return '{"prob":' if question.scenario in {"PN", "PS"} else '{"answer":'


def is_demanded(key: str, prompt: str) -> bool:
    """Return whether a prompt shows an object that begins so, as CaLM's prompts do; true if there is no such key."""
    return key in prompt.lower()


def _rules(question: CalmQuestion, style: CalmStyle) -> Mapping[str, JSON]:
    family = question.family
    if family == "CEG-O" or style == "explicit-function":
        what = "CEG-O" if family == "CEG-O" else "explicit functions"
        mend = "leave it out of the table of CaLM's errors."
        raise EvaluationError("AE-8504", f"CaLM counts no errors for {what}.", mend=mend)
    known = cast("Mapping[str, Mapping[str, JSON]]", calm_phrases()["errors"])
    return known["CA-B" if family in {"CA-B_FA", "CA-B_FP", "CEI-B", "ECI"} else family]


def _texts(rules: Mapping[str, JSON], name: str) -> tuple[str, ...]:
    return tuple(cast("list[str]", rules.get(name, [])))


def _is_formed(reply: str, question: CalmQuestion, style: CalmStyle, rules: Mapping[str, JSON]) -> bool:
    if question.family in {"Natural", "Probability"}:
        return _is_object(reply, question, style)
    begins = _texts(rules, "begins")
    if style == "plain" or question.family == "AR-B":  # AR has one rule for all styles
        return reply.startswith(begins)
    if style == "in-context":
        return reply.startswith(_texts(rules, "begins_in_context") or begins)
    if style == "zero-shot-cot":
        is_begun = reply.startswith(_texts(rules, "begins_cot") or begins)
        return is_begun or any(phrase in reply for phrase in _texts(rules, "within"))
    return reply.endswith(_texts(rules, "ends"))


def _is_object(reply: str, question: CalmQuestion, style: CalmStyle) -> bool:
    answer, probability = '{"answer":', '{"prob":'
    if style == "zero-shot-cot":
        return answer in reply or probability in reply
    if style == "manual-cot":
        has_answer = answer in reply and '"prob":' in reply
        return "answer is" in reply and "}" in reply and (has_answer or probability in reply)
    return reply.startswith(demanded_key(question)) and reply.endswith("}")


def _is_other_language(reply: str, language: Language, *, has_objects: bool) -> bool:
    other = _CHINESE if language == "en" else _LONG_LATIN if has_objects else _LATIN
    return other.search(reply) is not None
