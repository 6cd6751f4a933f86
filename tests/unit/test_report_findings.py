"""A ratio that is none has an empty place on the page and in the terminal, and breaks neither."""

from types import SimpleNamespace

import pyarrow as pa
from rich.console import Console

from aetia.cli.seen import show_seen
from aetia.flow.ratios import ratio_effects
from aetia.report.findings import write_findings

STUDY = {"instrument": "mediation", "model": "toy", "level": 0.95}


def effects():
    """Of two measures, one over nothing."""
    names = ["x", "x", "y", "y"]
    columns = {"item": ["a", "b"] * 2, "measure": names, "value": [1.0] * 4, "below": [0.0, 0.0, 2.0, 2.0]}
    return ratio_effects(pa.table(columns), ("measure",), unit="share")


def test_a_ratio_over_nothing_is_no_number():
    assert effects().table["estimate"].to_pylist() == [None, 0.5]


def test_the_page_leaves_its_cell_empty(tmp_path, monkeypatch):
    manifest = SimpleNamespace(study=STUDY, status="complete", system={}, notes=(), forecast={})
    run = SimpleNamespace(manifest=manifest, effects=effects)
    monkeypatch.setattr("aetia.report.findings.open_run", lambda _: run)
    monkeypatch.setattr("aetia.report.findings.provenance", lambda _: ())
    monkeypatch.setattr("aetia.report.findings.study_json", lambda _: "")
    (tmp_path / "items.jsonl").write_text("")
    page = write_findings(tmp_path, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<td>x</td><td></td><td></td><td>2</td>" in page
    assert "<td>y</td><td>0.5 share</td>" in page


def test_the_terminal_leaves_it_out():
    console = Console(record=True, width=100)
    voice = SimpleNamespace(show=console.print)
    assert show_seen(voice, SimpleNamespace(manifest=SimpleNamespace(study=STUDY)), effects())
    shown = console.export_text()
    assert "+0.5 share" in shown
    assert "x " not in shown.splitlines()[2]
