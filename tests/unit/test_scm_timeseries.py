"""Graphs without beginning, against long windows of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetia.errors import GraphError
from aetia.scm.graphs.graph import Graph
from aetia.scm.graphs.notation import graph_from_text
from aetia.scm.graphs.separation import separated
from aetia.scm.graphs.timeseries import (
    LaggedEdge,
    TimeSeriesGraph,
    separated_in_time,
    series_from_text,
    series_of_window,
    stationary_window,
    summary_graph,
    window_graph,
)

TWO = "X[t]; Y[t]; X[t-1] -> X[t]; X[t-1] -> Y[t]; X[t] <-> Y[t]"


@st.composite
def series(draw):
    names = draw(st.lists(st.sampled_from(["X", "Y", "blood pressure"]), min_size=1, unique=True))
    name, lag = st.sampled_from(names), st.integers(0, 2)
    edges = draw(st.frozensets(st.builds(LaggedEdge, name, name, lag, st.booleans()), max_size=4))
    rank = {variable: place for place, variable in enumerate(names)}
    kept = frozenset(edge for edge in edges if edge.lag or rank[edge.first] < rank[edge.second])
    return TimeSeriesGraph(tuple(names), kept, draw(st.frozensets(name, max_size=1)))


@settings(max_examples=100, deadline=None)
@given(graph=series(), steps=st.integers(3, 5))
def test_a_series_is_read_back_from_its_text_and_from_its_window(graph, steps):
    assert series_from_text(str(graph)) == graph
    assert series_of_window(window_graph(graph, steps)) == graph


@settings(max_examples=80, deadline=None)
@given(graph=series(), data=st.data())
def test_separation_in_time_is_that_of_a_window_long_enough(graph, data):
    # Three variables and three hidden causes, lags up to 2: 60 steps before the question are enough in these examples.
    nodes = window_graph(graph, 3).nodes
    first, second, *others = data.draw(st.permutations(nodes))
    known = others[: data.draw(st.integers(0, min(4, len(others))))]
    assert separated_in_time(graph, [first], [second], known) == separated(
        window_graph(graph, 60), [first], [second], known
    )


def test_the_past_before_a_window_confounds_it():
    graph = series_from_text("U[t-1] -> U[t]; U[t-1] -> X[t]; U[t-5] -> Y[t]; U[t] [latent]")
    assert separated(window_graph(graph, 1), "X[t]".split(), ["Y[t]"])
    assert not separated_in_time(graph, "X[t]", "Y[t]")
    assert str(stationary_window(graph, 1)) == "U[t] <-> X[t]; U[t] <-> Y[t]; X[t] <-> Y[t]; U[t] [latent]"


def test_a_common_cause_may_be_far_back_where_lags_have_to_meet():
    """X has Z of 1, 4, 7, 10 .. steps ago and Y that of 5, 10, 15 .. steps ago: they meet at 10, 25, 40 .. steps."""
    graph = series_from_text("Z[t-1] -> X[t]; X[t-3] -> X[t]; Z[t-5] -> Y[t]; Y[t-5] -> Y[t]")
    assert not separated_in_time(graph, "X[t]", "Y[t]")
    assert separated_in_time(graph, "X[t]", "X[t-1]")
    assert separated_in_time(graph, "X[t]", "Y[t]", ["Z[t-10]"]) is False


def test_windows_and_summaries():
    graph = series_from_text(TWO)
    assert window_graph(graph, 2).nodes == ("X[t-1]", "Y[t-1]", "X[t]", "Y[t]")
    assert (
        window_graph(graph, 2).edges
        == graph_from_text("X[t-1] -> X[t]; X[t-1] -> Y[t]; X[t] <-> Y[t]; X[t-1] <-> Y[t-1]").edges
    )
    assert summary_graph(graph) == graph_from_text("X -> Y; X <-> Y")
    assert not summary_graph(series_from_text("X[t-1] -> Y[t]; Y[t-1] -> X[t]")).is_dag
    assert graph.longest_lag == 1


def test_times_are_relative():
    assert series_from_text("X[t] -> Y[t+2]") == series_from_text("X[t-2] -> Y[t]")
    assert series_from_text("X[t-1] <-> Y[t-3]").edges == {LaggedEdge("Y", "X", 2, is_bidirected=True)}
    assert separated_in_time(series_from_text(TWO), "Y[t]", "Y[t-1]", ["X[t-1]"]) == separated_in_time(
        series_from_text(TWO), "Y[t+7]", "Y[t+6]", ["X[t+6]"]
    )


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda: series_from_text("X -> Y[t]"), "AE-7118"),
        (lambda: series_from_text("X[t-1] -- Y[t]"), "AE-7118"),
        (lambda: series_from_text("X[t] -> Y[t-1]"), "AE-7119"),
        (lambda: TimeSeriesGraph(("X",), frozenset([LaggedEdge("X", "X", -1)])), "AE-7119"),
        (lambda: TimeSeriesGraph(("X",), frozenset([LaggedEdge("X", "Y", 1)])), "AE-7104"),
        (lambda: TimeSeriesGraph(("X", "X")), "AE-7101"),
        (lambda: series_from_text("X[t] -> Y[t] -> X[t]"), "AE-7103"),
        (lambda: series_from_text("X[t -> Y"), "AE-7106"),
        (lambda: window_graph(series_from_text(TWO), 0), "AE-7121"),
        (lambda: series_of_window(graph_from_text("X[t-2] -> X[t-1]; X[t]")), "AE-7120"),
        (lambda: series_of_window(Graph(("X",))), "AE-7118"),
        (lambda: separated_in_time(series_from_text(TWO), "X[t]", "Q[t]"), "AE-7104"),
        (lambda: separated_in_time(series_from_text(TWO), "X[t]", "X[t]"), "AE-7111"),
    ],
)
def test_what_is_no_series_is_refused_by_its_code(ask, code):
    with pytest.raises(GraphError) as caught:
        ask()
    assert caught.value.code == code
