"""Do the pages say what the code does?"""

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"AE-\d{4}")


def test_every_error_that_can_be_raised_is_explained_once_and_no_other() -> None:
    raised = {
        node.value
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
    }
    rows = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8").splitlines()
    explained = Counter(match.group() for row in rows if row.startswith("|") for match in CODE.finditer(row))
    assert {code for code, times in explained.items() if times > 1} == set()
    assert raised - set(explained) == set(), "to be explained"
    assert set(explained) - raised == set(), "explained, though nothing raises it"


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    notes = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [name for name in notes if f"({name})" not in index] == []
    assert [int(name[:4]) for name in notes] == list(range(1, len(notes) + 1))


def test_the_pages_link_to_files_that_exist() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))]
    local = [(page, link) for page, link in links if not link.startswith(("http:", "https:", "mailto:"))]
    assert [f"{page.name}: {link}" for page, link in local if not (page.parent / link).exists()] == []


def test_the_generated_pages_are_those_that_make_docs_writes() -> None:
    # In a process of its own: other tests put stand-ins into the catalogue of this one.
    script = (
        f"import json, runpy; print(json.dumps(runpy.run_path({str(ROOT / 'tools' / 'write_docs.py')!r})['pages']()))"
    )
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    stale = [name for name, text in json.loads(made.stdout).items() if not _is(ROOT / "docs" / name, text)]
    assert stale == [], "run make docs"


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
