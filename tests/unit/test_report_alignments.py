"""Of an alignment only a tested accuracy above a half is spoken of, by map, with what random weights reach."""

from dataclasses import replace

import pyarrow as pa

from aetia.cli.summary import _said, _top
from aetia.effects import STATISTICS, Effects
from aetia.report import report_effects
from aetia.report.alignments import about_alignment
from aetia.report.rows import read_rows
from aetia.report.verdicts import families

SITE = {"site": "L1.resid_post@-1"}


def row(name, system, measure, estimate, low=None, high=None, q=None, *, null=None, unit="share"):
    return {
        "map": name,
        "system": system,
        "measure": measure,
        "estimate": estimate,
        "unit": unit,
        "low": low,
        "high": high,
        "level": 0.95,
        "n": 24,
        "null": null,
        "p": q,
        "q": q,
    }


def effects_of(*records):
    schema = pa.schema([*((name, pa.string()) for name in ("map", "system", "measure")), *STATISTICS])
    return Effects(pa.Table.from_pylist(list(records), schema=schema), SITE)


def of_map(name, real, randomised, q, null="randomised-weights:19"):
    """What a study says of one map, the excess last."""
    return [
        row(name, "real", "iia", real, real - 0.1, real + 0.01),
        row(name, "randomised", "iia", randomised, randomised - 0.1, randomised + 0.1),
        row(name, "real", "unpatched", 1.0, 1.0, 1.0),
        row(name, "difference", "iia", real - randomised, 0.1, 0.9),
        row(name, "real", "inverse error", 0.03, 0.02, 0.04, unit="relative"),
        row(name, "real", "excess", real - 0.5, real - 0.6, real - 0.49, q, null=null),
    ]


MIXED = effects_of(*of_map("identity", 0.98, 0.51, 0.05), *of_map("rotation", 0.23, 0.77, 0.6))


def texts(effects):
    return [one.text for one in about_alignment(read_rows(effects.to_arrow()), effects.provenance)]


def test_each_map_is_found_or_not_with_the_accuracy_that_random_weights_reach():
    found, not_found = texts(MIXED)
    assert found == (
        "The variable is read at L1.resid_post@-1 by the map identity: interchange accuracy 0.98 [0.88, 0.99] against "
        "0.51 on randomised networks (q = 0.05)."
    )
    assert not_found == (
        "The variable is not found at L1.resid_post@-1 by the map rotation: interchange accuracy 0.23 [0.13, 0.24] "
        "against 0.77 on randomised networks (q = 0.6)."
    )


def test_an_accuracy_below_chance_is_no_finding_even_where_an_older_run_says_that_it_passes():
    below = effects_of(*of_map("identity", 0.0, 0.4, 0.05))
    assert texts(below)[0].startswith("The variable is not found at L1.resid_post@-1 by the map identity")
    rows = read_rows(below.to_arrow())
    assert _top(rows) == []
    assert [family.passed for family in families(rows)] == [0]


def test_what_is_not_tested_is_no_finding():
    (text,) = texts(effects_of(*of_map("identity", 0.98, 0.51, None, null=None)))
    assert text.startswith("Whether the variable is read at L1.resid_post@-1 by the map identity was not tested")
    assert "which may be chance" in text


def test_only_what_is_tested_is_counted_listed_and_said(tmp_path):
    rows = read_rows(MIXED.to_arrow())
    assert [(family.method, family.cells, family.passed) for family in families(rows)] == [("excess", 2, 1)]
    assert [(one.address, one.method) for one in _top(rows)] == [("identity", "excess")]
    assert _said(MIXED) == texts(MIXED)
    page = report_effects(MIXED, tmp_path / "page.html").read_text()
    assert "<h1>Is the variable of these prompts read at L1.resid_post@-1 of the model?</h1>" in page
    for wrong in ("Intervening on", "moves the answer", "outcome</td>", "inverse error"):
        assert wrong not in page
    assert texts(MIXED)[0] in page
    assert "a one-sided sign test in each half" in page


def test_rows_name_their_map_and_the_network_that_it_was_fitted_on():
    found = [(one.component, one.method) for one in read_rows(MIXED.to_arrow())][:4]
    assert found == [
        ("identity", "iia"),
        ("identity (randomised)", "iia"),
        ("identity", "unpatched"),
        ("identity (difference)", "iia"),
    ]


def test_of_other_effects_nothing_is_said():
    rows = [replace(one, map=None, system=None) for one in read_rows(MIXED.to_arrow())]
    assert about_alignment(rows, SITE) == []
