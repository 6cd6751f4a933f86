"""The page on scenes prints what it says, and its commands and kinds are what there is."""

import re
import shlex
from pathlib import Path

import pytest

from aetia.cli.scenes import command
from aetia.scenes import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scenes.md").read_text(encoding="utf-8")
PAGES = PAGE + (ROOT / "benchmarks" / "scenes" / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    aetia scenes (.*)$", PAGES, re.MULTILINE)


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_print_what_the_page_says(capsys):
    names = {}
    for source, expected in zip(blocks("py"), blocks("text"), strict=True):
        exec(compile(source, "scenes.md", "exec"), names)
        assert capsys.readouterr().out == expected


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one_that_the_shell_takes(line):
    command.make_context("scenes", shlex.split(line, comments=True))


def test_every_kind_of_question_is_on_the_page():
    table = PAGE[PAGE.index("| kind |") :].split("\n\n", maxsplit=1)[0]
    assert re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE) == list(KINDS)
