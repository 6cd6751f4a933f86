"""Does a person's own file say what it means, and every flaw in it where it is?"""

import json
from pathlib import Path

import pytest
from toy_tokenizer import byte_level

from aetia.contrasts import read_contrasts, study_contrasts
from aetia.errors import ContrastError

ROW = {"clean": "The capital of France is", "corrupted": "The capital of Italy is", "answer": " Paris", "foil": " Rome"}
HEAD = "clean,corrupted,answer,foil"
CSV = f"{HEAD}\nThe capital of France is,The capital of Italy is, Paris, Rome\n"


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(path: Path) -> ContrastError:
    with pytest.raises(ContrastError) as caught:
        read_contrasts(path)
    return caught.value


def line(**fields: object) -> str:
    return json.dumps(ROW | fields) + "\n"


def test_jsonl_with_spans_ids_and_other_fields(tmp_path: Path):
    rows = line(spans={"subject": "France", "verb": [22, 24]}, id="fr", note="mine") + "\n" + line(foil=" Tokyo", id=7)
    first, second = read_contrasts(written(tmp_path / "mine.jsonl", rows))
    assert (first.id, first.answer, dict(first.spans)) == ("fr", " Paris", {"subject": "France", "verb": (22, 24)})
    assert (second.id, second.foil) == ("7", " Tokyo")


def test_csv_keeps_leading_spaces_and_reads_spans_as_json(tmp_path: Path):
    row = f'{HEAD},spans\n"Mary, as I know, gave","John, as I know, gave", Paris, Rome,"{{""subject"": ""Mary""}}"\n'
    (only,) = read_contrasts(written(tmp_path / "mine.csv", row))
    assert (only.clean, only.answer, dict(only.spans)) == ("Mary, as I know, gave", " Paris", {"subject": "Mary"})
    assert only.id == "line-2"


def test_rewordings_are_a_list_in_jsonl_and_that_list_as_json_in_csv(tmp_path: Path):
    texts = ("The capital of Italy was", "It is, in Italy,")
    (only,) = read_contrasts(written(tmp_path / "mine.jsonl", line(placebos=texts)))
    assert only.placebos == texts
    cell = json.dumps(texts).replace('"', '""')
    rows = f'{HEAD},placebos\na is,b is, c, d,"{cell}"\ne is,f is, g, h,\n'
    first, second = read_contrasts(written(tmp_path / "mine.csv", rows))
    assert (first.placebos, second.placebos) == (texts, ())


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path):
    assert len(read_contrasts(written(tmp_path / "a.csv", b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode()))) == 1
    (only,) = read_contrasts(written(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + line().replace("\n", "\r\n").encode()))
    assert only.clean == ROW["clean"]


def test_only_a_line_feed_ends_a_line_of_json(tmp_path: Path):
    row = json.dumps(ROW | {"clean": "one\u2028two is"}, ensure_ascii=False) + "\n"
    (only,) = read_contrasts(written(tmp_path / "a.jsonl", row))
    assert only.clean == "one\u2028two is"


@pytest.mark.parametrize(
    ("content", "code", "where"),
    [
        ("", "AE-2103", ""),
        (" \n\n", "AE-2103", ""),
        (line() + "{'clean': 1}\n", "AE-2104", "line 2"),
        (line() + "\n[1]\n", "AE-2104", "line 3"),
        (line() + "[" * 100_000, "AE-2104", "line 2"),
        (line() + '{"clean": ' + "9" * 5000 + "}", "AE-2104", "line 2"),
        (json.dumps({"clean": "a", "answer": " b"}), "AE-2105", "no corrupted and no foil"),
        (line(span={"subject": "France"}), "AE-2105", "write spans"),
        (line(answer=5), "AE-2106", "its answer is the number 5"),
        (line(answer=None), "AE-2106", "its answer is null"),
        (line(clean=" "), "AE-2106", "which is empty"),
        (line(clean="\ud800"), "AE-2106", "lone surrogate"),
        (line(id=True), "AE-2106", "its id"),
        (line(spans=["France"]), "AE-2106", "its spans are a list"),
        (line(spans={"subject": [1, "2"]}), "AE-2106", "its span 'subject'"),
        (line(spans={"subject": "Spain"}), "AE-2111", "line 1"),
        (line(spans={"subject": "a"}), "AE-2111", "more than once"),
        (line(spans={"subject": [5, 500]}), "AE-2111", "24 characters"),
        (line(spans={"last": "is"}), "AE-2111", "line 1"),
        (line() + line(foil=" Tokyo", placebos="It is"), "AE-2106", "line 2: its placebos are 'It is'"),
        (line(placebos={"one": "It is"}), "AE-2106", "its placebos are an object"),
        (line(placebos=["It is", 5]), "AE-2106", "its placebo 2 is the number 5"),
        (line(placebos=[" "]), "AE-2106", "its placebo 1 is ' ', which is empty"),
        (line(placebos=["\ud800"]), "AE-2106", "its placebo 1 has a lone surrogate"),
        (line(placebo=["It is"]), "AE-2105", "write placebos"),
        (line() + line(foil=" Tokyo", id="line-1"), "AE-2112", "line 2"),
        (line() + line(id="other"), "AE-2112", "already in line 1"),
        (line().encode() + b'{"clean": "caf\xe9"}', "AE-2113", "line 2"),
        (line().encode("utf-16"), "AE-2113", "line 1"),
    ],
)
def test_each_flaw_of_a_jsonl_file_has_its_code_and_place(tmp_path: Path, content: str | bytes, code: str, where: str):
    error = refused(written(tmp_path / "mine.jsonl", content))
    assert error.code == code
    assert where in str(error)
    assert error.mend


@pytest.mark.parametrize(
    ("content", "code", "where"),
    [
        ("", "AE-2103", ""),
        (f"{HEAD}\n", "AE-2103", ""),
        ("clean,corrupted,answer\na,b,c\n", "AE-2105", "no foil"),
        ("clean;corrupted;answer;foil\na;b;c;d\n", "AE-2105", "line 1"),
        (f"{HEAD},foil\n", "AE-2105", "twice"),
        (f"{HEAD},Spans\na,b,c,d,e\n", "AE-2105", "write spans"),
        (CSV + "When Mary, and John,x,y,z\n", "AE-2104", "line 3"),
        (CSV + 'a,"b,c,d\n', "AE-2104", "line 3"),
        (CSV + "a,b, c,\n", "AE-2106", "its foil"),
        (f"{HEAD},spans\na b,c d, e, f,subject\n", "AE-2104", "no JSON"),
        (f"{HEAD},placebos\na b,c d, e, f,It is\n", "AE-2104", "line 2: its placebos 'It is' are no JSON"),
        (CSV + CSV.split("\n")[1], "AE-2112", "line 3"),
        (CSV.encode() + b"\xff,b,c,d\n", "AE-2113", "line 3"),
        ('clean,corrupted,answer,foil\n"two\nlines",b, c, d\na,,c,d\n', "AE-2106", "line 4"),
    ],
)
def test_each_flaw_of_a_csv_file_has_its_code_and_place(tmp_path: Path, content: str | bytes, code: str, where: str):
    error = refused(written(tmp_path / "mine.csv", content))
    assert error.code == code
    assert where in str(error)


def test_a_file_that_is_not_there_or_of_another_kind(tmp_path: Path):
    assert refused(tmp_path / "absent.jsonl").code == "AE-2102"
    assert refused(written(tmp_path / "mine.xlsx", "x")).code == "AE-2102"
    (tmp_path / "folder.csv").mkdir()
    assert refused(tmp_path / "folder.csv").code == "AE-2102"
    assert refused(Path("\0.csv")).code == "AE-2102"


def test_a_study_takes_a_file_in_its_order_whatever_its_lengths(tmp_path: Path):
    longer = {name: f"So {text}" for name, text in ROW.items() if name in ("clean", "corrupted")}
    path = written(tmp_path / "mine.jsonl", line() + line(**longer) + line(answer=" Ouagadougou"))
    found = study_contrasts(str(path), None, byte_level(), items=24)
    assert [item.id for item in found.items] == ["line-1", "line-2"]
    assert found.reasons == {"AE-2108": 1}
    assert len(study_contrasts(str(path), None, byte_level(), items=1).items) == 1
