"""Training finds programs that equal what was trained, and learned programs are truth systems."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from aetia.errors import StudyError
from aetia.learning import (
    LearnedProgram,
    Recipe,
    get_task,
    learn,
    learned_system,
    learned_systems,
    read_program,
    shipped_program,
    task_names,
    train_program,
    write_program,
)
from aetia.learning.comparison import differences_from_network, largest_logit_gap
from aetia.learning.systems import answers_of
from aetia.truth import run, to_python
from aetia.truth.program import Head, Layer, Program, Reading, matching, weighing

SHORT = Recipe(layers=1, heads=2, counters=1, lookups=1, restarts=2, hidden=8, steps=20, batch=8)


@pytest.fixture(scope="module")
def reverse():
    return learn("reverse", seed=0)


def source_of(program):
    scope = {}
    exec(to_python(program), scope)
    return scope["program"]


def share_right(task, program):
    right = [tuple(task.rule(letters)) == given for letters, given in answers_of(task, program).items()]
    return sum(right) / len(right)


def test_reverse_is_learned_whole_and_is_one_head(reverse):
    assert reverse.exact[reverse.best] == 1.0
    assert share_right(reverse.task, reverse.program) == 1.0
    [layer] = reverse.program.layers
    [head] = layer.heads
    assert (head.query, head.key, head.value, layer.lookups) == ("position", "position", "token", ())
    # The only way to do it: slot i, at position 6 + i, reads letter 4 - i.
    assert [row.index(True) for row in head.matches[6:]] == [4, 3, 2, 1]


def test_the_learned_program_equals_its_network_and_its_gpt2_on_all_inputs(reverse):
    assert differences_from_network(reverse) == 0
    assert largest_logit_gap(reverse.task, reverse.program) < 1e-5


def test_a_difference_between_program_and_network_would_be_seen(reverse):
    reading = reverse.program.readout[0]
    changed = tuple(tuple(weight + 0.25 for weight in row) for row in reading.weights)
    other = Program(
        reverse.program.vocabulary,
        reverse.program.length,
        reverse.program.layers,
        (Reading(reading.variable, changed),),
    )
    network = type(reverse)(**{**vars(reverse), "program": other})
    assert differences_from_network(network) == len(reverse.task.inputs)


def test_a_program_that_is_often_wrong_still_equals_its_network():
    learned = learn(get_task("histogram", letters=2, size=3), seed=1, recipe=SHORT)
    assert differences_from_network(learned) == 0
    assert largest_logit_gap(learned.task, learned.program) < 1e-5
    assert share_right(learned.task, learned.program) == learned.exact[learned.best]


def test_the_same_seed_gives_the_same_program_and_leaves_the_global_seed_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    task = get_task("dyck", size=3)
    first, again, other = (train_program(task, seed=seed, recipe=SHORT) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    torch.testing.assert_close(torch.rand(3), expected)


def test_the_observer_is_told_of_every_step_and_of_every_restart():
    seen = []
    learned = learn(get_task("sort", letters=3, size=3), seed=0, recipe=SHORT, observer=seen.append)
    assert [one.step for one in seen] == list(range(1, learned.steps + 1))
    assert {len(one.losses) for one in seen} == {SHORT.restarts}
    assert all(later.temperature < earlier.temperature for earlier, later in pairwise(seen))
    assert np.mean(seen[-1].losses) < np.mean(seen[0].losses)


@pytest.mark.parametrize("name", task_names())
def test_a_shipped_program_is_as_right_as_its_file_says(name):
    shipped = shipped_program(name)
    assert share_right(shipped.task, shipped.program) == pytest.approx(shipped.exact, abs=1e-9)
    assert shipped.exact >= 0.97


@pytest.mark.parametrize("name", task_names())
def test_a_shipped_program_equals_its_source_and_its_gpt2_on_all_inputs(name):
    shipped = shipped_program(name)
    task, program = shipped.task, shipped.program
    assert largest_logit_gap(task, program) < 1e-5
    function = source_of(program)
    for letters in task.inputs:
        prompt = task.prompt(letters)
        logits = [[row.get(word, 0.0) for word in program.vocabulary] for row in function(prompt)]
        np.testing.assert_allclose(logits, run(program, program.token_ids(prompt)).logits, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", learned_systems())
def test_a_learned_system_asks_what_its_program_answers(name):
    system = learned_system(name, seed=1)
    assert system.name == f"learned-{name}"
    items = system.draw(8, seed=2)
    last = [
        system.network.module(torch.tensor([ids])).logits[0, -1]
        for item in items
        for ids in (item.clean_ids, item.corrupted_ids)
    ]
    for number, item in enumerate(items):
        assert last[2 * number].argmax() == item.answer_ids[0]
        assert last[2 * number + 1].argmax() == item.foil_ids[0]
        assert sum(a != b for a, b in zip(item.clean_ids, item.corrupted_ids, strict=True)) == 1
        [changed] = [
            n for n, pair in enumerate(zip(item.clean_ids, item.corrupted_ids, strict=True)) if pair[0] != pair[1]
        ]
        assert item.spans["changed"] == (changed, changed + 1)


def test_the_circuit_of_reverse_is_the_embedding_and_one_head():
    system = learned_system("reverse", seed=4)
    items = system.draw(6)
    nodes, edges = system.causes(items)
    [head] = nodes - {"embed"}
    assert head.startswith("L0.h")
    assert edges == {("embed", f"{head}.v"), (head, "logits")}
    # Patching the head alone turns the corrupted answer into the clean one: the whole difference of both prompts.
    effects = system.effects(items, "denoise")
    np.testing.assert_allclose(effects[head], effects["embed"])
    assert min(effects[head]) > 1
    assert all(set(effects[node]) == {0.0} for node in set(system.candidates) - nodes)


def test_a_file_holds_the_whole_program_and_equal_programs_give_equal_bytes(tmp_path):
    task = get_task("histogram", letters=2, size=3)
    learned = LearnedProgram(task, train_program(task, seed=2, recipe=SHORT), 2, 0.5)
    for name in ("one.json", "two.json"):
        write_program(tmp_path / name, learned)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    read = read_program(tmp_path / "one.json")
    assert (read.program, read.seed, read.exact) == (learned.program, 2, 0.5)
    assert (read.task.name, read.task.letters, read.task.size) == ("histogram", ("a", "b"), 3)


def code_of(call):
    with pytest.raises(StudyError) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize("damage", ["cut", "format", "table", "absent", "bytes"])
def test_a_damaged_file_is_one_clear_line(tmp_path, damage):
    path = tmp_path / "program.json"
    write_program(path, shipped_program("sort"))
    record = json.loads(path.read_text())
    if damage == "cut":
        path.write_text(path.read_text()[:200])
    elif damage == "format":
        path.write_text(json.dumps(record | {"format": 2}))
    elif damage == "table":
        record["program"]["readout"][0]["weights"].pop()
        path.write_text(json.dumps(record))
    elif damage == "bytes":
        path.write_bytes(b"\xff\xfe")
    else:
        path.unlink()
    assert code_of(lambda: read_program(path)) == "AE-1804"


def test_systems_that_cannot_be():
    task = get_task("reverse", letters=2, size=2)
    nothing = matching(task.length, task.length, lambda _query, _key: False)
    heads = tuple(Head(f"copied_0_{n}", "position", "position", "token", nothing) for n in range(4))
    weights = weighing(len(task.vocabulary), len(task.vocabulary), lambda value, token: value == token)
    crowded = Program(task.vocabulary, task.length, (Layer(heads),), (Reading("copied_0_0", weights),))
    constant = Program(task.vocabulary, task.length, (Layer(heads[:1]),), (Reading("copied_0_0", weights),))
    assert code_of(lambda: learned_system("parity")) == "AE-1801"
    assert code_of(lambda: learned_system(LearnedProgram(task, crowded, 0, 0.0))) == "AE-1805"
    assert code_of(lambda: learned_system(LearnedProgram(task, constant, 0, 0.0))) == "AE-1805"
    assert code_of(lambda: learned_system("reverse", slot=4)) == "AE-1805"
