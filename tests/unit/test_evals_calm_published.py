"""Do the loaders of CaLM-lite's graphs and stories, CLADDER and Big-Bench Hard read rows of their form?"""

# ruff: noqa: RUF001  Chinese punctuation is meant

import json
from pathlib import Path

import pytest

from aetia.errors import EvaluationError
from aetia.evals.item import Item
from aetia.evals.published import bbh, calm_lite_graphs, cladder
from aetia.evals.task import Published, Task
from aetia.runs.keys import JSON

WORLD = "Imagine a hypothetical world, with only the following conditions: "


def task(name: str) -> Task:
    return next(one for one in (*bbh.TASKS, *calm_lite_graphs.TASKS, *cladder.TASKS) if one.name == name)


def items(name: str, folder: Path, rows: dict[str, list[dict[str, JSON]]]) -> list[Item]:
    source = task(name).source
    assert isinstance(source, Published)
    for path in source.files:
        told = next((rows[one] for one in rows if one in path), [])
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("\n".join(json.dumps(row) for row in told), encoding="utf-8")
    return list(source.read(folder))


def answers(name: str, found: list[Item]) -> list[str]:
    engine = task(name).engine
    assert engine is not None
    told = list[str]()
    for item in found:
        try:
            told.append(engine(item))
        except EvaluationError as error:
            told.append("unread" if error.code == "AE-8110" else error.code)
    return told


def faults(name: str, found: list[Item]) -> list[tuple[str, ...]]:
    source = task(name).source
    assert isinstance(source, Published)
    assert source.faults is not None
    return [source.faults(item) for item in found]


def sets_row(
    index: int, options: tuple[str, str, str], label: int, pair: tuple[str, str] = ("B", "C")
) -> dict[str, JSON]:
    one, two, three = options
    told: dict[str, JSON] = {"option1": one, "option2": two, "option3": three, "gt_answer": label}
    edges = "A causes B, A causes C, B causes C, B causes D, and C causes D"
    return {"index": index, "edges": edges, "treatment": pair[0], "outcome": pair[1], **told}


def test_sets_are_judged_by_the_text(tmp_path: Path) -> None:
    rows = [
        sets_row(1, ("D", "A", "A, D"), 2),
        sets_row(2, ("A", "A", "D"), 1),
        sets_row(3, ("D", "A", "A, D"), 1),
        sets_row(4, ("A", "C", "D"), 1, ("B", "B")),
    ]
    name = "calm-lite/BAS-C_mix-BAS"
    found = items(name, tmp_path, {"_EN": rows})
    assert [item.label for item in found] == ["2", "1", "1", "1"]
    assert answers(name, found) == ["2", "unread", "2", "unread"]
    assert faults(name, found) == [
        (),
        ("options 1, 2 are all right", "two options are the same set"),
        (),
        ("the treatment is the outcome",),
    ]
    assert found[0].origin.source.endswith("BAS-C_mix-BAS_EN.json:1")
    assert found[0].origin.licence == "Apache-2.0"


def test_a_keyed_set_that_is_not_maximal_or_minimal_is_named(tmp_path: Path) -> None:
    edges = "A causes B, A causes C, B causes C, and E causes C"
    row: dict[str, JSON] = {"index": 1, "edges": edges, "treatment": "B", "outcome": "C", "gt_answer": 1}
    largest = items(
        "calm-lite/BAS-C_max-BAS", tmp_path, {"_EN": [{**row, "option1": "A", "option2": "C", "option3": "E"}]}
    )
    assert "not maximal" in faults("calm-lite/BAS-C_max-BAS", largest)[0][0]
    least = items(
        "calm-lite/BAS-C_min-BAS", tmp_path, {"_EN": [{**row, "option1": "A, E", "option2": "C", "option3": "E"}]}
    )
    assert "not minimal" in faults("calm-lite/BAS-C_min-BAS", least)[0][0]


def test_front_doors_and_instruments(tmp_path: Path) -> None:
    row: dict[str, JSON] = {"index": 1, "edges": "A导致B, A导致D, B导致C, 以及C导致D", "treatment": "B", "outcome": "D"}
    front = items(
        "calm-lite/FAS-C_FAS",
        tmp_path,
        {"_CN": [{**row, "option1": "A", "option2": "C", "option3": "B", "gt_answer": 2}]},
    )
    assert front[0].language == "zh"
    assert answers("calm-lite/FAS-C_FAS", front) == ["2"]
    edges = "A causes B, E causes B, E causes C, and B causes C"
    row = {"index": 1, "edges": edges, "treatment": "B", "outcome": "C", "option1": "A", "option2": "E", "option3": "C"}
    assert answers(
        "calm-lite/IV-C_CaLM-IV", items("calm-lite/IV-C_CaLM-IV", tmp_path, {"_EN": [{**row, "gt_answer": 1}]})
    ) == ["1"]
    wrong = items(
        "calm-lite/IV-C_CaLM-IV",
        tmp_path,
        {"_EN": [{**row, "option1": "E", "option2": "C", "option3": "D", "gt_answer": 1}]},
    )
    assert answers("calm-lite/IV-C_CaLM-IV", wrong) == ["none"]


def test_relations_are_asked_in_the_right_direction(tmp_path: Path) -> None:
    edges = "A causes B, and B causes C"
    rows: list[dict[str, JSON]] = [
        {"index": 1, "ar_edges": edges, "former": "A", "latter": "C", "gt_answer": 1},
        {"index": 2, "ar_edges": edges, "former": "C", "latter": "A", "gt_answer": 0},
        {"index": 3, "ar_edges": edges, "former": "C", "latter": "C", "gt_answer": 0},
    ]
    found = items("calm-lite/AR-B_CaLM-AR", tmp_path, {"_EN": rows})
    assert answers("calm-lite/AR-B_CaLM-AR", found) == ["yes", "no", "no"]
    assert faults("calm-lite/AR-B_CaLM-AR", found)[2] == ("a variable is asked about itself",)
    row: dict[str, JSON] = {"index": 1, "edges": edges, "sampled_parent": "A", "attribution": "C", "gt_answer": 0}
    assert answers("calm-lite/CA-B_FP", items("calm-lite/CA-B_FP", tmp_path, {"_EN": [row]})) == ["no"]


def test_identifiability_reads_hidden_causes(tmp_path: Path) -> None:
    row: dict[str, JSON] = {"index": 1, "di_edges": "A causes B, and B causes C", "treatment": "A", "outcome": "C"}
    rows: list[dict[str, JSON]] = [
        {**row, "bi_edges": "A and C", "gt_answer": 1},
        {**row, "bi_edges": "A and B", "gt_answer": 0},
        {**row, "bi_edges": "A and B", "outcome": "A", "gt_answer": 1},
    ]
    name = "calm-lite/CEI-B_0.2-UC"
    found = items(name, tmp_path, {"_EN": rows})
    assert answers(name, found) == ["yes", "no", "unread"]
    assert faults(name, found)[2] == ("the treatment is the outcome",)


def story(kind: str, given: str, question: str, label: str, numbers: list[str] | None = None) -> dict[str, JSON]:
    meta: dict[str, JSON] = {
        "query_type": kind,
        "graph_id": "fork",
        "treatment": "X",
        "outcome": "Y",
        "formal_form": kind,
    }
    meta["given_info"] = dict.fromkeys(numbers, 0.1) if numbers else []
    return {"index": 1, "given_info": given, "question": question, "gt_answer": label, "meta": meta}


def test_stories_are_answered_from_their_numbers(tmp_path: Path) -> None:
    name = "calm-lite/CORR-B_correlation"
    keys = ["P(X=1)", "P(Y=1, X=0)", "P(Y=1, X=1)"]
    shares = (
        "The probability of zu is {}%. The probability of not zu and xe is {}%. The probability of zu and xe is {}%."
    )
    asked = "Is the chance of xe larger when observing zu?"
    rows = [
        story("correlation", f"{WORLD}Zu has a direct effect on xe.\n{shares.format(50, 10, 30)}", asked, "yes", keys),
        story("correlation", f"{WORLD}Zu has a direct effect on xe.\n{shares.format(20, 20, 5)}", asked, "no", keys),
    ]
    rows[1]["question"] = asked.replace("larger", "smaller")
    found = items(name, tmp_path, {"_EN": rows})
    assert answers(name, found) == ["yes", "unread"]  # 5/20 is 20/80
    assert faults(name, found) == [(), ("the answer turns within the rounding of the printed percentages",)]


def test_words_that_nothing_given_has_are_named(tmp_path: Path) -> None:
    row = story(
        "exp_away", "yo的总体概率是46%。甲95%，乙89%，丙99%，丁45%。", "当他们是oy时，xe的几率会降低吗？", "yes"
    )
    row["background"] = "设想一个世界：Yo 对 gw 有直接影响。Xe 对 gw 有直接影响。"
    row["meta"] = {**dict(row["meta"]), "given_info": {"P(X)": 0, "P(Y | X, V3)": 0}}  # pyright: ignore[reportCallIssue]
    found = items("calm-lite/EAE-B_exp-away", tmp_path, {"_CN": [row]})
    assert answers("calm-lite/EAE-B_exp-away", found) == ["yes"]
    assert faults("calm-lite/EAE-B_exp-away", found) == [("the question has the word 'oy', which nothing given has",)]


def test_methods_are_judged_by_the_background(tmp_path: Path) -> None:
    methods = (
        "Method 1: We look at how tea correlates with luck case by case according to age. "
        "Method 2: We look directly at how tea correlates with luck in general."
    )
    asked = "To understand how tea affects luck, is it more correct to use the Method 1 than Method 2?"
    confounded = f"{WORLD}Age has a direct effect on tea and luck. Tea has a direct effect on luck."
    alone = f"{WORLD}Age has a direct effect on luck. Tea has a direct effect on luck."
    hidden = f"{confounded} Age is unobserved."
    rows = [story("backadj", f"{world}\n{methods}", asked, "yes") for world in (confounded, alone, hidden)]
    name = "calm-lite/BAS-B_backadj"
    found = items(name, tmp_path, {"_EN": rows})
    assert answers(name, found) == ["yes", "no", "yes"]
    assert faults(name, found) == [(), ("both methods are right",), ("one method needs what nobody observes",)]


def test_rules_are_followed_in_every_world_that_agrees(tmp_path: Path) -> None:
    given = f"{WORLD}Zu affects.\nWe know that zu and not wi causes xe. We observed an individual is not wi."
    rows = [
        story("det-counterfactual", given, "Would an individual is xe if zu instead of not zu?", "yes"),
        story(
            "det-counterfactual",
            given.partition(" We observed")[0],
            "Would an individual is xe if zu instead of not zu?",
            "yes",
        ),
    ]
    name = "calm-lite/CR-B_det-counterfactual"
    assert answers(name, items(name, tmp_path, {"_EN": rows})) == ["yes", "unread"]


def cladder_rows(kind: str, given: dict[str, JSON], text: str, question: str, label: str) -> dict[str, JSON]:
    meta: dict[str, JSON] = {"query_type": kind, "graph_id": "arrowhead", "rung": 3, "model_id": 7, "formal_form": kind}
    return {
        "given_info": text,
        "question": question,
        "answer": label,
        "meta": {**meta, "given_info": given, "polarity": 1},
    }


def write_models(folder: Path, **told: JSON) -> None:
    model: dict[str, JSON] = {"model_id": 7, "background": f"{WORLD}Zu has a direct effect on xe.", "structure": "X->Y"}
    model["variable_mapping"] = {
        "Xname": "zu",
        "X1": "tea or milk",
        "X0": "water",
        "Yname": "xe",
        "Y1": "joy",
        "Y0": "gloom",
    }
    (folder / "test-model-meta.json").write_text(json.dumps([{**model, "params": {}, **told}]), encoding="utf-8")


def test_effects_are_compared_with_the_models_own_parameters(tmp_path: Path) -> None:
    name = "cladder/easy"
    source = task(name).source
    assert isinstance(source, Published)
    row = cladder_rows(
        "ate", {"p(Y | X)": []}, "For a, it is 20%. For b, it is 60%.", "Will zu increase the chance of xe?", "yes"
    )
    (tmp_path / "test-generate-easy.jsonl").write_text(json.dumps(row), encoding="utf-8")
    write_models(tmp_path, params={"p(X)": [0.5], "p(Y | X)": [0.6, 0.2]})
    found = list(source.read(tmp_path))
    assert answers(name, found) == ["yes"]
    assert faults(name, found) == [("by the model's own parameters ATE(X, Y) is -0.400, which gives the other answer",)]
    assert found[0].cluster == "cladder:7"


def test_phrases_of_a_story_may_have_the_joining_word(tmp_path: Path) -> None:
    name = "cladder/det"
    source = task(name).source
    assert isinstance(source, Published)
    text = "We know that tea or milk causes gloom."
    row = cladder_rows("det-counterfactual", {}, text, "Would there be joy if water instead of tea or milk?", "yes")
    (tmp_path / "test-generate-det.jsonl").write_text(json.dumps(row), encoding="utf-8")
    write_models(tmp_path)
    assert answers(name, list(source.read(tmp_path))) == ["yes"]


@pytest.mark.parametrize(
    ("name", "text", "target", "answer"),
    [
        ("multistep_arithmetic_two", "((-1 + 2 * 3) - (4 - -5)) =", "-4", "-4"),
        ("web_of_lies", "Question: Ann lies. Bob says Ann lies. Does Bob tell the truth?", "Yes", "yes"),
        (
            "temporal_sequences",
            (
                "Ann woke up at 6am.\nBob saw Ann reading from 6am to 9am.\nThe park was closed after 11am.\n"
                "Between what times could Ann have gone to the park?\nOptions:\n(A) 6am to 9am\n(B) 9am to 11am"
            ),
            "(B)",
            "2",
        ),
        (
            "logical_deduction_three_objects",
            (
                "It is said within each paragraph. On a shelf, there are three books: a red book, a blue book, and a "
                "green book. The red book is to the left of the blue book. The green book is the leftmost.\n"
                "Options:\n(A) The red book is the rightmost\n(B) The red book is the second from the left"
            ),
            "(B)",
            "2",
        ),
    ],
)
def test_answers_that_can_be_worked_out(tmp_path: Path, name: str, text: str, target: str, answer: str) -> None:
    told = {"canary": "canary GUID 1", "examples": [{"input": text, "target": target}]}
    (tmp_path / f"{name}.json").write_text(json.dumps(told), encoding="utf-8")
    full = f"bbh/{name.replace('_', '-')}"
    source = task(full).source
    assert isinstance(source, Published)
    (item,) = source.read(tmp_path)
    assert item.origin.canary == "canary GUID 1"
    assert answers(full, [item]) == [answer] == [item.label]


def test_causal_judgement_splits_story_and_question(tmp_path: Path) -> None:
    text = 'How would people answer?\nTea was spilt. "Alas." Did Bob cause it?\nOptions:\n- Yes\n- No'
    told = {"canary": "c", "examples": [{"input": text, "target": "No"}]}
    (tmp_path / "causal_judgement.json").write_text(json.dumps(told), encoding="utf-8")
    source = task("bbh/causal-judgement").source
    assert isinstance(source, Published)
    (item,) = source.read(tmp_path)
    assert (item.question, item.label, item.form) == ("Did Bob cause it?", "no", "binary")
