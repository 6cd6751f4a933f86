"""Does the report show a circuit as it was found: drawn, judged, and written beside the page?"""

import json
import re

import pytest

from aetia.circuits.found import circuit_of
from aetia.circuits.graph import Circuit
from aetia.circuits.instrument import Circuits
from aetia.circuits.study import CircuitStudy
from aetia.effects import Effects
from aetia.report.circuits import about_circuit, circuit_section
from aetia.report.evidence import of_effects
from aetia.report.page import render, report_effects
from aetia.report.rows import read_rows
from aetia.truth import truth_system


def study(**fields):
    return CircuitStudy.model_validate({"instrument": "circuit", "contrasts": "capitals", "subsets": 1, **fields})


@pytest.fixture(scope="module")
def system():
    return truth_system("name-mover")


@pytest.fixture(scope="module")
def nodes(system):
    return Circuits().run_on(study(method="patching"), system.network, system.draw(20))


@pytest.fixture(scope="module")
def edges(system):
    asked = study(method="patching", granularity="edges", null="none")
    return Circuits().run_on(asked, system.network, system.draw(6))


def section_of(effects):
    section = circuit_section(of_effects(effects))
    assert section is not None
    return section


def test_the_page_of_nodes_draws_what_passes_and_links_them_to_first_order(nodes):
    section = section_of(nodes)
    passing = set(circuit_of(nodes).nodes) - {"logits"}
    assert section.reading.startswith(f"{len(passing)} of 16 nodes pass")
    drawn = set(re.findall(r"<title>(L\d+\.\w+|embed)</title>", section.drawing))
    assert drawn <= passing | {"logits"}
    assert len(drawn) > 2
    assert "first-order estimate" in section.reading


def test_the_page_says_how_good_the_circuit_is_and_what_no_circuit_at_all_has(nodes):
    section = section_of(nodes)
    values = {one.name: one.value for one in section.measures}
    assert (values["CPR of no circuit"], values["CMD of no circuit"]) == ("0.250", "0.749")
    assert float(values["CPR"]) > 0.25
    said = " ".join(one.text for one in about_circuit(read_rows(nodes.to_arrow())))
    assert "where no circuit has 0.25" in said
    assert "On 10 items that it was not chosen on" in said
    assert section.curve.count('class="tick"') == 10
    assert {row.sender for row in section.parts} <= set(circuit_of(nodes, keep="all").nodes)


def test_edges_that_nobody_tested_are_drawn_as_such_and_written_beside_the_page(edges, tmp_path):
    page = report_effects(edges, tmp_path / "report.html").read_text()
    assert "none was tested" in page
    assert page.count('<svg xmlns="http://www.w3.org/2000/svg" class="circuit"') == 1
    written = Circuit.from_json((tmp_path / "circuit.json").read_text())
    strongest = circuit_of(edges, keep=100)
    assert (written.graph, set(written.edges)) == (strongest.graph, set(strongest.edges))
    assert (tmp_path / "figures" / "circuit.svg").read_text().startswith("<svg")
    assert 'href="circuit.json"' in page


def test_a_page_of_another_instrument_has_no_circuit(edges):
    other = Effects(edges.table, {})
    assert circuit_section(of_effects(other)) is None
    assert 'id="circuit"' not in render(of_effects(other))


@pytest.mark.parametrize(
    "shape", ["", "[]", '{"layers": 1}', '{"layers":1,"heads":1,"key_value_heads":1,"is_parallel":0}']
)
def test_a_graph_that_does_not_go_with_its_rows_is_said_and_the_rest_is_shown(edges, shape):
    changed = Effects(edges.table, {**edges.provenance, "graph": shape})
    section = section_of(changed)
    assert (section.drawing, section.reading.startswith("The graph cannot be drawn.")) == ("", True)
    assert section.measures


def test_names_from_a_file_cannot_become_markup(nodes):
    table = nodes.table.to_pylist()
    hostile = [
        {**row, "sender": "<script>alert(1)</script>"} if row["method"] == "minimality" else row for row in table
    ]
    changed = Effects(type(nodes.table).from_pylist(hostile, nodes.table.schema), nodes.provenance)
    assert "<script>alert" not in render(of_effects(changed))


def test_the_written_circuit_is_plain_json(edges, tmp_path):
    report_effects(edges, tmp_path / "report.html")
    content = json.loads((tmp_path / "circuit.json").read_text())
    assert set(content) == {"format", "graph", "nodes", "edges"}
    assert all(len(edge) == 3 for edge in content["edges"])
