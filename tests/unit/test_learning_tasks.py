"""Tasks answer rightly, prompts have their slots, recipes and names that are wrong are one clear line."""

import pytest

from aetia.errors import StudyError
from aetia.learning import Recipe, get_task, task_names


def code_of(call):
    with pytest.raises(StudyError) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize(
    ("name", "letters", "answers"),
    [
        ("reverse", "abca", "acba"),
        ("sort", "2011", "0112"),
        ("histogram", "abca", "2112"),
    ],
)
def test_answers_to_one_input_by_hand(name, letters, answers):
    assert list(get_task(name).rule(tuple(letters))) == list(answers)


@pytest.mark.parametrize(
    ("brackets", "answers"),
    [
        ("()()", "open balanced open balanced"),
        ("(())", "open open open balanced"),
        ("())(", "open balanced invalid invalid"),
        (")(()", "invalid invalid invalid invalid"),
    ],
)
def test_a_bracket_too_many_is_never_forgiven(brackets, answers):
    assert get_task("dyck").rule(tuple(brackets)) == answers.split()


def test_of_the_strings_of_six_brackets_five_are_balanced():
    # The third Catalan number.
    task = get_task("dyck", size=6)
    assert sum(task.rule(letters)[-1] == "balanced" for letters in task.inputs) == 5


@pytest.mark.parametrize("name", task_names())
def test_a_prompt_is_bos_input_separator_and_a_slot_an_answer(name):
    task = get_task(name, letters=3, size=5)
    assert len(task.inputs) == len(task.letters) ** 5
    for letters in task.inputs[:3]:
        prompt = task.prompt(letters)
        assert prompt == ("<s>", *letters, "|", "_", "_", "_", "_", "_")
        assert len(prompt) == task.length
        assert task.prompt(letters, 2) == prompt[: task.slots[1] + 1]
        assert [task.vocabulary[number] for number in task.token_ids(prompt)] == list(prompt)
        assert {prompt[slot] for slot in task.slots} == {"_"}
        assert set(task.rule(letters)) <= set(task.vocabulary)
    assert len(set(task.vocabulary)) == len(task.vocabulary)


def test_a_task_that_there_is_not():
    assert code_of(lambda: get_task("parity")) == "AE-1801"


@pytest.mark.parametrize(("letters", "size"), [(1, 4), (9, 2), (3, 1), (3, 9), (8, 5)])
def test_a_task_too_large_to_be_looked_at_whole(letters, size):
    assert code_of(lambda: get_task("sort", letters, size)) == "AE-1802"


@pytest.mark.parametrize(
    "wrong",
    [{"layers": 0}, {"restarts": 0}, {"counters": -1}, {"steps": 1}, {"coldest": 0.0}, {"warmest": 0.001}],
)
def test_a_recipe_that_learns_nothing(wrong):
    assert code_of(lambda: Recipe(**wrong)) == "AE-1803"


def test_the_temperature_falls_by_the_same_factor_from_the_warmest_to_the_coldest():
    recipe = Recipe(steps=5, warmest=16.0, coldest=1.0)
    assert [recipe.temperature(step) for step in range(5)] == pytest.approx([16, 8, 4, 2, 1])
