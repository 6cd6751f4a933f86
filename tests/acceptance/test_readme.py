"""Every example of the README and every study file of the docs is what it says; other pages have tests of their own."""

import re
import tomllib
from pathlib import Path

import pytest

from aetia.runs import load_study

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str, pages: list[Path]) -> list[str]:
    return [
        block
        for page in pages
        for block in re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]


@pytest.mark.model
@pytest.mark.parametrize("block", blocks("python", PAGES[:1]))
def test_every_block_of_python_runs_in_an_empty_folder(block, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "L23.h4: +" in printed.splitlines()[0]


@pytest.mark.parametrize("block", blocks("toml", PAGES))
def test_every_study_file_is_a_study(block, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(block)
    study = load_study(path)
    assert study.record()["items"] == tomllib.loads(block)["items"]
