"""Is a table of effects what the values say, and can it be looked at, kept and handed on?"""

import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aetia.effects import STATISTICS, Effects, bootstrap_interval, summarise
from aetia.errors import MissingError, RunError, StudyError


def values(**columns):
    return pa.table(columns)


@pytest.fixture
def grid():
    rng = np.random.default_rng(0)
    layers, items = np.repeat(np.arange(5), 8), np.tile(np.arange(8), 5)
    return values(
        item=[f"item-{i}" for i in items],
        layer=layers.astype(np.int32),
        span=[None if layer % 2 else "subject" for layer in layers],
        value=rng.normal(size=40),
    )


def test_estimates_are_means_over_items_in_order_of_first_appearance():
    effects = summarise(
        values(item=["a", "b", "a", "b"], site=["z", "z", "k", "k"], value=[1.0, 3.0, 5.0, 6.0]),
        ["site"],
        unit="logits",
    )
    table = effects.to_arrow()
    assert table.schema.names == ["site", *STATISTICS.names]
    assert table["site"].to_pylist() == ["z", "k"]
    assert table["estimate"].to_pylist() == [2.0, 5.5]
    assert table["n"].to_pylist() == [2, 2]
    assert table["unit"].to_pylist() == ["logits"] * 2
    assert table["null"].to_pylist() == table["p"].to_pylist() == table["q"].to_pylist() == [None, None]


def test_intervals_are_those_of_each_group_alone(grid):
    table = summarise(grid, ["layer", "span"], unit="logits", seed=4).to_arrow()
    x = grid["value"].to_numpy().reshape(5, 8)
    low, high = bootstrap_interval(x, 0.95, 2000, 4)
    np.testing.assert_allclose(table["low"].to_numpy(), low)
    np.testing.assert_allclose(table["high"].to_numpy(), high)
    assert table["span"].to_pylist() == ["subject", None, "subject", None, "subject"]


def test_groups_with_fewer_items_count_their_own(grid):
    part = grid.slice(0, 37)
    whole, less = summarise(grid, ["layer"], unit="x").to_arrow(), summarise(part, ["layer"], unit="x").to_arrow()
    assert less["n"].to_pylist() == [8, 8, 8, 8, 5]
    assert less.slice(0, 4).equals(whole.slice(0, 4))


def test_repeated_values_of_an_item_count_once():
    twice = values(item=["a", "a", "b"], site=["z", "z", "z"], value=[0.0, 2.0, 5.0])
    once = values(item=["a", "b"], site=["z", "z"], value=[1.0, 5.0])
    assert summarise(twice, ["site"], unit="x") == summarise(once, ["site"], unit="x")


def test_one_item_is_an_anecdote_and_null_values_are_not_counted():
    table = summarise(
        values(item=["a", "b", "b"], site=["z", "z", "k"], value=[1.0, None, 2.0]), ["site"], unit="x"
    ).to_arrow()
    assert table["n"].to_pylist() == [1, 1]
    assert table["low"].to_pylist() == table["high"].to_pylist() == [None, None]
    assert table["estimate"].to_pylist() == [1.0, 2.0]


@pytest.mark.parametrize("wrong", [float("nan"), float("-inf")])
def test_a_value_that_is_no_number_is_named(wrong):
    table = values(item=["a", "b", "b"], site=["z", "z", None], layer=[1, 2, 3], value=[1.0, 0.5, wrong])
    with pytest.raises(StudyError) as caught:
        summarise(table, ["site", "layer"], unit="x")
    assert caught.value.code == "AE-1107"
    assert "1 of 3 values are not finite" in caught.value.found
    assert "item b, layer 3" in caught.value.found


def test_the_order_of_rows_changes_the_order_of_groups_only(grid):
    order = np.random.default_rng(1).permutation(40)
    first, second = summarise(grid, ["layer"], unit="x"), summarise(grid.take(order), ["layer"], unit="x")
    for layer in range(5):
        one, other = first.where(layer=layer).to_arrow(), second.where(layer=layer).to_arrow()
        assert one.drop(["estimate"]).equals(other.drop(["estimate"]))
        np.testing.assert_allclose(one["estimate"].to_numpy(), other["estimate"].to_numpy())


def test_the_unit_proportion_takes_wilsons_interval():
    right = values(item=["a", "b", "c", "d"], what=["accuracy"] * 4, value=[1.0] * 4)
    row = summarise(right, ["what"], unit="proportion").to_arrow().to_pylist()[0]
    assert (row["estimate"], row["high"]) == (1.0, 1.0)
    assert row["low"] == pytest.approx(0.5101, abs=1e-4)
    with pytest.raises(ValueError, match="0 or 1"):
        summarise(values(item=["a", "b"], what=["x", "x"], value=[0.5, 1.0]), ["what"], unit="proportion")


def test_an_empty_table_gives_no_effects():
    empty = pa.schema([("item", pa.string()), ("site", pa.string()), ("value", pa.float64())]).empty_table()
    assert len(summarise(empty, ["site"], unit="x")) == 0


def test_no_dimensions_give_one_effect(grid):
    assert summarise(grid, [], unit="x").to_arrow()["n"].to_pylist() == [8]


def test_top_goes_by_size_and_leaves_what_is_not_a_number_for_last():
    effects = summarise(values(item=["a"] * 4, site=list("zkqv"), value=[1.0, -3.0, 9.0, 3.0]), ["site"], unit="x")
    place = effects.table.schema.get_field_index("estimate")
    effects = Effects(effects.table.set_column(place, "estimate", pa.array([1.0, -3.0, float("nan"), 3.0])))
    assert effects.top(3).to_arrow()["site"].to_pylist() == ["k", "v", "z"]
    assert len(effects.top(99)) == 4
    for column in ("nothing", "site"):
        with pytest.raises(StudyError) as caught:
            effects.top(1, by=column)
        assert caught.value.code == "AE-1106"


def test_where_keeps_rows_with_these_values(grid):
    effects = summarise(grid, ["layer", "span"], unit="x")
    assert effects.where(span="subject").to_arrow()["layer"].to_pylist() == [0, 2, 4]
    assert effects.where(span=None, layer=3).to_arrow()["layer"].to_pylist() == [3]
    assert len(effects.where(layer=9)) == 0
    for wrong in ({"laier": 1}, {"layer": "one"}):
        with pytest.raises(StudyError) as caught:
            effects.where(**wrong)
        assert caught.value.code == "AE-1106"


def test_a_written_table_reads_back_and_is_the_same_bytes_every_time(grid, tmp_path):
    effects = summarise(grid, ["layer"], unit="x")
    effects = Effects(effects.table, {"study": "abc"})
    effects.write(tmp_path / "one.parquet")
    effects.write(tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert Effects.read(tmp_path / "one.parquet") == effects


def test_what_is_no_table_of_effects_is_one_clear_line(tmp_path):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    (tmp_path / "empty.parquet").touch()
    for name in ("other.parquet", "empty.parquet", "absent.parquet"):
        with pytest.raises(RunError) as caught:
            Effects.read(tmp_path / name)
        assert caught.value.code == "AE-6010"
    with pytest.raises(ValueError, match="ends in the columns"):
        Effects(pa.table({"x": [1]}))


def test_packages_that_are_not_there_are_named(grid, monkeypatch):
    effects = summarise(grid, ["layer"], unit="x")
    monkeypatch.setitem(sys.modules, "polars", None)
    monkeypatch.setitem(sys.modules, "pandas", None)
    for convert, package in ((effects.to_polars, "polars"), (effects.to_pandas, "pandas")):
        with pytest.raises(MissingError) as caught:
            convert()
        assert caught.value.mend == f"pip install {package}"
    monkeypatch.setitem(sys.modules, "polars", SimpleNamespace(from_arrow=lambda table: ("frame", table)))
    assert effects.to_polars() == ("frame", effects.table)


def test_the_notebook_table_is_escaped_and_small():
    nasty = values(
        item=["a"] * 500,
        token=[f"<script>alert({i})</script>\x1b[31m" for i in range(500)],
        quotes=['"' * 400] * 500,
        value=[float(i) for i in range(500)],
    )
    page = summarise(nasty, ["token", "quotes"], unit="logits")._repr_html_()
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page
    assert "more rows" in page
    assert len(page.encode()) < 100_000


def test_parts_join_into_one_table(grid):
    one, other = summarise(grid, ["layer"], unit="x"), summarise(grid, ["layer"], unit="y")
    assert Effects.concat([one, other]).to_arrow()["unit"].to_pylist() == ["x"] * 5 + ["y"] * 5
    assert repr(one) == "Effects(5 rows over layer)"
