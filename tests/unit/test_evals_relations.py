"""Is common knowledge read from ConceptNet's forms, found by the words of an item, and put before the question?"""

# ruff: noqa: RUF001  Chinese punctuation is meant

import gzip
import json
from pathlib import Path

import pytest

from aetia.errors import EvaluationError
from aetia.evals.adaptations import Material, adaptation_named
from aetia.evals.adaptations.relations import Relation, read_relations
from aetia.evals.dialogue import Reply
from aetia.evals.item import Item

ROWS = [
    ("Causes", "/c/en/heavy_rain/n", "/c/en/flood", 2.0),
    ("Causes", "/c/en/heavy_rain", "/c/en/mud", 5.0),
    ("RelatedTo", "/c/en/heavy_rain", "/c/en/flood", 9.0),
    ("HasPrerequisite", "/c/en/flood", "/c/en/water/n/wn/substance", 1.0),
    ("Causes", "/c/fr/pluie", "/c/en/flood", 1.0),
    ("Causes", "/c/zh/下雨", "/c/zh/洪水", 1.5),
    ("Causes", "/c/en/fire", "/c/en/smoke", 3.0),
]
FLOOD = Item("t/x", "There were heavy rains all night.", "Did they cause the flood?", "binary", "yes")
ABOUT_FLOOD = ["heavy rain Causes flood", "heavy rain Causes mud", "flood HasPrerequisite water"]


def _dump(rows: list[tuple[str, str, str, float]]) -> str:
    lines = []
    for relation, start, end, weight in rows:
        about = json.dumps({"dataset": "/d/x", "license": "cc:by-sa/4.0", "weight": weight})
        lines.append(f"/a/[/r/{relation}/,{start}/,{end}/]\t/r/{relation}\t{start}\t{end}\t{about}\n")
    return "".join(lines)


def _json_lines(rows: list[tuple[str, str, str, float]]) -> str:
    edges = [
        {"rel": {"@id": f"/r/{relation}"}, "start": {"@id": start}, "end": {"@id": end}, "weight": weight}
        for relation, start, end, weight in rows
    ]
    return "".join(json.dumps(edge) + "\n" for edge in edges)


def _comma_separated(rows: list[tuple[str, str, str, float]]) -> str:
    return "start,rel,end,weight\n" + "".join(f"{start},{name},{end},{weight}\n" for name, start, end, weight in rows)


def _shown(relations: tuple[Relation, ...]) -> list[str]:
    return [f"{one.start} {one.relation} {one.end}" for one in relations]


@pytest.mark.parametrize("form", [_dump, _json_lines, _comma_separated])
@pytest.mark.parametrize("is_packed", [False, True])
def test_the_three_forms_tell_the_same(tmp_path: Path, form, is_packed: bool) -> None:
    # The published dump ends in .csv although tabs part its columns.
    path = tmp_path / f"assertions.csv{'.gz' if is_packed else ''}"
    content = form(ROWS).encode()
    path.write_bytes(gzip.compress(content) if is_packed else content)
    relations = read_relations(path)
    assert len(relations.every) == 5
    assert _shown(relations.about(f"{FLOOD.context} {FLOOD.question}", "en")) == ABOUT_FLOOD
    assert _shown(relations.about("昨夜下雨，今天有洪水。", "zh")) == ["下雨 Causes 洪水"]
    assert relations.about("昨夜下雨，今天有洪水。", "en") == ()
    assert relations.about("Nothing of the sort.", "en") == ()


def test_plain_words_are_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("rel,start,end\n\nCauses,strong_wind,broken branches\n")
    assert _shown(read_relations(path).about("A strong wind blew; a broken branch fell.", "en")) == [
        "strong wind Causes broken branches"
    ]


def test_of_assertions_with_one_end_in_the_text_few_are_told(tmp_path: Path) -> None:
    path = tmp_path / "many.tsv"
    path.write_text(_dump([("Causes", "/c/en/rain", f"/c/en/thing{place}", place) for place in range(50)]))
    found = read_relations(path).about("rain", "en")
    assert [one.end for one in found] == ["thing49", "thing48", "thing47", "thing46"]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (_dump(ROWS[:1]) + "/a/x\t/r/Causes\t/c/en/a\n", "line 2"),
        (_dump(ROWS[:1]).replace("{", ""), "line 1"),
        (_json_lines(ROWS[:2]) + "{]\n", "line 3"),
        (_json_lines(ROWS[:1]) + "[" * 100_000 + "\n", "line 2"),
        ('{"rel": "/r/Causes", "start": 3, "end": "/c/en/a"}\n', "line 1"),
        ("rel,start\nCauses,a\n", "line 2"),
        ("rel,start,end\nCauses,a\n", "line 2"),
        ("rel,start,end,weight\nCauses,a,b,heavy\n", "line 2"),
        (_dump([("RelatedTo", "/c/en/a", "/c/en/b", 1.0)]), "no line of the file"),
        ("", "no line of the file"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, content: str, place: str) -> None:
    path = tmp_path / "relations.txt"
    path.write_text(content)
    with pytest.raises(EvaluationError) as caught:
        read_relations(path)
    assert caught.value.code == "AE-8304"
    assert place in caught.value.found


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"\x1f\x8b no gzip"])
def test_a_file_that_cannot_be_read_is_said_to_be_so(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "relations.gz" if content and content.startswith(b"\x1f") else tmp_path / "relations.tsv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EvaluationError) as caught:
        adaptation_named("care-ca", Material(relations=path))
    assert caught.value.code == "AE-8303"


def test_more_assertions_than_are_kept_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aetia.evals.adaptations.relations._KEPT", 2)
    path = tmp_path / "relations.tsv"
    path.write_text(_dump(ROWS))
    with pytest.raises(EvaluationError, match="line 4"):
        read_relations(path)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "relations.tsv"
    path.write_text(_dump(ROWS[:1]))
    assert len(read_relations(path).every) == 1
    path.write_text(_dump(ROWS[:2]))
    assert len(read_relations(path).every) == 2


@pytest.fixture
def known(tmp_path: Path) -> Material:
    path = tmp_path / "relations.tsv"
    path.write_text(_dump(ROWS))
    return Material(relations=path)


def test_relations_alone_go_before_the_question_in_one_turn(known: Material) -> None:
    conversation = adaptation_named("care-ca-relations", known).converse(FLOOD)
    assert next(conversation).messages[0].text == (
        "Relations of common knowledge that may or may not matter here:\n"
        "- heavy rain causes flood\n- heavy rain causes mud\n- flood requires water\n"
        "Weigh these statements, and use those that bear on the question.\n"
        "Given: There were heavy rains all night.\nQuestion: Did they cause the flood?\nAnswer (Yes or No):"
    )


def test_contrasts_are_written_by_the_answerer_and_told_with_each_relation(known: Material) -> None:
    conversation = adaptation_named("care-ca", known).converse(FLOOD)
    asks = next(conversation).messages[0].text
    assert "Write up to three sentences" in asks
    enriched = conversation.send(Reply("Without the rain the river would have stayed low.")).messages
    assert len(enriched) == 1
    text = enriched[0].text
    assert "- If there were no heavy rain, nothing here says that there would still be flood" in text
    assert "Without the rain the river would have stayed low." in text
    assert text.endswith("Question: Did they cause the flood?\nAnswer (Yes or No):")


def test_where_nothing_is_known_the_question_stands_alone(known: Material) -> None:
    item = Item("t/x", "", "A -> B?", "binary", "yes")
    conversation = adaptation_named("care-ca-relations", known).converse(item)
    assert next(conversation).messages[0].text == "Question: A -> B?\nAnswer (Yes or No):"


def test_chinese_items_are_told_chinese_relations(known: Material) -> None:
    item = Item("t/x", "昨夜下雨。", "会有洪水吗？", "binary", "yes", language="zh")
    conversation = adaptation_named("care-ca-relations", known).converse(item)
    assert "- 下雨会导致洪水\n" in next(conversation).messages[0].text
