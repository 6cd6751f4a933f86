"""Which ways of asking are there, and where do they come from?"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace

from aetia.errors import EvaluationError
from aetia.evals.adaptations.ac_reason import ByFactors
from aetia.evals.adaptations.calm import (
    Adversarial,
    Exemplary,
    basic,
    explicit_function,
    zero_shot_cot,
    zero_shot_icl,
)
from aetia.evals.adaptations.care_ca import care_ca, care_ca_contrasts, care_ca_relations
from aetia.evals.adaptations.controls import options_only, premise_shuffled, question_blind
from aetia.evals.adaptations.heart import Affective, affective_with_oracle
from aetia.evals.adaptations.material import Material
from aetia.evals.adaptations.procedures import CausalSteps, IterativeSearch
from aetia.evals.adaptations.structured import Structured
from aetia.evals.adaptations.tools import TOOLS, WithTools
from aetia.evals.dialogue import Adaptation
from aetia.text import clean_text

__all__ = ["WayOfAsking", "adaptation_named", "adaptations", "way_of_asking"]


@dataclass(frozen=True)
class WayOfAsking:
    """An adaptation as it is listed.

    Args:
        name: What it is called by.
        line: What it does, in one line.
        made: The adaptation, of what there is for it.
        seeds: Ids of the works that it rests on.
        citation: The paper to cite.
        needs: What `Material` must hold for it: `examples`, `others`, `relations` or `is_right`.
        is_control: Whether something is left out that an answer should need.
        knows_label: Whether the label decides what is asked, so that its score shows what could be gained at most.
        is_written_out: Whether a reply holds more than the answer (steps, calls, an object), so that scores of labels
            cannot stand in its place.
        shots: The most examples that are shown.
    """

    name: str
    line: str
    made: Callable[[Material], Adaptation]
    seeds: tuple[str, ...] = ()
    citation: str = ""
    needs: tuple[str, ...] = ()
    is_control: bool = False
    knows_label: bool = False
    is_written_out: bool = False
    shots: int = 0


_CALM = "Chen et al., Causal Evaluation of Language Models, 2024 (arXiv 2405.00622)"
_CLADDER = "Jin et al., CLadder: Assessing Causal Reasoning in Language Models, NeurIPS 2023 (arXiv 2312.04350)"
_COIN = "Chen et al., CounterBench, 2025 (arXiv 2502.11008)"
_CARE = (
    "Ashwani et al., Cause and Effect: Can Large Language Models Truly Understand Causality?, 2024 (arXiv 2402.18139)"
)
_HEART = "Pinto et al., HEART: Emotionally-driven test-time scaling of Language Models, 2025 (arXiv 2509.22876)"
_AC = "AC-Reason: Towards Theory-Guided Actual Causality Reasoning with Large Language Models, 2025 (arXiv 2505.08750)"


def _calm(name: str, line: str, made: Callable[[Material], Adaptation], *, is_written_out: bool = False) -> WayOfAsking:
    return WayOfAsking(name, line, made, ("069",), _CALM, is_written_out=is_written_out)


def _by_examples(name: str, line: str, shots: int, *, is_derived: bool = False) -> WayOfAsking:
    way = _calm(name, line, _examples(name, shots, is_derived=is_derived), is_written_out=is_derived)
    return replace(way, needs=("examples",), shots=shots)


def _examples(name: str, count: int, *, is_derived: bool) -> Callable[[Material], Adaptation]:
    def made(material: Material) -> Exemplary:
        tokens = material.tokens if is_derived else 0
        return Exemplary(name, material.scenario, material.examples, count, is_derived, tokens)

    return made


_WAYS: tuple[WayOfAsking, ...] = (
    _calm("basic", "the question, and the form of the answer", basic),
    _calm(
        "adversarial-ignore",
        "a second turn: leave the answer aside, and answer once more",
        lambda _: Adversarial("adversarial-ignore", "ignore"),
    ),
    _calm(
        "adversarial-doubt",
        "a second turn: the answer is wrong, answer once more",
        lambda _: Adversarial("adversarial-doubt", "doubt"),
    ),
    _calm(
        "adversarial-ignore-flat",
        "as adversarial-ignore, the first reply quoted in one prompt",
        lambda _: Adversarial("adversarial-ignore-flat", "ignore", is_flat=True),
    ),
    _calm(
        "adversarial-doubt-flat",
        "as adversarial-doubt, the first reply quoted in one prompt",
        lambda _: Adversarial("adversarial-doubt-flat", "doubt", is_flat=True),
    ),
    _calm("zero-shot-icl", "what the task is about, and no example", zero_shot_icl),
    _by_examples("one-shot-icl", "what the task is about, and one example", 1),
    _by_examples("three-shot-icl", "what the task is about, and three examples, of each label in turn", 3),
    _calm("zero-shot-cot", "think step by step, then answer", zero_shot_cot, is_written_out=True),
    _by_examples(
        "manual-cot", "up to eight examples with their derivations, of each label in turn", 8, is_derived=True
    ),
    _calm("explicit-function", "what the answerer is to be, then the question", explicit_function),
    WayOfAsking(
        "causal-cot",
        "six steps: graph, kind of question, symbols, data, estimand, calculation",
        lambda material: CausalSteps(material.tokens),
        citation=_CLADDER,
        is_written_out=True,
    ),
    WayOfAsking(
        "coin",
        "collect the structure, work forwards with checks, and go back where one fails",
        lambda material: IterativeSearch(material.tokens),
        ("195",),
        _COIN,
        is_written_out=True,
    ),
    WayOfAsking(
        "care-ca",
        "relations of ConceptNet and contrastive sentences before the question",
        care_ca,
        ("062",),
        _CARE,
        ("relations",),
    ),
    WayOfAsking(
        "care-ca-relations", "relations of ConceptNet alone", care_ca_relations, ("062",), _CARE, ("relations",)
    ),
    WayOfAsking("care-ca-contrasts", "contrastive sentences alone", care_ca_contrasts, ("062",), _CARE),
    WayOfAsking(
        "heart",
        "six rounds of feedback, one of each emotion, and a choice among the attempts",
        lambda material: Affective("heart", None, material.tokens),
        ("080",),
        _HEART,
        is_written_out=True,
    ),
    WayOfAsking(
        "heart-oracle",
        "the same, told that it is wrong until it is right: what could be gained at most",
        affective_with_oracle,
        ("080",),
        _HEART,
        ("is_right",),
        knows_label=True,
        is_written_out=True,
    ),
    WayOfAsking(
        "ac-reason",
        "events and their factors from the answerer, the verdict from AC-Reason's rules",
        lambda material: ByFactors("ac-reason", is_judged=True, tokens=material.tokens),
        ("063",),
        _AC,
        is_written_out=True,
    ),
    WayOfAsking(
        "ac-reason-fixed",
        "the same, with responsibilities compared by the factors and not by the answerer",
        lambda material: ByFactors("ac-reason-fixed", is_judged=False, tokens=material.tokens),
        ("063",),
        _AC,
        is_written_out=True,
    ),
    WayOfAsking(
        "json",
        "one JSON object that satisfies a schema; anything else is no answer",
        lambda material: Structured(material.tokens),
        ("049",),
        "PRISMM-Bench: A Benchmark of Peer-Review Grounded Multimodal Inconsistencies, 2025",
        is_written_out=True,
    ),
    WayOfAsking(
        "tools",
        "the causal engine, a calculator, or tools of your own may be called before the answer",
        lambda material: WithTools(material.tools or TOOLS, material.tokens),
        is_written_out=True,
    ),
    WayOfAsking("options-only", "the options without what is given and asked", options_only, is_control=True),
    WayOfAsking("question-blind", "everything but the question", question_blind, is_control=True),
    WayOfAsking(
        "premise-shuffled",
        "the question, with what is given taken from another item",
        premise_shuffled,
        needs=("others",),
        is_control=True,
    ),
)

_ALIASES = {"cot": "zero-shot-cot", "zero-shot": "basic"}

_KNOWN = {way.name: way for way in _WAYS}


def adaptations() -> tuple[WayOfAsking, ...]:
    """Every way of asking, in the order in which they are listed."""
    return _WAYS


def way_of_asking(name: str) -> WayOfAsking:
    """The way of asking of that name; CaLM's own spelling, as in `three-shot-IcL`, and `cot` are names as well.

    Raises:
        EvaluationError: AE-8301 there is none.
    """
    wanted = name.strip().casefold()
    wanted = _ALIASES.get(wanted, wanted)
    if wanted not in _KNOWN:
        near = difflib.get_close_matches(wanted, _KNOWN, n=3, cutoff=0.4)
        details = (f"nearest: {', '.join(near)}",) if near else ()
        found = f"No adaptation is called {clean_text(name, 60)!r}."
        raise EvaluationError("AE-8301", found, details=details, mend="see `aetia evals list --adaptations`")
    return _KNOWN[wanted]


def adaptation_named(name: str, material: Material | None = None) -> Adaptation:
    """The adaptation of that name, of what there is for it.

    Raises:
        EvaluationError: AE-8301 there is none; AE-8302 it needs what is not there; AE-8303 and AE-8304 a file of
            relations cannot be read or used.
    """
    return way_of_asking(name).made(material or Material())
