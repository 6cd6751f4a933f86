"""Is each null what its name says, and does one that could never pass say so before anything runs?"""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from tiny_models import tiny_network

from aetia.contrasts import AlignedContrast
from aetia.errors import StudyError
from aetia.models import load
from aetia.models.interventions import Set
from aetia.models.recording import record
from aetia.studies import Null, drawn, items_of, null_of
from aetia.studies.nulls import SYSTEM_NULLS
from aetia.studies.words import relabelled
from aetia.tracing import TraceStudy
from aetia.tracing.cells import Runs, cells_for
from aetia.tracing.compute import Tracer
from aetia.tracing.instrument import Trace
from aetia.truth import truth_system


def item(number: int) -> AlignedContrast:
    clean, corrupted = (number, 20, 21, 22), (number + 40, 20, 21, 22)
    texts = tuple("abcd")
    labels = (60 + number,), (80 - number,)
    return AlignedContrast(f"i{number}", "", "", "", "", clean, corrupted, texts, texts, *labels, {"last": (3, 4)})


ITEMS = tuple(item(number) for number in range(3, 10))
STUDY = TraceStudy(contrasts="capitals", sites=("resid_pre", "z"))


def asked(null: str, items: int = 24, **fields) -> Null | None:
    contrasts = [item(number) for number in range(items)]
    return null_of(STUDY.model_copy(update={"null": null, **fields}), contrasts, SYSTEM_NULLS, comparisons=720)


def test_auto_takes_labels_where_they_can_pass_and_otherwise_none():
    assert asked("auto") == Null("label-permutation", 39)
    assert asked("auto", 20) == Null("label-permutation", 39)
    assert asked("auto", 19) is None
    assert asked("label-permutation", 3) == Null("label-permutation", 35)  # three answers and three foils
    for words, draws in ((1, None), (2, None), (3, None), (4, 23), (5, 39)):
        few = [replace(item(n), answer_ids=(n % words,), foil_ids=((n + 1) % words,)) for n in range(24)]
        expected = None if draws is None else Null("label-permutation", draws)
        assert null_of(STUDY, few, SYSTEM_NULLS, comparisons=720) == expected
    one_cluster = [replace(item(number), cluster="a") for number in range(24)]
    assert null_of(STUDY, one_cluster, SYSTEM_NULLS, comparisons=720) is None
    assert asked("auto", correction="holm") is None  # 14,399 draws of 720 places
    assert asked("none") is None
    assert asked("randomised-weights") == Null("randomised-weights", 19)
    assert asked("label-permutation") == Null("label-permutation", 39)
    assert asked("label-permutation:99") == Null("label-permutation", 99)
    assert asked("auto", 300, level=0.995) == Null("label-permutation", 199)


@pytest.mark.parametrize(
    ("null", "fields", "code", "mend"),
    [
        ("randomized-weight", {}, "AE-1601", "label-permutation"),
        ("random-subspace", {}, "AE-1601", "supports"),
        ("permuted-pairs:x", {}, "AE-1601", "permuted-pairs:19"),
        ("permuted-pairs:0", {}, "AE-1601", "permuted-pairs:19"),
        ("label-permutation", {"items": 2}, "AE-1602", "randomised-weights:19"),
        ("randomised-weights:10", {}, "AE-1108", "19"),
        ("randomised-weights:99", {"correction": "holm"}, "AE-1108", "14399"),
    ],
)
def test_a_null_that_cannot_be_or_cannot_pass_is_one_clear_error(null, fields, code, mend):
    with pytest.raises(StudyError) as caught:
        asked(null, **fields)
    assert caught.value.code == code
    assert mend in str(caught.value)


def test_permuted_pairs_leave_nobody_their_own_prompt_and_keep_the_rest():
    _, items = drawn(Null("permuted-pairs", 19), 3, STUDY, tiny_network("llama"), ITEMS)
    _, again = drawn(Null("permuted-pairs", 19), 3, STUDY, tiny_network("llama"), ITEMS)
    assert items == again
    assert sorted(one.clean_ids for one in items) == sorted(one.clean_ids for one in ITEMS)
    for new, old in zip(items, ITEMS, strict=True):
        assert new.clean_ids != old.clean_ids
        assert (new.corrupted_ids, new.answer_ids, new.id) == (old.corrupted_ids, old.answer_ids, old.id)


def test_what_the_items_do_not_allow_is_said():
    network = tiny_network("llama")  # it has no tokenizer, and these items have no rewordings
    for null, part in (("unrelated-contrast", "tokenizer"), ("paraphrase-placebo", "rewordings")):
        with pytest.raises(StudyError, match=part) as caught:
            drawn(Null(null, 19), 0, STUDY, network, ITEMS)
        assert caught.value.code == "AE-1603"
    with pytest.raises(StudyError, match="Only 5 items"):
        drawn(Null("permuted-pairs", 19), 0, STUDY, network, ITEMS[:5])
    alike = [replace(one, answer_ids=(5,), foil_ids=(6 + n,)) for n, one in enumerate(ITEMS)]
    with pytest.raises(StudyError, match="too much alike"):
        drawn(Null("permuted-pairs", 19), 0, STUDY, network, alike)


def test_partners_have_other_answers_even_where_few_permutations_do():
    """Half of the items share an answer: everyone of that half has to meet the other half."""
    halves = tuple(
        replace(one, answer_ids=(5 + n % 2,)) for n, one in enumerate(item(number) for number in range(3, 11))
    )
    for draw in range(19):
        _, items = drawn(Null("permuted-pairs", 19), draw, STUDY, tiny_network("llama"), halves)
        by_prompt = {one.clean_ids: one.answer_ids for one in halves}
        assert all(by_prompt[one.clean_ids] != one.answer_ids for one in items)


def test_a_rewording_takes_the_clean_prompts_place():
    placebos = tuple((n, 30, 31, 32) for n in range(40, 52))
    reworded = tuple(replace(one, placebo_ids=placebos) for one in ITEMS)
    _, items = drawn(Null("paraphrase-placebo", 19), 2, STUDY, tiny_network("llama"), reworded)
    assert all(one.clean_ids in placebos for one in items)
    assert len({one.clean_ids for one in items}) > 1


def test_draws_that_lost_items_are_left_out_of_the_test():
    """A draw with one item left has no statistic: counted as if it had found nothing, everything would pass."""
    items = tuple(item(number) for number in range(3, 27))
    study = TraceStudy(contrasts="given", sites=("mlp_out",), positions="joint", null="permuted-pairs:19")
    instrument, network = Trace(), tiny_network("llama")
    values = [instrument.compute(study, network, items)(range(24)).filter(pc.field("draw").is_null())]
    for draw in range(19):
        table = instrument.compute_draw(study, network, items, Null("permuted-pairs", 19), draw)(range(24))
        column = pa.repeat(pa.scalar(draw, pa.int32()), table.num_rows)
        values.append(table.set_column(table.schema.get_field_index("draw"), "draw", column))
    whole = pa.concat_tables(values)
    some = pa.concat_tables([*values[:18], *(table.filter(pc.field("item") == "i3") for table in values[18:])])
    assert instrument.summarise(study, whole).where(method="patch").to_arrow()["null"][0].as_py() == "permuted-pairs:19"
    assert instrument.summarise(study, some).where(method="patch").to_arrow()["null"][0].as_py() == "permuted-pairs:17"


@pytest.mark.model
def test_unrelated_prompts_are_text_without_special_tokens_inside():
    network = load("smollm2-135m")
    study = TraceStudy(contrasts="capitals", items=24, null="unrelated-contrast:19")
    items = items_of(study, network).items
    _, first = drawn(Null("unrelated-contrast", 19), 0, study, network, items)
    _, second = drawn(Null("unrelated-contrast", 19), 1, study, network, items)
    assert [one.clean_ids for one in first] != [one.clean_ids for one in second]
    assert network.tokenizer is not None
    special = set(network.tokenizer.all_special_ids)
    for one, old in zip(first, items, strict=True):
        assert one.length == old.length
        assert one.clean_ids[0] == old.clean_ids[0]
        assert not special & set(one.clean_ids[1:])
        assert one.clean_tokens != old.clean_tokens


@pytest.mark.parametrize("outcome", ["logit_difference", "log_probability", "probability", "accuracy"])
@pytest.mark.parametrize("method", ["patch", "zero", "path", "knockout"])
def test_labels_read_together_are_runs_with_exchanged_labels(method, outcome):
    study = STUDY.model_copy(update={"method": method, "outcome": outcome})
    network = tiny_network("llama")
    together = Tracer(study, network, ITEMS, labels=3).compute(range(len(ITEMS))).to_pylist()
    for draw in (None, 0, 2):
        items = ITEMS if draw is None else relabelled(ITEMS, 3, STUDY.seed)[draw]
        alone = Tracer(study, network, items).compute(range(len(ITEMS))).to_pylist()
        alone = [row for row in alone if draw is None or row["method"] != "baseline"]
        found = [row for row in together if row["draw"] == draw]
        place = ("item", "method", "component", "layer", "head", "position")
        assert [[row[name] for name in place] for row in found] == [[row[name] for name in place] for row in alone]
        assert [row["value"] for row in found] == pytest.approx([row["value"] for row in alone], abs=1e-4)


def test_a_random_direction_changes_as_much_and_not_the_same():
    network = tiny_network("llama")
    wanted = [("z", layer) for layer in range(3)]
    base, source = (record(network, ids, wanted) for ids in (ITEMS[0].corrupted_ids, ITEMS[0].clean_ids))
    runs = Runs(base, source, None, {}, 4)
    _, cells = cells_for(STUDY, network, runs)
    _, turned = cells_for(STUDY, network, runs, direction=5)
    sizes = []
    for cell, other in zip(cells, turned, strict=True):
        for i, j in zip(cell.interventions, other.interventions, strict=True):
            assert i.site == j.site
            assert isinstance(i.operation, Set)
            assert isinstance(j.operation, Set)
            here = base.at(i.site, i.site.positions(4))
            change, drawn_change = i.operation.value - here, j.operation.value - here
            assert torch.allclose(change.norm(), drawn_change.norm(), rtol=1e-4, atol=1e-6)
            if change.norm() > 1e-3:
                sizes.append(float(torch.cosine_similarity(change.flatten(), drawn_change.flatten(), 0)))
    assert len(sizes) > 20
    assert abs(sum(sizes) / len(sizes)) < 0.2


@pytest.mark.parametrize(
    "null", ["label-permutation", "randomised-weights:19", "permuted-pairs:19", "random-direction:19"]
)
def test_a_study_in_memory_is_tested_against_its_null(null):
    """Twenty-four items of a random network: the draws are counted, every place has p and q, baselines have none."""
    items = tuple(item(number) for number in range(3, 27))
    study = TraceStudy(contrasts="given", sites=("mlp_out",), positions="joint", null=null)
    effects = Trace().run_on(study, tiny_network("llama"), items)
    patched = effects.where(method="patch").to_arrow()
    draws = 39 if null == "label-permutation" else 19
    assert set(patched["null"].to_pylist()) == {f"{null.split(':')[0]}:{draws}"}
    chances = zip(patched["p"].to_pylist(), patched["q"].to_pylist(), strict=True)
    assert all(1 / (draws + 1) <= p <= q <= 1 for p, q in chances)
    assert set(effects.where(method="baseline").to_arrow()["q"].to_pylist()) == {None}
    assert effects.to_arrow().num_rows == len(set(map(str, effects.to_arrow().select(effects.dimensions).to_pylist())))


def test_what_rounding_makes_of_large_logits_is_no_effect():
    """Rounding is larger for the words that a network answers with than for those that it leaves at 0."""
    system = truth_system("previous-token")
    study = TraceStudy(contrasts="given", sites=("z", "mlp_out"), positions="joint")
    rows = Tracer(study, system.network, system.draw(4), labels=3).compute(range(4)).to_pylist()
    sizes = {abs(row["value"]) for row in rows if row["method"] in ("patch", "direct")}
    assert 0.0 in sizes
    assert min(sizes - {0.0}) > 1e-3
