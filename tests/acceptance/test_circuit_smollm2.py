"""Does `aetia circuit` find what is known of the default model, and is its run carried on, drawn and exported?"""

import json
import re
from pathlib import Path

import pytest

from aetia.circuits import Circuit, circuit, circuit_of
from aetia.cli.application import run
from aetia.models.resolve import pull
from aetia.runs import open_run

pytestmark = [pytest.mark.model, pytest.mark.slow]

CHEAP = ("--items", "4", "--null", "none", "--fractions", "0.05,0.2,1", "--subsets", "0", "--memory", "1GB")


@pytest.fixture(scope="module", autouse=True)
def model():
    pull("smollm2-135m")


def test_the_head_that_moves_capitals_is_found_drawn_and_exported(tmp_path: Path, capsys) -> None:
    asked = ["circuit", "--contrasts", "capitals", "--method", "eap", *CHEAP, "--out", str(tmp_path / "run"), "--json"]
    assert run(asked) == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "L23.z.h4" in [one["site"] for one in done["top"]]
    effects = open_run(tmp_path / "run").effects()
    of = {(row["method"], row["component"], row["fraction"]): row for row in effects.table.to_pylist()}
    assert of["faithfulness", "by score", 1.0]["estimate"] == pytest.approx(1.0, abs=1e-4)
    assert of["faithfulness", "by score", 0.05]["estimate"] > 0.5
    assert of["cpr", "circuit", None]["estimate"] > of["cpr", "no circuit", None]["estimate"]
    assert "L23.h4" in circuit_of(effects, keep=10).nodes
    written = Circuit.from_json((tmp_path / "run" / "circuit.json").read_text())
    assert (written.graph.layers, written.graph.heads) == (30, 9)
    assert 1_000 < (tmp_path / "run" / "report.html").stat().st_size < 1_000_000
    again = circuit(
        "smollm2-135m", "capitals", method="eap", items=4, null="none", fractions=[0.05, 0.2, 1], subsets=0,
        memory="1GB", out=tmp_path / "run",
    )  # fmt: skip
    assert again.manifest.sessions == 1  # it was complete: nothing is computed twice


def test_the_example_of_the_page_prints_what_it_asks(tmp_path: Path, monkeypatch, capsys) -> None:
    page = Path(__file__).parents[2] / "docs" / "circuits.md"
    (block,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "docs/circuits.md", "exec"), {})
    assert capsys.readouterr().out.splitlines()[-1] == "True True"
