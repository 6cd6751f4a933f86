"""Are CaLM's files about effects read as they are published, and are their labels found again?

The rows are invented; their form is the published one.
"""

import json

import pytest

from aetia.errors import EvaluationError
from aetia.evals.published.calm_lite_effects import TASKS
from aetia.evals.task import Published, task_named

START = (
    "Imagine a self-contained, hypothetical world with only the following conditions, and without any unmentioned "
    "factors or causal relationships: "
)
ZH_START = "设想一个只有以下条件，而没有其他因素或因果关系的假设世界："  # noqa: RUF001  as published


def row(edges, data, instruction, question, answer, graph="A->B"):
    return {
        "index": 1,
        "Background": {"graph": graph, "real_world_meaning": "", "data_info": data, "data_info_math": ""},
        "Instruction": instruction,
        "Question": question,
        "gt_answer": answer,
        "Reason": {"Step 1": "because"},
        "Type": "",
        "Mode": "REAL",
        "given_info": edges,
    }


def written(tmp_path, name, english, chinese=()):
    task = task_named(f"calm-lite/{name}")
    assert isinstance(task.source, Published)
    for path in task.source.files:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        rows = english if path.endswith("EN.json") else chinese
        (tmp_path / path).write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows), "utf-8")
    return task, list(task.source.read(tmp_path))


EDGES = START + "Rain fall has a direct effect on soil. Rain fall has a direct effect on crop yield. "
EDGES += "Soil has a direct effect on crop yield."
DATA = (
    "For those with soil being wet and rain fall being low, the probability of crop yield being high is 0.7000. "
    "For those with soil being dry and rain fall being low, the probability of crop yield being high is 0.2000. "
    "The probability of rain fall being low is 0.2500. "
    "For those with soil being wet and rain fall being large and heavy, the probability of crop yield being high is "
    "0.9000. For those with soil being dry and rain fall being large and heavy, the probability of crop yield being "
    "high is 0.5000. The probability of rain fall being large and heavy is 0.7500. "
)
ATE = "Consider the average treatment effect (ATE) of soil on crop yield."


def test_both_languages_are_read_and_answered(tmp_path):
    # 0.25 (0.7 - 0.2) + 0.75 (0.9 - 0.5) = 0.425
    english = row(EDGES, DATA, ATE, "If soil is changed to be dry, will crop yield be more likely to be high?", -0.425)
    told = ZH_START + "顾客对产品的满意度对销量有直接影响。顾客对产品的满意度对评价有直接影响。销量对利润有直接影响。"
    data = "在顾客对产品的满意度为低的条件下, 利润为高的概率为0.3000。"
    data += "在顾客对产品的满意度为高的条件下, 利润为高的概率为0.4000。"
    question = "如果顾客对产品的满意度被改变为高，那么利润更有可能为低吗？"  # noqa: RUF001  as published
    chinese = row(told, data, "考虑顾客对产品的满意度作用于利润的“平均干预效果”。", question, -0.1)
    task, items = written(tmp_path, "ATE-P_ATE-basic", [english], [chinese])
    assert [(item.language, item.label) for item in items] == [("en", "-0.4250"), ("zh", "-0.1000")]
    assert task.engine is not None
    assert [task.engine(item) for item in items] == ["-0.4250", "-0.1000"]
    assert items[0].origin.source.endswith("/intervention/average_treatment_effect/ATE-P_ATE-basic_EN.json:1")
    assert items[0].cluster == items[1].cluster
    assert items[0].facts["graph"] == "A -> B"
    assert items[0].question.startswith("Consider")


def test_a_wrong_label_shows_and_an_item_without_numbers_is_named(tmp_path):
    question = "If soil is changed to be wet, will crop yield be more likely to be low?"
    back = "If crop yield is changed to be high, will rain fall be more likely to be low?"
    rows = [row(EDGES, DATA, ATE, question, "Yes"), row(EDGES, "", ATE, back, "No")]
    task, items = written(tmp_path, "ATE-B_ATE-natural", rows)
    assert task.engine is not None
    assert [(item.label, task.engine(item)) for item in items] == [("yes", "no"), ("no", "no")]
    assert isinstance(task.source, Published)
    assert task.source.faults is not None
    assert task.source.faults(items[0]) == ()
    assert "no probability" in task.source.faults(items[1])[0]


def test_an_effect_that_is_keyed_as_none_is_named(tmp_path):
    edges = START + "Abcd has a direct effect on efgh. Efgh has a direct effect on ijkl."
    edges += " Abcd has a direct effect on ijkl."
    data = (
        "For those with efgh being low and abcd being low, the probability of ijkl being low is 0.4700. "
        "For those with abcd being high, the probability of efgh being low is 0.2050. "
        "For those with abcd being low, the probability of efgh being low is 0.2000. "
        "For those with efgh being high and abcd being low, the probability of ijkl being low is 0.4000. "
    )
    question = (
        "Suppose abcd is held constant and the mediator changes to whatever value it would have attained under abcd "
        "changing to be high, would ijkl have been more likely to be low?"
    )
    told = "Consider the natural indirect effect (NIE) of abcd on ijkl."
    task, items = written(tmp_path, "NIE-B_NIE-natural", [row(edges, data, told, question, "No")])
    assert task.engine is not None
    assert task.engine(items[0]) == "yes"  # 0.005 * 0.07
    assert isinstance(task.source, Published)
    assert task.source.faults is not None
    assert "key it as none" in task.source.faults(items[0])[0]


def test_a_bound_follows_the_publishers_rounding_and_the_exact_one_is_told(tmp_path):
    data = (
        "For those with soil being dry and rain fall being low, the probability of crop yield being low is 0.3333. "
        "The probability of rain fall being low is 0.3333. "
        "For those with soil being dry and rain fall being high, the probability of crop yield being low is 0.5555. "
        "The probability of rain fall being high is 0.6667. The probability of soil being dry and crop yield being low "
        "is 0.4300. The probability of soil being wet and crop yield being high is 0.0700. "
    )
    question = (
        "Given that soil was wet and crop yield was high, what is the upper bound of the probability of the crop yield "
        "would have been low if the soil had been dry?"
    )
    under = 0.3333 * 0.3333 + 0.5555 * 0.6667
    published = round((round(under, 4) - 0.43) / 0.07, 4)
    exact = round((under - 0.43) / 0.07, 4)
    assert published != exact
    told = "Consider the probability of necessity (PN) of soil on crop yield."
    task, items = written(tmp_path, "PN-P_PN-hard", [row(EDGES, data, told, question, published)])
    assert task.engine is not None
    assert task.engine(items[0]) == items[0].label == f"{published:.4f}"
    assert isinstance(task.source, Published)
    assert task.source.faults is not None
    assert f"the bound is {exact:.4f}" in task.source.faults(items[0])[0]


QUESTIONS = {
    "CDE-B_CDE-natural": "Conditioned on rain fall being low, if the soil had been wet",
    "ETT-B_ETT-natural": "For those with soil being dry, if their soil had been wet",
}


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_other_kinds_are_read(tmp_path, name):
    question = f"{QUESTIONS[name]}, would the crop yield have been more likely to be high?"
    data = DATA
    if name.startswith("ETT"):
        data = DATA.replace("The probability of rain", "For those with soil being dry, the probability of rain")
        data += "For those with soil being dry, the probability of crop yield being high is 0.4000. "
    task, items = written(tmp_path, name, [row(EDGES, data, "Consider it.", question, "Yes")])
    assert task.engine is not None
    assert task.engine(items[0]) == "yes"


def test_a_text_of_another_form_is_told(tmp_path):
    question = "If soil is changed to be wet, will crop yield be more likely to be low?"
    broken = [
        row("Soil matters.", DATA, ATE, question, "Yes"),
        row(EDGES, "Half of all. ", ATE, question, "Yes"),
        row(EDGES, DATA, ATE, "Why?", "Yes"),
    ]
    task, items = written(tmp_path, "ATE-B_ATE-natural", broken)
    assert isinstance(task.source, Published)
    assert task.source.faults is not None
    for item in items:
        assert task.engine is not None
        with pytest.raises(EvaluationError, match="AE-8110"):
            task.engine(item)
        assert "cannot be read" in task.source.faults(item)[0]


def test_a_damaged_row_names_its_field(tmp_path):
    with pytest.raises(EvaluationError, match="gt_answer"):
        written(tmp_path, "ATE-B_ATE-natural", [row(EDGES, DATA, ATE, "?", "Perhaps")])


def test_all_files_about_effects_have_a_task():
    assert len(TASKS) == 19
    files = [path for task in TASKS if isinstance(task.source, Published) for path in task.source.files]
    assert len(files) == len(set(files)) == 38
