"""Do the sentences say what was planted, and no more?"""

import dataclasses
import re
from collections import Counter
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest
import report_fixtures as fixtures
from hypothesis import given
from hypothesis import strategies as st

from aetia.effects import STATISTICS, Correction, Effects, summarise
from aetia.report import report_effects, sentences
from aetia.report.rows import MINUS, Row, decimals, number, percent, read_rows, token_text
from aetia.report.sentences import Sentence, of_rows, site_words, task_of
from aetia.report.subspaces import about_subspace
from aetia.report.verdicts import outline
from aetia.report.wording import CORRECTIONS


def row(**changes: object) -> Row:
    base = Row("patch", "attn_out", 3, None, 5, None, " is", 3.1, "logits", 2.5, 3.7, 0.95, 24)
    return dataclasses.replace(base, **changes)


def baseline(clean: float = 4.0, corrupted: float = -2.0, correct: float = 1.0, n: int = 24) -> list[Row]:
    plain = {"method": "baseline", "layer": None, "position": None, "token": None, "n": n}
    return [
        row(**plain, component="clean", estimate=clean, low=clean - 0.5, high=clean + 0.5),
        row(**plain, component="corrupted", estimate=corrupted, low=corrupted - 0.5, high=corrupted + 0.5),
        row(**plain, component="clean_correct", estimate=correct, unit="proportion", low=correct, high=correct),
    ]


def texts(said: list[Sentence]) -> str:
    return "\n".join(sentence.text for sentence in said)


@pytest.fixture(scope="module")
def said() -> list[Sentence]:
    return sentences(fixtures.effects_of(fixtures.Planted()))


def test_a_quantity_is_written_with_unit_and_interval():
    assert row().quantity() == "+3.1 logits [2.5, 3.7]"
    assert (
        row(estimate=-0.031, low=-0.04, high=-0.022).quantity() == f"{MINUS}0.031 logits [{MINUS}0.040, {MINUS}0.022]"
    )
    assert row(low=None, high=None).quantity() == "+3.10 logits"


@pytest.mark.parametrize(
    ("estimate", "low", "high", "places"),
    [(3.1, 2.5, 3.7, 1), (3.1, 3.0, 3.2, 2), (310, 250, 370, 0), (0.0, None, None, 2), (0.0312, None, None, 4)],
)
def test_decimals_follow_the_width_of_the_interval(estimate, low, high, places):
    assert decimals(estimate, low, high) == places


def test_numbers_have_a_true_minus_and_no_signed_zero():
    assert number(-0.001, 2, signed=True) == "0.00"
    assert number(-1.5, 1) == f"{MINUS}1.5"
    assert number(float("nan"), 2) == "not a number"
    assert (percent(0.001), percent(0.999), percent(1.0), percent(0.5)) == ("<1%", ">99%", "100%", "50%")
    assert (token_text(" is"), token_text(""), token_text("  x")) == ("·is", "∅", "··x")


def test_accuracy_has_wilsons_interval(said):
    assert said[0].text == (
        "On the clean prompts the model prefers the answer to the foil in 23 of 24 items "
        "(96%, 95% interval 80% to 99%)."
    )
    assert [one.component for one in said[0].rows] == ["clean_correct"]


def test_the_planted_hand_over_is_told(said):
    passing = next(one for one in said if "resid_pre" in one.text)
    assert "at position 8 in layers 0 to 17" in passing.text
    assert "at position 23 (·is) in layers 19 to 29" in passing.text or "layers 20 to 29" in passing.text
    assert {one.component for one in passing.rows} == {"resid_pre"}


def test_the_planted_head_stands_first_and_the_opposing_one_is_named(said):
    first = next(one for one in said if "stands first" in one.text)
    assert (first.rows[0].layer, first.rows[0].head) == (19, 3)
    against = next(one for one in said if "the other way" in one.text)
    assert (against.rows[0].layer, against.rows[0].head) == (22, 4)
    assert against.rows[0].estimate < 0


def test_every_number_of_a_strongest_cell_is_that_of_its_first_row(said):
    strongest = [one for one in said if "the largest effect of" in one.text]
    assert len(strongest) == 2
    for one in strongest:
        assert one.rows[0].quantity() in one.text
        assert one.rows[0].component in one.text


def test_cells_are_counted_against_chance_and_none_is_called_significant(said):
    last = said[-1]
    assert "of 2,430 cells, where about 122 would by chance alone" in last.text
    assert "No cell has been tested against a null, so none is claimed to be significant." in last.text
    assert "significant" not in texts(said[:-1])
    assert len(last.rows) == 2430


def test_one_item_is_called_an_anecdote():
    said = sentences(fixtures.effects_of(fixtures.Planted(items=1, accuracy=1)))
    assert "anecdote" in said[-1].text
    assert "by chance alone" not in texts(said)


def test_nothing_is_said_of_nothing():
    empty = pa.Table.from_pylist([], schema=pa.schema([*fixtures.DIMENSIONS, *STATISTICS]))
    assert sentences(Effects(empty)) == []


def test_cells_without_a_number_are_left_out():
    said = of_rows([row(estimate=float("nan"), low=None, high=None), row(layer=4)], "denoise")
    assert "nan" not in texts(said)
    assert "at layer 4" in said[0].text
    only = of_rows([row(estimate=float("nan"), low=None, high=None)], "denoise")
    assert texts(only) == "Activation patching, clean into corrupted: none of the 1 cells has a number."


@pytest.mark.parametrize(
    ("method", "direction", "start"),
    [
        ("patch", "denoise", "Restoring attn_out at layer 3, position 5 (·is) from the clean run moves the answer by"),
        ("patch", "noise", "Replacing attn_out at layer 3, position 5 (·is) by its corrupted value moves"),
        ("zero", "denoise", "Setting attn_out at layer 3, position 5 (·is) to zero moves"),
        ("mean", "denoise", "Setting attn_out at layer 3, position 5 (·is) to its mean over the items"),
        ("resample", "denoise", "Replacing attn_out at layer 3, position 5 (·is) by its value in another item"),
        ("noise", "denoise", "Restoring attn_out at layer 3, position 5 (·is) while the input is noised"),
        ("attribution", "denoise", "To first order, patching attn_out at layer 3, position 5 (·is) would move"),
        ("path", "denoise", "Patching the direct paths from attn_out at layer 3"),
        ("knockout", "denoise", "Cutting attention to attn_out at layer 3"),
        ("unheard-of", "denoise", "Intervening on attn_out at layer 3"),
    ],
)
def test_each_method_is_spoken_of_in_its_own_words(method, direction, start):
    assert of_rows([row(method=method)], direction)[0].text.startswith(start)


def test_shares_of_the_total_are_given_only_where_they_mean_something():
    assert "(52% of the total effect)" in texts(of_rows([*baseline(), row()], "denoise"))
    assert "of the total effect)" not in texts(of_rows([*baseline(), row(method="zero")], "denoise"))
    assert "of the total effect)" not in texts(of_rows([*baseline(), row(unit="nats")], "denoise"))
    assert "of the total effect)" not in texts(of_rows([*baseline(clean=-4.0), row()], "denoise"))


def checked(q: float, **changes: object) -> Row:
    return row(null="randomised-weights:99", p=q / 2, q=q, **changes)


def test_cells_that_pass_are_counted_beside_those_that_would_have_seemed_to():
    cells = [checked(0.02 * layer, layer=layer) for layer in range(1, 6)] + [checked(0.9, layer=6, low=-1.0)]
    last = of_rows(cells, "denoise", "max-t")[-1]
    assert last.text == (
        "Activation patching, clean into corrupted: 6 cells were looked at; 2 pass at 5% against randomised-weights "
        "(99 draws), corrected by max-T for everything that was tested. "
        "The 95% interval alone excludes zero in 5; 2 of these pass."
    )
    assert [one.layer for one in last.rows] == [1, 2]
    none = of_rows([checked(0.06, layer=layer) for layer in range(3)], "denoise")
    assert "3 cells were looked at; none passes at 5%" in texts(none)
    assert len(none) == 1


def test_the_threshold_is_that_of_the_level_without_rounding():
    assert checked(0.1, level=0.9).passes  # 1 - 0.9 as a float is less
    assert checked(0.05).passes
    assert not checked(0.0501).passes
    assert not row(null="randomised-weights:99").is_finding
    assert row().is_finding


PLACES = st.tuples(
    st.sampled_from(["resid_pre", "attn_out", "mlp_out", "z", "logit_lens", "direct"]),
    st.integers(0, 4),
    st.integers(0, 3),
)


@given(cells=st.dictionaries(PLACES, st.tuples(st.booleans(), st.floats(0.5, 9), st.booleans()), max_size=30))
def test_a_cell_that_fails_its_test_is_named_in_no_sentence(cells):
    rows = baseline()
    for place_in_list, ((name, layer, place), (does_pass, size, is_negative)) in enumerate(cells.items()):
        # The cells that fail are the largest, and their intervals exclude zero.
        estimate = (size if does_pass else size + 10) * (-1 if is_negative else 1) + place_in_list * 1e-5
        bounds = {"estimate": estimate, "low": estimate - 1e-4, "high": estimate + 1e-4}
        method = name if name in ("logit_lens", "direct") else "patch"
        component = {"logit_lens": "resid_post", "direct": "mlp_out"}.get(name, name)
        where = {"head": place} if name == "z" else {"position": place}
        where = {"position": None} if method != "patch" else where
        if method != "patch" and place:
            continue
        where = {"token": None, "layer": layer, **where}
        rows.append(checked(0.01 if does_pass else 0.06, method=method, component=component, **where, **bounds))
    said = of_rows(rows, "denoise", "max-t")
    text = texts(said)
    for one in rows:
        if one.is_tested and not one.passes:
            assert one.figure not in text
            assert not re.search(rf"{re.escape(site_words(one))}(?!\d)", text) or one.method != "patch"
    for one in said:
        if "half of the total" in one.text:
            assert all(cell.passes for cell in one.rows)


def test_the_stretch_of_the_stream_that_carries_the_answer_is_made_of_cells_that_pass():
    cells = [
        checked(0.01 if layer < 3 else 0.5, component="resid_pre", layer=layer, position=position, estimate=5.0)
        for layer in range(6)
        for position in range(2, 4)
        if position == 2 or layer > 3
    ]
    text = texts(of_rows([*baseline(), *cells], "denoise"))
    assert "at position 2 (·is) in layers 0 to 2; at no other position does a cell that passes reach that." in text


def test_components_without_a_cell_that_passes_are_said_to_have_none():
    cells = [checked(0.01, layer=1), checked(0.9, component="mlp_out"), checked(0.9, component="k", head=3)]
    assert "No cell of mlp_out or k passes (2 looked at)." in texts(of_rows(cells, "denoise"))


def total(q: float | None, estimate: float = 6.0) -> Row:
    changes = {"method": "total", "component": "total", "layer": None, "position": None, "token": None}
    null = None if q is None else "label-permutation:23"
    return row(**changes, estimate=estimate, low=estimate - 1, high=estimate + 1, null=null, p=q, q=q)


def test_the_total_effect_has_its_own_interval_and_says_whether_it_passes():
    assert "a total effect of +6.0 logits [5.0, 7.0]; the effects of patching below are shares of it." in texts(
        of_rows([*baseline(), total(None), row()], "denoise")
    )
    assert "[5.0, 7.0], which passes its test (q = 0.042); the" in texts(
        of_rows([*baseline(), total(0.0417), row()], "denoise")
    )
    said = of_rows([*baseline(), total(0.5), row()], "denoise")
    assert "which does not pass its test (q = 0.5), so that no share of it is given." in texts(said)
    assert "of the total effect)" not in texts(said)
    assert task_of([*baseline(), total(0.5, 7.0)]).total == 7.0


def test_ablations_are_not_measured_against_the_total_effect():
    said = texts(of_rows([*baseline(), total(None), row(method="zero")], "denoise"))
    assert "a total effect of +6.0 logits [5.0, 7.0]." in said
    assert "shares of it" not in said


def test_readings_are_families_of_their_own():
    lens = [
        checked(q, method="logit_lens", component="resid_post", layer=layer, position=None, token=None, low=0.1)
        for layer, q in enumerate([0.01, 0.5, 0.01, 0.01])
    ]
    said = texts(of_rows(lens, "denoise", "bh"))
    assert "above zero and passes its test from layer 2 on" in said
    assert "Logit lens: 4 cells were looked at; 3 pass at 5% against randomised-weights (99 draws)" in said
    assert "corrected by Benjamini-Hochberg" in said
    said = texts(of_rows(lens[:2], "denoise"))
    assert "does not pass its test above zero up to the last layer." in said
    parts = [checked(0.5, method="direct", layer=layer, position=None, token=None) for layer in range(3)]
    assert "None of the 3 parts passes in what it writes directly" in texts(of_rows(parts, "denoise"))


def test_every_correction_is_spoken_of():
    assert CORRECTIONS.keys() == set(get_args(Correction))


@given(marks=st.integers(1, 6).flatmap(lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), max_size=6)))
def test_an_outline_stands_exactly_where_a_marked_cell_ends(marks):
    rows, columns = len(marks), len(marks[0]) if marks else 0
    found = Counter()
    for x, y, right, bottom in outline(marks):
        assert (x == right) != (y == bottom)
        found.update((x, row, "down") for row in range(y, bottom))
        found.update((column, y, "across") for column in range(x, right))
    cells = {(x, y) for y in range(rows) for x in range(columns) if marks[y][x]}
    edges = Counter()
    for x, y in cells:
        edges.update({(x, y, "across"): (x, y - 1) not in cells, (x, y, "down"): (x - 1, y) not in cells})
        edges.update({(x, y + 1, "across"): (x, y + 1) not in cells, (x + 1, y, "down"): (x + 1, y) not in cells})
    assert found == +edges


def test_attribution_is_judged_against_exact_patching():
    exact = [row(layer=layer, estimate=float(layer)) for layer in range(30)]
    linear = [row(method="attribution", layer=layer, estimate=float(layer if layer < 26 else 0)) for layer in range(30)]
    assert "attribution patching ranks 6 among its own 10 largest (30 cells have both)" in texts(
        of_rows([*exact, *linear], "denoise")
    )


def test_the_lens_names_the_layer_from_which_the_outcome_stays_above_zero():
    lens = [
        row(method="logit_lens", component="resid_post", layer=layer, position=None, token=None, low=low, high=high)
        for layer, (low, high) in enumerate([(-1, 1), (0.5, 1), (-0.2, 1), (0.1, 5), (0.2, 6)])
    ]
    assert "above zero with its whole interval from layer 3 on" in texts(of_rows(lens, "denoise"))
    assert "does not stay above zero" in texts(of_rows(lens[:3], "denoise"))


def test_a_task_is_done_only_beyond_doubt_and_only_if_the_corruption_matters():
    assert task_of(baseline()).is_done is True
    assert task_of(baseline(correct=0.6)).is_done is False
    assert task_of(baseline(corrupted=5.0)).is_done is False
    assert task_of([]).is_done is None
    assert task_of(baseline(n=1)).is_done is True
    assert task_of(baseline(n=3)).is_done is True
    assert task_of(baseline(n=3, correct=2 / 3)).is_done is False


def test_text_of_the_table_is_cleaned():
    table = pa.Table.from_pylist(
        [{"method": "patch\x1b[31m", "component": "a\u202eb", "token": "\n", "estimate": 1.0, "unit": "logits", "n": 2}]
    )
    (found,) = read_rows(table)
    assert (found.method, found.component, found.token) == ("patch", "ab", "↵")


def clustered() -> Effects:
    """Twenty-four items in twelve clusters; the answer is preferred in half of the items of three of them."""
    items = range(24)
    clusters = [f"cluster c{item // 2}" for item in items]
    right = [0.0 if item in (0, 2, 4) else 1.0 for item in items]
    columns = {"item": [f"i{item}" for item in items], "cluster": clusters, "method": ["baseline"] * 24}
    values = pa.table({**columns, "component": ["clean_correct"] * 24, "value": right})
    effects = summarise(values, ["method", "component"], unit="proportion")
    return Effects(effects.table, {"clusters": "12"})


def test_a_share_over_clusters_is_no_count_of_items():
    (one,) = sentences(clustered())
    assert "prefers the answer to the foil 88% of the time" in one.text
    assert "over 12 clusters of items" in one.text
    assert one.rows[0].n == 12


def test_a_page_says_how_many_clusters_there_are(tmp_path):
    page = report_effects(clustered(), tmp_path / "page.html").read_text()
    assert "in 12 clusters of items that depend on each other" in page
    assert "bootstrap over clusters" in page
    assert "these 12 clusters" in page


@pytest.mark.parametrize(
    ("finding", "said"),
    [("dormant", "through a dormant pathway, so it must not be reported"), ("carried", "what the network reads of it")],
)
def test_the_verdict_on_a_subspace_is_a_finding(tmp_path, finding, said):
    parts = ["subspace", "row", "null"]
    about = {"part": parts, "measure": ["effect"] * 3}
    draw = pa.array([None] * 24 + [number for number in range(19) for _ in range(24)], pa.int32())
    cells = [
        pa.table({"item": [f"i{n}" for n in range(24)], "part": [part] * 24, "measure": ["effect"] * 24,
                  "value": [2.0 + n / 10 for n in range(24)]})
        for part in about["part"]
    ]  # fmt: skip
    tested = pa.concat_tables([cells[0]] * 20).append_column("draw", draw)
    noise = np.random.default_rng(0).normal(size=tested.num_rows)
    value = np.where(draw.is_null().to_numpy(zero_copy_only=False), tested["value"].to_numpy(), noise)
    tested = tested.set_column(tested.schema.get_field_index("value"), "value", pa.array(value))
    families = [summarise(tested, ["part", "measure"], unit="logits", null="random-subspace:19")]
    families.append(summarise(pa.concat_tables(cells[1:]), ["part", "measure"], unit="logits"))
    about = {"finding": finding, "reasons": "The read half alone has 3% of the effect.", "site": "L1.resid_post@-1"}
    effects = Effects(Effects.concat(families).table, about)
    verdict, test = about_subspace(read_rows(effects.to_arrow()), about)
    assert verdict.text.startswith("The subspace at L1.resid_post@-1 ")
    assert said in verdict.text
    assert verdict.text.endswith("The read half alone has 3% of the effect.")
    assert [row.component for row in verdict.rows] == parts
    assert "which passes its test (q = 0.05)" in test.text
    page = report_effects(effects, tmp_path / "page.html").read_text()
    assert said in page
    assert about_subspace(read_rows(effects.to_arrow()), {}) == []
