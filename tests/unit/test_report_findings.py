"""Pages and terminals about flow say what was found, and what could not be: ratios over nothing, tests not made."""

from types import SimpleNamespace

import pyarrow as pa
from rich.console import Console

from aetia.cli.seen import show_seen
from aetia.effects import Effects
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


def page_of(found, folder, monkeypatch):
    """The page of a run with these effects."""
    manifest = SimpleNamespace(study=STUDY, status="complete", system={}, notes=(), forecast={})
    run = SimpleNamespace(manifest=manifest, effects=lambda: found)
    monkeypatch.setattr("aetia.report.findings.open_run", lambda _: run)
    monkeypatch.setattr("aetia.report.findings.provenance", lambda _: ())
    monkeypatch.setattr("aetia.report.findings.study_json", lambda _: "")
    (folder / "items.jsonl").write_text("")
    return write_findings(folder, folder / "page.html").read_text(encoding="utf-8")


def shown_of(found):
    """What the terminal shows of these effects."""
    console = Console(record=True, width=100)
    voice = SimpleNamespace(show=console.print)
    assert show_seen(voice, SimpleNamespace(manifest=SimpleNamespace(study=STUDY)), found)
    return console.export_text()


def test_the_page_leaves_its_cell_empty(tmp_path, monkeypatch):
    page = page_of(effects(), tmp_path, monkeypatch)
    assert "<td>x</td><td></td><td></td><td>2</td>" in page
    assert "<td>y</td><td>0.5 share</td>" in page


def test_the_terminal_leaves_it_out():
    shown = shown_of(effects())
    assert "+0.5 share" in shown
    assert "x " not in shown.splitlines()[2]


def test_page_and_terminal_say_whether_kept_reads_suffice_and_what_is_not_shown(tmp_path, monkeypatch):
    held = {"above chance": "yes", "enough": "yes", "more than random": "yes", "suffices": "object->last@3"}
    found = Effects(effects().table, held)
    assert "Enough for the answer: object-&gt;last@3." in page_of(found, tmp_path, monkeypatch)
    assert "Enough for the answer: object->last@3." in shown_of(found)
    blind = Effects(effects().table, held | {"above chance": "no", "suffices": ""})
    for text in (page_of(blind, tmp_path, monkeypatch), shown_of(blind)):
        assert "No reads are shown to suffice" in text
        assert "the model is right more often than by other items" in " ".join(text.split())
        assert "they keep more than" not in text


def test_the_page_names_edges_that_could_not_be_compared(tmp_path, monkeypatch):
    assert "Not tested" not in page_of(effects(), tmp_path, monkeypatch)
    page = page_of(Effects(effects().table, {"not compared": "image->last"}), tmp_path, monkeypatch)
    assert "nor enough different answers: image-&gt;last." in page
