"""Is every question its own text again, and does every other text get an error that points at the place?"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aetia.errors import QueryError
from aetia.scm.language.query import Assignment, EffectQuery, ExpectationQuery, ProbabilityQuery, Term
from aetia.scm.queries.grammar import parse_assignments, parse_query

names = st.from_regex(r"[A-Za-z][A-Za-z0-9_.%*+-]{0,4}", fullmatch=True) | st.sampled_from(
    ["blood pressure", "do", "vs", "True", "7", "1e3", "a->b", "it's", "X[t-1]", "P(x)", "", "Größe", " "]
)
values = st.one_of(st.integers(-(10**6), 10**6), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), names)


def _world(assigned):
    made = st.dictionaries(names, assigned, min_size=1, max_size=3)
    return made.map(lambda one: tuple(Assignment(name, one[name]) for name in sorted(one)))


_inner = st.builds(Term, names, st.none(), _world(values))
_deep = st.builds(Term, names, st.none(), _world(values | _inner))
worlds = st.just(()) | _world(values | _inner | _deep)
terms = st.builds(Term, names, st.none() | values, worlds)
plain_terms = st.builds(Term, names, st.none() | values)
several = st.lists(terms, min_size=1, max_size=3).map(tuple)
conditions = st.lists(terms, max_size=2).map(tuple)
interventions = st.dictionaries(names, st.none() | values | _inner, max_size=2).map(
    lambda one: tuple(Assignment(name, value) for name, value in one.items())
)


@st.composite
def effects(draw):
    effect = draw(st.sampled_from(["ATE", "TE", "CATE", "CDE", "NDE", "NIE", "ETT", "ETU", "PN", "PS", "PNS", "PSE"]))
    chosen = draw(st.lists(names, min_size=4, max_size=4, unique=True))
    treated, control = draw(st.just((None, None)) | st.tuples(values, values))
    paths = ((chosen[0], chosen[2], chosen[1]), (chosen[0], chosen[1])) if effect == "PSE" else ()
    mediators = tuple(chosen[2:]) if effect in {"NDE", "NIE"} and draw(st.booleans()) else ()
    given = draw(st.lists(terms, min_size=1, max_size=2).map(tuple)) if effect == "CATE" else draw(conditions)
    do = draw(interventions.filter(bool)) if effect == "CDE" else draw(interventions)
    given = () if effect in {"ATE", "TE"} else given
    outcome = Term(chosen[1], draw(st.none() | values))
    return EffectQuery(effect, chosen[0], outcome, treated, control, mediators, paths, given, do)


queries = st.one_of(
    st.builds(ProbabilityQuery, several, conditions, interventions),
    st.builds(ExpectationQuery, terms, conditions, interventions),
    effects(),
)


@settings(max_examples=150, deadline=None)
@given(queries)
def test_a_question_is_its_own_text_again(query):
    assert parse_query(str(query)) == query
    assert str(parse_query(str(query))) == str(query)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text("PEATNDSdo()[]=|,;->vs 01XYZ\"'"))
def test_any_text_is_a_question_or_an_error_that_points_at_the_place(text):
    _is_question_or_points_at_the_place(text)


@settings(max_examples=120, deadline=None)
@given(queries, st.data())
def test_a_question_with_one_sign_changed_is_another_or_an_error(query, data):
    text = str(query)
    place = data.draw(st.integers(0, len(text)))
    sign = data.draw(st.sampled_from([*"()[]=|,;->\"' x1", ""]))
    _is_question_or_points_at_the_place(text[:place] + sign + text[place + data.draw(st.integers(0, 1)) :])


def _is_question_or_points_at_the_place(text):
    try:
        found = parse_query(text)
    except QueryError as problem:
        line, caret = problem.details
        assert len(line) == len(text)
        assert set(caret.lstrip(" ")) == {"^"}
        assert len(caret) <= len(text) + 1
        return
    if not set(text) & set("\"'"):
        assert str(parse_query(str(found))) == str(found)


@settings(max_examples=100, deadline=None)
@given(interventions.filter(bool))
def test_interventions_are_their_own_text_again(several):
    assert parse_assignments(", ".join(map(str, several))) == several


def test_worlds_too_deep_are_refused_not_crashed_upon():
    with pytest.raises(QueryError) as raised:
        parse_query("P(" + "A[B=" * 5000)
    assert raised.value.code == "AE-7305"
