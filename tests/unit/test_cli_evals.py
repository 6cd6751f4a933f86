"""`aetia evals` in the shell: lists, items, runs, scores, comparisons, other tools' files, one line for a mistake."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from aetia.cli.application import run
from aetia.cli.schema import records_schema
from aetia.evals.dialogue import Reply
from aetia.evals.harness import instrument
from aetia.evals.harness.items import chosen_items

TASK = "calm/ate-natural"
LEFT_OUT = ("torch", "transformers", "scipy", "networkx", "httpx2")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AETIA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def ask(capsys):
    def asked(*arguments):
        code = run(["evals", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return asked


def records(text):
    kinds = set(re.findall(r'"const": "(\w+)"', json.dumps(records_schema())))
    found = [json.loads(line) for line in text.splitlines()]
    assert {one["record"] for one in found} <= kinds
    return found


class Saying:
    """Replies to every item with one text."""

    is_deterministic = True

    def __init__(self, text):
        self.text = text
        self.identity = {"kind": "test"}

    def answer(self, requests):
        for place, _ in enumerate(requests):
            yield place, Reply(self.text, tokens=1)


# --- list, show, generate


def test_a_list_starts_quickly_and_without_a_model():
    code = (
        "import sys\nfrom aetia.cli.application import run\nrun(['evals', 'list'])\n"
        f"print([one for one in {LEFT_OUT} if one in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
    assert TASK in done.stdout


def test_tasks_and_ways_of_asking_are_listed_by_a_word(ask):
    code, out, err = ask("list", "corr2cause")
    assert (code, err) == (0, "")
    assert "corr2cause/n4" in out
    assert TASK not in out
    found = records(ask("list", "--json")[1])
    assert len({one["name"] for one in found}) == len(found) > 50
    assert {one["source"] for one in found} == {"generated", "published"}
    ways = {one["name"]: one for one in records(ask("list", "--adaptations", "--json")[1])}
    assert ways["heart-oracle"]["knows_label"]
    assert ways["zero-shot-cot"]["is_written_out"]
    assert not ways["basic"]["is_written_out"]
    assert "think step by step" in ask("list", "--adaptations", "step")[1]


def test_a_word_that_nothing_speaks_of_and_a_field_that_is_none_are_told_plainly(ask):
    code, out, err = ask("list", "unheard-of")
    assert (code, out) == (0, "")
    assert "None speaks of 'unheard-of'" in err
    told = ("run", "--model", "reference:random", "--tasks", TASK, "--set")
    assert "colour: there is no such field; found 'red'" in ask(*told, "colour=red")[2]
    assert "\n  only an endpoint has parallel\n" in ask(*told, "parallel=4")[2]
    assert "http://127.0.0.1:9/v1#MODEL" in ask("run", "--model", "http://127.0.0.1:9/v1", "--tasks", TASK)[2]
    assert "corr2cause/n4 has no items in the language zh." in ask(
        "run", "--model", "reference:random", "--tasks", "corr2cause/n4", "--language", "zh")[2]  # fmt: skip


def test_items_are_shown_with_their_label_and_why(ask):
    code, out, _ = ask("show", TASK, "--items", 2, "--orbit")
    assert code == 0
    assert out.count("  label  ") > 4
    assert "names=random" in out
    task, item = records(ask("show", TASK, "--json")[1])
    assert (task["name"], item["item"]["task"]) == (TASK, TASK)
    assert item["item"]["derivation"]


def test_a_published_task_says_where_its_items_are_had(ask):
    code, out, err = ask("show", "cladder/easy")
    assert code == 0
    assert "home  https://" in out
    assert "--data" in err
    assert "AE-8201" in ask("show", "cladder/easy", "--data", "absent")[2]


def test_items_that_are_written_are_shown_and_asked_again(ask):
    code, out, _ = ask("generate", TASK, "--items", 6, "--seed", 3)
    assert (code, len(out.splitlines())) == (0, 6)
    assert ask("generate", TASK, "--items", 6, "--seed", 3, "--out", "own.jsonl")[0] == 0
    assert Path("own.jsonl").read_text() == out
    [record] = records(ask("generate", TASK, "--items", 6, "--seed", 3, "--out", "own.jsonl", "--json")[1])
    assert (record["kind"], record["bytes"]) == ("items", len(out.encode()))
    assert [one["item"] for one in records(ask("generate", TASK, "--items", 6, "--seed", 3, "--json")[1])] == [
        json.loads(line) for line in out.splitlines()
    ]
    assert len(records(ask("show", "own.jsonl", "--items", 9, "--json")[1])) == 7
    code, out, _ = ask("run", "--model", "reference:engine", "--tasks", "own.jsonl", "--out", "run", "--json")
    assert (code, records(out)[0]["estimate"], records(out)[0]["n"]) == (0, 1.0, 6)


# --- run, score, compare


def test_a_run_says_how_much_is_right_and_is_carried_on_where_it_is(ask):
    code, out, err = ask("run", "--model", "reference:engine", "--tasks", TASK, "--items", 20)
    assert code == 0
    assert "100.0%" in out
    assert "95% interval" in out
    assert "20 of 20 cells" in err
    [directory] = Path("runs").iterdir()
    assert str(directory / "report.html") in out
    written = (directory / "effects.parquet").stat().st_mtime_ns
    assert ask("run", "--model", "reference:engine", "--tasks", TASK, "--items", 20)[0] == 0
    assert (directory / "effects.parquet").stat().st_mtime_ns == written
    assert "90% interval" in ask("run", "--model", "reference:random", "--tasks", TASK, "--set", "level=0.9")[1]


def test_several_processes_come_to_the_same(ask):
    asked = ("--model", "reference:random", "--tasks", f"{TASK},calm/bas-max", "--items", 250, "--json")
    shown = [ask("run", *asked, "--workers", workers, "--out", f"by-{workers}")[:2] for workers in (1, 2)]
    assert shown[0] == shown[1]
    assert shown[0][0] == 0
    parts = [f"values/{path.name}" for path in Path("by-1", "values").iterdir()]
    assert len(parts) == 4
    for name in ("effects.parquet", "items.jsonl", *parts):
        assert Path("by-1", name).read_bytes() == Path("by-2", name).read_bytes()


def test_a_study_file_is_run_and_options_win_over_it(ask):
    Path("study.toml").write_text(
        f'instrument = "evaluate"\nmodel = "reference:engine"\ntasks = ["{TASK}"]\nitems = 50\n'
    )
    code, out, _ = ask("run", "study.toml", "--items", 5, "--out", "run", "--json")
    assert (code, records(out)[0]["n"]) == (0, 5)


def test_families_and_patterns_mean_generated_tasks_unless_data_is_named(ask):
    code, out, _ = ask("run", "--model", "reference:random", "--tasks", "corr2cause,axioms/d-sep*", "--items", 2,
                       "--out", "run", "--json")  # fmt: skip
    assert code == 0
    names = {one["task"] for one in records(out)}
    assert {"corr2cause/n3", "corr2cause/n6"} <= names
    assert all(name.startswith(("corr2cause/", "axioms/d-sep")) for name in names)
    assert any(name.startswith("axioms/") for name in names)
    assert ask("run", "--model", "reference:random", "--tasks", "cladder")[0] == 2


def test_replies_are_scored_again_though_the_run_was_stopped(ask):
    ask("run", "--model", "reference:random", "--tasks", TASK, "--out", "run")
    before = ask("score", "run", "--json")[1]
    Path("run/effects.parquet").unlink()
    code, out, _ = ask("score", "run", "--json")
    assert (code, out) == (0, before)


def test_runs_are_scored_as_calm_does_and_stay_as_they_are(ask):
    for name in ("engine", "random"):
        ask("run", "--model", f"reference:{name}", "--tasks", "calm/correlation,axioms/d-separation", "--items", 8,
            "--out", name)  # fmt: skip
    written = Path("engine/effects.parquet").stat().st_mtime_ns
    code, out, err = ask("score", "engine", "random", "--metrics", "calm")
    assert code == 0
    assert out.count("calm/correlation  basic") == 2
    assert "axioms" not in out
    assert "2 tasks and ways of asking are none of CaLM's" in err
    cells = {one["model"]: one for one in records(ask("score", "engine", "random", "--metrics", "calm", "--json")[1])
             if one["record"] == "calm_cell"}  # fmt: skip
    assert (cells["reference:engine"]["accuracy"], cells["reference:engine"]["n"]) == (1.0, 8)
    [task] = [one for one in records(ask("score", "engine", "--metrics", "calm", "--json")[1])
              if one["record"] == "calm_task"]  # fmt: skip
    assert (task["solvability"], task["open_limited_gap"]) == ("well-solved", None)
    assert Path("engine/effects.parquet").stat().st_mtime_ns == written


def test_runs_and_ways_of_one_run_are_compared(ask):
    for name in ("engine", "random"):
        ask("run", "--model", f"reference:{name}", "--tasks", TASK, "--items", 30, "--out", name,
            "--adaptations", "basic,explicit-function")  # fmt: skip
    code, out, _ = ask("compare", "random", "engine")
    assert (code, out.count(TASK)) == (0, 2)
    found = records(ask("compare", "random", "engine", "--json")[1])
    assert {(one["second"], one["items"], one["unpaired"]) for one in found} == {(1.0, 30, 0)}
    assert all(one["first"] < 1 and one["only_first"] == 0 and one["p"] <= one["q"] < 0.01 for one in found)
    [row] = records(ask("compare", "random:basic", "engine:explicit-function", "--json")[1])
    assert (row["adaptation"], row["second"]) == ("", 1.0)
    assert "AE-8603" in ask("compare", "random:cot", "engine:basic")[2]
    assert "AE-8603" in ask("compare", "random:basic", "engine")[2]
    assert "AE-6003" in ask("compare", "random", "nowhere")[2]


def test_a_dry_run_says_what_it_would_cost_and_writes_nothing(ask):
    code, out, _ = ask("run", "--model", "reference:random", "--tasks", TASK, "--items", 40, "--dry-run", "--json")
    assert code == 0
    [plan] = records(out)
    assert plan["forecast"]["conversations"] == 40
    assert plan["forecast"]["reply tokens"] == 40
    assert not Path("runs").exists()


def test_a_dry_run_shares_the_work_among_no_more_processes_than_it_has_batches(ask, monkeypatch):
    shared = []
    monkeypatch.setattr("aetia.runs.cores.share_cores", shared.append)
    clock = iter([0.0, 3.0] * 2)
    monkeypatch.setattr("aetia.evals.harness.forecast.time.perf_counter", lambda: next(clock))
    asked = ("run", "--model", "reference:random", "--tasks", TASK, "--dry-run", "--json", "--workers", 2, "--items")
    seconds = [records(ask(*asked, items)[1])[0]["forecast"]["seconds"] for items in (150, 300)]
    assert seconds == [150.0, 200.0]  # the batches of 300 items have 200 and 100
    assert shared == [2]


# --- export


def test_a_table_of_replies_holds_no_formula(ask, monkeypatch):
    said = '=HYPERLINK("http://x","y")\n the answer is yes'
    monkeypatch.setattr(instrument, "answerer_of", lambda _: Saying(said))
    ask("run", "--model", "reference:random", "--tasks", TASK, "--items", 4, "--out", "run")
    assert ask("export", "run", "--as", "csv", "--out", "replies.csv")[0] == 0
    rows = list(csv.DictReader(io.StringIO(Path("replies.csv").read_text())))
    assert [row["reply"] for row in rows] == [f"'{said}"] * 4
    assert all(cell[:1] not in "=+-@\t\r" or cell.replace(".", "").lstrip("-").isdigit()
               for row in rows for cell in row.values() if cell)  # fmt: skip
    assert ask("export", "run", "--as", "parquet", "--out", "replies.parquet")[0] == 0
    assert pq.read_table("replies.parquet")["reply"].to_pylist() == [said] * 4
    code, out, _ = ask("export", "run", "--out", "new/replies.jsonl", "--json")
    assert (code, records(out)[0]["path"]) == (0, "new/replies.jsonl")
    assert [json.loads(line)["reply"] for line in Path("new/replies.jsonl").read_text().splitlines()] == [said] * 4


def test_a_negative_number_stays_a_number_in_a_table(ask):
    ask("run", "--model", "reference:engine", "--tasks", "calm/ate-basic", "--items", 30, "--out", "run")
    ask("export", "run", "--as", "csv", "--out", "replies.csv")
    labels = [row["label"] for row in csv.DictReader(io.StringIO(Path("replies.csv").read_text()))]
    assert any(label.startswith("-") for label in labels)
    assert all(isinstance(float(label), float) for label in labels)


def test_logs_for_other_tools_have_their_fields_and_names_of_their_own(ask):
    ask("generate", TASK, "--items", 4, "--out", "a_b.jsonl")
    Path("a").mkdir()
    Path("a/b.jsonl").write_text(Path("a_b.jsonl").read_text())
    ask("run", "--model", "reference:engine", "--tasks", "a_b.jsonl,a/b.jsonl", "--out", "run")
    for kind in ("lm-eval", "inspect"):
        code, out, _ = ask("export", "run", "--as", kind, "--out", kind, "--json")
        assert code == 0
        assert len(records(out)) == len(list(Path(kind).iterdir())) == (3 if kind == "lm-eval" else 2)
    [results] = Path("lm-eval").glob("results_*.json")
    told = json.loads(results.read_text())
    assert [one["acc,none"] for one in told["results"].values()] == [1.0, 1.0]
    samples = [json.loads(line) for line in next(Path("lm-eval").glob("samples_*")).read_text().splitlines()]
    assert {one["acc"] for one in samples} == {1.0}
    for path in Path("inspect").iterdir():
        log = json.loads(path.read_text())
        assert (log["version"], log["status"], len(log["samples"])) == (2, "success", 4)
        assert log["results"]["scores"][0]["metrics"]["accuracy"]["value"] == 1.0
        assert {one["scores"]["aetia"]["value"] for one in log["samples"]} == {"C"}


def test_a_place_that_cannot_be_written_is_one_line(ask):
    ask("run", "--model", "reference:engine", "--tasks", TASK, "--items", 2, "--out", "run")
    Path("file").write_text("")
    for kind in ("csv", "inspect"):
        code, _, err = ask("export", "run", "--as", kind, "--out", "file/below")
        assert (code, err[:7]) == (2, "AE-6012")


# --- mistakes


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("AE-1002", ("run", "--model", "reference:engine")),
        ("AE-1003", ("run", "--tasks", TASK, "--set", "temperature")),
        ("AE-1104", ("run", "--model", "reference:oracle", "--tasks", TASK)),
        ("AE-1104", ("run", "--model", "reference:random", "--tasks", TASK, "--set", "colour=red")),
        ("AE-8102", ("run", "--model", "reference:random", "--tasks", "calm/none")),
        ("AE-8102", ("run", "--model", "reference:random", "--tasks", "none/*")),
        ("AE-8301", ("run", "--model", "reference:random", "--tasks", TASK, "--adaptations", "ct")),
        ("AE-8602", ("run", "--model", "reference:random", "--tasks", "cladder/easy")),
        ("AE-8604", ("run", "--model", "reference:random", "--tasks", TASK, "--adaptations", "cot", "--scored")),
        ("AE-6014", ("run", "--model", "http://localhost:1/v1#m", "--tasks", TASK, "--workers", 2)),
        ("AE-6014", ("run", "--model", "http://localhost:1/v1#m", "--tasks", TASK, "--workers", 2, "--dry-run")),
        ("AE-8102", ("show", "calm/none")),
        ("AE-8607", ("generate", "cladder/easy")),
        ("AE-8105", ("show", "corr2cause/n4", "--language", "zh")),
        ("AE-8202", ("show", "absent.jsonl")),
        ("AE-6003", ("score", "nowhere")),
        ("AE-6003", ("export", "nowhere", "--out", "x")),
    ],
)
def test_a_mistake_is_one_clear_line(ask, code, arguments):
    status, out, err = ask(*arguments)
    assert (status, out) == (2, "")
    last = [line for line in err.splitlines() if line.startswith("AE-")]
    assert last[0].startswith(code), err
    assert "Mend:" in err
    assert "Traceback" not in err


def test_a_failed_reply_leaves_a_run_that_can_be_carried_on(ask, monkeypatch, capsys):
    class Down(Saying):
        def answer(self, requests):
            for place, _ in enumerate(requests):
                yield place, Reply("", "error", error="connection refused \x1b[31m")

    monkeypatch.setattr(instrument, "answerer_of", lambda _: Down(""))
    code, out, _ = ask("run", "--model", "reference:random", "--tasks", TASK, "--items", 3, "--out", "run")
    assert code == 1
    assert "3 of 3 replies failed; the first: connection refused" in out
    assert "\x1b" not in out
    assert "aetia runs resume run" in out
    monkeypatch.setattr(instrument, "answerer_of", lambda _: Saying("Yes"))
    assert run(["runs", "resume", "run"]) == 0
    assert re.search(rf"{TASK} +basic +accuracy", capsys.readouterr().out)


def test_refused_requests_are_told_of_and_a_run_of_nothing_else_has_failed(ask, monkeypatch):
    class Refusing(Saying):
        def answer(self, requests):
            for place, one in enumerate(requests):
                is_refused = len(one.messages) > 1 or self.text == "all"
                error = "HTTP 400: no such model \x1b[31m\nat all"
                yield place, Reply("", "refused", error=error) if is_refused else Reply("Yes")

    asked = ("run", "--model", "reference:random", "--tasks", TASK, "--items", 4, "--adaptations", "adversarial-doubt")
    for name, told, expected in (("all", "4 of 4", 1), ("some", "4 of 8", 0)):
        monkeypatch.setattr(instrument, "answerer_of", lambda _, name=name: Refusing(name))
        for code, out, _ in (ask(*asked, "--out", name), ask("score", name)):
            assert code == expected
            [line] = [line for line in out.splitlines() if "refused" in line]
            assert line.startswith(f"  {told} requests were refused; the first: HTTP 400: no such model")
            assert "\x1b" not in out
    monkeypatch.setattr(instrument, "answerer_of", lambda _: Saying("Yes"))
    assert "refused" not in ask(*asked, "--out", "none")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("score", "other"),
        ("score", "other", "--metrics", "calm"),
        ("compare", "other", "other"),
        ("compare", "other:basic", "other:cot"),
        ("standings", "other", "other"),
        ("export", "other", "--out", "x"),
    ],
)
def test_a_run_that_is_no_evaluation_is_said_to_be_none(ask, arguments):
    ask("run", "--model", "reference:random", "--tasks", TASK, "--items", 2, "--out", "other")
    manifest = Path("other/manifest.json")
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "study": {"instrument": "trace", "contrasts": "capitals"}}))
    before = Path("other/effects.parquet").read_bytes()
    code, _, err = ask(*arguments)
    assert (code, err[:7]) == (2, "AE-6015"), err
    assert "other is no evaluation, but a run of the instrument trace" in err
    assert Path("other/effects.parquet").read_bytes() == before


def test_items_are_the_same_whatever_else_a_study_says():
    def items(**fields):
        study = instrument.EvaluationStudy(tasks=(TASK,), items=5, **fields)
        return chosen_items(study, TASK).items

    assert items() == items(tokens=7, adaptations=("cot",)) != items(seed=1)
