"""The page on evaluations runs and prints what it says, and its commands and tables are what there is."""

import re
import shlex
import subprocess
import sys
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from aetia import evals
from aetia.cli.evals import command

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "evals.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
AUDIT = (ROOT / "benchmarks" / "evals" / "audit.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (?:AETIA_API_KEY=\S+ )?aetia evals (.*)$", PAGE + README + AUDIT, re.MULTILINE)
ITEM = evals.generated(evals.task_named("calm/iv"), 0)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def rows(page: str, head: str) -> list[list[str]]:
    lines = page[page.index(head) :].split("\n\n", maxsplit=1)[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_examples_print_what_the_page_says(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for source, expected in zip(blocks("py"), blocks("text"), strict=True):
        exec(compile(source, "evals.md", "exec"), names)
        assert capsys.readouterr().out == expected


def test_the_line_of_a_file_of_ones_own_is_an_item(tmp_path):
    from aetia.evals.published._folder import own_items

    [line] = blocks("json")
    (tmp_path / "own.jsonl").write_text(line)
    [item] = own_items(tmp_path / "own.jsonl")
    assert (item.form, item.label) == ("binary", "no")


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one_that_the_shell_takes(line):
    name, *arguments = shlex.split(line, comments=True)
    verb = command.get_command(None, name)
    assert verb is not None, name
    context = verb.make_context(name, arguments)  # raises where an option or an argument is none
    named = " ".join(str(context.params.get(one) or "") for one in ("task", "tasks"))
    known = [task.name for task in evals.all_tasks()]
    for pattern in re.findall(r"[\w-]+/[\w*.-]+", named):
        assert any(fnmatchcase(task, pattern) for task in known), pattern
    for way in str(context.params.get("adaptations") or "basic").split(","):
        assert name == "list" or evals.adaptation_named(way, evals.Material(examples=(ITEM,))).name == way


def test_the_table_of_families_has_every_generated_task():
    counts = Counter(task.name.split("/")[0] for task in evals.all_tasks() if task.is_generated)
    told = {family.strip("`"): int(count) for family, count, _ in rows(PAGE, "| family |")}
    assert told == counts
    assert f"of {sum(counts.values())} in all" in PAGE


def test_both_tables_of_the_audit_have_every_published_set_with_the_same_counts():
    sets = {task.name.split("/")[0] for task in evals.all_tasks() if not task.is_generated}
    short, long = rows(PAGE, "| set |"), rows(AUDIT, "| set |")
    assert {row[0].strip("`") for row in short} == sets
    assert [row[:5] for row in long] == short
    items, read = (sum(int(row[place].replace(",", "").replace("-", "0")) for row in short) for place in (1, 2))
    assert f"{items:,} items, of which an engine could derive {read:,}" in AUDIT


def test_every_way_of_asking_is_on_the_page():
    told = set(re.findall(r"`([\w-]+)`", PAGE[PAGE.index("| `--adaptations` |") :].split("\n\n")[0]))
    told |= {f"{name}-flat" for name in told if name.startswith("adversarial")}
    assert {way.name for way in evals.all_adaptations()} <= told


def test_the_readme_counts_what_there_is():
    published = sum(not task.is_generated for task in evals.all_tasks())
    assert f"{published} published tasks" in README
    assert f"the {published} tasks of published sets" in PAGE
    assert f"{len(evals.all_adaptations())} ways of asking" in README


def test_every_name_can_be_imported_and_none_is_hidden_by_a_module():
    assert sorted(evals.__all__) == evals.__all__
    for name in evals.__all__:
        assert callable(getattr(evals, name)), name
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        _ = evals.nothing_of_ours


def test_the_names_load_no_torch_before_a_model_is_asked():
    code = (
        "import sys; from aetia import evals;"
        "[getattr(evals, name) for name in evals.__all__ if name != 'LocalAnswerer'];"
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_an_evaluation_is_asked_by_its_fields_or_by_a_study_with_some_of_them_changed(tmp_path):
    run = evals.evaluate(model="reference:engine", tasks=["calm/iv"], items=5, out=tmp_path / "one")
    study = evals.EvaluationStudy(model="reference:engine", tasks=("calm/iv",), items=5)
    assert run.study == study
    other = evals.evaluate(study, items=6, out=tmp_path / "two")
    assert (other.study.record()["items"], other.values().num_rows) == (6, 6)
