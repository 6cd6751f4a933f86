"""`aetia scm` in the shell: answers, formulas, bounds, pictures, samples, causes, and one line for each mistake."""

import csv
import io
import json
from xml.etree import ElementTree as ET

import pyarrow.parquet as pq
import pytest

from aetia.cli.application import run

MODEL = """{"kind": "discrete", "variables": {
  "Z": {"values": [0, 1], "table": ["1/2", "1/2"]},
  "X": {"values": [0, 1], "parents": ["Z"], "table": [["1/4", "3/4"], ["2/3", "1/3"]]},
  "Y": {"values": [0, 1], "parents": ["X", "Z"],
        "table": [[["1/2", "1/2"], ["1/3", "2/3"]], [["1/5", "4/5"], ["1/7", "6/7"]]]}}}"""
BOTTLE = "SH = ST; BH = BT and not SH; BS = SH or BH"


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(MODEL)
    return str(path)


@pytest.fixture
def ask(capsys):
    def asked(*arguments):
        code = run(["scm", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return asked


def test_a_query_is_answered_exactly(ask, model):
    assert ask("query", model, "P(Y=1 | do(X=1))") == (0, "29/35\n", "")
    assert ask("query", model, "ATE(X, Y)") == (0, "103/420\n", "")


def test_the_steps_name_the_back_door_set(ask, model):
    code, out, _ = ask("query", model, "ATE(X, Y)", "--steps")
    assert code == 0
    assert "Z blocks every back-door path" in out
    assert "4/5 · 1/2 + 6/7 · 1/2" in out
    assert r"\begin{align*}" in ask("query", model, "ATE(X, Y)", "--latex")[1]


def test_an_answer_for_programs_has_its_fraction_and_steps(ask, model):
    [record] = [json.loads(line) for line in ask("query", model, "ATE(X, Y)", "--json")[1].splitlines()]
    assert (record["record"], record["exact"]) == ("answer", "103/420")
    assert record["value"] == pytest.approx(103 / 420)
    assert [step["result"] for step in record["steps"]] == pytest.approx([29 / 35, 7 / 12, 103 / 420])


def test_a_linear_model_answers_too(ask, tmp_path):
    path = tmp_path / "linear.json"
    path.write_text(
        '{"kind": "linear", "variables": {"X": {"variance": 1.0}, "Y": {"coefficients": {"X": 2.5}, "variance": 0.5}}}'
    )
    assert ask("query", path, "ATE(X=1 vs 0, Y)")[:2] == (0, "2.5\n")
    code, _, err = ask("bounds", path, "PN(X, Y)")
    assert (code, "AE-7228" in err) == (2, True)


def test_what_the_model_leaves_open_is_bounded_or_assumed(ask, model):
    code, _, err = ask("query", model, "PN(X, Y)")
    assert (code, "AE-7460" in err) == (2, True)
    [record] = [json.loads(line) for line in ask("bounds", model, "PN(X, Y)", "--json")[1].splitlines()]
    assert 0 <= record["low"] < record["high"] <= 1
    code, out, err = ask("query", model, "PN(X, Y)", "--assume", "gumbel-max")
    assert code == 0
    assert record["low"] <= float(out) <= record["high"]
    assert "gumbel-max" in err
    narrower = json.loads(ask("bounds", model, "PN(X, Y)", "--monotone", "X -> Y", "--json")[1])
    assert narrower["high"] - narrower["low"] < 1e-6
    for wrong in ("X", "X <-> Y", "X -- Y", "X -> Y; Z"):
        code, _, err = ask("bounds", model, "PN(X, Y)", "--monotone", wrong)
        assert (code, "is no arrow" in err) == (2, True), wrong
    code, _, err = ask("bounds", model, "PN(X, Y)", "--monotone", "Y -> X")
    assert (code, "AE-7246" in err, "X -> Y" in err) == (2, True, True)


def test_a_formula_is_found_or_a_hedge_shown(ask):
    front_door = "X -> M -> Y; X <-> Y"
    assert ask("identify", front_door, "P(Y | do(X))")[:2] == (0, "sum_m P(m | x) sum_x' P(y | m, x') P(x')\n")
    assert r"\sum" in ask("identify", front_door, "P(Y | do(X))", "--latex")[1]
    code, _, err = ask("identify", "X -> Y; X <-> Y", "P(Y | do(X))")
    assert code == 2
    assert "AE-7401" in err
    assert "hedged in" in err


def test_a_graph_is_drawn_and_written_in_every_form(ask, tmp_path):
    text = "Z -> X; X -> Y; X <-> Y"
    assert ask("draw", text)[1] == f"{text}\n"
    for suffix in ("svg", "dot", "json", "txt"):
        path = tmp_path / f"graph.{suffix}"
        assert ask("draw", text, "--out", path)[0] == 0
        if suffix == "svg":
            assert ET.fromstring(path.read_text()).tag.endswith("svg")
        else:
            assert ask("draw", path)[1] == f"{text}\n"
    assert ask("draw", "dag { Z -> X X -> Y X <-> Y }")[1] == f"{text}\n"
    code, _, err = ask("draw", text, "--out", tmp_path / "graph.png")
    assert (code, ".svg" in err) == (2, True)


def test_a_model_has_a_graph(ask, model):
    assert ask("draw", model)[1] == "Z -> X; Z -> Y; X -> Y\n"


def test_units_are_drawn_under_interventions_and_seeded(ask, model, tmp_path):
    code, out, _ = ask("sample", model, "--count", 2000, "--do", "X=1", "--seed", 3)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, len(rows), {row["X"] for row in rows}) == (0, 2000, {"1"})
    assert sum(int(row["Y"]) for row in rows) / 2000 == pytest.approx(29 / 35, abs=5 * 0.0085)
    assert ask("sample", model, "--count", 2000, "--do", "X=1", "--seed", 3)[1] == out
    path = tmp_path / "units.parquet"
    assert ask("sample", model, "--count", 2000, "--do", "X=1", "--seed", 3, "--out", path)[0] == 0
    assert pq.read_table(path).column("Y").to_pylist() == [int(row["Y"]) for row in rows]
    first = json.loads(ask("sample", model, "--count", 1, "--json")[1])
    assert set(first["values"]) == {"X", "Y", "Z"}
    assert ask("sample", model, "--seed", "-1")[0] == 2


def test_why_the_bottle_broke(ask):
    code, out, _ = ask("why", BOTTLE, "--actual", "ST=1,BT=1", "--event", "BS=1")
    assert code == 0
    assert out.splitlines()[:3] == [
        "ST=1",
        "  With BH=0 held, the event would not have happened at ST=0.",
        "  responsibility: ST 1/2",
    ]
    assert "BT" not in [line.split("=")[0] for line in out.splitlines()]
    records = ask("why", BOTTLE, "--actual", "ST=1", "--actual", "BT=1", "--event", "BS == 1", "--json")[1]
    assert [json.loads(line)["values"] for line in records.splitlines()] == [{"ST": 1}, {"SH": 1}]


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("AE-7225", ("query", "absent.json", "ATE(X, Y)")),
        ("AE-7303", ("query", "MODEL", "ATE(X, Q)")),
        ("AE-7301", ("query", "MODEL", "ATE(X, Y")),
        ("AE-7210", ("query", "Y = X and Z", "P(Z=1 | Y=1, X=0)")),
        ("AE-7602", ("query", "Y == X", "P(Y=1)")),
        ("AE-7106", ("identify", "X => Y", "P(Y | do(X))")),
        ("AE-7103", ("identify", "X -> Y; Y -> X", "P(Y | do(X))")),
        ("AE-7208", ("sample", "MODEL", "--do", "Q=1")),
        ("AE-7305", ("sample", "MODEL", "--do", "X")),
        ("AE-7612", ("why", BOTTLE, "--actual", "ST=1", "--event", "BS=1")),
        ("AE-7613", ("why", BOTTLE, "--actual", "ST=1,BT=1", "--event", "BS=0")),
        ("AE-7611", ("why", "MODEL", "--actual", "Z=1", "--event", "Y=1")),
    ],
)
def test_a_mistake_is_one_clear_line(ask, model, code, arguments):
    status, out, err = ask(*(model if one == "MODEL" else one for one in arguments))
    assert (status, out) == (2, "")
    assert err.startswith(code), err
    assert "Mend:" in err
    assert "Traceback" not in err
