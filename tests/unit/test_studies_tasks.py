"""Are a study's model, second task and files part of what its values are known by?"""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from tiny_models import tiny_folder

from aetia.errors import ContrastError, RunError, StudyError
from aetia.features.instrument import Subspace
from aetia.features.study import SubspaceStudy
from aetia.runs import InProcess, execute, resume
from aetia.studies.asking import default_directory
from aetia.tracing import TraceStudy
from aetia.tracing.impairment_instrument import Impairment
from aetia.tracing.impairment_study import ImpairmentStudy
from aetia.tracing.instrument import Trace


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


def own_study(folder, model=None, **fields):
    contrasts = str(folder / "own.jsonl")
    asked = {"sites": ("resid_post",), "positions": "last", "null": "none", "items": 4, **fields}
    return TraceStudy(model=str(model or folder), contrasts=contrasts, **asked)


def refusal(study, directory):
    with pytest.raises(RunError) as caught:
        execute(study, directory, engine=InProcess())
    return caught.value.code


def test_a_retrained_model_in_the_same_folder_is_another_system(tmp_path):
    folder = tiny_folder(tmp_path / "model")
    study = own_study(folder)
    run = execute(study, tmp_path / "run", engine=InProcess())
    assert resume(run.directory).effects().table.num_rows == run.effects().table.num_rows
    weights = folder / "model.safetensors"
    save_file({name: tensor + 0.1 for name, tensor in load_file(weights).items()}, weights, metadata={"format": "pt"})
    assert refusal(study, run.directory) == "AE-6005"


def test_a_finished_run_stays_when_its_file_or_its_model_is_gone_and_an_unfinished_one_says_what_is(tmp_path):
    folder = tiny_folder(tmp_path / "model")
    study = own_study(folder)
    run = execute(study, tmp_path / "run", engine=InProcess())
    (folder / "own.jsonl").rename(folder / "moved.jsonl")
    assert resume(run.directory).status == "complete"
    (run.directory / "effects.parquet").rename(tmp_path / "kept.parquet")
    with pytest.raises(ContrastError, match=r"own\.jsonl"):
        resume(run.directory)
    (folder / "moved.jsonl").rename(folder / "own.jsonl")
    (tmp_path / "kept.parquet").rename(run.directory / "effects.parquet")
    folder.rename(tmp_path / "elsewhere")
    assert resume(run.directory).status == "complete"


def test_an_edited_file_of_directions_is_another_question(tmp_path):
    folder = tiny_folder(tmp_path / "model")
    file = tmp_path / "axis.npy"
    width = 32
    np.save(file, np.eye(width, dtype=np.float32)[0])
    own = {"contrasts": str(folder / "own.jsonl"), "model": str(folder), "items": 4, "null": "none"}
    study = SubspaceStudy(**own, site="L1.resid_post@-1", method="file", file=str(file), random_draws=1)
    keys = [batch.key for batch in Subspace().plan(study).batches]
    before = default_directory(study)
    run = execute(study, tmp_path / "run", engine=InProcess())
    assert resume(run.directory).status == "complete"
    np.save(file, np.eye(width, dtype=np.float32)[1])
    assert not {batch.key for batch in Subspace().plan(study).batches} & set(keys)
    assert default_directory(study) != before
    assert refusal(study, run.directory) == "AE-6005"
    file.unlink()
    assert resume(run.directory).status == "complete"


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".jsonl", "a\0b.jsonl", "."])
def test_a_name_that_can_be_no_file_is_one_clear_line(name, tmp_path):
    study = own_study(tiny_folder(tmp_path)).model_copy(update={"contrasts": name})
    assert default_directory(study).parent.name == "runs"
    with pytest.raises(ContrastError):
        Trace().plan(study)


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path, monkeypatch):
    folder = tiny_folder(tmp_path)

    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert default_directory(own_study(folder)).parent.name == "runs"


def test_a_second_task_whose_items_depend_on_each_other_is_refused(folder):
    second_task(folder, clean="0 0 9 3", corrupted="5 0 9 3")
    with pytest.raises(StudyError) as caught:
        Impairment().plan(study(folder))
    assert caught.value.code == "AE-1604"
