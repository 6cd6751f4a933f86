"""Is a published set read only if it is the published one, and does a damaged line say where it is?"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetia.errors import EvaluationError
from aetia.evals.item import Item
from aetia.evals.published import _rows as rows_module
from aetia.evals.published._folder import (
    Row,
    csv_rows,
    folder_of,
    json_entries,
    json_lines,
    json_rows,
    own_items,
    published_items,
    task_from_file,
)
from aetia.evals.task import Generator, Published, Solution, Style, Target, Task, Wording, tasks
from aetia.models.cache import file_hash


def _read(folder: Path) -> Iterator[Item]:
    for row in json_lines(folder / "part" / "rows.jsonl"):
        yield Item("toy/set", "", row.text("question"), "binary", row.one_of({"1": "yes", "0": "no"}, "label"))


def _toy(folder: Path) -> Task:
    (folder / "part").mkdir(parents=True)
    path = folder / "part" / "rows.jsonl"
    path.write_text('{"question": "Is it?", "label": 1}\n\n{"question": "Was it?", "label": 0}\n', "utf-8")
    source = Published("toy", {"part/rows.jsonl": file_hash(path)}, _read, "https://example.org/toy", "MIT")
    return Task("toy/set", "Is it?", Target("none", "toy", "binary"), source, 0.5)


def _source(task: Task) -> Published:
    assert isinstance(task.source, Published)
    return task.source


@pytest.mark.parametrize("inside", [True, False])
def test_a_set_is_found_below_a_folder_and_in_it(tmp_path: Path, inside: bool) -> None:
    task = _toy(tmp_path / "toy")
    items = list(published_items(task, tmp_path if inside else tmp_path / "toy"))
    assert [(item.question, item.label) for item in items] == [("Is it?", "yes"), ("Was it?", "no")]


def test_a_changed_file_is_named_with_both_digests(tmp_path: Path) -> None:
    task = _toy(tmp_path / "toy")
    path = tmp_path / "toy" / "part" / "rows.jsonl"
    wanted = file_hash(path)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(EvaluationError) as caught:
        list(published_items(task, tmp_path))
    assert caught.value.code == "AE-8203"
    assert str(path) in caught.value.found
    assert wanted in caught.value.found
    assert file_hash(path) in caught.value.found
    assert "https://example.org/toy" in caught.value.mend


def test_an_absent_set_says_where_it_is_had_and_its_licence(tmp_path: Path) -> None:
    task = _toy(tmp_path / "toy")
    with pytest.raises(EvaluationError) as caught:
        folder_of(_source(task), tmp_path / "elsewhere")
    assert caught.value.code == "AE-8201"
    assert "https://example.org/toy" in str(caught.value)
    assert "MIT" in str(caught.value)
    unlicensed = replace(_source(task), licence="")
    with pytest.raises(EvaluationError, match="neither") as caught:
        folder_of(unlicensed, tmp_path / "elsewhere")
    assert "names none" in str(caught.value)


def test_a_missing_file_of_a_set_is_named(tmp_path: Path) -> None:
    source = _source(_toy(tmp_path / "toy"))
    more = replace(source, files={**source.files, "part/other.csv": "0" * 64})
    with pytest.raises(EvaluationError, match=r"other\.csv") as caught:
        folder_of(more, tmp_path)
    assert caught.value.code == "AE-8202"


class _Never(Generator[int]):
    def pose(self, random: object, /) -> int:
        return 1

    def solve(self, problem: int, /) -> Solution:
        return Solution(str(problem))

    def word(self, problem: int, solution: Solution, style: Style, random: object, /) -> Wording:
        return Wording("", "", solution.label)


def test_a_generated_task_has_no_folder(tmp_path: Path) -> None:
    task = replace(_toy(tmp_path / "toy"), source=_Never())
    with pytest.raises(EvaluationError, match="generated") as caught:
        list(published_items(task, tmp_path))
    assert caught.value.code == "AE-8103"


DAMAGED: list[tuple[str, Callable[[Path], Iterator[Row]], bytes, int]] = [
    ("cut", json_lines, b'{"a": 1}\n{"a": ', 2),
    ("not a number", json_lines, b'{"a": NaN}', 1),
    ("vast", json_lines, b"1\n" + b"9" * 5000, 2),
    ("deep", json_lines, b"[" * 100_000, 1),
    ("bytes", json_lines, b'{"a": 1}\n\xff', 2),
    ("no list", json_rows, b'{"a": 1}', 1),
    ("list cut", json_rows, b'[1,\n2,\n{"a": ', 3),
    ("no comma", json_rows, b"[1,\n2 3]", 2),
    ("list open", json_rows, b"[1,\n2", 2),
    ("no colon", json_entries, b'{"a" 1}', 1),
    ("entry cut", json_entries, b'{"a": 1,\n"b": x}', 2),
    ("cells", csv_rows, b"a,b\n1,2\n1,2,3\n", 3),
    ("quote", csv_rows, b'a,b\n"1,2', 2),
]


@pytest.mark.parametrize(("name", "reader", "content", "line"), DAMAGED, ids=[one[0] for one in DAMAGED])
def test_damage_is_told_with_its_line(
    tmp_path: Path, name: str, reader: Callable[[Path], Iterator[Row]], content: bytes, line: int
) -> None:
    path = tmp_path / f"{name}.txt"
    path.write_bytes(content)
    with pytest.raises(EvaluationError) as caught:
        list(reader(path))
    assert caught.value.code == "AE-8204"
    assert f"line {line}" in caught.value.found
    assert "\n" not in caught.value.found


def test_rows_know_where_they_begin(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('\ufeff[\n {"a": [1,\n 2]},\n\n {"a": []}\n]', "utf-8")
    assert [(row.line, row.values("a")) for row in json_rows(path)] == [(2, [1, 2]), (5, [])]
    path.write_text('{"x":\n 1, "y":\n {"z": true}}', "utf-8")
    assert [(row.key, row.line, row.value) for row in json_entries(path)] == [("x", 1, 1), ("y", 2, {"z": True})]
    path.write_text('name,text\n"a","two\nlines"\n\nb,c\n', "utf-8")
    told = [(row.line, row.text("name"), row.text("text")) for row in csv_rows(path)]
    assert told == [(2, "a", "two\nlines"), (5, "b", "c")]
    assert next(row.value for row in csv_rows(path, ("x", "y"))) == {"x": "name", "y": "text"}


@given(st.lists(st.dictionaries(st.text(max_size=4), st.one_of(st.integers(), st.text(max_size=9))), max_size=5))
def test_lists_are_read_as_json_reads_them(tmp_path_factory: pytest.TempPathFactory, value: list[object]) -> None:
    path = tmp_path_factory.mktemp("json") / "rows.json"
    for indent in (None, 1):
        path.write_text(json.dumps(value, indent=indent), "utf-8")
        assert [row.value for row in json_rows(path)] == value
    path.write_text("".join(json.dumps(one) + "\n" for one in value), "utf-8")
    assert [row.value for row in json_lines(path)] == value


def test_fields_of_another_kind_are_named() -> None:
    row = Row(Path("set.jsonl"), 7, {"meta": {"rung": 2, "text": "x", "list": ["a", 1]}, "half": 0.5, "flag": True})
    assert row.integer("meta", "rung") == 2
    assert row.number("half") == 0.5
    assert row.flag("flag")
    assert row.has("meta", "text")
    assert not row.has("meta", "none")
    assert row.get("meta", "list", -1) == 1
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: row.text("meta", "rung"), "meta.rung"),
        (lambda: row.text("meta", "none", "deeper"), "meta.none"),
        (lambda: row.texts("meta", "list"), "meta.list.1"),
        (lambda: row.get("meta", "list", 2), "meta.list.2"),
        (lambda: row.integer("half"), "half"),
        (lambda: row.integer("flag"), "flag"),
        (lambda: row.number("meta", "text"), "meta.text"),
        (lambda: row.flag("half"), "half"),
        (lambda: row.fields("half"), "half"),
        (lambda: row.values("meta"), "meta"),
        (lambda: row.one_of({"1": "yes"}, "half"), "half"),
    ]
    for read, field in wrong:
        with pytest.raises(EvaluationError, match=r"set\.jsonl, line 7") as caught:
            read()
        assert f"field {field}:" in caught.value.found


def test_large_files_and_lines_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.jsonl"
    path.write_text('{"a": "' + "x" * 3000 + '"}', "utf-8")
    monkeypatch.setattr(rows_module, "LINE_BYTES", 2000)
    with pytest.raises(EvaluationError, match="line 1") as caught:
        list(json_lines(path))
    assert caught.value.code == "AE-8205"
    monkeypatch.setattr(rows_module, "FILE_BYTES", 2000)
    for reader in (json_lines, json_rows):
        with pytest.raises(EvaluationError, match=r"large\.jsonl has more") as caught:
            list(reader(path))
        assert caught.value.code == "AE-8205"


def _own(path: Path, *items: Item) -> Path:
    path.write_text("".join(json.dumps(item.to_record()) + "\n" for item in items), "utf-8")
    return path


YES = Item("mine", "Smoke.", "Fire?", "binary", "yes", facts={"n": 1})
CHOICE = Item("mine", "Smoke.", "Which?", "choice", "2", ("rain", "fire", "wind", "ice"))


def test_ones_own_items_come_back_and_make_a_task(tmp_path: Path) -> None:
    path = _own(tmp_path / "mine.jsonl", YES, replace(YES, question="Rain?", label="no"))
    task = task_from_file(path)
    assert next(iter(published_items(task, tmp_path))) == YES
    assert (task.name, task.target.form, task.chance) == ("mine", "binary", 0.5)
    other = _own(tmp_path / "other.jsonl", CHOICE, replace(CHOICE, task="theirs", options=("a", "b")))
    assert (task_from_file(other).name, task_from_file(other).chance) == ("own/other", 0.375)


def test_items_of_a_known_task_keep_its_engine(tmp_path: Path) -> None:
    known = next(task for task in tasks() if task.engine is not None)
    task = task_from_file(_own(tmp_path / "mine.jsonl", replace(YES, task=known.name)))
    assert task.engine is known.engine
    assert task.target == known.target


@pytest.mark.parametrize(
    ("lines", "code", "told"),
    [
        (["{}"], "AE-8204", "line 1"),
        (["[1]"], "AE-8204", "an object"),
        ([json.dumps({**YES.to_record(), "label": "maybe"})], "AE-8204", "maybe"),
        ([json.dumps({**YES.to_record(), "colour": 1})], "AE-8204", "colour"),
        ([json.dumps({**YES.to_record(), "question": " "})], "AE-8204", "question"),
        ([json.dumps({**YES.to_record(), "form": "number", "label": ""})], "AE-8204", "label"),
        ([json.dumps(YES.to_record())] * 2, "AE-8206", "line 2"),
        ([json.dumps(YES.to_record()), json.dumps(CHOICE.to_record())], "AE-8206", "item 2"),
        ([], "AE-8206", "no items"),
    ],
)
def test_a_wrong_task_file_says_where(tmp_path: Path, lines: list[str], code: str, told: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    with pytest.raises(EvaluationError) as caught:
        task_from_file(path)
    assert (caught.value.code, told in caught.value.found) == (code, True)


def test_an_absent_task_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"none\.jsonl") as caught:
        list(own_items(tmp_path / "none.jsonl"))
    assert caught.value.code == "AE-8202"
