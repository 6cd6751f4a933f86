"""Do the command lines of the documentation do what they say, with the real default model?"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aetia.models.resolve import pull

pytestmark = [pytest.mark.model, pytest.mark.slow]

SOURCES = Path.cwd()
FRANCE = ("--clean", "The capital of France is", "--corrupt", "The capital of Italy is")
HEADS = ("--sites", "z", "--layers", "22,23,24")


@pytest.fixture(scope="module", autouse=True)
def model():
    pull("smollm2-135m")


def aetia(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(Path(SOURCES, place)) for place in sys.path)
    command = [sys.executable, "-c", "from aetia.cli import main; main()", *arguments]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_capitals_are_traced_reported_and_listed(tmp_path: Path) -> None:
    where = ("--items", "3", "--out", "runs/capitals", "--memory", "2GB")
    done = aetia("trace", "--model", "smollm2-135m", "--contrasts", "capitals", *where, *HEADS, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 of 3 items" in done.stdout
    assert "L23.z.h4" in done.stdout
    page = tmp_path / "runs/capitals/report.html"
    assert 1_000 < page.stat().st_size < 1_000_000
    [run] = [json.loads(line) for line in aetia("runs", "list", "--json", cwd=tmp_path).stdout.splitlines()]
    assert (run["status"], run["study"]["memory"]) == ("complete", "2GB")


def test_an_own_question_is_answered_for_programs(tmp_path: Path) -> None:
    done = aetia("trace", *FRANCE, "--answer", " Paris", "--foil", " Rome", *HEADS, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    start, end = (json.loads(line) for line in done.stdout.splitlines())
    assert start["study"]["pair"]["answer"] == " Paris"
    assert end["top"][0]["site"].startswith("L23.z.h4")
    outcome = {one["component"]: one["estimate"] for one in end["baseline"]}
    assert outcome["clean"] > 0 > outcome["corrupted"]


def test_a_dry_run_forecasts_memory_work_and_time(tmp_path: Path) -> None:
    done = aetia("trace", "--contrasts", "ioi", "--items", "2", "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["items"] == 2
    assert plan["cells"] > 1000
    assert {"memory_bytes", "flops", "seconds"} <= set(plan["forecast"])
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--clean", "The capital of France is", "--corrupt", "The capital of the Czech Republic is"), "AE-2107"),
        ((*FRANCE, "--answer", "Paris"), "AE-2109"),
        ((*FRANCE, "--answer", " Rumpelstiltskin"), "AE-2108"),
        (("--contrasts", "capitols"), "AE-2101"),
        (("--contrasts", "absent.jsonl"), "AE-2102"),
        (("--contrasts", "ioi", "--model", "smolm2-135m"), "AE-4"),
    ],
)
def test_what_cannot_be_traced_is_one_block_and_leaves_nothing(
    tmp_path: Path, arguments: tuple[str, ...], code: str
) -> None:
    rest = () if "--contrasts" in arguments or "--answer" in arguments else ("--answer", " Paris")
    foil = () if "--contrasts" in arguments else ("--foil", " Rome")
    done = aetia("trace", *arguments, *rest, *foil, cwd=tmp_path)
    block = done.stderr.removeprefix("planning\n")
    assert block.startswith(code), done.stderr
    assert done.returncode == (3 if code == "AE-4" else 2)
    assert done.stdout == ""
    assert "Mend: " in block
    assert "Traceback" not in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_built_in_contrasts_can_be_looked_at(tmp_path: Path) -> None:
    done = aetia("contrasts", "show", "capitals", "--items", "2", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    pairs = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(pairs) == 2
    assert all("subject" in pair["spans"] and pair["answer"] != pair["foil"] for pair in pairs)


def test_the_contrasts_are_listed_with_what_the_model_does(tmp_path: Path) -> None:
    done = aetia("contrasts", "--items", "8", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    sets = {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert {"capitals", "ioi", "induction"} <= set(sets)
    for one in sets.values():
        assert 0 <= one["low"] <= one["accuracy"] <= one["high"] <= 1
    assert sets["capitals"]["is_able"]
    assert sets["capitals"]["clean"] > 0 > sets["capitals"]["corrupted"]
