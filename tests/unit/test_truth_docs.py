"""The page about truth systems runs, prints what it says, and lists the systems that there are."""

import re
from pathlib import Path

from truth_networks import cached_system

from aetia.truth import to_python, truth_systems

PAGE = (Path(__file__).parents[2] / "docs" / "truth.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_prints_what_the_page_says(capsys):
    source, example = blocks("py")
    exec(compile(example, "truth.md", "exec"), {})
    assert [capsys.readouterr().out] == blocks("text")
    assert to_python(cached_system("induction").program).endswith(source)


def test_the_table_lists_every_system_with_its_question():
    rows = re.findall(r"^\| ([a-z-]+) \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert [name for name, _ in rows[1:]] == list(truth_systems())
    for name, question in rows[1:]:
        assert cached_system(name).question.startswith(question)
