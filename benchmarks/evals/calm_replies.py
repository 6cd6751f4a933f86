"""What may a model say? Synthetic replies to CaLM's tasks: right, wrong, malformed, empty, in the other language.

The fragments that CaLM looks for are strewn over them in any order, so that each of its rules is met.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import cast

from aetia.evals.scoring.calm_labels import CalmQuestion, calm_phrases
from aetia.runs.keys import JSON

__all__ = ["MODELS", "STYLES", "Case", "Table", "cases", "gold", "reply"]

MODELS = ("GPT-4", "Claude2", "text-davinci-003", "GPT-3.5-Turbo", "davinci (175B)", "open-one", "open-two")
STYLES = (
    "basic",
    "adversarial-ignore",
    "adversarial-doubt",
    "zero-shot-IcL",
    "one-shot-IcL",
    "two-shot-IcL",
    "three-shot-IcL",
    "zero-shot-CoT",
    "manual-CoT",
    "explicit-function",
)
_FOLDERS = {
    "association/correlation": "CORR-B_correlation",
    "association/explaining_away_effect": "EAE-B_exp-away",
    "causal_discovery/abstract_reasoning": "AR-B_CaLM-AR",
    "causal_discovery/causal_attribution": "CA-B_FA CA-B_FP",
    "causal_discovery/event_causality_identification": "ECI-B_CTB ECI-B_ESC ECI-B_MAVEN-ERE",
    "causal_discovery/pairwise_causal_discovery": "PCD-B_COPA PCD-B_E-CARE PCD-C_COPA PCD-C_E-CARE",
    "counterfactual/actual_causality": "AC-B_causal_judgement",
    "counterfactual/causal_explanation_generation": "CEG-O_E-CARE",
    "counterfactual/counterfactual_reasoning": "CR-B_det-counterfactual CR-C_CRASS",
    "counterfactual/effect_of_the_treatment_on_the_treated": "ETT-B_ETT-natural ETT-P_ETT-basic ETT-P_ETT-hard",
    "counterfactual/natural_direct_effect": "NDE-B_NDE-natural NDE-P_NDE-basic NDE-P_NDE-hard",
    "counterfactual/natural_indirect_effect": "NIE-B_NIE-natural NIE-P_NIE-basic NIE-P_NIE-hard",
    "counterfactual/probability_of_necessity": "PN-P_PN-basic PN-P_PN-hard",
    "counterfactual/probability_of_sufficiency": "PS-P_PS-basic PS-P_PS-hard",
    "intervention/average_treatment_effect": "ATE-B_ATE-natural ATE-P_ATE-basic ATE-P_ATE-hard",
    "intervention/backdoor_adjustment_set": "BAS-B_backadj BAS-C_max-BAS BAS-C_min-BAS BAS-C_mix-BAS",
    "intervention/causal_effect_identification": "CEI-B_0.2-UC CEI-B_0.4-UC CEI-B_0.6-UC CEI-B_0.8-UC",
    "intervention/collider_bias": "CB-B_collider-bias",
    "intervention/controlled_direct_effect": "CDE-B_CDE-natural CDE-P_CDE-basic CDE-P_CDE-hard",
    "intervention/frontdoor_adjustment_set": "FAS-C_FAS",
    "intervention/instrumental_variable": "IV-C_CaLM-IV",
}
_EVENTS = (
    "The sun was rising.",
    "The grass was cut.",
    "He is tall.",
    "A",
    "",
    "时钟停止了滴答声。",
    "我花了额外的时间准备。",
    "The man's dog isn't well.",
    "No",
    "ab",
)
_SETS = ("A", "B, C", "D", "E, F, G", "", "H, A", "变量一", "A, B")
_NUMBERS = ("0.1234", "-0.3021", "0", "0.0", "1", "1e-3", "0.12344", "0.12345", "nan", "abc", "", "12%", "-0", "1/3")
_ASIDES = (
    "Let me think step by step.",
    "because A causes B and B causes C",
    "the method is not correct",
    "因为A导致B",
    "没有足够的信息",
    "\n",
    " ",
    "Option 1 or Option 2",
    "选项一或选项二",
    "方法2",
    "yes and no",
    "- Yes\n- No",
    "- 是 - 否",
    "İstanbul",
    "}",
    "{",
    "answer",
    "是否",
    "causes",
    "祖先节点",
    "不是父节点",
    "正确答案",
)


@dataclass(frozen=True)
class Case:
    """One of CaLM's 92 tasks."""

    folder: str
    task: str
    language: str

    @property
    def name(self) -> str:
        """As CaLM writes it."""
        return f"{self.task}_{self.language}"

    @property
    def path(self) -> str:
        """Where its files lie."""
        return f"{self.folder}/{self.name}"

    @property
    def scenario(self) -> str:
        """As in `PCD`."""
        return self.task.split("-")[0]

    def question(self, row: Mapping[str, JSON]) -> CalmQuestion:
        """The item as its rules are asked here."""
        options = [str(row[key]) for key in _option_keys(self.task)]
        language = "en" if self.language == "EN" else "zh"
        return CalmQuestion(self.task, tuple(options), str(row.get("ask-for", "")), language)


Table = dict[tuple[Case, str, str], list[dict[str, JSON]]]
"""The rows of replies by case, model and style."""


def cases(language: str) -> Iterator[Case]:
    """CaLM's 46 tasks of a language."""
    for folder, names in _FOLDERS.items():
        for name in names.split():
            yield Case(folder, name, language)


def gold(case: Case, index: int, random: Random) -> dict[str, JSON]:
    """An item with its label, as CaLM's files have it; `label` is the same as this project writes it."""
    found: dict[str, JSON] = {"index": index}
    texts = _SETS if case.task.startswith(("BAS-C", "FAS", "IV")) else _EVENTS
    keys = _option_keys(case.task)
    found.update({key: random.choice(texts) for key in keys})
    if case.task.startswith("PCD-C"):
        found.update({key: random.choice([text for text in texts if text]) for key in keys})
        found["ask-for"] = random.choice(["cause", "effect", "原因", "结果"])
        label = random.choice("12")
        return {**found, "gt_answer": int(label) - 1, "label": label}
    if case.scenario == "CEG":
        label = " ".join(random.choice(_WORDS) for _ in range(random.randint(1, 12)))
        return {**found, "gt_answer": label, "label": label}
    if "-P_" in case.task:
        number = random.choice([0.1234, 0.0, -0.3021, 0.1235, 1.0])
        return {**found, "gt_answer": number, "label": str(number)}
    return found | _answered(case, len(keys), random)


def _answered(case: Case, options: int, random: Random) -> dict[str, JSON]:
    """The label of an item of yes and no, or of three or four options, as CaLM's file has it and as it is here."""
    if options:
        label = str(random.randint(1, options))
        return {"gt_answer": label if case.task.startswith("CR-C") else int(label), "label": label}
    label = random.choice(["yes", "no"])
    if case.task.startswith("AC") or "natural" in case.task:
        return {"gt_answer": label.title(), "label": label}
    is_word = case.task.startswith(("CORR", "EAE", "CB", "CR-B", "BAS-B"))
    return {"gt_answer": label if is_word else int(label == "yes"), "label": label}


_WORDS = ("because", "the", "sun.", "rises", "energy", "is", "heat", "热量", "导致", "太阳升起。", ".", "a.b", "grass")


def _option_keys(task: str) -> tuple[str, ...]:
    if task.startswith("PCD-C"):
        return ("hypothesis1", "hypothesis2")
    if task.startswith("CR-C"):
        return ("Answer1", "Answer2", "Answer3", "Answer4")
    return ("option1", "option2", "option3") if task.startswith(("BAS-C", "FAS", "IV")) else ()


def reply(case: Case, item: Mapping[str, JSON], style: str, share: float, random: Random) -> dict[str, JSON]:
    """A row of a model's replies; adversarial styles have two."""
    found: dict[str, JSON] = {"index": item["index"]}
    for key in ("model_response", *(["model_response_AP"] if style.startswith("adversarial") else [])):
        is_plain = random.random() < 0.5
        found[key] = _plain(case, item, share, random) if is_plain else _strange(case, item, random)
    return found


def _plain(case: Case, item: Mapping[str, JSON], share: float, random: Random) -> str:
    label = str(item["label"])
    is_right = random.random() < share
    if case.scenario == "CEG":
        words = label.split() if is_right else [random.choice(_WORDS) for _ in range(random.randint(0, 30))]
        return " ".join(words)
    if "-P_" in case.task:
        number = label if is_right else random.choice(_NUMBERS)
        return f'{{"ANSWER": "{random.choice(["Yes", "No"])}", "PROB": "{number}"}}'
    keys = _option_keys(case.task)
    if keys:
        chosen = label if is_right else str(random.randint(1, len(keys)))
        said = random.choice([f"Option {chosen}", f"选项{'一二三四'[int(chosen) - 1]}", chosen])
    else:
        answer = label if is_right else random.choice(["yes", "no"])
        said = random.choice([answer, answer.title(), {"yes": "是", "no": "否"}[answer]])
        if "natural" in case.task:
            return f'{{"ANSWER": "{said}", "PROB": "{random.choice(_NUMBERS)}"}}'
    cue = random.choice(["", "", "The answer is ", "Answer: ", "答案是", "答案:", "So the answer is ", "答案为“"])
    return cue + said + random.choice(["", ".", "。", ", because A causes B.", "”"])


def _strange(case: Case, item: Mapping[str, JSON], random: Random) -> str:
    if random.random() < 0.08:
        return random.choice(["", "  \n ", "\t"])
    pieces = [_fragment(case, item, random) for _ in range(random.choice([1, 1, 2, 2, 3, 5]))]
    text = random.choice(["", " ", "\n", ", "]).join(pieces)
    return random.choice([text, text.upper(), f"  {text}\n", text[random.randint(0, 3) :]])


def _fragment(case: Case, item: Mapping[str, JSON], random: Random) -> str:
    known = calm_phrases()
    draw = random.random()
    if draw < 0.25:
        return random.choice(_ASIDES)
    if draw < 0.35:
        rules = cast("Mapping[str, JSON]", random.choice(list(cast("Mapping[str, JSON]", known["errors"]).values())))
        return random.choice(cast("list[str]", random.choice(list(rules.values()))))
    if "natural" in case.task or "-P_" in case.task:
        return _object(random)
    keys = _option_keys(case.task)
    if keys and draw < 0.6:
        text = str(item[random.choice(keys)])
        return random.choice(
            [text, text[:-1], text[1:], f"{text}.", f"because {text}", f"(option 1 or 2 or 3?): {text}"]
        )
    options = cast("Mapping[str, list[JSON]]", known["options"])
    places: list[JSON] = [*options["phrases"], *options["begins"]] if keys else []
    if not keys:
        own = cast("Mapping[str, Mapping[str, JSON]]", known["families"])
        places = [known["binary"], *(rules["yes"] for rules in own.values()), *(rules["no"] for rules in own.values())]
    chosen = _texts(random.choice(places))
    text = random.choice(chosen) if chosen else "yes"
    start = random.randint(0, len(text)) if random.random() < 0.3 else 0
    return text[start:]


def _texts(place: JSON) -> list[str]:
    if isinstance(place, str):
        return [place]
    inner = place.values() if isinstance(place, dict) else place if isinstance(place, list) else ()
    return [text for one in inner for text in _texts(one)]


def _object(random: Random) -> str:
    answer, number = random.choice(["Yes", "no", "是", "否", "yes.", "true", ""]), random.choice(_NUMBERS)
    return random.choice(
        [
            json.dumps({"ANSWER": answer, "PROB": number}, ensure_ascii=False),
            f'{{"ANSWER":"{answer}","PROB":"{number}"}}',
            f"{{'ANSWER': '{answer}', 'PROB': '{number}'}}",
            f"{{ANSWER: {answer}, PROB: {number or 'x'}}}",
            f'{{"ANSWER": {answer or "null"}, "PROB": {number or "0"}}}',
            f'{{{{"ANSWER": "{answer}", "PROB": "{number}"}}}}',
            f"{{“ANSWER”: “{answer}”, “PROB”: “{number}”}}",
            f'{{"ANSWER": "{answer}", "PROB": "{number}"',
            f'{{"PROB": {number or "0.5"}}}',
            f'{{"PROB": "{number}"}}}}}}',
            '{"ANSWER": true, "PROB": [0.5]}',
            '{"ANSWER": "3", "PROB": true}',
            f'the answer is {{"ANSWER":"{answer}","PROB":"{number}"}}',
            f'{{"answer":"{answer}","prob": {number or "0"}, }}',
            "{}",
            "{A} {B}",
        ]
    )
