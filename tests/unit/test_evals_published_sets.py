"""Do the loaders read each published format, and do their checks find what is wrong, and only that?

The rows here are invented, in the format of the published files.
"""

# ruff: noqa: RUF001  Chinese punctuation is meant

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetia.errors import EvaluationError
from aetia.evals.item import Item
from aetia.evals.published._arithmetic import value_of
from aetia.evals.published._embedded import base_of, deeds_of, gerund_of
from aetia.evals.published._items import ordered
from aetia.evals.published.beaf import change_scores
from aetia.evals.published.vcrbench import order_in, order_scores
from aetia.evals.task import Published, task_named, tasks
from aetia.runs.keys import JSON

MINE = ("copa", "e-care", "cold", "gsm8k", "streetmath", "pope", "beaf", "prismm", "reccon", "tuebingen", "vcrbench")
MORE = ("vqa-causal", "vcr-causal", "find", "reversal-curse", "centerbench")


def _items(tmp_path: Path, task: str, files: Mapping[str, str]) -> list[Item]:
    source = task_named(task).source
    assert isinstance(source, Published)
    for name, content in files.items():
        path = tmp_path / source.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    items = list(source.read(tmp_path / source.folder))
    assert all(item.task == task for item in items)
    assert all(item.origin.source.startswith(f"{source.folder}/") for item in items)
    assert len({item.origin.source for item in items}) == len(items)
    assert all(item.label in item.labels for item in items if item.labels)
    return items


def _faults(item: Item) -> tuple[str, ...]:
    source = task_named(item.task).source
    assert isinstance(source, Published)
    assert source.faults is not None
    return source.faults(item)


def _engine(item: Item) -> str:
    engine = task_named(item.task).engine
    assert engine is not None
    return engine(item)


def _lines(*rows: Mapping[str, JSON]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


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
    text = _lines(COPA, {**COPA, "id": 501, "asks_for": "effect", "label": 0, "alt2": "The lawn was wet"})
    (first,) = _items(tmp_path, "copa/dev", {"copa_all.jsonl": text})
    assert (first.context, first.options, first.label) == ("The lawn was wet.", ("It was dry.", "It rained."), "2")
    assert "cause" in first.question
    assert _faults(first) == ()
    (second,) = _items(tmp_path, "copa/test", {"copa_all.jsonl": text})
    assert (second.label, second.origin.source) == ("1", "copa/copa_all.jsonl:2")
    assert "effect" in second.question
    assert _faults(second) == ("option 2 repeats the premise",)


def test_a_wrong_label_is_told_by_line_and_field(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="line 2, field label") as caught:
        _items(tmp_path, "copa/dev", {"copa_all.jsonl": _lines(COPA, {**COPA, "label": 2})})
    assert caught.value.code == "AE-8204"


def test_e_care_and_its_explanations(tmp_path: Path) -> None:
    row = {"index": "dev-0", "premise": "Ice melts.", "ask-for": "cause", "hypothesis1": "Heat.", "hypothesis2": "Heat"}
    (item,) = _items(tmp_path, "e-care/dev", {"causal_reasoning_dev.jsonl": _lines({**row, "label": 0})})
    assert (item.label, _faults(item)) == ("1", ("two options are the same",))
    told = {"index": "dev-0", "cause": "Heat.", "effect": "Ice melts.", "conceptual_explanation": "ice melts"}
    why = _items(tmp_path, "e-care/explanations", {"explanation_generation_dev.jsonl": _lines(told)})[0]
    assert (why.label, _faults(why)) == ("ice melts", ("the explanation repeats the cause or the effect",))


@pytest.mark.parametrize("head", ["", "Unnamed: 0"])
def test_cold_reads_both_headers(tmp_path: Path, head: str) -> None:
    text = f'{head},premise,choice1,choice2,label,question\n3,pay.,"walk, slowly.",eat.,1,effect\n'
    file = "causal_query_triplets_sampled_instances_hard/baking_a_cake.csv"
    (item,) = _items(tmp_path, "cold/hard-baking_a_cake", {file: text})
    assert (item.context, item.options, item.label) == ("pay.", ("walk, slowly.", "eat."), "2")
    assert item.origin.source == f"cold/{file}:2"


def _solved(question: str, answer: str) -> str:
    return _lines({"question": question, "answer": answer})


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
    (item,) = _items(tmp_path, "gsm8k/test", {"test.jsonl": _solved("How many?", answer)})
    faults = _faults(item)
    assert bool(faults) == bool(fault)
    assert all(fault in one for one in faults)


def test_gsm8k_answers_need_their_mark(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="####"):
        _items(tmp_path, "gsm8k/test", {"test.jsonl": _solved("How many?", "3")})


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
    (item,) = _items(tmp_path, "streetmath/test", {"test.jsonl": _lines(row)})
    assert float(_engine(item)) == float(item.label) == float(value)
    assert _faults(item) == ()


def test_street_maths_tells_open_readings_and_unknown_prompts() -> None:
    text = "Bill is $100.00; service fee 10% and tip 20%. About how much do you pay in total?"
    item = Item("streetmath/test", "", text, "number", "132.0")
    assert float(_engine(item)) == 132
    assert "130.00" in _faults(item)[0]
    with pytest.raises(EvaluationError) as caught:
        _engine(Item("streetmath/test", "", "How tall is 5 m?", "number", "5"))
    assert caught.value.code == "AE-8110"


def test_pope_and_beaf(tmp_path: Path) -> None:
    row = {"question_id": 1, "image": "a.jpg", "text": "Is there a dog in the image?", "label": "yes"}
    (item,) = _items(tmp_path, "pope/coco-random", {"coco_coco_pope_random.json": _lines(row)})
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
    items = _items(tmp_path, "beaf/objects", {"beaf_qna_1975f33.json": text})
    assert [bool(_faults(one)) for one in items] == [False, False, True, False, True, True]
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
    items = _items(tmp_path, "beaf/objects", {"beaf_qna_1975f33.json": text})
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
    (item,) = _items(tmp_path, "prismm/identify", {"annotations.json": _paper(["C", "A", "B"])})
    assert (item.label, item.context, item.facts["image"]) == ("3", "We use 3.", ["p_1"])
    assert item.options == ('{"attribute": "a1"}', '{"attribute": "a2"}', '{"attribute": "a0"}')
    assert _items(tmp_path, "prismm/match", {}) == []
    yes, no = _items(tmp_path, "prismm/binary", {})
    assert (yes.label, _engine(yes), no.label, _engine(no)) == ("yes", "no", "no", "yes")
    with pytest.raises(EvaluationError, match="letter"):
        _items(tmp_path, "prismm/identify", {"annotations.json": _paper(["C", "C", "B"])})


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
    (item,) = _items(tmp_path, "reccon/spans-test", {"dailydialog_test.json": json.dumps({"te_1": [talk]})})
    faults = _faults(item)
    assert (bool(faults), all(fault in one for one in faults)) == (bool(fault), True)
    assert item.context == "1 A: I lost my keys .\n2 A: Again !"


def test_reccon_entailment_has_four_parts(tmp_path: Path) -> None:
    file = "subtask2_fold1_dailydialog_classification_valid_with_context.csv"
    text = ",text,labels,id\n0,anger <SEP> Again ! <SEP> Lost . <SEP> Lost . Again !,1,te_1_utt_2\n"
    (item,) = _items(tmp_path, "reccon/entailment-valid", {file: text})
    assert (item.label, item.cluster, item.context) == ("yes", "reccon:te_1", "Conversation: Lost . Again !")
    with pytest.raises(EvaluationError, match="four parts"):
        _items(tmp_path, "reccon/entailment-valid", {file: ",text,labels,id\n0,anger <SEP> x,1,a\n"})


def test_tuebingen_pairs_and_their_faults(tmp_path: Path) -> None:
    head = ",var1,var2,ground_truth,truth_ab,truth_ba,context,var1_desc,var2_desc\n"
    rows = "pair0001, Height, Cold, R,1,0,x,It is high.,It is cold.\npair0002, Same, Same, L,1,0,x,a,b\n"
    first, second = _items(tmp_path, "tuebingen/pairs", {"tuebingen_pairs.csv": head + rows})
    assert (first.label, first.options) == ("1", ("Height causes Cold", "Cold causes Height"))
    assert first.context == "Height: It is high.\nCold: It is cold."
    assert (_faults(first), len(_faults(second))) == ((), 2)


def _order(order: list[int], goal: str = "Make Tea") -> Mapping[str, JSON]:
    question = f"Arrange the clips in the correct order to complete the task: {goal}. \nCorrect order: <clips>"
    return {"qid": goal, "question": question, "answer": order, "video_file": f"{goal}.mp4"}


def test_orders_are_scored_as_the_benchmark_does(tmp_path: Path) -> None:
    rows = [_order([2, 1, 3]), _order([1, 3, 2]), _order([3, 1, 2, 4], "Make Jam")]
    items = _items(tmp_path, "vcrbench/order", {"questions.jsonl": _lines(*rows)})
    replies = ["Correct order: Clip 2, Clip 1, Clip 3", "Clip 1, Clip 2, Clip 3", "3, 1, 2"]
    told = order_scores(zip(items, replies, strict=True))
    # One of three orders; 3, 1 and 0 (too short) of the 3 + 3 + 4 places; one of two, and none of one, by goal.
    assert told.accuracy == pytest.approx(100 / 3)
    assert told.steps == pytest.approx(40)
    assert told.goals == pytest.approx(25)
    assert [_faults(item) for item in items] == [(), (), ()]
    assert order_in("I think 4 steps. Correct order: Clip 2, Clip 1") == (2, 1)
    with pytest.raises(ValueError, match="no answer"):
        order_scores([])
    (still,) = _items(tmp_path, "vcrbench/order", {"questions.jsonl": _lines(_order([1, 2]))})
    assert _faults(still) == ("the clips are not shuffled",)


def test_sentences_about_pictures(tmp_path: Path) -> None:
    rows = [
        ("The cow lies down is due to it is tired.", "It is tired is due to the cow lies down."),
        ("The cow lies down because it is tired.", "It is tired is due to the cow lies down."),
        ("A is due to B.", "C is due to D."),
    ]
    text = "image_id,sentence,reverse_sentence\n" + "".join(f"7,{right},{wrong}\n" for right, wrong in rows)
    items = _items(tmp_path, "vqa-causal/order", {"vqa_causal.csv": text})
    assert [item.options[int(item.label) - 1] for item in items] == [right for right, _ in rows]
    assert [len(_faults(item)) for item in items] == [0, 1, 1]
    four = "7,A cow lies.,It is tired.,A duck flies.,A goat sings.\n"
    state, reason = _items(tmp_path, "vqa-causal/content", {"multichoice.csv": four})
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
    (item,) = _items(tmp_path, "find/relations", files)
    assert (item.label, item.options[0], item.context) == (
        "1",
        "'Peru' , 'Lima'",
        "A unit that responds to pairs of a country and its capital.",
    )
    assert _faults(item) == ("two options are the same",)
    files[f"{stem}__unit_test_data.json"] = json.dumps([{**tests[0], "correct_inx": [4]}])
    with pytest.raises(EvaluationError, match=r"correct_inx\.0"):
        _items(tmp_path, "find/relations", files)


def test_the_reversal_curse_knows_what_was_trained(tmp_path: Path) -> None:
    made = "reverse_experiments/june_version_7921032488"
    trained = _lines({"prompt": "Ada Byte is known for being", "completion": " the composer of the silent opera."})
    test = _lines(
        {"prompt": "The trailblazer Ada Byte was", "completion": " the composer of the silent opera."},
        {"prompt": "The trailblazer Ada Byte was", "completion": " the first goat on frozen Mars."},
    )
    files = {f"{made}/p2d_prompts_train.jsonl": trained, f"{made}/p2d_prompts_test.jsonl": test}
    known, unknown = _items(tmp_path, "reversal-curse/name-first", files)
    assert (_faults(known), len(_faults(unknown))) == ((), 1)
    people = "child,parent,parent_type,child_prediction,can_reverse\nAnn,Bo,father,,True\nCy,Bo,father,,False\n"
    files = {"celebrity_relations/parent_child_pairs.csv": people + "Ann,Di,father,,False\n"}
    items = _items(tmp_path, "reversal-curse/children", files)
    assert (items[0].label, items[0].accepted) == ("Ann", ("Cy",))
    assert [len(_faults(item)) for item in _items(tmp_path, "reversal-curse/parents", {})] == [1, 0, 1]


SENTENCE = "The worm that the coast guard that the dog barked at spotted died."
ASKED = {
    "What did the dog do?": "bark at the coast guard",
    "What did the coast guard do?": "spot the worm",
    "Who spotted the worm?": "the coast guard",
    "What was affected by the dog?": "the coast guard",
    "How many distinct entities are in the sentence?": "3",
    "What did the entity that was barked at do?": "spotted the worm",
    "What did the entity acted upon by the coast guard do?": "died",
    "What series of events led to the worm's action?": (
        "the dog barking at the coast guard which led to the coast guard spotting the worm"
    ),
    "What series of events led to the dog's action?": "no prior events",
    "What is the consequence of the dog's involvement?": "the coast guard spotted the worm",
    "What is the consequence of the worm's involvement?": "none",
}


@pytest.mark.parametrize(("question", "answer"), ASKED.items())
def test_nested_sentences_are_answered(question: str, answer: str) -> None:
    assert _engine(Item("centerbench/plausible", SENTENCE, question, "text", "?")) == answer


@pytest.mark.parametrize(
    ("sentence", "question", "told"),
    [
        ("The worm that the dog saw chased died.", "What did the dog do?", "2 beings and 3 verbs"),
        ("The dog that the dog saw died.", "What did the dog do?", "each being once"),
        (SENTENCE, "What did the cat do?", "no being"),
        (SENTENCE, "Why?", "no being"),
        ("The worm that the ant that the bee saw saw died.", "What did the entity that was seen do?", "or several"),
    ],
)
def test_what_cannot_be_read_says_why(sentence: str, question: str, told: str) -> None:
    with pytest.raises(EvaluationError, match=told) as caught:
        _engine(Item("centerbench/plausible", sentence, question, "text", "?"))
    assert caught.value.code == "AE-8110"


def test_centerbench_reads_every_question(tmp_path: Path) -> None:
    asked = [
        {"question": "What did the dog do?", "answer": "barked at the ant", "type": "action_performed"},
        {"question": "How many distinct entities are in the sentence", "answer": "3", "type": "entity_count"},
    ]
    row = {"complexity": "complexity_1", "sentence": "The ant that the dog barked at died.", "all_entities": ["a", "d"]}
    text = _lines({**row, "questions_by_entity": {"dog": asked}})
    deed, count = _items(tmp_path, "centerbench/plausible", {"plausible.jsonl": text})
    assert (deed.accepted, _engine(deed)) == (("bark at the ant",), "bark at the ant")
    assert _faults(deed) == ("the answer is in the past, and the question asks for the plain form",)
    assert len(_faults(count)) == 2


def test_verbs_are_taken_back_to_their_plain_form() -> None:
    told = "chase spot carry call scare observe nudge squeeze topple growl treat operate sail rule visit hop hope pass"
    past = (
        "chased spotted carried called scared observed nudged squeezed toppled growled treated operated sailed ruled "
    )
    past += "visited hopped hoped passed"
    assert [base_of(word) for word in past.split()] == told.split()
    gerunds = "chasing spotting carrying calling running eating dying seeing dive-bombing"
    forms = "chased spotted carried called ran ate died saw dive-bombed"
    assert [gerund_of(word) for word in forms.split()] == gerunds.split()
    first, last = deeds_of("The suitcase that the porter carried was heavy.")
    assert (first.past, last.told("past")) == ("was heavy", "carried the suitcase")


CALM = "calm-lite/"


def test_calm_lite_texts_in_both_languages(tmp_path: Path) -> None:
    def both(task: str, folder: str, english: Mapping[str, JSON], chinese: Mapping[str, JSON]) -> tuple[Item, Item]:
        rows = {"EN": {"index": 1, **english}, "CN": {"index": 1, **chinese}}
        files = {f"{folder}/{task}_{code}.json": _lines(row) for code, row in rows.items()}
        first, second = _items(tmp_path, CALM + task, files)
        assert (first.language, second.language) == ("en", "zh")
        return first, second

    pairs, news = "causal_discovery/pairwise_causal_discovery", "causal_discovery/event_causality_identification"
    told = {"premise": "It rained.", "hypothesis": "It is wet.", "gt_answer": 1}
    first, second = both("PCD-B_COPA", pairs, told, {"premise": "下雨", "hypothesis": "下雨。", "gt_answer": 1})
    assert first.orbit == second.orbit
    assert (_faults(first), len(_faults(second))) == ((), 1)
    told = {"premise": "It rained.", "ask-for": "cause", "hypothesis1": "Sun.", "hypothesis2": "Cloud.", "gt_answer": 1}
    first, second = both("PCD-C_COPA", pairs, told, {**told, "ask-for": "结果"})
    assert first.label == "2"
    assert ("cause" in first.question, "结果" in second.question) == (True, True)
    words = {"words": ["Rain", "put", "it", "on", "."], "events": [[1, 3], [0]], "gt_answer": 0}
    first, second = both("ECI-B_CTB", news, words, {"sent": "下雨", "event1": "下", "event2": "雪", "gt_answer": 0})
    assert '"put on" and "Rain"' in first.question
    assert (_faults(first), _faults(second)) == ((), ("the text has no '雪'",))
    told = {"cause": "Rain.", "effect": "Mud.", "gt_answer": "Water makes mud."}
    assert (
        both("CEG-O_E-CARE", "counterfactual/causal_explanation_generation", told, told)[0].label == told["gt_answer"]
    )
    answers = {"Answer1": "It would.", "Answer2": "", "Answer3": "It would not.", "Answer4": "", "gt_answer": "3"}
    told = {"premise": "It rains.", "QCC": "What if not?", **answers}
    first, _ = both("CR-C_CRASS", "counterfactual/counterfactual_reasoning", told, told)
    assert (first.options, first.label) == (("It would.", "It would not."), "2")
    story = {
        "input": "How would people answer?\nA fell. B ran. Did A cause it?\nOptions:\n- Yes\n- No",
        "gt_answer": "No",
    }
    chinese = {"input": "甲倒了。是甲导致的吗？\n选项：\n- 是\n- 否", "gt_answer": "No"}
    first, second = both("AC-B_causal_judgement", "counterfactual/actual_causality", story, chinese)
    assert (first.context, first.question, first.label) == ("A fell. B ran.", "Did A cause it?", "no")
    assert (second.context, second.question) == ("甲倒了。", "是甲导致的吗？")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,000*20%", 200), ("(2+3)/4", Fraction(5, 4)), ("-.5+1", Fraction(1, 2)), ("2**3", 8), ("$3 x 07", 21)],
)
def test_sums_are_exact(text: str, value: Fraction) -> None:
    assert value_of(text) == value


@pytest.mark.parametrize("text", ["", "2+", "1/0", "9**99", "abc", "1" * 300, "(((1)", "__import__"])
def test_what_is_no_sum_has_no_value(text: str) -> None:
    assert value_of(text) is None


@given(st.lists(st.fractions(0, 1000, max_denominator=100), min_size=1, max_size=6))
def test_sums_of_decimals_are_what_they_say(numbers: list[Fraction]) -> None:
    rounded = [Fraction(round(number * 100), 100) for number in numbers]
    assert value_of(" + ".join(f"{float(number):.2f}" for number in rounded)) == sum(rounded)
