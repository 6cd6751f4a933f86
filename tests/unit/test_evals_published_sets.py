"""Do the loaders read each published format, and do their checks find what is wrong, and only that?

The rows here are invented, in the format of the published files.
"""

# ruff: noqa: RUF001  Chinese punctuation is meant

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from published_sets import engine_answer, faults_of, json_lines_of, read_items

from aetia.errors import EvaluationError
from aetia.evals.item import Item
from aetia.evals.published._items import ordered
from aetia.evals.published.beaf import change_scores
from aetia.evals.published.vcrbench import order_in, order_scores
from aetia.evals.scoring.bands import band_of
from aetia.evals.task import Published, tasks
from aetia.runs.keys import JSON

MINE = ("copa", "e-care", "cold", "gsm8k", "streetmath", "pope", "beaf", "prismm", "reccon", "tuebingen", "vcrbench")
MORE = ("vqa-causal", "vcr-causal", "find", "reversal-curse", "centerbench")


PUBLISHED = {
    task.name: task.source
    for task in tasks()
    if isinstance(task.source, Published) and task.name.startswith((*MINE, *MORE, "calm-lite"))
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_set_says_where_it_is_had_and_the_digest_of_each_file(name: str) -> None:
    source = PUBLISHED[name]
    assert source.home.startswith("https://")
    assert source.files
    assert all(len(digest) == 64 and set(digest) <= set("0123456789abcdef") for digest in source.files.values())


COPA = {
    "id": 1,
    "asks_for": "cause",
    "label": 1,
    "premise": "The lawn was wet.",
    "alt1": "It was dry.",
    "alt2": "It rained.",
}


def test_copa_parts_by_id(tmp_path: Path) -> None:
    text = json_lines_of(COPA, {**COPA, "id": 501, "asks_for": "effect", "label": 0, "alt2": "The lawn was wet"})
    (first,) = read_items(tmp_path, "copa/dev", {"copa_all.jsonl": text})
    assert (first.context, first.options, first.label) == ("The lawn was wet.", ("It was dry.", "It rained."), "2")
    assert "cause" in first.question
    assert faults_of(first) == ()
    (second,) = read_items(tmp_path, "copa/test", {"copa_all.jsonl": text})
    assert (second.label, second.origin.source) == ("1", "copa/copa_all.jsonl:2")
    assert "effect" in second.question
    assert faults_of(second) == ("option 2 repeats the premise",)


def test_a_wrong_label_is_told_by_line_and_field(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="line 2, field label") as caught:
        read_items(tmp_path, "copa/dev", {"copa_all.jsonl": json_lines_of(COPA, {**COPA, "label": 2})})
    assert caught.value.code == "AE-8204"


def test_e_care_and_its_explanations(tmp_path: Path) -> None:
    row = {"index": "dev-0", "premise": "Ice melts.", "ask-for": "cause", "hypothesis1": "Heat.", "hypothesis2": "Heat"}
    (item,) = read_items(tmp_path, "e-care/dev", {"causal_reasoning_dev.jsonl": json_lines_of({**row, "label": 0})})
    assert (item.label, faults_of(item)) == ("1", ("two options are the same",))
    told = {"index": "dev-0", "cause": "Heat.", "effect": "Ice melts.", "conceptual_explanation": "ice melts"}
    why = read_items(tmp_path, "e-care/explanations", {"explanation_generation_dev.jsonl": json_lines_of(told)})[0]
    assert (why.label, faults_of(why)) == ("ice melts", ("the explanation repeats the cause or the effect",))


@pytest.mark.parametrize("head", ["", "Unnamed: 0"])
def test_cold_reads_both_headers(tmp_path: Path, head: str) -> None:
    text = f'{head},premise,choice1,choice2,label,question\n3,pay.,"walk, slowly.",eat.,1,effect\n'
    file = "causal_query_triplets_sampled_instances_hard/baking_a_cake.csv"
    (item,) = read_items(tmp_path, "cold/hard-baking_a_cake", {file: text})
    assert (item.context, item.options, item.label) == ("pay.", ("walk, slowly.", "eat."), "2")
    assert item.origin.source == f"cold/{file}:2"


def _solved(question: str, answer: str) -> str:
    return json_lines_of({"question": question, "answer": answer})


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("Half is 6/2=<<6/2=3>>3.\n#### 3", ""),
        ("It is 1/3=<<1/3=0.33>>0.33.\nSo $1,250.\n#### 1,250", ""),
        ("It doubles to 16*2=<<16*2=32>>32, so it took three days.\n#### 3", ""),
        ("Each costs $2/8=$<<2/8=0.25>>0.25.\n#### 25", ""),
        ("Half is 6/2=<<6/2=4>>4.\n#### 4", "is false: it is 3"),
        ("Half is 6/2=<<6/2=3>>3.\n#### 4", "the steps end in 3, and the answer is 4"),
        ("Half.\n#### many", "is no number"),
        ("It is <<6//=3>>3.\n#### 3", "cannot be read"),
    ],
)
def test_gsm8k_checks_its_calculations(tmp_path: Path, answer: str, fault: str) -> None:
    (item,) = read_items(tmp_path, "gsm8k/test", {"test.jsonl": _solved("How many?", answer)})
    faults = faults_of(item)
    assert bool(faults) == bool(fault)
    assert all(fault in one for one in faults)


def test_gsm8k_answers_need_their_mark(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="####"):
        read_items(tmp_path, "gsm8k/test", {"test.jsonl": _solved("How many?", "3")})


SHOPPING = [
    ("You’re buying 2 items: $7.04, $12.56. About how much will you pay (before tax)?", "19.60"),
    ("Bill is $100.00; service fee 0% and tip 20%. About how much do you pay in total?", "120.00"),
    ("You need to travel about 110 miles at around 55 mph. About how many hours will it take?", "2"),
    ("A plaza is about 30 m by 35 m, with roughly 2 people per square meter. About how many people are there?", "2100"),
    ("A faucet fills 50 liters at about 5 liters per minute. About how many minutes does it take?", "10"),
    ("You buy 2.5 lb at $3.00 per lb. About how much is that total?", "7.50"),
    ("An item costs $10.00 per kg. You take 300 g. About how much is that?", "3.00"),
    ("Buy 2 get 1 free on items priced $5.00 each. You take 7 total. About how much do you pay?", "25.00"),
    (
        "BOGO sale (buy one, get one free; free item is the cheaper one in each pair). Items: $1.00, $9.00, $4.00.",
        "10.00",
    ),
    ("Cart: $10.00, $10.00. A 25% discount applies to everything. About how much do you pay?", "15.00"),
    ("Threshold coupon applies: $10 off $50+ spend. Cart: $30.00, $20.00. About how much do you pay?", "40.00"),
    ("Threshold coupon applies: $10 off $50+ spend. Cart: $30.00, $19.99. About how much do you pay?", "49.99"),
    ("Stacked deal: 10% off, then $5 coupon if you spend $40 or more. Cart: $50.00. About how much?", "40.00"),
    ("Stacked deal: 10% off, then $5 coupon if you spend $40 or more. Cart: $44.00. About how much?", "39.60"),
    ("Cart: $50.00 with a 20% store discount. Local sales tax is 10.0% (tax after discount).", "44.00"),
    ("Cart: $50.00 with a 20% store discount. Local sales tax is 10.0% (tax calculated before discount).", "45.00"),
    ("Cart: $50.00. Local sales tax is 10.0% (tax after discount).", "55.00"),
]


@pytest.mark.parametrize(("prompt", "value"), SHOPPING)
def test_street_maths_is_worked_out_from_the_prompt(tmp_path: Path, prompt: str, value: str) -> None:
    row = {"id": "x", "topic": "t", "subtopic": "s", "prompt": prompt, "split": "test", "exact_value": float(value)}
    (item,) = read_items(tmp_path, "streetmath/test", {"test.jsonl": json_lines_of(row)})
    assert float(engine_answer(item)) == float(item.label) == float(value)
    assert faults_of(item) == ()
    assert (band_of(f"{1.2 * float(value) - 0.01:.4f}", item), band_of("9999999", item)) == ("good", "way off")


def test_street_maths_tells_open_readings_and_unknown_prompts() -> None:
    text = "Bill is $100.00; service fee 10% and tip 20%. About how much do you pay in total?"
    item = Item("streetmath/test", "", text, "number", "132.0")
    assert float(engine_answer(item)) == 132
    assert "130.00" in faults_of(item)[0]
    with pytest.raises(EvaluationError) as caught:
        engine_answer(Item("streetmath/test", "", "How tall is 5 m?", "number", "5"))
    assert caught.value.code == "AE-8110"


def test_pope_and_beaf(tmp_path: Path) -> None:
    row = {"question_id": 1, "image": "a.jpg", "text": "Is there a dog in the image?", "label": "yes"}
    (item,) = read_items(tmp_path, "pope/coco-random", {"coco_coco_pope_random.json": json_lines_of(row)})
    assert (item.label, item.facts["image"]) == ("yes", "a.jpg")
    rows = [
        {"image": "a.jpg", "orig_img": True, "removed_q": True, "gt": "yes"},
        {"image": "a_00.png", "orig_img": False, "removed_q": True, "gt": "no"},
        {"image": "a_01.png", "orig_img": False, "removed_q": False, "gt": "no"},
        {"image": "b.jpg", "orig_img": True, "removed_q": False, "gt": "no"},
        {"image": "b_00.png", "orig_img": False, "removed_q": False, "gt": "yes"},
        {"image": "c_00.png", "orig_img": False, "removed_q": False, "gt": "no"},
    ]
    text = json.dumps([{"id": number, "question": "Is there a dog?", **one} for number, one in enumerate(rows)])
    items = read_items(tmp_path, "beaf/objects", {"beaf_qna_1975f33.json": text})
    assert [bool(faults_of(one)) for one in items] == [False, False, True, False, True, True]
    assert items[0].orbit == items[1].orbit != items[3].orbit
    assert items[1].facts["before"] == "yes"


def test_beaf_counts_what_became_of_answers(tmp_path: Path) -> None:
    scenes = "abcde"
    rows: list[Mapping[str, JSON]] = []
    for scene in scenes:
        for image, original, dog in ((f"{scene}.jpg", True, "yes"), (f"{scene}_00.png", False, "no")):
            shared = {"image": image, "orig_img": original}
            rows.append({**shared, "question": "Is there a dog?", "removed_q": True, "gt": dog})
            rows.append({**shared, "question": "Is there a cat?", "removed_q": False, "gt": "no"})
    text = json.dumps([{"id": number, **row} for number, row in enumerate(rows)])
    items = read_items(tmp_path, "beaf/objects", {"beaf_qna_1975f33.json": text})
    said = {"a": "yes no", "b": "yes no", "c": "no yes", "d": "yes yes", "e": "no no"}
    answers: list[tuple[Item, str]] = []
    for item in items:
        scene, is_original = str(item.facts["image"])[0], bool(item.facts["is_original"])
        changed = "yes" if scene == "a" and not is_original else "no"  # one cat of five appears
        answers.append((item, said[scene].split()[0 if is_original else 1] if "dog" in item.question else changed))
    told = change_scores(answers)
    assert (told.understanding, told.ignorance, told.stubborn_yes, told.stubborn_no) == (40, 20, 20, 20)
    assert told.indecision == pytest.approx(20)
    assert told.balance == pytest.approx(2 * 40 * 80 / 120)
    with pytest.raises(ValueError, match="no pair"):
        change_scores(answers[:2])


def _paper(letters: list[str]) -> str:
    options = [json.dumps({"letter": letter, "attribute": f"a{place}"}) for place, letter in enumerate(letters)]
    choice = {"question": "What is it?", "correct": options[0], "incorrect": options[1:], "letters": letters}
    yes_no = {"correct": "Yes", "incorrect": ["No"], "letters": ["B", "A"]}
    mcq = {
        "binary_consistent": {"question": "Is the figure consistent with the text?", **yes_no},
        "binary_inconsistent": {"question": "Is it inconsistent with the text?", **yes_no, "correct": "No"},
        "default": choice,
        "part_pair": {},
    }
    parts = [{"type": "text", "content": "We use 3."}, {"type": "image", "image_id": "p_1"}]
    told = {"inconsistency_parts": parts, "category": "figure-text", "description": "It shows 4.", "mcq": mcq}
    return json.dumps({"paper": [told]})


def test_prismm_orders_options_by_their_letters(tmp_path: Path) -> None:
    (item,) = read_items(tmp_path, "prismm/identify", {"annotations.json": _paper(["C", "A", "B"])})
    assert (item.label, item.context, item.facts["image"]) == ("3", "We use 3.", ["p_1"])
    assert item.options == ('{"attribute": "a1"}', '{"attribute": "a2"}', '{"attribute": "a0"}')
    assert read_items(tmp_path, "prismm/match", {}) == []
    yes, no = read_items(tmp_path, "prismm/binary", {})
    assert (yes.label, engine_answer(yes), no.label, engine_answer(no)) == ("yes", "no", "no", "yes")
    with pytest.raises(EvaluationError, match="letter"):
        read_items(tmp_path, "prismm/identify", {"annotations.json": _paper(["C", "C", "B"])})


def _turn(number: int, text: str, **more: JSON) -> dict[str, JSON]:
    return {"turn": number, "speaker": "A", "utterance": text, "emotion": "anger", **more}


@pytest.mark.parametrize(
    ("evidence", "spans", "fault"),
    [
        ([1, "b"], ["lost my keys", "b"], ""),
        ([1], ["lost the keys"], "is not in turn 1"),
        ([1], ["Lost my keys"], "is not exactly in turn 1"),
        ([3], ["No !"], "comes after the emotion"),
        ([9], ["No !"], "there is no turn 9"),
        ([1, 2], ["lost my keys"], "1 spans for 2 turns"),
        (["b"], ["lost my keys"], "do not go together"),
    ],
)
def test_reccon_spans_are_words_of_their_turn(
    tmp_path: Path, evidence: list[JSON], spans: list[JSON], fault: str
) -> None:
    told = {"expanded emotion cause evidence": evidence, "expanded emotion cause span": spans}
    talk = [_turn(1, "I lost my keys ."), _turn(2, "Again !", **told), _turn(3, "No !")]
    (item,) = read_items(tmp_path, "reccon/spans-test", {"dailydialog_test.json": json.dumps({"te_1": [talk]})})
    faults = faults_of(item)
    assert (bool(faults), all(fault in one for one in faults)) == (bool(fault), True)
    assert item.context == "1 A: I lost my keys .\n2 A: Again !"


def test_reccon_entailment_has_four_parts(tmp_path: Path) -> None:
    file = "subtask2_fold1_dailydialog_classification_valid_with_context.csv"
    text = ",text,labels,id\n0,anger <SEP> Again ! <SEP> Lost . <SEP> Lost . Again !,1,te_1_utt_2\n"
    (item,) = read_items(tmp_path, "reccon/entailment-valid", {file: text})
    assert (item.label, item.cluster, item.context) == ("yes", "reccon:te_1", "Conversation: Lost . Again !")
    with pytest.raises(EvaluationError, match="four parts"):
        read_items(tmp_path, "reccon/entailment-valid", {file: ",text,labels,id\n0,anger <SEP> x,1,a\n"})


def test_tuebingen_pairs_and_their_faults(tmp_path: Path) -> None:
    head = ",var1,var2,ground_truth,truth_ab,truth_ba,context,var1_desc,var2_desc\n"
    rows = "pair0001, Height, Cold, R,1,0,x,It is high.,It is cold.\npair0002, Same, Same, L,1,0,x,a,b\n"
    first, second = read_items(tmp_path, "tuebingen/pairs", {"tuebingen_pairs.csv": head + rows})
    assert (first.label, first.options) == ("1", ("Height causes Cold", "Cold causes Height"))
    assert first.context == "Height: It is high.\nCold: It is cold."
    assert (faults_of(first), len(faults_of(second))) == ((), 2)


def _order(order: list[int], goal: str = "Make Tea") -> Mapping[str, JSON]:
    question = f"Arrange the clips in the correct order to complete the task: {goal}. \nCorrect order: <clips>"
    return {"qid": goal, "question": question, "answer": order, "video_file": f"{goal}.mp4"}


def test_orders_are_scored_as_the_benchmark_does(tmp_path: Path) -> None:
    rows = [_order([2, 1, 3]), _order([1, 3, 2]), _order([3, 1, 2, 4], "Make Jam")]
    items = read_items(tmp_path, "vcrbench/order", {"questions.jsonl": json_lines_of(*rows)})
    replies = ["Correct order: Clip 2, Clip 1, Clip 3", "Clip 1, Clip 2, Clip 3", "3, 1, 2"]
    told = order_scores(zip(items, replies, strict=True))
    # One of three orders; 3, 1 and 0 (too short) of the 3 + 3 + 4 places; one of two, and none of one, by goal.
    assert told.accuracy == pytest.approx(100 / 3)
    assert told.steps == pytest.approx(40)
    assert told.goals == pytest.approx(25)
    assert [faults_of(item) for item in items] == [(), (), ()]
    assert order_in("I think 4 steps. Correct order: Clip 2, Clip 1") == (2, 1)
    with pytest.raises(ValueError, match="no answer"):
        order_scores([])
    (still,) = read_items(tmp_path, "vcrbench/order", {"questions.jsonl": json_lines_of(_order([1, 2]))})
    assert faults_of(still) == ("the clips are not shuffled",)


def test_sentences_about_pictures(tmp_path: Path) -> None:
    rows = [
        ("The cow lies down is due to it is tired.", "It is tired is due to the cow lies down."),
        ("The cow lies down because it is tired.", "It is tired is due to the cow lies down."),
        ("A is due to B.", "C is due to D."),
    ]
    text = "image_id,sentence,reverse_sentence\n" + "".join(f"7,{right},{wrong}\n" for right, wrong in rows)
    items = read_items(tmp_path, "vqa-causal/order", {"vqa_causal.csv": text})
    assert [item.options[int(item.label) - 1] for item in items] == [right for right, _ in rows]
    assert [len(faults_of(item)) for item in items] == [0, 1, 1]
    four = "7,A cow lies.,It is tired.,A duck flies.,A goat sings.\n"
    state, reason = read_items(tmp_path, "vqa-causal/content", {"multichoice.csv": four})
    assert {state.options, tuple(reversed(state.options))} >= {("A cow lies.", "A duck flies.")}
    assert reason.options[int(reason.label) - 1] == "It is tired."


def test_options_of_sets_that_put_the_right_one_first_are_in_both_orders() -> None:
    labels = [ordered(f"right {number}", [f"wrong {number}"])[1] for number in range(400)]
    assert 160 < labels.count("1") < 240
    assert ordered("a", ["b"]) == ordered("a", ["b"])


def test_find_joins_descriptions_and_tests(tmp_path: Path) -> None:
    stem = "find-dataset__neurons_relations"
    data = [{"dir": "/x/f00000", "concept1": "a country", "concept2": "its capital"}]
    tests = [{"name": "f00000", "test_vec": [[["Peru", "Oslo", "Oslo"], [" Lima", "1", " 1"]]], "correct_inx": [1]}]
    files = {f"{stem}__data.json": json.dumps(data), f"{stem}__unit_test_data.json": json.dumps(tests)}
    (item,) = read_items(tmp_path, "find/relations", files)
    assert (item.label, item.options[0], item.context) == (
        "1",
        "'Peru' , 'Lima'",
        "A unit that responds to pairs of a country and its capital.",
    )
    assert faults_of(item) == ("two options are the same",)
    files[f"{stem}__unit_test_data.json"] = json.dumps([{**tests[0], "correct_inx": [4]}])
    with pytest.raises(EvaluationError, match=r"correct_inx\.0"):
        read_items(tmp_path, "find/relations", files)


def test_the_reversal_curse_knows_what_was_trained(tmp_path: Path) -> None:
    made = "reverse_experiments/june_version_7921032488"
    opera = " the composer of the silent opera."
    trained = json_lines_of({"prompt": "Ada Byte is known for being", "completion": opera})
    test = json_lines_of(
        {"prompt": "The trailblazer Ada Byte was", "completion": opera},
        {"prompt": "The trailblazer Ada Byte was", "completion": " the first goat on frozen Mars."},
    )
    files = {f"{made}/p2d_prompts_train.jsonl": trained, f"{made}/p2d_prompts_test.jsonl": test}
    known, unknown = read_items(tmp_path, "reversal-curse/name-first", files)
    assert (faults_of(known), len(faults_of(unknown))) == ((), 1)
    people = "child,parent,parent_type,child_prediction,can_reverse\nAnn,Bo,father,,True\nCy,Bo,father,,False\n"
    files = {"celebrity_relations/parent_child_pairs.csv": people + "Ann,Di,father,,False\n"}
    items = read_items(tmp_path, "reversal-curse/children", files)
    assert (items[0].label, items[0].accepted) == ("Ann", ("Cy",))
    assert [len(faults_of(item)) for item in read_items(tmp_path, "reversal-curse/parents", {})] == [1, 0, 1]
