"""Does a table of values with draws of a null give the p and q of its cells, whatever the draws lack?"""

import numpy as np
import pyarrow as pa
import pytest

from aetia.effects import max_t, passes, summarise, t_statistics
from aetia.effects.tests import normal_scores
from aetia.errors import StudyError

ITEMS = 6


def grid(x, draw, cells=None):
    """Return the rows of one draw: x is [cells, items]."""
    cells = range(len(x)) if cells is None else cells
    return [
        {"item": f"i{item}", "cell": cell, "draw": draw, "value": value}
        for cell, row in zip(cells, x, strict=True)
        for item, value in enumerate(row)
    ]


def table(rows):
    schema = {"item": pa.string(), "cell": pa.int32(), "draw": pa.int32(), "value": pa.float64()}
    return pa.Table.from_pylist(rows, schema=pa.schema(schema))


def effects(rows, **options):
    options = {"unit": "logits", "null": "randomised-weights:4", **options}
    return summarise(table(rows), ["cell"], **options).to_arrow()


@pytest.fixture
def planted():
    x = np.random.default_rng(0).normal(size=(20, 5, ITEMS))
    x[0, 1] += 4.0
    return x


def rows_of(x):
    return [row for number, part in enumerate(x) for row in grid(part, None if number == 0 else number)]


def test_p_and_q_are_those_of_max_t(planted):
    found = effects(rows_of(planted))
    p, q = max_t(t_statistics(planted[0]), np.array([t_statistics(part) for part in planted[1:]]))
    np.testing.assert_allclose(found["p"].to_numpy(), p)
    np.testing.assert_allclose(found["q"].to_numpy(), q)
    assert passes(found["q"], 0.95).tolist() == [False, True, False, False, False]
    assert found["n"].to_pylist() == [ITEMS] * 5
    np.testing.assert_allclose(found["estimate"].to_numpy(), planted[0].mean(axis=1))


def test_the_null_says_how_many_draws_are_there(planted):
    assert effects(rows_of(planted))["null"].to_pylist() == ["randomised-weights:19"] * 5
    assert effects(rows_of(planted), null="permuted-pairs")["null"][0].as_py() == "permuted-pairs"


def test_the_order_of_rows_changes_nothing(planted):
    rows = rows_of(planted)
    order = np.random.default_rng(1).permutation(len(rows))
    once, again = effects(rows), effects([rows[place] for place in order]).sort_by("cell")
    assert once["q"].to_pylist() == again["q"].to_pylist()
    assert once["p"].to_pylist() == again["p"].to_pylist()


def test_a_cell_that_a_draw_lacks_counts_as_no_effect_there(planted):
    rows = [row for row in rows_of(planted) if row["draw"] is None or row["cell"] != 3]
    found = effects(rows)
    assert found["p"].to_pylist()[3] == 1 / 20
    null = np.array([t_statistics(part) for part in planted[1:]])
    null[:, 3] = 0.0
    np.testing.assert_allclose(found["q"].to_numpy(), max_t(t_statistics(planted[0]), null)[1])


def test_a_cell_that_only_a_draw_has_counts_among_its_largest(planted):
    strong = grid(np.full((1, ITEMS), 5.0) + np.arange(ITEMS) / 100, 7, cells=[99])
    alone, found = effects(rows_of(planted)), effects([*rows_of(planted), *strong])
    assert found["cell"].to_pylist() == [0, 1, 2, 3, 4]
    assert found["p"].equals(alone["p"])
    assert found["q"].to_pylist()[1] == 2 / 20


def test_one_item_constant_cells_and_other_numbers_of_items():
    x = np.random.default_rng(3).normal(size=(20, 4, ITEMS))
    x[:, 0] = 0.0
    x[0, 1] = 0.7
    rows = [row for row in rows_of(x) if not (row["cell"] == 2 and row["item"] != "i0")]
    rows = [row for row in rows if not (row["draw"] == 5 and row["cell"] == 3 and row["item"] in ("i0", "i1"))]
    found = effects(rows)
    assert found["n"].to_pylist() == [6, 6, 1, 6]
    assert found["p"].to_pylist()[:3] == [1.0, 1 / 20, None]
    assert found["q"].to_pylist()[:3] == [1.0, 1 / 20, None]
    null = [normal_scores(t_statistics(part[3:]), np.full(1, 6.0)) for part in x[1:]]
    null[4] = normal_scores(t_statistics(x[5, 3:, 2:]), np.full(1, 4.0))
    p, _ = max_t(normal_scores(t_statistics(x[0, 3:]), np.full(1, 6.0)), np.array(null))
    assert found["p"].to_pylist()[3] == p[0]


def test_a_family_of_one_cell_and_one_without_dimensions():
    x = np.random.default_rng(4).normal(size=(20, 1, ITEMS))
    x[0] += 5.0
    one = effects(rows_of(x))
    assert one["p"].to_pylist() == one["q"].to_pylist() == [1 / 20]
    whole = summarise(table(rows_of(x)), [], unit="x", null="label-permutation:19").to_arrow()
    assert whole["q"].to_pylist() == [1 / 20]


def test_without_draws_there_is_no_test(planted):
    for rows in (grid(planted[0], None), []):
        found = effects(rows)
        assert found["null"].null_count == found["p"].null_count == found["q"].null_count == len(found)
    with pytest.raises(ValueError, match="need its name"):
        effects(rows_of(planted), null=None)


@pytest.mark.parametrize("correction", ["bh", "holm"])
def test_corrections_of_p_need_more_draws(planted, correction):
    few = effects(rows_of(planted), correction=correction)
    assert few["q"].to_pylist()[1] == 5 / 20
    more = np.random.default_rng(5).normal(size=(100, 5, ITEMS))
    more[0] = planted[0]
    assert effects(rows_of(more), correction=correction)["q"].to_pylist()[1] == 0.05


def test_a_draw_that_is_no_number_is_named(planted):
    rows = rows_of(planted)
    rows[-1]["value"] = float("nan")
    with pytest.raises(StudyError) as caught:
        effects(rows)
    assert caught.value.code == "AE-1107"
    assert "in draw 19 of the null" in caught.value.found
    assert "item i5, cell 4" in caught.value.found


def test_clusters_are_what_is_counted():
    rng = np.random.default_rng(6)
    x = np.repeat(rng.normal(size=(20, 3, 4)), 3, axis=2)
    rows = [row | {"cluster": f"f{int(row['item'][1:]) // 3}"} for row in rows_of(x)]
    values = pa.Table.from_pylist(rows).cast(
        pa.schema(
            {"item": pa.string(), "cell": pa.int32(), "draw": pa.int32(), "value": pa.float64(), "cluster": "string"}
        )
    )
    found = summarise(values, ["cell"], unit="x", null="n:19").to_arrow()
    alone = values.drop_columns(["cluster"])
    of_means = alone.set_column(0, "item", values["cluster"])
    by_cluster = summarise(of_means, ["cell"], unit="x", null="n:19").to_arrow()
    assert found["n"].to_pylist() == [4, 4, 4]
    for name in ("estimate", "p", "q", "low", "high"):
        np.testing.assert_allclose(found[name].to_numpy(), by_cluster[name].to_numpy(), rtol=1e-9)
    naive = summarise(alone, ["cell"], unit="x", null="n:19").to_arrow()
    assert (naive["high"].to_numpy() < found["high"].to_numpy()).all()


@pytest.mark.parametrize("families", [["f", "g", "f"], ["f", None, "g"]])
def test_an_item_with_two_clusters_or_none_is_one_clear_line(families):
    values = pa.table({"item": ["a", "b", "b"], "cluster": families, "cell": [1, 1, 2], "value": [1.0, 2.0, 3.0]})
    with pytest.raises(StudyError) as caught:
        summarise(values, ["cell"], unit="x")
    assert caught.value.code == "AE-1109"
    assert "'b'" in caught.value.found


def test_shares_of_clustered_items_count_as_few():
    right = [1.0] * 12
    values = pa.table(
        {"item": [f"i{i}" for i in range(12)], "cluster": [f"f{i // 4}" for i in range(12)], "value": right}
    )
    alone = summarise(values.drop_columns(["cluster"]), [], unit="proportion").to_arrow()["low"][0].as_py()
    by_cluster = summarise(values, [], unit="proportion").to_arrow()["low"][0].as_py()
    assert by_cluster < 0.5 < alone


def test_a_grid_with_many_draws_is_cheap():
    cells, items, draws = 720, 24, 100
    shape = (draws + 1, items, cells)
    number, item, cell = (part.ravel().astype(np.int32) for part in np.indices(shape))
    values = pa.table(
        {
            "item": item,
            "layer": cell // 24,
            "position": cell % 24,
            "draw": pa.array(number, mask=number == 0),
            "value": np.random.default_rng(0).normal(size=shape).ravel(),
        }
    )
    found = summarise(values, ["layer", "position"], unit="x", null="randomised-weights:100").to_arrow()
    assert len(found) == cells
    assert abs(np.mean(found["p"].to_numpy() <= 0.05) - 0.05) < 0.05
