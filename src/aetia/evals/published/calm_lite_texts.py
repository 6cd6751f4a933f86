"""CaLM-lite's tasks about events told in words: does one cause another, why, and what would have been otherwise?"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path

from aetia.evals.item import Item, Language
from aetia.evals.published._folder import Row, json_lines
from aetia.evals.published._items import placed
from aetia.evals.published.copa import choice_faults
from aetia.evals.published.e_care import explanation_faults
from aetia.evals.task import Form, Published, Rung, Tags, Target, Task

_LICENCE = "Apache-2.0"
_HOME = "https://github.com/OpenCausaLab/CaLM (calm_lite_dataset)"
_PAIRS = "causal_discovery/pairwise_causal_discovery"
_NEWS = "causal_discovery/event_causality_identification"
_EXPLAIN = "counterfactual/causal_explanation_generation"
_REASON = "counterfactual/counterfactual_reasoning"
_STORIES = "counterfactual/actual_causality"
_DIGESTS = {
    f"{_PAIRS}/PCD-B_E-CARE_EN.json": "f469f1e5ab7b44c9baf359caf54c6494b18df82f00f314bcadcfc6c5699079e7",
    f"{_PAIRS}/PCD-B_E-CARE_CN.json": "c52e559a971daf01ccba23809e69d9303488ed7e9899f4d09e9c37b33225d3fa",
    f"{_PAIRS}/PCD-B_COPA_EN.json": "b620d4787c021f4ca5e0595e3640a8ebd80bb94ee8e877d203ca9f49136e7749",
    f"{_PAIRS}/PCD-B_COPA_CN.json": "7e47a3ccf64170d421d20108637fe85f45d99a6edbedb034945afddffce0aeda",
    f"{_PAIRS}/PCD-C_E-CARE_EN.json": "e22d41105b437af9688c42d8f9e312062d96916466be30dba5e28188c07bad92",
    f"{_PAIRS}/PCD-C_E-CARE_CN.json": "84118dacba2f31948bad37d3ea15214daa85ecca52fccdf1cb9f72a5c4a382fb",
    f"{_PAIRS}/PCD-C_COPA_EN.json": "3f142a56cf9a2331c3b6aaa75ed569f26787e78943d1d1bd13260b7cdba04a90",
    f"{_PAIRS}/PCD-C_COPA_CN.json": "709ee2a4fdd86f0aa4e266c22cada6aa6f2ac6863fa079c9a13cdd77c0670638",
    f"{_NEWS}/ECI-B_CTB_EN.json": "5edcb8924e80f4cc42e62727cc90075ba4dee6df6ea3d467e53f2b77bdf8be0a",
    f"{_NEWS}/ECI-B_CTB_CN.json": "44011e9d7d342eacbe883648d2aea50926684e2a1168b64db71b86ba994077f5",
    f"{_NEWS}/ECI-B_ESC_EN.json": "c491fa8d47b91ec1fe23846de3e385bf8be84f671a847fa48b656c0da0d03ffe",
    f"{_NEWS}/ECI-B_ESC_CN.json": "e10673bcddb15c3c27721617efb706fbde65fc7605dfb36b748b88c30826c8ea",
    f"{_NEWS}/ECI-B_MAVEN-ERE_EN.json": "294a81cfa101c5279292c4e931212dd78738b30150b17c6fa270e3b0cf1c735d",
    f"{_NEWS}/ECI-B_MAVEN-ERE_CN.json": "c38823844670ee8c6d7f0e34fee8a3f63ab93252e4154c6aac63634884e46c44",
    f"{_EXPLAIN}/CEG-O_E-CARE_EN.json": "bf0bbfbc0e01004d94ca652473eb51eee73fefde9d25a66059ac5ab308fbddee",
    f"{_EXPLAIN}/CEG-O_E-CARE_CN.json": "fd24a5c94b3abc2de823c51a4d3341e1e2acb0d05719132fb8db9fc2e7a3c89b",
    f"{_REASON}/CR-C_CRASS_EN.json": "4a31696c188fa23a74c197c92c9d1d139856e95e7d4ec9acd0f97984aa414938",
    f"{_REASON}/CR-C_CRASS_CN.json": "44c495c2b3e4f7285b2c928ea02bd904694c0d3e65332a4a69abce7f8313bdac",
    f"{_STORIES}/AC-B_causal_judgement_EN.json": "90ab6bc32a4b251b89774d73f195799e0716944b6fb60a1b109035ab11e95fba",
    f"{_STORIES}/AC-B_causal_judgement_CN.json": "ed2d791b12ab533b55013131c8f3d396db210b4821b0f533623255a6ac961c41",
}
_OPTIONS = re.compile(r"\n(?:Options|选项)\W")
# The rows of other files are translations of each other, one by one.
_APART = frozenset({"calm-lite/ECI-B_CTB", "calm-lite/ECI-B_ESC"})
_LANGUAGES: dict[str, Language] = {"EN": "en", "CN": "zh"}
_YES_NO = {"0": "no", "1": "yes", "No": "no", "Yes": "yes"}
_OPTION = {"0": "1", "1": "2"}
_ASKED = {"cause": "cause", "effect": "effect", "原因": "cause", "结果": "effect"}

_WORDINGS: dict[str, dict[str, str]] = json.loads(
    (files("aetia.evals.published") / "wordings" / "calm_lite_texts.json").read_text("utf-8")
)


def _pair(row: Row, name: str, language: Language) -> Item:
    words = _WORDINGS[language]
    told = words["pair"].format(row.text("premise"), row.text("hypothesis"))
    facts = {"events": [row.text("premise"), row.text("hypothesis")]}
    label = row.one_of(_YES_NO, "gt_answer")
    return Item(name, told, words["pair question"], "binary", label, language=language, facts=facts)


def _choice(row: Row, name: str, language: Language) -> Item:
    question = _WORDINGS[language][row.one_of(_ASKED, "ask-for")]
    options = row.text("hypothesis1"), row.text("hypothesis2")
    label = row.one_of(_OPTION, "gt_answer")
    return Item(name, row.text("premise"), question, "choice", label, options, language=language)


def _news(row: Row, name: str, language: Language) -> Item:
    if language == "zh":
        text, events = row.text("sent"), (row.text("event1"), row.text("event2"))
        places: list[list[int]] = []
    else:
        words = row.texts("words")
        places = [
            [row.integer("events", one, place) for place in range(len(row.values("events", one)))] for one in (0, 1)
        ]
        if any(not 0 <= place < len(words) for one in places for place in one):
            raise row.wrong("it names a word that the text has not", "events")
        text = " ".join(words)
        events = " ".join(words[place] for place in places[0]), " ".join(words[place] for place in places[1])
    facts = {"events": list(events), "places": places}
    question = _WORDINGS[language]["events"].format(*events)
    return Item(name, text, question, "binary", row.one_of(_YES_NO, "gt_answer"), language=language, facts=facts)


def _explanation(row: Row, name: str, language: Language) -> Item:
    words = _WORDINGS[language]
    facts = {"cause": row.text("cause"), "effect": row.text("effect")}
    told = words["link"].format(*facts.values())
    return Item(name, told, words["why"], "text", row.text("gt_answer"), language=language, facts=facts)


def _counterfactual(row: Row, name: str, language: Language) -> Item:
    answers = [row.text(f"Answer{number}") for number in range(1, 5)]
    chosen = row.integer("gt_answer")
    if not 1 <= chosen <= len(answers) or not answers[chosen - 1].strip():
        raise row.wrong("it names an option that there is not", "gt_answer")
    options = tuple(answer for answer in answers if answer.strip())
    label = str(sum(bool(answer.strip()) for answer in answers[:chosen]))
    return Item(name, row.text("premise"), row.text("QCC"), "choice", label, options, language=language)


def _story(row: Row, name: str, language: Language) -> Item:
    told = _OPTIONS.split(row.text("input"))[0].strip()
    body = told.partition("\n")[2].strip() or told  # the first line says what sort of question it is, if it is alone
    ends = [place for place in (body.rfind(mark, 0, -1) for mark in (". ", "。", "! ", "? ", '." ', "\n")) if place > 0]
    cut = max(ends, default=-1) + 1
    context, question = body[:cut].strip(), body[cut:].strip()
    label = row.one_of(_YES_NO, "gt_answer")
    return Item(name, context, question, "binary", label, language=language)


Reading = Callable[[Row, str, Language], Item]


def _read(name: str, reading: Reading, languages: dict[str, Language], folder: Path) -> Iterator[Item]:
    for file, language in languages.items():
        for row in json_lines(folder / file):
            item = reading(row, name, language)
            if name not in _APART:
                twins = f"{name}:{row.integer('index')}"
                variant = "base" if language == "en" else f"language={language}"
                item = replace(item, cluster=twins, orbit=twins, variant=variant)
            yield placed(item, row, folder, _LICENCE)


def news_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with a question about two events of a text: they are one, or the text lacks one of them."""
    events = item.facts["events"]
    if not isinstance(events, list):
        return ()
    first, second = (str(event) for event in events)
    places = item.facts.get("places")
    # An English event is given by the places of its words, which may stand apart.
    absent = [event for event in (first, second) if event not in item.context] if not places else []
    faults = [f"the text has no {event!r}" for event in absent]
    if places and isinstance(places, list) and places[0] == places[1]:
        faults.append("both events are the same words of the text")
    elif first == second and not places:
        faults.append("both events have the same name, so which is meant cannot be told")
    return tuple(faults)


def pair_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with a pair of events: they are the same."""
    events = item.facts["events"]
    same = isinstance(events, list) and len({str(event).casefold().strip(" .。") for event in events}) == 1
    return ("both events are the same sentence",) if same else ()


def _task(
    name: str, folder: str, reading: Reading, rung: Rung, form: Form, faults: Callable[[Item], tuple[str, ...]] | None
) -> Task:
    languages: dict[str, Language] = {f"{folder}/{name}_{code}.json": language for code, language in _LANGUAGES.items()}
    digests = {file: _DIGESTS[file] for file in languages}
    read = partial(_read, f"calm-lite/{name}", reading, languages)
    return Task(
        name=f"calm-lite/{name}",
        asks=_ASKS[name.partition("-")[0]],
        target=Target(rung, name.partition("-")[0], form),
        source=Published("calm_lite", digests, read, _HOME, _LICENCE, faults),
        chance={"binary": 0.5, "choice": 0.5, "text": 0.0}[form] if "CRASS" not in name else 0.25,
        tags=Tags(("world knowledge",), "both"),
        seeds=("069",),
        citation="Chen et al., Causal Evaluation of Language Models, arXiv 2405.00622",
    )


_ASKS = {
    "PCD": "Which of two everyday events causes which?",
    "ECI": "Does one event of a text cause another?",
    "CEG": "Which general fact explains why one event leads to another?",
    "CR": "What would have happened otherwise?",
    "AC": "Would people say that this caused that?",
}

TASKS = (
    *(_task(f"PCD-B_{part}", _PAIRS, _pair, "discovery", "binary", pair_faults) for part in ("E-CARE", "COPA")),
    *(_task(f"PCD-C_{part}", _PAIRS, _choice, "discovery", "choice", choice_faults) for part in ("E-CARE", "COPA")),
    *(_task(f"ECI-B_{part}", _NEWS, _news, "discovery", "binary", news_faults) for part in ("CTB", "ESC", "MAVEN-ERE")),
    _task("CEG-O_E-CARE", _EXPLAIN, _explanation, "counterfactual", "text", explanation_faults),
    _task("CR-C_CRASS", _REASON, _counterfactual, "counterfactual", "choice", choice_faults),
    _task("AC-B_causal_judgement", _STORIES, _story, "counterfactual", "binary", None),
)
