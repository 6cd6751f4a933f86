"""Published adjustment sets, and the refusals of adjustment."""

import pytest

from aetia.errors import GraphError, NotIdentifiedError, QueryError
from aetia.scm.graphs.adjustment import (
    adjustment_sets,
    efficient_adjustment_set,
    forbidden_variables,
    is_adjustment_set,
    maximal_adjustment_set,
    minimal_adjustment_sets,
)
from aetia.scm.graphs.front_door import Instrument, front_door_sets, instruments, is_front_door_set, is_instrument
from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.notation import graph_from_text

M_BIAS = graph_from_text("D <-> Z; E -> D; E <-> Z")

# The graphs below are those of the examples of DAGitty (dagitty.net/dags.html), of the papers named.

# Shrier and Platt, Reducing bias through directed acyclic graphs, BMC Medical Research Methodology 2008.
SHRIER = graph_from_text("""
Coach -> {FitnessLevel, TeamMotivation}; ConnectiveTissueDisorder -> {NeuromuscularFatigue, TissueWeakness}
ContactSport -> {IntraGameProprioception, PreviousInjury}
FitnessLevel -> {NeuromuscularFatigue, PreGameProprioception}
Genetics -> {ConnectiveTissueDisorder, FitnessLevel, NeuromuscularFatigue}
IntraGameProprioception -> Injury; NeuromuscularFatigue -> {Injury, IntraGameProprioception}
PreGameProprioception -> WarmUpExercises; TeamMotivation -> {PreviousInjury, WarmUpExercises}
TissueWeakness -> Injury; WarmUpExercises -> IntraGameProprioception
""")

# Polzer et al., The association of tooth loss and mortality, Clinical Oral Investigations 2012.
POLZER = graph_from_text("""
Age -> {Alcohol, Caries, Diabetes, Hypertension, Lipids, Mortality, Obesity, Periodontitis, Psychosocial, Smoking}
Age -> {Sport, ToothLoss}
Alcohol -> {Diabetes, Hypertension, Lipids, Mortality, Obesity, Smoking, ToothLoss}; Caries -> ToothLoss
Diabetes -> {Hypertension, Lipids, Mortality, Periodontitis}; Hypertension -> Mortality; Lipids -> Mortality
Obesity -> {Diabetes, Hypertension, Lipids, Mortality, Periodontitis}; Periodontitis -> ToothLoss
Psychosocial -> {Alcohol, Caries, Diabetes, Hypertension, Lipids, Mortality, Obesity, Periodontitis, Smoking, Sport}
Psychosocial -> ToothLoss
Sex -> {Alcohol, Caries, Diabetes, Hypertension, Lipids, Mortality, Obesity, Periodontitis, Psychosocial, Smoking}
Sex -> {Sport, ToothLoss}
Smoking -> {Diabetes, Hypertension, Mortality, Obesity, Periodontitis, Sport, ToothLoss}
Sport -> {Diabetes, Hypertension, Lipids, Mortality, Obesity, Periodontitis}; ToothLoss -> Mortality
""")

# Sebastiani et al., Genetic dissection and prognostic modeling of overt stroke in sickle cell anemia, Nature
# Genetics 2005.
SEBASTIANI = graph_from_text("""
ANXA2.12 -> {ANXA2.11, ANXA2.13, ANXA2.5, ANXA2.7}; ANXA2.13 -> ANXA2.11; ANXA2.7 -> {ANXA2.11, ANXA2.5}
ANXA2.8 -> {ADCY9.8, ANXA2.13, BMP6, CAT, ECE1.12, EDN1.3, EDNI1.6}; BMP6 -> BMP6.10; BMP6.10 -> {BMP6.11, BMP6.13}
BMP6.11 -> BMP6.9; BMP6.13 -> {BMP6.12, BMP6.9}; BMP6.14 -> BMP6.12; CAT -> MET.5; CSF2.3 -> CSF2.4
ECE1.12 -> ECE1.13; ECE1.13 -> SELP.17; EDN1.10 -> EDNI1.7; EDN1.3 -> {ANXA2.12, EDNI1.7}
EDN1.9 -> {BMP6.14, EDN1.10, EDN1.3}; EDNI1.6 -> {EDN1.10, EDNI1.7}; MET.5 -> {MET.6, SELP.14, TGFBR3.7}
MET.6 -> SELP.12; SELP.17 -> SELP.22; TGFBR3.10 -> {TGFBR3.2, TGFBR3.9}; TGFBR3.2 -> TGFBR3.9
Stroke -> {ADCY9.8, BMP6.10, BMP6.11, BMP6.12, BMP6.13, CSF2.4, ECE1.12, ECE1.13, MET.5, MET.6, SELP.12, SELP.14}
Stroke -> {SELP.22, TGFBR3.10, TGFBR3.8}; TGFBR3.7 -> {CSF2.3, TGFBR3.10}; TGFBR3.8 -> {TGFBR3.2, TGFBR3.9}
""")


def sets(*names: str) -> set[frozenset[str]]:
    return {frozenset(one.split()) for one in names}


def test_m_bias_needs_no_adjustment_and_is_spoilt_by_any() -> None:
    assert set(adjustment_sets(M_BIAS, "E", "D")) == sets("")
    assert not is_adjustment_set(M_BIAS, "E", "D", ["Z"])
    # The same with the hidden causes drawn.
    drawn = graph_from_text("U -> {E, Z}; V -> {Z, D}; E -> D; U [latent]; V [latent]")
    assert set(adjustment_sets(drawn, "E", "D")) == sets("")
    seen = graph_from_text("U -> {E, Z}; V -> {Z, D}; E -> D")
    assert set(minimal_adjustment_sets(seen, "E", "D")) == sets("")
    assert efficient_adjustment_set(seen, "E", "D") == {"V"}


def test_shrier_warm_up_and_injury() -> None:
    assert set(minimal_adjustment_sets(SHRIER, "WarmUpExercises", "Injury")) == sets(
        "Coach FitnessLevel",
        "Coach PreGameProprioception",
        "ConnectiveTissueDisorder NeuromuscularFatigue",
        "FitnessLevel Genetics",
        "FitnessLevel TeamMotivation",
        "NeuromuscularFatigue TissueWeakness",
        "PreGameProprioception TeamMotivation",
    )
    # The causal path meets ContactSport and NeuromuscularFatigue on its way: both make the estimate sharper.
    expected = {"ContactSport", "NeuromuscularFatigue", "TissueWeakness"}
    assert efficient_adjustment_set(SHRIER, "WarmUpExercises", "Injury") == expected
    largest = maximal_adjustment_set(SHRIER, "WarmUpExercises", "Injury")
    assert largest == set(SHRIER.nodes) - {"WarmUpExercises", "Injury", "IntraGameProprioception"}


def test_polzer_tooth_loss_and_mortality() -> None:
    assert set(minimal_adjustment_sets(POLZER, "ToothLoss", "Mortality")) == sets(
        "Age Alcohol Diabetes Obesity Psychosocial Sex Smoking Sport",
        "Age Alcohol Periodontitis Psychosocial Sex Smoking",
    )


def test_sebastiani_two_variants_of_endothelin() -> None:
    expected = sets("ANXA2.8 EDN1.9", "EDN1.10 EDNI1.6", "EDN1.9 EDNI1.6")
    assert set(minimal_adjustment_sets(SEBASTIANI, "EDN1.3", "EDNI1.7")) == expected
    assert efficient_adjustment_set(SEBASTIANI, "EDN1.3", "EDNI1.7") == {"EDN1.10", "EDNI1.6"}


def test_the_complete_criterion_admits_effects_of_the_treatment_off_the_causal_paths() -> None:
    graph = graph_from_text("X -> Y; X -> W; Z -> {X, Y}")
    assert not is_adjustment_set(graph, "X", "Y", ["Z", "W"])
    assert is_adjustment_set(graph, "X", "Y", ["Z", "W"], criterion="adjustment")
    assert set(adjustment_sets(graph, "X", "Y", criterion="adjustment")) == sets("Z", "Z W")
    assert forbidden_variables(graph, "X", "Y") == {"X", "Y"}


def test_several_treatments_are_adjusted_for_together() -> None:
    # L is an effect of A and confounds B: no set serves both, though a plan over time would.
    graph = graph_from_text("A -> B -> Y; A -> Y; L -> {B, Y}; A -> L")
    assert not list(adjustment_sets(graph, ["A", "B"], "Y"))
    assert not list(adjustment_sets(graph, ["A", "B"], "Y", criterion="adjustment"))
    still = graph_from_text("A -> B -> Y; A -> Y; L -> {B, Y}")
    assert set(minimal_adjustment_sets(still, ["A", "B"], "Y")) == sets("L")


def test_front_doors_of_the_smoking_example() -> None:
    graph = graph_from_text("Smoking -> Tar -> Cancer; Smoking <-> Cancer")
    assert set(front_door_sets(graph, "Smoking", "Cancer")) == sets("Tar")
    assert not list(adjustment_sets(graph, "Smoking", "Cancer"))
    bridge = graph_from_text("Smoking -> Tar -> Cancer; Smoking <-> Cancer; Smoking <-> Tar")
    assert not list(front_door_sets(bridge, "Smoking", "Cancer"))
    hidden = graph_from_text("Smoking -> Tar -> Cancer; Smoking <-> Cancer; Tar [latent]")
    assert not is_front_door_set(hidden, "Smoking", "Cancer", ["Tar"])


def test_a_confounder_of_the_mediator_can_complete_a_front_door() -> None:
    graph = graph_from_text("X -> M -> Y; X <-> Y; W -> {M, Y}")
    assert set(front_door_sets(graph, "X", "Y")) == sets("M W")


def test_instruments_of_textbook_graphs() -> None:
    graph = graph_from_text("Z -> X -> Y; X <-> Y")
    assert list(instruments(graph, "X", "Y")) == [Instrument("Z")]
    conditional = graph_from_text("W -> {Z, Y}; Z -> X -> Y; X <-> Y")
    assert list(map(str, instruments(conditional, "X", "Y"))) == ["Z | W"]
    assert not is_instrument(conditional, Instrument("Z"), "X", "Y")
    direct = graph_from_text("Z -> {X, Y}; X -> Y; X <-> Y")
    assert not list(instruments(direct, "X", "Y"))
    # A proxy of the instrument will do; what only moves the outcome will not.
    proxy = graph_from_text("Z -> X -> Y; Z -> P; X <-> Y; N -> Y")
    assert {one.variable for one in instruments(proxy, "X", "Y")} == {"Z", "P"}


def test_what_cannot_be_asked_is_refused_by_name() -> None:
    bow = Graph.of([("X", "Y")], [("X", "Y")])
    with pytest.raises(NotIdentifiedError, match="X to Y") as refused:
        maximal_adjustment_set(bow, "X", "Y")
    assert refused.value.code == "AE-7431"
    with pytest.raises(NotIdentifiedError, match="X to Y"):
        efficient_adjustment_set(bow, "X", "Y")
    trace = graph_from_text("X -> Y; W <-> Y")
    with pytest.raises(NotIdentifiedError, match="W") as refused:
        efficient_adjustment_set(trace, "X", "Y")
    assert refused.value.code == "AE-7432"
    with pytest.raises(QueryError) as no_effect:
        efficient_adjustment_set(Graph.of([("Y", "X")]), "X", "Y")
    assert no_effect.value.code == "AE-7361"
    for treatment, outcome in (("X", "X"), ((), "Y"), ("X", ())):
        with pytest.raises(QueryError) as same:
            is_adjustment_set(bow, treatment, outcome)
        assert same.value.code == "AE-7360"
    with pytest.raises(QueryError, match="U is hidden"):
        is_adjustment_set(graph_from_text("U -> Y; U [latent]"), "U", "Y")
    with pytest.raises(GraphError) as open_edge:
        is_adjustment_set(graph_from_text("X -- Y"), "X", "Y")
    assert open_edge.value.code == "AE-7105"
    with pytest.raises(GraphError) as unknown:
        is_adjustment_set(bow, "X", "Y", ["Q"])
    assert unknown.value.code == "AE-7104"
