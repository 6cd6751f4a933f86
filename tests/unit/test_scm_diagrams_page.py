"""The page about string diagrams runs, prints what it says, and shows the pictures that its code draws."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCKS = re.findall(r"```(py|text)\n(.*?)```", (DOCS / "string-diagrams.md").read_text(encoding="utf-8"), re.DOTALL)
NUMBER = re.compile(r"-?\d+\.?\d*")


def test_the_page_prints_what_it_says_and_shows_what_it_draws(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    printed = []
    for language, block in BLOCKS:
        if language == "py":
            exec(compile(block, "string-diagrams.md", "exec"), scope)
            printed.append(capsys.readouterr().out)
    assert printed == [block for language, block in BLOCKS if language == "text"]
    drawn = sorted(tmp_path.glob("*.svg"))
    assert [path.name for path in drawn] == ["smoking-cut.svg", "smoking-graph.svg", "smoking.svg", "twin.svg"]
    for path in drawn:
        made, kept = path.read_text(), (DOCS / "images" / path.name).read_text()
        # The same shapes, and nothing moved by more than another machine's rounding.
        assert NUMBER.sub("", made) == NUMBER.sub("", kept)
        places = [[float(one) for one in NUMBER.findall(text)] for text in (made, kept)]
        assert places[0] == pytest.approx(places[1], abs=0.5)
