"""The page on causal models runs, prints what it says, and its table of stories is what the stories say."""

import re
from pathlib import Path

from aetia.scm.actual.vignettes import VIGNETTES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "causal-models.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def test_the_examples_print_what_the_page_says(capsys):
    names: dict[str, object] = {}
    for source, expected in zip(blocks(PAGE, "py"), blocks(PAGE, "text"), strict=True):
        exec(compile(source, "causal-models.md", "exec"), names)
        assert capsys.readouterr().out == expected


def test_the_example_of_the_readme_prints_the_formula_below_it(capsys):
    [source] = blocks(README, "py")
    exec(compile(source, "README.md", "exec"), {})
    assert f"`{capsys.readouterr().out.strip()}`" in README


def test_the_table_has_every_story_with_its_verdicts():
    def cell(vignette, judgement):
        if judgement not in vignette.causes:
            return "-"
        return ", ".join(vignette.causes[judgement]) or "none"

    judgements = ("but-for", "ness", "original", "updated", "modified")
    rows = [f"| {one.name} | {' | '.join(cell(one, judgement) for judgement in judgements)} |" for one in VIGNETTES]
    table = PAGE[PAGE.index("| story |") :].split("\n\n")[0].splitlines()
    assert table[2:] == rows
