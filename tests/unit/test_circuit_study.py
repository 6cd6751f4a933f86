"""Does the instrument `circuit` find, test and judge the circuits of systems that are known?"""

import json

import numpy as np
import pyarrow.compute as pc
import pytest
from circuit_fixtures import random_items
from pydantic import ValidationError
from tiny_models import tiny_network

from aetia.circuits.choosing import choose, ranked
from aetia.circuits.execution import prepare
from aetia.circuits.found import METRICS, between, circuit_of
from aetia.circuits.graph import Circuit, Graph
from aetia.circuits.instrument import Circuits
from aetia.circuits.judging import judge, left_out, shares
from aetia.circuits.metrics import cmd, faithfulness
from aetia.circuits.scoring import PreparedItems, Scorer
from aetia.circuits.study import CircuitStudy
from aetia.circuits.values import CircuitValues
from aetia.effects import Effects
from aetia.errors import StudyError
from aetia.studies import Null
from aetia.studies.words import relabelled
from aetia.truth import null_system, truth_system

QUIET = {"contrasts": "capitals", "null": "none", "fractions": ()}


def study(**fields):
    return CircuitStudy.model_validate({"instrument": "circuit", "contrasts": "capitals", **fields})


@pytest.fixture(scope="module")
def system():
    return truth_system("name-mover")


@pytest.fixture(scope="module")
def items(system):
    return system.draw(20)


def rows(effects, **wanted):
    return [row for row in effects.table.to_pylist() if all(row[name] == value for name, value in wanted.items())]


# --- known circuits


@pytest.mark.parametrize("method", ["patching", "cd-t"])
def test_nodes_that_pass_are_true_ones_and_relabelling_costs_no_further_run(system, items, method):
    effects = Circuits().run_on(study(method=method, fractions=()), system.network, items)
    passing = set(circuit_of(effects).nodes) - {"logits"}
    assert passing <= system.nodes
    assert len(passing) >= len(system.nodes) - 2
    assert Circuits().reads_labels(study(method=method))
    assert rows(effects, method=method)[0]["null"] == "label-permutation:39"


@pytest.mark.parametrize("method", ["eap", "eap-ig-inputs", "patching", "cd-t"])
def test_each_relabelling_measures_the_edges_that_it_has_chosen_itself(method):
    """Read off the same runs, draws are what runs of their own give: they choose other edges than the real labels."""
    system = null_system("llama", 1)
    network, items = system.network, system.draw(8)
    asked = study(method=method, granularity="edges", candidates=10, fractions=())
    together = Circuits().compute_labels(asked, network, items, 3)(range(8)).filter(pc.field("method") == method)
    chosen = set()
    for draw in range(3):
        alone = Circuits().compute_draw(asked, network, items, Null("label-permutation", 3), draw)(range(8))
        found = together.filter(pc.field("draw") == draw)
        expected = alone.filter(pc.field("method") == method)
        assert found.drop_columns(["draw", "value"]).equals(expected.drop_columns(["draw", "value"]))
        np.testing.assert_allclose(found["value"].to_numpy(), expected["value"].to_numpy(), atol=1e-5)
        chosen.add(tuple(zip(found["sender"].to_pylist(), found["receiver"].to_pylist(), strict=True)))
    assert len(chosen) == 3


@pytest.mark.parametrize("fields", [{"method": "acdc", "threshold": 0.05}, {"method": "path-intervention"}])
def test_searches_on_relabelled_items_share_the_runs_of_their_prompts_and_nothing_else(fields):
    system = null_system("gpt2", 1)
    network, items = system.network, system.draw(6)
    asked, null = study(fractions=(), **fields), Null("label-permutation", 3)
    opened = Circuits().opener(asked, network, items, null)
    assert opened(None)(range(6)).equals(Circuits().compute(asked, network, items)(range(6)))
    for draw in (0, 2):
        assert opened(draw)(range(6)).equals(Circuits().compute_draw(asked, network, items, null, draw)(range(6)))


def test_relabelled_scores_are_those_of_relabelled_items(system, items):
    """What one run reads for all labels is what a run on the relabelled items gives."""
    for method in ("patching", "cd-t"):
        asked = study(method=method, fractions=())
        together = CircuitValues(asked, system.network, items, labels=3).compute([0, 5])
        for draw in range(3):
            other = relabelled(items, 3, asked.seed)[draw]
            alone = CircuitValues(asked, system.network, other, is_draw=True).compute([0, 5])
            of_draw = together.filter((pc.field("draw") == draw) & (pc.field("method") == method))
            expected = alone.filter(pc.field("method") == method)
            assert of_draw["sender"].to_pylist() == expected["sender"].to_pylist()
            np.testing.assert_allclose(of_draw["value"].to_numpy(), expected["value"].to_numpy(), atol=1e-4)


def test_exact_edges_are_the_true_effects(system, items):
    effects = Circuits().run_on(study(**QUIET, method="patching", granularity="edges"), system.network, items[:4])
    found = {(row["sender"], row["receiver"]): row["estimate"] for row in rows(effects, method="patching")}
    true = system.edge_effects(items[:4], "noise")
    assert set(found) == set(true)
    for edge, values in true.items():
        assert found[edge] == pytest.approx(-np.mean(values), abs=1e-3), edge


@pytest.mark.parametrize(
    "fields", [{"method": "acdc", "threshold": 0.2}, {"method": "path-intervention", "threshold": 0.2}]
)
def test_a_search_finds_true_edges_and_measures_them_on_items_it_has_not_seen(system, items, fields):
    asked = study(**{**QUIET, **fields})
    effects = Circuits().run_on(asked, system.network, items)
    found = rows(effects, method=asked.method)
    assert {(row["sender"], row["receiver"]) for row in found} <= system.edges
    assert len(found) >= 4
    assert {row["n"] for row in found} == {len(items) // 2}
    assert circuit_of(effects).scores == tuple(
        row["estimate"]
        for row in sorted(found, key=lambda row: circuit_of(effects).graph.edge_index(row["sender"], row["receiver"]))
    )


def test_candidates_are_chosen_on_the_search_items_anew_in_every_draw():
    system = null_system("llama", 1)
    items = system.draw(20)
    asked = study(method="eap", granularity="edges", candidates=20, null="label-permutation:19", fractions=())
    effects = Circuits().run_on(asked, system.network, items)
    found = rows(effects, method="eap")
    assert len(found) == 20
    assert {row["n"] for row in found} == {10}
    values = CircuitValues(asked, system.network, items)
    choices = [choose(Scorer(asked, system.network, items), values.searched).chosen.tolist()]
    choices += [
        choose(Scorer(asked, system.network, draw), values.searched).chosen.tolist()
        for draw in relabelled(items, 2, asked.seed)
    ]
    assert len({tuple(choice) for choice in choices}) == 3


# --- judging


@pytest.fixture(scope="module")
def tiny():
    network = tiny_network("llama")
    return network, random_items(6)


def test_shares_are_the_ratio_of_means_without_spread_where_there_is_none(tiny):
    network, contrasts = tiny
    prepared = [prepare(network, item) for item in contrasts]
    graph = Graph.of(network)
    some = Circuit.of_nodes(graph, ["embed", "L0.h0", "L0.mlp"])
    found = shares(network, prepared, [Circuit.full(graph), Circuit(graph, ()), some], 2**28)
    np.testing.assert_allclose(found[:, 0], 1.0, atol=1e-5)
    np.testing.assert_allclose(found[:, 1], 0.0, atol=1e-5)
    np.testing.assert_allclose(found[:, 2].mean(), faithfulness(network, prepared, [some])[:, 0].mean(), rtol=1e-5)


def test_the_mean_of_the_distances_is_the_distance_of_the_mean_curve(tiny):
    network, contrasts = tiny
    asked = study(fractions=(0.1, 0.5, 1.0), subsets=0)
    scorer = Scorer(asked, network, contrasts)
    choice = choose(scorer, (0, 1, 2))
    judged = list(judge(asked, network, choice, scorer.prepared.of((3, 4, 5))))
    curve = [one.values.mean() for one in judged if (one.method, one.component) == ("faithfulness", "by size")]
    distance = next(one for one in judged if (one.method, one.component) == ("cmd", "circuit"))
    assert distance.values.mean() == pytest.approx(cmd(np.array(curve), asked.fractions))
    nothing = next(one for one in judged if (one.method, one.component) == ("cpr", "no circuit"))
    assert set(nothing.values) == {0.25}


def test_without_the_circuit_the_input_stays(tiny):
    graph = Graph.of(tiny[0])
    rest = left_out(Circuit.full(graph))
    assert {sender for sender, _ in rest.names} == {"embed"}


def test_no_circuit_at_all_has_the_published_areas(system, items):
    effects = Circuits().run_on(study(null="none", method="patching", subsets=1), system.network, items)
    assert rows(effects, method="cpr", component="no circuit")[0]["estimate"] == pytest.approx(0.25, abs=1e-3)
    assert rows(effects, method="cmd", component="no circuit")[0]["estimate"] == pytest.approx(0.749, abs=1e-3)
    whole = rows(effects, method="faithfulness", component="by score", fraction=1.0)[0]
    assert (whole["estimate"], whole["low"], whole["high"]) == pytest.approx((1.0, 1.0, 1.0), abs=1e-6)
    assert {row["n"] for row in effects.table.to_pylist() if row["method"] in METRICS} == {10}
    assert {row["q"] for row in effects.table.to_pylist() if row["method"] in METRICS} == {None}


def test_the_largest_share_by_score_and_by_size(tiny):
    graph = Graph.of(tiny[0])
    ranking = np.zeros(len(graph.senders))
    ranking[0], ranking[1], ranking[2] = 1.0, -2.0, 0.5
    asked = study()
    share = 2 / len(ranking)
    assert set(ranked(asked, graph, ranking, share).mask.nonzero()[0]) == set(
        Circuit.of_nodes(graph, [graph.senders[0], graph.senders[2]]).edges
    )
    by_size = ranked(asked, graph, ranking, share, absolute=True)
    assert set(by_size.edges) == set(Circuit.of_nodes(graph, [graph.senders[0], graph.senders[1]]).edges)


# --- memory, shape, errors


def test_items_are_kept_only_as_far_as_memory_lasts(tiny):
    network, contrasts = tiny
    little, much = (PreparedItems(network, contrasts, study(memory=size), contrasts) for size in ("1KB", "1GB"))
    assert little[0] is not little[0]
    assert much[0] is much[0]
    assert much.of((1, 0))[1] is much[0]


def test_a_plan_counts_what_it_measures_and_spreads_the_judging(tiny):
    network, contrasts = tiny
    graph = Graph.of(network)
    instrument = Circuits()
    assert instrument.forecast(study(null="none"), network, contrasts).cells == len(graph.senders)
    edges = instrument.forecast(study(null="none", granularity="edges", candidates=7), network, contrasts)
    assert edges.cells == 7
    alone = instrument.forecast(study(null="none"), network, contrasts).flops
    tested = instrument.forecast(study(null="randomised-weights:19"), network, contrasts).flops
    assert tested < alone


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"method": "acdc"}, "threshold"),
        ({"method": "acdc", "threshold": 1, "granularity": "nodes"}, "finds edges"),
        ({"method": "eap", "outcome": "kl"}, "gradient"),
        ({"method": "eap-ig-inputs", "outcome": "accuracy"}, "gradient"),
        ({"method": "cd-t", "outcome": "kl"}, "splits logits"),
        ({"method": "path-intervention", "reference": "zero"}, "restores"),
        ({"fractions": [0.5]}, "two or more"),
        ({"fractions": [0.5, 0.1]}, "increasing"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(fields, said):
    with pytest.raises(ValidationError, match=said):
        study(**fields)


def test_items_that_a_method_cannot_use_are_named_before_anything_runs(tiny):
    network, contrasts = tiny
    with pytest.raises(StudyError) as caught:
        Circuits().forecast(study(), network, contrasts[:1])
    assert caught.value.code == "AE-1361"
    mixed = [*contrasts, *random_items(1, length=9)]
    with pytest.raises(StudyError) as caught:
        Circuits().forecast(study(reference="mean"), network, mixed)
    assert caught.value.code == "AE-1305"


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({}, 5),
        ({"outcome": "kl"}, 4),
        ({"reference": "mean"}, 2),
        ({"reference": "zero", "outcome": "kl"}, 1),
    ],
)
def test_nulls_are_those_that_the_outcome_and_the_reference_allow(fields, known):
    assert len(Circuits().nulls(study(**fields))) == known


def test_the_circuit_of_a_table_is_what_passes_or_as_many_as_are_asked(system, items):
    asked = study(**QUIET, method="patching", granularity="edges")
    effects = Circuits().run_on(asked, system.network, items[:4])
    assert len(circuit_of(effects).edges) == circuit_of(effects).graph.edges  # nothing was tested: all of it
    assert circuit_of(effects).graph == Graph.of(system.network)
    few = circuit_of(effects, keep=3)
    sizes = sorted((abs(row["estimate"]) for row in rows(effects, method="patching")), reverse=True)
    assert sorted((abs(score) for score in few.scores), reverse=True) == pytest.approx(sizes[:3])
    assert Circuit.from_json(few.to_json()) == few


def test_a_circuit_of_nodes_is_every_edge_between_them():
    graph = Graph(2, 2, 1)
    found = between(graph, ["embed", "L1.h0"])
    assert set(found.names) == {
        ("embed", "L1.h0.q"),
        ("embed", "L1.h0.k"),
        ("embed", "L1.h0.v"),
        ("embed", "logits"),
        ("L1.h0", "logits"),
    }


def test_a_table_of_another_instrument_shows_no_circuit(system, items):
    effects = Circuits().run_on(study(**QUIET, method="patching"), system.network, items[:2])
    for provenance in ({}, {"graph": "{}"}, {"graph": json.dumps({"layers": "x"})}):
        with pytest.raises(StudyError) as caught:
            circuit_of(Effects(effects.table, provenance))
        assert caught.value.code == "AE-1360"


def test_no_fractions_are_written_as_none_on_the_command_line():
    from aetia.cli.question import study_asked

    asked = study_asked("circuit", None, {"contrasts": "capitals"}, ["fractions=none"])
    assert asked.record()["fractions"] == []
