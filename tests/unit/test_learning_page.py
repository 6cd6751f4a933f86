"""The examples of docs/transformer-programs.md do what the page says."""

import re
from pathlib import Path

from aetia.learning import get_task, task_names

PAGE = (Path(__file__).parents[2] / "docs" / "transformer-programs.md").read_text(encoding="utf-8")
EXAMPLE, PROGRAM = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_example_learns_reverse_whole(capsys):
    exec(compile(EXAMPLE, "docs/transformer-programs.md", "exec"), {})
    first, source = capsys.readouterr().out.split("\n", 1)
    assert first == "1.0"
    assert "def program(tokens):" in source


def test_the_program_on_the_page_reverses_every_input():
    scope = {}
    exec(compile(PROGRAM, "docs/transformer-programs.md", "exec"), scope)
    task = get_task("reverse")
    for letters in task.inputs:
        logits = scope["program"](task.prompt(letters))[-task.size :]
        assert [max(row, key=row.get) for row in logits] == list(task.rule(letters))


def test_the_page_names_every_task():
    assert [name for name in task_names() if f"| `{name}` |" not in PAGE] == []
