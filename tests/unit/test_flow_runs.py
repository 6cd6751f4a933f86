"""Studies of flow as runs: planned, resumed to the same numbers, and read back with their recovery rates."""

import json

import pytest
from tiny_models import tiny_folder

from aetia.flow import flow, mediate, pathways, recovery_of
from aetia.runs import open_run
from aetia.tracing import trace


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    folder = tiny_folder(tmp_path_factory.mktemp("tiny"))
    path = folder / "own.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        first = row["clean"].split()[0]
        row["spans"] = {"subject": [0, len(first)], "question": [len(first), len(row["clean"]) - 1]}
    path.write_text("\n".join(map(json.dumps, rows)))
    return {"model": str(folder), "contrasts": str(path), "items": 4}


def test_each_instrument_runs_and_a_run_carried_on_has_the_same_effects(own, tmp_path):
    asked = {
        "flow": (flow, {"null": "random-keys:19"}),
        "pathways": (pathways, {"controls": 3, "keep": 0.5}),
        "mediation": (mediate, {"source": "subject", "null": "none"}),
    }
    for name, (function, fields) in asked.items():
        run = function(**own, **fields, out=tmp_path / name)
        assert run.status == "complete"
        assert run.manifest.study["instrument"] == name
        effects = run.effects()
        assert len(effects) > 5
        part = next((tmp_path / name / "values").glob("*.parquet"))
        part.unlink()
        assert function(**own, **fields, out=tmp_path / name).effects().table.equals(effects.table)


def test_a_study_of_flow_says_what_its_null_costs(own, tmp_path):
    run = flow(**own, edges=["subject->last"], out=tmp_path / "flow")
    plan = open_run(tmp_path / "flow").manifest
    assert "random-keys:19, no further run" in json.dumps(plan.forecast)
    rows = run.effects().where(source="subject", measure="probability", items="all").table.to_pylist()
    assert {row["null"] for row in rows} == {"random-keys:19"}
    assert all(0 < row["p"] <= row["q"] <= 1 for row in rows)


def test_the_rates_of_a_run_have_the_tests_of_its_effects(own, tmp_path):
    run = trace(**own, sites=["resid_post"], positions="spans", null="randomised-weights:19", out=tmp_path / "trace")
    rates = recovery_of(run, gate=0.0)
    tests = {
        (row["layer"], row["span"]): (row["p"], row["q"])
        for row in run.effects().where(method="patch").table.to_pylist()
    }
    assert len(rates) == len(tests)
    assert {(row["layer"], row["span"]): (row["p"], row["q"]) for row in rates.table.to_pylist()} == tests
    assert rates.provenance["dropped"] == "0 of 4"
