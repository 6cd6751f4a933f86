"""Is an item always the same, whatever was made before it, and in whichever process?"""

import json
import subprocess
import sys
from copy import deepcopy
from random import Random

import pytest
from evals_items import RECORDED
from hypothesis import given
from hypothesis import strategies as st

from aetia.evals.item import Item
from aetia.evals.task import Generator, Style, Task, generated, orbit, task_named, tasks
from aetia.evals.tasks._draws import sampled
from aetia.runs.keys import key_of

GENERATED = [task for task in tasks() if task.is_generated]
PLACES = [(task.name, index, seed) for task in GENERATED for seed in (0, 1, 7) for index in (0, 5)]

_IN_ANOTHER_PROCESS = """
import json, sys
from aetia.evals.task import generated, task_named
places = json.load(sys.stdin)
made = [generated(task_named(name), index, seed).to_record() for name, index, seed in places]
json.dump(made, sys.stdout)
"""


def _made(places: list[tuple[str, int, int]]) -> dict[tuple[str, int, int], Item]:
    return {(name, index, seed): generated(task_named(name), index, seed) for name, index, seed in places}


def test_every_generator_is_recorded() -> None:
    assert sorted(RECORDED) == sorted(task.name for task in GENERATED)


@pytest.mark.parametrize("task", GENERATED, ids=lambda task: task.name)
def test_items_are_those_that_were_recorded(task: Task) -> None:
    """Whoever changes an item raises its generator's version, and writes both into `evals_items.py`."""
    assert isinstance(task.source, Generator)
    digest = key_of(*[generated(task, index, seed).to_record() for seed in (0, 1) for index in range(12)])
    assert (task.source.version, digest[:16]) == RECORDED[task.name]


def test_items_do_not_depend_on_what_was_made_before_them() -> None:
    forwards = _made(PLACES)
    for task in GENERATED[::5]:
        orbit(task, 3, 2)
    shuffled = Random(4).sample(PLACES, len(PLACES))
    assert _made(shuffled) == forwards
    done = subprocess.run(
        [sys.executable, "-c", _IN_ANOTHER_PROCESS],
        input=json.dumps(PLACES[::-1]),
        capture_output=True,
        text=True,
        check=True,
    )
    elsewhere = dict(zip(PLACES[::-1], json.loads(done.stdout), strict=True))
    assert elsewhere == {place: json.loads(json.dumps(item.to_record())) for place, item in forwards.items()}


@pytest.mark.parametrize("task", GENERATED, ids=lambda task: task.name)
def test_whoever_changes_an_items_facts_changes_no_other_item(task: Task) -> None:
    item = generated(task, 2)
    kept = deepcopy(item)
    vars(item)["facts"].clear()
    vars(item)["rivals"].clear()
    assert generated(task, 2) == kept


def test_other_seeds_and_styles_give_other_items_between_which_nothing_leaks() -> None:
    task = task_named("calm/det-counterfactual")
    styles = [Style(language, names) for language in ("en", "zh") for names in ("real", "nonsense")]
    asked = [(index, seed, style) for index in range(3) for seed in (0, 1) for style in styles]
    apart = [generated(task, index, seed, style) for index, seed, style in asked]
    assert len({item.id for item in apart}) == len(asked)
    assert [generated(task, *one) for one in reversed(asked)] == apart[::-1]


@given(st.integers(0, 120), st.data(), st.integers(0, 2**32))
def test_draws_are_those_of_the_standard_library(size: int, data: st.DataObject, seed: int) -> None:
    count = data.draw(st.integers(0, size))
    ours, theirs = Random(seed), Random(seed)
    assert sampled(ours, range(size), count) == theirs.sample(range(size), count)
    assert ours.getstate() == theirs.getstate()
