"""Is a study's second task part of what its values are known by?"""

import json

import pytest
from tiny_models import tiny_folder

from aetia.errors import RunError, StudyError
from aetia.runs import InProcess, execute
from aetia.studies.asking import default_directory
from aetia.tracing.impairment_instrument import Impairment
from aetia.tracing.impairment_study import ImpairmentStudy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("model"))


def second_task(folder, *, first=0, **changes):
    """Writes another task's file: some items of the first, their labels exchanged."""
    rows = [json.loads(line) for line in (folder / "own.jsonl").read_text().split("\n")][first : first + 8]
    other = folder / "other.jsonl"
    changed = [{**row, "answer": row["foil"], "foil": row["answer"], **changes} for row in rows]
    other.write_text("\n".join(json.dumps(row) for row in changed))
    return other


def study(folder):
    own, other = str(folder / "own.jsonl"), str(folder / "other.jsonl")
    return ImpairmentStudy(model=str(folder), contrasts=own, other=other, items=8, component="attention", top=1)


def test_values_of_a_changed_second_task_are_not_those_that_were_stored(folder, tmp_path):
    second_task(folder)
    plan, again = (Impairment().plan(study(folder)) for _ in range(2))
    assert [batch.key for batch in plan.batches] == [batch.key for batch in again.batches]
    run = execute(study(folder), tmp_path / "run", engine=InProcess())
    second_task(folder, first=8)  # the same name, and other items
    changed = Impairment().plan(study(folder))
    assert not {batch.key for batch in plan.batches} & {batch.key for batch in changed.batches}
    for is_whole in (True, False):
        with pytest.raises(RunError) as caught:
            execute(study(folder), run.directory, engine=InProcess())
        assert caught.value.code == "AE-6005"
        if is_whole:
            (run.directory / "effects.parquet").unlink()  # a run that has to be carried on


def test_an_edited_file_is_another_question(folder):
    second_task(folder)
    before = default_directory(study(folder))
    assert before == default_directory(study(folder))
    second_task(folder, first=8)
    assert default_directory(study(folder)) != before


def test_a_second_task_whose_items_depend_on_each_other_is_refused(folder):
    second_task(folder, clean="0 0 9 3", corrupted="5 0 9 3")
    with pytest.raises(StudyError) as caught:
        Impairment().plan(study(folder))
    assert caught.value.code == "AE-1604"
