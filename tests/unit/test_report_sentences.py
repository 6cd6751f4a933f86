"""Do the sentences say what was planted, and no more?"""

import dataclasses

import pyarrow as pa
import pytest
import report_fixtures as fixtures

from aetia.effects import STATISTICS, Effects
from aetia.report import sentences
from aetia.report.rows import MINUS, Row, decimals, number, percent, read_rows, token_text
from aetia.report.sentences import Sentence, of_rows, task_of


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


def test_corrected_p_values_are_told_once_there_are_some():
    tested = [row(layer=layer, null="randomised-weights", p=0.001 * layer, q=0.02 * layer) for layer in range(6)]
    text = of_rows(tested, "denoise")[-1].text
    assert "3 of 6 cells tested against randomised-weights have a corrected p-value of at most 0.05." in text


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
