"""Is a study planned, carried out, kept and found again as it was asked?"""

import json
import subprocess
import sys

import pyarrow as pa
import pytest

from aetia import catalogue
from aetia.effects import summarise
from aetia.errors import ContrastError, MissingError, RunError, StudyError
from aetia.runs import (
    Batch,
    Plan,
    Study,
    execute,
    instrument_named,
    key_of,
    list_runs,
    load_study,
    open_run,
    parse_study,
    resume,
    study_schema,
)


class DoublingStudy(Study):
    instrument: str = "doubling"
    numbers: tuple[float, ...] = (1.0, 2.0)
    system: str = "abacus"


class Doubling:
    """Doubles numbers, one batch for each."""

    name = "doubling"
    study_type = DoublingStudy

    def plan(self, study: DoublingStudy) -> Plan:
        batches = tuple(Batch(key_of(study.system, number), 2, {"number": number}) for number in study.numbers)
        system = {"model": study.system, "sizes": [1, 2.5, None, True]}
        return Plan(batches, ({"id": "é\ud800"}, {"id": "b"}), system, {"seconds": 0.1}, ("one note",))

    def open(self, study):
        return lambda batch: pa.table({"item": ["a", "b"], "value": [2 * batch.payload["number"], 0.0]})

    def summarise(self, study, values):
        return summarise(values, [], unit="beads", level=study.level)


@pytest.fixture(autouse=True)
def doubling(monkeypatch):
    monkeypatch.setattr(catalogue, "_entries", {})
    monkeypatch.setattr(catalogue, "_MODULES", ())
    register = catalogue.instrument(
        "doubling", "truth", question="How much is twice?", seeds=(), citation="", inputs="numbers", cost="numbers"
    )
    register(Doubling)


STUDY = DoublingStudy()


def test_a_run_directory_holds_everything_and_reads_without_aetia(tmp_path):
    run = execute(STUDY, tmp_path / "run")
    assert (run.status, run.exit_code, run.cells) == ("complete", 0, (4, 4))
    assert sorted(path.name for path in run.directory.iterdir()) == [
        "effects.parquet",
        "events.jsonl",
        "items.jsonl",
        "manifest.json",
        "values",
    ]
    manifest = json.loads((run.directory / "manifest.json").read_text())
    assert manifest["study"] == STUDY.record()
    assert manifest["identity"] == STUDY.identity()
    assert manifest["system"] == {"model": "abacus", "sizes": [1, 2.5, None, True]}
    assert manifest["seeds"] == {"study": 0}
    assert manifest["versions"]["numpy"]
    assert manifest["hardware"]["cores"]


def test_an_opened_run_is_the_run_that_was_made(tmp_path):
    made, opened = execute(STUDY, tmp_path / "run"), open_run(tmp_path / "run")
    assert opened.manifest == made.manifest
    assert opened.study == STUDY
    assert opened.values()["value"].to_pylist() == [2.0, 0.0, 4.0, 0.0]
    assert opened.effects().to_arrow()["estimate"].to_pylist() == [1.5]
    assert opened.effects().provenance["model"] == "abacus"
    assert opened.effects().provenance["run"] == str(tmp_path / "run")
    assert [item["id"] for item in opened.items()] == ["é\ud800", "b"]


def test_events_tell_how_far_it_is(tmp_path):
    seen = []
    run = execute(STUDY, tmp_path / "run", observe=seen.append)
    assert [(event.kind, event.cells_done, event.cells_total) for event in seen] == [
        ("started", 0, 4),
        ("batch", 2, 4),
        ("batch", 4, 4),
        ("complete", 4, 4),
    ]
    assert run.events() == seen


def test_a_complete_run_is_left_as_it_is(tmp_path, monkeypatch):
    execute(STUDY, tmp_path / "run")
    before = (tmp_path / "run" / "manifest.json").read_bytes()
    seen = []
    monkeypatch.setattr(Doubling, "open", lambda self, study: pytest.fail("nothing is left to compute"))
    assert execute(STUDY, tmp_path / "run", observe=seen.append).status == "complete"
    assert resume(tmp_path / "run", observe=seen.append).status == "complete"
    assert not seen
    assert (tmp_path / "run" / "manifest.json").read_bytes() == before


def test_what_an_instrument_keeps_beside_a_run_is_let_go_of_once_the_run_is_complete(tmp_path, monkeypatch):
    settled, is_down = [], True

    def opened(self, study):
        def compute(batch):
            if is_down and batch.payload["number"] == 2.0:
                raise ValueError("it is down")
            return pa.table({"item": ["a", "b"], "value": [0.0, 0.0]})

        return compute

    monkeypatch.setattr(Doubling, "open", opened)
    monkeypatch.setattr(Doubling, "settle", lambda self, study: settled.append(study), raising=False)
    assert execute(STUDY, tmp_path / "run").status == "failed"
    assert settled == []
    is_down = False
    assert resume(tmp_path / "run").status == "complete"
    assert settled == [STUDY]
    # A session may have been killed just before: then the next one does it.
    resume(tmp_path / "run")
    assert settled == [STUDY, STUDY]


def changed(monkeypatch):
    """Lets the same study be planned on another system."""
    plan = Doubling().plan(DoublingStudy(system="calculator"))
    monkeypatch.setattr(Doubling, "plan", lambda self, study: plan)


def failing(monkeypatch, error):
    """Lets nothing be planned."""

    def plan(self, study):
        raise error

    monkeypatch.setattr(Doubling, "plan", plan)


def test_a_complete_run_does_not_answer_for_a_system_that_has_changed(tmp_path, monkeypatch):
    execute(STUDY, tmp_path / "run")
    changed(monkeypatch)
    for ask in (lambda: resume(tmp_path / "run"), lambda: execute(STUDY, tmp_path / "run")):
        with pytest.raises(RunError) as caught:
            ask()
        assert caught.value.code == "AE-6005"
        assert "model: 'abacus' there, 'calculator' here" in caught.value.details
    assert open_run(tmp_path / "run").status == "complete"


ABSENT = (
    MissingError("AE-4103", "The model is not in the cache.", mend="pull it"),
    StudyError("AE-1409", "There is no file of directions.", mend="check the path"),
    ContrastError("AE-2101", "There is no such set.", mend="name one"),
)


@pytest.mark.parametrize("error", ABSENT, ids=lambda error: error.code)
def test_a_complete_run_stays_usable_when_what_it_was_made_from_is_not_there(error, tmp_path, monkeypatch):
    execute(STUDY, tmp_path / "run")
    failing(monkeypatch, error)
    before = (tmp_path / "run" / "manifest.json").read_bytes()
    assert resume(tmp_path / "run").effects().table.num_rows == 1
    assert (tmp_path / "run" / "manifest.json").read_bytes() == before
    (tmp_path / "run" / "effects.parquet").unlink()  # now it is to be carried on
    with pytest.raises(type(error)):
        resume(tmp_path / "run")


def test_a_complete_run_does_not_hide_that_its_question_is_no_longer_one(tmp_path, monkeypatch):
    execute(STUDY, tmp_path / "run")
    failing(monkeypatch, ContrastError("AE-2104", "line 3 is no JSON", mend="mend it"))
    with pytest.raises(ContrastError, match="line 3"):
        execute(STUDY, tmp_path / "run")


def test_a_directory_of_another_study_is_refused_and_told_apart(tmp_path):
    execute(STUDY, tmp_path / "run")
    with pytest.raises(RunError) as caught:
        execute(DoublingStudy(seed=1, numbers=(3.0,)), tmp_path / "run")
    assert (caught.value.code, caught.value.exit_code) == ("AE-6004", 2)
    assert caught.value.details == ("numbers: [1.0, 2.0] there, [3.0] here", "seed: 0 there, 1 here")


def test_a_directory_of_something_else_is_refused_and_untouched(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(RunError) as caught:
        execute(STUDY, tmp_path)
    assert caught.value.code == "AE-6003"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_system_that_has_changed_is_not_mixed_in(tmp_path, monkeypatch):
    execute(STUDY, tmp_path / "run")
    (tmp_path / "run" / "effects.parquet").unlink()
    changed(monkeypatch)
    with pytest.raises(RunError) as caught:
        resume(tmp_path / "run")
    assert caught.value.code == "AE-6005"
    assert "model: 'abacus' there, 'calculator' here" in caught.value.details


def test_a_study_without_work_leaves_no_directory(tmp_path):
    with pytest.raises(StudyError) as caught:
        execute(DoublingStudy(numbers=()), tmp_path / "run")
    assert caught.value.code == "AE-1105"
    assert caught.value.details == ("one note",)
    assert not (tmp_path / "run").exists()


def test_an_error_in_the_summary_keeps_the_values(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Doubling, "summarise", lambda self, study, values: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            execute(STUDY, tmp_path / "run")
    run = open_run(tmp_path / "run")
    assert (run.status, run.manifest.error) == ("failed", "ZeroDivisionError: division by zero")
    assert run.values().num_rows == 4
    assert resume(tmp_path / "run").status == "complete"


def test_no_run_and_a_newer_run_are_one_clear_line(tmp_path):
    with pytest.raises(RunError) as caught:
        open_run(tmp_path)
    assert caught.value.code == "AE-6003"
    (tmp_path / "manifest.json").write_text('{"format": 99}')
    with pytest.raises(RunError) as caught:
        open_run(tmp_path)
    assert caught.value.code == "AE-6013"


def test_a_manifest_cannot_name_files_elsewhere(tmp_path):
    run = execute(STUDY, tmp_path / "run")
    manifest = json.loads((run.directory / "manifest.json").read_text())
    manifest["batches"][0]["key"] = "../../secret"
    (run.directory / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunError) as caught:
        open_run(run.directory)
    assert caught.value.code == "AE-6002"


def test_runs_are_listed_by_name(tmp_path):
    for name in ("b", "a"):
        execute(STUDY, tmp_path / name)
    (tmp_path / "c").mkdir()
    assert [run.directory.name for run in list_runs(tmp_path)] == ["a", "b"]
    assert [run.directory for run in list_runs(tmp_path / "a")] == [tmp_path / "a"]
    assert list_runs(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("study.toml", 'instrument = "doubling"\nnumbers = [3]\nlevel = 0.9\n'),
        ("study.yaml", "instrument: doubling\nnumbers: [3]\nlevel: 0.9\n"),
        ("study.JSON", '{"instrument": "doubling", "numbers": [3], "level": 0.9}'),
    ],
)
def test_a_study_file_reads_the_same_in_every_language(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    assert load_study(tmp_path / name) == DoublingStudy(numbers=(3.0,), level=0.9)


@pytest.mark.parametrize(
    ("name", "text", "code", "says"),
    [
        ("study.ini", "", "AE-1102", ".toml"),
        ("absent.toml", None, "AE-1102", "No such file"),
        ("study.toml", "instrument = \n", "AE-1103", "line 1"),
        ("study.yaml", "a: [\n", "AE-1103", "line 2"),
        ("study.yaml", "!!python/object/apply:os.system [ls]", "AE-1103", "could not determine a constructor"),
        ("study.json", '{"a": 1\n,}', "AE-1103", "line 2"),
        ("study.json", "\udcff", "AE-1103", "utf-8"),
        ("study.json", "[1]", "AE-1104", "does not name its instrument"),
        ("study.toml", "seed = 1", "AE-1104", "does not name its instrument"),
        ("study.toml", 'instrument = "halving"', "AE-1101", "halving"),
        (
            "study.toml",
            'instrument = "doubling"\nlevel = 1.5',
            "AE-1104",
            "level: Input should be less than 1; found 1.5",
        ),
        ("study.toml", 'instrument = "doubling"\nnumers = [1]', "AE-1104", "numers: there is no such field"),
    ],
)
def test_a_bad_study_file_is_one_clear_line_with_its_mend(name, text, code, says, tmp_path):
    if text is not None:
        (tmp_path / name).write_text(text, errors="surrogateescape")
    with pytest.raises(StudyError) as caught:
        load_study(tmp_path / name)
    assert (caught.value.code, caught.value.exit_code) == (code, 2)
    assert says in str(caught.value)
    assert "Mend:" in str(caught.value)


def test_identity_is_of_the_question_alone():
    assert parse_study(STUDY.record()).identity() == STUDY.identity()
    assert DoublingStudy(seed=1).identity() != STUDY.identity()
    assert DoublingStudy(numbers=(1, 2)).identity() == STUDY.identity()


def test_the_schema_names_every_field():
    assert set(study_schema("doubling")["properties"]) == {"instrument", "seed", "level", "numbers", "system"}


def test_keys_are_names_of_files_and_plans_hold_each_once():
    with pytest.raises(ValueError, match="names a file"):
        Batch("../x", 1)
    with pytest.raises(ValueError, match="same key"):
        Plan((Batch("a", 1), Batch("a", 1)))
    assert instrument_named("doubling").plan(STUDY).cells == 4


def test_nothing_here_imports_torch():
    code = "import sys, aetia.runs, aetia.effects, aetia.catalogue; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
